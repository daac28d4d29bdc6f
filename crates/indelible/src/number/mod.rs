//! Numbers whose rounding is known: outward-rounded binary64 operations,
//! enclosures, and the two floating-point formats a network can be stored in.
//!
//! Everything a guarantee rests on goes through this module. An operation
//! named `*_down` returns a binary64 value not above the exact result, `*_up`
//! one not below it; both return the exact result whenever it is a binary64
//! number. IEEE-754 arithmetic with gradual underflow is assumed.

pub(crate) mod powers;
mod precision;
#[doc(hidden)]
pub mod random;
mod rounding;

use std::fmt;

use crate::text::plain;

pub(crate) use self::precision::Real;
pub use self::{
    precision::Precision,
    rounding::{
        add_down, add_up, div_down, div_up, mul_down, mul_up, sqrt_down, sqrt_up, sub_down, sub_up, two_sum,
    },
};

/// `x` without its fraction, as a count: 0 for NaN and what is negative, the
/// largest count for what is larger.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "said above")]
pub(crate) fn whole(x: f64) -> usize {
    x as usize
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
            f.write_str(&plain(self.lower))
        } else {
            write!(f, "[{}, {}]", plain(self.lower), plain(self.upper))
        }
    }
}
