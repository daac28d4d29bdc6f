//! Sums of absolute differences on any processor.

use super::{GROUP, PANEL, ROWS, Values};

/// See [`super::near`].
pub(super) fn near(panel: &[u8], rows: &[u8], barriers: &[u32; ROWS], values: &mut Values) -> [u64; ROWS] {
    let mut masks = [0; ROWS];
    for (r, row) in rows.chunks_exact(rows.len() / ROWS).enumerate() {
        let mut sums = [0; PANEL];
        for (a, b) in row.as_chunks::<GROUP>().0.iter().zip(panel.chunks_exact(GROUP * PANEL)) {
            for (sum, b) in sums.iter_mut().zip(b.as_chunks::<GROUP>().0) {
                *sum += a.iter().zip(b).map(|(&a, &b)| u32::from(a.abs_diff(b))).sum::<u32>();
            }
        }
        for (s, sum) in sums.iter().enumerate() {
            masks[r] |= u64::from(*sum < barriers[r]) << s;
        }
        values[r] = sums;
    }
    masks
}
