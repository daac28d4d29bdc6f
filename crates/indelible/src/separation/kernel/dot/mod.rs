//! Squared Euclidean distances of codes, a panel of samples at a time.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

use super::{Isa, PANEL, ROWS, Values};

/// Codes of one sample that stand together in a panel.
pub(in crate::separation) const GROUP: usize = 4;

/// A panel and some queries, with what depends on one of them alone.
pub(in crate::separation) struct Operands<'a> {
    /// Codes of the samples: group `g` of sample `s` at `(64 g + s)·4`.
    pub(in crate::separation) panel: &'a [u8],
    /// `Σ b² − 256 Σ b` per sample, modulo 2^32.
    pub(in crate::separation) panel_terms: &'a [u32; PANEL],
    /// Codes of the queries less 128, row after row; as many as the panel has
    /// per sample.
    pub(in crate::separation) rows: &'a [i8],
    /// `Σ a²` per query.
    pub(in crate::separation) row_terms: [u32; ROWS],
}

/// The squared distances `Σ (a − b)²` below `barriers`, one per query: bit `s`
/// of mask `r` says whether that of query `r` and sample `s` is. The rows of
/// `values` with some bit set are filled.
///
/// `Σ (a − b)² = Σ a² + Σ b² − 2 Σ ab`, and `Σ ab = Σ (a − 128) b + 128 Σ b`
/// multiplies signed by unsigned bytes. At most 32,768 codes per sample keep all
/// sums below 2^31.
#[inline]
pub(in crate::separation) fn near(
    isa: Isa,
    operands: &Operands,
    barriers: &[u32; ROWS],
    values: &mut Values,
) -> [u64; ROWS] {
    assert_eq!(operands.panel.len(), operands.rows.len() / ROWS * PANEL);
    assert_eq!(operands.rows.len() % (ROWS * GROUP), 0);
    match isa {
        // SAFETY: the value exists only where the processor has the set, and
        // the lengths were checked.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => unsafe { avx512::near(operands, barriers, values) },
        // SAFETY: likewise.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { avx2::near(operands, barriers, values) },
        Isa::Portable => portable::near(operands, barriers, values),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn all_kernels_agree_with_the_definition(
            groups in 1usize..12,
            seed in any::<u64>(),
            extreme in any::<bool>(),
            barriers in prop::array::uniform6(0u32..800_000),
        ) {
            let mut state = seed;
            let mut code = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let byte = (state >> 56) as u8;
                if extreme { if byte < 128 { 0 } else { 255 } } else { byte }
            };
            let width = groups * GROUP;
            let base: Vec<u8> = (0..width * PANEL).map(|_| code()).collect();
            let queries: Vec<u8> = (0..width * ROWS).map(|_| code()).collect();
            let mut panel = vec![0; base.len()];
            let mut panel_terms = [0; PANEL];
            for (s, sample) in base.chunks(width).enumerate() {
                for (k, &b) in sample.iter().enumerate() {
                    panel[(k / GROUP * PANEL + s) * GROUP + k % GROUP] = b;
                    let b = u32::from(b);
                    panel_terms[s] = u32::wrapping_add(panel_terms[s], (b * b).wrapping_sub(256 * b));
                }
            }
            let rows: Vec<i8> = queries.iter().map(|&a| (a ^ 128) as i8).collect();
            let mut row_terms = [0; ROWS];
            for (term, row) in row_terms.iter_mut().zip(queries.chunks(width)) {
                *term = row.iter().map(|&a| u32::from(a) * u32::from(a)).sum();
            }
            let operands = Operands { panel: &panel, panel_terms: &panel_terms, rows: &rows, row_terms };
            for isa in Isa::available() {
                let mut values = [[0; PANEL]; ROWS];
                let masks = near(isa, &operands, &barriers, &mut values);
                for (r, query) in queries.chunks(width).enumerate() {
                    for (s, sample) in base.chunks(width).enumerate() {
                        let distance: u32 =
                            query.iter().zip(sample).map(|(a, b)| u32::from(a.abs_diff(*b)).pow(2)).sum();
                        prop_assert_eq!(masks[r] >> s & 1 == 1, distance < barriers[r], "{:?}", isa);
                        if masks[r] != 0 {
                            prop_assert_eq!(values[r][s], distance, "{:?}", isa);
                        }
                    }
                }
            }
        }
    }
}
