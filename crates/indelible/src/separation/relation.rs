//! Which pairs are looked at.

use std::{collections::HashMap, ops::Range};

use crate::Dataset;

/// Which pairs of samples are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
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
    pub(super) pairs: Pairs,
    /// Whether query `i` meets only base samples `j > i`, of the same set.
    ascending: bool,
}

impl<'a> Relation<'a> {
    /// Every sample of one set against every enemy of it.
    pub(super) fn within(data: &'a Dataset) -> Self {
        Self::among(data.labels())
    }

    /// Every sample of one set against every sample of it with another number.
    pub(super) fn among(numbers: &'a [usize]) -> Self {
        Self { queries: numbers, base: numbers, pairs: Pairs::Enemies, ascending: false }
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

    /// Every query against every sample of another set, or of the same: all pairs,
    /// each sample with itself too.
    pub(super) fn all(queries: &'a Dataset, base: &'a Dataset) -> Self {
        Self { queries: queries.labels(), base: base.labels(), pairs: Pairs::All, ascending: false }
    }

    /// First base sample that query `i` may meet.
    #[inline]
    pub(super) fn start(&self, i: usize) -> usize {
        if self.ascending { i + 1 } else { 0 }
    }

    /// How many samples of a block come too early for query `i`.
    #[inline]
    pub(super) fn skip(&self, i: usize, block: &Range<usize>) -> usize {
        self.start(i).saturating_sub(block.start)
    }

    /// One past the last of `queries` queries that may meet a sample of a
    /// block.
    pub(super) fn stop(&self, block: &Range<usize>, queries: usize) -> usize {
        if self.ascending { queries.min(block.end.saturating_sub(1)) } else { queries }
    }

    /// Whether queries and base samples are the same samples.
    pub(super) fn is_one_set(&self) -> bool {
        std::ptr::eq(self.queries, self.base)
    }

    /// Whether the pair of query `i` and base sample `j` counts, if it is looked at.
    pub(super) fn counts(&self, i: usize, j: usize) -> bool {
        self.pairs == Pairs::All || self.queries[i] != self.base[j]
    }

    /// Whether each pair that counts for a sample counts for the other one, too, in the other
    /// order.
    pub(super) fn is_mutual(&self) -> bool {
        self.is_one_set() && self.pairs == Pairs::Enemies && !self.ascending
    }

    /// Of a [mutual](Self::is_mutual) relation each pair once, smaller index first.
    pub(super) fn halved(&self) -> Self {
        Self { ascending: true, ..*self }
    }

    /// Whether query `i` meets only base samples `j > i`.
    pub(super) fn is_ascending(&self) -> bool {
        self.ascending
    }

    /// How many pairs count, up to a factor of two.
    pub(super) fn size(&self) -> u128 {
        let all = self.queries.len() as u128 * self.base.len() as u128;
        if self.pairs == Pairs::All {
            return all;
        }
        let mut counts: HashMap<usize, u128> = HashMap::new();
        for &label in self.base {
            *counts.entry(label).or_default() += 1;
        }
        all - self.queries.iter().map(|label| counts.get(label).copied().unwrap_or(0)).sum::<u128>()
    }
}

/// Where the bits are that are set, lowest first.
#[inline]
pub(super) fn ones(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = (word != 0).then(|| word.trailing_zeros() as usize)?;
        word &= word - 1;
        Some(bit)
    })
}

/// For every query, which samples of a block count, as bits.
pub(super) struct Masks {
    words: usize,
    /// Row of `bits` that leaves out the samples of a label.
    rows: HashMap<usize, usize>,
    /// `words` words per row; row 0 leaves out none.
    bits: Vec<u64>,
}

impl Relation<'_> {
    /// Masks of `words` words of 64 samples, for these base samples.
    pub(super) fn masks(&self, samples: impl ExactSizeIterator<Item = usize>, words: usize) -> Masks {
        let count = samples.len();
        let full = |w: usize| match count.saturating_sub(64 * w) {
            0 => 0,
            left @ 1..64 => (1 << left) - 1,
            _ => u64::MAX,
        };
        let mut bits: Vec<u64> = (0..words).map(full).collect();
        let mut rows = HashMap::new();
        if self.pairs == Pairs::Enemies {
            for (k, j) in samples.enumerate() {
                let row = *rows.entry(self.base[j]).or_insert_with(|| {
                    bits.extend((0..words).map(full));
                    bits.len() / words - 1
                });
                bits[row * words + k / 64] &= !(1 << (k % 64));
            }
        }
        Masks { words, rows, bits }
    }
}

impl Masks {
    /// Where the words for queries with this label are.
    pub(super) fn row(&self, label: usize) -> usize {
        self.rows.get(&label).copied().unwrap_or(0)
    }

    /// Of word `w` in a [row](Self::row), the samples from `skip` on.
    #[inline]
    pub(super) fn word(&self, row: usize, w: usize, skip: usize) -> u64 {
        match skip.saturating_sub(64 * w) {
            skip @ 0..64 => self.bits[row * self.words + w] & (u64::MAX << skip),
            _ => 0,
        }
    }

    /// Into `out`, the samples that count for a query with this label, but not
    /// the first `skip`.
    pub(super) fn fill(&self, label: usize, skip: usize, out: &mut [u64]) {
        let row = self.row(label);
        for (w, word) in out.iter_mut().enumerate() {
            *word = self.word(row, w, skip);
        }
    }
}
