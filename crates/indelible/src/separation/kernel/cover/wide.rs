//! A step of a greedy cover with an instruction that counts bits.

use super::{WORDS, portable};

/// See [`super::fewest`].
#[target_feature(enable = "popcnt,avx2")]
pub(super) fn fewest(kept: &[[u64; WORDS]], used: &[bool], left: &[u64; WORDS]) -> Option<(u32, usize)> {
    portable::fewest(kept, used, left)
}
