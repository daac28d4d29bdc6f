//! Squared Euclidean distances with 128-bit vectors of Arm.

use std::arch::aarch64::*;

use super::{
    super::blocks::{self, BLOCK, Steps},
    Barriers, GROUP, Operands, PanelSums, ROWS,
};
use crate::isa::neon;

/// Samples that are compared together, in vectors of 4.
const SAMPLES: usize = 16;
const VECTORS: usize = SAMPLES / 4;

/// See [`super::near`], which checks the lengths.
#[target_feature(enable = "neon")]
pub(super) fn near(operands: &Operands, barriers: &Barriers, out: &mut PanelSums) -> [u64; ROWS] {
    // Two rows at a time: 16 sums, two for a sample, 4 vectors of the panel, the codes of a row
    // and products.
    let add = |sums: [int32x4_t; 2], a, b| {
        let low = vmull_s8(vget_low_s8(a), vget_low_s8(b));
        [vpadalq_s16(sums[0], low), vpadalq_s16(sums[1], vmull_high_s8(a, b))]
    };
    let whole = |sums: [int32x4_t; 2]| vpaddq_s32(sums[0], sums[1]);
    distances::<2, _>(operands, barriers, out, [vdupq_n_s32(0); 2], add, whole)
}

/// The same with instructions for products of four bytes.
#[target_feature(enable = "neon,dotprod")]
pub(super) fn near_by_fours(operands: &Operands, barriers: &Barriers, out: &mut PanelSums) -> [u64; ROWS] {
    // All rows at a time: 24 sums, 4 vectors of the panel and the codes of a row fit the
    // 32 registers.
    let add = |sums, a, b| neon::add_signed_products(sums, a, b);
    distances::<ROWS, _>(operands, barriers, out, vdupq_n_s32(0), add, |sums| sums)
}

/// Distances of `TOGETHER` rows and 16 samples at a time. `add` adds the products of four codes
/// of four samples to sums that begin as `none`, and `whole` gives one sum for each sample.
///
/// Codes of samples are made signed as well: `Σ a'b = Σ a'b' + 128 Σ a'` where `a' = a − 128`
/// and `b' = b − 128`, and the last term goes with those that depend on the row alone.
#[inline]
#[target_feature(enable = "neon")]
fn distances<const TOGETHER: usize, S: Copy>(
    operands: &Operands,
    barriers: &Barriers,
    out: &mut PanelSums,
    none: S,
    add: impl Fn(S, int8x16_t, int8x16_t) -> S,
    whole: impl Fn(S) -> int32x4_t,
) -> [u64; ROWS] {
    let width = operands.rows.len() / ROWS;
    let row_terms: [u32; ROWS] = std::array::from_fn(|r| {
        let sum: i32 = operands.rows[r * width..(r + 1) * width].iter().map(|&a| i32::from(a)).sum();
        operands.row_terms[r].wrapping_sub((256 * sum) as u32)
    });
    blocks::near::<GROUP, TOGETHER, _, _, _>(
        operands.panel,
        width / GROUP,
        Steps {
            begin: |_| [none; VECTORS],
            load: |codes: &[u8; BLOCK]| -> [int8x16_t; VECTORS] {
                std::array::from_fn(|v| {
                    // SAFETY: 16 of the 64 bytes.
                    let codes = unsafe { vld1q_u8(codes.as_ptr().add(16 * v)) };
                    vreinterpretq_s8_u8(veorq_u8(codes, vdupq_n_u8(128)))
                })
            },
            spread: |r: usize, g: usize| {
                let at = r * width + GROUP * g;
                // SAFETY: four bytes of row r, of `width` bytes.
                let codes = unsafe { operands.rows.as_ptr().add(at).cast::<i32>().read_unaligned() };
                vreinterpretq_s8_s32(vdupq_n_s32(codes))
            },
            add: |sums: [S; VECTORS], a, b: [int8x16_t; VECTORS]| {
                std::array::from_fn(|v| add(sums[v], a, b[v]))
            },
            near: |r: usize, part: usize, sums: [S; VECTORS]| {
                let terms = (row_terms[r], &operands.panel_terms.as_chunks().0[part]);
                let limits = (barriers.queries[r], &barriers.samples.as_chunks().0[part]);
                let out = &mut out[r].as_chunks_mut().0[part];
                u64::from(below(sums.map(&whole), terms, limits, out))
            },
        },
    )
}

/// Which distances are below the barrier of their row or sample, and if any is, all distances.
/// `terms` are what depends on the row and on each sample alone.
#[inline]
#[target_feature(enable = "neon")]
fn below(
    products: [int32x4_t; VECTORS],
    terms: (u32, &[u32; SAMPLES]),
    barriers: (u32, &[u32; SAMPLES]),
    out: &mut [u32; SAMPLES],
) -> u16 {
    let (row, barrier, two) = (vdupq_n_u32(terms.0), vdupq_n_u32(barriers.0), vdupq_n_u32(2));
    let distances: [uint32x4_t; VECTORS] = std::array::from_fn(|v| {
        // SAFETY: 4 of the 16 numbers each.
        let samples = unsafe { vld1q_u32(terms.1.as_ptr().add(4 * v)) };
        vmlsq_u32(vaddq_u32(row, samples), vreinterpretq_u32_s32(products[v]), two)
    });
    let below: [uint32x4_t; VECTORS] = std::array::from_fn(|v| {
        // SAFETY: 4 of the 16 numbers each.
        let samples = unsafe { vld1q_u32(barriers.1.as_ptr().add(4 * v)) };
        vcltq_u32(distances[v], vmaxq_u32(barrier, samples))
    });
    let any = vorrq_u32(vorrq_u32(below[0], below[1]), vorrq_u32(below[2], below[3]));
    if vmaxvq_u32(any) == 0 {
        return 0;
    }
    for (v, &distance) in distances.iter().enumerate() {
        // SAFETY: 4 of the 16 numbers each.
        unsafe { vst1q_u32(out.as_mut_ptr().add(4 * v), distance) };
    }
    let halves = [0, 2].map(|v| vcombine_u16(vmovn_u32(below[v]), vmovn_u32(below[v + 1])));
    neon::half_word(vcombine_u8(vmovn_u16(halves[0]), vmovn_u16(halves[1])))
}
