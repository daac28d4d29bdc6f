//! The loop that kernels over panels share: 64 bytes of a panel, so many codes each of
//! so many samples, meet some queries at a time. What it does with them are the
//! instructions of a set.

use super::{PANEL, ROWS};

/// Bytes of a panel that are looked at together.
pub(super) const BLOCK: usize = 64;

/// What a set of vector instructions does in the loop.
pub(super) struct Steps<Begin, Load, Spread, Add, Near> {
    /// Sums before anything is added, for the samples of a part.
    pub begin: Begin,
    /// The codes of the samples as vectors.
    pub load: Load,
    /// The codes of a row and a group, beside as many samples as there are in a vector.
    pub spread: Spread,
    /// Sums, with what codes of a row and of the samples make added.
    pub add: Add,
    /// Which sums of a row and a part are of interest; writes them.
    pub near: Near,
}

/// Which sums are of interest: bit `s` of mask `r` for query `r` and sample `s`. A panel has
/// `groups` groups of `GROUP` codes per sample, and is looked at in parts of [`BLOCK`]` / GROUP`
/// samples and with `STEP` rows at a time.
#[inline(always)]
pub(super) fn near<const GROUP: usize, const STEP: usize, A, B: Copy, S: Copy>(
    panel: &[u8],
    groups: usize,
    mut steps: Steps<
        impl Fn(usize) -> S,
        impl Fn(&[u8; BLOCK]) -> B,
        impl Fn(usize, usize) -> A,
        impl Fn(S, A, B) -> S,
        impl FnMut(usize, usize, S) -> u64,
    >,
) -> [u64; ROWS] {
    const { assert!(BLOCK.is_multiple_of(GROUP) && ROWS.is_multiple_of(STEP)) };
    let samples = BLOCK / GROUP;
    assert_eq!(panel.len(), groups * GROUP * PANEL);
    let mut masks = [0; ROWS];
    for part in 0..PANEL / samples {
        for first in (0..ROWS).step_by(STEP) {
            let mut sums = [(steps.begin)(part); STEP];
            for g in 0..groups {
                // SAFETY: 64 bytes of group g, which has `GROUP` for each of 64 samples.
                let codes = unsafe { &*panel.as_ptr().add(GROUP * PANEL * g + BLOCK * part).cast() };
                let codes = (steps.load)(codes);
                for (r, sums) in sums.iter_mut().enumerate() {
                    *sums = (steps.add)(*sums, (steps.spread)(first + r, g), codes);
                }
            }
            for (r, &sums) in sums.iter().enumerate() {
                masks[first + r] |= (steps.near)(first + r, part, sums) << (samples * part);
            }
        }
    }
    masks
}
