//! Which of 256 samples lie within windows of some features.

#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(target_arch = "x86_64")]
mod wide;

use crate::isa::Isa;

/// Samples that are filtered at a time.
pub const FILTERED: usize = 256;

/// The codes `low..=low + span` of a feature, modulo 256.
#[derive(Clone, Copy, Default)]
pub struct Window {
    pub low: u8,
    pub span: u8,
}

/// Keeps samples whose code of one feature lies in a window.
#[derive(Clone, Copy, Default)]
pub struct Filter {
    /// Row of the columns that holds the feature.
    pub slot: u16,
    pub window: Window,
}

/// Codes feature by feature: row `s`, those of one feature, begins at `s·stride`,
/// and the samples to be filtered are those of each row from `offset`.
#[derive(Clone, Copy)]
pub struct Columns<'a> {
    pub codes: &'a [u8],
    pub stride: usize,
    pub offset: usize,
}

impl<'a> Columns<'a> {
    /// The codes of the samples that a filter looks at.
    #[inline(always)]
    fn row(self, filter: Filter) -> &'a [u8; FILTERED] {
        let at = usize::from(filter.slot) * self.stride + self.offset;
        match self.codes[at..].first_chunk() {
            Some(row) => row,
            None => panic!("columns hold fewer than {FILTERED} samples from {at}"),
        }
    }
}

/// Clears the bits of samples that a filter rejects; stops where none is left.
#[inline]
pub fn filter(isa: Isa, columns: Columns, filters: &[Filter], alive: &mut [u64; 4]) {
    match isa {
        // SAFETY: the value exists only where the processor has the set.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512Bytes | Isa::Avx512 => unsafe { wide::filter_avx512(columns, filters, alive) },
        // SAFETY: likewise.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { wide::filter_avx2(columns, filters, alive) },
        // SAFETY: likewise.
        #[cfg(target_arch = "aarch64")]
        Isa::NeonProducts | Isa::Neon => unsafe { neon::filter(columns, filters, alive) },
        Isa::Portable => portable(columns, filters, alive),
    }
}

/// The loop of sets whose comparisons fill vectors; `inside` says which of 64 codes lie in a
/// window.
#[inline(always)]
fn by_words(
    columns: Columns,
    filters: &[Filter],
    alive: &mut [u64; 4],
    inside: impl Fn(&[u8; 64], Window) -> u64,
) {
    for &filter in filters {
        for (word, codes) in alive.iter_mut().zip(columns.row(filter).as_chunks().0) {
            *word &= inside(codes, filter.window);
        }
        if alive.iter().all(|&w| w == 0) {
            break;
        }
    }
}

/// See [`filter`].
fn portable(columns: Columns, filters: &[Filter], alive: &mut [u64; 4]) {
    // One byte per sample, so that compilers use the vectors there are.
    let mut inside = [1u8; FILTERED];
    for (s, byte) in inside.iter_mut().enumerate() {
        *byte = (alive[s / 64] >> (s % 64) & 1) as u8;
    }
    for &filter in filters {
        let Window { low, span } = filter.window;
        let mut any = 0;
        for (byte, code) in inside.iter_mut().zip(columns.row(filter)) {
            *byte &= u8::from(code.wrapping_sub(low) <= span);
            any |= *byte;
        }
        if any == 0 {
            break;
        }
    }
    for (word, bytes) in alive.iter_mut().zip(inside.chunks(64)) {
        *word = bytes.iter().enumerate().fold(0, |w, (k, &b)| w | u64::from(b) << k);
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
                filters.into_iter().map(|(slot, low, span)| Filter { slot, window: Window { low, span } }).collect();
            let mut expected = start;
            for s in 0..FILTERED {
                let keeps = |f: &Filter| {
                    let code = columns[usize::from(f.slot) * 512 + offset + s];
                    (0..=f.window.span).any(|k| f.window.low.wrapping_add(k) == code)
                };
                if !filters.iter().all(keeps) {
                    expected[s / 64] &= !(1 << (s % 64));
                }
            }
            for isa in Isa::available() {
                let mut alive = start;
                filter(isa, Columns { codes: &columns, stride: 512, offset }, &filters, &mut alive);
                prop_assert_eq!(alive, expected, "{:?}", isa);
            }
        }
    }
}
