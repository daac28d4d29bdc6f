//! Which directions tell most of some pairs apart, per weight.
//!
//! Candidates begin as the dual vectors of the differences of single pairs and
//! turn towards the pairs that they nearly tell apart already: the dual vector
//! of the sum of their differences, signs agreeing. Those that tell most apart
//! are tried whole and without their smaller entries, down to one coordinate, and
//! several are taken at once, as long as they are worth nearly as much as the first.

use crate::{
    Dataset, Norm,
    isa::{Isa, Loop},
    number::{Real, random::SplitMix},
    parallel,
};

use super::{
    Task,
    dual::Direction,
    pairs::{Columns, Pair},
};

/// Pairs that directions are chosen on.
const PAIRS: usize = 4096;
/// Pairs at random whose differences candidates begin as.
const SEEDS: usize = 16;
/// Directions that are chosen before pairs are drawn anew.
const BATCH: usize = 32;
/// Pairs that candidates turn towards.
const TURNED: usize = 1024;
/// Candidates that are tried without their small entries.
const PROMISING: usize = 12;
/// Value of a candidate, as a share of the round's first, down to which candidates
/// are taken.
const WORTH: f64 = 0.7;
/// Share of the pairs that is left when pairs are drawn anew, if there are more.
const LEFT: f64 = 0.3;
/// How often candidates turn.
const TURNS: usize = 3;
/// Share of what a pair needs from which on it pulls.
const NEARLY: f32 = 0.6;
/// Entries that are left out: those that carry less than this share of what
/// the largest carries.
const LEAST: [f32; 5] = [0.0, 0.05, 0.2, 0.5, 1.0];
/// A direction counts as this many weights more: its bias, its thresholds, and
/// what else it takes to look at it.
const OVERHEAD: f64 = 100.0;
/// Room for the roundings of binary32, which pairs are looked at in.
const ROOM: f32 = 1.0 + 5e-4;

/// Pairs whose distances along a direction are taken at once.
const BLOCK: usize = 64;

/// Differences of pairs, each as a multiple of what it must come apart.
pub(super) struct Differences {
    n: usize,
    rows: Vec<f32>,
    /// The same, feature by feature for every [`BLOCK`] pairs.
    columns: Vec<[f32; BLOCK]>,
    /// Whether these are all pairs that are open.
    all: bool,
}

impl Differences {
    /// Of at most [`PAIRS`] of `open`, at equal distances in the list, in an order that
    /// is random but always the same.
    pub fn new<T: Real>(task: &Task<'_>, columns: &Columns<T>, open: &[Pair]) -> Self {
        let count = open.len().min(PAIRS);
        let mut places: Vec<usize> = (0..count).map(|k| (k * open.len() + open.len() / 2) / count).collect();
        let mut random = SplitMix::new(3);
        for k in (1..count).rev() {
            places.swap(k, random.below(k + 1));
        }
        let pairs: Vec<Pair> = (places.into_iter().map(|place| open[place]))
            .map(|(i, j)| (columns.samples()[i], columns.samples()[j]))
            .collect();
        Self { all: count == open.len(), ..Self::between(task.data, &task.needs, &pairs) }
    }

    /// Of these pairs of samples.
    pub fn between(data: &Dataset, needs: &[f64], pairs: &[Pair]) -> Self {
        let n = data.features();
        let mut rows = vec![0.0; n * pairs.len()];
        parallel::each_chunk_mut(&mut rows, n, |pair, row| {
            let (i, j) = pairs[pair];
            let need = needs[i] + needs[j];
            for ((d, a), b) in row.iter_mut().zip(data.row(i)).zip(data.row(j)) {
                *d = short((a - b) / need);
            }
        });
        let mut columns = vec![[0.0; BLOCK]; n * pairs.len().div_ceil(BLOCK)];
        parallel::each_chunk_mut(&mut columns, n, |block, columns| {
            let first = block * n * BLOCK;
            let rows = &rows[first..rows.len().min(first + n * BLOCK)];
            for (k, row) in rows.chunks_exact(n).enumerate() {
                columns.iter_mut().zip(row).for_each(|(column, d)| column[k] = *d);
            }
        });
        Self { n, rows, columns, all: true }
    }

    /// How far `open` pairs, in ascending order, are apart along a direction, as
    /// multiples of what they need.
    fn along(&self, direction: &Direction, norm: Norm, open: &[usize]) -> Vec<f32> {
        let length = direction.length(norm);
        let weights: Vec<(usize, f32)> =
            direction.weights.iter().map(|&(feature, w)| (feature, short(w / length))).collect();
        Isa::best().run(Along { pairs: self, weights: &weights, open })
    }

    /// Features of each.
    pub fn features(&self) -> usize {
        self.n
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.rows.len() / self.n
    }

    pub fn row(&self, pair: usize) -> &[f32] {
        &self.rows[pair * self.n..(pair + 1) * self.n]
    }
}

/// A number in binary32, large ones cut off.
#[expect(clippy::cast_possible_truncation, reason = "rounding is what it is for")]
pub(super) fn short(x: f64) -> f32 {
    x.clamp(-1e15, 1e15) as f32
}

/// A candidate and the open pairs that it tells apart, as bits.
struct Candidate {
    direction: Direction,
    apart: Vec<u64>,
}

impl Candidate {
    fn new(pairs: &Differences, open: &[usize], norm: Norm, direction: Direction) -> Self {
        let mut apart = vec![0; pairs.count().div_ceil(64)];
        for (&pair, along) in open.iter().zip(pairs.along(&direction, norm, open)) {
            apart[pair / 64] |= u64::from(along.abs() >= ROOM) << (pair % 64);
        }
        Self { direction, apart }
    }

    /// Pairs told apart per weight.
    fn value(&self) -> f64 {
        let gain: u32 = self.apart.iter().map(|word| word.count_ones()).sum();
        f64::from(gain) / (self.direction.weights.len() as f64 + OVERHEAD)
    }
}

/// Directions that tell most of the pairs apart, or all of them if `pairs` are
/// all that there are; fewer when no more are found.
pub(super) fn directions(pairs: Differences, norm: Norm, salt: u64) -> Vec<Direction> {
    let mut random = SplitMix::new(salt);
    let mut open: Vec<usize> = (0..pairs.count()).collect();
    let left = if pairs.all { 0.0 } else { LEFT * open.len() as f64 };
    let mut chosen = vec![];
    while open.len() as f64 > left && chosen.len() < BATCH {
        let candidates = candidates(&pairs, &open, norm, &mut random);
        let known = chosen.len();
        take(candidates, &mut open, &mut chosen);
        if chosen.len() == known {
            break;
        }
    }
    chosen
}

/// Takes candidates, those first that tell most of the open pairs apart per weight,
/// as long as they are worth nearly as much as the first.
fn take(mut candidates: Vec<Candidate>, open: &mut Vec<usize>, chosen: &mut Vec<Direction>) {
    let mut first = 0.0f64;
    loop {
        let best = candidates.iter().map(Candidate::value).enumerate();
        let Some((place, worth)) = best.reduce(|a, b| if b.1 > a.1 { b } else { a }) else { return };
        if worth <= 0.0 || worth < WORTH * first {
            return;
        }
        first = first.max(worth);
        let best = candidates.swap_remove(place);
        open.retain(|pair| best.apart[pair / 64] >> (pair % 64) & 1 == 0);
        for other in &mut candidates {
            other.apart.iter_mut().zip(&best.apart).for_each(|(word, gone)| *word &= !gone);
        }
        chosen.push(best.direction);
    }
}

/// Directions that may tell many open pairs apart.
fn candidates(pairs: &Differences, open: &[usize], norm: Norm, random: &mut SplitMix) -> Vec<Candidate> {
    let seeds: Vec<usize> = if open.len() <= SEEDS {
        open.to_vec()
    } else {
        (0..SEEDS).map(|_| open[random.below(open.len())]).collect()
    };
    // Pairs stand in no order: the first are as good as any.
    let some = &open[..open.len().min(TURNED)];
    let mut turned: Vec<(usize, Vec<f32>)> = parallel::flat_map(seeds.len(), |at| {
        [0, TURNS].map(|turns| turned(pairs, some, norm, seeds[at], turns)).into()
    });
    turned.sort_by_key(|(gain, _)| std::cmp::Reverse(*gain));
    turned.truncate(PROMISING);
    parallel::flat_map(turned.len(), |at| {
        let sparse = LEAST.iter().filter_map(|&least| Direction::sparse(&turned[at].1, norm, least));
        sparse.map(|direction| Candidate::new(pairs, open, norm, direction)).collect()
    })
}

/// The difference of the pair `seed`, turned so often towards the pairs of `open`
/// that its dual vector nearly tells apart, and how many that tells apart.
fn turned(pairs: &Differences, open: &[usize], norm: Norm, seed: usize, turns: usize) -> (usize, Vec<f32>) {
    let mut v = pairs.row(seed).to_vec();
    for _ in 0..turns {
        let Some(direction) = Direction::sparse(&v, norm, 0.0) else { break };
        v.fill(0.0);
        for (&pair, along) in open.iter().zip(pairs.along(&direction, norm, open)) {
            if along.abs() >= NEARLY {
                let sign = along.signum();
                v.iter_mut().zip(pairs.row(pair)).for_each(|(v, d)| *v += sign * d);
            }
        }
    }
    let gain = Direction::sparse(&v, norm, 0.0).map_or(0, |direction| gain(pairs, open, norm, &direction));
    (gain, v)
}

/// How many open pairs a direction tells apart.
fn gain(pairs: &Differences, open: &[usize], norm: Norm, direction: &Direction) -> usize {
    pairs.along(direction, norm, open).iter().filter(|along| along.abs() >= ROOM).count()
}

/// What [`Differences::along`] does, [`BLOCK`] pairs at a time.
struct Along<'a> {
    pairs: &'a Differences,
    /// Of the direction of length 1.
    weights: &'a [(usize, f32)],
    open: &'a [usize],
}

impl Loop for Along<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn run(self) -> Vec<f32> {
        let Self { pairs: Differences { n, columns, .. }, weights, open } = self;
        let mut along = Vec::with_capacity(open.len());
        let (mut summed, mut sums) = (usize::MAX, [0.0f32; BLOCK]);
        for &pair in open {
            if pair / BLOCK != summed {
                summed = pair / BLOCK;
                sums = [0.0; BLOCK];
                let columns = &columns[summed * n..(summed + 1) * n];
                for &(feature, weight) in weights {
                    sums.iter_mut().zip(&columns[feature]).for_each(|(sum, d)| *sum += weight * d);
                }
            }
            along.push(sums[pair % BLOCK]);
        }
        along
    }
}

/// A scalar product, in an order that vectors suit.
pub(super) struct Dot<'a>(pub &'a [f32], pub &'a [f32]);

impl Loop for Dot<'_> {
    type Output = f32;

    #[inline(always)]
    fn run(self) -> f32 {
        let mut sums = [0.0f32; 64];
        let (a, tail_a) = self.0.as_chunks::<64>();
        let (b, tail_b) = self.1.as_chunks::<64>();
        for (a, b) in a.iter().zip(b) {
            for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
                *sum += a * b;
            }
        }
        for ((sum, a), b) in sums.iter_mut().zip(tail_a).zip(tail_b) {
            *sum += a * b;
        }
        sums.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Features;
    use proptest::prelude::*;

    proptest! {
        /// Every direction tells pairs apart that none before it does, and where all
        /// pairs are there and the batch is not full, nothing is left of them.
        #[test]
        fn directions_tell_more_and_more_apart(
            values in prop::collection::vec(-9i8..10, 12..240),
            n in 1usize..5,
            norm in prop::sample::select(vec![Norm::L1, Norm::L2, Norm::Lp(3.0)]),
        ) {
            let samples = values.len() / n;
            let values: Vec<f32> = values[..samples * n].iter().map(|&x| f32::from(x)).collect();
            let labels = (0..samples).map(|i| i % 2).collect();
            let names = ["a", "b"].map(String::from).to_vec();
            let data = Dataset::new(Features::F32(values.into()), n, labels, names).unwrap();
            let apart = |&(i, j): &Pair| data.row(i).iter().zip(&data.row(j)).any(|(a, b)| a != b);
            let pairs: Vec<Pair> = (1..samples).map(|i| (i - 1, i)).filter(apart).collect();
            prop_assume!(!pairs.is_empty());
            // Half of the least distance, less than an eighth of it to spare.
            let differences = Differences::between(&data, &vec![0.4; samples], &pairs);
            let chosen = directions(differences, norm, 1);
            let tells = |direction: &Direction, &(i, j): &Pair| {
                let (x, y) = (data.row(i), data.row(j));
                let along: f64 = direction.weights.iter().map(|&(f, w)| w * (x[f] - y[f])).sum();
                along.abs() / direction.length(norm) >= 0.8 * f64::from(ROOM)
            };
            let mut open = pairs;
            for direction in &chosen {
                let before = open.len();
                open.retain(|pair| !tells(direction, pair));
                prop_assert!(open.len() < before);
            }
            prop_assert!(open.is_empty() || chosen.len() >= BATCH, "{} left", open.len());
        }
    }
}
