//! Samples as kernels compare them: coded, and laid out in panels and rows.

use std::ops::Range;

use crate::{
    Dataset,
    isa::Isa,
    parallel,
    separation::{
        kernel::{
            Barriers, PANEL, PanelSums, ROWS, dot,
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
    rows: Rows,
    signed: Vec<i8>,
    split: Vec<[i32; 2]>,
    terms: Vec<u32>,
}

/// Codes of samples, row after row.
pub(super) struct Rows {
    codes: Vec<u8>,
    /// Bounds of their errors.
    pub(super) errors: Vec<f64>,
}

impl QueryRows {
    /// Bounds of the errors of the queries.
    pub(super) fn errors(&self) -> &[f64] {
        &self.rows.errors
    }
}

/// Bounds nearly all of some errors, at least one.
fn typical(errors: &mut [f64]) -> f64 {
    errors.sort_unstable_by(f64::total_cmp);
    let typical = 1.25 * errors[errors.len() / 2];
    errors.iter().copied().filter(|&e| e <= typical).fold(0.0, f64::max)
}

impl Rows {
    /// Bounds nearly all of the errors.
    pub(super) fn error(&self) -> f64 {
        typical(&mut self.errors.clone())
    }
}

impl Stage<'_> {
    /// Lays out base samples in panels, on one thread or all.
    pub(super) fn panels(&self, samples: Range<usize>, parallel: bool) -> PanelSet {
        let starts: Vec<usize> = samples.clone().step_by(PANEL).collect();
        let panel = |&start: &usize| self.panel(start..(start + PANEL).min(samples.end));
        let panels: Vec<Panel> =
            if parallel { parallel::map_each(&starts, panel) } else { starts.iter().map(panel).collect() };
        let mut errors: Vec<f64> = panels.iter().map(|p| p.error).collect();
        PanelSet { error: typical(&mut errors), panels }
    }

    fn panel(&self, samples: Range<usize>) -> Panel {
        let width = self.quantizer.padded();
        let group = match self.quantizer.sums {
            Sums::Squares => dot::GROUP,
            Sums::Absolute | Sums::Powers(_) => sums::GROUP,
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

    /// Codes queries.
    pub(super) fn queries(&self, queries: Range<usize>) -> Rows {
        let count = queries.len();
        self.code(&self.samples.queries, queries, count)
    }

    /// Codes base samples.
    pub(super) fn base(&self, samples: Range<usize>) -> Rows {
        let count = samples.len();
        self.code(&self.samples.base, samples, count)
    }

    /// Codes samples of a dataset, padded to `count` rows.
    fn code(&self, data: &Dataset, samples: Range<usize>, count: usize) -> Rows {
        let width = self.quantizer.padded();
        let mut rows = Rows { codes: vec![0; count * width], errors: vec![0.0; count] };
        let places = rows.codes.chunks_exact_mut(width).zip(&mut rows.errors);
        for (i, (row, error)) in samples.zip(places) {
            *error = self.quantizer.code(data, i, row) + self.samples.error;
        }
        rows
    }

    /// Lays out queries in rows.
    pub(super) fn rows(&self, queries: Range<usize>) -> QueryRows {
        let width = self.quantizer.padded();
        let count = queries.len().next_multiple_of(ROWS);
        let rows = self.code(&self.samples.queries, queries, count);
        let square = |row: &[u8]| row.iter().map(|&a| u32::from(a) * u32::from(a)).sum();
        let terms = rows.codes.chunks_exact(width).map(square).collect();
        let signed: Vec<i8> = match self.quantizer.sums {
            Sums::Squares => rows.codes.iter().map(|&a| (a ^ 128) as i8).collect(),
            Sums::Absolute | Sums::Powers(_) => Vec::new(),
        };
        QueryRows { rows, split: dot::split(&signed), signed, terms }
    }

    /// The sum over the codes of row `k` of queries and row `s` of base samples.
    pub(super) fn sum(&self, (queries, k): (&Rows, usize), (base, s): (&Rows, usize)) -> u32 {
        let width = self.quantizer.padded();
        let (a, b) = (&queries.codes[k * width..(k + 1) * width], &base.codes[s * width..(s + 1) * width]);
        self.quantizer.sums.between(self.isa, a, b)
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
        self.reached(metric.reach(limit), errors)
    }

    /// The same for a limit with this reach, perhaps a little more.
    pub(super) fn reached(&self, reach: f64, errors: f64) -> u32 {
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
        barriers: &Barriers,
        out: &mut PanelSums,
    ) -> [u64; ROWS] {
        let width = self.quantizer.padded();
        let codes = first * width..(first + ROWS) * width;
        let term = match &self.quantizer.sums {
            Sums::Squares => {
                let operands = dot::Operands {
                    panel: &panel.codes,
                    panel_terms: &panel.terms,
                    rows: &rows.signed[codes.clone()],
                    split: &rows.split[codes.start / dot::GROUP..codes.end / dot::GROUP],
                    row_terms: std::array::from_fn(|r| rows.terms[first + r]),
                };
                return dot::near(self.isa, &operands, barriers, out);
            }
            Sums::Absolute => Term::Gap,
            Sums::Powers(powers) => powers.term(),
        };
        sums::near(self.isa, term, &panel.codes, &rows.rows.codes[codes], barriers, out)
    }
}
