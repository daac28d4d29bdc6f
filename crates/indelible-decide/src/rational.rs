//! Exact rationals: what floats denote, how they are written, and the nearest
//! float.

use dashu_int::IBig;
use dashu_ratio::{RBig, ops::Abs};
use indelible::Precision;

/// The exact value of a finite float.
///
/// Features of a dataset are finite, so this never falls back; a value that
/// is not finite would become 0.
pub(crate) fn exact(value: f64) -> RBig {
    debug_assert!(value.is_finite());
    RBig::try_from(value).unwrap_or_default()
}

/// The exact values of finite floats.
pub(crate) fn all_exact(values: &[f64]) -> Vec<RBig> {
    values.iter().map(|&value| exact(value)).collect()
}

/// One half.
pub(crate) fn half() -> RBig {
    RBig::from_parts(1.into(), 2u8.into())
}

/// The value of an integer or of a fraction `p/q` with `q ≠ 0`; `None` for any
/// other text.
pub(crate) fn parse(text: &str) -> Option<RBig> {
    // dashu would read 1/0 as a number, and stop at the first sum of two.
    if let Some((_, denominator)) = text.split_once('/') {
        denominator.parse::<IBig>().ok().filter(|q| !q.is_zero())?;
    }
    text.parse().ok()
}

/// The number of `precision` nearest to `value`, where it is finite.
pub(crate) fn nearest(value: &RBig, precision: Precision) -> Option<f64> {
    let rounded = match precision {
        Precision::F32 => f64::from(value.to_f32().value()),
        Precision::F64 => value.to_f64().value(),
    };
    rounded.is_finite().then_some(rounded)
}

/// The absolute value.
pub(crate) fn absolute(value: &RBig) -> RBig {
    value.clone().abs()
}

/// Whether `value < 0`.
pub(crate) fn is_negative(value: &RBig) -> bool {
    *value < RBig::ZERO
}

/// Whether `value > 0`.
pub(crate) fn is_positive(value: &RBig) -> bool {
    *value > RBig::ZERO
}

/// `Σ a_j b_j`; terms with a zero factor cost nothing.
pub(crate) fn dot(a: &[RBig], b: &[RBig]) -> RBig {
    sum(a.iter().zip(b).filter(|(x, y)| !x.is_zero() && !y.is_zero()).map(|(x, y)| x * y))
}

/// The sum of the terms.
pub(crate) fn sum(terms: impl Iterator<Item = RBig>) -> RBig {
    terms.fold(RBig::ZERO, |sum, term| sum + term)
}
