//! Inner products, compiled for wide vectors; see [`super::super::reals`] on
//! why the results are the same bits.

use super::portable;

/// See [`super::project`].
#[target_feature(enable = "avx512f,avx512bw,avx2")]
pub(super) fn project_avx512(x: &[f32], directions: &[f32], out: &mut [f32]) {
    portable::project(x, directions, out);
}

/// See [`super::project`].
#[target_feature(enable = "avx2")]
pub(super) fn project_avx2(x: &[f32], directions: &[f32], out: &mut [f32]) {
    portable::project(x, directions, out);
}
