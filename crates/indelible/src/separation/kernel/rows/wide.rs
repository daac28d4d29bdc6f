//! Distances of codes with wide vectors.

use std::arch::x86_64::*;

use super::{HINGES, by_blocks, portable, portable_hinges};

/// See [`super::sum`].
#[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx2")]
pub(super) fn sum_avx512(squares: bool, a: &[u8], b: &[u8]) -> u32 {
    let count = a.len().min(b.len());
    let mut sums = [_mm512_setzero_si512(); 2];
    for at in (0..count).step_by(64) {
        let mask = u64::MAX >> (64 - (count - at).min(64));
        // SAFETY: no more bytes are read than there are from `at` on.
        let [a, b] = [a, b].map(|x| unsafe { _mm512_maskz_loadu_epi8(mask, x.as_ptr().add(at).cast()) });
        if squares {
            let gap = _mm512_sub_epi8(_mm512_max_epu8(a, b), _mm512_min_epu8(a, b));
            // As 16-bit numbers, whose squares are below 2^16.
            let even = _mm512_and_si512(gap, _mm512_set1_epi16(255));
            let odd = _mm512_srli_epi16::<8>(gap);
            sums[0] = _mm512_dpwssd_epi32(sums[0], even, even);
            sums[1] = _mm512_dpwssd_epi32(sums[1], odd, odd);
        } else {
            // Sums of 8 gaps, in 64-bit lanes whose upper halves stay 0.
            sums[0] = _mm512_add_epi32(sums[0], _mm512_sad_epu8(a, b));
        }
    }
    _mm512_reduce_add_epi32(_mm512_add_epi32(sums[0], sums[1])) as u32
}

/// See [`super::sum`].
#[target_feature(enable = "avx2")]
pub(super) fn sum_avx2(squares: bool, a: &[u8], b: &[u8]) -> u32 {
    let none = _mm256_setzero_si256();
    let (sum, [a, b]) = if squares {
        let (sums, rest) = by_blocks(a, b, [none; 2], |sums, a, b| {
            let (a, b) = (load(a), load(b));
            let gap = _mm256_sub_epi8(_mm256_max_epu8(a, b), _mm256_min_epu8(a, b));
            let even = _mm256_and_si256(gap, _mm256_set1_epi16(255));
            let odd = _mm256_srli_epi16::<8>(gap);
            [
                _mm256_add_epi32(sums[0], _mm256_madd_epi16(even, even)),
                _mm256_add_epi32(sums[1], _mm256_madd_epi16(odd, odd)),
            ]
        });
        (_mm256_add_epi32(sums[0], sums[1]), rest)
    } else {
        by_blocks(a, b, none, |sum, a, b| _mm256_add_epi32(sum, _mm256_sad_epu8(load(a), load(b))))
    };
    if a.is_empty() { total(sum) } else { total(sum) + portable(squares, a, b) }
}

/// See [`super::hinges`].
#[target_feature(enable = "avx2")]
pub(super) fn hinges_avx2(starts: &[u8; HINGES], a: &[u8], b: &[u8]) -> u32 {
    let [first, second, third, fourth] = starts.map(|start| _mm256_set1_epi8(start.cast_signed()));
    let (sums, [a, b]) = by_blocks(a, b, _mm256_setzero_si256(), |sums, a, b| {
        let (a, b) = (load(a), load(b));
        let gap = _mm256_or_si256(_mm256_subs_epu8(a, b), _mm256_subs_epu8(b, a));
        let low = _mm256_adds_epu8(_mm256_subs_epu8(gap, first), _mm256_subs_epu8(gap, second));
        let high = _mm256_adds_epu8(_mm256_subs_epu8(gap, third), _mm256_subs_epu8(gap, fourth));
        let bytes = _mm256_adds_epu8(low, high);
        _mm256_add_epi32(sums, _mm256_sad_epu8(bytes, _mm256_setzero_si256()))
    });
    total(sums) + portable_hinges(starts, a, b)
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(codes: &[u8; 32]) -> __m256i {
    // SAFETY: 32 bytes; the load needs no alignment.
    unsafe { _mm256_loadu_si256(codes.as_ptr().cast()) }
}

/// The sum of eight numbers.
#[inline]
#[target_feature(enable = "avx2")]
fn total(sums: __m256i) -> u32 {
    let sums = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256::<1>(sums));
    let sums = _mm_add_epi32(sums, _mm_shuffle_epi32::<0b11_10_11_10>(sums));
    let sums = _mm_add_epi32(sums, _mm_shuffle_epi32::<0b01_01_01_01>(sums));
    _mm_cvtsi128_si32(sums) as u32
}
