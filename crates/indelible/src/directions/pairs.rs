//! Pairs of enemies that the directions at hand leave too close.

use rayon::prelude::*;

use crate::{
    Dataset, Progress,
    isa::{Isa, Loop},
    network::Image,
    number::random::SplitMix,
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

/// Samples class after class, and what directions of length 1 make of them.
pub(super) struct Columns {
    samples: Vec<usize>,
    /// Where the class of the sample at a place ends.
    ends: Vec<usize>,
    /// Padded with samples that come close to none.
    needs: Vec<f64>,
    columns: Vec<Vec<f64>>,
    /// What roundings may take from a difference along a direction.
    tolerances: Vec<f64>,
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

impl Columns {
    /// These samples, seen along no direction yet.
    pub fn new(data: &Dataset, needs: &[f64], samples: &[usize]) -> Self {
        let mut samples = samples.to_vec();
        samples.sort_by_key(|&i| data.labels()[i]);
        let mut ends = vec![samples.len(); samples.len()];
        for place in (1..samples.len()).rev() {
            let same = data.labels()[samples[place - 1]] == data.labels()[samples[place]];
            ends[place - 1] = if same { ends[place] } else { place };
        }
        let mut needs: Vec<f64> = samples.iter().map(|&i| needs[i]).collect();
        needs.resize(samples.len() + BLOCK, f64::NEG_INFINITY);
        Self { samples, ends, needs, columns: vec![], tolerances: vec![] }
    }

    /// The sample at a place.
    pub fn sample(&self, place: usize) -> usize {
        self.samples[place]
    }

    /// How far apart the images of a pair must come.
    pub fn need(&self, (i, j): Pair) -> f64 {
        self.needs[i] + self.needs[j]
    }

    /// Adds `count` directions: the images `of` a sample, and their lengths.
    /// Roundings count `factor` times.
    pub fn extend(
        &mut self,
        count: usize,
        of: impl Fn(usize) -> Vec<Image> + Sync,
        length: impl Fn(usize) -> f64,
        factor: f64,
    ) {
        let images: Vec<Vec<Image>> = self.samples.par_iter().map(|&sample| of(sample)).collect();
        for f in 0..count {
            let length = length(f);
            let error = images.iter().fold(0.0, |m: f64, row| m.max(row[f].error));
            let usable = length > 0.0 && length.is_finite() && error.is_finite();
            let mut column: Vec<f64> =
                images.iter().map(|row| if usable { row[f].center / length } else { 0.0 }).collect();
            column.resize(self.needs.len(), 0.0);
            self.columns.push(column);
            self.tolerances.push(if usable { 2.0 * factor * error / length } else { f64::INFINITY });
        }
    }

    /// Whether no direction from `first` on tells a pair apart.
    pub fn is_open(&self, pair: Pair, first: usize) -> bool {
        let need = self.need(pair);
        let along = self.columns[first..].iter().zip(&self.tolerances[first..]);
        along.into_iter().all(|(z, tolerance)| (z[pair.0] - z[pair.1]).abs() - tolerance < need)
    }
}

/// The pairs that no direction tells apart; of many, some of every sample.
pub(super) fn open(columns: &Columns, progress: &dyn Progress) -> Open {
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
struct Scan<'a> {
    columns: &'a Columns,
    i: usize,
    start: usize,
}

impl Loop for Scan<'_> {
    type Output = u64;

    #[inline(always)]
    fn run(self) -> u64 {
        let Self { columns: Columns { needs, columns, tolerances, .. }, i, start } = self;
        let (own, others) = (needs[i], &needs[start..start + BLOCK]);
        let mut farthest = [f64::NEG_INFINITY; BLOCK];
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
