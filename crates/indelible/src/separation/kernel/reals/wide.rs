//! Distances of real samples, compiled for wide vectors: the same operations
//! in the same order as the portable ones, without fused ones, so that the
//! results are the same bits.

use super::{Gather, LANES, Stretch, portable};

/// See [`super::gather`].
#[target_feature(enable = "avx512f,avx512bw,avx2")]
pub(super) fn gather_avx512(what: Gather, a: Stretch, b: Stretch, count: usize, lanes: &mut [f64; LANES]) {
    portable::gather(what, a, b, count, lanes);
}

/// See [`super::gather`].
#[target_feature(enable = "avx2")]
pub(super) fn gather_avx2(what: Gather, a: Stretch, b: Stretch, count: usize, lanes: &mut [f64; LANES]) {
    portable::gather(what, a, b, count, lanes);
}

/// See [`super::gather_exactly`].
#[target_feature(enable = "avx512f,avx512bw,avx2")]
pub(super) fn gather_exactly_avx512(
    squares: bool,
    a: Stretch,
    b: Stretch,
    count: usize,
    lanes: &mut [f64; LANES],
) -> bool {
    portable::gather_exactly(squares, a, b, count, lanes)
}

/// See [`super::gather_exactly`].
#[target_feature(enable = "avx2")]
pub(super) fn gather_exactly_avx2(
    squares: bool,
    a: Stretch,
    b: Stretch,
    count: usize,
    lanes: &mut [f64; LANES],
) -> bool {
    portable::gather_exactly(squares, a, b, count, lanes)
}
