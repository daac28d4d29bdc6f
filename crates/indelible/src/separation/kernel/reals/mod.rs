//! Distances of real samples, rounded, over a range of features.

mod portable;
#[cfg(target_arch = "x86_64")]
mod wide;

pub(in crate::separation) use self::portable::each_lane;
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

/// Does as [`gather`] does for sums, and says whether nothing was rounded. What
/// is in `lanes` is of use only then.
#[inline]
pub(in crate::separation) fn gather_exactly(
    isa: Isa,
    squares: bool,
    a: Stretch,
    b: Stretch,
    count: usize,
    lanes: &mut [f64; LANES],
) -> bool {
    match isa {
        // SAFETY: the value exists only where the processor has the set.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => unsafe { wide::gather_exactly_avx512(squares, a, b, count, lanes) },
        // SAFETY: likewise.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { wide::gather_exactly_avx2(squares, a, b, count, lanes) },
        Isa::Portable => portable::gather_exactly(squares, a, b, count, lanes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::separation::exact::ExactSum;
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

        #[test]
        fn exact_sums_are_exact(
            small in prop::collection::vec(-2000i32..2000, 2 * CHUNK),
            odd in prop::option::of((0..2 * CHUNK, any::<f64>().prop_filter("finite", |v| v.is_finite()))),
            count in 1usize..=CHUNK,
            squares in any::<bool>(),
        ) {
            let mut values: Vec<f64> = small.iter().map(|&v| f64::from(v) / 8.0).collect();
            if let Some((at, value)) = odd {
                values[at] = value;
            }
            let features = Features::F64(values.clone().into());
            let stretch = |start| Stretch { features: &features, start, scale: 1.0 };
            let mut results = Vec::new();
            for isa in Isa::available() {
                let mut lanes = [0.0; LANES];
                let exact = gather_exactly(isa, squares, stretch(0), stretch(CHUNK), count, &mut lanes);
                prop_assert!(exact || odd.is_some());
                if exact {
                    let mut total = ExactSum::new();
                    lanes.iter().for_each(|&l| total.add(l));
                    let mut expected = ExactSum::new();
                    for k in 0..count {
                        if squares {
                            expected.add_squared_difference(values[k], values[CHUNK + k]);
                        } else {
                            expected.add_distance(values[k], values[CHUNK + k]);
                        }
                    }
                    prop_assert!(total.compare(&expected).is_eq());
                }
                results.push((exact, exact.then_some(lanes)));
            }
            prop_assert!(results.windows(2).all(|w| w[0] == w[1]));
        }
    }
}
