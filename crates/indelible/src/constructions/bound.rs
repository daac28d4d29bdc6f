//! How many parameters are enough, as formulas.

use super::Labels;
use crate::Norm;

/// The numbers that bounds depend on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Question {
    /// Number of samples, `N`.
    pub samples: usize,
    /// Number of features, `n`.
    pub features: usize,
    /// Number of labels, `L`.
    pub classes: usize,
    /// The norm of the balls.
    pub norm: Norm,
    /// `ρ = 2μ/λ`, between 0 and 1, both excluded.
    pub ratio: f64,
}

impl Question {
    /// `N`, as formulas need it.
    pub(crate) fn big_n(&self) -> f64 {
        self.samples as f64
    }

    /// `n`, as formulas need it.
    pub(crate) fn n(&self) -> f64 {
        self.features as f64
    }
}

/// How a value is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Accuracy {
    /// The formula has all its constants: the value is meant as it stands.
    Explicit,
    /// The source gives the order of growth; the value is the formula with all
    /// constants and logarithmic factors that it hides set to 1.
    Order,
}

/// A number of nonzero parameters with which a construction memorizes every
/// dataset of a size, within every ratio below 1.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// The norm it is about; `None` for every one that the construction serves.
    pub norm: Option<Norm>,
    /// The labels it is about.
    pub labels: Labels,
    /// The formula in `N`, `n`, `L`, `ρ`, `p`.
    pub formula: &'static str,
    /// Its value.
    pub value: fn(&Question) -> f64,
    /// How to read the value.
    pub accuracy: Accuracy,
    /// Under which condition it holds, in words.
    pub condition: &'static str,
    /// Where it is proved.
    pub source: &'static str,
}
