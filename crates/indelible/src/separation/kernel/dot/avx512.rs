//! Squared Euclidean distances with 512-bit vectors and byte products.

use std::arch::x86_64::*;

use super::{Barriers, GROUP, Operands, PANEL, PanelSums, ROWS};

/// Vectors of 16 samples in a panel.
const VECTORS: usize = 4;

/// See [`super::near`], which checks the lengths.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn near(operands: &Operands, barriers: &Barriers, out: &mut PanelSums) -> [u64; ROWS] {
    let width = operands.rows.len() / ROWS;
    let (rows, panel) = (operands.rows.as_ptr(), operands.panel.as_ptr());
    // Sums begin with half of what depends on the sample alone, so that one
    // comparison tells that no distance can be below the barrier.
    let halves: [__m512i; VECTORS] = std::array::from_fn(|v| {
        // SAFETY: 16 of the 64 numbers.
        let terms = unsafe { _mm512_loadu_si512(operands.panel_terms.as_ptr().add(16 * v).cast()) };
        _mm512_srai_epi32::<1>(_mm512_sub_epi32(_mm512_setzero_si512(), terms))
    });
    // 24 sums, 4 vectors of the panel and a broadcast fill the 32 registers.
    let mut sums = [halves; ROWS];
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
    // Distances are below 2^31, so a larger barrier admits all.
    let largest = _mm512_set1_epi32(i32::MAX);
    let samples: [__m512i; VECTORS] = std::array::from_fn(|v| {
        // SAFETY: 16 of the 64 numbers.
        let samples = unsafe { _mm512_loadu_si512(barriers.samples.as_ptr().add(16 * v).cast()) };
        _mm512_min_epu32(samples, largest)
    });
    let mut masks = [0; ROWS];
    for (r, sums) in sums.iter().enumerate() {
        let row = _mm512_set1_epi32(barriers.queries[r].min(i32::MAX as u32) as i32);
        let limits: [__m512i; VECTORS] = std::array::from_fn(|v| _mm512_max_epi32(row, samples[v]));
        // distance = row term − 2 sum, or 1 less. Terms are at least 0 and below 2^31.
        let term = _mm512_set1_epi32(operands.row_terms[r] as i32 - 1);
        let near = |v: usize| {
            let least = _mm512_srai_epi32::<1>(_mm512_sub_epi32(term, limits[v]));
            _mm512_cmpge_epi32_mask(sums[v], least)
        };
        if near(0) | near(1) | near(2) | near(3) != 0 {
            masks[r] = exactly(operands, r, sums, &halves, &limits, &mut out[r]);
        }
    }
    masks
}

/// The distances of a row from its sums, and which are below their limits.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn exactly(
    operands: &Operands,
    r: usize,
    sums: &[__m512i; VECTORS],
    halves: &[__m512i; VECTORS],
    limits: &[__m512i; VECTORS],
    out: &mut [u32; PANEL],
) -> u64 {
    let term = _mm512_set1_epi32(operands.row_terms[r] as i32);
    let mut mask = 0;
    for v in 0..VECTORS {
        // SAFETY: 16 of the 64 numbers.
        let constant = unsafe { _mm512_loadu_si512(operands.panel_terms.as_ptr().add(16 * v).cast()) };
        let constant = _mm512_add_epi32(constant, term);
        let products = _mm512_sub_epi32(sums[v], halves[v]);
        let distance = _mm512_sub_epi32(constant, _mm512_slli_epi32::<1>(products));
        mask |= u64::from(_mm512_cmplt_epu32_mask(distance, limits[v])) << (16 * v);
        // SAFETY: 16 of the 64 numbers.
        unsafe { _mm512_storeu_si512(out.as_mut_ptr().add(16 * v).cast(), distance) };
    }
    mask
}
