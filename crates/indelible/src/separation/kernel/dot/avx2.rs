//! Squared Euclidean distances with 256-bit vectors.

use std::arch::x86_64::*;

use super::{GROUP, Operands, PANEL, PanelSums, ROWS};

/// See [`super::near`], which checks the lengths.
#[target_feature(enable = "avx2")]
pub(super) fn near(operands: &Operands, barriers: &[u32; ROWS], out: &mut PanelSums) -> [u64; ROWS] {
    let width = operands.rows.len() / ROWS;
    let mut masks = [0; ROWS];
    // 16 samples at a time: 12 sums, 2 vectors of bytes and a broadcast.
    for part in 0..PANEL / 16 {
        let mut sums = [[_mm256_setzero_si256(); 2]; ROWS];
        for g in 0..width / GROUP {
            let b: [__m256i; 2] = std::array::from_fn(|v| {
                // SAFETY: 32 of the 256 bytes of group g.
                unsafe {
                    _mm256_loadu_si256(operands.panel.as_ptr().add(256 * g + 64 * part + 32 * v).cast())
                }
            });
            for (r, sums) in sums.iter_mut().enumerate() {
                // SAFETY: four bytes of row r, of `width` bytes.
                let a = unsafe {
                    operands.rows.as_ptr().add(r * width + GROUP * g).cast::<i32>().read_unaligned()
                };
                // Bytes 0 and 2, and bytes 1 and 3, as 16-bit numbers: products
                // of bytes would saturate.
                let a = _mm256_set1_epi32(a);
                let even = _mm256_srai_epi16::<8>(_mm256_slli_epi16::<8>(a));
                let odd = _mm256_srai_epi16::<8>(a);
                for (sum, b) in sums.iter_mut().zip(b) {
                    let low = _mm256_and_si256(b, _mm256_set1_epi16(255));
                    let products = _mm256_add_epi32(
                        _mm256_madd_epi16(low, even),
                        _mm256_madd_epi16(_mm256_srli_epi16::<8>(b), odd),
                    );
                    *sum = _mm256_add_epi32(*sum, products);
                }
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            for (v, &sum) in sums.iter().enumerate() {
                let at = 16 * part + 8 * v;
                // SAFETY: 8 of the 64 numbers.
                let constant = unsafe { _mm256_loadu_si256(operands.panel_terms.as_ptr().add(at).cast()) };
                let constant = _mm256_add_epi32(constant, _mm256_set1_epi32(operands.row_terms[r] as i32));
                let distance = _mm256_sub_epi32(constant, _mm256_slli_epi32::<1>(sum));
                // SAFETY: likewise.
                unsafe { _mm256_storeu_si256(out[r].as_mut_ptr().add(at).cast(), distance) };
                // Distances are below 2^31, so a larger barrier admits all.
                let barrier = _mm256_set1_epi32(barriers[r].min(i32::MAX as u32) as i32);
                let below = _mm256_castsi256_ps(_mm256_cmpgt_epi32(barrier, distance));
                masks[r] |= u64::from(_mm256_movemask_ps(below) as u32) << at;
            }
        }
    }
    masks
}
