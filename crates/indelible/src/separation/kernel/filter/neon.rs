//! Filtering with 128-bit vectors of Arm.

use std::arch::aarch64::*;

use super::{Columns, Filter, by_words};
use crate::isa::neon;

/// See [`super::filter`].
#[target_feature(enable = "neon")]
pub(super) fn filter(columns: Columns, filters: &[Filter], alive: &mut [u64; 4]) {
    by_words(columns, filters, alive, |codes, window| {
        let (low, span) = (vdupq_n_u8(window.low), vdupq_n_u8(window.span));
        let inside = |k: usize| {
            // SAFETY: 16 of the 64 bytes, from `16 k` on.
            let x = unsafe { vld1q_u8(codes.as_ptr().add(16 * k)) };
            vcleq_u8(vsubq_u8(x, low), span)
        };
        neon::word([inside(0), inside(1), inside(2), inside(3)])
    });
}
