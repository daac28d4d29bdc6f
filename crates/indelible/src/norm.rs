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
    /// `‖x‖_p = (Σ |x_j|^p)^(1/p)` for a real number `1 < p ≤ 1000`; made by
    /// [`Norm::lp`], which checks the exponent.
    Lp(f64),
    /// Largest absolute value, `‖x‖_∞`.
    Linf,
}

impl Norm {
    /// Largest exponent of [`Norm::Lp`]: on `n` features, the norm with this
    /// exponent is at most `n^(1/1000)` times the sup norm.
    pub const LARGEST_EXPONENT: f64 = 1000.0;

    /// The norm with exponent `p`: `l1` and `l2` for 1 and 2, else
    /// [`Norm::Lp`].
    ///
    /// # Errors
    /// When `p` is below 1, above [`Norm::LARGEST_EXPONENT`] or NaN.
    pub fn lp(p: f64) -> Result<Self, Error> {
        match p {
            1.0 => Ok(Self::L1),
            2.0 => Ok(Self::L2),
            _ if p > 1.0 && p <= Self::LARGEST_EXPONENT => Ok(Self::Lp(p)),
            _ => Err(Error::UnknownNorm { given: format!("l{p}") }),
        }
    }

    /// A norm that is nowhere larger, other than [`Norm::Lp`]: its balls
    /// contain those of this norm with the same radius.
    pub(crate) fn enclosing(self) -> Self {
        match self {
            Self::Lp(p) if p <= 2.0 => Self::L2,
            Self::Lp(_) => Self::Linf,
            Self::L1 | Self::L2 | Self::Linf => self,
        }
    }
}

impl fmt::Display for Norm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::L1 => f.write_str("l1"),
            Self::L2 => f.write_str("l2"),
            Self::Lp(p) => write!(f, "l{p}"),
            Self::Linf => f.write_str("linf"),
        }
    }
}

impl FromStr for Norm {
    type Err = Error;

    fn from_str(s: &str) -> Result<Self, Error> {
        let unknown = || Error::UnknownNorm { given: s.into() };
        // The exponent alone is what numpy calls the norm.
        match s.strip_prefix(['l', 'L']).unwrap_or(s) {
            exponent if exponent.eq_ignore_ascii_case("inf") => Ok(Self::Linf),
            // Digits and a point: other ways to write a number are no norms.
            p if p.starts_with(|c: char| c.is_ascii_digit()) => {
                Self::lp(p.parse().map_err(|_| unknown())?).map_err(|_| unknown())
            }
            _ => Err(unknown()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn norms_are_read_as_they_are_written() {
        for (text, norm) in [
            ("l1", Norm::L1),
            ("l2", Norm::L2),
            ("linf", Norm::Linf),
            ("l1.5", Norm::Lp(1.5)),
            ("l3", Norm::Lp(3.0)),
        ] {
            assert_eq!(text.parse::<Norm>(), Ok(norm));
            assert_eq!(norm.to_string(), text);
        }
        for (text, norm) in [
            ("l2.0", Norm::L2),
            ("L2", Norm::L2),
            ("2", Norm::L2),
            ("1.5", Norm::Lp(1.5)),
            ("inf", Norm::Linf),
            ("Linf", Norm::Linf),
            ("LInf", Norm::Linf),
        ] {
            assert_eq!(text.parse::<Norm>(), Ok(norm), "{text}");
        }
        for text in
            ["", "l", "l0", "l0.5", "l-3", "l1001", "lnan", "linfinity", "p2", "l1e", "ll2", "-inf", "l3x"]
        {
            assert_eq!(text.parse::<Norm>(), Err(Error::UnknownNorm { given: text.into() }), "{text}");
        }
    }
}
