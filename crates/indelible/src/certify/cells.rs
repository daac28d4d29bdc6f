//! Certificates for networks of cells: exact, 64 balls in a word.
//!
//! A constraint *holds* on a ball when no point of it, exact or rounded,
//! violates it: the violation is exactly 0. It *silences* a cell when every
//! point violates it by `d` or more, `d` being a number of the format with
//! `scale · d ≥ 1`: the rounded violation is at least `d` too, other
//! violations only add to it, and rounding is monotone, so the indicator is
//! exactly 0 in any order of summation. A ball is certified when
//!
//! 1. every cell of another class is silenced, so that all other scores are
//!    exactly 0;
//! 2. in some cell of its class every constraint holds, so that one indicator
//!    is exactly 1 and the score, whose other terms are not negative, is at
//!    least 1.
//!
//! Where all cells of its class are silenced or hold, outputs are constant: a
//! count of cells. A scalar head gives exactly the label's number, for
//! `min(1, s)` is exactly 0 or 1, and so are its products with integers.
//! Overflow does no harm: an infinite violation silences, and no infinities
//! of unlike sign meet.
//!
//! Where layers of directions stand in front, the same is asked of all values that they
//! can have on a ball, rounded or not ([`BallImage`]), from the weights as
//! stored; where one of them may overflow, nothing is proved.

use std::time::Instant;

use super::{Answers, Claim, Domain, Effort, Engine, Verdict, Watch};
use crate::{
    Precision, Progress,
    network::{BallImage, CellNetwork, Head, Network, Side},
    number::{div_up, mul_down, sub_down},
    parallel,
};

/// Integers up to this are exact in both formats.
const LARGEST_CLASS: usize = 1 << 24;
/// Balls that are looked at together.
const BALLS: usize = 64;

/// A constraint with the violation that silences a cell of one scale.
struct Literal {
    feature: usize,
    side: Side,
    threshold: f64,
    silencing: f64,
}

/// What cells say of a ball.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recognition {
    /// Some cell of its class has an indicator of exactly 1 on the whole ball.
    pub recognised: bool,
    /// The indicators of all cells of other classes are exactly 0 there.
    pub others_silent: bool,
    /// All indicators of its class are constant there.
    pub constant: bool,
}

impl Recognition {
    fn verdict(self, head: Head) -> Verdict {
        if !(self.recognised && self.others_silent) {
            return Verdict::Undecided;
        }
        let (margin, exact) = match head {
            Head::Scalar => (0.5, true),
            Head::Logits => (1.0, self.constant),
        };
        Verdict::Certified { margin, exact, engine: Engine::Cells }
    }
}

/// One verdict per sample, certified or undecided; `None` where none is certified.
pub(super) fn verdicts(
    claim: &Claim<'_>,
    network: &CellNetwork,
    domain: &Domain,
    watch: &Watch<'_>,
) -> Option<Answers> {
    let samples = claim.data.samples();
    if network.head() == Head::Scalar && network.classes() > LARGEST_CLASS {
        return None;
    }
    // A single logit is read as a label where there are several classes.
    if network.head() == Head::Logits && network.classes() == 1 && claim.network_classes > 1 {
        return None;
    }
    let parts = Parts::new(claim, network, domain)?;
    watch.begin("certify", samples as u64);
    let answers = parallel::flat_map(samples.div_ceil(BALLS), |number| {
        let start = number * BALLS;
        let (started, count) = (Instant::now(), BALLS.min(samples - start));
        let found = block(claim, &parts, start, count);
        let seconds = started.elapsed().as_secs_f64() / count as f64;
        let effort = Effort { seconds, branches: 0 };
        let answers: Answers =
            found.into_iter().map(|found| (found.verdict(network.head()), effort)).collect();
        answers.iter().enumerate().for_each(|(i, answer)| watch.decided(start + i, answer));
        watch.advance(count as u64);
        answers
    });
    watch.end();
    Some(answers)
}

/// What a network of cells says of every ball; `None` where nothing is known.
pub(super) fn recognitions(
    claim: &Claim<'_>,
    network: &CellNetwork,
    domain: &Domain,
) -> Option<Vec<Recognition>> {
    let samples = claim.data.samples();
    let parts = Parts::new(claim, network, domain)?;
    Some(parallel::flat_map(samples.div_ceil(BALLS), |number| {
        let start = number * BALLS;
        block(claim, &parts, start, BALLS.min(samples - start))
    }))
}

/// The distinct pairs of a constraint and a scale, and for every membership of
/// every cell the pair; `None` when some cell cannot be silenced.
fn literals(network: &CellNetwork) -> Option<(Vec<Literal>, Vec<Vec<usize>>)> {
    let (pairs, places) = network.scaled_constraints();
    let literal = |(t, scale): (usize, f64)| {
        let c = network.constraints()[t];
        let silencing = silencing(network.precision(), scale)?;
        Some(Literal { feature: c.feature, side: c.side, threshold: c.threshold, silencing })
    };
    let literals = pairs.into_iter().map(literal).collect::<Option<_>>()?;
    let mut places = places.into_iter();
    let members = |k: usize| places.by_ref().take(network.members_of(k).len()).map(|p| p as usize).collect();
    Some((literals, (0..network.cells()).map(members).collect()))
}

/// A number of the format that `scale` turns into 1 or more.
fn silencing(precision: Precision, scale: f64) -> Option<f64> {
    let first = precision.round_up(div_up(1.0, scale));
    // Rounding costs a unit in the last place; more means no bound.
    let near = std::iter::successors(Some(first), |d| Some(precision.next_up(*d))).take(4);
    near.take_while(|d| d.is_finite() && *d > 0.0).find(|d| mul_down(scale, *d) >= 1.0)
}

/// The network, the image of balls under its directions, and what `literals`
/// gives.
struct Parts<'a> {
    network: &'a CellNetwork,
    domain: &'a Domain,
    image: Option<BallImage<'a>>,
    literals: Vec<Literal>,
    members: Vec<Vec<usize>>,
}

impl<'a> Parts<'a> {
    /// `None` when some cell cannot be silenced, or of the directions nothing is known.
    fn new(claim: &Claim<'_>, network: &'a CellNetwork, domain: &'a Domain) -> Option<Self> {
        let (literals, members) = literals(network)?;
        let image = match network.directions() {
            [] => None,
            layers => Some(BallImage::new(layers, network.precision(), claim.norm)?),
        };
        Some(Self { network, domain, image, literals, members })
    }
}

/// Ends of up to 64 neighbouring balls, number by number that constraints are
/// on.
fn ends(claim: &Claim<'_>, parts: &Parts<'_>, start: usize, count: usize) -> Vec<(f64, f64)> {
    let Parts { network, domain, image, .. } = parts;
    let (n, m) = (network.inputs(), network.coordinates());
    let mut ends = vec![(0.0, 0.0); m * BALLS];
    let mut x = vec![0.0; n * count];
    let mut finite = [true; BALLS];
    for (i, x) in x.chunks_exact_mut(n.max(1)).enumerate() {
        claim.data.copy_row(start + i, x);
        let mut features = domain.part(x, claim.radii.of(start + i), network.precision());
        match image {
            None => features.enumerate().for_each(|(f, end)| ends[f * BALLS + i] = end),
            // A product of 0 and an infinite feature would be no number.
            Some(_) => finite[i] = features.all(|(lower, upper)| lower.is_finite() && upper.is_finite()),
        }
    }
    if let Some(image) = image {
        let radii: Vec<f64> = (start..start + count).map(|i| claim.radii.of(i)).collect();
        for (place, found) in image.all(&x, &radii).iter().enumerate() {
            let (i, f) = (place / m, place % m);
            ends[f * BALLS + i] = if finite[i] { found.ends() } else { (f64::NEG_INFINITY, f64::INFINITY) };
        }
    }
    ends
}

/// What is said of up to 64 neighbouring samples.
fn block(claim: &Claim<'_>, parts: &Parts<'_>, start: usize, count: usize) -> Vec<Recognition> {
    let Parts { network, literals, members, .. } = parts;
    let ends = ends(claim, parts, start, count);
    let bits: Vec<(u64, u64)> = literals
        .iter()
        .map(|literal| {
            let (mut holds, mut silences) = (0, 0);
            for (i, &(lower, upper)) in ends[literal.feature * BALLS..][..count].iter().enumerate() {
                let (inside, violation) = match literal.side {
                    Side::AtLeast => (lower >= literal.threshold, sub_down(literal.threshold, upper)),
                    Side::AtMost => (upper <= literal.threshold, sub_down(lower, literal.threshold)),
                };
                holds |= u64::from(inside) << i;
                silences |= u64::from(violation >= literal.silencing) << i;
            }
            (holds, silences)
        })
        .collect();
    let all = if count == BALLS { u64::MAX } else { (1 << count) - 1 };
    let mut own = vec![0u64; network.classes()];
    for i in 0..count {
        if let Some(own) = own.get_mut(claim.class(start + i)) {
            *own |= 1 << i;
        }
    }
    let (mut recognised, mut wrong, mut varies) = (0, 0, 0);
    for (members, &class) in members.iter().zip(network.classes_of_cells()) {
        let (mut inside, mut open) = (all, all);
        for &literal in members {
            let (holds, silences) = bits[literal];
            inside &= holds;
            open &= !silences;
            if open == 0 {
                break;
            }
        }
        inside &= open;
        recognised |= inside & own[class];
        varies |= open & !inside & own[class];
        wrong |= open & !own[class];
    }
    let has = |set: u64, i: usize| set >> i & 1 == 1;
    (0..count)
        .map(|i| Recognition {
            recognised: has(recognised, i),
            others_silent: !has(wrong, i),
            constant: !has(varies, i),
        })
        .collect()
}
