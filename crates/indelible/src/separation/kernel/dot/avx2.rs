//! Squared Euclidean distances with 256-bit vectors.

use std::arch::x86_64::*;

use super::{
    super::blocks::{self, BLOCK, Steps},
    Barriers, GROUP, Operands, PanelSums, ROWS,
};

/// Rows that are compared together: with two vectors of samples, their halves and
/// the codes of a row they fit the 16 registers.
const TOGETHER: usize = ROWS / 2;

/// Samples that are compared together.
const SAMPLES: usize = BLOCK / GROUP;

/// See [`super::near`], which checks the lengths.
#[target_feature(enable = "avx2")]
pub(super) fn near(operands: &Operands, barriers: &Barriers, out: &mut PanelSums) -> [u64; ROWS] {
    let groups = operands.rows.len() / ROWS / GROUP;
    // Distances are below 2^31, so a larger barrier admits all.
    let limited = |barrier: u32| barrier.min(i32::MAX as u32);
    let (queries, samples) = (barriers.queries.map(limited), barriers.samples.map(limited));
    let terms = |part: usize| vectors(&operands.panel_terms.as_chunks().0[part]);
    blocks::near::<GROUP, TOGETHER, _, _, _>(
        operands.panel,
        groups,
        Steps {
            begin: |part: usize| halves(terms(part)),
            // Bytes 0 and 2, and bytes 1 and 3, as 16-bit numbers: products of
            // bytes would saturate.
            load: |codes: &[u8; BLOCK]| {
                // SAFETY: 32 of the 64 bytes each.
                let b = [0, 32].map(|at| unsafe { _mm256_loadu_si256(codes.as_ptr().add(at).cast()) });
                let bytes = _mm256_set1_epi16(255);
                (b.map(|b| _mm256_and_si256(b, bytes)), b.map(|b| _mm256_srli_epi16::<8>(b)))
            },
            spread: |r: usize, g: usize| {
                // SAFETY: group g of row r, of `groups` groups.
                let a = unsafe { *operands.split.get_unchecked(r * groups + g) };
                (_mm256_set1_epi32(a[0]), _mm256_set1_epi32(a[1]))
            },
            add: |sums: [__m256i; 2], (even, odd), (low, high): ([__m256i; 2], [__m256i; 2])| {
                std::array::from_fn(|v| {
                    let products =
                        _mm256_add_epi32(_mm256_madd_epi16(low[v], even), _mm256_madd_epi16(high[v], odd));
                    _mm256_add_epi32(sums[v], products)
                })
            },
            near: |r: usize, part: usize, sums| {
                let limits = (queries[r], &samples.as_chunks().0[part]);
                let out = &mut out[r].as_chunks_mut().0[part];
                u64::from(below(sums, (operands.row_terms[r], terms(part)), limits, out))
            },
        },
    )
}

/// Half of what depends on a sample alone, the other way around. Sums begin with it, so that
/// one comparison tells that no distance can be below the barrier.
#[inline]
#[target_feature(enable = "avx2")]
fn halves(terms: [__m256i; 2]) -> [__m256i; 2] {
    terms.map(|terms| _mm256_srai_epi32::<1>(_mm256_sub_epi32(_mm256_setzero_si256(), terms)))
}

/// Which distances are below the barrier of their row or sample, and if any is, all distances.
/// `terms` are what depends on the row and on each sample alone; barriers are below 2^31.
#[inline]
#[target_feature(enable = "avx2")]
fn below(
    sums: [__m256i; 2],
    terms: (u32, [__m256i; 2]),
    barriers: (u32, &[u32; SAMPLES]),
    out: &mut [u32; SAMPLES],
) -> u32 {
    let row = _mm256_set1_epi32(barriers.0 as i32);
    let limits = vectors(barriers.1).map(|sample| _mm256_max_epi32(row, sample));
    // distance = row term − 2 sum, or 1 less. Terms are at least 0 and below 2^31.
    let term = _mm256_set1_epi32(terms.0 as i32 - 1);
    let far: [__m256i; 2] = std::array::from_fn(|v| {
        let least = _mm256_srai_epi32::<1>(_mm256_sub_epi32(term, limits[v]));
        _mm256_cmpgt_epi32(least, sums[v])
    });
    if _mm256_movemask_epi8(_mm256_and_si256(far[0], far[1])) == -1 {
        return 0;
    }
    let (term, halves) = (_mm256_set1_epi32(terms.0 as i32), halves(terms.1));
    let masks: [u32; 2] = std::array::from_fn(|v| {
        let products = _mm256_sub_epi32(sums[v], halves[v]);
        let constant = _mm256_add_epi32(terms.1[v], term);
        let distance = _mm256_sub_epi32(constant, _mm256_slli_epi32::<1>(products));
        // SAFETY: 8 of the 16 numbers each.
        unsafe { _mm256_storeu_si256(out.as_mut_ptr().add(8 * v).cast(), distance) };
        _mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpgt_epi32(limits[v], distance))) as u32
    });
    masks[0] | masks[1] << 8
}

#[inline]
#[target_feature(enable = "avx2")]
fn vectors(numbers: &[u32; SAMPLES]) -> [__m256i; 2] {
    // SAFETY: 8 of the 16 numbers each.
    [0, 8].map(|at| unsafe { _mm256_loadu_si256(numbers.as_ptr().add(at).cast()) })
}
