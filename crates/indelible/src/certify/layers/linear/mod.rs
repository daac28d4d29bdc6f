//! Linear bounds, better slopes, and branch and bound, for dense layers.
//!
//! From the cheapest to the dearest, until one decides: bounds of all sums and of
//! the outputs, followed back by matrix products (`relaxation`); the network at
//! the sample and points found by gradient steps (`descent`); slopes that are
//! chosen by gradient steps (`ascent`); parts of the ball on which the signs of
//! some sums are known (`branch`).

mod ascent;
mod branch;
mod node;
mod question;
mod region;
mod relaxation;
mod sum;

#[cfg(test)]
pub(in crate::certify) use self::{
    node::{Node, Sign},
    relaxation::Rows,
};

use std::time::Instant;

use self::{
    ascent::Climb,
    branch::{Ending, Limit, search},
    question::Question,
};
pub(in crate::certify) use self::{region::Region, relaxation::Relaxation};
use crate::{
    Error,
    certify::{
        Claim, Config, Effort, Engine, Verdict,
        attack::{Attack, BallPoints},
        descent::descend,
        matrices::DenseNetwork,
    },
};

/// The verdict about one sample, and how many parts of its ball were bounded.
pub(super) fn verdict(
    claim: &Claim<'_>,
    network: &DenseNetwork,
    sample: usize,
    config: &Config,
) -> Result<(Verdict, Effort), Error> {
    let started = Instant::now();
    let mut branches = 0;
    let verdict = decide(claim, network, sample, (config, started), &mut branches)?;
    Ok((verdict, Effort { seconds: started.elapsed().as_secs_f64(), branches }))
}

fn decide(
    claim: &Claim<'_>,
    network: &DenseNetwork,
    sample: usize,
    (config, started): (&Config, Instant),
    branches: &mut usize,
) -> Result<Verdict, Error> {
    let outputs = claim.model.outputs();
    let region = Region::new(claim, sample).map(|region| region.within(&config.domain));
    let relaxation = region.as_ref().and_then(|region| Relaxation::new(network, region));
    let asked = relaxation.as_ref().zip(Question::new(claim, outputs, sample));
    let mut climbs = vec![];
    let mut least = f64::INFINITY;
    if let Some((relaxation, question)) = &asked {
        climbs.extend((0..question.len()).map(|row| Climb::new(relaxation.root(row))));
        relaxation.climb(question, &mut climbs, 0);
        least = take_proved(&mut climbs, least);
        if climbs.is_empty() {
            return Ok(certified(least, outputs, Engine::LinearBounds));
        }
    }
    let points = BallPoints::new(claim, &config.domain, sample);
    if let Some(wrong) = points.misclassified()? {
        return Ok(wrong);
    }
    if let Some(found) = descend(&points, network, config)? {
        return Ok(found.refutes());
    }
    let Some((relaxation, question)) = &asked else { return Ok(Verdict::Undecided) };
    relaxation.climb(question, &mut climbs, config.slope_steps);
    least = take_proved(&mut climbs, least);
    if climbs.is_empty() {
        return Ok(certified(least, outputs, Engine::LinearBounds));
    }
    let until = config.timeout.and_then(|timeout| started.checked_add(timeout));
    let limit = Limit { branches: config.branches, until };
    let open = climbs.into_iter().map(|climb| climb.node).collect();
    // What cannot be evaluated refutes nothing.
    let tried = |rows: &[f64]| -> Option<Attack> { points.tried(rows).unwrap_or(None) };
    let (ending, bounded) = search(relaxation, question, open, limit, tried);
    *branches = bounded;
    Ok(match ending {
        Ending::Holds(bound) => certified(least.min(bound), outputs, Engine::BranchAndBound),
        Ending::Fails(found) => found.refutes(),
        Ending::Open => Verdict::Undecided,
    })
}

/// Removes what is proved; returns the least bound, that of others included.
fn take_proved(climbs: &mut Vec<Climb>, least: f64) -> f64 {
    let least = climbs.iter().filter(|climb| climb.bound > 0.0).fold(least, |least, c| least.min(c.bound));
    climbs.retain(|climb| climb.bound <= 0.0);
    least
}

/// The margin of a scalar head is ½ at most.
fn certified(margin: f64, outputs: usize, engine: Engine) -> Verdict {
    Verdict::of(Some(if outputs == 1 { margin.min(0.5) } else { margin }), false, engine)
}
