//! The set that leaves the least of what is left: the step of a greedy cover.

mod portable;
#[cfg(target_arch = "x86_64")]
mod wide;

use super::Isa;

/// Words of a set.
pub(in crate::separation) const WORDS: usize = 8;

/// How many elements of `left` each set keeps, the fewest and (smallest) where;
/// sets that are taken (`used`) do not count. `None` where all are.
#[inline]
pub(in crate::separation) fn fewest(
    isa: Isa,
    kept: &[[u64; WORDS]],
    used: &[bool],
    left: &[u64; WORDS],
) -> Option<(u32, usize)> {
    match isa {
        // SAFETY: the value exists only where the processor has the set.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 | Isa::Avx2 => unsafe { wide::fewest(kept, used, left) },
        Isa::Portable => portable::fewest(kept, used, left),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn all_kernels_agree(
            sets in prop::collection::vec((any::<[u64; WORDS]>(), any::<bool>()), 0..20),
            left in any::<[u64; WORDS]>(),
        ) {
            let (kept, used): (Vec<_>, Vec<_>) = sets.into_iter().unzip();
            let count = |s: &[u64; WORDS]| (0..64 * WORDS).filter(|&b| s[b / 64] & left[b / 64] & 1 << (b % 64) != 0).count();
            let expected =
                (0..kept.len()).filter(|&k| !used[k]).map(|k| (count(&kept[k]) as u32, k)).min();
            for isa in Isa::available() {
                prop_assert_eq!(fewest(isa, &kept, &used, &left), expected, "{:?}", isa);
            }
        }
    }
}
