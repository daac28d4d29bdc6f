//! Distances of codes with 128-bit vectors of Arm.

use std::arch::aarch64::*;

use super::{HINGES, by_blocks, portable, portable_hinges};
use crate::isa::neon;

/// See [`super::sum`].
#[target_feature(enable = "neon")]
pub(super) fn sum(squares: bool, a: &[u8], b: &[u8]) -> u32 {
    let none = vdupq_n_u32(0);
    let (sum, [a, b]) = if squares {
        let (sums, rest) = by_blocks(a, b, [none; 2], |sums, a, b| {
            let gap = vabdq_u8(load(a), load(b));
            let low = vget_low_u8(gap);
            [vpadalq_u16(sums[0], vmull_u8(low, low)), vpadalq_u16(sums[1], vmull_high_u8(gap, gap))]
        });
        (vaddq_u32(sums[0], sums[1]), rest)
    } else {
        by_blocks(a, b, none, |sum, a, b| vpadalq_u16(sum, vpaddlq_u8(vabdq_u8(load(a), load(b)))))
    };
    vaddvq_u32(sum) + portable(squares, a, b)
}

/// The same by sums of products.
#[target_feature(enable = "neon,dotprod")]
pub(super) fn sum_by_products(squares: bool, a: &[u8], b: &[u8]) -> u32 {
    let (none, one) = (vdupq_n_u32(0), vdupq_n_u8(1));
    let gap = |a: &[u8; 16], b: &[u8; 16]| vabdq_u8(load(a), load(b));
    let (sum, [a, b]) = if squares {
        by_blocks(a, b, none, |sum, a, b| {
            let gap = gap(a, b);
            neon::add_products(sum, gap, gap)
        })
    } else {
        by_blocks(a, b, none, |sum, a, b| neon::add_products(sum, gap(a, b), one))
    };
    vaddvq_u32(sum) + portable(squares, a, b)
}

/// See [`super::hinges`].
#[target_feature(enable = "neon")]
pub(super) fn hinges(starts: &[u8; HINGES], a: &[u8], b: &[u8]) -> u32 {
    let [first, second, third, fourth] = starts.map(|start| vdupq_n_u8(start));
    let (sums, [a, b]) = by_blocks(a, b, vdupq_n_u32(0), |sums, a, b| {
        let gap = vabdq_u8(load(a), load(b));
        let low = vqaddq_u8(vqsubq_u8(gap, first), vqsubq_u8(gap, second));
        let high = vqaddq_u8(vqsubq_u8(gap, third), vqsubq_u8(gap, fourth));
        vpadalq_u16(sums, vpaddlq_u8(vqaddq_u8(low, high)))
    });
    vaddvq_u32(sums) + portable_hinges(starts, a, b)
}

#[inline]
#[target_feature(enable = "neon")]
fn load(codes: &[u8; 16]) -> uint8x16_t {
    // SAFETY: 16 bytes.
    unsafe { vld1q_u8(codes.as_ptr()) }
}
