//! Sums over absolute differences with 128-bit vectors of Arm.

use std::arch::aarch64::*;

use super::{
    super::blocks::{self, BLOCK, Steps},
    Barriers, GROUP, HINGES, PanelSums, ROWS,
};
use crate::isa::neon;

/// Vectors of 2 samples in eight.
const VECTORS: usize = 4;

/// Sums of differences; see [`super::near`], which checks the lengths.
#[target_feature(enable = "neon")]
pub(super) fn gaps(panel: &[u8], rows: &[u8], barriers: &Barriers, out: &mut PanelSums) -> [u64; ROWS] {
    sums(panel, rows, barriers, out, |sum, a, b| vpadalq_u16(sum, vpaddlq_u8(vabdq_u8(a, b))))
}

/// The same by products with ones.
#[target_feature(enable = "neon,dotprod")]
pub(super) fn gaps_times_one(
    panel: &[u8],
    rows: &[u8],
    barriers: &Barriers,
    out: &mut PanelSums,
) -> [u64; ROWS] {
    let one = vdupq_n_u8(1);
    sums(panel, rows, barriers, out, |sum, a, b| neon::add_products(sum, vabdq_u8(a, b), one))
}

/// Sums of hinges of differences; see [`super::near`], which checks the lengths.
#[target_feature(enable = "neon")]
pub(super) fn hinges(
    starts: &[u8; HINGES],
    panel: &[u8],
    rows: &[u8],
    barriers: &Barriers,
    out: &mut PanelSums,
) -> [u64; ROWS] {
    let starts = starts.map(|start| vdupq_n_u8(start));
    sums(panel, rows, barriers, out, |sum, a, b| {
        let gap = vabdq_u8(a, b);
        let first = vqaddq_u8(vqsubq_u8(gap, starts[0]), vqsubq_u8(gap, starts[1]));
        let last = vqaddq_u8(vqsubq_u8(gap, starts[2]), vqsubq_u8(gap, starts[3]));
        vpadalq_u16(sum, vpaddlq_u8(vqaddq_u8(first, last)))
    })
}

/// Sums what eight codes of two samples make, as `add` adds it to four sums, two for a sample.
#[inline]
#[target_feature(enable = "neon")]
fn sums(
    panel: &[u8],
    rows: &[u8],
    barriers: &Barriers,
    out: &mut PanelSums,
    add: impl Fn(uint32x4_t, uint8x16_t, uint8x16_t) -> uint32x4_t,
) -> [u64; ROWS] {
    let width = rows.len() / ROWS;
    // Rows at a time: 12 sums, 4 vectors of the panel, 4 starts and what is in work.
    blocks::near::<GROUP, 3, _, _, _>(
        panel,
        width / GROUP,
        Steps {
            begin: |_| [vdupq_n_u32(0); VECTORS],
            load: |codes: &[u8; BLOCK]| -> [uint8x16_t; VECTORS] {
                // SAFETY: 16 of the 64 bytes each.
                std::array::from_fn(|v| unsafe { vld1q_u8(codes.as_ptr().add(16 * v)) })
            },
            spread: |r: usize, g: usize| {
                // SAFETY: eight bytes of row r, of `width` bytes.
                let codes =
                    unsafe { rows.as_ptr().add(r * width + GROUP * g).cast::<u64>().read_unaligned() };
                vreinterpretq_u8_u64(vdupq_n_u64(codes))
            },
            add: |sums: [uint32x4_t; VECTORS], a, b: [uint8x16_t; VECTORS]| {
                std::array::from_fn(|v| add(sums[v], a, b[v]))
            },
            near: |r: usize, part: usize, sums| {
                let samples = &barriers.samples.as_chunks().0[part];
                near(sums, (barriers.queries[r], samples), &mut out[r].as_chunks_mut().0[part])
            },
        },
    )
}

/// Writes eight sums; which are below the barrier of their row or sample.
#[inline]
#[target_feature(enable = "neon")]
fn near(sums: [uint32x4_t; VECTORS], (row, samples): (u32, &[u32; 8]), out: &mut [u32; 8]) -> u64 {
    let sums = [vpaddq_u32(sums[0], sums[1]), vpaddq_u32(sums[2], sums[3])];
    let row = vdupq_n_u32(row);
    let below: [uint16x4_t; 2] = std::array::from_fn(|v| {
        // SAFETY: 4 of the 8 numbers each.
        let samples = unsafe {
            vst1q_u32(out.as_mut_ptr().add(4 * v), sums[v]);
            vld1q_u32(samples.as_ptr().add(4 * v))
        };
        vmovn_u32(vcltq_u32(sums[v], vmaxq_u32(row, samples)))
    });
    let below = vmovn_u16(vcombine_u16(below[0], below[1]));
    u64::from(neon::half_word(vcombine_u8(below, vdup_n_u8(0))))
}
