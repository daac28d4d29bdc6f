//! Distances of real samples, rounded, over a range of features.

mod portable;
#[cfg(target_arch = "x86_64")]
mod wide;

pub(in crate::separation) use self::portable::decode;
use super::Isa;
use crate::dataset::Features;

/// Features handled at a time, where early exits are tried.
pub(in crate::separation) const CHUNK: usize = 128;
/// Sums that run side by side.
pub(in crate::separation) const LANES: usize = 16;

/// What is made of the differences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::separation) enum Gather {
    /// The largest absolute value.
    Largest,
    /// The sum of absolute values.
    Sum,
    /// The sum of squares.
    Squares,
}

/// A stretch of at most [`CHUNK`] values of a storage, times `scale`.
#[derive(Clone, Copy)]
pub(in crate::separation) struct Stretch<'a> {
    pub(in crate::separation) features: &'a Features,
    pub(in crate::separation) start: usize,
    pub(in crate::separation) scale: f64,
}

/// Gathers the differences of `count` values of two stretches into `lanes`:
/// lane `k` gets the features `k` modulo their number, in order.
#[inline]
pub(in crate::separation) fn gather(
    isa: Isa,
    what: Gather,
    a: Stretch,
    b: Stretch,
    count: usize,
    lanes: &mut [f64; LANES],
) {
    match isa {
        // SAFETY: the value exists only where the processor has the set.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => unsafe { wide::gather_avx512(what, a, b, count, lanes) },
        // SAFETY: likewise.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { wide::gather_avx2(what, a, b, count, lanes) },
        Isa::Portable => portable::gather(what, a, b, count, lanes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn all_kernels_agree_with_the_definition(
            values in prop::collection::vec(prop_oneof![-1e3f32..1e3, any::<f32>().prop_filter("finite", |v| v.is_finite())], 2 * CHUNK),
            count in 1usize..=CHUNK,
            scale in prop_oneof![Just(1.0), Just(0.25)],
        ) {
            let doubles: Vec<f64> = values.iter().map(|&v| f64::from(v) * 1.7).collect();
            let codes: Vec<u8> = values.iter().map(|&v| v as u8).collect();
            for features in [Features::F32(values.into()), Features::F64(doubles.into()), Features::unit_codes(codes.into())] {
                let at = |k: usize| scale * match &features {
                    Features::F32(v) => f64::from(v[k]),
                    Features::F64(v) => v[k],
                    Features::Coded { codes, levels } => levels[usize::from(codes[k])],
                };
                let stretch = |start| Stretch { features: &features, start, scale };
                for what in [Gather::Largest, Gather::Sum, Gather::Squares] {
                    let mut expected = [0.0f64; LANES];
                    for k in 0..count {
                        let gap = (at(k) - at(CHUNK + k)).abs();
                        let lane = &mut expected[k % LANES];
                        *lane = match what {
                            Gather::Largest => lane.max(gap),
                            Gather::Sum => *lane + gap,
                            Gather::Squares => *lane + gap * gap,
                        };
                    }
                    for isa in Isa::available() {
                        let mut lanes = [0.0; LANES];
                        gather(isa, what, stretch(0), stretch(CHUNK), count, &mut lanes);
                        prop_assert_eq!(lanes, expected, "{:?} {:?}", isa, what);
                    }
                }
            }
        }
    }
}
