//! Sums of powers, compiled for wide vectors; see
//! [`super::super::reals`] on why the results are the same bits.

use super::{LANES, Stretch, portable};
use crate::separation::power::Exponent;

/// See [`super::add_powers`].
#[target_feature(enable = "avx512f,avx512bw,avx2")]
pub(super) fn add_powers_avx512(
    exponent: &Exponent,
    factors: [f64; 2],
    a: Stretch,
    b: Stretch,
    count: usize,
    lanes: &mut [f64; LANES],
) {
    portable::add_powers(exponent, factors, a, b, count, lanes);
}

/// See [`super::add_powers`].
#[target_feature(enable = "avx2")]
pub(super) fn add_powers_avx2(
    exponent: &Exponent,
    factors: [f64; 2],
    a: Stretch,
    b: Stretch,
    count: usize,
    lanes: &mut [f64; LANES],
) {
    portable::add_powers(exponent, factors, a, b, count, lanes);
}
