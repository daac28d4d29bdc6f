//! Leaves out, in all norms that sum over features, samples whose shadows are
//! too far from a query's: all distances of shadows are taken, many at a time,
//! from panels that fit the caches.
//!
//! Where a sketch of the samples tells most pairs apart, its shadows are
//! compared first, and only what comes through is looked at in full.

use std::{borrow::Cow, ops::Range, sync::OnceLock};

use super::layer::{Layer, PanelSet};
use crate::{
    Dataset, Features, Norm,
    separation::{
        kernel::{Isa, PANEL, ROWS, rows},
        metric::Summed,
        relation::{Masks, Relation},
        search::{Screen, Tally},
        shadow::{Shadow, Sums},
        sketch::Sketch,
    },
};

/// Panels in a block: queries are coded once for all of them.
const PANELS: usize = 96;
/// Panels of the first block that are looked at in full, so that limits are
/// near the final ones when a sketch is tried.
const WARMUP: usize = 8;
/// A sketch is given up for a tile and a block when, over this many panels, it
/// lets through more than one pair in so many.
const TRIAL: usize = 8;
const ONE_IN: usize = 8;

/// The screen.
pub(in crate::separation) struct Panels<'a, M> {
    metric: &'a M,
    relation: Relation<'a>,
    full: Layer<'a>,
    sketch: Option<Layer<'a>>,
    /// For samples whose codes are their shadows: the error of all of them.
    plain: Option<f64>,
}

/// A block of base samples.
pub(in crate::separation) struct PanelBlock {
    range: Range<usize>,
    masks: Masks,
    sketch: Option<PanelSet>,
    /// Made when it is first needed.
    full: OnceLock<PanelSet>,
}

impl<'a, M: Summed> Panels<'a, M> {
    /// A screen for a metric of samples of two datasets, in a norm but `linf`;
    /// `table` says that all have codes of one table.
    pub(in crate::separation) fn new(
        metric: &'a M,
        relation: Relation<'a>,
        (queries, base): (&'a Dataset, &'a Dataset),
        norm: Norm,
        table: bool,
        isa: Isa,
    ) -> Self {
        let shadow = Shadow::new(base, norm, table);
        let plain = shadow.plain();
        let full = Layer {
            queries: Cow::Borrowed(queries),
            base: Cow::Borrowed(base),
            shadow,
            stretch: 1.0,
            error: 0.0,
            original: true,
            isa,
        };
        let sketch = Sketch::new(queries, base, norm, isa).map(|sketch| Layer {
            shadow: Shadow::new(&sketch.base, norm, false),
            queries: Cow::Owned(sketch.queries),
            base: Cow::Owned(sketch.base),
            stretch: sketch.stretch,
            error: sketch.error,
            original: false,
            isa,
        });
        Self { metric, relation, full, sketch, plain }
    }

    /// Codes of query `i` and base sample `j`, where they are their shadows.
    fn codes(&self, i: usize, j: usize) -> Option<(&[u8], &[u8])> {
        match (self.plain, self.full.queries.storage(), self.full.base.storage()) {
            (Some(_), Features::Coded { codes: a, .. }, Features::Coded { codes: b, .. }) => {
                let width = self.full.base.features();
                Some((&a[i * width..(i + 1) * width], &b[j * width..(j + 1) * width]))
            }
            _ => None,
        }
    }

    /// Shows the tally what may be within its limits in some panels of a block.
    /// Returns the panel it stopped before: a sketch that does not help is
    /// given up.
    fn sift(
        &self,
        layer: &Layer,
        set: &PanelSet,
        block: &PanelBlock,
        panels: Range<usize>,
        queries: Range<usize>,
        tally: &mut impl Tally<M>,
    ) -> usize {
        let rows = layer.rows(queries.clone());
        let masks: Vec<usize> = queries.clone().map(|i| block.masks.row(self.relation.queries[i])).collect();
        let errors = |k: usize, error: f64| rows.errors[k] + error;
        // Rows that only pad the last group find nothing.
        let mut barriers = vec![0; queries.len().next_multiple_of(ROWS)];
        // Barriers of a second look in full at what a sketch lets through.
        let mut seconds = vec![u32::MAX; queries.len()];
        let second = |limit| self.full.barrier(self.metric, limit, 2.0 * self.plain.unwrap_or(0.0));
        let mut stale = true;
        let mut values = [[0; PANEL]; ROWS];
        let mut passed = 0;
        for p in panels.clone() {
            if stale {
                for (k, i) in queries.clone().enumerate() {
                    barriers[k] = layer.barrier(self.metric, tally.limit(i), errors(k, set.error));
                    seconds[k] = second(tally.limit(i));
                }
                stale = false;
            }
            let panel = &set.panels[p];
            let outlier = panel.error > set.error;
            let error = if outlier { panel.error } else { set.error };
            for first in (0..queries.len()).step_by(ROWS) {
                // Pairs are looked at once: all samples of the panel come before.
                let end = block.range.start + (p + 1) * PANEL;
                if self.relation.start(queries.start + first) >= end {
                    break;
                }
                let last = (first + ROWS).min(queries.len());
                let mut near = [0; ROWS];
                near.copy_from_slice(&barriers[first..first + ROWS]);
                if outlier {
                    for k in first..last {
                        let limit = tally.limit(queries.start + k);
                        near[k - first] = layer.barrier(self.metric, limit, errors(k, error));
                    }
                }
                let found = layer.near(panel, &rows, first, &near, &mut values);
                for k in first..last {
                    if found[k - first] == 0 {
                        continue;
                    }
                    let i = queries.start + k;
                    let skip = self.relation.start(i).saturating_sub(block.range.start);
                    let mut found = found[k - first] & block.masks.word(masks[k], p, skip);
                    passed += found.count_ones() as usize;
                    while found != 0 {
                        let s = found.trailing_zeros() as usize;
                        found &= found - 1;
                        let value = values[k - first][s];
                        if value >= near[k - first] {
                            continue;
                        }
                        // The panel's bound of the errors may be much above the sample's.
                        let own = panel.errors[s];
                        if own < error && value >= layer.barrier(self.metric, tally.limit(i), errors(k, own))
                        {
                            continue;
                        }
                        let j = block.range.start + p * PANEL + s;
                        if !layer.original && self.is_far(i, j, seconds[k]) {
                            continue;
                        }
                        if let Some(distance) = self.metric.within(i, j, tally.limit(i)) {
                            tally.take(i, j, distance);
                            let limit = tally.limit(i);
                            near[k - first] = layer.barrier(self.metric, limit, errors(k, error));
                            barriers[k] = layer.barrier(self.metric, limit, errors(k, set.error));
                            seconds[k] = second(limit);
                            stale = tally.shared();
                        }
                    }
                }
            }
            if (p + 1 - panels.start).is_multiple_of(TRIAL) {
                if !layer.original && passed * ONE_IN > TRIAL * PANEL * queries.len() {
                    return p + 1;
                }
                passed = 0;
            }
        }
        panels.end
    }

    /// Whether the codes of a pair put it out of a limit.
    fn is_far(&self, i: usize, j: usize, barrier: u32) -> bool {
        self.codes(i, j).is_some_and(|(a, b)| {
            let squares = matches!(self.full.shadow.sums, Sums::Squares);
            rows::sum(self.full.isa, squares, a, b) >= barrier
        })
    }
}

impl<M: Summed> Screen<M> for Panels<'_, M> {
    type Block = PanelBlock;

    fn block_size(&self) -> usize {
        PANEL * PANELS
    }

    fn block(&self, base: Range<usize>) -> PanelBlock {
        let labels = self.relation.base[base.clone()].iter().copied();
        let masks = Masks::new(self.relation.pairs, labels, base.len().div_ceil(PANEL));
        let sketch = self.sketch.as_ref().map(|layer| layer.panels(base.clone(), true));
        let full = OnceLock::new();
        if sketch.is_none() {
            full.get_or_init(|| self.full.panels(base.clone(), true));
        }
        PanelBlock { range: base, masks, sketch, full }
    }

    fn scan(&self, block: &PanelBlock, queries: Range<usize>, tally: &mut impl Tally<M>) {
        // On one thread: a thread that waits for others here could be given
        // work that waits for this.
        let full = || block.full.get_or_init(|| self.full.panels(block.range.clone(), false));
        let end = block.range.len().div_ceil(PANEL);
        let mut start = 0;
        if let (Some(layer), Some(set)) = (&self.sketch, &block.sketch) {
            if block.range.start == 0 {
                start = WARMUP.min(end);
                self.sift(&self.full, full(), block, 0..start, queries.clone(), tally);
            }
            start = self.sift(layer, set, block, start..end, queries.clone(), tally);
        }
        if start < end {
            self.sift(&self.full, full(), block, start..end, queries, tally);
        }
    }
}
