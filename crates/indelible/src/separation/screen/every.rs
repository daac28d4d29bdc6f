//! Leaves out nothing: for so few pairs that preparing any other screen takes
//! longer than looking at all of them.

use std::ops::Range;

use crate::separation::{
    metric::Metric,
    relation::{Masks, Relation},
    search::{Screen, Tally},
};

/// Words of 64 samples in a block.
const WORDS: usize = 64;
/// Samples from which on preparing takes long enough to matter.
const MANY: usize = 1024;
/// Pairs per sample that are looked at sooner than it is prepared: one enemy
/// among 8,192 × 784 codes takes 5 to 17 ms so, 12 to 58 ms with other screens.
const PAIRS: u128 = 2;

/// The screen.
pub(in crate::separation) struct Every<'a, M> {
    metric: &'a M,
    relation: Relation<'a>,
}

/// A block of base samples.
pub(in crate::separation) struct EveryBlock {
    start: usize,
    masks: Masks,
}

impl<'a, M: Metric> Every<'a, M> {
    /// The screen, where few pairs of many samples count.
    pub(in crate::separation) fn new(metric: &'a M, relation: Relation<'a>) -> Option<Self> {
        let samples = relation.queries.len().min(relation.base.len());
        let few = relation.size() <= PAIRS * samples as u128;
        (samples >= MANY && few).then_some(Self { metric, relation })
    }
}

impl<M: Metric> Screen<M> for Every<'_, M> {
    type Block = EveryBlock;

    fn block_size(&self) -> usize {
        64 * WORDS
    }

    fn block(&self, base: Range<usize>) -> EveryBlock {
        let labels = self.relation.base[base.clone()].iter().copied();
        EveryBlock { start: base.start, masks: Masks::new(self.relation.pairs, labels, WORDS) }
    }

    fn scan(&self, block: &EveryBlock, queries: Range<usize>, tally: &mut impl Tally<M>) {
        let mut counts = [0; WORDS];
        for i in queries {
            let skip = self.relation.start(i).saturating_sub(block.start);
            block.masks.fill(self.relation.queries[i], skip, &mut counts);
            for (w, &word) in counts.iter().enumerate() {
                let mut left: u64 = word;
                while left != 0 {
                    let j = block.start + 64 * w + left.trailing_zeros() as usize;
                    left &= left - 1;
                    if let Some(distance) = self.metric.within(i, j, tally.limit(i)) {
                        tally.take(i, j, distance);
                    }
                }
            }
        }
    }
}
