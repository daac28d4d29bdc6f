//! Filtering with 256-bit vectors.

use std::arch::x86_64::*;

use super::{Filter, row};

/// See [`super::filter`].
#[target_feature(enable = "avx2")]
pub(super) fn filter(columns: &[u8], stride: usize, offset: usize, filters: &[Filter], alive: &mut [u64; 4]) {
    for &filter in filters {
        let codes = row(columns, stride, offset, filter);
        let (low, span) = (_mm256_set1_epi8(filter.low as i8), _mm256_set1_epi8(filter.span as i8));
        for (word, half) in alive.iter_mut().zip(codes.as_chunks::<64>().0) {
            let [first, second] = [0, 32].map(|at| {
                // SAFETY: 32 of the 64 bytes from `at`.
                let x = unsafe { _mm256_loadu_si256(half.as_ptr().add(at).cast()) };
                let x = _mm256_sub_epi8(x, low);
                let inside = _mm256_cmpeq_epi8(_mm256_max_epu8(x, span), span);
                u64::from(_mm256_movemask_epi8(inside) as u32)
            });
            *word &= first | second << 32;
        }
        if alive.iter().all(|&w| w == 0) {
            break;
        }
    }
}
