//! Distances of real samples, rounded, over a range of features: the same
//! operations in the same order on every instruction set, so that the results
//! are the same bits.

use crate::{
    dataset::Features,
    isa::Loop,
    number::{powers::Exponent, two_sum},
};

/// Features handled at a time, where early exits are tried.
pub const CHUNK: usize = 128;
/// Sums that run side by side.
pub const LANES: usize = 16;

/// What is made of the differences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gather {
    /// The largest absolute value.
    Largest,
    /// The sum of absolute values.
    Sum,
    /// The sum of squares.
    Squares,
}

/// At most [`CHUNK`] values of one storage and as many of another, times `scale`.
#[derive(Clone, Copy)]
pub struct Stretch<'a> {
    pub features: [&'a Features; 2],
    /// Where the values begin.
    pub starts: [usize; 2],
    pub count: usize,
    pub scale: f64,
}

/// Gathers the differences of a stretch into lanes: lane `k` gets the
/// features `k` modulo their number, in order.
pub struct Gathering<'a> {
    pub what: Gather,
    pub stretch: Stretch<'a>,
    /// What was gathered before. By value: no other reference can reach it, and
    /// it stays in registers.
    pub lanes: [f64; LANES],
}

impl Loop for Gathering<'_> {
    type Output = [f64; LANES];

    #[inline(always)]
    fn run(self) -> [f64; LANES] {
        let Self { what, stretch, mut lanes } = self;
        stretch.each_lane(|k, x, y| {
            let gap = (x - y).abs();
            let lane = &mut lanes[k];
            match what {
                Gather::Largest => *lane = if gap > *lane { gap } else { *lane },
                Gather::Sum => *lane += gap,
                Gather::Squares => *lane += gap * gap,
            }
        });
        lanes
    }
}

/// Does as [`Gathering`] does for sums; `None` where something was rounded.
pub struct GatheringExactly<'a> {
    pub squares: bool,
    pub stretch: Stretch<'a>,
    pub lanes: [f64; LANES],
}

impl Loop for GatheringExactly<'_> {
    type Output = Option<[f64; LANES]>;

    #[inline(always)]
    fn run(self) -> Self::Output {
        let Self { squares, stretch, mut lanes } = self;
        // Whatever was lost, as bits: errors of sums, and roots that have more than
        // 26 bits or are so small that their squares underflow.
        let mut lost = [0u64; LANES];
        stretch.each_lane(|k, x, y| {
            let (gap, error) = two_sum(x, -y);
            lost[k] |= error.to_bits() << 1;
            let term = if squares {
                let small = gap.abs() < 1e-150 && gap != 0.0;
                lost[k] |= (gap.to_bits() & ((1 << 27) - 1)) | u64::from(small);
                gap * gap
            } else {
                gap.abs()
            };
            let (sum, error) = two_sum(lanes[k], term);
            lost[k] |= error.to_bits() << 1;
            lanes[k] = sum;
        });
        let exact = lost.iter().fold(0, |all, l| all | l) == 0 && lanes.iter().all(|l| l.is_finite());
        exact.then_some(lanes)
    }
}

/// Adds the powers of the differences of a stretch, times two factors, to
/// lanes; see [`Gathering`].
pub struct AddingPowers<'a> {
    pub exponent: &'a Exponent,
    pub factors: [f64; 2],
    pub stretch: Stretch<'a>,
    pub lanes: [f64; LANES],
}

impl Loop for AddingPowers<'_> {
    type Output = [f64; LANES];

    #[inline(always)]
    fn run(self) -> [f64; LANES] {
        let Self { exponent, factors, stretch, mut lanes } = self;
        let mut gaps = [0.0; LANES];
        stretch.each_lane(|k, x, y| {
            gaps[k] = (x - y).abs() * factors[0] * factors[1];
            if k == LANES - 1 {
                for (lane, power) in lanes.iter_mut().zip(exponent.raise(gaps)) {
                    *lane += power;
                }
            }
        });
        lanes
    }
}

impl Stretch<'_> {
    /// Calls `each` with lane and values of every feature, in order; zeros are
    /// added to fill up the last lanes.
    #[inline(always)]
    fn each_lane(self, each: impl FnMut(usize, f64, f64)) {
        let Self { features, starts: [a, b], count, scale } = self;
        match features {
            // Twice as fast as by way of memory.
            [Features::F32(v), Features::F32(w)] if count == CHUNK => {
                each_of(&v[a..][..CHUNK], &w[b..][..CHUNK], scale, each);
            }
            [Features::F64(v), Features::F64(w)] if count == CHUNK => {
                each_of(&v[a..][..CHUNK], &w[b..][..CHUNK], scale, each);
            }
            _ => {
                let (mut v, mut w) = ([0.0; CHUNK], [0.0; CHUNK]);
                features[0].copy(a, &mut v[..count]);
                features[1].copy(b, &mut w[..count]);
                let filled = count.next_multiple_of(LANES);
                each_of(&v[..filled], &w[..filled], scale, each);
            }
        }
    }
}

/// Calls `each` with lane and values, times `scale`, of whole lanes.
#[inline(always)]
fn each_of<T: Copy + Into<f64>>(v: &[T], w: &[T], scale: f64, mut each: impl FnMut(usize, f64, f64)) {
    for (v, w) in v.as_chunks::<LANES>().0.iter().zip(w.as_chunks::<LANES>().0) {
        for k in 0..LANES {
            each(k, v[k].into() * scale, w[k].into() * scale);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        isa::Isa,
        separation::exact::{ExactSum, Power},
    };
    use proptest::prelude::*;

    /// The first `count` values of a storage of two chunks and as many of its
    /// second half.
    fn halves(features: &Features, count: usize, scale: f64) -> Stretch<'_> {
        Stretch { features: [features; 2], starts: [0, CHUNK], count, scale }
    }

    proptest! {
        #[test]
        fn all_instruction_sets_agree_with_the_definition(
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
                        let stretch = halves(&features, count, scale);
                        let lanes = isa.run(Gathering { what, stretch, lanes: [0.0; LANES] });
                        prop_assert_eq!(lanes, expected, "{:?} {:?}", isa, what);
                    }
                }
            }
        }

        #[test]
        fn powers_agree_with_the_definition(
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
            for isa in Isa::available() {
                let stretch = halves(&features, count, 0.5);
                let powers = AddingPowers { exponent: &exponent, factors: [0.25, 2.0], stretch, lanes: [0.0; LANES] };
                let lanes = isa.run(powers);
                prop_assert_eq!(lanes, expected, "{:?}", isa);
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
            let mut results = Vec::new();
            for isa in Isa::available() {
                let stretch = halves(&features, count, 1.0);
                let exact = isa.run(GatheringExactly { squares, stretch, lanes: [0.0; LANES] });
                prop_assert!(exact.is_some() || odd.is_some());
                if let Some(lanes) = exact {
                    let mut total = ExactSum::new();
                    lanes.iter().for_each(|&l| total.add(l));
                    let mut expected = ExactSum::new();
                    for k in 0..count {
                        let power = if squares { Power::Two } else { Power::One };
                        expected.add_difference(power, values[k], values[CHUNK + k]);
                    }
                    prop_assert!(total.compare(&expected).is_eq());
                }
                results.push(exact);
            }
            prop_assert!(results.windows(2).all(|w| w[0] == w[1]));
        }
    }
}
