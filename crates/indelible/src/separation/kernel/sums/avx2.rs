//! Sums over absolute differences with 256-bit vectors.

use std::arch::x86_64::*;

use super::{Barriers, GROUP, HINGES, PANEL, PanelSums, ROWS};

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
    let mut masks = [0; ROWS];
    // Sums are below 2^31, so a larger barrier admits all.
    let largest = _mm256_set1_epi32(i32::MAX);
    // 8 samples at a time.
    for part in 0..PANEL / 8 {
        // SAFETY: 8 of the 64 numbers.
        let samples = unsafe { _mm256_loadu_si256(barriers.samples.as_ptr().add(8 * part).cast()) };
        for start in (0..ROWS).step_by(STEP) {
            let mut sums = [[_mm256_setzero_si256(); 2]; STEP];
            for g in 0..width / GROUP {
                // SAFETY: 64 of the 512 bytes of group g.
                let b = unsafe {
                    let b = panel.as_ptr().add(512 * g + 64 * part);
                    [_mm256_loadu_si256(b.cast()), _mm256_loadu_si256(b.add(32).cast())]
                };
                for (r, sums) in sums.iter_mut().enumerate() {
                    // SAFETY: eight bytes of a row of `width` bytes.
                    let a = unsafe {
                        rows.as_ptr().add((start + r) * width + GROUP * g).cast::<i64>().read_unaligned()
                    };
                    let a = _mm256_set1_epi64x(a);
                    for (sum, b) in sums.iter_mut().zip(b) {
                        *sum = _mm256_add_epi64(*sum, terms(a, b));
                    }
                }
            }
            for (r, sums) in sums.iter().enumerate() {
                let r = start + r;
                // Of the 64-bit numbers the lower halves, in the order of the samples.
                let (first, second) = (_mm256_castsi256_ps(sums[0]), _mm256_castsi256_ps(sums[1]));
                let sums = _mm256_castps_si256(_mm256_shuffle_ps::<0b10_00_10_00>(first, second));
                let sums = _mm256_permute4x64_epi64::<0b11_01_10_00>(sums);
                let barrier = _mm256_max_epu32(_mm256_set1_epi32(barriers.queries[r] as i32), samples);
                let barrier = _mm256_min_epu32(barrier, largest);
                let below = _mm256_castsi256_ps(_mm256_cmpgt_epi32(barrier, sums));
                masks[r] |= u64::from(_mm256_movemask_ps(below) as u32) << (8 * part);
                // SAFETY: 8 of the 64 numbers.
                unsafe { _mm256_storeu_si256(out[r].as_mut_ptr().add(8 * part).cast(), sums) };
            }
        }
    }
    masks
}
