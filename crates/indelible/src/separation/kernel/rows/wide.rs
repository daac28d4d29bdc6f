//! Distances of codes, compiled for wide vectors.

use super::portable;

/// See [`super::sum`].
#[target_feature(enable = "avx512f,avx512bw,avx2")]
pub(super) fn sum_avx512(squares: bool, a: &[u8], b: &[u8]) -> u32 {
    portable::sum(squares, a, b)
}

/// See [`super::sum`].
#[target_feature(enable = "avx2")]
pub(super) fn sum_avx2(squares: bool, a: &[u8], b: &[u8]) -> u32 {
    portable::sum(squares, a, b)
}
