//! Finding cells that cover all balls.
//!
//! Round after round, a batch of balls that are not covered yet becomes seeds;
//! their cells are grown in parallel against one and the same state and join a
//! pool. From the pool those are taken greedily that cover most balls per
//! parameter, as long as they are worth nearly as much as the first. At the
//! end cells go whose balls all lie in others.

use std::sync::Mutex;

use crate::{Error, Progress, number::random::SplitMix, parallel};

use super::{
    balls::Balls,
    bits::{elements, remove, sample, size},
    draft::Draft,
    grid::Grid,
    grow::{Growth, Scratch, grow},
    off_grid::{largest_slack, separate},
};

/// Seeds per round: at least this many, or this share of what is left.
const BATCH: usize = 128;
const BATCH_SHARE: usize = 256;
/// Value of a cell, as a share of the round's first, down to which cells are
/// taken; on MNIST at 0.989 of the largest radius 0.85 saves 8 % of the
/// parameters for twice the time.
const WORTH: f64 = 0.7;
/// One cell in this many seeds is taken in any case.
const TAKEN: usize = 4;
/// Over directions, once a round's cells cover fewer balls than this in the mean,
/// one in so many: all are worth about the same then.
const SMALL: usize = 4;
const TAKEN_OF_SMALL: usize = 2;
/// Candidates that are kept from round to round.
const POOL: usize = 1024;
/// How little a lost ball weighs, by the place of a seed in its batch.
const CARELESSNESS: [f32; 3] = [0.05, 0.1, 0.2];
/// Balls that a round's cells cover in the mean, as a fraction, below which all
/// that are left get cells of their own.
const ALONE: (usize, usize) = (9, 8);
/// Balls left from which on it is asked, since merging takes long.
const MANY: usize = 4096;
/// Balls that are tried alone to know what it would cost for all.
const TRIED: usize = 1024;
/// Large enough for the shortest cover.
const CARELESS: f32 = 1e4;
/// Cells that cover no more are compared with the shortest cover.
const FEW: usize = 2;

/// Cells of whole tasks, grown in parallel.
pub(super) struct Finder<'a> {
    pub balls: &'a Balls<'a>,
    pub grid: &'a Grid,
    pub progress: &'a dyn Progress,
    /// Spare scratch memory of threads.
    pub scratch: Mutex<Vec<Scratch>>,
}

impl Finder<'_> {
    /// Cells that together cover all balls, merged.
    ///
    /// # Errors
    /// [`Error::TooFine`] when the format cannot tell some ball from an enemy's.
    pub fn merged(&self) -> Result<Vec<Draft>, Error> {
        let mut random = SplitMix::new(1);
        let mut wanted = self.grid.all.clone();
        let (mut cells, mut pool): (Vec<Draft>, Vec<Draft>) = (vec![], vec![]);
        let mut slots = Vec::new();
        let mut left = sample(&wanted, 0, usize::MAX, 0.0, &mut slots);
        let mut seeds_per_cell = TAKEN;
        self.progress.begin("cells", left as u64);
        while left > 0 {
            let batch = BATCH.max(left / BATCH_SHARE).min(left);
            for i in 0..batch {
                let other = i + random.below(left - i);
                slots.swap(i, other);
            }
            let known = cells.len();
            pool.extend(self.batch(&slots[..batch], &wanted, random.next())?);
            self.take(&mut pool, &mut wanted, batch / seeds_per_cell, &mut cells);
            let (before, taken) = (left, cells.len() - known);
            left = sample(&wanted, 0, usize::MAX, 0.0, &mut slots);
            self.progress.advance((before - left) as u64);
            if self.balls.spread.is_some() && before - left < SMALL * taken {
                seeds_per_cell = TAKEN_OF_SMALL;
            }
            if left > MANY && (before - left) * ALONE.1 < taken * ALONE.0 {
                let rest: Vec<usize> = slots.iter().map(|&slot| slot as usize).collect();
                cells.extend(self.each(&rest)?);
                left = 0;
            }
        }
        self.progress.end();
        Ok(self.without_needless(cells))
    }

    /// One cell per ball, each as short as the greedy cover makes it.
    ///
    /// # Errors
    /// As for [`Finder::merged`].
    pub fn single(&self) -> Result<Vec<Draft>, Error> {
        let slots: Vec<usize> = elements(&self.grid.all, 0).collect();
        self.progress.begin("single cells", slots.len() as u64);
        let cells = self.each(&slots);
        self.progress.end();
        cells
    }

    /// About what the cells of [`Finder::single`] cost: exactly for few balls, else
    /// from some of them.
    ///
    /// # Errors
    /// As for [`Finder::merged`].
    pub fn single_cost(&self) -> Result<usize, Error> {
        let slots: Vec<usize> = elements(&self.grid.all, 0).collect();
        let step = slots.len().div_ceil(TRIED).max(1);
        let tried: Vec<usize> = slots.iter().copied().step_by(step).collect();
        let cost: usize = self.each(&tried)?.iter().map(Draft::cost).sum();
        Ok(cost * slots.len() / tried.len().max(1))
    }

    /// A cell for each of these slots alone.
    fn each(&self, slots: &[usize]) -> Result<Vec<Draft>, Error> {
        parallel::try_map(slots.len(), |place| {
            let slot = slots[place];
            let mut wanted = vec![0; self.grid.words()];
            wanted[slot / 64] |= 1 << (slot % 64);
            let cell = self.one(slot, &wanted, &[CARELESS], 0);
            self.progress.advance(1);
            cell
        })
    }

    /// The cells of some seeds.
    fn batch(&self, seeds: &[u32], wanted: &[u64], salt: u64) -> Result<Vec<Draft>, Error> {
        parallel::try_map(seeds.len(), |place| {
            let seed = seeds[place];
            let carelessness = CARELESSNESS[place % CARELESSNESS.len()];
            self.one(seed as usize, wanted, &[carelessness, CARELESS], salt ^ u64::from(seed))
        })
    }

    /// The cell of one seed: grown with the first of `carelessness`, and where
    /// it covers few balls with the next, too; the best per parameter counts.
    fn one(&self, seed: usize, wanted: &[u64], carelessness: &[f32], salt: u64) -> Result<Draft, Error> {
        let Self { balls, grid, .. } = *self;
        let mut enemies = grid.all.clone();
        enemies[grid.words_of(grid.class_of(seed))].fill(0);
        let spare = self.scratch.lock().unwrap_or_else(std::sync::PoisonError::into_inner).pop();
        let mut scratch = spare.unwrap_or_else(|| Scratch::new(grid));
        let mut best: Option<Draft> = None;
        for &carelessness in carelessness {
            if best.as_ref().is_some_and(|best| best.covered > FEW) {
                break;
            }
            let growth = Growth { balls, grid, seed, enemies: &enemies, wanted, carelessness };
            let mut random = SplitMix::new(salt);
            let Some(cell) = grow(growth, carelessness < CARELESS, &mut random, &mut scratch) else { break };
            if best.as_ref().is_none_or(|best| cell.covered * best.cost() > best.covered * cell.cost()) {
                best = Some(cell);
            }
        }
        self.scratch.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(scratch);
        match best {
            Some(cell) => Ok(cell),
            None => self.tightest(seed, &enemies, wanted),
        }
    }

    /// A cell with the largest slack that there is around a seed, for balls
    /// that stay closer than the grid's.
    fn tightest(&self, seed: usize, enemies: &[u64], wanted: &[u64]) -> Result<Draft, Error> {
        let Self { balls, grid, .. } = *self;
        let center = grid.sample(seed);
        let enemies: Vec<usize> = elements(enemies, 0).map(|slot| grid.sample(slot)).collect();
        let slack = largest_slack(balls, center, &enemies);
        let off_grid =
            if slack >= balls.least_slack() { separate(balls, center, enemies, slack) } else { None };
        let Some(off_grid) = off_grid else {
            return Err(Error::TooFine {
                precision: balls.precision,
                why: format!("around sample {center} it leaves a gap of {slack:e} between the balls"),
            });
        };
        let class = grid.class_of(seed);
        let mut cell = Draft { class, seed, literals: vec![], off_grid, slack, covered: 0 };
        cell.count(balls, grid, wanted);
        Ok(cell)
    }

    /// Takes cells from the pool, at least `least` of them where there are as
    /// many, and removes what they cover from `wanted`.
    fn take(&self, pool: &mut Vec<Draft>, wanted: &mut [u64], least: usize, cells: &mut Vec<Draft>) {
        let Self { balls, grid, .. } = *self;
        let value = |cell: &Draft| cell.covered as f64 / cell.cost() as f64;
        let mut fresh = vec![false; pool.len()];
        let (mut first, mut taken) = (0.0, 0);
        // What a cell covered when last counted bounds what it covers now, so
        // the best needs to be counted again, and the others do not.
        loop {
            let best = (0..pool.len()).reduce(|a, b| if value(&pool[b]) > value(&pool[a]) { b } else { a });
            let Some(best) = best else { break };
            let worth = value(&pool[best]);
            if worth <= 0.0 || (worth < WORTH * first && taken >= least) {
                break;
            }
            if !fresh[best] {
                pool[best].count(balls, grid, wanted);
                fresh[best] = true;
                continue;
            }
            if taken == 0 {
                first = worth;
            }
            let cell = pool.swap_remove(best);
            fresh.swap_remove(best);
            let words = grid.words_of(cell.class);
            let mut inside = wanted[words.clone()].to_vec();
            cell.keep_inside(balls, grid, &mut inside);
            remove(&mut wanted[words], &inside);
            cells.push(cell);
            taken += 1;
            fresh.fill(false);
        }
        pool.retain(|cell| cell.covered > 0);
        if pool.len() > POOL {
            pool.sort_by(|a, b| {
                (b.covered * a.cost()).cmp(&(a.covered * b.cost())).then(a.seed.cmp(&b.seed))
            });
            pool.truncate(POOL);
        }
    }

    /// The cells without those whose balls all lie in others, the dearest
    /// leaving first.
    fn without_needless(&self, cells: Vec<Draft>) -> Vec<Draft> {
        let Self { balls, grid, .. } = *self;
        let inside: Vec<Vec<u32>> = parallel::map_each(&cells, |cell| {
            let words = grid.words_of(cell.class);
            let mut inside = grid.all[words.clone()].to_vec();
            cell.keep_inside(balls, grid, &mut inside);
            let mut slots = Vec::with_capacity(size(&inside));
            sample(&inside, words.start, usize::MAX, 0.0, &mut slots);
            slots
        });
        let mut times = vec![0u32; 64 * grid.words()];
        for &slot in inside.iter().flatten() {
            times[slot as usize] += 1;
        }
        let mut order: Vec<usize> = (0..cells.len()).collect();
        order.sort_by_key(|&k| (std::cmp::Reverse(cells[k].cost()), k));
        let mut needless = vec![false; cells.len()];
        for k in order {
            if inside[k].iter().all(|&slot| times[slot as usize] > 1) {
                needless[k] = true;
                for &slot in &inside[k] {
                    times[slot as usize] -= 1;
                }
            }
        }
        cells.into_iter().zip(needless).filter(|(_, needless)| !needless).map(|(cell, _)| cell).collect()
    }
}
