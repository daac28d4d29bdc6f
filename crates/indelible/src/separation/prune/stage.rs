//! Samples as kernels compare them: coded, and laid out in panels and rows.

use std::ops::Range;

use crate::{
    isa::Isa,
    parallel,
    separation::{
        kernel::{
            PANEL, PanelSums, ROWS, dot,
            sums::{self, Term},
        },
        metric::{Limit, Summed},
        quantized::{Quantizer, Sums},
        sketch::Sketch,
    },
};

/// Samples to be compared, and what their codes say about distances.
pub(super) struct Stage<'a> {
    pub(super) samples: Sketch<'a>,
    pub(super) quantizer: Quantizer,
    /// Whether these are the samples that the metric measures.
    pub(super) original: bool,
    pub(super) isa: Isa,
}

/// Panels of the samples of a block.
pub(super) struct PanelSet {
    pub(super) panels: Vec<Panel>,
    /// Bounds the errors of nearly all panels.
    pub(super) error: f64,
}

/// Up to 64 samples.
pub(super) struct Panel {
    codes: Vec<u8>,
    terms: [u32; PANEL],
    /// Bounds of the errors of its samples, and the largest.
    pub(super) errors: [f64; PANEL],
    pub(super) error: f64,
}

/// Queries, in groups that are compared together.
pub(super) struct QueryRows {
    codes: Vec<u8>,
    signed: Vec<i8>,
    terms: Vec<u32>,
    /// Bounds of their errors.
    pub(super) errors: Vec<f64>,
}

impl Stage<'_> {
    /// Lays out base samples in panels, on one thread or all.
    pub(super) fn panels(&self, samples: Range<usize>, parallel: bool) -> PanelSet {
        let starts: Vec<usize> = samples.clone().step_by(PANEL).collect();
        let panel = |&start: &usize| self.panel(start..(start + PANEL).min(samples.end));
        let panels: Vec<Panel> =
            if parallel { parallel::map_each(&starts, panel) } else { starts.iter().map(panel).collect() };
        let mut errors: Vec<f64> = panels.iter().map(|p| p.error).collect();
        errors.sort_unstable_by(f64::total_cmp);
        let typical = 1.25 * errors[errors.len() / 2];
        let error = errors.iter().copied().filter(|&e| e <= typical).fold(0.0, f64::max);
        PanelSet { panels, error }
    }

    fn panel(&self, samples: Range<usize>) -> Panel {
        let width = self.quantizer.padded();
        let group = match self.quantizer.sums {
            Sums::Squares => dot::GROUP,
            Sums::Absolute | Sums::Table { .. } => sums::GROUP,
        };
        let mut panel =
            Panel { codes: vec![0; width * PANEL], terms: [0; PANEL], errors: [0.0; PANEL], error: 0.0 };
        let mut row = vec![0; width];
        for (s, j) in samples.enumerate() {
            panel.errors[s] = self.quantizer.code(&self.samples.base, j, &mut row) + self.samples.error;
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

    /// Lays out queries in rows.
    pub(super) fn rows(&self, queries: Range<usize>) -> QueryRows {
        let width = self.quantizer.padded();
        let count = queries.len().next_multiple_of(ROWS);
        let mut rows = QueryRows {
            codes: vec![0; count * width],
            signed: Vec::new(),
            terms: vec![0; count],
            errors: vec![0.0; count],
        };
        for ((k, i), row) in queries.enumerate().zip(rows.codes.chunks_exact_mut(width)) {
            rows.errors[k] = self.quantizer.code(&self.samples.queries, i, row) + self.samples.error;
            rows.terms[k] = row.iter().map(|&a| u32::from(a) * u32::from(a)).sum();
        }
        if matches!(self.quantizer.sums, Sums::Squares) {
            rows.signed = rows.codes.iter().map(|&a| (a ^ 128) as i8).collect();
        }
        rows
    }

    /// Sums over codes from this one on are out of a limit, for samples whose
    /// errors add up to `errors`.
    pub(super) fn barrier<M: Summed>(&self, metric: &M, limit: Limit<M::Distance>, errors: f64) -> u32 {
        if self.original
            && errors == 0.0
            && let Some(barrier) = metric.barrier(limit)
        {
            return u32::try_from(barrier).unwrap_or(u32::MAX);
        }
        let reach = metric.reach(limit);
        if reach < 0.0 { 0 } else { self.quantizer.barrier(reach * self.samples.stretch, errors) }
    }

    /// Whether a sum over codes is certainly out of a limit with this reach, for
    /// samples whose errors add up to `errors`; cheaper for one than a barrier.
    pub(super) fn is_out(&self, sum: u32, reach: f64, errors: f64) -> bool {
        self.quantizer.lower(sum) > (reach * self.samples.stretch + errors) * (1.0 + 8.0 * f64::EPSILON)
    }

    /// Sums over the codes of a panel and of the queries from `first` on that
    /// are below barriers; see the kernels.
    pub(super) fn near(
        &self,
        panel: &Panel,
        rows: &QueryRows,
        first: usize,
        barriers: &[u32; ROWS],
        out: &mut PanelSums,
    ) -> [u64; ROWS] {
        let width = self.quantizer.padded();
        let codes = first * width..(first + ROWS) * width;
        let term = match &self.quantizer.sums {
            Sums::Squares => {
                let operands = dot::Operands {
                    panel: &panel.codes,
                    panel_terms: &panel.terms,
                    rows: &rows.signed[codes],
                    row_terms: std::array::from_fn(|r| rows.terms[first + r]),
                };
                return dot::near(self.isa, &operands, barriers, out);
            }
            Sums::Absolute => Term::Gap,
            Sums::Table { entries, .. } => Term::Entry(entries),
        };
        sums::near(self.isa, term, &panel.codes, &rows.codes[codes], barriers, out)
    }
}
