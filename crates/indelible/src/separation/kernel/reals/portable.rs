//! Distances of real samples on any processor.

use super::{CHUNK, Gather, LANES, Stretch};
use crate::{dataset::Features, number::two_sum};

/// See [`super::gather`].
#[inline(always)]
pub(super) fn gather(what: Gather, a: Stretch, b: Stretch, count: usize, lanes: &mut [f64; LANES]) {
    // Zeros after the end add nothing.
    let (mut x, mut y) = ([0.0; CHUNK], [0.0; CHUNK]);
    decode(a, &mut x[..count]);
    decode(b, &mut y[..count]);
    for (x, y) in x.as_chunks::<LANES>().0.iter().zip(y.as_chunks::<LANES>().0) {
        for ((lane, x), y) in lanes.iter_mut().zip(x).zip(y) {
            let gap = (x - y).abs();
            match what {
                Gather::Largest => *lane = if gap > *lane { gap } else { *lane },
                Gather::Sum => *lane += gap,
                Gather::Squares => *lane += gap * gap,
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
    let (mut x, mut y) = ([0.0; CHUNK], [0.0; CHUNK]);
    decode(a, &mut x[..count]);
    decode(b, &mut y[..count]);
    // Whatever was lost, as bits: errors of sums, and roots that have more than
    // 26 bits or are so small that their squares underflow.
    let mut lost = [0u64; LANES];
    for (x, y) in x.as_chunks::<LANES>().0.iter().zip(y.as_chunks::<LANES>().0) {
        for k in 0..LANES {
            let (gap, error) = two_sum(x[k], -y[k]);
            lost[k] |= error.to_bits() << 1;
            let term = if squares {
                let small = gap.abs() < 1e-150 && gap != 0.0;
                lost[k] |= gap.to_bits() & ((1 << 27) - 1) | u64::from(small);
                gap * gap
            } else {
                gap.abs()
            };
            let (sum, error) = two_sum(lanes[k], term);
            lost[k] |= error.to_bits() << 1;
            lanes[k] = sum;
        }
    }
    lost.iter().fold(0, |all, l| all | l) == 0 && lanes.iter().all(|l| l.is_finite())
}

/// The values of a stretch.
#[inline(always)]
pub(in crate::separation) fn decode(stretch: Stretch, out: &mut [f64]) {
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
