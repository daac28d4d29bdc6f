//! Inner products on any processor.

use super::LANES;

/// Directions at a time, which share the reading of the sample.
const TOGETHER: usize = 8;

/// See [`super::project`].
#[inline(always)]
pub(super) fn project(x: &[f32], directions: &[f32], out: &mut [f32]) {
    let width = x.len();
    let mut groups = out.chunks_exact_mut(TOGETHER);
    let mut parts = directions.chunks_exact(TOGETHER * width);
    for (out, directions) in groups.by_ref().zip(parts.by_ref()) {
        out.copy_from_slice(&products::<TOGETHER>(x, directions));
    }
    for (out, direction) in groups.into_remainder().iter_mut().zip(parts.remainder().chunks_exact(width)) {
        [*out] = products(x, direction);
    }
}

/// Inner products with `D` directions.
#[inline(always)]
fn products<const D: usize>(x: &[f32], directions: &[f32]) -> [f32; D] {
    let blocks = x.as_chunks::<LANES>().0;
    let directions = directions.as_chunks::<LANES>().0;
    let count = blocks.len();
    let rows: [&[[f32; LANES]]; D] = std::array::from_fn(|d| &directions[d * count..(d + 1) * count]);
    let mut lanes = [[0.0f32; LANES]; D];
    for (b, x) in blocks.iter().enumerate() {
        for d in 0..D {
            let row = &rows[d][b];
            for k in 0..LANES {
                lanes[d][k] += x[k] * row[k];
            }
        }
    }
    lanes.map(|lanes| lanes.iter().fold(0.0, |sum, l| sum + l))
}
