//! Distances of codes of two samples.

#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(target_arch = "x86_64")]
mod wide;

use super::sums::{self, HINGES};
use crate::isa::Isa;

/// `Σ |a − b|`, or `Σ (a − b)²`, of at most 32,768 codes.
#[inline]
pub fn sum(isa: Isa, squares: bool, a: &[u8], b: &[u8]) -> u32 {
    match isa {
        // SAFETY: the value exists only where the processor has the set.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512Bytes => unsafe { wide::sum_avx512(squares, a, b) },
        // SAFETY: likewise.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 | Isa::Avx2 => unsafe { wide::sum_avx2(squares, a, b) },
        // SAFETY: likewise.
        #[cfg(target_arch = "aarch64")]
        Isa::NeonProducts => unsafe { neon::sum_by_products(squares, a, b) },
        // SAFETY: likewise.
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => unsafe { neon::sum(squares, a, b) },
        Isa::Portable => portable(squares, a, b),
    }
}

/// See [`sum`].
#[inline(always)]
fn portable(squares: bool, a: &[u8], b: &[u8]) -> u32 {
    let gaps = a.iter().zip(b).map(|(&a, &b)| a.abs_diff(b));
    if squares { gaps.map(|g| u32::from(g) * u32::from(g)).sum() } else { gaps.map(u32::from).sum() }
}

/// Sums of [hinges](sums::Term::Hinges) of the differences of codes.
#[inline]
pub fn hinges(isa: Isa, starts: &[u8; HINGES], a: &[u8], b: &[u8]) -> u32 {
    match isa {
        // SAFETY: the value exists only where the processor has the set.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512Bytes | Isa::Avx512 | Isa::Avx2 => unsafe { wide::hinges_avx2(starts, a, b) },
        // SAFETY: likewise.
        #[cfg(target_arch = "aarch64")]
        Isa::NeonProducts | Isa::Neon => unsafe { neon::hinges(starts, a, b) },
        Isa::Portable => portable_hinges(starts, a, b),
    }
}

/// See [`hinges`].
#[inline(always)]
fn portable_hinges(starts: &[u8; HINGES], a: &[u8], b: &[u8]) -> u32 {
    a.iter().zip(b).map(|(&a, &b)| u32::from(sums::hinges(a.abs_diff(b), starts))).sum()
}

/// The loop that sets of instructions share: `sums`, with what `N` codes of each sample make
/// added in turn, and the codes that are left over.
#[inline(always)]
fn by_blocks<'a, const N: usize, S>(
    a: &'a [u8],
    b: &'a [u8],
    sums: S,
    add: impl Fn(S, &[u8; N], &[u8; N]) -> S,
) -> (S, [&'a [u8]; 2]) {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks(), b.as_chunks());
    (a.iter().zip(b).fold(sums, |sums, (a, b)| add(sums, a, b)), [a_rest, b_rest])
}

/// Asks for codes that will be read soon.
#[inline]
pub fn prefetch(codes: &[u8]) {
    #[cfg(target_arch = "x86_64")]
    for line in codes.chunks(64) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: every processor of this architecture has the instruction,
        // which reads nothing.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
    }
    #[cfg(target_arch = "aarch64")]
    for line in codes.chunks(64) {
        // SAFETY: every processor of this architecture has the instruction,
        // which reads nothing.
        unsafe {
            std::arch::asm!(
                "prfm pldl1keep, [{}]",
                in(reg) line.as_ptr(),
                options(readonly, nostack, preserves_flags),
            );
        }
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = codes;
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn all_kernels_agree_with_the_definition(
            pairs in prop::collection::vec(prop_oneof![any::<(u8, u8)>(), Just((0, 255)), Just((255, 0))], 0..300),
            starts in prop::array::uniform4(any::<u8>()),
        ) {
            let (a, b): (Vec<u8>, Vec<u8>) = pairs.into_iter().unzip();
            for squares in [false, true] {
                let power = if squares { 2 } else { 1 };
                let expected: u32 = a.iter().zip(&b).map(|(a, b)| u32::from(a.abs_diff(*b)).pow(power)).sum();
                for isa in Isa::available() {
                    prop_assert_eq!(sum(isa, squares, &a, &b), expected, "{:?}", isa);
                }
            }
            let hinged = |(&a, &b): (&u8, &u8)| {
                let over = starts.map(|start| u32::from(a.abs_diff(b)).saturating_sub(u32::from(start)));
                over.iter().sum::<u32>().min(255)
            };
            let expected: u32 = a.iter().zip(&b).map(hinged).sum();
            for isa in Isa::available() {
                prop_assert_eq!(hinges(isa, &starts, &a, &b), expected, "{:?}", isa);
            }
        }
    }
}
