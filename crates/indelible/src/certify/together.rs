//! Sums that runtimes put together.
//!
//! A runtime may begin the sums of a matrix product with what is added to it later, a
//! bias or what goes around the product, and scale partial sums by a factor that
//! stands behind it. The terms of the product are then rounded at the size of all of
//! them. Each term meets the roundings of every step on its way and a few more, so that
//! with `N` of them what comes out is off by at most `γ_N Σ|t|` from the sum of all terms
//! `t`, in whatever order they are added. Where the sums of the product are read
//! elsewhere as well, they are off by no more, so that of what is said about one step
//! alone the distance is at most twice that.

use crate::{
    Precision,
    number::{div_up, mul_up, sub_down},
};

/// The terms of numbers that may be added in any order.
#[derive(Clone, Debug)]
pub(super) struct Together {
    /// At least the sum of the sizes of all terms of each number.
    pub sizes: Vec<f64>,
    /// Roundings that a term meets, at most.
    pub roundings: usize,
}

impl Together {
    /// Roundings that putting steps together may add: of a factor, and of a sum of
    /// partial sums.
    pub const MORE: usize = 3;

    /// A size whose share covers what products lose below the normal range.
    pub fn underflow(roundings: usize, precision: Precision) -> f64 {
        let smallest = mul_up(4.0 * (roundings + 1) as f64, precision.smallest_subnormal());
        div_up(smallest, precision.unit_roundoff())
    }

    /// By how much a number may be off whose terms have `size` in all; `None` where
    /// they are too many for a bound.
    pub fn error(&self, size: f64, precision: Precision) -> Option<f64> {
        let share = mul_up(self.roundings as f64, precision.unit_roundoff());
        (share < 0.25).then(|| mul_up(2.0, mul_up(size, div_up(share, sub_down(1.0, share)))))
    }
}
