//! Squared Euclidean distances on any processor.

use super::{GROUP, Operands, PANEL, PanelSums, ROWS};

/// See [`super::near`].
pub(super) fn near(operands: &Operands, barriers: &[u32; ROWS], sums: &mut PanelSums) -> [u64; ROWS] {
    let width = operands.rows.len() / ROWS;
    let mut masks = [0; ROWS];
    for (r, row) in operands.rows.chunks_exact(width).enumerate() {
        let mut products = [0i32; PANEL];
        for (a, b) in row.as_chunks::<GROUP>().0.iter().zip(operands.panel.chunks_exact(GROUP * PANEL)) {
            for (product, b) in products.iter_mut().zip(b.as_chunks::<GROUP>().0) {
                *product += a.iter().zip(b).map(|(&a, &b)| i32::from(a) * i32::from(b)).sum::<i32>();
            }
        }
        for (s, (sum, product)) in sums[r].iter_mut().zip(products).enumerate() {
            let constant = operands.row_terms[r].wrapping_add(operands.panel_terms[s]);
            *sum = constant.wrapping_sub((2 * product) as u32);
            masks[r] |= u64::from(*sum < barriers[r]) << s;
        }
    }
    masks
}
