//! Leaves out nothing: for so few pairs that preparing any other pruner takes
//! longer than looking at all of them.

use std::ops::Range;

use crate::separation::{
    metric::Metric,
    relation::{Masks, Relation, ones},
    search::{Collector, Pruner},
};

/// Words of 64 samples in a block.
const WORDS: usize = 64;
/// Samples from which on preparing takes long enough to matter.
const MANY: usize = 1024;
/// Pairs per sample that are looked at sooner than it is prepared: one enemy
/// among 8,192 × 784 codes takes 5 to 17 ms so, 12 to 58 ms with other pruners.
const PAIRS: u128 = 2;

/// The pruner.
pub struct Every<'a, M> {
    metric: &'a M,
    relation: Relation<'a>,
}

impl<'a, M: Metric> Every<'a, M> {
    /// The pruner, where few pairs of many samples count.
    pub fn new(metric: &'a M, relation: Relation<'a>) -> Option<Self> {
        let samples = relation.queries.len().min(relation.base.len());
        let few = relation.size() <= PAIRS * samples as u128;
        (samples >= MANY && few).then_some(Self { metric, relation })
    }
}

impl<M: Metric> Pruner<M> for Every<'_, M> {
    type Block = (Range<usize>, Masks);

    fn block_size(&self) -> usize {
        64 * WORDS
    }

    fn block(&self, base: Range<usize>) -> Self::Block {
        (base.clone(), self.relation.masks(base, WORDS))
    }

    fn scan(&self, (block, masks): &Self::Block, queries: Range<usize>, collector: &mut impl Collector<M>) {
        for i in queries {
            let skip = self.relation.skip(i, block);
            let row = masks.row(self.relation.queries[i]);
            for w in 0..WORDS {
                for j in ones(masks.word(row, w, skip)).map(|s| block.start + 64 * w + s) {
                    if let Some(distance) = self.metric.within(i, j, collector.limit(i)) {
                        collector.take(i, j, distance);
                    }
                }
            }
        }
    }
}
