//! Linear bounds, better slopes, and branch and bound, for layers and graphs as
//! affine maps and hinges (`program`).
//!
//! From the cheapest to the dearest, until one decides: bounds of all
//! numbers (`bounds`) and of the outputs, followed back by matrix products (`relaxation`); the network at
//! the sample and points found by gradient steps (`descent`); slopes that are
//! chosen by gradient steps (`ascent`); parts of the ball on which the signs of
//! some sums are known (`branch`).

mod ascent;
mod bounds;
mod branch;
mod goal;
mod node;
mod question;
mod refine;
mod region;
mod relaxation;
mod sum;

#[cfg(test)]
pub(in crate::certify) use self::{
    node::{Node, Sign},
    relaxation::Rows,
};

use std::time::Instant;

use self::ascent::Climb;
pub(in crate::certify) use self::{
    branch::{Ending, Limit, search},
    question::Question,
    region::Region,
    relaxation::Relaxation,
};
use crate::{
    Error,
    certify::{
        Answers, Claim, Config, Effort, Engine, Verdict, Watch,
        attack::{Attack, BallPoints},
        descent::descend,
        of_each,
        program::Program,
    },
    number::add_down,
};

/// A verdict and what it took.
pub(super) type Decided = Result<(Verdict, Effort), Error>;

/// Linear bounds of one program, ready to be asked about samples.
#[derive(Clone, Copy)]
pub(super) struct Linear<'a> {
    claim: &'a Claim<'a>,
    program: &'a Program<'a>,
    config: &'a Config,
}

/// One verdict per sample, and what each took. `ask` may ask others than linear
/// bounds, before and after.
pub(super) fn verdicts(
    claim: &Claim<'_>,
    program: &Program<'_>,
    config: &Config,
    watch: &Watch<'_>,
    ask: impl Fn(usize, Linear<'_>) -> Decided + Send + Sync,
) -> Result<Answers, Error> {
    of_each(claim, watch, |sample| {
        let started = Instant::now();
        let (verdict, effort) = ask(sample, Linear { claim, program, config })?;
        Ok((verdict, Effort { seconds: started.elapsed().as_secs_f64(), ..effort }))
    })
}

impl Linear<'_> {
    /// The verdict about one sample, and how many parts of its ball were bounded.
    pub fn verdict(self, sample: usize) -> Decided {
        let started = Instant::now();
        let mut branches = 0;
        let Self { claim, program, config } = self;
        let verdict = decide(claim, program, sample, (config, started), &mut branches)?;
        Ok((verdict, Effort { seconds: started.elapsed().as_secs_f64(), branches }))
    }
}

/// Numbers of rows that are followed back together at first.
const AT_ONCE: usize = 1 << 22;
/// Numbers of rows that are open, at most: 192 MiB. With more of them nothing is
/// looked for but points.
const MOST_OPEN: usize = 1 << 23;

fn decide(
    claim: &Claim<'_>,
    program: &Program<'_>,
    sample: usize,
    (config, started): (&Config, Instant),
    branches: &mut usize,
) -> Result<Verdict, Error> {
    let outputs = claim.model.outputs();
    let region = Region::new(claim, sample).map(|region| region.within(&config.domain));
    let relaxation = region.as_ref().and_then(|region| Relaxation::new(program, region));
    let mut asked = relaxation.zip(Question::new(claim, outputs, sample));
    let mut climbs: Vec<Climb> = vec![];
    let mut least = f64::INFINITY;
    if let Some((relaxation, question)) = &asked {
        (climbs, least) = first_bounds(relaxation, question);
        if climbs.is_empty() {
            return Ok(certified(claim, least, Engine::LinearBounds));
        }
    }
    asked = asked.filter(|(relaxation, _)| climbs.len() <= MOST_OPEN / relaxation.limits.len().max(1));
    let points = BallPoints::new(claim, &config.domain, sample);
    if let Some(wrong) = points.misclassified()? {
        return Ok(wrong);
    }
    if let Some(found) = descend(&points, program, config)? {
        return Ok(found.refutes());
    }
    let Some((relaxation, question)) = &mut asked else { return Ok(Verdict::Undecided) };
    relaxation.climb(question, &mut climbs, config.slope_steps);
    least = take_proved(&mut climbs, least);
    if climbs.is_empty() {
        return Ok(certified(claim, least, Engine::LinearBounds));
    }
    relaxation.sharpen_slopes();
    let mut climbs: Vec<Climb> = climbs.into_iter().map(|climb| Climb::new(climb.node)).collect();
    relaxation.climb(question, &mut climbs, config.slope_steps);
    least = take_proved(&mut climbs, least);
    if climbs.is_empty() {
        return Ok(certified(claim, least, Engine::LinearBounds));
    }
    let until = config.timeout.and_then(|timeout| started.checked_add(timeout));
    let limit = Limit { branches: config.branches, until };
    let open = climbs.into_iter().map(|climb| climb.node).collect();
    // What cannot be evaluated refutes nothing.
    let tried = |rows: &[f64]| -> Option<Attack> { points.tried(rows).unwrap_or(None) };
    let (ending, bounded) = search(relaxation, question, open, limit, tried);
    *branches = bounded;
    Ok(match ending {
        Ending::Holds(bound) => certified(claim, least.min(bound), Engine::BranchAndBound),
        Ending::Fails(found) => found.refutes(),
        Ending::Open => Verdict::Undecided,
    })
}

/// The rows that one pass over the whole ball does not prove, and the least bound of
/// the others.
fn first_bounds(relaxation: &Relaxation<'_>, question: &Question) -> (Vec<Climb>, f64) {
    let units = relaxation.limits.len().max(1);
    let rows: Vec<usize> = (0..question.len()).collect();
    let (mut open, mut least) = (vec![], f64::INFINITY);
    for rows in rows.chunks((AT_ONCE / units).max(1)) {
        let mut some: Vec<Climb> = rows.iter().map(|row| Climb::new(relaxation.root(*row))).collect();
        relaxation.climb(question, &mut some, 0);
        least = take_proved(&mut some, least);
        open.append(&mut some);
        if open.len() > MOST_OPEN / units {
            break;
        }
    }
    (open, least)
}

/// Removes what is proved; returns the least bound, that of others included.
fn take_proved(climbs: &mut Vec<Climb>, least: f64) -> f64 {
    let least = climbs.iter().filter(|climb| climb.bound > 0.0).fold(least, |least, c| least.min(c.bound));
    climbs.retain(|climb| climb.bound <= 0.0);
    least
}

/// What rows that are all at least `least` prove. The margin of a scalar head is ½ at most.
fn certified(claim: &Claim<'_>, least: f64, engine: Engine) -> Verdict {
    let scalar = claim.model.outputs() == 1;
    let margin = if scalar { least.min(0.5) } else { add_down(least, claim.tie_margin) };
    Verdict::of(claim, Some(margin), false, engine)
}
