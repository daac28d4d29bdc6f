//! Filtering with wide vectors.

use std::arch::x86_64::*;

use super::{Columns, Filter, by_words};

/// See [`super::filter`].
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn filter_avx512(columns: Columns, filters: &[Filter], alive: &mut [u64; 4]) {
    let [mut a, mut b, mut c, mut d] = *alive;
    for &filter in filters {
        let codes = columns.row(filter).as_ptr();
        let (low, span) =
            (_mm512_set1_epi8(filter.window.low as i8), _mm512_set1_epi8(filter.window.span as i8));
        let inside = |alive, at| {
            // SAFETY: 64 of the 256 bytes of the row from `at`.
            let x = unsafe { _mm512_loadu_si512(codes.add(at).cast()) };
            _mm512_mask_cmple_epu8_mask(alive, _mm512_sub_epi8(x, low), span)
        };
        (a, b, c, d) = (inside(a, 0), inside(b, 64), inside(c, 128), inside(d, 192));
        if a | b | c | d == 0 {
            break;
        }
    }
    *alive = [a, b, c, d];
}

/// See [`super::filter`].
#[target_feature(enable = "avx2")]
pub(super) fn filter_avx2(columns: Columns, filters: &[Filter], alive: &mut [u64; 4]) {
    by_words(columns, filters, alive, |codes, window| {
        let (low, span) = (_mm256_set1_epi8(window.low as i8), _mm256_set1_epi8(window.span as i8));
        let [first, second] = [0, 32].map(|at| {
            // SAFETY: 32 of the 64 bytes from `at`.
            let x = unsafe { _mm256_loadu_si256(codes.as_ptr().add(at).cast()) };
            let x = _mm256_sub_epi8(x, low);
            let inside = _mm256_cmpeq_epi8(_mm256_max_epu8(x, span), span);
            u64::from(_mm256_movemask_epi8(inside) as u32)
        });
        first | second << 32
    });
}
