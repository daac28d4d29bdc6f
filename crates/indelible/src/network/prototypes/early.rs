//! What sums that may end early share: the order of features in which they grow
//! fastest, and the lanes they are made of.

use std::ops::Range;

use crate::{Features, number::Real};

/// Features between two looks at whether a step can still matter.
pub(super) const FEW: usize = 16;
/// The same where there are many features.
pub(super) const MANY: usize = 64;

/// Features by falling spread of the stored centers, so that differences come
/// early; the spread is taken over at most 1,024 of the `steps`. `copy` writes
/// the `n` features of one center.
pub(super) fn order_by_spread(steps: usize, n: usize, copy: impl Fn(usize, &mut [f64])) -> Vec<usize> {
    let stride = steps.div_ceil(1024).max(1);
    let mut center = vec![0.0; n];
    let (mut sums, mut squares) = (vec![0.0; n], vec![0.0; n]);
    let mut count = 0.0;
    for k in (0..steps).step_by(stride) {
        copy(k, &mut center);
        count += 1.0;
        for (j, c) in center.iter().enumerate() {
            sums[j] += c;
            squares[j] += c * c;
        }
    }
    let spread = |j: usize| squares[j] / count - (sums[j] / count) * (sums[j] / count);
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| spread(b).total_cmp(&spread(a)).then(a.cmp(&b)));
    order
}

/// Rows `rows` of stored centers, row after row, the features in `order`.
pub(super) fn copy_ordered<T: Real>(centers: &Features, order: &[usize], rows: Range<usize>, out: &mut [T]) {
    match centers {
        Features::Coded { codes, levels } => {
            let levels: Vec<T> = levels.iter().map(|&level| T::from_f64(level)).collect();
            copy(codes, order, rows, out, |code| levels[usize::from(code)]);
        }
        Features::F32(values) => copy(values, order, rows, out, |v| T::from_f64(f64::from(v))),
        Features::F64(values) => copy(values, order, rows, out, T::from_f64),
    }
}

fn copy<S: Copy, T>(values: &[S], order: &[usize], rows: Range<usize>, out: &mut [T], of: impl Fn(S) -> T) {
    let n = order.len();
    let rows = values[rows.start * n..rows.end * n].chunks_exact(n);
    for (row, out) in rows.zip(out.chunks_exact_mut(n)) {
        for (out, &j) in out.iter_mut().zip(order) {
            *out = of(row[j]);
        }
    }
}

/// All lanes, by halves. Written out because a loop over the halves takes
/// longer than all else.
#[inline(always)]
pub(super) fn folded<T: Real, const LANES: usize>(lanes: &[T; LANES], with: impl Fn(T, T) -> T) -> T {
    let mut all = [T::default(); FEW];
    for part in lanes.as_chunks::<FEW>().0 {
        for (all, &lane) in all.iter_mut().zip(part) {
            *all = with(*all, lane);
        }
    }
    for l in 0..8 {
        all[l] = with(all[l], all[l + 8]);
    }
    for l in 0..4 {
        all[l] = with(all[l], all[l + 4]);
    }
    with(with(all[0], all[2]), with(all[1], all[3]))
}
