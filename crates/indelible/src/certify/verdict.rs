//! Verdicts, which engine reached them, and what they come to; radii.

use std::{collections::BTreeMap, fmt};

use super::{arithmetic::Interval, claim::Claim, config::Effort};
use crate::{Norm, Precision, number::sub_down};

/// What decided a verdict. The text is the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Engine {
    /// Intervals of affine layers or of the nodes of a graph, carried forward
    /// over the box around the ball.
    Intervals,
    /// Sums of units of affine layers, bounded on the ball itself and followed
    /// back to the input.
    BackSubstitution,
    /// Linear bounds of dense layers, followed back to the input by matrix
    /// products.
    LinearBounds,
    /// Linear bounds on parts of the ball where the signs of some sums are known.
    BranchAndBound,
    /// Distances to the stored centers of prototypes.
    Prototypes,
    /// Distances to the stored rows of affine scores.
    MaxAffine,
    /// Constraints of cells that hold on a whole ball, or nowhere on it.
    Cells,
    /// A memory that lowers all other outputs by more than they can lead on the ball.
    Memory,
    /// Points of the ball that were tried.
    Attack,
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Intervals => "intervals",
            Self::BackSubstitution => "back-substitution",
            Self::LinearBounds => "linear-bounds",
            Self::BranchAndBound => "branch-and-bound",
            Self::Prototypes => "prototypes",
            Self::MaxAffine => "max-affine",
            Self::Cells => "cells",
            Self::Memory => "memory",
            Self::Attack => "attack",
        })
    }
}

/// The verdict about one sample.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Verdict {
    /// Every point of the ball gets the label.
    Certified {
        /// A lower bound of the right logit less the largest other one over
        /// the ball; for a scalar head of ½ less its distance from the label.
        margin: f64,
        /// Whether the outputs are one and the same number on the whole ball,
        /// in real and in floating-point arithmetic.
        exact: bool,
        /// What proved it.
        engine: Engine,
    },
    /// A point of the ball gets another label.
    Refuted {
        /// The point, in numbers of the network's format.
        point: Vec<f64>,
        /// The class of the network that it gets, `None` for NaN.
        predicted: Option<usize>,
        /// What found the point.
        engine: Engine,
    },
    /// The sample itself, rounded to the network's format, gets another label.
    Misclassified {
        /// The class of the network that it gets, `None` for NaN.
        predicted: Option<usize>,
    },
    /// Neither was shown.
    Undecided,
}

/// What is known about the largest radius within which a sample keeps its label.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RobustRadius {
    /// Whether the sample itself gets its label.
    pub correct: bool,
    /// The largest radius that was certified; 0 where none above 0 was.
    pub certified: f64,
    /// The smallest distance at which another label was found: 0 for a sample
    /// that is misclassified, infinite where none was found.
    pub attacked: f64,
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
    /// Samples that get the label, with a point in their ball that does not.
    pub refuted: usize,
    /// Samples that get another label themselves.
    pub misclassified: usize,
    /// All others.
    pub undecided: usize,
    /// The smallest margin of a certified sample, and the sample.
    pub smallest_margin: Option<(f64, usize)>,
    /// One verdict per sample.
    pub verdicts: Vec<Verdict>,
    /// What each took.
    pub efforts: Vec<Effort>,
}

impl Certificate {
    /// Counts the verdicts.
    pub(super) fn new(claim: &Claim<'_>, answers: Answers) -> Self {
        let (verdicts, efforts): (Vec<Verdict>, Vec<Effort>) = answers.into_iter().unzip();
        let margins = verdicts.iter().enumerate().filter_map(|(sample, verdict)| match verdict {
            Verdict::Certified { margin, .. } => Some((*margin, sample)),
            _ => None,
        });
        let count = |is: fn(&Verdict) -> bool| verdicts.iter().filter(|verdict| is(verdict)).count();
        Self {
            norm: claim.norm,
            precision: claim.model.precision(),
            samples: verdicts.len(),
            certified: margins.clone().count(),
            exact: count(|v| matches!(v, Verdict::Certified { exact: true, .. })),
            refuted: count(|v| matches!(v, Verdict::Refuted { .. })),
            misclassified: count(|v| matches!(v, Verdict::Misclassified { .. })),
            undecided: count(|v| *v == Verdict::Undecided),
            smallest_margin: margins.min_by(|a, b| a.0.total_cmp(&b.0)),
            verdicts,
            efforts,
        }
    }

    /// Whether every sample is certified.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.certified == self.samples
    }

    /// How many samples each engine decided.
    #[must_use]
    pub fn engines(&self) -> BTreeMap<Engine, usize> {
        let mut counts = BTreeMap::new();
        for verdict in &self.verdicts {
            if let Verdict::Certified { engine, .. } | Verdict::Refuted { engine, .. } = verdict {
                *counts.entry(*engine).or_default() += 1;
            }
        }
        counts
    }

    /// Samples that are not certified, with their verdicts.
    pub fn failures(&self) -> impl Iterator<Item = (usize, &Verdict)> {
        self.verdicts.iter().enumerate().filter(|(_, v)| !matches!(v, Verdict::Certified { .. }))
    }
}

impl Verdict {
    /// Certified where there is a margin above what `claim` needs, else undecided.
    pub(super) fn of(claim: &Claim<'_>, margin: Option<f64>, exact: bool, engine: Engine) -> Self {
        match margin {
            Some(margin) if margin > claim.tie_margin => Self::Certified { margin, exact, engine },
            _ => Self::Undecided,
        }
    }

    /// Itself, or where nothing is known what is asked next.
    pub(super) fn or_else(self, next: impl FnOnce() -> Self) -> Self {
        if self == Self::Undecided { next() } else { self }
    }

    /// What bounds of all outputs on the ball of a sample prove.
    pub(super) fn of_outputs(claim: &Claim<'_>, sample: usize, outputs: &[Interval], engine: Engine) -> Self {
        let margin = margin_of(claim, sample, outputs, |_| 0.0);
        Self::of(claim, margin, outputs.iter().all(|o| o.lower == o.upper), engine)
    }
}

/// By how much bounds of all outputs on the ball of a sample show its class to
/// lead, if they do; where they do not show it of some other logit, `lead` bounds
/// the lead on that from below.
pub(super) fn margin_of(
    claim: &Claim<'_>,
    sample: usize,
    outputs: &[Interval],
    lead: impl Fn(usize) -> f64,
) -> Option<f64> {
    let class = claim.class(sample);
    if let [scalar] = outputs {
        return Some(scalar_margin(*scalar, class, claim.network_classes));
    }
    let own = outputs.get(class)?;
    let mut others = outputs.iter().enumerate().filter(|(c, _)| *c != class);
    others.try_fold(f64::INFINITY, |least, (other, output)| {
        let between = sub_down(own.lower, output.upper);
        let between = if between > claim.tie_margin { between } else { lead(other) };
        (between > claim.tie_margin).then(|| least.min(between))
    })
}

/// The verdict about each sample, and what it took.
pub(super) type Answers = Vec<(Verdict, Effort)>;

/// The margin that bounds of a scalar output leave to the class `class` of
/// `classes`; the smallest and the largest label are open outwards.
fn scalar_margin(output: Interval, class: usize, classes: usize) -> f64 {
    let Interval { lower, upper } = output;
    let label = (class + 1) as f64;
    let below = if class == 0 { f64::INFINITY } else { sub_down(lower, label - 0.5) };
    let above = if class + 1 == classes { f64::INFINITY } else { sub_down(label + 0.5, upper) };
    below.min(above).min(0.5)
}
