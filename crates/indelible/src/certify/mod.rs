//! Proofs about a network as it is stored.
//!
//! [`certify`] takes a [`Model`], as read from a file, and a dataset, and says
//! for every sample whether **every** point of its closed ball gets the
//! sample's label: every real point in real arithmetic, and every
//! floating-point number that rounding turns such a point into, in the
//! network's own format, with sums in any order, with or without fused
//! multiply-add. IEEE-754 arithmetic with gradual underflow is assumed of the
//! executing machine.
//!
//! The verdicts mean what they say: *certified* was shown for all points,
//! *refuted* comes with a point of the ball at which the network, evaluated in
//! its format, gives another label, and *undecided* is everything else.
//!
//! Nothing here looks at how a network was built. Engines share nothing but
//! number types (`arithmetic`): intervals for affine layers and ReLUs and, where
//! those do not decide, sums followed back to the input (`layers`), exact
//! analyses of the recurrence over samples (`recurrence`) and of cells
//! (`cells`), and distances to stored rows for the other compact forms
//! (`prototypes`, `max_affine`).

mod arithmetic;
mod attack;
mod cells;
mod layers;
mod lipschitz;
mod max_affine;
mod prototypes;
#[cfg(test)]
mod tests;

use arithmetic::Interval;

use crate::{
    Dataset, Error, Norm, Precision, Progress, Radii,
    network::Model,
    number::{add_up, sub_down},
};

pub use attack::{Attack, attack};
pub use lipschitz::{SteepestPair, lipschitz_bound, steepest_pair};

/// What is to be proved.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// The network, as stored.
    pub model: &'a Model,
    /// The samples, whose labels the network must give.
    pub data: &'a Dataset,
    /// For each class of the data the class of the network that means it:
    /// position of a logit, or the integer less 1 that a scalar is near.
    pub classes: &'a [usize],
    /// Number of classes of the network, `L`.
    pub network_classes: usize,
    /// The norm of the balls.
    pub norm: Norm,
    /// Their radii.
    pub radii: &'a Radii,
}

/// The verdict about one sample.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Every point of the ball gets the label.
    Certified {
        /// A lower bound of the right logit less the largest other one over
        /// the ball; for a scalar head of ½ less its distance from the label.
        margin: f64,
        /// Whether the outputs are one and the same number on the whole ball,
        /// in real and in floating-point arithmetic.
        exact: bool,
    },
    /// A point of the ball gets another label.
    Refuted {
        /// The point, in numbers of the network's format.
        point: Vec<f64>,
        /// The class of the network that it gets, `None` for NaN.
        predicted: Option<usize>,
    },
    /// Neither was shown.
    Undecided,
}

/// What was shown about all samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Certificate {
    /// The norm of the balls.
    pub norm: Norm,
    /// The format that the statements about floating point are about.
    pub precision: Precision,
    /// Number of samples.
    pub samples: usize,
    /// Samples whose whole ball was shown to get the label.
    pub certified: usize,
    /// Among them those on whose ball the outputs are constant to the bit.
    pub exact: usize,
    /// Samples with a point in their ball that gets another label.
    pub refuted: usize,
    /// All others.
    pub undecided: usize,
    /// The smallest margin of a certified sample, and the sample.
    pub smallest_margin: Option<(f64, usize)>,
    /// One verdict per sample.
    pub verdicts: Vec<Verdict>,
}

impl Certificate {
    /// Whether every sample is certified.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.certified == self.samples
    }

    /// Samples that are not certified, with their verdicts.
    pub fn failures(&self) -> impl Iterator<Item = (usize, &Verdict)> {
        self.verdicts.iter().enumerate().filter(|(_, v)| !matches!(v, Verdict::Certified { .. }))
    }
}

/// Undecided samples that are attacked, at most; the rest stays undecided. An
/// attack evaluates the network at a handful of points, which for a recurrence
/// over 60,000 samples takes milliseconds each.
const MOST_ATTACKS: usize = 200;

/// Checks `claim` for every sample.
///
/// Memory: the network, a permuted copy of its centers for a recurrence, and
/// O(width) per thread.
///
/// # Errors
/// When the data do not have as many features as the network reads, a radius
/// is no finite number ≥ 0, or there is not one radius per sample.
pub fn certify(claim: &Claim<'_>, progress: &dyn Progress) -> Result<Certificate, Error> {
    let data = claim.data;
    check(claim)?;
    let mut verdicts = match claim.model {
        Model::Layers(network) => layers::verdicts(claim, network, progress),
        Model::Cells(network) => cells::verdicts(claim, network, progress),
        Model::Prototypes(prototypes) => prototypes::verdicts(claim, prototypes, progress),
        Model::MaxAffine(scores) => max_affine::verdicts(claim, scores, progress),
    };
    let open: Vec<usize> =
        (0..data.samples()).filter(|&i| verdicts[i] == Verdict::Undecided).take(MOST_ATTACKS).collect();
    if !open.is_empty() {
        progress.begin("attack", open.len() as u64);
        for i in open {
            if let Some(found) = attack(claim, i)? {
                verdicts[i] = Verdict::Refuted { point: found.point, predicted: found.predicted };
            }
            progress.advance(1);
        }
        progress.end();
    }
    Ok(summary(claim, verdicts))
}

/// Counts the verdicts.
fn summary(claim: &Claim<'_>, verdicts: Vec<Verdict>) -> Certificate {
    let mut certificate = Certificate {
        norm: claim.norm,
        precision: claim.model.precision(),
        samples: verdicts.len(),
        certified: 0,
        exact: 0,
        refuted: 0,
        undecided: 0,
        smallest_margin: None,
        verdicts: vec![],
    };
    for (sample, verdict) in verdicts.iter().enumerate() {
        match verdict {
            Verdict::Certified { margin, exact } => {
                certificate.certified += 1;
                certificate.exact += usize::from(*exact);
                if certificate.smallest_margin.is_none_or(|(smallest, _)| *margin < smallest) {
                    certificate.smallest_margin = Some((*margin, sample));
                }
            }
            Verdict::Refuted { .. } => certificate.refuted += 1,
            Verdict::Undecided => certificate.undecided += 1,
        }
    }
    certificate.verdicts = verdicts;
    certificate
}

fn check(claim: &Claim<'_>) -> Result<(), Error> {
    let data = claim.data;
    if claim.model.inputs() != data.features() {
        return Err(Error::InputWidth { expected: claim.model.inputs(), given: data.features() });
    }
    if claim.classes.len() != data.classes() {
        return Err(Error::ClassMap { classes: data.classes(), given: claim.classes.len() });
    }
    let good = |radius: &f64| radius.is_finite() && *radius >= 0.0;
    match claim.radii {
        Radii::Uniform(radius) if good(radius) => Ok(()),
        Radii::Uniform(radius) => Err(Error::BadRadius { given: *radius }),
        Radii::PerSample(radii) if radii.len() != data.samples() => {
            Err(Error::RadiusCount { samples: data.samples(), radii: radii.len() })
        }
        Radii::PerSample(radii) => match radii.iter().find(|r| !good(r)) {
            Some(radius) => Err(Error::BadRadius { given: *radius }),
            None => Ok(()),
        },
    }
}

/// The smallest interval of each feature that contains the ball of a sample
/// and every number of the format that rounding turns a point of it into. For
/// every p the sup-norm ball contains the `l_p` ball of the same radius.
fn ball(x: &[f64], radius: f64, precision: Precision) -> impl Iterator<Item = (f64, f64)> {
    x.iter().map(move |&x| {
        let (lower, upper) = (sub_down(x, radius), add_up(x, radius));
        (lower.min(precision.round(lower)), upper.max(precision.round(upper)))
    })
}

/// What bounds of all outputs on a ball prove of class `class` of `classes`.
fn verdict_of(outputs: &[Interval], class: usize, classes: usize) -> Verdict {
    let margin = match outputs {
        [scalar] => scalar_margin(scalar.lower, scalar.upper, class, classes),
        logits => match logits.get(class) {
            Some(own) => logits
                .iter()
                .enumerate()
                .filter(|(c, _)| *c != class)
                .map(|(_, other)| sub_down(own.lower, other.upper))
                .fold(f64::INFINITY, f64::min),
            None => return Verdict::Undecided,
        },
    };
    if margin > 0.0 {
        Verdict::Certified { margin, exact: outputs.iter().all(|o| o.lower == o.upper) }
    } else {
        Verdict::Undecided
    }
}

/// The margin that a scalar output in `[lower, upper]` leaves to the class
/// `class` of `classes`; the smallest and the largest label are open outwards.
fn scalar_margin(lower: f64, upper: f64, class: usize, classes: usize) -> f64 {
    let label = (class + 1) as f64;
    let below = if class == 0 { f64::INFINITY } else { sub_down(lower, label - 0.5) };
    let above = if class + 1 == classes { f64::INFINITY } else { sub_down(label + 0.5, upper) };
    below.min(above).min(0.5)
}
