//! Squared Euclidean distances with 256-bit vectors.

use std::arch::x86_64::*;

use super::{Barriers, GROUP, Operands, PANEL, PanelSums, ROWS};

/// Rows that are compared together: with two vectors of samples, their halves and
/// the codes of a row they fit the 16 registers.
const TOGETHER: usize = ROWS / 2;
/// Samples that are compared together.
const SAMPLES: usize = 16;

/// See [`super::near`], which checks the lengths. A loop of its own, which keeps barriers and
/// terms of samples in registers for all rows: through `blocks`, all nearest enemies of MNIST
/// took 8 % longer.
#[target_feature(enable = "avx2")]
pub(super) fn near(operands: &Operands, barriers: &Barriers, out: &mut PanelSums) -> [u64; ROWS] {
    let groups = operands.rows.len() / ROWS / GROUP;
    // Distances are below 2^31, so a larger barrier admits all.
    let largest = _mm256_set1_epi32(i32::MAX);
    let mut masks = [0; ROWS];
    for at in (0..PANEL).step_by(SAMPLES) {
        // Sums begin with half of what depends on the sample alone, so that one
        // comparison tells that no distance can be below the barrier.
        // SAFETY: 16 of the 64 numbers.
        let terms = unsafe {
            let terms = operands.panel_terms.as_ptr().add(at);
            [_mm256_loadu_si256(terms.cast()), _mm256_loadu_si256(terms.add(8).cast())]
        };
        let none = _mm256_setzero_si256();
        let halves = [
            _mm256_srai_epi32::<1>(_mm256_sub_epi32(none, terms[0])),
            _mm256_srai_epi32::<1>(_mm256_sub_epi32(none, terms[1])),
        ];
        // SAFETY: 16 of the 64 numbers.
        let samples = unsafe {
            let samples = barriers.samples.as_ptr().add(at);
            [_mm256_loadu_si256(samples.cast()), _mm256_loadu_si256(samples.add(8).cast())]
        };
        let samples = [_mm256_min_epu32(samples[0], largest), _mm256_min_epu32(samples[1], largest)];
        for first in (0..ROWS).step_by(TOGETHER) {
            let mut sums = [halves; TOGETHER];
            for g in 0..groups {
                // Bytes 0 and 2, and bytes 1 and 3, as 16-bit numbers: products of
                // bytes would saturate.
                // SAFETY: 64 of the 256 bytes of group g.
                let b = unsafe {
                    let b = operands.panel.as_ptr().add(256 * g + GROUP * at);
                    [_mm256_loadu_si256(b.cast()), _mm256_loadu_si256(b.add(32).cast())]
                };
                let bytes = _mm256_set1_epi16(255);
                let low = [_mm256_and_si256(b[0], bytes), _mm256_and_si256(b[1], bytes)];
                let high = [_mm256_srli_epi16::<8>(b[0]), _mm256_srli_epi16::<8>(b[1])];
                for (r, sums) in sums.iter_mut().enumerate() {
                    // SAFETY: group g of row `first + r`, of `groups` groups.
                    let a = unsafe { *operands.split.get_unchecked((first + r) * groups + g) };
                    let (even, odd) = (_mm256_set1_epi32(a[0]), _mm256_set1_epi32(a[1]));
                    for (v, sum) in sums.iter_mut().enumerate() {
                        let products = _mm256_add_epi32(
                            _mm256_madd_epi16(low[v], even),
                            _mm256_madd_epi16(high[v], odd),
                        );
                        *sum = _mm256_add_epi32(*sum, products);
                    }
                }
            }
            for (k, sums) in sums.iter().enumerate() {
                let r = first + k;
                let row = _mm256_set1_epi32(barriers.queries[r].min(i32::MAX as u32) as i32);
                let limits = [_mm256_max_epi32(row, samples[0]), _mm256_max_epi32(row, samples[1])];
                // distance = row term − 2 sum, or 1 less. Terms are at least 0 and below 2^31.
                let term = _mm256_set1_epi32(operands.row_terms[r] as i32 - 1);
                let least = [
                    _mm256_srai_epi32::<1>(_mm256_sub_epi32(term, limits[0])),
                    _mm256_srai_epi32::<1>(_mm256_sub_epi32(term, limits[1])),
                ];
                let far = _mm256_and_si256(
                    _mm256_cmpgt_epi32(least[0], sums[0]),
                    _mm256_cmpgt_epi32(least[1], sums[1]),
                );
                if _mm256_movemask_epi8(far) != -1 {
                    for v in 0..2 {
                        let constant =
                            _mm256_add_epi32(terms[v], _mm256_set1_epi32(operands.row_terms[r] as i32));
                        let products = _mm256_sub_epi32(sums[v], halves[v]);
                        let distance = _mm256_sub_epi32(constant, _mm256_slli_epi32::<1>(products));
                        let at = at + 8 * v;
                        // SAFETY: 8 of the 64 numbers.
                        unsafe { _mm256_storeu_si256(out[r].as_mut_ptr().add(at).cast(), distance) };
                        let below = _mm256_castsi256_ps(_mm256_cmpgt_epi32(limits[v], distance));
                        masks[r] |= u64::from(_mm256_movemask_ps(below) as u32) << at;
                    }
                }
            }
        }
    }
    masks
}
