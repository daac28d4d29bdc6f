//! Filtering on any processor.

use super::{FILTERED, Filter, row};

/// See [`super::filter`].
pub(super) fn filter(columns: &[u8], stride: usize, offset: usize, filters: &[Filter], alive: &mut [u64; 4]) {
    // One byte per sample, so that compilers use the vectors there are.
    let mut inside = [1u8; FILTERED];
    for (s, byte) in inside.iter_mut().enumerate() {
        *byte = (alive[s / 64] >> (s % 64) & 1) as u8;
    }
    for &filter in filters {
        let mut any = 0;
        for (byte, code) in inside.iter_mut().zip(row(columns, stride, offset, filter)) {
            *byte &= u8::from(code.wrapping_sub(filter.low) <= filter.span);
            any |= *byte;
        }
        if any == 0 {
            break;
        }
    }
    for (word, bytes) in alive.iter_mut().zip(inside.chunks(64)) {
        *word = bytes.iter().enumerate().fold(0, |w, (k, &b)| w | u64::from(b) << k);
    }
}
