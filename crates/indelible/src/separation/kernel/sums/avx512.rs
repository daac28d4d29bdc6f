//! Sums over differences with 512-bit vectors, and byte permutations to look
//! up what a table says of them.

use std::arch::x86_64::*;

use super::{Barriers, GROUP, PanelSums, ROWS, Term};

/// Vectors of 8 samples in a panel.
const VECTORS: usize = 8;

/// See [`super::near`], which checks the lengths.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
pub(super) fn near(
    term: Term,
    panel: &[u8],
    rows: &[u8],
    barriers: &Barriers,
    out: &mut PanelSums,
) -> [u64; ROWS] {
    let table = match term {
        // Rows at a time: 24 sums, a vector of the panel and 3 broadcasts.
        Term::Gap => return sums::<3>(panel, rows, barriers, out, |a, b| _mm512_sad_epu8(a, b)),
        // Powers are tables here.
        Term::Hinges(starts) => {
            return super::portable(panel, rows, barriers, out, |gap| u32::from(super::hinges(gap, starts)));
        }
        Term::Entry(table) => [0, 64, 128, 192].map(|at| {
            // SAFETY: 64 of the 256 bytes from `at`.
            unsafe { _mm512_loadu_si512(table.as_ptr().add(at).cast()) }
        }),
    };
    // Rows at a time: 16 sums, the table in 4 vectors, and what is in work.
    sums::<2>(panel, rows, barriers, out, |a, b| {
        let gap = _mm512_sub_epi8(_mm512_max_epu8(a, b), _mm512_min_epu8(a, b));
        // A permutation looks at 7 bits of an index; the 8th chooses.
        let low = _mm512_permutex2var_epi8(table[0], gap, table[1]);
        let high = _mm512_permutex2var_epi8(table[2], gap, table[3]);
        let entries = _mm512_mask_blend_epi8(_mm512_movepi8_mask(gap), low, high);
        _mm512_sad_epu8(entries, _mm512_setzero_si512())
    })
}

/// Sums what `terms` makes of eight codes of eight samples, `STEP` rows at a time.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn sums<const STEP: usize>(
    panel: &[u8],
    rows: &[u8],
    barriers: &Barriers,
    out: &mut PanelSums,
    terms: impl Fn(__m512i, __m512i) -> __m512i,
) -> [u64; ROWS] {
    let width = rows.len() / ROWS;
    let mut masks = [0; ROWS];
    for first in (0..ROWS).step_by(STEP) {
        let mut sums = [[_mm512_setzero_si512(); VECTORS]; STEP];
        for g in 0..width / GROUP {
            let a: [__m512i; STEP] = std::array::from_fn(|r| {
                // SAFETY: eight bytes of a row of `width` bytes.
                let a = unsafe {
                    rows.as_ptr().add((first + r) * width + GROUP * g).cast::<i64>().read_unaligned()
                };
                _mm512_set1_epi64(a)
            });
            for v in 0..VECTORS {
                // SAFETY: 64 of the 512 bytes of group g.
                let b = unsafe { _mm512_loadu_si512(panel.as_ptr().add(512 * g + 64 * v).cast()) };
                for (sums, a) in sums.iter_mut().zip(a) {
                    sums[v] = _mm512_add_epi64(sums[v], terms(a, b));
                }
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            let r = first + r;
            let barrier = _mm512_set1_epi64(i64::from(barriers.queries[r]));
            for (v, &sum) in sums.iter().enumerate() {
                // SAFETY: 8 of the 64 numbers.
                let samples = unsafe { _mm256_loadu_si256(barriers.samples.as_ptr().add(8 * v).cast()) };
                let barrier = _mm512_max_epu64(barrier, _mm512_cvtepu32_epi64(samples));
                masks[r] |= u64::from(_mm512_cmplt_epu64_mask(sum, barrier)) << (8 * v);
            }
            if masks[r] != 0 {
                for (v, &sum) in sums.iter().enumerate() {
                    let sum = _mm512_cvtepi64_epi32(sum);
                    // SAFETY: 8 of the 64 numbers.
                    unsafe { _mm256_storeu_si256(out[r].as_mut_ptr().add(8 * v).cast(), sum) };
                }
            }
        }
    }
    masks
}
