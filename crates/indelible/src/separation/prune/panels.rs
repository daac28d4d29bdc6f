//! Leaves out, in all norms that sum over features, samples whose codes
//! are too far from a query's: all distances of codes are taken, many at a time,
//! from panels that fit the caches.
//!
//! Where a sketch of the samples tells most pairs apart, its codes are
//! compared first, and only what comes through is looked at in full, after
//! a finer sketch where there is one.

use std::{ops::Range, sync::OnceLock};

use super::{
    stage::{PanelSet, Stage},
    tile::{Finer, Stages, Tile},
};
use crate::{
    Norm,
    separation::{
        kernel::{Barriers, PANEL, ROWS, rows},
        metric::{Codes, Reals, Summed},
        quantized::Quantizer,
        relation::{Masks, Relation, ones},
        search::{Collector, Guess, Pruner},
        sketch::Sketch,
    },
};

/// Panels in a block: queries are coded once for all of them.
const PANELS: usize = 96;
/// Panels of the first block that are looked at in full, so that limits are
/// near the final ones when a sketch is tried.
const WARMUP: usize = 8;
/// Features of all pairs from which on a sketch is tried: it costs some tens of
/// milliseconds even where nearly no pair counts.
const WORTH: u128 = 1 << 26;
/// A sketch is given up for a tile and a block when, over this many panels, it
/// lets through more than one pair in so many.
const TRIAL: usize = 8;
const ONE_IN: usize = 8;

/// The pruner.
pub struct Panels<'a, M> {
    stages: Stages<'a, M>,
    sketch: Option<Stage<'a>>,
}

/// A block of base samples.
pub struct PanelBlock {
    range: Range<usize>,
    masks: Masks,
    sketch: Option<PanelSet>,
    finer: Option<Finer>,
    /// Made when it is first needed.
    full: OnceLock<PanelSet>,
}

impl<'a, M: Summed> Panels<'a, M> {
    /// A pruner for a metric of samples of two datasets, in a norm but `linf`;
    /// `few` says that only the closest pair matters.
    pub fn new(metric: &'a M, relation: Relation<'a>, reals: Reals<'a>, norm: Norm, few: bool) -> Self {
        let Reals { queries, base, isa } = reals;
        let codes = Codes::shared(queries, base);
        let quantizer = Quantizer::new(base, norm, relation.pairs, codes.is_some(), isa);
        let plain = quantizer.plain().zip(codes);
        let full = Stage { samples: Sketch::none(queries, base), quantizer, original: true, isa };
        let worth = relation.size() * base.features() as u128 >= WORTH;
        let chain = if worth { Sketch::chain(reals, norm, relation.pairs, few) } else { Vec::new() };
        let mut chain = chain.into_iter().map(|samples| {
            let quantizer = Quantizer::new(&samples.base, norm, relation.pairs, false, isa);
            Stage { samples, quantizer, original: false, isa }
        });
        let (sketch, finer) = (chain.next(), chain.next());
        Self { stages: Stages { metric, relation, full, finer, plain }, sketch }
    }

    /// Shows the collector what may be within its limits in some panels of a block.
    /// Returns the panel it stopped before: a sketch that does not help is
    /// given up.
    fn filter(
        &self,
        (stage, set): (&Stage, &PanelSet),
        block: &PanelBlock,
        panels: Range<usize>,
        queries: Range<usize>,
        collector: &mut impl Collector<M>,
    ) -> usize {
        let finer = block.finer.as_ref().filter(|_| !stage.original);
        let mut tile = Tile::new(&self.stages, (stage, set.error, finer), queries.clone());
        tile.refresh_all(collector);
        let masks: Vec<usize> =
            queries.clone().map(|i| block.masks.row(self.stages.relation.queries[i])).collect();
        let mut sums = [[0; PANEL]; ROWS];
        let mut pending = Vec::new();
        let mut passed = 0;
        for p in panels.clone() {
            let (panel, first_sample) = (&set.panels[p], block.range.start + p * PANEL);
            let outlier = panel.error > set.error;
            tile.refresh_base(
                panel,
                (first_sample, p),
                0..PANEL.min(block.range.end - first_sample),
                collector,
            );
            for first in (0..queries.len()).step_by(ROWS) {
                // Pairs are looked at once: all samples of the panel come before.
                if self.stages.relation.start(queries.start + first) >= first_sample + PANEL {
                    break;
                }
                // Most pairs do not count where nearly all samples have one label.
                let last = (first + ROWS).min(queries.len());
                let counts = |k: usize| block.masks.word(masks[k], p, tile.skip(k, &block.range)) != 0;
                if !(first..last).any(counts) {
                    continue;
                }
                let barriers = tile.barriers(first, outlier.then_some(panel.error), collector);
                let barriers = Barriers { queries: barriers, samples: tile.base.first };
                let found = stage.near(panel, &tile.rows, first, &barriers, &mut sums);
                // Rows behind the last query are near what counts for base samples.
                for (r, &found) in found[..last - first].iter().enumerate().filter(|(_, f)| **f != 0) {
                    let k = first + r;
                    for s in ones(found & block.masks.word(masks[k], p, tile.skip(k, &block.range))) {
                        passed += 1;
                        if tile.is_finely_out(k, s, p, (sums[r][s], outlier)) {
                            continue;
                        }
                        pending.push((k, s, sums[r][s]));
                        if let Some((_, codes)) = self.stages.plain
                            && !stage.original
                        {
                            rows::prefetch(codes.pair(queries.start + k, first_sample + s).1);
                        }
                    }
                }
            }
            let mut changed = false;
            for (k, s, sum) in pending.drain(..) {
                let (i, j) = (queries.start + k, first_sample + s);
                // Limits have fallen since, and the panel's bound of the errors
                // may be much above the sample's.
                let errors = tile.rows.errors()[k] + panel.errors[s];
                let out = |reach: f64| stage.is_out(sum, reach, errors);
                let query = (outlier || sum < tile.barriers[k]) && !out(tile.reaches[k]);
                let sample = sum < tile.base.first[s] && !out(tile.base.reaches[s]);
                if !(query || sample)
                    || !stage.original && self.is_far(i, j, tile.second(k, s, query, sample))
                {
                    continue;
                }
                let distance = query.then(|| self.stages.metric.within(i, j, collector.limit(i))).flatten();
                let distance = distance.or_else(|| {
                    let limit = sample.then(|| tile.base_limit(j, collector)).flatten()?;
                    self.stages.metric.within(i, j, limit)
                });
                if let Some(distance) = distance {
                    collector.take(i, j, distance);
                    tile.refresh(k, collector);
                    tile.refresh_base(panel, (first_sample, p), s..s + 1, collector);
                    changed = true;
                }
            }
            if changed && collector.shared() {
                tile.refresh_all(collector);
            }
            if (p + 1 - panels.start).is_multiple_of(TRIAL) {
                if !stage.original && passed * ONE_IN > TRIAL * PANEL * queries.len() {
                    return p + 1;
                }
                passed = 0;
            }
        }
        panels.end
    }

    /// Whether the codes of a pair put it out of a limit.
    fn is_far(&self, i: usize, j: usize, barrier: u32) -> bool {
        self.stages.plain.is_some_and(|(_, codes)| {
            let (a, b) = codes.pair(i, j);
            self.stages.full.quantizer.sums.between(self.stages.full.isa, a, b) >= barrier
        })
    }
}

impl<M: Summed> Pruner<M> for Panels<'_, M> {
    type Block = PanelBlock;

    fn block_size(&self) -> usize {
        PANEL * PANELS
    }

    fn block(&self, base: Range<usize>) -> PanelBlock {
        let masks = self.stages.relation.masks(base.clone(), base.len().div_ceil(PANEL));
        let sketch = self.sketch.as_ref().map(|stage| stage.panels(base.clone(), true));
        let finer = self.stages.finer.as_ref().map(|stage| {
            let rows = stage.base(base.clone());
            Finer { error: rows.error(), rows }
        });
        let full = OnceLock::new();
        if sketch.is_none() {
            full.get_or_init(|| self.stages.full.panels(base.clone(), true));
        }
        PanelBlock { range: base, masks, sketch, finer, full }
    }

    fn guesses(&self) -> bool {
        self.sketch.is_some()
    }

    fn guess(&self, block: &PanelBlock, queries: Range<usize>, guesses: &mut [Guess]) {
        let (Some(stage), Some(set)) = (&self.sketch, &block.sketch) else { return };
        let rows = stage.rows(queries.clone());
        let mut sums = [[0; PANEL]; ROWS];
        for (p, panel) in set.panels.iter().enumerate() {
            for first in (0..queries.len()).step_by(ROWS) {
                let last = (first + ROWS).min(queries.len());
                let barriers = std::array::from_fn(|r| guesses.get(first + r).map_or(0, |guess| guess.sum));
                let barriers = Barriers { queries: barriers, samples: [0; PANEL] };
                let found = stage.near(panel, &rows, first, &barriers, &mut sums);
                for k in (first..last).filter(|k| found[k - first] != 0) {
                    let row = block.masks.row(self.stages.relation.queries[queries.start + k]);
                    for s in ones(found[k - first] & block.masks.word(row, p, 0)) {
                        let sum = sums[k - first][s];
                        if sum < guesses[k].sum {
                            guesses[k] = Guess { sum, sample: Some(block.range.start + p * PANEL + s) };
                        }
                    }
                }
            }
        }
    }

    fn scan(&self, block: &PanelBlock, queries: Range<usize>, collector: &mut impl Collector<M>) {
        // On one thread: a thread that waits for others here could be given
        // work that waits for this.
        let full = || block.full.get_or_init(|| self.stages.full.panels(block.range.clone(), false));
        let end = block.range.len().div_ceil(PANEL);
        let mut start = 0;
        if let (Some(stage), Some(set)) = (&self.sketch, &block.sketch) {
            if block.range.start == 0 {
                start = WARMUP.min(end);
                self.filter((&self.stages.full, full()), block, 0..start, queries.clone(), collector);
            }
            start = self.filter((stage, set), block, start..end, queries.clone(), collector);
        }
        if start < end {
            self.filter((&self.stages.full, full()), block, start..end, queries, collector);
        }
    }
}
