//! Leaves out, in the sup norm, samples that are too far from a query in one
//! of a few well-chosen features.
//!
//! A sample is within a limit of a query exactly when all its codes lie in
//! windows around the query's codes. Few features reject nearly all samples,
//! and which ones do depends on the query: a bright pixel that is dark in
//! most images, say. They are chosen greedily on a few reference samples, and
//! blocks of samples are stored feature by feature so that one instruction
//! tests many samples.

use std::{cmp::Reverse, ops::Range, sync::Mutex};

use crate::{
    isa::Isa,
    separation::{
        kernel::{
            cover::{Fewest, WORDS},
            filter::{Columns, FILTERED, Filter, Window, filter},
        },
        metric::{Limit, Reals, Windowed},
        relation::{Masks, Relation},
        search::{Collector, Pruner, TILE, lock},
        trial::{spread_out, spreads},
    },
};

/// Base samples in a block: with 784 features, columns of 1 MB.
const BLOCK: usize = 1024;
/// Room for a block in a row of columns; not a power of two, which would map
/// the rows to few sets of a cache.
const STRIDE: usize = BLOCK + 64;
/// Features that may be chosen.
const POOL: usize = 1024;
/// Reference samples.
const REFERENCES: usize = 64 * WORDS;
/// Features of a query that are weighed against each other.
const CANDIDATES: usize = 64;
/// Features chosen per query.
const CHOSEN: usize = 24;
/// Features are chosen again, for a limit that has fallen since, once they let
/// this many samples pass in vain.
const PATIENCE: u32 = 12;

/// The pruner.
pub struct Windows<'a, M> {
    metric: &'a M,
    relation: Relation<'a>,
    isa: Isa,
    /// Features that may be chosen.
    pool: Vec<usize>,
    /// The reference samples' codes of these features.
    references: Vec<u8>,
    masks: Masks,
    /// Number of reference samples whose code of feature `pool[s]` is below
    /// `k`, at `257 s + k`.
    below: Vec<u16>,
    /// What is known of the queries of each tile.
    tiles: Vec<Mutex<Vec<Plan>>>,
}

/// The filters of a query.
#[derive(Clone, Default)]
struct Plan {
    /// Reach of the limit that the windows are for.
    reach: f64,
    /// Reach of the limit that the features were chosen for; 0 if none were.
    chosen: f64,
    filters: [Filter; CHOSEN],
    /// Filters in use.
    count: usize,
    /// Samples that passed since the features were chosen, but were too far.
    passed: u32,
}

/// A block of base samples.
pub struct WindowBlock {
    range: Range<usize>,
    columns: Vec<u8>,
    masks: Masks,
}

/// Buffers of a scan.
#[derive(Default)]
struct Scratch {
    windows: Vec<Window>,
    features: Vec<usize>,
    scores: Vec<(u16, u16)>,
}

impl<'a, M: Windowed> Windows<'a, M> {
    /// A pruner for a metric of samples.
    pub fn new(metric: &'a M, relation: Relation<'a>, reals: Reals) -> Self {
        let chosen: Vec<usize> = spread_out(relation.base.len(), REFERENCES).collect();
        let all: Vec<usize> = (0..reals.base.features()).collect();
        let pool = if all.len() <= POOL { all } else { most_spread(metric, &chosen, all) };
        let mut references = vec![0; pool.len() * REFERENCES];
        for (k, &j) in chosen.iter().enumerate() {
            let sample = metric.columns(j..j + 1, &pool, 1);
            for (row, &code) in references.chunks_exact_mut(REFERENCES).zip(&sample) {
                row[k] = code;
            }
        }
        let mut below = vec![0u16; pool.len() * 257];
        for (row, below) in references.chunks_exact(REFERENCES).zip(below.chunks_exact_mut(257)) {
            for &code in &row[..chosen.len()] {
                below[usize::from(code) + 1] += 1;
            }
            for k in 0..256 {
                below[k + 1] += below[k];
            }
        }
        let masks = relation.masks(chosen.iter().copied(), WORDS);
        let tiles = relation.queries.len().div_ceil(TILE);
        let tiles = (0..tiles).map(|_| Mutex::new(Vec::new())).collect();
        Self { metric, relation, isa: reals.isa, pool, references, masks, below, tiles }
    }

    /// Chooses features for query `i`.
    fn choose(&self, i: usize, limit: Limit<M::Distance>, plan: &mut Plan, scratch: &mut Scratch) {
        self.metric.windows(i, limit, &self.pool, &mut scratch.windows);
        // How many reference samples each feature rejects.
        let total = self.below[256];
        scratch.scores.clear();
        for (s, window) in scratch.windows.iter().enumerate() {
            let row = &self.below[257 * s..257 * (s + 1)];
            let (low, high) = (usize::from(window.low), usize::from(window.low) + usize::from(window.span));
            // The pool has at most POOL features.
            scratch.scores.push((total - (row[high + 1] - row[low]), s as u16));
        }
        let order = |a: &(u16, u16), b: &(u16, u16)| b.0.cmp(&a.0).then(a.1.cmp(&b.1));
        if scratch.scores.len() > CANDIDATES {
            scratch.scores.select_nth_unstable_by(CANDIDATES, order);
            scratch.scores.truncate(CANDIDATES);
        }
        scratch.scores.sort_unstable_by(order);
        let mut enemies = [0; WORDS];
        self.masks.fill(self.relation.queries[i], 0, &mut enemies);
        let (mut filters, mut kept) = (Vec::new(), Vec::new());
        for &(_, slot) in &scratch.scores {
            let one = Filter { slot, window: scratch.windows[usize::from(slot)] };
            let mut left = enemies;
            for (at, part) in left.as_chunks_mut::<4>().0.iter_mut().enumerate() {
                let (codes, offset) = (&self.references, at * FILTERED);
                filter(self.isa, Columns { codes, stride: REFERENCES, offset }, &[one], part);
            }
            filters.push(one);
            kept.push(left);
        }
        let mut used = vec![false; kept.len()];
        let mut left = enemies;
        (plan.count, plan.passed) = (0, 0);
        while plan.count < CHOSEN
            && let Some((_, best)) = self.isa.run(Fewest { kept: &kept, used: &used, left: &left })
        {
            used[best] = true;
            plan.filters[plan.count] = filters[best];
            plan.count += 1;
            for (l, k) in left.iter_mut().zip(&kept[best]) {
                *l &= k;
            }
            if left == [0; WORDS] {
                // All are covered: cover them once more with what is left.
                left = enemies;
            }
        }
        plan.chosen = self.metric.reach(limit);
        plan.reach = plan.chosen;
    }

    /// Shows the collector the samples of a part of a block that may be within the
    /// limit of query `i`.
    fn visit(
        &self,
        i: usize,
        (block, part): (&WindowBlock, usize),
        alive: &mut [u64; 4],
        plan: &mut Plan,
        scratch: &mut Scratch,
        collector: &mut impl Collector<M>,
    ) {
        while *alive != [0; 4] {
            let limit = collector.limit(i);
            let reach = self.metric.reach(limit);
            if reach < 0.0 {
                return;
            }
            if reach < f64::INFINITY {
                self.refresh(i, limit, plan, scratch);
                let columns = Columns { codes: &block.columns, stride: STRIDE, offset: part * FILTERED };
                filter(self.isa, columns, &plan.filters[..plan.count], alive);
            }
            let first = block.range.start + part * FILTERED;
            let mut coming = *alive;
            while let Some(k) = pop(&mut coming) {
                self.metric.prefetch(first + k);
            }
            while let Some(k) = pop(alive) {
                if let Some(distance) = self.metric.within(i, first + k, collector.limit(i)) {
                    collector.take(i, first + k, distance);
                    // The limit has changed: filtering again is cheaper than a few distances.
                    if alive.iter().map(|w| w.count_ones()).sum::<u32>() > 3 {
                        break;
                    }
                } else {
                    plan.passed = plan.passed.saturating_add(1);
                }
            }
        }
    }

    /// Brings the filters of query `i` up to a limit.
    fn refresh(&self, i: usize, limit: Limit<M::Distance>, plan: &mut Plan, scratch: &mut Scratch) {
        let reach = self.metric.reach(limit);
        if plan.chosen == 0.0 || (plan.passed > PATIENCE && reach < plan.chosen) {
            self.choose(i, limit, plan, scratch);
        } else if reach != plan.reach {
            scratch.features.clear();
            let filters = &mut plan.filters[..plan.count];
            scratch.features.extend(filters.iter().map(|f| self.pool[usize::from(f.slot)]));
            self.metric.windows(i, limit, &scratch.features, &mut scratch.windows);
            for (filter, &window) in filters.iter_mut().zip(&scratch.windows) {
                filter.window = window;
            }
            plan.reach = reach;
        }
    }
}

/// Takes the lowest bit out of a set.
fn pop(set: &mut [u64; 4]) -> Option<usize> {
    let (w, word) = set.iter_mut().enumerate().find(|(_, word)| **word != 0)?;
    let k = 64 * w + word.trailing_zeros() as usize;
    *word &= *word - 1;
    Some(k)
}

/// The features whose codes spread most over some samples, ascending.
fn most_spread<M: Windowed>(metric: &M, samples: &[usize], mut features: Vec<usize>) -> Vec<usize> {
    let rows = samples.iter().map(|&j| metric.columns(j..j + 1, &features, 1));
    let spreads = spreads(rows, features.len());
    features.sort_by_key(|&f| (Reverse(spreads[f]), f));
    features.truncate(POOL);
    features.sort_unstable();
    features
}

impl<M: Windowed> Pruner<M> for Windows<'_, M> {
    type Block = WindowBlock;

    fn block_size(&self) -> usize {
        BLOCK
    }

    fn block(&self, base: Range<usize>) -> WindowBlock {
        WindowBlock {
            columns: self.metric.columns(base.clone(), &self.pool, STRIDE),
            masks: self.relation.masks(base.clone(), BLOCK / 64),
            range: base,
        }
    }

    fn scan(&self, block: &WindowBlock, queries: Range<usize>, collector: &mut impl Collector<M>) {
        let mut plans = lock(&self.tiles[queries.start / TILE]);
        plans.resize(TILE, Plan::default());
        let mut scratch = Scratch::default();
        for i in queries {
            let mut counts = [0; BLOCK / 64];
            let skip = self.relation.skip(i, &block.range);
            block.masks.fill(self.relation.queries[i], skip, &mut counts);
            let plan = &mut plans[i % TILE];
            for (part, alive) in counts.as_chunks_mut::<4>().0.iter_mut().enumerate() {
                self.visit(i, (block, part), alive, plan, &mut scratch, collector);
            }
        }
    }
}
