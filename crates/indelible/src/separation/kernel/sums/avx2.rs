//! Sums of absolute differences with 256-bit vectors.

use std::arch::x86_64::*;

use super::{GROUP, PANEL, PanelSums, ROWS};

/// See [`super::near`], which checks the lengths.
#[target_feature(enable = "avx2")]
pub(super) fn gaps(panel: &[u8], rows: &[u8], barriers: &[u32; ROWS], out: &mut PanelSums) -> [u64; ROWS] {
    let width = rows.len() / ROWS;
    let mut masks = [0; ROWS];
    // 8 samples at a time: 12 sums, 2 vectors of the panel and a broadcast.
    for part in 0..PANEL / 8 {
        let mut sums = [[_mm256_setzero_si256(); 2]; ROWS];
        for g in 0..width / GROUP {
            let b: [__m256i; 2] = std::array::from_fn(|v| {
                // SAFETY: 32 of the 512 bytes of group g.
                unsafe { _mm256_loadu_si256(panel.as_ptr().add(512 * g + 64 * part + 32 * v).cast()) }
            });
            for (r, sums) in sums.iter_mut().enumerate() {
                // SAFETY: eight bytes of row r, of `width` bytes.
                let a = unsafe { rows.as_ptr().add(r * width + GROUP * g).cast::<i64>().read_unaligned() };
                let a = _mm256_set1_epi64x(a);
                for (sum, b) in sums.iter_mut().zip(b) {
                    *sum = _mm256_add_epi64(*sum, _mm256_sad_epu8(a, b));
                }
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            // Of the 64-bit numbers the lower halves, in the order of the samples.
            let (first, second) = (_mm256_castsi256_ps(sums[0]), _mm256_castsi256_ps(sums[1]));
            let sums = _mm256_castps_si256(_mm256_shuffle_ps::<0b10_00_10_00>(first, second));
            let sums = _mm256_permute4x64_epi64::<0b11_01_10_00>(sums);
            // Sums are below 2^31, so a larger barrier admits all.
            let barrier = _mm256_set1_epi32(barriers[r].min(i32::MAX as u32) as i32);
            let below = _mm256_castsi256_ps(_mm256_cmpgt_epi32(barrier, sums));
            masks[r] |= u64::from(_mm256_movemask_ps(below) as u32) << (8 * part);
            // SAFETY: 8 of the 64 numbers.
            unsafe { _mm256_storeu_si256(out[r].as_mut_ptr().add(8 * part).cast(), sums) };
        }
    }
    masks
}
