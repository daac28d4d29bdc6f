//! Which of 256 samples lie within windows of some features.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

use crate::isa::Isa;

/// Samples that are filtered at a time.
pub const FILTERED: usize = 256;

/// Keeps samples whose code of one feature lies in `low..=low + span`,
/// modulo 256.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Row of the columns that holds the feature.
    pub slot: u16,
    /// Lowest code in the window.
    pub low: u8,
    /// Codes in the window, less one.
    pub span: u8,
}

/// Clears the bits of samples that a filter rejects; stops where none is left.
///
/// Row `s` of `columns`, the codes of one feature, begins at `s·stride`; the
/// samples are those from `offset`.
#[inline]
pub fn filter(
    isa: Isa,
    columns: &[u8],
    stride: usize,
    offset: usize,
    filters: &[Filter],
    alive: &mut [u64; 4],
) {
    match isa {
        // SAFETY: the value exists only where the processor has the set.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512Bytes | Isa::Avx512 => unsafe { avx512::filter(columns, stride, offset, filters, alive) },
        // SAFETY: likewise.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { avx2::filter(columns, stride, offset, filters, alive) },
        Isa::Portable => portable::filter(columns, stride, offset, filters, alive),
    }
}

/// The codes of the samples that a filter looks at.
#[inline(always)]
fn row(columns: &[u8], stride: usize, offset: usize, filter: Filter) -> &[u8; FILTERED] {
    let at = usize::from(filter.slot) * stride + offset;
    match columns[at..].first_chunk() {
        Some(row) => row,
        None => panic!("columns hold fewer than {FILTERED} samples from {at}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn all_kernels_agree_with_the_definition(
            columns in prop::collection::vec(any::<u8>(), 3 * 512),
            filters in prop::collection::vec((0u16..3, any::<u8>(), prop_oneof![Just(255u8), 180u8..=255, any::<u8>()]), 0..9),
            start in any::<[u64; 4]>(),
            offset in prop_oneof![Just(0usize), Just(256), 1usize..256],
        ) {
            let filters: Vec<Filter> =
                filters.into_iter().map(|(slot, low, span)| Filter { slot, low, span }).collect();
            let mut expected = start;
            for s in 0..FILTERED {
                let keeps = |f: &Filter| {
                    let code = columns[usize::from(f.slot) * 512 + offset + s];
                    (0..=f.span).any(|k| f.low.wrapping_add(k) == code)
                };
                if !filters.iter().all(keeps) {
                    expected[s / 64] &= !(1 << (s % 64));
                }
            }
            for isa in Isa::available() {
                let mut alive = start;
                filter(isa, &columns, 512, offset, &filters, &mut alive);
                prop_assert_eq!(alive, expected, "{:?}", isa);
            }
        }
    }
}
