//! The set that leaves the least of what is left: the step of a greedy cover.

use crate::isa::Loop;

/// Words of a set.
pub const WORDS: usize = 8;

/// How many elements of `left` each set keeps, the fewest and (smallest) where;
/// sets that are taken (`used`) do not count. `None` where all are.
pub struct Fewest<'a> {
    pub kept: &'a [[u64; WORDS]],
    pub used: &'a [bool],
    pub left: &'a [u64; WORDS],
}

impl Loop for Fewest<'_> {
    type Output = Option<(u32, usize)>;

    #[inline(always)]
    fn run(self) -> Self::Output {
        let mut best: Option<(u32, usize)> = None;
        for (k, (set, used)) in self.kept.iter().zip(self.used).enumerate() {
            let count = set.iter().zip(self.left).map(|(s, l)| (s & l).count_ones()).sum();
            if !used && best.is_none_or(|(fewest, _)| count < fewest) {
                best = Some((count, k));
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Isa;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn all_instruction_sets_agree_with_the_definition(
            sets in prop::collection::vec((any::<[u64; WORDS]>(), any::<bool>()), 0..20),
            left in any::<[u64; WORDS]>(),
        ) {
            let (kept, used): (Vec<_>, Vec<_>) = sets.into_iter().unzip();
            let count = |s: &[u64; WORDS]| (0..64 * WORDS).filter(|&b| s[b / 64] & left[b / 64] & 1 << (b % 64) != 0).count();
            let expected =
                (0..kept.len()).filter(|&k| !used[k]).map(|k| (count(&kept[k]) as u32, k)).min();
            for isa in Isa::available() {
                prop_assert_eq!(isa.run(Fewest { kept: &kept, used: &used, left: &left }), expected, "{:?}", isa);
            }
        }
    }
}
