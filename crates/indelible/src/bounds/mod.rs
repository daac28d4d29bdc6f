//! What is known to be necessary and sufficient, as one table.
//!
//! Each [`Row`] is a published or own result with its formula, its value for a
//! [`Question`], whether that value is explicit or an order of growth, whether
//! this library builds it, and its source. [`table`] lists the results,
//! [`needed`] what a dataset
//! needs itself, [`measured`] what the constructions of the registry take on it. See
//! `docs/bounds.md`.

mod measured;
mod necessary;
mod needed;
mod sufficient;

use crate::Error;

pub use crate::constructions::{Accuracy, Question};
pub use measured::measured;
pub use necessary::necessary_width;
pub use needed::needed;

/// What a row says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Some dataset of this size cannot be memorized with less.
    Necessary,
    /// Every dataset of this size can be memorized with as much.
    Sufficient,
    /// The dataset given cannot be memorized with less.
    Needed,
    /// What a construction of this library takes on the dataset given.
    Measured,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Quantity {
    /// Weights and biases that are not 0.
    Nonzero,
    /// All entries of the dense matrices and bias vectors.
    All,
    /// Neurons of the first hidden layer.
    FirstWidth,
    /// Neurons of the largest hidden layer.
    Width,
    /// Bits of all parameters together.
    Bits,
}

/// A result and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Necessary, sufficient or measured.
    pub kind: Kind,
    /// What is counted.
    pub quantity: Quantity,
    /// The formula in `N`, `n`, `L`, `ρ`, `p`.
    pub formula: &'static str,
    /// Its value for the question.
    pub value: f64,
    /// Bits of each parameter that the value counts, where they are known: those of the
    /// format.
    pub bits_per_parameter: Option<usize>,
    /// How to read the value.
    pub accuracy: Accuracy,
    /// Whether it is about balls (`true`) or about the samples alone.
    pub robust: bool,
    /// Under which condition it holds; the question meets it.
    pub condition: &'static str,
    /// The construction of this library that attains it, where there is one.
    pub built: Option<&'static str>,
    /// Where it is proved.
    pub source: &'static str,
}

impl Row {
    /// What most rows of a kind have in common.
    const fn of(kind: Kind) -> Self {
        Self {
            kind,
            quantity: Quantity::Nonzero,
            formula: "",
            value: 0.0,
            bits_per_parameter: None,
            accuracy: Accuracy::Explicit,
            robust: true,
            condition: "",
            built: None,
            source: "",
        }
    }

    /// Bits of all parameters that the value counts, where those of each are known.
    #[must_use]
    pub fn bits(&self) -> Option<f64> {
        self.bits_per_parameter.map(|bits| self.value * bits as f64)
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Necessary => "necessary",
            Self::Sufficient => "sufficient",
            Self::Needed => "needed",
            Self::Measured => "measured",
        })
    }
}

impl std::fmt::Display for Quantity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Nonzero => "nonzero parameters",
            Self::All => "all parameters",
            Self::FirstWidth => "first-layer width",
            Self::Width => "width",
            Self::Bits => "bits in all",
        })
    }
}

impl std::fmt::Display for Accuracy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Explicit => "explicit",
            Self::Order => "order of growth",
        })
    }
}

/// The results that say something about the question: necessary ones first,
/// then sufficient ones.
///
/// # Errors
/// When the ratio is not between 0 and 1, or a number is 0.
pub fn table(question: &Question) -> Result<Vec<Row>, Error> {
    if !(question.ratio > 0.0 && question.ratio < 1.0) {
        return Err(Error::BadRatio { given: question.ratio });
    }
    if question.samples == 0 || question.features == 0 {
        return Err(Error::EmptyDataset { samples: question.samples, features: question.features });
    }
    let mut rows = necessary::rows(question);
    rows.extend(sufficient::rows(question));
    Ok(rows)
}
