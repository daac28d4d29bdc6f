//! Numbers whose rounding is known: outward-rounded binary64 operations,
//! enclosures, and the two floating-point formats a network can be stored in.
//!
//! Everything a guarantee rests on goes through this module. An operation
//! named `*_down` returns a binary64 value not above the exact result, `*_up`
//! one not below it; both return the exact result whenever it is a binary64
//! number. IEEE-754 arithmetic with gradual underflow is assumed.

use std::fmt;

/// The error term of `a + b`: the exact sum is `s + e` with `s = fl(a + b)`.
///
/// Knuth's two-sum. Exact for all finite operands whose sum does not overflow.
#[inline]
#[must_use]
pub fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let s = a + b;
    let bb = s - a;
    (s, (a - (s - bb)) + (b - bb))
}

/// `a + b`, not above the exact sum.
#[inline]
#[must_use]
pub fn add_down(a: f64, b: f64) -> f64 {
    let (s, e) = two_sum(a, b);
    if e >= 0.0 || !(a.is_finite() && b.is_finite()) { s } else { s.next_down() }
}

/// `a + b`, not below the exact sum.
#[inline]
#[must_use]
pub fn add_up(a: f64, b: f64) -> f64 {
    let (s, e) = two_sum(a, b);
    if e <= 0.0 || !(a.is_finite() && b.is_finite()) { s } else { s.next_up() }
}

/// `a - b`, not above the exact difference.
#[inline]
#[must_use]
pub fn sub_down(a: f64, b: f64) -> f64 {
    add_down(a, -b)
}

/// `a - b`, not below the exact difference.
#[inline]
#[must_use]
pub fn sub_up(a: f64, b: f64) -> f64 {
    add_up(a, -b)
}

/// Products below this size may lose bits to underflow, so that their error
/// term is not a binary64 number.
const SAFE_PRODUCT: f64 = 1e-270;

/// Sign of the rounding error of `p = fl(a·b)`: `Some(exact − p)` up to
/// rounding, with the right sign, or `None` where it cannot be told.
#[inline]
fn product_error(a: f64, b: f64, p: f64) -> Option<f64> {
    if a == 0.0 || b == 0.0 {
        Some(0.0)
    } else if p.is_finite() && p.abs() >= SAFE_PRODUCT {
        Some(a.mul_add(b, -p))
    } else {
        None
    }
}

/// `a · b`, not above the exact product.
#[inline]
#[must_use]
pub fn mul_down(a: f64, b: f64) -> f64 {
    let p = a * b;
    match product_error(a, b, p) {
        Some(e) if e >= 0.0 => p,
        _ if !(a.is_finite() && b.is_finite()) => p,
        _ => p.next_down(),
    }
}

/// `a · b`, not below the exact product.
#[inline]
#[must_use]
pub fn mul_up(a: f64, b: f64) -> f64 {
    -mul_down(-a, b)
}

/// `a / b`, not above the exact quotient (`b` finite and not zero).
#[inline]
#[must_use]
pub fn div_down(a: f64, b: f64) -> f64 {
    let q = a / b;
    if a == 0.0 || a.is_infinite() {
        return q;
    }
    // The residual q·b − a says on which side of the quotient q lies.
    match product_error(q, b, a) {
        Some(e) if q != 0.0 && (e == 0.0 || (e < 0.0) == (b > 0.0)) => q,
        _ => q.next_down(),
    }
}

/// `a / b`, not below the exact quotient (`b` finite and not zero).
#[inline]
#[must_use]
pub fn div_up(a: f64, b: f64) -> f64 {
    -div_down(-a, b)
}

/// `√a`, not above the exact root (`a ≥ 0`).
#[inline]
#[must_use]
pub fn sqrt_down(a: f64) -> f64 {
    let r = a.sqrt();
    if a == 0.0 || a.is_infinite() || product_error(r, r, a) == Some(0.0) { r } else { r.next_down() }
}

/// `√a`, not below the exact root (`a ≥ 0`).
#[inline]
#[must_use]
pub fn sqrt_up(a: f64) -> f64 {
    let r = a.sqrt();
    if a == 0.0 || a.is_infinite() || product_error(r, r, a) == Some(0.0) { r } else { r.next_up() }
}

/// A real number known to lie in `[lower, upper]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Enclosure {
    /// A binary64 number not above the value.
    pub lower: f64,
    /// A binary64 number not below the value.
    pub upper: f64,
}

impl Enclosure {
    /// The enclosure of a value that is a binary64 number.
    #[must_use]
    pub const fn exact(value: f64) -> Self {
        Self { lower: value, upper: value }
    }

    /// Whether the value is known exactly.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.lower == self.upper
    }
}

impl fmt::Display for Enclosure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_exact() {
            write!(f, "{}", self.lower)
        } else {
            write!(f, "[{}, {}]", self.lower, self.upper)
        }
    }
}

/// The floating-point format in which a network is stored and executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Precision {
    /// IEEE-754 binary32.
    F32,
    /// IEEE-754 binary64.
    F64,
}

impl Precision {
    /// Unit roundoff `u`: a rounded operation has relative error at most `u`.
    #[must_use]
    pub const fn unit_roundoff(self) -> f64 {
        match self {
            Self::F32 => f32::EPSILON as f64 / 2.0,
            Self::F64 => f64::EPSILON / 2.0,
        }
    }

    /// Smallest positive number of the format; half of it bounds the absolute
    /// error of a product that underflows.
    #[must_use]
    pub const fn smallest_subnormal(self) -> f64 {
        match self {
            Self::F32 => f32::from_bits(1) as f64,
            Self::F64 => f64::from_bits(1),
        }
    }

    /// Largest finite number of the format.
    #[must_use]
    pub const fn largest(self) -> f64 {
        match self {
            Self::F32 => f32::MAX as f64,
            Self::F64 => f64::MAX,
        }
    }

    /// `x` rounded to the nearest number of the format, ties to even.
    #[inline]
    #[must_use]
    pub fn round(self, x: f64) -> f64 {
        match self {
            Self::F32 => f64::from(x as f32),
            Self::F64 => x,
        }
    }

    /// The largest number of the format not above `x` (`−∞` below its range).
    #[inline]
    #[must_use]
    pub fn round_down(self, x: f64) -> f64 {
        match self {
            Self::F32 => {
                let r = x as f32;
                f64::from(if f64::from(r) > x { r.next_down() } else { r })
            }
            Self::F64 => x,
        }
    }

    /// The smallest number of the format not below `x` (`+∞` above its range).
    #[inline]
    #[must_use]
    pub fn round_up(self, x: f64) -> f64 {
        -self.round_down(-x)
    }

    /// The neighbour of `x` above it, for a number `x` of the format.
    #[inline]
    #[must_use]
    pub fn next_up(self, x: f64) -> f64 {
        match self {
            Self::F32 => f64::from((x as f32).next_up()),
            Self::F64 => x.next_up(),
        }
    }

    /// Whether `x` is a finite number of the format.
    #[inline]
    #[must_use]
    pub fn holds(self, x: f64) -> bool {
        x.is_finite() && self.round(x) == x
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::F64 => "f64",
        })
    }
}

/// Arithmetic of one of the two formats, for code that runs in either.
pub(crate) trait Real:
    Copy
    + Default
    + PartialOrd
    + Send
    + Sync
    + 'static
    + std::ops::Add<Output = Self>
    + std::ops::Sub<Output = Self>
    + std::ops::Mul<Output = Self>
{
    /// Rounds to the nearest number of the format.
    fn from_f64(x: f64) -> Self;
    /// The same number in binary64.
    fn to_f64(self) -> f64;
    /// The absolute value.
    fn abs(self) -> Self;

    /// `max(0, x)`, which keeps NaN.
    #[inline(always)]
    fn relu(self) -> Self {
        if self < Self::default() { Self::default() } else { self }
    }
}

impl Real for f32 {
    #[inline(always)]
    fn from_f64(x: f64) -> Self {
        x as f32
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
    #[inline(always)]
    fn abs(self) -> Self {
        f32::abs(self)
    }
}

impl Real for f64 {
    #[inline(always)]
    fn from_f64(x: f64) -> Self {
        x
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }
    #[inline(always)]
    fn abs(self) -> Self {
        f64::abs(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_finite() -> impl Strategy<Value = f64> {
        any::<f64>().prop_filter("finite", |x| x.is_finite())
    }

    proptest! {
        #[test]
        fn sums_are_enclosed_and_tight(a in any_finite(), b in any_finite()) {
            let (lo, hi) = (add_down(a, b), add_up(a, b));
            prop_assert!(lo <= a + b && a + b <= hi);
            prop_assert!(lo == hi || lo.next_up() == hi || !(a + b).is_finite());
            let (s, e) = two_sum(a, b);
            if s.is_finite() {
                prop_assert_eq!(lo < s, e < 0.0);
                prop_assert_eq!(hi > s, e > 0.0);
            }
        }

        #[test]
        fn products_of_singles_are_exact(a in any::<f32>(), b in any::<f32>()) {
            prop_assume!(a.is_finite() && b.is_finite());
            let (a, b) = (f64::from(a), f64::from(b));
            prop_assume!((a * b).abs() > SAFE_PRODUCT || a * b == 0.0);
            prop_assert_eq!(mul_down(a, b), a * b);
            prop_assert_eq!(mul_up(a, b), a * b);
        }

        #[test]
        fn quotients_and_roots_are_enclosed(a in any_finite(), b in any_finite()) {
            prop_assume!(b != 0.0);
            let (lo, hi) = (div_down(a, b), div_up(a, b));
            prop_assert!(lo <= hi);
            if hi.is_finite() && lo.is_finite() && b.abs() > 1e-200 && b.abs() < 1e200 && a.abs() > 1e-200 && lo != 0.0 {
                // lo·|b| ≤ |a|-side and hi on the other, checked with outward products.
                let (p, q) = if b > 0.0 { (mul_down(lo, b), mul_up(hi, b)) } else { (mul_down(hi, b), mul_up(lo, b)) };
                prop_assert!(p <= a && a <= q);
            }
            let x = a.abs();
            let (lo, hi) = (sqrt_down(x), sqrt_up(x));
            prop_assert!(mul_down(lo, lo) <= x && x <= mul_up(hi, hi));
        }

        #[test]
        fn rounding_to_single_brackets(x in any_finite()) {
            let (lo, hi) = (Precision::F32.round_down(x), Precision::F32.round_up(x));
            prop_assert!(lo <= x && x <= hi);
            if Precision::F32.holds(x) {
                prop_assert!(lo == x && hi == x);
            }
        }
    }

    #[test]
    fn underflow_and_overflow_stay_outside() {
        let tiny = f64::from_bits(1);
        assert_eq!(mul_down(tiny, 0.5), -tiny);
        assert_eq!(mul_up(tiny, 0.5), tiny);
        assert_eq!(add_down(f64::MAX, f64::MAX), f64::MAX);
        assert_eq!(add_up(f64::MAX, f64::MAX), f64::INFINITY);
        assert_eq!(add_up(-f64::MAX, -f64::MAX), -f64::MAX);
        assert_eq!(Precision::F32.round_up(1e39), f64::INFINITY);
        assert_eq!(Precision::F32.round_down(1e39), f64::from(f32::MAX));
        assert_eq!(add_up(0.1, 0.2), 0.1_f64 + 0.2);
        assert_eq!(add_down(0.1, 0.2), (0.1_f64 + 0.2).next_down());
    }
}
