//! Sums over absolute differences with 256-bit vectors.

use std::arch::x86_64::*;

use super::{
    super::blocks::{self, BLOCK, Steps},
    Barriers, GROUP, HINGES, PanelSums, ROWS,
};

/// Sums of differences; see [`super::near`], which checks the lengths.
#[target_feature(enable = "avx2")]
pub(super) fn gaps(panel: &[u8], rows: &[u8], barriers: &Barriers, out: &mut PanelSums) -> [u64; ROWS] {
    // Rows at a time: 12 sums, 2 vectors of the panel and a broadcast.
    sums::<ROWS>(panel, rows, barriers, out, |a, b| _mm256_sad_epu8(a, b))
}

/// Sums of hinges of differences; see [`super::near`], which checks the lengths.
#[target_feature(enable = "avx2")]
pub(super) fn hinges(
    starts: &[u8; HINGES],
    panel: &[u8],
    rows: &[u8],
    barriers: &Barriers,
    out: &mut PanelSums,
) -> [u64; ROWS] {
    let starts = starts.map(|start| _mm256_set1_epi8(start.cast_signed()));
    let zero = _mm256_setzero_si256();
    // Rows at a time: 4 sums, 4 starts, zero, 2 vectors of the panel and what is in work.
    sums::<2>(panel, rows, barriers, out, |a, b| {
        let gap = _mm256_or_si256(_mm256_subs_epu8(a, b), _mm256_subs_epu8(b, a));
        let first = _mm256_adds_epu8(_mm256_subs_epu8(gap, starts[0]), _mm256_subs_epu8(gap, starts[1]));
        let last = _mm256_adds_epu8(_mm256_subs_epu8(gap, starts[2]), _mm256_subs_epu8(gap, starts[3]));
        _mm256_sad_epu8(_mm256_adds_epu8(first, last), zero)
    })
}

/// Sums what `terms` makes of eight codes of four samples, `STEP` rows at a time.
#[inline]
#[target_feature(enable = "avx2")]
fn sums<const STEP: usize>(
    panel: &[u8],
    rows: &[u8],
    barriers: &Barriers,
    out: &mut PanelSums,
    terms: impl Fn(__m256i, __m256i) -> __m256i,
) -> [u64; ROWS] {
    let width = rows.len() / ROWS;
    blocks::near::<GROUP, STEP, _, _, _>(
        panel,
        width / GROUP,
        Steps {
            begin: |_| [_mm256_setzero_si256(); 2],
            load: |codes: &[u8; BLOCK]| {
                // SAFETY: 32 of the 64 bytes each.
                [0, 32].map(|at| unsafe { _mm256_loadu_si256(codes.as_ptr().add(at).cast()) })
            },
            spread: |r: usize, g: usize| {
                // SAFETY: eight bytes of row r, of `width` bytes.
                let codes =
                    unsafe { rows.as_ptr().add(r * width + GROUP * g).cast::<i64>().read_unaligned() };
                _mm256_set1_epi64x(codes)
            },
            add: |sums: [__m256i; 2], a, b: [__m256i; 2]| {
                [_mm256_add_epi64(sums[0], terms(a, b[0])), _mm256_add_epi64(sums[1], terms(a, b[1]))]
            },
            near: |r: usize, part: usize, sums| {
                let samples = &barriers.samples.as_chunks().0[part];
                near(sums, (barriers.queries[r], samples), &mut out[r].as_chunks_mut().0[part])
            },
        },
    )
}

/// Writes eight sums; which are below the barrier of their row or sample.
#[inline]
#[target_feature(enable = "avx2")]
fn near(sums: [__m256i; 2], (row, samples): (u32, &[u32; 8]), out: &mut [u32; 8]) -> u64 {
    // Of the 64-bit numbers the lower halves, in the order of the samples.
    let (first, second) = (_mm256_castsi256_ps(sums[0]), _mm256_castsi256_ps(sums[1]));
    let sums = _mm256_castps_si256(_mm256_shuffle_ps::<0b10_00_10_00>(first, second));
    let sums = _mm256_permute4x64_epi64::<0b11_01_10_00>(sums);
    // SAFETY: 8 numbers.
    let samples = unsafe { _mm256_loadu_si256(samples.as_ptr().cast()) };
    let barrier = _mm256_max_epu32(_mm256_set1_epi32(row as i32), samples);
    // Sums are below 2^31, so a larger barrier admits all.
    let barrier = _mm256_min_epu32(barrier, _mm256_set1_epi32(i32::MAX));
    let below = _mm256_castsi256_ps(_mm256_cmpgt_epi32(barrier, sums));
    // SAFETY: 8 numbers.
    unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), sums) };
    u64::from(_mm256_movemask_ps(below) as u32)
}
