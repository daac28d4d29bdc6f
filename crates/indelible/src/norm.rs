//! Norms on the feature space.

use std::{fmt, str::FromStr};

use crate::Error;

/// A norm of R^n, in which distances and radii are measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Norm {
    /// Sum of absolute values, `‖x‖₁`.
    L1,
    /// Euclidean norm, `‖x‖₂`.
    L2,
    /// Largest absolute value, `‖x‖_∞`.
    Linf,
}

impl fmt::Display for Norm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::L1 => "l1",
            Self::L2 => "l2",
            Self::Linf => "linf",
        })
    }
}

impl FromStr for Norm {
    type Err = Error;

    fn from_str(s: &str) -> Result<Self, Error> {
        match s {
            "l1" => Ok(Self::L1),
            "l2" => Ok(Self::L2),
            "linf" => Ok(Self::Linf),
            _ => Err(Error::UnknownNorm { given: s.into() }),
        }
    }
}
