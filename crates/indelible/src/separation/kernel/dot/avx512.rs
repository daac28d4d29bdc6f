//! Squared Euclidean distances with 512-bit vectors and byte products.

use std::arch::x86_64::*;

use super::{GROUP, Operands, ROWS, Values};

/// Vectors of 16 samples in a panel.
const VECTORS: usize = 4;

/// See [`super::near`], which checks the lengths.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn near(operands: &Operands, barriers: &[u32; ROWS], values: &mut Values) -> [u64; ROWS] {
    let width = operands.rows.len() / ROWS;
    let (rows, panel) = (operands.rows.as_ptr(), operands.panel.as_ptr());
    // 24 sums, 4 vectors of the panel and a broadcast fill the 32 registers.
    let mut sums = [[_mm512_setzero_si512(); VECTORS]; ROWS];
    for g in 0..width / GROUP {
        // SAFETY: group g of 64 samples has 256 bytes from 256 g.
        let b: [__m512i; VECTORS] =
            std::array::from_fn(|v| unsafe { _mm512_loadu_si512(panel.add(256 * g + 64 * v).cast()) });
        for (r, sums) in sums.iter_mut().enumerate() {
            // SAFETY: four bytes of row r, of `width` bytes.
            let a = unsafe { rows.add(r * width + GROUP * g).cast::<i32>().read_unaligned() };
            let a = _mm512_set1_epi32(a);
            for (sum, b) in sums.iter_mut().zip(b) {
                *sum = _mm512_dpbusd_epi32(*sum, b, a);
            }
        }
    }
    let mut masks = [0; ROWS];
    for (r, sums) in sums.iter().enumerate() {
        let (term, barrier) =
            (_mm512_set1_epi32(operands.row_terms[r] as i32), _mm512_set1_epi32(barriers[r] as i32));
        let mut distances = *sums;
        for (v, distance) in distances.iter_mut().enumerate() {
            // SAFETY: 16 of the 64 numbers.
            let constant = unsafe { _mm512_loadu_si512(operands.panel_terms.as_ptr().add(16 * v).cast()) };
            let constant = _mm512_add_epi32(constant, term);
            *distance = _mm512_sub_epi32(constant, _mm512_slli_epi32::<1>(*distance));
            masks[r] |= u64::from(_mm512_cmplt_epu32_mask(*distance, barrier)) << (16 * v);
        }
        if masks[r] != 0 {
            for (v, distance) in distances.iter().enumerate() {
                // SAFETY: 16 of the 64 numbers.
                unsafe { _mm512_storeu_si512(values[r].as_mut_ptr().add(16 * v).cast(), *distance) };
            }
        }
    }
    masks
}
