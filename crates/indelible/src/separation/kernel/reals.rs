//! Distances of real samples, rounded, over a range of features: the same
//! operations in the same order on every instruction set, so that the results
//! are the same bits.

use crate::{
    dataset::Features,
    isa::{Isa, Loop},
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

/// Gathers the differences of a stretch into `lanes`: lane `k` gets the
/// features `k` modulo their number, in order.
#[inline]
pub fn gather(isa: Isa, what: Gather, stretch: Stretch, lanes: &mut [f64; LANES]) {
    isa.run(Gathering { what, stretch, lanes });
}

struct Gathering<'a> {
    what: Gather,
    stretch: Stretch<'a>,
    lanes: &'a mut [f64; LANES],
}

impl Loop for Gathering<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        // A copy, which no other reference can reach, stays in registers.
        let mut lanes = *self.lanes;
        let what = self.what;
        self.stretch.each_lane(|k, x, y| {
            let gap = (x - y).abs();
            let lane = &mut lanes[k];
            match what {
                Gather::Largest => *lane = if gap > *lane { gap } else { *lane },
                Gather::Sum => *lane += gap,
                Gather::Squares => *lane += gap * gap,
            }
        });
        *self.lanes = lanes;
    }
}

/// Does as [`gather`] does for sums, and says whether nothing was rounded. What
/// is in `lanes` is of use only then.
#[inline]
pub fn gather_exactly(isa: Isa, squares: bool, stretch: Stretch, lanes: &mut [f64; LANES]) -> bool {
    isa.run(GatheringExactly { squares, stretch, lanes })
}

struct GatheringExactly<'a> {
    squares: bool,
    stretch: Stretch<'a>,
    lanes: &'a mut [f64; LANES],
}

impl Loop for GatheringExactly<'_> {
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        let mut lanes = *self.lanes;
        // Whatever was lost, as bits: errors of sums, and roots that have more than
        // 26 bits or are so small that their squares underflow.
        let mut lost = [0u64; LANES];
        let squares = self.squares;
        self.stretch.each_lane(|k, x, y| {
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
        *self.lanes = lanes;
        lost.iter().fold(0, |all, l| all | l) == 0 && lanes.iter().all(|l| l.is_finite())
    }
}

/// Adds the powers of the differences of a stretch, times two factors, to
/// `lanes`; see [`gather`].
#[inline]
pub fn add_powers(
    isa: Isa,
    exponent: &Exponent,
    factors: [f64; 2],
    stretch: Stretch,
    lanes: &mut [f64; LANES],
) {
    isa.run(AddingPowers { exponent, factors, stretch, lanes });
}

struct AddingPowers<'a> {
    exponent: &'a Exponent,
    factors: [f64; 2],
    stretch: Stretch<'a>,
    lanes: &'a mut [f64; LANES],
}

impl Loop for AddingPowers<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { exponent, factors, .. } = self;
        let mut lanes = *self.lanes;
        let mut gaps = [0.0; LANES];
        self.stretch.each_lane(|k, x, y| {
            gaps[k] = (x - y).abs() * factors[0] * factors[1];
            if k == LANES - 1 {
                for (lane, power) in lanes.iter_mut().zip(exponent.raise(gaps)) {
                    *lane += power;
                }
            }
        });
        *self.lanes = lanes;
    }
}

impl Stretch<'_> {
    /// Calls `each` with lane and values of every feature, in order; zeros are
    /// added to fill up the last lanes.
    #[inline(always)]
    fn each_lane(self, mut each: impl FnMut(usize, f64, f64)) {
        let Self { features, starts, count, scale } = self;
        match features {
            // Twice as fast as by way of memory.
            [Features::F32(v), Features::F32(w)] if count == CHUNK => {
                let (v, w) = (&v[starts[0]..][..CHUNK], &w[starts[1]..][..CHUNK]);
                for (v, w) in v.as_chunks::<LANES>().0.iter().zip(w.as_chunks::<LANES>().0) {
                    for k in 0..LANES {
                        each(k, f64::from(v[k]) * scale, f64::from(w[k]) * scale);
                    }
                }
            }
            [Features::F64(v), Features::F64(w)] if count == CHUNK => {
                let (v, w) = (&v[starts[0]..][..CHUNK], &w[starts[1]..][..CHUNK]);
                for (v, w) in v.as_chunks::<LANES>().0.iter().zip(w.as_chunks::<LANES>().0) {
                    for k in 0..LANES {
                        each(k, v[k] * scale, w[k] * scale);
                    }
                }
            }
            [a, b] => {
                let (mut v, mut w) = ([0.0; CHUNK], [0.0; CHUNK]);
                decode(a, starts[0], scale, &mut v[..count]);
                decode(b, starts[1], scale, &mut w[..count]);
                let filled = count.next_multiple_of(LANES);
                let (v, w) = (v[..filled].as_chunks::<LANES>().0, w[..filled].as_chunks::<LANES>().0);
                for (v, w) in v.iter().zip(w) {
                    for k in 0..LANES {
                        each(k, v[k], w[k]);
                    }
                }
            }
        }
    }
}

/// Values of a storage from `start` on, times `scale`.
#[inline(always)]
fn decode(features: &Features, start: usize, scale: f64, out: &mut [f64]) {
    let range = start..start + out.len();
    match features {
        Features::Coded { codes, levels } => {
            for (o, &c) in out.iter_mut().zip(&codes[range]) {
                *o = levels[usize::from(c)] * scale;
            }
        }
        Features::F32(values) => {
            for (o, &v) in out.iter_mut().zip(&values[range]) {
                *o = f64::from(v) * scale;
            }
        }
        Features::F64(values) => {
            for (o, &v) in out.iter_mut().zip(&values[range]) {
                *o = v * scale;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::separation::exact::ExactSum;
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
                        let mut lanes = [0.0; LANES];
                        gather(isa, what, halves(&features, count, scale), &mut lanes);
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
                let mut lanes = [0.0; LANES];
                add_powers(isa, &exponent, [0.25, 2.0], halves(&features, count, 0.5), &mut lanes);
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
                let mut lanes = [0.0; LANES];
                let exact = gather_exactly(isa, squares, halves(&features, count, 1.0), &mut lanes);
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
