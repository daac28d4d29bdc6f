//! A grid of thresholds and, for every ball, on which side of each it lies.
//!
//! A grid threshold stands for two literals: `x_f ≥ upper` and `x_f ≤ lower`,
//! `upper` and `lower` being its two ends a little room apart, so that a ball
//! which satisfies one violates the other by at least the slack. Balls are
//! kept in slots, class after class, each class from a new word on, in an order
//! that is random but always the same.

use crate::{
    Progress,
    network::{Constraint, Side},
    number::{add_up, random::SplitMix, sub_down},
    parallel,
};

use super::{
    balls::Balls,
    bits::transpose,
    kernel::{BLOCK, Matrix},
    thresholds::{Choice, choose},
};

/// Samples that thresholds are chosen by.
const SAMPLED: usize = 4096;
/// Thresholds that are aimed at over all features: on MNIST (784 features) 4
/// or 5 per feature do as well as 8 and cost half.
const AIM: usize = 4096;
/// Thresholds per feature at most.
const PER_FEATURE: usize = 1000;
/// Thresholds in all at most.
const MOST: usize = 8192;
/// The same over directions, along which balls lie at all places: few thresholds of
/// each would let most pairs pass that it tells apart.
const PER_DIRECTION: usize = 12;
const MOST_OF_DIRECTIONS: usize = 2 * MOST;
/// Bytes that the two bit matrices may take, half a byte per threshold and slot;
/// twice as many over directions.
const BYTES: usize = 256 << 20;
/// Share of pairs of balls that a threshold must newly separate.
const LEAST_GAIN: f64 = 1e-4;

/// Where a ball has no sample: padding at the end of a class.
const EMPTY: usize = usize::MAX;

/// One threshold with its two ends.
#[derive(Clone, Copy, Debug)]
struct Threshold {
    feature: usize,
    upper: f64,
    lower: f64,
}

/// The grid; see the [module documentation](self).
pub(super) struct Grid {
    thresholds: Vec<Threshold>,
    /// Words per half row, a multiple of [`BLOCK`].
    width: usize,
    /// Per slot: bits "above", bits "below".
    rows: Vec<u64>,
    /// Per literal the slots of the balls inside it.
    columns: Vec<u64>,
    /// Words of a set of slots.
    words: usize,
    classes: Vec<(usize, usize)>,
    /// All slots with a ball.
    pub all: Vec<u64>,
    samples: Vec<usize>,
    /// A number of the format: how far every ball that a literal excludes
    /// stays from it.
    pub slack: f64,
}

impl Grid {
    /// Chooses thresholds for `balls`, whose enemies stay at least `gap` apart
    /// in some feature, and places all balls among them.
    ///
    /// Time: O(n · min(N, 4096)) for the choice and O(N · thresholds).
    pub fn new(balls: &Balls<'_>, gap: f64, progress: &dyn Progress) -> Self {
        let data = balls.data;
        let (samples, classes) = slots(balls);
        let words = samples.len() / 64;
        let largest = (0..data.samples().min(SAMPLED))
            .map(|k| spread_out(k, data.samples()))
            .flat_map(|i| data.row(i))
            .fold(0.0, |m: f64, x| m.max(x.abs()));
        let room = (0.25 * gap).min(largest / 1024.0);
        let slack = balls.precision.round_down(0.5 * room).max(balls.least_slack());
        let thresholds = thresholds(balls, room, samples.len(), progress);
        let width = thresholds.len().div_ceil(64 * BLOCK).max(1) * BLOCK;
        let mut grid = Self {
            thresholds,
            width,
            rows: vec![],
            columns: vec![],
            words,
            classes,
            all: vec![0; words],
            samples,
            slack,
        };
        for (slot, _) in grid.samples.iter().enumerate().filter(|(_, sample)| **sample != EMPTY) {
            grid.all[slot / 64] |= 1 << (slot % 64);
        }
        grid.place(balls, progress);
        grid.turn();
        grid
    }

    /// Fills the rows.
    fn place(&mut self, balls: &Balls<'_>, progress: &dyn Progress) {
        let mut rows = vec![0; self.samples.len() * 2 * self.width];
        let (width, slack) = (self.width, self.slack);
        // A ball lies above from `least` on: at or above the upper end, and by the
        // slack or more, exactly, above the lower one; below up to `most`.
        let places: Vec<(usize, f64, f64)> = (self.thresholds.iter())
            .map(|t| (t.feature, t.upper.max(add_up(t.lower, slack)), t.lower.min(sub_down(t.upper, slack))))
            .collect();
        progress.begin("placing balls", self.samples.len() as u64);
        parallel::each_chunk_mut(&mut rows, 2 * width, |slot, row| {
            progress.advance(1);
            let sample = self.samples[slot];
            if sample == EMPTY {
                return;
            }
            let x = balls.data.row(sample);
            let (mut feature, mut ends) = (usize::MAX, (0.0, 0.0));
            let (above, below) = row.split_at_mut(width);
            for ((places, above), below) in places.chunks(64).zip(above).zip(below) {
                for (bit, &(of, least, most)) in places.iter().enumerate() {
                    if of != feature {
                        feature = of;
                        ends = balls.ends_around(x[feature], sample, feature);
                    }
                    *above |= u64::from(ends.0 >= least) << bit;
                    *below |= u64::from(ends.1 <= most) << bit;
                }
            }
        });
        progress.end();
        self.rows = rows;
    }

    /// Fills the columns, the rows transposed.
    fn turn(&mut self) {
        let (words, width, rows) = (self.words, self.width, &self.rows);
        let mut columns = vec![0; self.thresholds.len() * 2 * words];
        parallel::each_chunk_mut(&mut columns, 2 * words * 64, |block, columns| {
            let mut bits = [0; 64];
            for side in 0..2 {
                for word in 0..words {
                    for (slot, bits) in bits.iter_mut().enumerate() {
                        *bits = rows[(word * 64 + slot) * 2 * width + side * width + block];
                    }
                    transpose(&mut bits);
                    for (column, bits) in columns.chunks_exact_mut(2 * words).zip(bits) {
                        column[side * words + word] = bits;
                    }
                }
            }
        });
        self.columns = columns;
    }

    pub fn thresholds(&self) -> usize {
        self.thresholds.len()
    }

    /// Words of a set of slots.
    pub fn words(&self) -> usize {
        self.words
    }

    pub fn matrix(&self) -> Matrix<'_> {
        Matrix { rows: &self.rows, width: self.width }
    }

    /// Slots of the balls that lie inside literal `literal`; its mirror image
    /// `literal ^ 1` has those that it excludes.
    #[inline]
    pub fn inside(&self, literal: u32) -> &[u64] {
        let start = literal as usize * self.words;
        &self.columns[start..start + self.words]
    }

    /// Slots of the balls that `literal` excludes.
    #[inline]
    pub fn excluded(&self, literal: u32) -> &[u64] {
        self.inside(literal ^ 1)
    }

    /// The literal of threshold `threshold`, of which there are few, on whose side
    /// the ball of `slot` lies, which must lie on one.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "a few thousand thresholds; a bit")]
    pub fn literal(&self, slot: usize, threshold: usize) -> u32 {
        let (above, _) = self.matrix().row(slot);
        threshold as u32 * 2 + 1 - (above[threshold / 64] >> (threshold % 64) & 1) as u32
    }

    /// What a literal says.
    pub fn constraint(&self, literal: u32) -> Constraint {
        let threshold = self.thresholds[literal as usize / 2];
        let feature = threshold.feature;
        if literal.is_multiple_of(2) {
            Constraint { feature, side: Side::AtLeast, threshold: threshold.upper }
        } else {
            Constraint { feature, side: Side::AtMost, threshold: threshold.lower }
        }
    }

    /// The sample in a slot that has one.
    #[inline]
    pub fn sample(&self, slot: usize) -> usize {
        self.samples[slot]
    }

    /// The words that hold class `class`.
    #[inline]
    pub fn words_of(&self, class: usize) -> std::ops::Range<usize> {
        self.classes[class].0..self.classes[class].1
    }

    /// The class of a slot.
    pub fn class_of(&self, slot: usize) -> usize {
        self.classes.partition_point(|range| range.1 <= slot / 64)
    }
}

/// Slots of all samples and words of all classes.
fn slots(balls: &Balls<'_>) -> (Vec<usize>, Vec<(usize, usize)>) {
    let data = balls.data;
    let mut random = SplitMix::new(7);
    let mut by_class = vec![vec![]; data.classes()];
    for (sample, &class) in data.labels().iter().enumerate() {
        by_class[class].push(sample);
    }
    let (mut samples, mut classes) = (Vec::new(), Vec::new());
    for mut members in by_class {
        for i in (1..members.len()).rev() {
            members.swap(i, random.below(i + 1));
        }
        let start = samples.len() / 64;
        samples.extend(members);
        samples.resize(samples.len().next_multiple_of(64), EMPTY);
        classes.push((start, samples.len() / 64));
    }
    (samples, classes)
}

/// The `k`-th of at most [`SAMPLED`] samples at equal distances.
fn spread_out(k: usize, samples: usize) -> usize {
    let most = samples.min(SAMPLED);
    (k * samples + samples / 2) / most
}

/// The best thresholds of all features, sorted by feature and place.
fn thresholds(balls: &Balls<'_>, room: f64, slots: usize, progress: &dyn Progress) -> Vec<Threshold> {
    let data = balls.data;
    let n = data.features();
    let chosen: Vec<usize> =
        (0..data.samples().min(SAMPLED)).map(|k| spread_out(k, data.samples())).collect();
    let (aim, most) =
        if balls.spread.is_some() { (AIM.max(PER_DIRECTION * n), MOST_OF_DIRECTIONS) } else { (AIM, MOST) };
    let per_feature = (aim.min(most) / n).clamp(1, PER_FEATURE);
    let most = (2 * BYTES / slots * (most / MOST)).clamp(64 * BLOCK, most);
    progress.begin("thresholds", n as u64);
    let mut found: Vec<(f64, Threshold)> = parallel::flat_map(n, |feature| {
        let ends: Vec<_> = chosen.iter().map(|&i| balls.ends(i, feature)).collect();
        progress.advance(1);
        let fitting = |Choice { threshold, gain }| {
            let upper = balls.precision.round(threshold + 0.5 * room);
            let lower = balls.precision.round(threshold - 0.5 * room);
            let fits = upper.is_finite() && lower.is_finite() && gain >= LEAST_GAIN;
            fits.then_some((gain, Threshold { feature, upper, lower }))
        };
        choose(&ends, room, per_feature).into_iter().filter_map(fitting).collect()
    });
    progress.end();
    let place = |a: &Threshold, b: &Threshold| {
        a.feature.cmp(&b.feature).then(a.upper.total_cmp(&b.upper)).then(a.lower.total_cmp(&b.lower))
    };
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then(place(&a.1, &b.1)));
    found.truncate(most);
    let mut thresholds: Vec<Threshold> = found.into_iter().map(|(_, threshold)| threshold).collect();
    thresholds.sort_by(place);
    thresholds
}
