//! Sums over differences on any processor.

use super::{GROUP, PANEL, PanelSums, ROWS};

/// See [`super::near`]; `term` says what of a difference is summed.
pub(super) fn near(
    panel: &[u8],
    rows: &[u8],
    barriers: &[u32; ROWS],
    out: &mut PanelSums,
    term: impl Fn(u8) -> u32,
) -> [u64; ROWS] {
    let mut masks = [0; ROWS];
    for (r, row) in rows.chunks_exact(rows.len() / ROWS).enumerate() {
        let mut sums = [0; PANEL];
        for (a, b) in row.as_chunks::<GROUP>().0.iter().zip(panel.chunks_exact(GROUP * PANEL)) {
            for (sum, b) in sums.iter_mut().zip(b.as_chunks::<GROUP>().0) {
                *sum += a.iter().zip(b).map(|(&a, &b)| term(u8::abs_diff(a, b))).sum::<u32>();
            }
        }
        for (s, sum) in sums.iter().enumerate() {
            masks[r] |= u64::from(*sum < barriers[r]) << s;
        }
        out[r] = sums;
    }
    masks
}
