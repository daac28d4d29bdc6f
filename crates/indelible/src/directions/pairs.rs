//! Pairs of enemies that the directions at hand leave too close.

use rayon::prelude::*;

use crate::{
    Dataset, Precision, Progress,
    isa::{Isa, Loop},
    number::{Real, random::SplitMix},
};

/// Pairs that are listed at once, about.
const MOST: usize = 4 << 20;
/// Samples that are compared with one at a time.
const BLOCK: usize = 64;
/// Directions after which a block is asked whether any of it is left.
const STEP: usize = 8;

/// Two enemies, by their places in [`Columns`].
pub(super) type Pair = (usize, usize);

/// Pairs that are too close.
pub(super) struct Open {
    pub pairs: Vec<Pair>,
    /// Whether these are all.
    pub all: bool,
}

/// Samples class after class, and what directions of length 1 make of them, in
/// numbers of the format.
pub(super) struct Columns<T> {
    samples: Vec<usize>,
    /// Where the class of the sample at a place ends.
    ends: Vec<usize>,
    /// Padded with samples that come close to none.
    needs: Vec<T>,
    columns: Vec<Vec<T>>,
    /// What roundings may take from a difference along a direction.
    tolerances: Vec<T>,
}

/// What one direction makes of some samples.
pub(super) struct Column {
    pub values: Vec<f64>,
    /// Its dual norm.
    pub length: f64,
    /// How far roundings reach.
    pub error: f64,
}

/// All samples in an order that is random but always the same.
pub(super) fn shuffled(data: &Dataset) -> Vec<usize> {
    let mut random = SplitMix::new(11);
    let mut order: Vec<usize> = (0..data.samples()).collect();
    for i in (1..order.len()).rev() {
        order.swap(i, random.below(i + 1));
    }
    order
}

/// Some pairs of enemies, drawn by a list of samples.
pub(super) fn enemies(data: &Dataset, samples: &[usize], most: usize) -> Vec<Pair> {
    let half = samples.len() / 2;
    let all = samples.iter().copied().zip(samples.iter().copied().skip(half.max(1)));
    all.filter(|&(i, j)| data.labels()[i] != data.labels()[j]).take(most).collect()
}

/// Where the class of each of some samples, which stand class after class, ends.
pub(super) fn class_ends(data: &Dataset, samples: &[usize]) -> Vec<usize> {
    let mut ends = vec![samples.len(); samples.len()];
    for place in (1..samples.len()).rev() {
        let same = data.labels()[samples[place - 1]] == data.labels()[samples[place]];
        ends[place - 1] = if same { ends[place] } else { place };
    }
    ends
}

impl<T: Real> Columns<T> {
    /// These samples, seen along no direction yet.
    pub fn new(data: &Dataset, needs: &[f64], samples: &[usize]) -> Self {
        let mut samples = samples.to_vec();
        samples.sort_by_key(|&i| data.labels()[i]);
        let ends = class_ends(data, &samples);
        // Sums and differences are rounded, too.
        let mut needs: Vec<T> =
            samples.iter().map(|&i| T::from_f64(needs[i] * (1.0 + 8.0 * unit::<T>()))).collect();
        needs.resize(samples.len() + BLOCK, T::from_f64(f64::NEG_INFINITY));
        Self { samples, ends, needs, columns: vec![], tolerances: vec![] }
    }

    /// The samples, place by place.
    pub fn samples(&self) -> &[usize] {
        &self.samples
    }

    /// Adds a direction.
    pub fn push(&mut self, Column { values, length, error }: Column) {
        let usable = length > 0.0 && length.is_finite() && error.is_finite();
        let largest = values.iter().fold(0.0, |m: f64, z| m.max(z.abs()));
        let error = error + 4.0 * unit::<T>() * largest;
        let mut column: Vec<T> =
            values.into_iter().map(|z| T::from_f64(if usable { z / length } else { 0.0 })).collect();
        column.resize(self.needs.len(), T::default());
        self.columns.push(column);
        self.tolerances.push(T::from_f64(if usable { 2.0 * error / length } else { f64::INFINITY }));
    }

    /// Whether no direction from `first` on tells a pair apart.
    pub fn is_open(&self, pair: Pair, first: usize) -> bool {
        let need = self.needs[pair.0] + self.needs[pair.1];
        let along = self.columns[first..].iter().zip(&self.tolerances[first..]);
        along.into_iter().all(|(z, &tolerance)| (z[pair.0] - z[pair.1]).abs() - tolerance < need)
    }
}

/// The unit roundoff of a format.
fn unit<T: Real>() -> f64 {
    let fine = T::from_f64(1.0 + f64::EPSILON).to_f64() > 1.0;
    if fine { Precision::F64.unit_roundoff() } else { Precision::F32.unit_roundoff() }
}

/// The pairs that no direction tells apart; of many, some of every sample.
pub(super) fn open<T: Real>(columns: &Columns<T>, progress: &dyn Progress) -> Open {
    let isa = Isa::best();
    let count = columns.samples.len();
    let most = (MOST / count).max(1);
    progress.begin("pairs", count as u64);
    let found: Vec<(Vec<Pair>, bool)> = (0..count)
        .into_par_iter()
        .map(|i| {
            let mut pairs = vec![];
            for start in (columns.ends[i]..count).step_by(BLOCK) {
                let mut left = isa.run(Scan { columns, i, start });
                while left != 0 {
                    pairs.push((i, start + left.trailing_zeros() as usize));
                    left &= left - 1;
                }
                if pairs.len() >= most {
                    progress.advance(1);
                    return (pairs, start + BLOCK >= count);
                }
            }
            progress.advance(1);
            (pairs, true)
        })
        .collect();
    progress.end();
    let all = found.iter().all(|(_, all)| *all);
    Open { pairs: found.into_iter().flat_map(|(pairs, _)| pairs).collect(), all }
}

/// Which samples of a block come too close to sample `i`, as bits.
struct Scan<'a, T> {
    columns: &'a Columns<T>,
    i: usize,
    start: usize,
}

impl<T: Real> Loop for Scan<'_, T> {
    type Output = u64;

    #[inline(always)]
    fn run(self) -> u64 {
        let Self { columns: Columns { needs, columns, tolerances, .. }, i, start } = self;
        let (own, others) = (needs[i], &needs[start..start + BLOCK]);
        let mut farthest = [T::from_f64(f64::NEG_INFINITY); BLOCK];
        for (columns, tolerances) in columns.chunks(STEP).zip(tolerances.chunks(STEP)) {
            for (column, &tolerance) in columns.iter().zip(tolerances) {
                let z = column[i];
                for (farthest, &other) in farthest.iter_mut().zip(&column[start..start + BLOCK]) {
                    let apart = (z - other).abs() - tolerance;
                    *farthest = if apart > *farthest { apart } else { *farthest };
                }
            }
            let mut left = 0;
            for (&farthest, &other) in farthest.iter().zip(others) {
                left += u32::from(farthest < own + other);
            }
            if left == 0 {
                return 0;
            }
        }
        let mut bits = 0;
        for (k, (&farthest, &other)) in farthest.iter().zip(others).enumerate() {
            bits |= u64::from(farthest < own + other) << k;
        }
        bits
    }
}
