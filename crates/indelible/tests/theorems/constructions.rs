//! Every construction: counts, guarantees at hostile points, Lipschitz
//! constants, and that all forms agree.

use crate::common::{
    F64, ball_points, binary, budget, build, certificate, certificate_of, dataset, random_dataset, separable,
    with_duplicates, with_names,
};
use indelible::{
    Budget, Dataset, Error, Norm, Precision, Radii, Silent,
    certify::Verdict,
    constructions::{Approximation, BuiltNetwork, Construction, Options, REGISTRY, yu2024_lp},
    network::{Head, Model, StoredNetwork, evaluate, predicted_class, size},
    separation::{nearest_enemies, separation},
};
use proptest::prelude::*;

/// Points of the ball with features at their minimum, and as far below it as
/// the ball reaches: where clipping acts.
fn below_minima(data: &Dataset, sample: usize, radius: f64, norm: Norm) -> Vec<Vec<f64>> {
    let (x, minima) = (data.row(sample), data.minima());
    let near: Vec<usize> = (0..x.len()).filter(|&j| x[j] - minima[j] <= radius / 2.0).collect();
    let mut points = vec![];
    for &j in &near {
        for at in [minima[j], minima[j].next_down(), x[j] - radius * (1.0 - 1e-12)] {
            let mut point = x.clone();
            point[j] = at;
            points.push(point);
        }
    }
    if norm == Norm::Linf {
        let low = |j: usize| if near.contains(&j) { x[j] - radius * (1.0 - 1e-12) } else { x[j] };
        points.push((0..x.len()).map(low).collect());
    }
    points
}

fn norms(construction: &Construction) -> impl Iterator<Item = Norm> {
    let others = construction.every_p.then_some([Norm::Lp(1.5), Norm::Lp(3.0)]);
    construction.norms.iter().copied().chain(others.into_iter().flatten())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Every construction, in every norm it serves, with every head: the right
    /// label at every point tried of every ball, from the layers and from the
    /// compact form.
    #[test]
    fn balls_are_memorized(
        any_data in random_dataset(10, 5, -3.0f64..3.0),
        two in binary(10, 5),
        // Ties, and many features at their minimum.
        grid in random_dataset(10, 3, prop::sample::select(vec![-1.0, -0.5, 0.0, 0.75])),
        source in 0..4,
        ratio in prop_oneof![Just(0.1), Just(0.5), Just(0.9), Just(0.99)],
        per_sample in any::<bool>(),
        scalar in any::<bool>(),
        single in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let data = match source {
            0 => any_data,
            1 => two,
            2 => grid,
            _ => with_duplicates(&any_data, 2),
        };
        let options = Options {
            head: if scalar { Head::Scalar } else { Head::Logits },
            precision: if single { Precision::F32 } else { Precision::F64 },
        };
        for construction in REGISTRY {
            for norm in norms(construction) {
                let found = separation(&data, norm, &Silent);
                if found.pair.is_none() || found.distance.lower < 1e-2 {
                    continue;
                }
                let budget = if per_sample {
                    Budget::per_sample(ratio, &nearest_enemies(&data, norm, &Silent))
                } else {
                    Budget::from_ratio(ratio, &found)
                }.unwrap();
                let network = match construction.build(&data, &budget, options) {
                    Ok(network) => {
                        prop_assert!(construction.serves(&data, &budget, options));
                        network
                    }
                    Err(Error::Unsuitable { .. }) => {
                        prop_assert!(!construction.serves(&data, &budget, options));
                        continue;
                    }
                    Err(Error::TooFine { .. }) if single => continue,
                    Err(other) => return Err(TestCaseError::fail(format!("{} {other}", construction.name))),
                };
                let counted = network.size();
                prop_assert_eq!(counted, size(network.as_ref()), "{} {} {:?}", construction.name, norm, options);
                let least = construction.at_least(&data, norm);
                prop_assert!(least.nonzero <= counted.nonzero, "{} {norm} {least:?} {counted:?}", construction.name);
                prop_assert!(least.all <= counted.all, "{} {norm} {least:?} {counted:?}", construction.name);
                let compact = network.compact().unwrap();
                let proof = certificate(&compact, &data, &budget);
                prop_assert!(
                    proof.holds() || single && proof.refuted == 0,
                    "{} {norm} {options:?} {:?}", construction.name, proof
                );
                let layers = (0..network.depth()).map(|l| network.layer(l)).collect();
                let dense = Model::Layers(StoredNetwork::new(options.precision, layers).unwrap());
                let proof = certificate(&dense, &data, &budget);
                prop_assert!(
                    proof.holds() || single && proof.refuted == 0,
                    "{} {norm} {options:?} {:?}", construction.name, proof
                );
                for sample in 0..data.samples() {
                    let radius = budget.radii().of(sample);
                    let mut points = ball_points(&data, sample, radius, norm, seed);
                    points.extend(below_minima(&data, sample, radius, norm));
                    let points = points.concat();
                    let mut all = vec![evaluate(network.as_ref(), &points).unwrap()];
                    all.push(compact.evaluate(&points).unwrap());
                    for outputs in all.iter().flat_map(|all| all.chunks(network.outputs())) {
                        prop_assert_eq!(
                            predicted_class(outputs, data.classes()), Some(data.labels()[sample]),
                            "{} {} {:?} {:?}", construction.name, norm, options, outputs
                        );
                    }
                }
            }
        }
    }

    /// The layers and the compact form of distances say the same everywhere
    /// above the minima; below, clipping moves both to the same point.
    #[test]
    fn forms_agree(data in random_dataset(12, 6, 0.0f64..1.0), seed in any::<u64>()) {
        prop_assume!(separable(&data));
        for construction in REGISTRY {
            for norm in norms(construction) {
                let budget = budget(&data, norm, 0.8);
                if !construction.serves(&data, &budget, F64) {
                    continue;
                }
                let network = construction.build(&data, &budget, F64).unwrap();
                let compact = network.compact().unwrap();
                let minima = data.minima();
                let points: Vec<f64> = (0..data.samples())
                    .flat_map(|i| ball_points(&data, i, 3.0, norm, seed))
                    .flat_map(|p| p.into_iter().zip(&minima).map(|(x, m)| x.max(*m)).collect::<Vec<_>>())
                    .collect();
                let dense = evaluate(network.as_ref(), &points).unwrap();
                let scan = compact.evaluate(&points).unwrap();
                for (a, b) in dense.iter().zip(&scan) {
                    prop_assert!((a - b).abs() <= 1e-6 * (1.0 + a.abs()), "{} {norm} {a} {b}", construction.name);
                }
            }
        }
    }

    /// Any real p > 1 with hinges; p = 2 with the sawtooth, whose size grows
    /// with the logarithm of 1/γ.
    #[test]
    fn powers_between(
        data in random_dataset(8, 4, 0.0f64..1.0),
        p in prop_oneof![Just(2.0), 1.2f64..5.0],
        ratio in 0.1f64..0.95,
        seed in any::<u64>(),
    ) {
        // In a norm p ≥ 2 (p ≤ 2) the Euclidean (sum) norm bounds distances.
        let found = separation(&data, Norm::Linf, &Silent);
        prop_assume!(found.pair.is_some() && found.distance.lower > 0.02);
        let budget = Budget::from_ratio(ratio, &found).unwrap();
        let kinds = [Approximation::Hinges, Approximation::Sawtooth];
        for kind in kinds.into_iter().take(if p == 2.0 { 2 } else { 1 }) {
            let network = yu2024_lp(&data, &budget, F64, p, kind).unwrap();
            for sample in 0..data.samples() {
                // A ball of the sum norm lies in every other.
                let points = ball_points(&data, sample, budget.radii().of(sample), Norm::L1, seed).concat();
                for outputs in evaluate(network.as_ref(), &points).unwrap().chunks(network.outputs()) {
                    prop_assert_eq!(predicted_class(outputs, data.classes()), Some(data.labels()[sample]));
                }
            }
        }
        prop_assert!(yu2024_lp(&data, &budget, F64, 3.0, Approximation::Sawtooth).is_err());
        prop_assert!(yu2024_lp(&data, &budget, F64, 1.0, Approximation::Hinges).is_err());
    }
}

#[test]
fn sawtooth_grows_with_the_logarithm() {
    let data = dataset(3, vec![0.0, 0.1, 0.2, 1.0, 0.9, 0.3, 0.5, 0.5, 0.6], vec![0, 1, 2]);
    let found = separation(&data, Norm::L2, &Silent);
    let sized = |ratio: f64, kind| {
        let budget = Budget::from_ratio(ratio, &found).unwrap();
        size(yu2024_lp(&data, &budget, F64, 2.0, kind).unwrap().as_ref())
    };
    let count = |ratio: f64, kind| sized(ratio, kind).nonzero as f64;
    // γ falls by 1,000: by log₄ 1000 ≈ 5 layers of at most 8n per sample; by √1000 ≈ 32 for hinges.
    let sawtooth = count(0.9999, Approximation::Sawtooth) - count(0.9, Approximation::Sawtooth);
    assert!(sawtooth <= 6.0 * 3.0 * (8.0 * 3.0 + 6.0), "{sawtooth}");
    // Features, both sides of every hinge of every feature, and the label.
    let hinges = |ratio: f64| (sized(ratio, Approximation::Hinges).width - 4) as f64 / 6.0;
    let growth = hinges(0.99999) / hinges(0.99);
    assert!((25.0..40.0).contains(&growth), "{growth}");
}

/// On the way between the closest pair the label changes in the middle only,
/// whatever the construction, at a budget within a millionth of the largest.
#[test]
fn the_whole_segment_is_right() {
    let values: Vec<f64> = (0..80).map(|i| f64::from((i * 29 + i * i * 7) % 97) / 97.0).collect();
    let data = dataset(4, values, (0..20).map(|i| usize::from(i % 3 == 0)).collect());
    for construction in REGISTRY {
        // Other powers would need millions of hinges so close to the limit.
        for &norm in construction.norms {
            let found = separation(&data, norm, &Silent);
            let (i, j) = found.pair.unwrap();
            let network =
                build(construction.name, &data, &Budget::from_ratio(1.0 - 1e-6, &found).unwrap(), F64);
            for (from, to) in [(i, j), (j, i)] {
                for share in [0.0, 0.2, 0.4, 0.49, 0.5 * (1.0 - 1e-6) * (1.0 - 1e-12)] {
                    let point: Vec<f64> =
                        data.row(from).iter().zip(data.row(to)).map(|(a, b)| a + share * (b - a)).collect();
                    let outputs = evaluate(network.as_ref(), &point).unwrap();
                    let expected = Some(data.labels()[from]);
                    assert_eq!(
                        predicted_class(&outputs, 2),
                        expected,
                        "{} {norm} {share}",
                        construction.name
                    );
                }
            }
        }
    }
}

fn dense(network: &dyn BuiltNetwork, precision: Precision) -> Model {
    let layers = (0..network.depth()).map(|l| network.layer(l)).collect();
    Model::Layers(StoredNetwork::new(precision, layers).unwrap())
}

/// Three classes of 18 samples, the first feature often at its minimum.
fn clouds(n: usize) -> Dataset {
    let value = |i: usize| {
        if i.is_multiple_of(n) && i.is_multiple_of(4) {
            0.0
        } else {
            ((i * 53 + i * i * 17) % 89) as f64 / 89.0
        }
    };
    dataset(n, (0..18 * n).map(value).collect(), (0..18).map(|i| i % 3).collect())
}

/// The dense network of every construction is certified on every ball close to
/// the largest budget, and on no pair of balls that meet.
#[test]
fn dense_networks_are_certified() {
    let data = clouds(5);
    let two = with_names(
        &dataset(5, (0..18).flat_map(|i| data.row(i)).collect(), (0..18).map(|i| i % 2).collect()),
        2,
    );
    for (data, construction) in [&data, &two]
        .into_iter()
        .flat_map(|data| REGISTRY.iter().map(move |construction| (data, construction)))
    {
        for (norm, head) in norms(construction).flat_map(|norm| [(norm, Head::Logits), (norm, Head::Scalar)])
        {
            for (ratio, precision) in [(0.9, Precision::F32), (0.9, Precision::F64), (0.99, Precision::F64)] {
                let options = Options { head, precision };
                let found = separation(data, norm, &Silent);
                let uniform = Budget::from_ratio(ratio, &found).unwrap();
                let each = Budget::per_sample(ratio, &nearest_enemies(data, norm, &Silent)).unwrap();
                for budget in [uniform, each] {
                    if !construction.serves(data, &budget, options) {
                        continue;
                    }
                    let network = build(construction.name, data, &budget, options);
                    let model = dense(network.as_ref(), precision);
                    let proof = certificate(&model, data, &budget);
                    assert!(proof.holds(), "{} {norm} {options:?} {ratio} {proof:?}", construction.name);
                    // Balls that meet cannot both be right.
                    let (i, j) = found.pair.unwrap();
                    let radii = Radii::Uniform(found.distance.upper / 2.0 * 1.001);
                    let verdicts = certificate_of(&model, data, norm, &radii).verdicts;
                    let right = |k: usize| matches!(verdicts[k], Verdict::Certified { .. });
                    assert!(!(right(i) && right(j)), "{} {norm} {options:?}", construction.name);
                }
            }
        }
    }
}

/// Where the curve ends at the largest difference that can occur, or at the
/// clearance, nothing but rounding is between it and the power there.
#[test]
fn rounding_at_the_end_of_the_curve_is_counted() {
    for (n, p) in
        [1, 2, 7].into_iter().flat_map(|n| [1.05, 1.5, 2.0, 3.0, 20.0, 400.0, 1000.0].map(|p| (n, p)))
    {
        let norm = Norm::lp(p).unwrap();
        for ratio in [0.01, 0.1, 0.5] {
            let values = (0..2 * n).map(|j| 0.4 + 0.5 / (1 + j) as f64).collect();
            let data = dataset(n, values, vec![0, 2]);
            let budget = Budget::from_ratio(ratio, &separation(&data, norm, &Silent)).unwrap();
            for precision in [Precision::F64, Precision::F32] {
                let options = Options { head: Head::Logits, precision };
                let network = match yu2024_lp(&data, &budget, options, p, Approximation::Hinges) {
                    Ok(network) => network,
                    Err(Error::TooFine { .. }) if precision == Precision::F32 || p > 100.0 => continue,
                    Err(error) => panic!("{n} {norm} {ratio} {precision:?} {error}"),
                };
                let proof = certificate(&network.compact().unwrap(), &data, &budget);
                assert!(proof.holds(), "{n} {norm} {ratio} {precision:?} {proof:?}");
            }
        }
    }
}

/// Between and beyond: the hinges for real p, certified in that norm.
#[test]
fn hinges_are_certified_for_real_exponents() {
    let data = clouds(3);
    for p in [1.5, 2.0, 3.0] {
        let norm = Norm::lp(p).unwrap();
        let budget = Budget::from_ratio(0.9, &separation(&data, norm, &Silent)).unwrap();
        let network = yu2024_lp(&data, &budget, F64, p, Approximation::Hinges).unwrap();
        for model in [dense(network.as_ref(), Precision::F64), network.compact().unwrap()] {
            let proof = certificate(&model, &data, &budget);
            assert!(proof.holds(), "{norm} {proof:?}");
        }
    }
}
