//! Sums of powers of differences of real samples, rounded.

mod portable;
#[cfg(target_arch = "x86_64")]
mod wide;

use super::{
    Isa,
    reals::{LANES, Stretch},
};
use crate::separation::power::Exponent;

/// Adds the powers of the differences of `count` values of two stretches, times
/// two factors, to `lanes`; see [`super::reals::gather`].
#[inline]
pub(in crate::separation) fn add_powers(
    isa: Isa,
    exponent: &Exponent,
    factors: [f64; 2],
    a: Stretch,
    b: Stretch,
    count: usize,
    lanes: &mut [f64; LANES],
) {
    match isa {
        // SAFETY: the value exists only where the processor has the set.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => unsafe { wide::add_powers_avx512(exponent, factors, a, b, count, lanes) },
        // SAFETY: likewise.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { wide::add_powers_avx2(exponent, factors, a, b, count, lanes) },
        Isa::Portable => portable::add_powers(exponent, factors, a, b, count, lanes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{dataset::Features, separation::kernel::reals::CHUNK};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn all_kernels_agree_with_the_definition(
            values in prop::collection::vec(-1e3f64..1e3, 2 * CHUNK),
            count in 1usize..=CHUNK,
            p in prop_oneof![1.0f64..20.0, Just(3.0), Just(1.5)],
        ) {
            let exponent = Exponent::new(p);
            let mut expected = [0.0; LANES];
            for k in 0..count {
                expected[k % LANES] += exponent.raise([(values[k] * 0.5 - values[CHUNK + k] * 0.5).abs() * 0.5])[0];
            }
            let features = Features::F64(values.into());
            let stretch = |start| Stretch { features: &features, start, scale: 0.5 };
            for isa in Isa::available() {
                let mut lanes = [0.0; LANES];
                add_powers(isa, &exponent, [0.25, 2.0], stretch(0), stretch(CHUNK), count, &mut lanes);
                prop_assert_eq!(lanes, expected, "{:?}", isa);
            }
        }
    }
}
