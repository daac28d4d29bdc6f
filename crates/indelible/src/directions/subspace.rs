//! A few dimensions that keep nearly all separation, for the Euclidean norm.
//!
//! Among the rows of `P`, orthonormal, the distance `‖P(x − x')‖` of two samples is
//! at most their own, and what keeps the distances of enemies keeps directions
//! that tell them apart: `u P` has the Euclidean length of `u`. So `m` directions
//! cost `k` numbers each, once `P` is paid for.
//!
//! How: `P` begins as the directions in which enemies differ most. The pairs that
//! it leaves closest are found (`open`), and it turns towards them: the gradient of the soft minimum of `‖P(x − x')‖²` over all
//! pairs found so far, and Gram and Schmidt's process. Where that is not enough,
//! dimensions are added.

use crate::{
    Dataset, Progress,
    isa::{Isa, Loop},
    number::random::SplitMix,
    parallel,
};

use super::{
    Task,
    choose::{Differences, Dot, short},
    dual::Direction,
    pairs::{self, Pair},
};

/// Dimensions at first, and how many are added.
const FIRST: usize = 16;
const MORE: usize = 8;
/// Of so many features one dimension at most, and so many in all.
const SHARE: usize = 6;
const DIMENSIONS: usize = 128;
/// Pairs that are added at once, and that are kept.
const NEW: usize = 1024;
const KEPT: usize = 4096;
/// Steps of subspace iteration.
const STEPS: usize = 3;
/// Turns after new pairs.
const TURNS: usize = 40;
/// How often pairs are looked for before dimensions are added.
const ROUNDS: usize = 3;
/// How sharp the soft minimum is.
const SHARPNESS: f32 = 40.0;
/// Weight of a pair, as a share of the largest, from which on it pulls.
const PULLS: f32 = 1e-3;
/// How far a turn goes.
const STEP: f32 = 4.0;

/// Orthonormal rows that keep all enemies as far apart as `needs` asks, as far as
/// that was found; `None` where too many would be needed.
pub(super) fn subspace(task: &Task<'_>, needs: &[f64], progress: &dyn Progress) -> Option<Vec<Direction>> {
    let n = task.data.features();
    let order = pairs::shuffled(task.data);
    let mut hard: Vec<Pair> = pairs::enemies(task.data, &order, NEW);
    let most = DIMENSIONS.min(n / SHARE);
    let mut spare = Rows::principal(&Differences::between(task.data, needs, &hard), most);
    let mut rows = Rows { n, rows: vec![], isa: spare.isa };
    if !rows.grow(FIRST, &mut spare) {
        return None;
    }
    let mut part = super::FIRST.min(order.len());
    loop {
        let mut round = 0usize;
        loop {
            let differences = Differences::between(task.data, needs, &hard);
            rows.turn(&differences);
            let open = rows.open(task.data, needs, &order[..part], progress);
            if open.is_empty() {
                break;
            }
            hard.extend(open);
            if hard.len() > KEPT {
                rows.keep_closest(task.data, needs, &mut hard);
            }
            round += 1;
            if round.is_multiple_of(ROUNDS) && !rows.grow(MORE, &mut spare) {
                return None;
            }
        }
        if part == order.len() {
            return Some(rows.directions());
        }
        part = (super::GROWTH * part).min(order.len());
    }
}

/// Orthonormal rows.
struct Rows {
    n: usize,
    rows: Vec<f32>,
    isa: Isa,
}

impl Rows {
    fn count(&self) -> usize {
        self.rows.len() / self.n
    }

    /// Rows along which the differences of some pairs spread most, about, those of the
    /// widest spread first: a few steps of subspace iteration (Halko, Martinsson &
    /// Tropp, SIAM Review 2011).
    fn principal(pairs: &Differences, count: usize) -> Self {
        let mut random = SplitMix::new(5);
        let n = pairs.features();
        let start = (0..count * n).map(|_| short(random.unit() - 0.5)).collect();
        let mut rows = Self { n, rows: start, isa: Isa::best() };
        rows.orthonormalize();
        for _ in 0..STEPS {
            let images = rows.images(pairs);
            parallel::each_chunk_mut(&mut rows.rows, n, |k, row| {
                row.fill(0.0);
                for (pair, image) in images.iter().enumerate() {
                    row.iter_mut().zip(pairs.row(pair)).for_each(|(x, d)| *x += image[k] * d);
                }
            });
            rows.orthonormalize();
        }
        rows
    }

    /// Moves so many rows over from `spare`; whether there were as many.
    fn grow(&mut self, more: usize, spare: &mut Self) -> bool {
        if spare.count() < more {
            return false;
        }
        self.rows.extend(spare.rows.drain(..more * self.n));
        self.orthonormalize();
        true
    }

    /// What the rows make of the differences of pairs.
    fn images(&self, pairs: &Differences) -> Vec<Vec<f32>> {
        parallel::map(pairs.count(), |pair| self.of(pairs.row(pair)))
    }

    /// Gram and Schmidt's process, twice.
    fn orthonormalize(&mut self) {
        let n = self.n;
        for k in 0..self.count() {
            let (earlier, rest) = self.rows.split_at_mut(k * n);
            let row = &mut rest[..n];
            for _ in 0..2 {
                for other in earlier.chunks_exact(n) {
                    let part = self.isa.run(Dot(row, other));
                    row.iter_mut().zip(other).for_each(|(x, o)| *x -= part * o);
                }
                let length = self.isa.run(Dot(row, row)).sqrt();
                let factor = if length > 1e-20 { 1.0 / length } else { 0.0 };
                row.iter_mut().for_each(|x| *x *= factor);
            }
        }
    }

    /// What the rows make of a vector.
    fn of(&self, x: &[f32]) -> Vec<f32> {
        self.rows.chunks_exact(self.n).map(|row| self.isa.run(Dot(row, x))).collect()
    }

    /// Turns towards pairs, most towards the closest, until all are as far apart as
    /// they must.
    fn turn(&mut self, pairs: &Differences) {
        for turn in 0..TURNS {
            let images = self.images(pairs);
            let squares: Vec<f32> = images.iter().map(|y| y.iter().map(|y| y * y).sum()).collect();
            let least = squares.iter().copied().fold(f32::INFINITY, f32::min);
            // A little more than is asked, for rounding.
            if least >= 1.001 {
                return;
            }
            let weights: Vec<f32> = squares.iter().map(|s| (SHARPNESS * (least - s)).exp()).collect();
            let active: Vec<usize> = (0..weights.len()).filter(|&pair| weights[pair] >= PULLS).collect();
            let total: f32 = active.iter().map(|&pair| weights[pair]).sum();
            let step = STEP / (1.0 + 0.1 * turn as f32) / total;
            let n = self.n;
            parallel::each_chunk_mut(&mut self.rows, n, |k, row| {
                for &pair in &active {
                    let pull = step * weights[pair] * images[pair][k];
                    row.iter_mut().zip(pairs.row(pair)).for_each(|(x, d)| *x += pull * d);
                }
            });
            self.orthonormalize();
        }
    }

    /// The pairs that are closest.
    fn keep_closest(&self, data: &Dataset, needs: &[f64], pairs: &mut Vec<Pair>) {
        pairs.sort_unstable();
        pairs.dedup();
        let differences = Differences::between(data, needs, pairs);
        let square = |pair: usize| self.of(differences.row(pair)).iter().map(|y| y * y).sum::<f32>();
        let squares = parallel::map(pairs.len(), square);
        let mut order: Vec<usize> = (0..pairs.len()).collect();
        order.sort_by(|&a, &b| squares[a].total_cmp(&squares[b]).then(a.cmp(&b)));
        *pairs = order.iter().take(KEPT / 2).map(|&place| pairs[place]).collect();
    }

    /// At most [`NEW`] of the pairs of enemies among `samples` that are closer than
    /// they must be, as these rows see them.
    fn open(&self, data: &Dataset, needs: &[f64], samples: &[usize], progress: &dyn Progress) -> Vec<Pair> {
        let k = self.count();
        let images: Vec<Vec<f32>> = parallel::map_each(samples, |&sample| {
            self.of(&data.row(sample).iter().map(|&x| short(x)).collect::<Vec<f32>>())
        });
        let mut places: Vec<usize> = (0..samples.len()).collect();
        places.sort_by_key(|&place| data.labels()[samples[place]]);
        let ends = pairs::class_ends(data, &places.iter().map(|&place| samples[place]).collect::<Vec<_>>());
        let blocks = places.len().div_ceil(BLOCK);
        let mut columns = vec![[0.0f32; BLOCK]; k * blocks];
        let mut own = vec![[f32::NEG_INFINITY; BLOCK]; blocks];
        for (at, &place) in places.iter().enumerate() {
            own[at / BLOCK][at % BLOCK] = short(needs[samples[place]]);
            for (d, &y) in images[place].iter().enumerate() {
                columns[at / BLOCK * k + d][at % BLOCK] = y;
            }
        }
        progress.begin("dimensions", places.len() as u64);
        let most = (MOST / places.len()).max(1);
        let found: Vec<Vec<(usize, usize)>> = parallel::map(places.len(), |at| {
            progress.advance(1);
            let mut found = vec![];
            // The rest of a block has the same class, or is compared for nothing.
            for block in ends[at] / BLOCK..blocks {
                let scan = Close {
                    columns: &columns[block * k..(block + 1) * k],
                    needs: &own[block],
                    x: &images[places[at]],
                    need: short(needs[samples[places[at]]]),
                };
                let mut bits = self.isa.run(scan);
                while bits != 0 {
                    let other = block * BLOCK + bits.trailing_zeros() as usize;
                    bits &= bits - 1;
                    if other >= ends[at] {
                        found.push((at, other));
                    }
                }
                if found.len() >= most {
                    break;
                }
            }
            found
        });
        progress.end();
        let all: Vec<Pair> =
            found.into_iter().flatten().map(|(a, b)| (samples[places[a]], samples[places[b]])).collect();
        let step = all.len().div_ceil(NEW).max(1);
        all.into_iter().step_by(step).collect()
    }

    fn directions(&self) -> Vec<Direction> {
        let row = |row: &[f32]| Direction {
            weights: row
                .iter()
                .enumerate()
                .filter(|(_, x)| **x != 0.0)
                .map(|(f, &x)| (f, f64::from(x)))
                .collect(),
        };
        self.rows.chunks_exact(self.n).map(row).collect()
    }
}

/// Samples that are compared with one at a time.
const BLOCK: usize = 64;
/// Pairs that are listed at once, about.
const MOST: usize = 1 << 20;
/// Dimensions after which a block is asked whether any of it is left.
const AT_ONCE: usize = 8;

/// Which samples of a block are closer to `x` than they must be, as bits.
struct Close<'a> {
    columns: &'a [[f32; BLOCK]],
    needs: &'a [f32; BLOCK],
    x: &'a [f32],
    need: f32,
}

impl Loop for Close<'_> {
    type Output = u64;

    #[inline(always)]
    fn run(self) -> u64 {
        let Self { columns, needs, x, need } = self;
        let mut limits = [0.0f32; BLOCK];
        for (limit, &other) in limits.iter_mut().zip(needs) {
            let both = need + other;
            *limit = if both > 0.0 { both * both } else { -1.0 };
        }
        let mut squares = [0.0f32; BLOCK];
        for (columns, x) in columns.chunks(AT_ONCE).zip(x.chunks(AT_ONCE)) {
            for (column, &x) in columns.iter().zip(x) {
                for (square, &other) in squares.iter_mut().zip(column) {
                    let apart = x - other;
                    *square += apart * apart;
                }
            }
            let mut left = 0;
            for (&square, &limit) in squares.iter().zip(&limits) {
                left += u32::from(square < limit);
            }
            if left == 0 {
                return 0;
            }
        }
        let mut bits = 0;
        for (k, (&square, &limit)) in squares.iter().zip(&limits).enumerate() {
            bits |= u64::from(square < limit) << k;
        }
        bits
    }
}
