//! Exact rationals: what floats denote, how they are written, and the nearest
//! float.

use dashu_ratio::RBig;
use indelible::Precision;

/// The exact value of a finite float.
///
/// Features of a dataset are finite, so this never falls back; a value that
/// is not finite would become 0.
pub(crate) fn exact(value: f64) -> RBig {
    debug_assert!(value.is_finite());
    RBig::try_from(value).unwrap_or_default()
}

/// The exact value of an integer.
pub(crate) fn integer(value: usize) -> RBig {
    RBig::from(value)
}

/// One half.
pub(crate) fn half() -> RBig {
    RBig::from_parts(1.into(), 2u8.into())
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
    if is_negative(value) { -value.clone() } else { value.clone() }
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
    let mut sum = RBig::ZERO;
    for (x, y) in a.iter().zip(b) {
        if !x.is_zero() && !y.is_zero() {
            sum += x * y;
        }
    }
    sum
}
