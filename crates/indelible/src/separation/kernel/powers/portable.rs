//! Sums of powers on any processor.

use crate::separation::{
    kernel::reals::{LANES, Stretch, each_lane},
    power::Exponent,
};

/// See [`super::add_powers`].
#[inline(always)]
pub(super) fn add_powers(
    exponent: &Exponent,
    factors: [f64; 2],
    a: Stretch,
    b: Stretch,
    count: usize,
    lanes: &mut [f64; LANES],
) {
    let mut gaps = [0.0; LANES];
    each_lane(a, b, count, |k, x, y| {
        gaps[k] = (x - y).abs() * factors[0] * factors[1];
        if k == LANES - 1 {
            for (lane, power) in lanes.iter_mut().zip(exponent.raise(gaps)) {
                *lane += power;
            }
        }
    });
}
