//! Sums of tabulated numbers on any processor.

use super::{GROUP, PANEL, ROWS, Values};

/// See [`super::near`].
pub(super) fn near(
    table: &[u8; 256],
    panel: &[u8],
    rows: &[u8],
    barriers: &[u32; ROWS],
    values: &mut Values,
) -> [u64; ROWS] {
    let mut masks = [0; ROWS];
    for (r, row) in rows.chunks_exact(rows.len() / ROWS).enumerate() {
        let mut sums = [0; PANEL];
        for (a, b) in row.as_chunks::<GROUP>().0.iter().zip(panel.chunks_exact(GROUP * PANEL)) {
            for (sum, b) in sums.iter_mut().zip(b.as_chunks::<GROUP>().0) {
                let entry = |(&a, &b): (&u8, &u8)| u32::from(table[usize::from(u8::abs_diff(a, b))]);
                *sum += a.iter().zip(b).map(entry).sum::<u32>();
            }
        }
        for (s, sum) in sums.iter().enumerate() {
            masks[r] |= u64::from(*sum < barriers[r]) << s;
        }
        values[r] = sums;
    }
    masks
}
