//! Maxima of affine scores: the products of 16 rows and 6 inputs at a time.

use std::marker::PhantomData;

use super::MaxAffine;
use crate::{
    Features,
    isa::{Isa, Loop},
    number::Real,
    parallel,
};

/// Rows whose products are summed side by side.
const ROWS: usize = 16;
/// Inputs that a tile of rows meets at once: with AVX2 the sums of more do not fit
/// into registers.
const INPUTS: usize = 6;
/// Inputs that share a decoded tile, at most.
const INPUTS_PER_TASK: usize = 256;

/// Outputs for rows of inputs. Every sum runs over the features in order, and
/// each output depends on one input only.
pub(super) fn outputs<T: Real>(scores: &MaxAffine, isa: Isa, inputs: &[f64]) -> Vec<f64> {
    let (n, classes) = (scores.features, scores.ends.len());
    let class_of: Vec<usize> =
        (0..classes).flat_map(|class| scores.class_rows(class).map(move |_| class)).collect();
    let share = (inputs.len() / n).div_ceil(parallel::threads());
    let count = share.next_multiple_of(INPUTS).clamp(INPUTS, INPUTS_PER_TASK);
    let of = |inputs: &[f64]| {
        let mut outputs = vec![T::default(); inputs.len() / n * classes];
        isa.run(Task {
            scores,
            inputs,
            format: PhantomData::<T>,
            each: |input: usize, row: usize, score: T| {
                let best = &mut outputs[input * classes + class_of[row]];
                if score > *best {
                    *best = score;
                }
            },
        });
        outputs.into_iter().map(T::to_f64).collect()
    };
    parallel::flat_map_chunks(inputs, count * n, of)
}

/// All scores for rows of inputs, by one thread.
pub(super) fn scores<T: Real>(scores: &MaxAffine, isa: Isa, inputs: &[f64]) -> Vec<f64> {
    let count = scores.biases.len();
    let mut all = vec![0.0; inputs.len() / scores.features * count];
    isa.run(Task {
        scores,
        inputs,
        format: PhantomData::<T>,
        each: |input: usize, row: usize, score: T| all[input * count + row] = score.to_f64(),
    });
    all
}

/// All scores of a few inputs, each handed out with the input and the row.
struct Task<'a, T, E> {
    scores: &'a MaxAffine,
    inputs: &'a [f64],
    format: PhantomData<T>,
    each: E,
}

impl<T: Real, E: FnMut(usize, usize, T)> Loop for Task<'_, T, E> {
    type Output = ();

    #[inline(always)]
    fn run(mut self) {
        let n = self.scores.features;
        let count = self.inputs.len() / n;
        let groups: Vec<[T; INPUTS]> =
            self.inputs.chunks(INPUTS * n).flat_map(|rows| columns::<T>(rows, n)).collect();
        let mut tile = vec![[T::default(); ROWS]; n];
        for first in (0..self.scores.biases.len()).step_by(ROWS) {
            copy_tile(self.scores, first, &mut tile);
            let biases = &self.scores.biases[first..];
            let mut padded = [T::default(); ROWS];
            for (bias, &b) in padded.iter_mut().zip(biases) {
                *bias = T::from_f64(b);
            }
            let rows = ROWS.min(biases.len());
            for (place, group) in groups.chunks_exact(n).enumerate() {
                let start = place * INPUTS;
                for (lane, sums) in products(group, &tile).iter().enumerate().take(count - start) {
                    for (row, (&sum, &bias)) in sums.iter().zip(&padded).enumerate().take(rows) {
                        (self.each)(start + lane, first + row, sum + bias);
                    }
                }
            }
        }
    }
}

/// The products of all inputs of a group and all rows of a tile. The sums are
/// variables of their own, not an array, because only then compilers keep them
/// in registers: 50 times as fast.
#[inline(always)]
fn products<T: Real>(group: &[[T; INPUTS]], tile: &[[T; ROWS]]) -> [[T; ROWS]; INPUTS] {
    let [mut s0, mut s1, mut s2, mut s3, mut s4, mut s5] = [[T::default(); ROWS]; INPUTS];
    for (x, weights) in group.iter().zip(tile) {
        add(&mut s0, x[0], weights);
        add(&mut s1, x[1], weights);
        add(&mut s2, x[2], weights);
        add(&mut s3, x[3], weights);
        add(&mut s4, x[4], weights);
        add(&mut s5, x[5], weights);
    }
    [s0, s1, s2, s3, s4, s5]
}

/// Adds one product to the sum of each row.
#[inline(always)]
fn add<T: Real>(sums: &mut [T; ROWS], x: T, weights: &[T; ROWS]) {
    for (sum, &w) in sums.iter_mut().zip(weights) {
        *sum = *sum + x * w;
    }
}

/// At most [`INPUTS`] rows of `n` inputs, feature by feature; zeros where there
/// is none.
fn columns<T: Real>(rows: &[f64], n: usize) -> Vec<[T; INPUTS]> {
    let mut columns = vec![[T::default(); INPUTS]; n];
    for (i, row) in rows.chunks_exact(n).enumerate() {
        for (column, &x) in columns.iter_mut().zip(row) {
            column[i] = T::from_f64(x);
        }
    }
    columns
}

/// Row `first` and those after it, feature by feature; zeros where there is
/// none.
#[inline(always)]
fn copy_tile<T: Real>(scores: &MaxAffine, first: usize, tile: &mut [[T; ROWS]]) {
    match &scores.rows {
        Features::Coded { codes, levels } => {
            let levels: Vec<T> = levels.iter().map(|&level| T::from_f64(level)).collect();
            copy_rows(codes, first, tile, |code| levels[usize::from(code)]);
        }
        Features::F32(values) => copy_rows(values, first, tile, |v| T::from_f64(f64::from(v))),
        Features::F64(values) => copy_rows(values, first, tile, T::from_f64),
    }
}

#[inline(always)]
fn copy_rows<S: Copy, T: Real>(values: &[S], first: usize, tile: &mut [[T; ROWS]], of: impl Fn(S) -> T) {
    let n = tile.len();
    let mut rows = values[first * n..].chunks_exact(n);
    for lane in 0..ROWS {
        match rows.next() {
            Some(row) => tile.iter_mut().zip(row).for_each(|(out, &v)| out[lane] = of(v)),
            None => tile.iter_mut().for_each(|out| out[lane] = T::default()),
        }
    }
}
