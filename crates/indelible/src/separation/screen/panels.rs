//! Leaves out, in all norms that sum over features, samples whose shadows are too far
//! from a query's: all distances of shadows are taken, many at a time, from
//! panels that fit the caches.

use std::ops::Range;

use rayon::prelude::*;

use crate::{
    Dataset,
    separation::{
        kernel::{Isa, PANEL, ROWS, dot, lut, sad},
        metric::{Limit, Summed},
        relation::{Masks, Relation},
        search::{Screen, Tally},
        shadow::{Shadow, Sums},
    },
};

/// Panels in a block: queries are coded once for all of them.
const PANELS: usize = 96;

/// The screen.
pub(in crate::separation) struct Panels<'a, M> {
    metric: &'a M,
    relation: Relation<'a>,
    queries: &'a Dataset,
    base: &'a Dataset,
    shadow: Shadow,
    isa: Isa,
}

/// A block of base samples.
pub(in crate::separation) struct PanelBlock {
    start: usize,
    panels: Vec<Panel>,
    masks: Masks,
    /// Bounds the errors of nearly all panels.
    error: f64,
}

struct Panel {
    codes: Vec<u8>,
    terms: [u32; PANEL],
    /// Bounds of the errors of its samples, and the largest.
    errors: [f64; PANEL],
    error: f64,
}

/// Queries that are ready for the kernels.
struct Rows {
    codes: Vec<u8>,
    signed: Vec<i8>,
    terms: Vec<u32>,
    errors: Vec<f64>,
    masks: Vec<usize>,
    barriers: Vec<u32>,
}

impl<'a, M: Summed> Panels<'a, M> {
    /// A screen for a metric of samples of two datasets with a shadow.
    pub(in crate::separation) fn new(
        metric: &'a M,
        relation: Relation<'a>,
        (queries, base): (&'a Dataset, &'a Dataset),
        shadow: Shadow,
        isa: Isa,
    ) -> Self {
        Self { metric, relation, queries, base, shadow, isa }
    }

    /// Codes up to 64 samples.
    fn panel(&self, samples: Range<usize>) -> Panel {
        let width = self.shadow.padded();
        let group = match self.shadow.sums {
            Sums::Absolute => sad::GROUP,
            Sums::Squares => dot::GROUP,
            Sums::Table { .. } => lut::GROUP,
        };
        let mut panel =
            Panel { codes: vec![0; width * PANEL], terms: [0; PANEL], errors: [0.0; PANEL], error: 0.0 };
        let mut row = vec![0; width];
        for (s, j) in samples.enumerate() {
            panel.errors[s] = self.shadow.code(self.base, j, &mut row);
            panel.error = panel.error.max(panel.errors[s]);
            for (g, codes) in row.chunks_exact(group).enumerate() {
                let at = (g * PANEL + s) * group;
                panel.codes[at..at + group].copy_from_slice(codes);
            }
            let term = |&b: &u8| (u32::from(b) * u32::from(b)).wrapping_sub(256 * u32::from(b));
            panel.terms[s] = row.iter().map(term).fold(0, u32::wrapping_add);
        }
        panel
    }

    /// Codes queries, with barriers for their limits now.
    fn rows(&self, queries: Range<usize>, block: &PanelBlock, tally: &impl Tally<M>) -> Rows {
        let width = self.shadow.padded();
        let count = queries.len().next_multiple_of(ROWS);
        let mut rows = Rows {
            codes: vec![0; count * width],
            signed: Vec::new(),
            terms: vec![0; count],
            errors: vec![0.0; count],
            masks: vec![0; count],
            // Rows that only pad the last group find nothing.
            barriers: vec![0; count],
        };
        for ((k, i), row) in queries.enumerate().zip(rows.codes.chunks_exact_mut(width)) {
            rows.errors[k] = self.shadow.code(self.queries, i, row);
            rows.terms[k] = row.iter().map(|&a| u32::from(a) * u32::from(a)).sum();
            rows.masks[k] = block.masks.row(self.relation.queries[i]);
            rows.barriers[k] = self.barrier(tally.limit(i), rows.errors[k] + block.error);
        }
        if matches!(self.shadow.sums, Sums::Squares) {
            rows.signed = rows.codes.iter().map(|&a| (a ^ 128) as i8).collect();
        }
        rows
    }

    /// Sums over codes from this one on are out of a limit.
    fn barrier(&self, limit: Limit<M::Distance>, errors: f64) -> u32 {
        if errors == 0.0
            && let Some(barrier) = self.metric.barrier(limit)
        {
            return u32::try_from(barrier).unwrap_or(u32::MAX);
        }
        let reach = self.metric.reach(limit);
        if reach < 0.0 { 0 } else { self.shadow.barrier(reach, errors) }
    }
}

impl<M: Summed> Screen<M> for Panels<'_, M> {
    type Block = PanelBlock;

    fn block_size(&self) -> usize {
        PANEL * PANELS
    }

    fn block(&self, base: Range<usize>) -> PanelBlock {
        let starts: Vec<usize> = base.clone().step_by(PANEL).collect();
        let panels: Vec<Panel> =
            starts.par_iter().map(|&start| self.panel(start..(start + PANEL).min(base.end))).collect();
        let mut errors: Vec<f64> = panels.iter().map(|p| p.error).collect();
        errors.sort_unstable_by(f64::total_cmp);
        let typical = 1.25 * errors[errors.len() / 2];
        let error = errors.iter().copied().filter(|&e| e <= typical).fold(0.0, f64::max);
        let labels = self.relation.base[base.clone()].iter().copied();
        let masks = Masks::new(self.relation.pairs, labels, panels.len());
        PanelBlock { start: base.start, panels, masks, error }
    }

    fn scan(&self, block: &PanelBlock, queries: Range<usize>, tally: &mut impl Tally<M>) {
        let width = self.shadow.padded();
        let mut rows = self.rows(queries.clone(), block, tally);
        let mut values = [[0; PANEL]; ROWS];
        for (p, panel) in block.panels.iter().enumerate() {
            let outlier = panel.error > block.error;
            let error = if outlier { panel.error } else { block.error };
            let mut changed = false;
            for first in (0..queries.len()).step_by(ROWS) {
                let start = queries.start + first;
                // Pairs are looked at once: all samples of the panel come before.
                if self.relation.start(start) >= block.start + (p + 1) * PANEL {
                    break;
                }
                let mut barriers = [0; ROWS];
                barriers.copy_from_slice(&rows.barriers[first..first + ROWS]);
                let last = (first + ROWS).min(queries.len());
                if outlier {
                    for k in first..last {
                        barriers[k - first] =
                            self.barrier(tally.limit(queries.start + k), rows.errors[k] + error);
                    }
                }
                let codes = first * width..(first + ROWS) * width;
                let masks = match &self.shadow.sums {
                    Sums::Absolute => {
                        sad::near(self.isa, &panel.codes, &rows.codes[codes], &barriers, &mut values)
                    }
                    Sums::Squares => {
                        let mut row_terms = [0; ROWS];
                        row_terms.copy_from_slice(&rows.terms[first..first + ROWS]);
                        let operands = dot::Operands {
                            panel: &panel.codes,
                            panel_terms: &panel.terms,
                            rows: &rows.signed[codes],
                            row_terms,
                        };
                        dot::near(self.isa, &operands, &barriers, &mut values)
                    }
                    Sums::Table { entries, .. } => {
                        lut::near(self.isa, entries, &panel.codes, &rows.codes[codes], &barriers, &mut values)
                    }
                };
                for k in first..last {
                    let i = queries.start + k;
                    if masks[k - first] == 0 {
                        continue;
                    }
                    let skip = self.relation.start(i).saturating_sub(block.start);
                    let mut found = masks[k - first] & block.masks.word(rows.masks[k], p, skip);
                    while found != 0 {
                        let s = found.trailing_zeros() as usize;
                        found &= found - 1;
                        let j = block.start + p * PANEL + s;
                        let value = values[k - first][s];
                        // The panel's bound of the errors may be much above the sample's.
                        let far = panel.errors[s] < error
                            && value >= self.barrier(tally.limit(i), rows.errors[k] + panel.errors[s]);
                        if value < barriers[k - first]
                            && !far
                            && let Some(distance) = self.metric.within(i, j, tally.limit(i))
                        {
                            tally.take(i, j, distance);
                            let limit = tally.limit(i);
                            barriers[k - first] = self.barrier(limit, rows.errors[k] + error);
                            rows.barriers[k] = self.barrier(limit, rows.errors[k] + block.error);
                            changed = true;
                        }
                    }
                }
            }
            if changed && tally.shared() {
                for k in 0..queries.len() {
                    let limit = tally.limit(queries.start + k);
                    rows.barriers[k] = self.barrier(limit, rows.errors[k] + block.error);
                }
            }
        }
    }
}
