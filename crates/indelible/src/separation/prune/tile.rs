//! What the limits of queries and of samples mean for sums over codes.

use std::ops::Range;

use super::stage::{Panel, QueryRows, Rows, Stage};
use crate::separation::{
    kernel::{PANEL, ROWS},
    metric::{Codes, Limit, Summed},
    relation::Relation,
    search::Collector,
};

/// What is measured, and how pairs are told apart before.
pub(super) struct Stages<'a, M> {
    pub(super) metric: &'a M,
    pub(super) relation: Relation<'a>,
    pub(super) full: Stage<'a>,
    /// What the first sketch does not tell apart is looked at with.
    pub(super) finer: Option<Stage<'a>>,
    /// For samples whose own codes are those compared: the error of all of them,
    /// and these.
    pub(super) plain: Option<(f64, Codes<'a>)>,
}

/// Codes of finer sketches.
pub(super) struct Finer {
    pub(super) rows: Rows,
    /// Bounds nearly all of their errors.
    pub(super) error: f64,
}

/// Queries of a tile in a stage, and what their limits mean there.
pub(super) struct Tile<'a, M: Summed> {
    stages: &'a Stages<'a, M>,
    stage: &'a Stage<'a>,
    queries: Range<usize>,
    pub(super) rows: QueryRows,
    /// Bounds the errors of nearly all base samples.
    error: f64,
    /// Sums from these on are out of the limits for such samples. Rows that
    /// only pad the last group find nothing.
    pub(super) barriers: Vec<u32>,
    /// Reaches of the limits.
    pub(super) reaches: Vec<f64>,
    /// Sums over all codes from these on are out of the limits.
    seconds: Vec<u32>,
    finer: Option<FinerTile<'a>>,
    /// The samples of a panel.
    pub(super) base: Base<M>,
}

/// Queries of a tile as finer sketches.
struct FinerTile<'a> {
    stage: &'a Stage<'a>,
    base: &'a Finer,
    rows: Rows,
    /// Sums from these on are out of the limits, for nearly all base samples.
    barriers: Vec<u32>,
    /// The largest error of a query.
    most: f64,
}

/// What the limits of the samples of a panel mean, where pairs count for these, too; else nothing
/// is within them.
pub(super) struct Base<M: Summed> {
    /// Sums from these on are out of the limits, for all queries of the tile.
    pub(super) first: [u32; PANEL],
    pub(super) reaches: [f64; PANEL],
    /// The same for finer sketches and for all codes.
    finer: [u32; PANEL],
    seconds: [u32; PANEL],
    /// The largest error of a query.
    most: f64,
    limits: Vec<Limit<M::Distance>>,
}

impl<'a, M: Summed> Tile<'a, M> {
    pub(super) fn new(
        stages: &'a Stages<'a, M>,
        (stage, error, finer): (&'a Stage<'a>, f64, Option<&'a Finer>),
        queries: Range<usize>,
    ) -> Self {
        let most = |errors: &[f64]| errors.iter().copied().fold(0.0, f64::max);
        let finer = stages.finer.as_ref().zip(finer).map(|(stage, base)| {
            let rows = stage.queries(queries.clone());
            FinerTile { stage, base, barriers: vec![0; queries.len()], most: most(&rows.errors), rows }
        });
        let count = queries.len().next_multiple_of(ROWS);
        let rows = stage.rows(queries.clone());
        let base = Base {
            first: [0; PANEL],
            reaches: [-1.0; PANEL],
            finer: [0; PANEL],
            seconds: [0; PANEL],
            most: most(rows.errors()),
            limits: Vec::new(),
        };
        Self {
            stages,
            stage,
            rows,
            queries,
            error,
            barriers: vec![0; count],
            reaches: vec![0.0; count],
            seconds: vec![0; count],
            finer,
            base,
        }
    }

    /// Samples of a block that come too early for query `k` of the tile.
    #[inline]
    pub(super) fn skip(&self, k: usize, block: &Range<usize>) -> usize {
        self.stages.relation.skip(self.queries.start + k, block)
    }

    /// Takes over the limit of query `k` of the tile.
    pub(super) fn refresh(&mut self, k: usize, collector: &impl Collector<M>) {
        let (metric, limit) = (self.stages.metric, collector.limit(self.queries.start + k));
        self.barriers[k] = self.stage.barrier(metric, limit, self.rows.errors()[k] + self.error);
        if let Some(finer) = &mut self.finer {
            finer.barriers[k] = finer.stage.barrier(metric, limit, finer.rows.errors[k] + finer.base.error);
        }
        self.reaches[k] = metric.reach(limit);
        if let Some((error, _)) = self.stages.plain {
            self.seconds[k] = self.stages.full.barrier(metric, limit, 2.0 * error);
        }
    }

    pub(super) fn refresh_all(&mut self, collector: &impl Collector<M>) {
        for k in 0..self.queries.len() {
            self.refresh(k, collector);
        }
    }

    /// Takes over the limits of some `samples` of a panel, which is number `p` of its block and
    /// begins with sample `first`.
    pub(super) fn refresh_base(
        &mut self,
        panel: &Panel,
        (first, p): (usize, usize),
        samples: Range<usize>,
        collector: &impl Collector<M>,
    ) {
        let (metric, base) = (self.stages.metric, &mut self.base);
        base.limits.clear();
        collector.base_limits(first + samples.start..first + samples.end, &mut base.limits);
        for (s, &limit) in samples.zip(&base.limits) {
            let reach = metric.reach(limit);
            base.reaches[s] = reach;
            base.first[s] = self.stage.reached(reach, panel.errors[s] + base.most);
            if let Some(finer) = &self.finer {
                let error = finer.base.rows.errors[p * PANEL + s];
                base.finer[s] = finer.stage.reached(reach, error + finer.most);
            }
            if let Some((error, _)) = self.stages.plain {
                base.seconds[s] = self.stages.full.reached(reach, 2.0 * error);
            }
        }
    }

    /// The limit of base sample `j`, where pairs count for it.
    pub(super) fn base_limit(
        &mut self,
        j: usize,
        collector: &impl Collector<M>,
    ) -> Option<Limit<M::Distance>> {
        self.base.limits.clear();
        collector.base_limits(j..j + 1, &mut self.base.limits);
        self.base.limits.first().copied()
    }

    /// Whether the finer sketches of query `k` of the tile and sample `s` of panel `p` of the block,
    /// whose sum is given, put these out of the limits that it is within; of an `outlier`, whose
    /// errors are larger, this is not known.
    pub(super) fn is_finely_out(&self, k: usize, s: usize, p: usize, (sum, outlier): (u32, bool)) -> bool {
        let Some(finer) = &self.finer else { return false };
        let at = p * PANEL + s;
        if finer.base.rows.errors[at] > finer.base.error {
            return false;
        }
        let query = if outlier || sum < self.barriers[k] { finer.barriers[k] } else { 0 };
        let sample = if sum < self.base.first[s] { self.base.finer[s] } else { 0 };
        finer.stage.sum((&finer.rows, k), (&finer.base.rows, at)) >= query.max(sample)
    }

    /// A sum over all codes from this one on is out of the limits of query `k` and sample `s`, as
    /// far as these are asked for.
    pub(super) fn second(&self, k: usize, s: usize, query: bool, sample: bool) -> u32 {
        let query = if query { self.seconds[k] } else { 0 };
        let sample = if sample { self.base.seconds[s] } else { 0 };
        query.max(sample)
    }

    /// Barriers of the queries from `first` on; for base samples with larger
    /// errors, `outlier` bounds these.
    pub(super) fn barriers(
        &self,
        first: usize,
        outlier: Option<f64>,
        collector: &impl Collector<M>,
    ) -> [u32; ROWS] {
        std::array::from_fn(|r| {
            let k = first + r;
            match outlier {
                Some(error) if k < self.queries.len() => {
                    let limit = collector.limit(self.queries.start + k);
                    self.stage.barrier(self.stages.metric, limit, self.rows.errors()[k] + error)
                }
                _ => self.barriers[k],
            }
        })
    }
}
