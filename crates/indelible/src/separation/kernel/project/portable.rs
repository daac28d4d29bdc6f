//! Inner products on any processor.

use super::LANES;

/// Directions at a time, which share the reading of the sample.
const TOGETHER: usize = 4;

/// See [`super::project`].
#[inline(always)]
pub(super) fn project(x: &[f32], directions: &[f32], out: &mut [f32]) {
    let width = x.len();
    for (directions, out) in directions.chunks(TOGETHER * width).zip(out.chunks_mut(TOGETHER)) {
        let mut lanes = [[0.0f32; LANES]; TOGETHER];
        // A part of the last group stands for those that are missing.
        let row = |d: usize| &directions[d.min(out.len() - 1) * width..][..width];
        let rows: [&[f32]; TOGETHER] = std::array::from_fn(row);
        let [a, b, c, d] = rows.map(|row| row.as_chunks::<LANES>().0);
        for ((((x, a), b), c), d) in x.as_chunks::<LANES>().0.iter().zip(a).zip(b).zip(c).zip(d) {
            for (lanes, row) in lanes.iter_mut().zip([a, b, c, d]) {
                for k in 0..LANES {
                    lanes[k] += x[k] * row[k];
                }
            }
        }
        for (out, lanes) in out.iter_mut().zip(lanes) {
            *out = lanes.iter().fold(0.0, |sum, l| sum + l);
        }
    }
}
