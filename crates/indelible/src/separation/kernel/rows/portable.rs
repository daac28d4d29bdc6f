//! Distances of codes on any processor.

/// See [`super::sum`].
#[inline(always)]
pub(super) fn sum(squares: bool, a: &[u8], b: &[u8]) -> u32 {
    let gaps = a.iter().zip(b).map(|(&a, &b)| a.abs_diff(b));
    if squares { gaps.map(|g| u32::from(g) * u32::from(g)).sum() } else { gaps.map(u32::from).sum() }
}
