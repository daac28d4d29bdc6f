//! Counts, for all literals of a grid at once, how many balls of a list each
//! leaves out: bits are added by carry-save adders, 512 literals at a time.

mod portable;
#[cfg(target_arch = "x86_64")]
mod wide;

use crate::isa::Isa;

/// Words that are counted together: 512 literals.
pub(super) const BLOCK: usize = 8;
/// Bits of a count; lists are shorter than 2^16.
const PLANES: usize = 16;

/// Which balls of a list are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// Those on the other side: a literal excludes them.
    Excluded,
    /// Those not wholly on the same side: a literal loses them.
    Lost,
}

/// A bit matrix of balls and thresholds. Row `s` holds `width` words of "the
/// ball lies above" and as many of "it lies below"; `width` is a multiple of
/// [`BLOCK`].
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    pub rows: &'a [u64],
    pub width: usize,
}

impl<'a> Matrix<'a> {
    /// The two halves of row `slot`.
    #[inline(always)]
    pub fn row(&self, slot: usize) -> (&'a [u64], &'a [u64]) {
        self.rows[2 * self.width * slot..2 * self.width * (slot + 1)].split_at(self.width)
    }
}

/// Counts per threshold, for the literal on whose side the ball of `seed`
/// lies, the balls of `list` that `which` names; 0 where it lies on neither.
/// `counts` has one entry per bit of a half row; `list` is shorter than 2^16.
pub(super) fn count(
    isa: Isa,
    matrix: Matrix<'_>,
    seed: usize,
    list: &[u32],
    which: Which,
    counts: &mut [u16],
) {
    assert_eq!(counts.len(), matrix.width * 64);
    assert!(list.len() < 1 << PLANES && matrix.width.is_multiple_of(BLOCK));
    match isa {
        // SAFETY: the value exists only where the processor has the set.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => unsafe { wide::count_avx512(matrix, seed, list, which, counts) },
        // SAFETY: likewise.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { wide::count_avx2(matrix, seed, list, which, counts) },
        Isa::Portable => portable::count(matrix, seed, list, which, counts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn all_kernels_agree_with_the_definition(
            blocks in 1usize..3,
            balls in 1usize..90,
            seed in any::<u64>(),
            lost in any::<bool>(),
        ) {
            let width = blocks * BLOCK;
            let mut state = seed;
            let mut word = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                state ^ state >> 29
            };
            let mut rows: Vec<u64> = (0..balls * 2 * width).map(|_| word()).collect();
            // No ball lies both above and below.
            for row in rows.chunks_mut(2 * width) {
                for w in 0..width {
                    row[width + w] &= !row[w];
                }
            }
            let list: Vec<u32> = (0..balls as u32).filter(|_| word() & 3 != 0).collect();
            let matrix = Matrix { rows: &rows, width };
            let which = if lost { Which::Lost } else { Which::Excluded };
            let side = |slot: usize, t: usize| {
                let (above, below) = matrix.row(slot);
                (above[t / 64] >> (t % 64) & 1, below[t / 64] >> (t % 64) & 1)
            };
            let expected: Vec<u16> = (0..width * 64)
                .map(|t| {
                    let own = side(0, t);
                    let counted = |&&s: &&u32| {
                        let other = side(s as usize, t);
                        own != (0, 0) && if lost { other != own } else { other != own && other != (0, 0) }
                    };
                    list.iter().filter(counted).count() as u16
                })
                .collect();
            for isa in Isa::available() {
                let mut counts = vec![9; width * 64];
                count(isa, matrix, 0, &list, which, &mut counts);
                prop_assert!(counts == expected, "{:?} {:?}", isa, which);
            }
        }
    }
}
