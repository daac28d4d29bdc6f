//! Verdicts, which engine reached them, and what they come to.

use std::{collections::BTreeMap, fmt};

use super::{arithmetic::Interval, claim::Claim};
use crate::{Norm, Precision, number::sub_down};

/// What decided a verdict. The text is the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Engine {
    /// Intervals of affine layers, carried forward over the box around the ball.
    Intervals,
    /// Sums of units of affine layers, bounded on the ball itself and followed
    /// back to the input.
    BackSubstitution,
    /// Distances to the stored centers of prototypes.
    Prototypes,
    /// Distances to the stored rows of affine scores.
    MaxAffine,
    /// Constraints of cells that hold on a whole ball, or nowhere on it.
    Cells,
    /// Points of the ball that were tried.
    Attack,
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Intervals => "intervals",
            Self::BackSubstitution => "back-substitution",
            Self::Prototypes => "prototypes",
            Self::MaxAffine => "max-affine",
            Self::Cells => "cells",
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
    /// Counts the verdicts.
    pub(super) fn new(claim: &Claim<'_>, verdicts: Vec<Verdict>) -> Self {
        let mut certificate = Self {
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
                Verdict::Certified { margin, exact, .. } => {
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

/// What bounds of all outputs on a ball prove of class `class` of `classes`.
pub(super) fn verdict_of(outputs: &[Interval], class: usize, classes: usize, engine: Engine) -> Verdict {
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
        Verdict::Certified { margin, exact: outputs.iter().all(|o| o.lower == o.upper), engine }
    } else {
        Verdict::Undecided
    }
}

/// The margin that a scalar output in `[lower, upper]` leaves to the class
/// `class` of `classes`; the smallest and the largest label are open outwards.
pub(super) fn scalar_margin(lower: f64, upper: f64, class: usize, classes: usize) -> f64 {
    let label = (class + 1) as f64;
    let below = if class == 0 { f64::INFINITY } else { sub_down(lower, label - 0.5) };
    let above = if class + 1 == classes { f64::INFINITY } else { sub_down(label + 0.5, upper) };
    below.min(above).min(0.5)
}
