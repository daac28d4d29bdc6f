//! Inner products of a sample with some directions, rounded.

mod portable;
#[cfg(target_arch = "x86_64")]
mod wide;

use super::Isa;

/// Products that are summed side by side; lengths are multiples of this.
pub(in crate::separation) const LANES: usize = 16;

/// Inner products of `x` with the rows of `directions`, into `out`: lane `k`
/// sums the features `k` modulo their number in order, and the lanes are added
/// in order.
#[inline]
pub(in crate::separation) fn project(isa: Isa, x: &[f32], directions: &[f32], out: &mut [f32]) {
    match isa {
        // SAFETY: the value exists only where the processor has the set.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => unsafe { wide::project_avx512(x, directions, out) },
        // SAFETY: likewise.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { wide::project_avx2(x, directions, out) },
        Isa::Portable => portable::project(x, directions, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn all_kernels_agree_with_the_definition(
            blocks in 1usize..5,
            count in 1usize..7,
            values in prop::collection::vec(-1e3f32..1e3, 8 * 5 * LANES),
        ) {
            let width = blocks * LANES;
            let (x, directions) = (&values[..width], &values[width..(count + 1) * width]);
            let mut expected = vec![0.0; count];
            for (out, direction) in expected.iter_mut().zip(directions.chunks(width)) {
                let mut lanes = [0.0f32; LANES];
                for k in 0..width {
                    lanes[k % LANES] += x[k] * direction[k];
                }
                *out = lanes.iter().fold(0.0, |sum, l| sum + l);
            }
            for isa in Isa::available() {
                let mut out = vec![0.0; count];
                project(isa, x, directions, &mut out);
                prop_assert_eq!(&out, &expected, "{:?}", isa);
            }
        }
    }
}
