//! Filtering with 512-bit vectors.

use std::arch::x86_64::*;

use super::{Filter, row};

/// See [`super::filter`].
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn filter(columns: &[u8], stride: usize, offset: usize, filters: &[Filter], alive: &mut [u64; 4]) {
    let [mut a, mut b, mut c, mut d] = *alive;
    for &filter in filters {
        let codes = row(columns, stride, offset, filter).as_ptr();
        let (low, span) = (_mm512_set1_epi8(filter.low as i8), _mm512_set1_epi8(filter.span as i8));
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
