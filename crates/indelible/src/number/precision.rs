//! The two floating-point formats a network can be stored in, and arithmetic
//! that is generic over them.

use std::fmt;

/// The floating-point format in which a network is stored and executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Precision {
    /// IEEE-754 binary32.
    F32,
    /// IEEE-754 binary64.
    F64,
}

impl Precision {
    /// Bits of a number of the format.
    #[must_use]
    pub const fn bits(self) -> usize {
        match self {
            Self::F32 => 32,
            Self::F64 => 64,
        }
    }

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
            Self::F32 => f64::from(f32::from_f64(x)),
            Self::F64 => x,
        }
    }

    /// The largest number of the format not above `x` (`−∞` below its range).
    #[inline]
    #[must_use]
    pub fn round_down(self, x: f64) -> f64 {
        match self {
            Self::F32 => {
                let r = f32::from_f64(x);
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
            Self::F32 => f64::from(f32::from_f64(x).next_up()),
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
    #[expect(clippy::cast_possible_truncation, reason = "rounding is what it is for")]
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

    proptest! {
        #[test]
        fn rounding_to_single_brackets(x in any::<f64>().prop_filter("finite", |x| x.is_finite())) {
            let (lo, hi) = (Precision::F32.round_down(x), Precision::F32.round_up(x));
            prop_assert!(lo <= x && x <= hi);
            if Precision::F32.holds(x) {
                prop_assert!(lo == x && hi == x);
            }
        }
    }

    #[test]
    fn what_is_out_of_range_stays_outside() {
        assert_eq!(Precision::F32.round_up(1e39), f64::INFINITY);
        assert_eq!(Precision::F32.round_down(1e39), f64::from(f32::MAX));
    }
}
