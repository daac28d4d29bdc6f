//! Which directions tell most of some pairs apart, per weight.
//!
//! Candidates begin as the dual vectors of the differences of single pairs and
//! turn towards the pairs that they nearly tell apart already: the dual vector
//! of the sum of their differences, signs agreeing. Those that tell most apart
//! are tried whole and without their smaller entries, down to one coordinate.

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
const SEEDS: usize = 12;
/// Directions that are chosen before pairs are drawn anew.
const BATCH: usize = 32;
/// Candidates that are tried without their small entries.
const PROMISING: usize = 6;
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
    /// Of at most [`PAIRS`] of `open`, at equal distances in the list.
    pub fn new<T: Real>(task: &Task<'_>, columns: &Columns<T>, open: &[Pair]) -> Self {
        let count = open.len().min(PAIRS);
        let pairs: Vec<Pair> = (0..count)
            .map(|k| open[(k * open.len() + open.len() / 2) / count])
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

/// A candidate and how many open pairs it tells apart.
struct Candidate {
    direction: Direction,
    gain: usize,
}

impl Candidate {
    fn value(&self) -> f64 {
        self.gain as f64 / (self.direction.weights.len() as f64 + OVERHEAD)
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
        let Some(best) = best(&pairs, &open, norm, &mut random) else { break };
        let mut along = pairs.along(&best, norm, &open).into_iter();
        open.retain(|_| along.next().is_none_or(|along| along.abs() < ROOM));
        chosen.push(best);
    }
    chosen
}

/// The candidate that tells most of the open pairs apart per weight, if one does any.
fn best(pairs: &Differences, open: &[usize], norm: Norm, random: &mut SplitMix) -> Option<Direction> {
    let seeds: Vec<usize> = if open.len() <= SEEDS {
        open.to_vec()
    } else {
        (0..SEEDS).map(|_| open[random.below(open.len())]).collect()
    };
    let mut turned: Vec<(usize, Vec<f32>)> = parallel::flat_map(seeds.len(), |at| {
        [0, TURNS].map(|turns| turned(pairs, open, norm, seeds[at], turns)).into()
    });
    turned.sort_by_key(|(gain, _)| std::cmp::Reverse(*gain));
    turned.truncate(PROMISING);
    let candidate = |direction| Candidate { gain: gain(pairs, open, norm, &direction), direction };
    let candidates = parallel::flat_map(turned.len(), |at| {
        let sparse = LEAST.iter().filter_map(|&least| Direction::sparse(&turned[at].1, norm, least));
        sparse.map(candidate).collect()
    });
    let best = candidates.into_iter().reduce(|a, b| if b.value() > a.value() { b } else { a });
    best.filter(|best| best.gain > 0).map(|best| best.direction)
}

/// The difference of the pair `seed`, turned so often towards the open pairs that
/// its dual vector nearly tells apart, and how many that tells apart.
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
