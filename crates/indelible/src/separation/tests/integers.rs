//! Searches of samples whose features are integers times a power of two, so
//! that 128-bit integers settle every distance: nothing of what is tested
//! takes part in what it is compared with.

use proptest::prelude::*;

use super::dataset;
use crate::{
    Dataset, Features, Norm, Silent,
    isa::Isa,
    number::random::Random,
    separation::{Closest, Nearest, Pairs, Within, dispatch::dispatch, relation::Relation, search::Search},
};

/// How features are stored.
#[derive(Clone, Copy, Debug)]
enum Storage {
    /// Codes of the integers 0 to 255.
    Integers,
    /// Codes of `k/255`, rounded.
    Units,
    /// Codes of cubes times a power of two.
    Cubes(i32),
    /// Integers times a power of two.
    Singles(i32),
    Doubles(i32),
}

/// What samples look like.
#[derive(Clone, Copy, Debug)]
enum Shape {
    /// Features take so many values.
    Noise(u64),
    /// Equal in all features but one.
    OneFeature,
    /// Sample k differs from all others in feature k.
    Simplex,
    /// Few points, again and again.
    Duplicates(u64),
    /// Samples near a line, one of them far away.
    Outlier,
}

fn power(exponent: i32) -> f64 {
    2f64.powi(exponent / 2) * 2f64.powi(exponent - exponent / 2)
}

/// Features as integers, row after row, and a dataset of them.
fn samples(
    storage: Storage,
    shape: Shape,
    (count, width): (usize, usize),
    seed: u64,
) -> (Vec<i64>, Features) {
    let mut random = Random::new(seed);
    // Positions among the numbers that the storage has.
    let most: u64 = match storage {
        Storage::Integers | Storage::Units | Storage::Cubes(_) => 256,
        Storage::Singles(_) => 1 << 24,
        Storage::Doubles(_) => 1 << 31,
    };
    let points: Vec<u64> = (0..16 * width).map(|_| random.next() % most).collect();
    let column = random.below(width);
    let mut places = Vec::with_capacity(count * width);
    for i in 0..count {
        let origin = random.next() % most;
        for f in 0..width {
            places.push(match shape {
                Shape::Noise(values) => random.next() % values * ((most - 1) / (values - 1).max(1)) % most,
                Shape::OneFeature if f == column => random.next() % most,
                Shape::OneFeature => most / 3,
                Shape::Simplex => {
                    if f == i % width {
                        most - 1
                    } else {
                        0
                    }
                }
                Shape::Duplicates(of) => points[(origin % of.min(16)) as usize * width + f],
                Shape::Outlier if i == 1 => most - 1,
                Shape::Outlier => (origin / 64 + random.next() % 3) % most,
            });
        }
    }
    let codes: Vec<u8> = places.iter().map(|&p| (p % 256) as u8).collect();
    let signed = |p: u64| p as i64 - (most / 2) as i64;
    let integers: Vec<i64> = match storage {
        Storage::Integers => codes.iter().map(|&c| i64::from(c)).collect(),
        Storage::Units => {
            codes.iter().map(|&c| (f64::from(f32::from(c) / 255.0) * power(40)) as i64).collect()
        }
        Storage::Cubes(_) => codes.iter().map(|&c| (2 * i64::from(c) - 255).pow(3)).collect(),
        Storage::Singles(_) | Storage::Doubles(_) => places.iter().map(|&p| signed(p)).collect(),
    };
    let features = match storage {
        Storage::Integers => Features::integer_codes(codes.into()),
        Storage::Units => Features::unit_codes(codes.into()),
        Storage::Cubes(e) => {
            let levels = (0..256).map(|c| f64::from((2 * c - 255i32).pow(3)) * power(e)).collect();
            Features::Coded { codes: codes.into(), levels }
        }
        Storage::Singles(e) => {
            let value = |&m: &i64| (m as f64 * power(e)) as f32;
            Features::F32(integers.iter().map(value).collect::<Vec<_>>().into())
        }
        Storage::Doubles(e) => {
            let value = |&m: &i64| m as f64 * power(e);
            Features::F64(integers.iter().map(value).collect::<Vec<_>>().into())
        }
    };
    (integers, features)
}

/// A number that orders distances in a norm exactly: the distance or its power.
fn measure(norm: Norm, a: &[i64], b: &[i64]) -> i128 {
    let gaps = a.iter().zip(b).map(|(a, b)| i128::from((a - b).abs()));
    match norm {
        Norm::Linf => gaps.max().unwrap_or(0),
        Norm::L1 => gaps.sum(),
        Norm::L2 | Norm::Lp(_) => gaps.map(|g| g * g).sum(),
    }
}

/// All that is asked of a dataset: the closest pair, the nearest enemies, and
/// the pairs within a radius, as indices.
type Answers = (Option<(usize, usize)>, Vec<Vec<usize>>, (u64, Vec<(usize, usize)>));

fn found(isa: Isa, data: &Dataset, norm: Norm, per_query: usize, radius: f64) -> Answers {
    fn run<T: Search>(isa: Isa, data: &Dataset, relation: &Relation, norm: Norm, search: T) -> T::Output {
        dispatch(isa, (data, data), relation, norm, search)
    }
    let progress = &Silent;
    let closest = run(isa, data, &Relation::once(data, Pairs::Enemies), norm, Closest(progress));
    let nearest = run(isa, data, &Relation::within(data), norm, Nearest { per_query, progress });
    let within = Within { radius, keep: 7, progress };
    let (pairs, listed) = run(isa, data, &Relation::once(data, Pairs::All), norm, within);
    (
        closest.map(|(_, i, j)| (i, j)),
        nearest.chunks(per_query).map(|n| n.iter().flatten().map(|n| n.index).collect()).collect(),
        (pairs, listed.into_iter().map(|(i, j, _)| (i, j)).collect()),
    )
}

fn expected(rows: &[&[i64]], labels: &[usize], norm: Norm, per_query: usize, reach: i128) -> Answers {
    let count = rows.len();
    let mut closest: Option<(i128, usize, usize)> = None;
    let (mut pairs, mut listed) = (0, Vec::new());
    let mut nearest = vec![Vec::new(); count];
    for i in 0..count {
        let mut near: Vec<(i128, usize)> = Vec::new();
        for j in (0..count).filter(|&j| j != i) {
            let distance = measure(norm, rows[i], rows[j]);
            if labels[i] != labels[j] {
                near.push((distance, j));
                if i < j && closest.is_none_or(|(d, ..)| distance < d) {
                    closest = Some((distance, i, j));
                }
            }
            if i < j && distance <= reach {
                pairs += 1;
                if listed.len() < 7 {
                    listed.push((i, j));
                }
            }
        }
        near.sort_unstable();
        nearest[i] = near.into_iter().take(per_query).map(|(_, j)| j).collect();
    }
    (closest.map(|(_, i, j)| (i, j)), nearest, (pairs, listed))
}

fn storages() -> impl Strategy<Value = Storage> {
    prop_oneof![
        Just(Storage::Integers),
        Just(Storage::Units),
        prop_oneof![Just(0), Just(-1074), Just(-300), Just(1000), Just(999)].prop_map(Storage::Cubes),
        // Denormal numbers, and some about 1.7e38, whose squares overflow.
        prop_oneof![Just(0), Just(-149), Just(-140), Just(104)].prop_map(Storage::Singles),
        prop_oneof![Just(0), Just(-1074), Just(-550), Just(500), Just(992), Just(993)]
            .prop_map(Storage::Doubles),
    ]
}

fn shapes() -> impl Strategy<Value = Shape> {
    prop_oneof![
        prop_oneof![Just(2u64), Just(3), Just(200)].prop_map(Shape::Noise),
        Just(Shape::OneFeature),
        Just(Shape::Simplex),
        (1u64..16).prop_map(Shape::Duplicates),
        Just(Shape::Outlier),
    ]
}

/// Samples and features: of every size, but not both large.
fn sizes() -> impl Strategy<Value = (usize, usize)> {
    prop_oneof![(1usize..40, 1usize..2000), (1usize..300, 1usize..40), (250usize..600, 1usize..4)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn searches_agree_with_integers(
        storage in storages(),
        shape in shapes(),
        size in sizes(),
        classes in prop_oneof![Just(1usize), Just(2), Just(7), Just(1000)],
        lonely in any::<bool>(),
        per_query in prop_oneof![Just(1usize), 2usize..5, Just(700)],
        seed in any::<u64>(),
    ) {
        let (integers, features) = samples(storage, shape, size, seed);
        let mut random = Random::new(!seed);
        let labels: Vec<usize> = if lonely {
            (0..size.0).map(|i| usize::from(i == size.0 / 2)).collect()
        } else {
            (0..size.0).map(|_| random.below(classes)).collect()
        };
        let data = dataset(features, size.1, labels.clone());
        let rows: Vec<&[i64]> = integers.chunks(size.1).collect();
        let isas = Isa::available();
        let isa = isas[seed as usize % isas.len()];
        for norm in [Norm::Linf, Norm::L1, Norm::L2] {
            // A radius that some distance has, if it has no root to be rounded.
            let exponent = match storage {
                Storage::Integers => 0,
                Storage::Units => -40,
                Storage::Cubes(e) | Storage::Singles(e) | Storage::Doubles(e) => e,
            };
            let some = measure(norm, rows[0], rows[size.0 / 3]);
            let root = some.unsigned_abs().isqrt() as i128;
            let (reach, scaled) = if norm == Norm::L2 { (root * root, root) } else { (some, some) };
            // Both exact: integers below 2^53 times powers of two.
            let mut radius = scaled as f64 * power(exponent);
            let mut reach = reach;
            if radius == f64::INFINITY {
                // The largest number there is, (2^53 − 1)·2^971, in the same units.
                radius = f64::MAX;
                let most = (1i128 << 53) - 1;
                let shift = exponent - 971;
                reach = if norm == Norm::L2 { (most * most) >> (2 * shift) } else { most >> shift };
            }
            let answers = found(isa, &data, norm, per_query, radius);
            prop_assert_eq!(answers, expected(&rows, &labels, norm, per_query, reach), "{} {:?}", norm, isa);
        }
    }
}
