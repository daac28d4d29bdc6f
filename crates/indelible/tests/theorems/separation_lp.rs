//! Separation in `lp` for real p against powers of the mathematical library.

use indelible::{
    Dataset, Features, Norm, Silent,
    separation::{Pairs, nearest_enemies, pairs_within, separation},
};
use proptest::prelude::*;

/// `‖x‖_p` by way of the largest difference, so that nothing overflows.
fn distance(data: &Dataset, p: f64, i: usize, j: usize) -> f64 {
    let gaps: Vec<f64> = data.row(i).iter().zip(data.row(j)).map(|(a, b)| (a - b).abs()).collect();
    let largest = gaps.iter().copied().fold(0.0, f64::max);
    if largest == 0.0 {
        return 0.0;
    }
    largest * gaps.iter().map(|g| (g / largest).powf(p)).sum::<f64>().powf(1.0 / p)
}

fn check(data: &Dataset, p: f64) -> Result<(), TestCaseError> {
    let norm = Norm::lp(p).expect("an exponent");
    let found = nearest_enemies(data, norm, &Silent);
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-11 * b + 2.0 * f64::from_bits(1);
    let mut closest = f64::INFINITY;
    for i in 0..data.samples() {
        let enemies = (0..data.samples()).filter(|&j| data.labels()[i] != data.labels()[j]);
        let least = enemies.map(|j| distance(data, p, i, j)).fold(f64::INFINITY, f64::min);
        closest = closest.min(least);
        let enclosure = found.distances[i];
        prop_assert!(enclosure.lower <= enclosure.upper);
        match found.indices[i] {
            None => prop_assert_eq!(enclosure.lower, f64::INFINITY),
            Some(j) => {
                prop_assert!(near(enclosure.lower, least), "{:?} {}", enclosure, least);
                prop_assert!(near(enclosure.upper, least), "{:?} {}", enclosure, least);
                prop_assert!(near(distance(data, p, i, j), least));
                prop_assert_ne!(data.labels()[i], data.labels()[j]);
            }
        }
    }
    let lambda = separation(data, norm, &Silent);
    if let Some((i, j)) = lambda.pair {
        prop_assert!(near(lambda.distance.upper, closest) && near(distance(data, p, i, j), closest));
        let close =
            pairs_within(data, norm, lambda.distance.upper, Pairs::Enemies, 10, &Silent).expect("a radius");
        prop_assert!(close.pairs.iter().any(|c| c.pair == (i, j)) || close.count > 10);
        let smaller = lambda.distance.lower * (1.0 - 1e-9);
        let none = pairs_within(data, norm, smaller, Pairs::Enemies, 10, &Silent).expect("a radius");
        prop_assert!(none.count == 0 || closest == 0.0 || closest < 1e-310);
    }
    Ok(())
}

fn exponents() -> impl Strategy<Value = f64> {
    prop_oneof![Just(3.0), Just(1.5), Just(4.0), 1.0000001f64..30.0, Just(1000.0)]
}

fn names() -> Vec<String> {
    vec!["a".into(), "b".into(), "c".into()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn reals(
        p in exponents(),
        width in 1usize..20,
        values in prop::collection::vec(-3i32..=3, 20 * 20),
        noise in prop::collection::vec(-1.0f64..1.0, 20 * 20),
        scale in prop_oneof![Just(1.0), Just(1e-320), Just(1e300), Just(2f64.powi(-149))],
        amount in prop_oneof![Just(0.0), Just(1.0)],
    ) {
        let samples = values.len() / width;
        let samples = samples.min(20);
        let data: Vec<f64> =
            values.iter().zip(&noise).take(samples * width).map(|(&v, n)| (f64::from(v) + amount * n) * scale).collect();
        let labels = (0..samples).map(|i| (i * i) % 3).collect();
        check(&Dataset::new(Features::F64(data.into()), width, labels, names()).expect("sound data"), p)?;
    }

    #[test]
    fn codes(p in exponents(), width in 1usize..20, codes in prop::collection::vec(any::<u8>(), 20 * 20), unit in any::<bool>()) {
        let samples = (codes.len() / width).min(20);
        let codes = codes[..samples * width].to_vec().into();
        let features = if unit { Features::unit_codes(codes) } else { Features::integer_codes(codes) };
        let labels = (0..samples).map(|i| (i * i) % 3).collect();
        check(&Dataset::new(features, width, labels, names()).expect("sound data"), p)?;
    }

    #[test]
    fn small_integers_are_ordered_exactly(codes in prop::collection::vec(0u8..4, 60), integer in any::<bool>()) {
        let labels: Vec<usize> = (0..20).map(|i| i % 2).collect();
        let features = if integer {
            Features::integer_codes(codes.clone().into())
        } else {
            Features::F32(codes.iter().map(|&c| f32::from(c)).collect::<Vec<_>>().into())
        };
        let data = Dataset::new(features, 3, labels.clone(), names()).expect("sound data");
        let found = nearest_enemies(&data, Norm::Lp(3.0), &Silent);
        for i in 0..20 {
            let cubes = |j: usize| (0..3).map(|f| u32::from(codes[3 * i + f].abs_diff(codes[3 * j + f])).pow(3)).sum::<u32>();
            let expected = (0..20).filter(|&j| labels[i] != labels[j]).min_by_key(|&j| cubes(j));
            prop_assert_eq!(found.indices[i], expected);
        }
    }
}
