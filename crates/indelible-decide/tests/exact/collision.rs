//! Refuting narrow networks, and the data on which they must fail.

use indelible::{
    Dataset, Features, Norm, Precision, Silent,
    bounds::necessary_width,
    network::{Layer, LayerBuilder, Network, StoredNetwork, evaluate, predicted_class},
};
use indelible_decide::{Collision, find_collision, witness::basis};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};

/// A network of random weights with the given widths, from the features to
/// one output.
fn network(widths: &[usize], weights: &mut impl FnMut() -> f64, precision: Precision) -> StoredNetwork {
    let layer = |inputs: usize, outputs: usize, weights: &mut dyn FnMut() -> f64| -> Layer {
        let mut layer = LayerBuilder::new(inputs);
        for _ in 0..outputs {
            for column in 0..inputs {
                layer.weight(column, precision.round(weights()));
            }
            layer.bias(precision.round(weights()));
        }
        layer.finish()
    };
    let layers = widths.windows(2).map(|w| layer(w[0], w[1], weights)).collect();
    StoredNetwork::new(precision, layers).unwrap()
}

fn run(network: &StoredNetwork, data: &Dataset, norm: Norm, radius: f64) -> Option<Collision> {
    let classes: Vec<usize> = (0..data.classes()).collect();
    find_collision(network, data, &classes, data.classes(), norm, radius, &Silent).expect("matching sizes")
}

fn size(norm: Norm, a: &[f64], b: &[f64]) -> f64 {
    let gaps = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    match norm {
        Norm::L1 => gaps.sum(),
        Norm::L2 => gaps.map(|g| g * g).sum::<f64>().sqrt(),
        Norm::Linf => gaps.fold(0.0, f64::max),
        Norm::Lp(p) => gaps.map(|g| g.powf(p)).sum::<f64>().powf(1.0 / p),
    }
}

/// What a collision claims, checked from outside.
fn check(found: &Collision, network: &StoredNetwork, data: &Dataset, norm: Norm, radius: f64) {
    let [i, j] = found.samples;
    assert_ne!(data.labels()[i], data.labels()[j]);
    for (k, &sample) in found.samples.iter().enumerate() {
        assert!(size(norm, &found.points[k], &data.row(sample)) <= radius * (1.0 + 1e-12));
        assert!(found.points[k].iter().all(|&x| network.precision().holds(x)));
        let outputs = evaluate(network, &found.points[k]).expect("one row");
        assert_eq!(predicted_class(&outputs, data.classes()), found.predicted[k]);
    }
    assert_ne!(found.predicted[found.wrong], Some(data.labels()[found.samples[found.wrong]]));
}

#[test]
fn finds_a_pair_on_witnesses_whenever_the_width_is_below_the_bound() {
    let mut runner = TestRunner::deterministic();
    let mut next = move || (-1.0f64..1.0).new_tree(&mut runner).expect("a number").current();
    let mut tried = 0;
    for round in 0..60 {
        let features = 2 + round % 7;
        let samples = 2 + (round * 5) % (features + 3);
        let data = basis(features, samples).expect("a witness");
        for norm in [Norm::Linf, Norm::L2] {
            for ratio in [0.3, 0.51, 0.75, 0.95] {
                let bound = necessary_width(norm, ratio, samples, features).expect("a ratio");
                for width in 1..bound {
                    let precision = if round % 2 == 0 { Precision::F64 } else { Precision::F32 };
                    let network = network(&[features, width, 3, 1], &mut next, precision);
                    let found = run(&network, &data, norm, ratio / 2.0);
                    check(&found.expect("below the bound"), &network, &data, norm, ratio / 2.0);
                    tried += 1;
                }
            }
        }
    }
    assert!(tried > 300, "only {tried} networks");
}

#[test]
fn one_neuron_is_enough_for_the_one_norm() {
    // F = 1 + sum of the features, cut off: right on every 1-norm ball.
    let data = basis(5, 6).expect("a witness");
    assert_eq!(necessary_width(Norm::L1, 0.99, 6, 5).expect("a ratio"), 1);
    let mut hidden = LayerBuilder::new(5);
    for column in 0..5 {
        hidden.weight(column, 1.0);
    }
    hidden.bias(0.0);
    let mut output = LayerBuilder::new(1);
    output.weight(0, 1.0).bias(1.0);
    let network = StoredNetwork::new(Precision::F64, vec![hidden.finish(), output.finish()]).unwrap();
    assert_eq!(run(&network, &data, Norm::L1, 0.495), None);
    // The sup norm needs five neurons at that ratio, and one is refuted.
    let found = run(&network, &data, Norm::Linf, 0.495).expect("refuted");
    check(&found, &network, &data, Norm::Linf, 0.495);
}

#[test]
fn what_cannot_be_refuted_is_not() {
    // A first layer of full rank separates everything.
    let data = basis(3, 4).expect("a witness");
    let mut identity = LayerBuilder::new(3);
    for column in 0..3 {
        identity.weight(column, 1e-30).bias(0.0);
    }
    let mut output = LayerBuilder::new(3);
    output.weight(0, 1e30).bias(0.0);
    let network = StoredNetwork::new(Precision::F64, vec![identity.finish(), output.finish()]).unwrap();
    assert_eq!(run(&network, &data, Norm::Linf, 0.49), None);
    // No weights at all: radius 0 is enough.
    let mut nothing = LayerBuilder::new(3);
    nothing.bias(1.0);
    let mut output = LayerBuilder::new(1);
    output.weight(0, 1.0).bias(0.0);
    let network = StoredNetwork::new(Precision::F32, vec![nothing.finish(), output.finish()]).unwrap();
    let found = run(&network, &data, Norm::L1, 0.0).expect("a constant network");
    check(&found, &network, &data, Norm::L1, 0.0);
}

#[test]
fn bad_questions_are_refused() {
    let data = basis(3, 4).expect("a witness");
    let mut layer = LayerBuilder::new(2);
    layer.bias(1.0);
    let network = StoredNetwork::new(Precision::F32, vec![layer.finish()]).unwrap();
    let text = |radius: f64, classes: &[usize]| {
        find_collision(&network, &data, classes, 2, Norm::Linf, radius, &Silent)
            .expect_err("an error")
            .to_string()
    };
    assert_eq!(text(f64::NAN, &[0, 1]), "the radius is NaN; expected a finite number, 0 or more");
    assert_eq!(text(0.1, &[0, 1]), "the network takes 2 features; the data have 3");
    let refused = find_collision(&Mute, &data, &[0, 1], 2, Norm::Linf, 0.1, &Silent).expect_err("no output");
    assert!(refused.to_string().ends_with("depth 1 and 0 outputs; expected at least one of each"));
    assert!(basis(0, 2).is_err() && basis(3, 1).is_err() && basis(usize::MAX, 2).is_err());
    assert!(necessary_width(Norm::L2, 1.0, 3, 3).is_err());
}

/// Three features, no output.
struct Mute;

impl Network for Mute {
    fn precision(&self) -> Precision {
        Precision::F32
    }

    fn inputs(&self) -> usize {
        3
    }

    fn outputs(&self) -> usize {
        0
    }

    fn depth(&self) -> usize {
        1
    }

    fn layer(&self, _index: usize) -> Layer {
        LayerBuilder::new(3).finish()
    }
}

proptest! {
    /// Narrow random networks on random data: what is reported is true.
    #[test]
    fn never_reports_a_pair_that_is_classified_correctly(
        points in prop::collection::vec((prop::array::uniform4(-3i8..4), 0usize..3), 2..9),
        weights in prop::collection::vec(-2.0f64..2.0, 60),
        width in 1usize..5,
        radius in 0.0f64..2.0,
        norm in prop::sample::select(vec![Norm::L1, Norm::L2, Norm::Linf]),
    ) {
        let values: Vec<f64> = points.iter().flat_map(|(x, _)| x.map(f64::from)).collect();
        let labels = points.iter().map(|(_, y)| *y).collect();
        let names = ["a", "b", "c"].map(String::from).to_vec();
        let data = Dataset::new(Features::F64(values.into()), 4, labels, names).unwrap();
        let mut cycle = weights.iter().copied().cycle();
        let network = network(&[4, width, 2, 1], &mut || cycle.next().unwrap_or(1.0), Precision::F32);
        if let Some(found) = run(&network, &data, norm, radius) {
            check(&found, &network, &data, norm, radius);
        }
    }

    /// A witness has separation 1 in every norm.
    #[test]
    fn witnesses_are_one_apart(features in 1usize..9, samples in 2usize..12) {
        let data = basis(features, samples).unwrap();
        for norm in [Norm::L1, Norm::L2, Norm::Linf] {
            let found = indelible::separation::separation(&data, norm, &Silent).distance;
            prop_assert!(found.is_exact() && found.lower == 1.0);
        }
    }
}
