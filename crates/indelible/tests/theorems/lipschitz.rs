//! Lipschitz constants: the bound of the constructions that control it is the
//! constant, no pair of points exceeds any bound, and a pair attains it.

use crate::common::{dataset, hostile_value};
use indelible::{
    Budget, Dataset, Norm, Precision, Silent,
    certify::{lipschitz_bound, steepest_pair},
    constructions::{Construction, Options, REGISTRY},
    network::{Head, LayerBuilder, Model, StoredNetwork},
    number::random::Random,
    separation::separation,
};
use proptest::prelude::*;

const F64: Options = Options { head: Head::Logits, precision: Precision::F64 };

fn size(difference: impl Iterator<Item = f64>, norm: Norm) -> f64 {
    match norm {
        Norm::L1 => difference.map(f64::abs).sum(),
        Norm::L2 => difference.map(|d| d * d).sum::<f64>().sqrt(),
        _ => difference.map(f64::abs).fold(0.0, f64::max),
    }
}

/// One point of a pair: random, on the way between samples, the corner of a
/// ball, a kink (some features equal to a sample's), or with features at and
/// below their minima.
fn point(data: &Dataset, radius: f64, random: &mut Random) -> Vec<f64> {
    let (x, y) = (data.row(random.below(data.samples())), data.row(random.below(data.samples())));
    let kind = random.below(6);
    let share = random.unit();
    let minima = data.minima();
    (0..x.len())
        .map(|j| match kind {
            0 => random.unit() * 1.6 - 0.3,
            1 => x[j] + share * (y[j] - x[j]),
            2 => x[j] + if random.below(2) == 0 { radius } else { -radius },
            3 if random.below(2) == 0 => y[j],
            3 => x[j],
            4 => match random.below(3) {
                0 => minima[j],
                1 => minima[j] - random.unit(),
                _ => x[j],
            },
            _ => x[j] + radius * (2.0 * random.unit() - 1.0),
        })
        .collect()
}

/// A point anywhere, or a small step from another: along one feature, all, or
/// some.
fn other(data: &Dataset, from: &[f64], radius: f64, random: &mut Random) -> Vec<f64> {
    if random.below(3) == 0 {
        return point(data, radius, random);
    }
    let (kind, step) = (random.below(3), radius * 0.1f64.powf(4.0 * random.unit()));
    let feature = random.below(from.len());
    from.iter()
        .enumerate()
        .map(|(j, &v)| match kind {
            0 if j == feature => v + step,
            0 => v,
            1 => v + if random.below(2) == 0 { step } else { -step },
            _ => v + step * (2.0 * random.unit() - 1.0),
        })
        .collect()
}

fn dense(network: &dyn indelible::constructions::BuiltNetwork, precision: Precision) -> Model {
    let layers = (0..network.depth()).map(|l| network.layer(l)).collect();
    Model::Layers(StoredNetwork::new(precision, layers).unwrap())
}

fn samples(n: usize, count: usize, classes: usize) -> Dataset {
    let values: Vec<f64> = (0..n * count).map(|i| ((i * 37 + i * i * 11) % 101) as f64 / 100.0).collect();
    dataset(
        n,
        values,
        (0..count).map(|i| usize::from(i % 3 == 0) + 2 * usize::from(classes > 2 && i % 4 == 1)).collect(),
    )
}

/// Constructions with a known constant, in the norm they are built for.
fn known(data: &Dataset) -> Vec<(&'static str, Norm, f64)> {
    let slope = |norm| 2.0 / separation(data, norm, &Silent).distance.lower;
    let lengths = (0..data.samples()).map(|i| size(data.row(i).into_iter(), Norm::L2));
    let mut all = vec![
        ("lipschitz", Norm::Linf, slope(Norm::Linf)),
        ("lipschitz", Norm::L1, slope(Norm::L1)),
        ("nearest", Norm::Linf, 1.0),
        ("nearest", Norm::L1, 1.0),
        ("nearest", Norm::L2, lengths.fold(0.0, f64::max)),
    ];
    if data.classes() == 2 {
        all.push(("yu2024-lipschitz", Norm::Linf, slope(Norm::Linf)));
    }
    // All that the registry says so of, in every norm that they serve.
    let served = |construction: &&Construction| construction.labels.include(data.classes());
    for construction in REGISTRY.iter().filter(|c| c.tight_lipschitz).filter(served) {
        for norm in construction.norms {
            assert!(all.iter().any(|(name, known, _)| (*name, known) == (construction.name, norm)));
        }
    }
    all
}

/// The bound is the constant, for layers and the compact form, in both
/// formats; the pair that is found attains it to 1e-6.
#[test]
fn the_constant_is_known_and_attained() {
    for (n, count, classes) in [(5, 12, 2), (1, 6, 2), (7, 14, 4), (33, 20, 2), (13, 16, 4)] {
        let data = samples(n, count, classes);
        for (name, norm, constant) in known(&data) {
            let budget = Budget::from_ratio(0.5, &separation(&data, norm, &Silent)).unwrap();
            for precision in [Precision::F32, Precision::F64] {
                let options = Options { head: Head::Logits, precision };
                let network = Construction::named(name).unwrap().build(&data, &budget, options).unwrap();
                for model in [dense(network.as_ref(), precision), network.compact().unwrap()] {
                    let bound = lipschitz_bound(&model, norm);
                    // Samples are rounded to the format.
                    let close = 1e-12 + 2.0 * precision.unit_roundoff();
                    assert!((bound / constant - 1.0).abs() <= close, "{name} {norm} {bound} {constant}");
                    let pair = steepest_pair(&model, norm, &data, f64::INFINITY).unwrap().unwrap();
                    assert!(pair.slope <= bound);
                    // Whatever is found first will do where it is enough.
                    let first = steepest_pair(&model, norm, &data, 0.5 * bound).unwrap().unwrap();
                    assert!(first.slope >= 0.5 * bound && first.slope <= pair.slope);
                    assert!(pair.slope >= bound * (1.0 - 1e-6), "{name} {norm} {n} {} {bound}", pair.slope);
                    // The network itself says so, in its own arithmetic.
                    let outputs = model.evaluate(&[pair.from.clone(), pair.to.clone()].concat()).unwrap();
                    let count = outputs.len() / 2;
                    let rise = (outputs[pair.output] - outputs[count + pair.output]).abs();
                    let distance = size(pair.from.iter().zip(&pair.to).map(|(a, b)| a - b), norm);
                    let rounding = if precision == Precision::F32 { 1e-4 } else { 1e-6 };
                    assert!((rise / distance - bound).abs() <= rounding * bound, "{name} {norm} {precision}");
                }
            }
        }
    }
}

/// A million pairs for each network with a known constant.
#[test]
fn no_pair_of_a_million_exceeds_the_constant() {
    let mut random = Random::new(7);
    for data in [samples(3, 8, 2), samples(3, 8, 4)] {
        let two = data.classes() == 2;
        for (name, norm, constant) in
            known(&data).into_iter().filter(|(_, norm, _)| two == (*norm != Norm::L1))
        {
            let found = separation(&data, norm, &Silent);
            let network = Construction::named(name)
                .unwrap()
                .build(&data, &Budget::from_ratio(0.5, &found).unwrap(), F64)
                .unwrap();
            let model = dense(network.as_ref(), Precision::F64);
            let (n, l) = (data.features(), data.classes());
            let mut steepest = 0.0_f64;
            let (rounds, pairs) = (10, 100_000);
            for _ in 0..rounds {
                let mut points = Vec::with_capacity(2 * n * pairs);
                for _ in 0..pairs {
                    let from = point(&data, found.distance.lower / 2.0, &mut random);
                    let to = other(&data, &from, found.distance.lower / 2.0, &mut random);
                    points.extend(from);
                    points.extend(to);
                }
                let outputs = model.evaluate(&points).unwrap();
                for (x, y) in points.chunks(2 * n).zip(outputs.chunks(2 * l)) {
                    let distance = size((0..n).map(|j| x[j] - x[n + j]), norm);
                    for c in 0..l {
                        let rise = (y[c] - y[l + c]).abs();
                        assert!(rise <= constant * distance * (1.0 + 1e-12) + 1e-13, "{name} {norm}: {x:?}");
                        if distance > 1e-3 {
                            steepest = steepest.max(rise / distance);
                        }
                    }
                }
            }
            assert!(steepest >= 0.9 * constant, "{name} {norm}: the pairs were not hostile: {steepest}");
        }
    }
}

/// Bounds of all constructions, layers and compact form, in all norms, against
/// pairs of points.
#[test]
fn bounds_hold_for_every_construction() {
    let data = samples(4, 8, 2);
    let mut random = Random::new(3);
    for construction in REGISTRY {
        for &built_for in construction.norms {
            let found = separation(&data, built_for, &Silent);
            let network = construction.build(&data, &Budget::from_ratio(0.8, &found).unwrap(), F64).unwrap();
            let layers = dense(network.as_ref(), Precision::F64);
            let forms: Vec<Model> = std::iter::once(layers).chain(network.compact().ok()).collect();
            let points: Vec<Vec<f64>> = (0..2_000)
                .flat_map(|_| {
                    let from = point(&data, found.distance.lower / 2.0, &mut random);
                    let to = other(&data, &from, found.distance.lower / 2.0, &mut random);
                    [from, to]
                })
                .collect();
            for model in &forms {
                let outputs = model.evaluate(&points.concat()).unwrap();
                let l = model.outputs();
                for norm in [Norm::L1, Norm::L2, Norm::Linf] {
                    let bound = lipschitz_bound(model, norm);
                    assert!(bound.is_finite());
                    for (x, y) in points.chunks(2).zip(outputs.chunks(2 * l)) {
                        let distance = size(x[0].iter().zip(&x[1]).map(|(a, b)| a - b), norm);
                        for c in 0..l {
                            let rise = (y[c] - y[l + c]).abs();
                            assert!(rise <= bound * distance + 1e-9 * bound, "{} {norm}", construction.name);
                        }
                    }
                    let pair = steepest_pair(model, norm, &data, f64::INFINITY).unwrap().unwrap();
                    assert!(pair.slope > 0.0 && pair.slope <= bound, "{} {norm}", construction.name);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Any network, hostile weights: what a pair of points shows in real
    /// arithmetic never exceeds the bound.
    #[test]
    fn no_network_is_steeper_than_its_bound(
        weights in prop::collection::vec(hostile_value(), 60),
        zeros in any::<u64>(),
        values in prop::collection::vec(hostile_value(), 6),
        norm in prop::sample::select(vec![Norm::L1, Norm::L2, Norm::Linf, Norm::Lp(1.5), Norm::Lp(3.0)]),
    ) {
        let mut numbers = weights.into_iter().enumerate().map(|(i, w)| if zeros >> i & 1 == 1 { 0.0 } else { w });
        let mut inputs = 2;
        let layers = [3, 4, 2]
            .into_iter()
            .map(|outputs| {
                let mut layer = LayerBuilder::new(inputs);
                for _ in 0..outputs {
                    for column in 0..inputs {
                        layer.weight(column, numbers.next().unwrap_or(1.0));
                    }
                    layer.bias(numbers.next().unwrap_or(0.0));
                }
                inputs = outputs;
                layer.finish()
            })
            .collect();
        let network = StoredNetwork::new(Precision::F64, layers).unwrap();
        let model = Model::Layers(network);
        let data = dataset(2, values, vec![0, 1, 0]);
        let bound = lipschitz_bound(&model, norm);
        prop_assert!(!bound.is_nan() && bound >= 0.0);
        if let Some(pair) = steepest_pair(&model, norm, &data, f64::INFINITY).unwrap() {
            prop_assert!(pair.slope <= bound, "{pair:?} {bound}");
        }
    }
}
