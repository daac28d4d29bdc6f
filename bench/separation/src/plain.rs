//! What one would write without thinking: a loop over all pairs that leaves a
//! pair as soon as it is farther than the nearest one so far.

use indelible::{Dataset, Features, Norm};
use rayon::prelude::*;

/// Features between early exits.
const CHUNK: usize = 64;

/// The distance (in `l2`: its square) of every sample to its nearest enemy, in
/// units of the stored values, rounded.
pub fn nearest(data: &Dataset, norm: Norm) -> Vec<f64> {
    match data.storage() {
        Features::Coded { codes, .. } => rows(data, codes, norm, |a, b| {
            let gaps = a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(*b)));
            f64::from(match norm {
                Norm::Linf => gaps.max().unwrap_or(0),
                Norm::L1 => gaps.sum(),
                _ => gaps.map(|g| g * g).sum::<u32>(),
            })
        }),
        Features::F32(values) => rows(data, values, norm, |a, b| f64::from(chunk(a, b, norm))),
        Features::F64(values) => rows(data, values, norm, |a, b| {
            let gaps = a.iter().zip(b).map(|(a, b)| (a - b).abs());
            match norm {
                Norm::Linf => gaps.fold(0.0, f64::max),
                Norm::L1 => gaps.sum(),
                _ => gaps.map(|g| g * g).sum(),
            }
        }),
    }
}

/// Eight sums side by side, so that compilers use vectors.
fn chunk(a: &[f32], b: &[f32], norm: Norm) -> f32 {
    let mut lanes = [0.0f32; 8];
    for (a, b) in a.chunks(8).zip(b.chunks(8)) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            let gap = (a - b).abs();
            match norm {
                Norm::Linf => *lane = if gap > *lane { gap } else { *lane },
                Norm::L1 => *lane += gap,
                _ => *lane += gap * gap,
            }
        }
    }
    if norm == Norm::Linf { lanes.iter().fold(0.0, |m, l| m.max(*l)) } else { lanes.iter().sum() }
}

fn rows<T: Sync>(
    data: &Dataset,
    values: &[T],
    norm: Norm,
    part: impl Fn(&[T], &[T]) -> f64 + Sync,
) -> Vec<f64> {
    let (width, labels) = (data.features(), data.labels());
    let row = |i: usize| &values[i * width..(i + 1) * width];
    let nearest = |i: usize| {
        let mut best = f64::INFINITY;
        for j in (0..labels.len()).filter(|&j| labels[j] != labels[i]) {
            let mut sum = 0.0f64;
            for (a, b) in row(i).chunks(CHUNK).zip(row(j).chunks(CHUNK)) {
                sum = if norm == Norm::Linf { sum.max(part(a, b)) } else { sum + part(a, b) };
                if sum >= best {
                    break;
                }
            }
            best = best.min(sum);
        }
        best
    };
    (0..labels.len()).into_par_iter().map(nearest).collect()
}
