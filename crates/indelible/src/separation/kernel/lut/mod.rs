//! Sums of tabulated numbers of absolute differences of codes, a panel of
//! samples at a time.

#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

use super::{Isa, PANEL, ROWS, Values};

/// Codes of one sample that stand together in a panel.
pub(in crate::separation) const GROUP: usize = 8;

/// The sums `Σ table[|a − b|]` below `barriers`, one per query: bit `s` of mask
/// `r` says whether that of query `r` and sample `s` is. The rows of `values`
/// with some bit set are filled.
///
/// `panel` and `rows` are as in [`super::sad::near`]. Sums must stay below
/// 2^31. 256-bit vectors have no instruction that looks up 256 bytes, and
/// going without one is as fast as putting it together.
#[inline]
pub(in crate::separation) fn near(
    isa: Isa,
    table: &[u8; 256],
    panel: &[u8],
    rows: &[u8],
    barriers: &[u32; ROWS],
    values: &mut Values,
) -> [u64; ROWS] {
    assert_eq!(panel.len(), rows.len() / ROWS * PANEL);
    assert_eq!(rows.len() % (ROWS * GROUP), 0);
    match isa {
        // SAFETY: the value exists only where the processor has the set, and
        // the lengths were checked.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => unsafe { avx512::near(table, panel, rows, barriers, values) },
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => portable::near(table, panel, rows, barriers, values),
        Isa::Portable => portable::near(table, panel, rows, barriers, values),
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
            barriers in prop::array::uniform6(0u32..20_000),
            entries in prop::collection::vec(any::<u8>(), 256),
        ) {
            let mut state = seed;
            let mut code = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 56) as u8
            };
            let mut table = [0; 256];
            table.copy_from_slice(&entries);
            let width = groups * GROUP;
            let base: Vec<u8> = (0..width * PANEL).map(|_| code()).collect();
            let queries: Vec<u8> = (0..width * ROWS).map(|_| code()).collect();
            let mut panel = vec![0; base.len()];
            for (s, sample) in base.chunks(width).enumerate() {
                for (k, &b) in sample.iter().enumerate() {
                    panel[(k / GROUP * PANEL + s) * GROUP + k % GROUP] = b;
                }
            }
            for isa in Isa::available() {
                let mut values = [[0; PANEL]; ROWS];
                let masks = near(isa, &table, &panel, &queries, &barriers, &mut values);
                for (r, query) in queries.chunks(width).enumerate() {
                    for (s, sample) in base.chunks(width).enumerate() {
                        let entry = |(a, b): (&u8, &u8)| u32::from(table[usize::from(a.abs_diff(*b))]);
                        let sum: u32 = query.iter().zip(sample).map(entry).sum();
                        prop_assert_eq!(masks[r] >> s & 1 == 1, sum < barriers[r], "{:?}", isa);
                        if masks[r] != 0 {
                            prop_assert_eq!(values[r][s], sum, "{:?}", isa);
                        }
                    }
                }
            }
        }
    }
}
