//! Pairs of enemies that the directions at hand leave too close.

use crate::{
    Dataset, Precision, Progress,
    isa::{Isa, Loop},
    number::{Real, random::SplitMix},
    parallel,
};

/// Pairs that are listed at once, about.
const MOST: usize = 4 << 20;
/// Samples that are compared with one at a time.
const BLOCK: usize = 64;
/// Directions that whole blocks are compared along, and after how many a block is
/// asked whether any of it is left. Along later ones pairs are compared one by one.
const EARLY: usize = 2 * LANES;
const STEP: usize = 8;
/// Later directions whose numbers of a sample stand side by side.
const LANES: usize = 16;

/// Two enemies, by their places in [`Columns`].
pub(super) type Pair = (usize, usize);

/// Pairs that are too close.
pub(super) struct Open {
    pub pairs: Vec<Pair>,
    /// Whether these are all.
    pub all: bool,
}

impl Open {
    /// The places, of `count`, of samples that a pair has.
    pub fn places(&self, count: usize) -> Vec<usize> {
        let mut has = vec![false; count];
        for &(i, j) in &self.pairs {
            (has[i], has[j]) = (true, true);
        }
        (0..count).filter(|&place| has[place]).collect()
    }
}

/// Samples class after class, and what directions of length 1 make of them, in
/// numbers of the format.
pub(super) struct Columns<T> {
    samples: Vec<usize>,
    /// Where the class of the sample at a place ends.
    ends: Vec<usize>,
    /// Padded with samples that come close to none.
    needs: Vec<T>,
    /// Of the first directions, one column each.
    early: Vec<Vec<T>>,
    /// Of the others, [`LANES`] of a sample side by side.
    later: Vec<Vec<[T; LANES]>>,
    /// What roundings may take from a difference along a direction; infinite where
    /// there is none.
    tolerances: Vec<[T; LANES]>,
    directions: usize,
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
        Self { samples, ends, needs, early: vec![], later: vec![], tolerances: vec![], directions: 0 }
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
        let seen = values.into_iter().map(|z| T::from_f64(if usable { z / length } else { 0.0 }));
        let (chunk, lane) = (self.directions / LANES, self.directions % LANES);
        if lane == 0 {
            self.tolerances.push([T::from_f64(f64::INFINITY); LANES]);
        }
        if usable && let Some(tolerances) = self.tolerances.get_mut(chunk) {
            tolerances[lane] = T::from_f64(2.0 * error / length);
        }
        if self.directions < EARLY {
            let mut column: Vec<T> = seen.collect();
            column.resize(self.needs.len(), T::default());
            self.early.push(column);
        } else {
            if lane == 0 {
                self.later.push(vec![[T::default(); LANES]; self.samples.len()]);
            }
            if let Some(later) = self.later.last_mut() {
                later.iter_mut().zip(seen).for_each(|(row, z)| row[lane] = z);
            }
        }
        self.directions += 1;
    }

    /// Whether no direction tells a pair apart that none before `first` does.
    pub fn is_open(&self, pair: Pair, first: usize) -> bool {
        let need = self.needs[pair.0] + self.needs[pair.1];
        let closer = |(index, column): (usize, &Vec<T>)| {
            let tolerance = self.tolerances[index / LANES][index % LANES];
            (column[pair.0] - column[pair.1]).abs() - tolerance < need
        };
        self.early.iter().enumerate().skip(first).all(closer)
            && Isa::best().run(Later { columns: self, pair, skipped: first.saturating_sub(EARLY) / LANES })
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
    let found: Vec<(Vec<Pair>, bool)> = parallel::map(count, |i| {
        let found = isa.run(OfSample { columns, i, most });
        progress.advance(1);
        found
    });
    progress.end();
    let all = found.iter().all(|(_, all)| *all);
    Open { pairs: found.into_iter().flat_map(|(pairs, _)| pairs).collect(), all }
}

/// The open pairs of sample `i` and samples of later classes, `most` of them or a
/// few more, and whether these are all.
struct OfSample<'a, T> {
    columns: &'a Columns<T>,
    i: usize,
    most: usize,
}

impl<T: Real> Loop for OfSample<'_, T> {
    type Output = (Vec<Pair>, bool);

    #[inline(always)]
    fn run(self) -> Self::Output {
        let Self { columns, i, most } = self;
        let count = columns.samples.len();
        let mut pairs = vec![];
        for start in (columns.ends[i]..count).step_by(BLOCK) {
            let mut left = Early { columns, i, start }.run();
            while left != 0 {
                let pair = (i, start + left.trailing_zeros() as usize);
                left &= left - 1;
                if (Later { columns, pair, skipped: 0 }).run() {
                    pairs.push(pair);
                }
            }
            if pairs.len() >= most {
                return (pairs, start + BLOCK >= count);
            }
        }
        (pairs, true)
    }
}

/// Which samples of a block the first directions leave too close to sample `i`, as
/// bits.
struct Early<'a, T> {
    columns: &'a Columns<T>,
    i: usize,
    start: usize,
}

impl<T: Real> Loop for Early<'_, T> {
    type Output = u64;

    #[inline(always)]
    fn run(self) -> u64 {
        let Self { columns: Columns { needs, early, tolerances, .. }, i, start } = self;
        let (own, others) = (needs[i], &needs[start..start + BLOCK]);
        let mut farthest = [T::from_f64(f64::NEG_INFINITY); BLOCK];
        for (columns, tolerances) in early.chunks(STEP).zip(tolerances.as_flattened().chunks(STEP)) {
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

/// Whether the later directions, [`LANES`] times `skipped` left out, leave a pair
/// too close.
struct Later<'a, T> {
    columns: &'a Columns<T>,
    pair: Pair,
    skipped: usize,
}

impl<T: Real> Loop for Later<'_, T> {
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        let Self { columns: Columns { needs, later, tolerances, .. }, pair: (i, j), skipped } = self;
        let need = needs[i] + needs[j];
        let tolerances = tolerances.iter().skip(EARLY / LANES);
        for (rows, tolerances) in later.iter().zip(tolerances).skip(skipped) {
            let (a, b) = (&rows[i], &rows[j]);
            let mut farthest = [T::from_f64(f64::NEG_INFINITY); LANES];
            for k in 0..LANES {
                farthest[k] = (a[k] - b[k]).abs() - tolerances[k];
            }
            let mut apart = 0;
            for farthest in farthest {
                apart += u32::from(farthest >= need);
            }
            if apart > 0 {
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Features, Silent};
    use proptest::prelude::*;

    proptest! {
        /// The pairs that are listed are those of all pairs of enemies that no
        /// direction tells apart, however many directions there are.
        #[test]
        fn open_pairs_are_those_of_the_definition(
            labels in prop::collection::vec(0usize..3, 2..160),
            count in 0usize..70,
            seed in any::<u64>(),
            sparse in any::<bool>(),
        ) {
            let mut random = SplitMix::new(seed);
            let samples = labels.len();
            let names = ["a", "b", "c"].map(String::from).to_vec();
            let features = Features::F32(vec![0.0; samples].into());
            let data = Dataset::new(features, 1, labels.clone(), names).unwrap();
            let order = shuffled(&data);
            let needs = vec![0.6; samples];
            let mut columns = Columns::<f32>::new(&data, &needs, &order);
            let mut naive: Vec<Vec<f64>> = vec![];
            for _ in 0..count {
                // Quarters: no difference is close to the 1.2 that a pair needs.
                let mut value = || if sparse && random.below(8) > 0 { 0.0 } else { 0.25 * random.below(7) as f64 };
                let values: Vec<f64> = (0..samples).map(|_| value()).collect();
                let seen = columns.samples().iter().map(|&i| values[i]).collect();
                columns.push(Column { values: seen, length: 1.0, error: 0.0 });
                naive.push(values);
            }
            let sorted = |i: usize, j: usize| (i.min(j), i.max(j));
            let found = open(&columns, &Silent);
            prop_assert!(found.all);
            prop_assert!(found.pairs.iter().all(|&pair| columns.is_open(pair, 0)));
            let mut listed: Vec<Pair> =
                found.pairs.iter().map(|&(i, j)| sorted(columns.samples()[i], columns.samples()[j])).collect();
            listed.sort_unstable();
            let mut expected = vec![];
            for i in 0..samples {
                for j in (i + 1..samples).filter(|&j| labels[i] != labels[j]) {
                    if naive.iter().all(|z| (z[i] - z[j]).abs() < 1.2) {
                        expected.push((i, j));
                    }
                }
            }
            prop_assert_eq!(listed, expected);
        }
    }
}
