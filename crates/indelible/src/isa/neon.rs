//! What kernels with 128-bit vectors of Arm share: comparisons as bits, and products
//! of bytes, for which the standard library has no stable function.

use std::arch::{aarch64::*, asm};

/// Bit `i` is byte `i`; all bytes are 0 or 255.
#[inline]
#[target_feature(enable = "neon")]
pub(crate) fn word(bytes: [uint8x16_t; 4]) -> u64 {
    let [a, b, c, d] = bytes.map(|x| weighted(x));
    let all = vpaddq_u8(vpaddq_u8(a, b), vpaddq_u8(c, d));
    vgetq_lane_u64::<0>(vreinterpretq_u64_u8(vpaddq_u8(all, all)))
}

/// Bit `i` is byte `i`; all bytes are 0 or 255.
#[inline]
#[target_feature(enable = "neon")]
pub(crate) fn half_word(bytes: uint8x16_t) -> u16 {
    let bits = weighted(bytes);
    let bits = vpaddq_u8(bits, bits);
    let bits = vpaddq_u8(bits, bits);
    vgetq_lane_u16::<0>(vreinterpretq_u16_u8(vpaddq_u8(bits, bits)))
}

/// Of every byte the bit of its place among eight: the sum of eight bytes has them all.
#[inline]
#[target_feature(enable = "neon")]
fn weighted(bytes: uint8x16_t) -> uint8x16_t {
    vandq_u8(bytes, vreinterpretq_u8_u64(vdupq_n_u64(0x8040_2010_0804_0201)))
}

/// Adds to each sum four products of unsigned bytes.
#[inline]
#[target_feature(enable = "neon,dotprod")]
pub(crate) fn add_products(mut sums: uint32x4_t, a: uint8x16_t, b: uint8x16_t) -> uint32x4_t {
    // SAFETY: the instruction works on registers alone, and the function is compiled for it.
    unsafe {
        asm!(
            "udot {sums:v}.4s, {a:v}.16b, {b:v}.16b",
            sums = inout(vreg) sums, a = in(vreg) a, b = in(vreg) b,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sums
}

/// Adds to each sum four products of signed bytes.
#[inline]
#[target_feature(enable = "neon,dotprod")]
pub(crate) fn add_signed_products(mut sums: int32x4_t, a: int8x16_t, b: int8x16_t) -> int32x4_t {
    // SAFETY: likewise.
    unsafe {
        asm!(
            "sdot {sums:v}.4s, {a:v}.16b, {b:v}.16b",
            sums = inout(vreg) sums, a = in(vreg) a, b = in(vreg) b,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sums
}
