//! Distances of real samples on any processor.

use super::{CHUNK, Gather, LANES, Stretch};
use crate::{dataset::Features, number::two_sum};

/// See [`super::gather`].
#[inline(always)]
pub(super) fn gather(what: Gather, a: Stretch, b: Stretch, count: usize, lanes: &mut [f64; LANES]) {
    each_lane(a, b, count, |k, x, y| {
        let gap = (x - y).abs();
        let lane = &mut lanes[k];
        match what {
            Gather::Largest => *lane = if gap > *lane { gap } else { *lane },
            Gather::Sum => *lane += gap,
            Gather::Squares => *lane += gap * gap,
        }
    });
}

/// Calls `each` with lane and values of every feature, in order; zeros are
/// added to fill up the last lanes.
#[inline(always)]
pub(in crate::separation) fn each_lane(
    a: Stretch,
    b: Stretch,
    count: usize,
    mut each: impl FnMut(usize, f64, f64),
) {
    let (x, y) = (a.start..a.start + count, b.start..b.start + count);
    match (a.features, b.features) {
        // Twice as fast as by way of memory.
        (Features::F32(v), Features::F32(w)) if count == CHUNK => {
            let (v, w) = (v[x].as_chunks::<LANES>().0, w[y].as_chunks::<LANES>().0);
            for (v, w) in v.iter().zip(w) {
                for k in 0..LANES {
                    each(k, f64::from(v[k]) * a.scale, f64::from(w[k]) * b.scale);
                }
            }
        }
        (Features::F64(v), Features::F64(w)) if count == CHUNK => {
            let (v, w) = (v[x].as_chunks::<LANES>().0, w[y].as_chunks::<LANES>().0);
            for (v, w) in v.iter().zip(w) {
                for k in 0..LANES {
                    each(k, v[k] * a.scale, w[k] * b.scale);
                }
            }
        }
        _ => {
            let (mut v, mut w) = ([0.0; CHUNK], [0.0; CHUNK]);
            decode(a, &mut v[..count]);
            decode(b, &mut w[..count]);
            let filled = count.next_multiple_of(LANES);
            let (v, w) = (v[..filled].as_chunks::<LANES>().0, w[..filled].as_chunks::<LANES>().0);
            for (v, w) in v.iter().zip(w) {
                for k in 0..LANES {
                    each(k, v[k], w[k]);
                }
            }
        }
    }
}

/// See [`super::gather_exactly`].
#[inline(always)]
pub(super) fn gather_exactly(
    squares: bool,
    a: Stretch,
    b: Stretch,
    count: usize,
    lanes: &mut [f64; LANES],
) -> bool {
    // Whatever was lost, as bits: errors of sums, and roots that have more than
    // 26 bits or are so small that their squares underflow.
    let mut lost = [0u64; LANES];
    each_lane(a, b, count, |k, x, y| {
        let (gap, error) = two_sum(x, -y);
        lost[k] |= error.to_bits() << 1;
        let term = if squares {
            let small = gap.abs() < 1e-150 && gap != 0.0;
            lost[k] |= (gap.to_bits() & ((1 << 27) - 1)) | u64::from(small);
            gap * gap
        } else {
            gap.abs()
        };
        let (sum, error) = two_sum(lanes[k], term);
        lost[k] |= error.to_bits() << 1;
        lanes[k] = sum;
    });
    lost.iter().fold(0, |all, l| all | l) == 0 && lanes.iter().all(|l| l.is_finite())
}

/// The values of a stretch.
#[inline(always)]
fn decode(stretch: Stretch, out: &mut [f64]) {
    let range = stretch.start..stretch.start + out.len();
    match stretch.features {
        Features::Coded { codes, levels } => {
            for (o, &c) in out.iter_mut().zip(&codes[range]) {
                *o = levels[usize::from(c)] * stretch.scale;
            }
        }
        Features::F32(values) => {
            for (o, &v) in out.iter_mut().zip(&values[range]) {
                *o = f64::from(v) * stretch.scale;
            }
        }
        Features::F64(values) => {
            for (o, &v) in out.iter_mut().zip(&values[range]) {
                *o = v * stretch.scale;
            }
        }
    }
}
