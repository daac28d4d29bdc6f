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
            for (v, &sum) in sums.iter().enumerate() {
                let mut lanes = [0u64; 4];
                // SAFETY: 32 bytes.
                unsafe { _mm256_storeu_si256(lanes.as_mut_ptr().cast(), sum) };
                for (k, lane) in lanes.into_iter().enumerate() {
                    let s = 8 * part + 4 * v + k;
                    out[r][s] = lane as u32;
                    masks[r] |= u64::from(out[r][s] < barriers[r]) << s;
                }
            }
        }
    }
    masks
}
