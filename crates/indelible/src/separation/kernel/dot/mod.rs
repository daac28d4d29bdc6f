//! Squared Euclidean distances of codes, a panel of samples at a time.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;

use super::{Barriers, PANEL, PanelSums, ROWS};
use crate::isa::Isa;

/// Codes of one sample that stand together in a panel.
pub const GROUP: usize = 4;

/// A panel and some queries, with what depends on one of them alone.
pub struct Operands<'a> {
    /// Codes of the samples: group `g` of sample `s` at `(64 g + s)·4`.
    pub panel: &'a [u8],
    /// `Σ b² − 256 Σ b` per sample, modulo 2^32.
    pub panel_terms: &'a [u32; PANEL],
    /// Codes of the queries less 128, row after row; as many as the panel has
    /// per sample.
    pub rows: &'a [i8],
    /// The same, [split](split).
    pub split: &'a [[i32; 2]],
    /// `Σ a²` per query.
    pub row_terms: [u32; ROWS],
}

/// The codes of each group as 16-bit numbers: those of even place in one number,
/// those of odd place in another.
pub fn split(rows: &[i8]) -> Vec<[i32; 2]> {
    let pair = |low: i8, high: i8| (i32::from(high) << 16) | i32::from(i16::from(low) as u16);
    rows.as_chunks::<GROUP>().0.iter().map(|&[a, b, c, d]| [pair(a, c), pair(b, d)]).collect()
}

/// The squared distances `Σ (a − b)²` below one of their two barriers: bit `s` of mask `r`
/// says whether that of query `r` and sample `s` is, and `sums` has those.
///
/// `Σ (a − b)² = Σ a² + Σ b² − 2 Σ ab`, and `Σ ab = Σ (a − 128) b + 128 Σ b`
/// multiplies signed by unsigned bytes. At most 32,768 codes per sample keep all
/// sums below 2^31.
#[inline]
pub fn near(isa: Isa, operands: &Operands, barriers: &Barriers, sums: &mut PanelSums) -> [u64; ROWS] {
    assert_eq!(operands.panel.len(), operands.rows.len() / ROWS * PANEL);
    assert_eq!(operands.rows.len() % (ROWS * GROUP), 0);
    assert_eq!(operands.split.len() * GROUP, operands.rows.len());
    match isa {
        // SAFETY: the value exists only where the processor has the set, and
        // the lengths were checked.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512Bytes => unsafe { avx512::near(operands, barriers, sums) },
        // SAFETY: likewise.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 | Isa::Avx2 => unsafe { avx2::near(operands, barriers, sums) },
        // SAFETY: likewise.
        #[cfg(target_arch = "aarch64")]
        Isa::NeonProducts => unsafe { neon::near_by_fours(operands, barriers, sums) },
        // SAFETY: likewise.
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => unsafe { neon::near(operands, barriers, sums) },
        Isa::Portable => portable(operands, barriers, sums),
    }
}

/// See [`near`].
fn portable(operands: &Operands, barriers: &Barriers, sums: &mut PanelSums) -> [u64; ROWS] {
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
            masks[r] |= u64::from(*sum < barriers.queries[r].max(barriers.samples[s])) << s;
        }
    }
    masks
}

#[cfg(test)]
mod tests {
    use super::{super::tests as panels, *};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn all_kernels_agree_with_the_definition(
            groups in 1usize..12,
            seed in any::<u64>(),
            extreme in any::<bool>(),
            limits in prop::array::uniform6(0u32..800_000),
        ) {
            let codes = panels::Operands::new(groups, GROUP, seed, extreme);
            let barriers = panels::barriers(limits, seed, 800_000);
            let mut panel_terms = [0; PANEL];
            for (term, sample) in panel_terms.iter_mut().zip(codes.samples.chunks(codes.width)) {
                let terms = sample.iter().map(|&b| (u32::from(b) * u32::from(b)).wrapping_sub(256 * u32::from(b)));
                *term = terms.fold(0, u32::wrapping_add);
            }
            let rows: Vec<i8> = codes.queries.iter().map(|&a| (a ^ 128) as i8).collect();
            let mut row_terms = [0; ROWS];
            for (term, row) in row_terms.iter_mut().zip(codes.queries.chunks(codes.width)) {
                *term = row.iter().map(|&a| u32::from(a) * u32::from(a)).sum();
            }
            let operands = Operands { panel: &codes.panel, panel_terms: &panel_terms, rows: &rows, split: &split(&rows), row_terms };
            let square = |a: u8, b: u8| u32::from(a.abs_diff(b)).pow(2);
            codes.check(&barriers, square, |isa, sums| near(isa, &operands, &barriers, sums))?;
        }
    }
}
