//! Panels for tests of the kernels that read them, and the definition that these
//! are compared with.

use proptest::{prelude::*, test_runner::TestCaseError};

use super::{Barriers, PANEL, PanelSums, ROWS};
use crate::{isa::Isa, number::random::Random};

/// Queries and samples, row after row, and these as panels hold them.
pub(super) struct Operands {
    pub(super) queries: Vec<u8>,
    pub(super) samples: Vec<u8>,
    pub(super) panel: Vec<u8>,
    /// Codes per row.
    pub(super) width: usize,
}

/// Barriers of queries, and of samples: none, below the least, or the largest number.
pub(super) fn barriers(queries: [u32; ROWS], seed: u64, least: u32) -> Barriers {
    let mut random = Random::new(seed ^ 1);
    let sample = |_| match random.below(8) {
        0..4 => 0,
        4 => u32::MAX,
        _ => random.below(least as usize) as u32,
    };
    let samples = if seed.is_multiple_of(3) { [0; PANEL] } else { std::array::from_fn(sample) };
    Barriers { queries, samples }
}

impl Operands {
    /// Rows of so many groups of `group` codes; only the lowest and the highest
    /// code where they are `extreme`.
    pub(super) fn new(groups: usize, group: usize, seed: u64, extreme: bool) -> Self {
        let (mut random, width) = (Random::new(seed), groups * group);
        let mut rows = |count: usize| -> Vec<u8> {
            let code = |_| {
                let byte = random.below(256) as u8;
                if extreme { byte / 128 * 255 } else { byte }
            };
            (0..width * count).map(code).collect()
        };
        let (queries, samples) = (rows(ROWS), rows(PANEL));
        let mut panel = vec![0; samples.len()];
        for (s, sample) in samples.chunks(width).enumerate() {
            for (k, &b) in sample.iter().enumerate() {
                panel[(k / group * PANEL + s) * group + k % group] = b;
            }
        }
        Self { queries, samples, panel, width }
    }

    /// Compares what `near` gives with sums of `term` over the codes, on every
    /// instruction set.
    pub(super) fn check(
        &self,
        barriers: &Barriers,
        term: impl Fn(u8, u8) -> u32,
        near: impl Fn(Isa, &mut PanelSums) -> [u64; ROWS],
    ) -> Result<(), TestCaseError> {
        for isa in Isa::available() {
            let mut sums = [[0; PANEL]; ROWS];
            let masks = near(isa, &mut sums);
            for (r, query) in self.queries.chunks(self.width).enumerate() {
                for (s, sample) in self.samples.chunks(self.width).enumerate() {
                    let sum: u32 = query.iter().zip(sample).map(|(&a, &b)| term(a, b)).sum();
                    let near = sum < barriers.queries[r].max(barriers.samples[s]);
                    prop_assert_eq!(masks[r] >> s & 1 == 1, near, "{:?}", isa);
                    if masks[r] >> s & 1 == 1 {
                        prop_assert_eq!(sums[r][s], sum, "{:?}", isa);
                    }
                }
            }
        }
        Ok(())
    }
}
