//! Which pairs are looked at.

use std::ops::Range;

use crate::Dataset;

/// Which pairs of samples are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pairs {
    /// Samples with different labels.
    Enemies,
    /// All samples, whatever their labels.
    All,
}

/// Queries, base samples, and which of their pairs count.
#[derive(Clone, Copy)]
pub(super) struct Relation<'a> {
    pub(super) queries: &'a [usize],
    pub(super) base: &'a [usize],
    pairs: Pairs,
    /// Whether query `i` meets only base samples `j > i`, of the same set.
    ascending: bool,
}

impl<'a> Relation<'a> {
    /// Every sample of one set against every enemy of it.
    pub(super) fn within(data: &'a Dataset) -> Self {
        Self { queries: data.labels(), base: data.labels(), pairs: Pairs::Enemies, ascending: false }
    }

    /// Every pair of one set once, smaller index first.
    pub(super) fn once(data: &'a Dataset, pairs: Pairs) -> Self {
        Self { queries: data.labels(), base: data.labels(), pairs, ascending: true }
    }

    /// Every query against every enemy of it in another set. `queries` are
    /// the labels of the queries in the numbering of `base`.
    pub(super) fn between(queries: &'a [usize], base: &'a Dataset) -> Self {
        Self { queries, base: base.labels(), pairs: Pairs::Enemies, ascending: false }
    }

    /// First base sample that query `i` may meet.
    #[inline]
    pub(super) fn start(&self, i: usize) -> usize {
        if self.ascending { i + 1 } else { 0 }
    }

    /// One past the last of `queries` queries that may meet a sample of a
    /// block.
    pub(super) fn stop(&self, block: &Range<usize>, queries: usize) -> usize {
        if self.ascending { queries.min(block.end.saturating_sub(1)) } else { queries }
    }

    /// Whether query `i` and base sample `j` are compared.
    #[inline]
    pub(super) fn counts(&self, i: usize, j: usize) -> bool {
        j >= self.start(i) && (self.pairs == Pairs::All || self.queries[i] != self.base[j])
    }
}
