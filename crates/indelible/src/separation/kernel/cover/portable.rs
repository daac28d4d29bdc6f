//! A step of a greedy cover on any processor.

use super::WORDS;

/// See [`super::fewest`].
#[inline(always)]
pub(super) fn fewest(kept: &[[u64; WORDS]], used: &[bool], left: &[u64; WORDS]) -> Option<(u32, usize)> {
    let mut best: Option<(u32, usize)> = None;
    for (k, (set, used)) in kept.iter().zip(used).enumerate() {
        let count = set.iter().zip(left).map(|(s, l)| (s & l).count_ones()).sum();
        if !used && best.is_none_or(|(fewest, _)| count < fewest) {
            best = Some((count, k));
        }
    }
    best
}
