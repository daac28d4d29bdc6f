//! Trained networks with a memory: proved on every ball, the same to the bit elsewhere.

use indelible::{
    Budget, Dataset, Norm, Precision, Radii, Silent,
    certify::{Certificate, Claim, Config, Engine, Verdict, certify_with, output_bounds},
    network::{
        Activation, Graph, LayerBuilder, Model, Node, Operation, Patched, StoredNetwork, predicted_class,
    },
    number::random::Random,
    patch::{Locality, patch},
    separation::separation,
};

use super::common::{ball_points, dataset};

const OUTPUTS: usize = 4;
/// The classes of the data are other outputs of the network, of which one means none.
const CLASSES: [usize; 3] = [2, 0, 3];

/// Layers of random weights that know nothing of the data, `scale` large.
fn layers(inputs: usize, precision: Precision, scale: f64, seed: u64) -> Vec<indelible::network::Layer> {
    let mut random = Random::new(seed);
    let mut layer = |inputs: usize, outputs: usize| {
        let mut layer = LayerBuilder::new(inputs);
        for _ in 0..outputs {
            (0..inputs).for_each(|c| {
                layer.weight(c, precision.round(scale * (2.0 * random.unit() - 1.0)));
            });
            layer.bias(precision.round(scale * (random.unit() - 0.5)));
        }
        layer.finish()
    };
    vec![layer(inputs, 7), layer(7, 5), layer(5, OUTPUTS)]
}

/// The same network as layers or as a graph that ends in an activation, so that some
/// outputs are −0.
fn network(inputs: usize, precision: Precision, scale: f64, as_graph: bool, seed: u64) -> Model {
    let layers = layers(inputs, precision, scale, seed);
    if !as_graph {
        return Model::Layers(StoredNetwork::new(precision, layers).unwrap());
    }
    let mut nodes = vec![];
    for layer in layers {
        let affine = Operation::Affine(indelible::network::AffineMap::Rows(layer));
        nodes.push(Node { reads: vec![nodes.len()], operation: affine });
        let leaky = Operation::Activation(Activation::Leaky(vec![precision.round(0.125)]));
        nodes.push(Node { reads: vec![nodes.len()], operation: leaky });
    }
    Model::Graph(Graph::new(precision, inputs, nodes).unwrap())
}

fn random_data(samples: usize, n: usize, seed: u64) -> Dataset {
    let mut random = Random::new(seed);
    let values = (0..samples * n).map(|_| random.unit()).collect();
    dataset(n, values, (0..samples).map(|i| i % 3).collect())
}

fn certificate(model: &Model, data: &Dataset, norm: Norm, radii: &Radii) -> Certificate {
    let claim =
        Claim { model, data, classes: &CLASSES, network_classes: OUTPUTS, norm, radii, tie_margin: 0.0 };
    let config = Config { branches: 20, ..Config::default() };
    certify_with(&claim, &config, &Silent).unwrap()
}

fn patched(model: &Model, data: &Dataset, budget: &Budget, chosen: &[usize], locality: Locality) -> Patched {
    patch(model.clone(), (data, &CLASSES), budget, chosen, locality, &Silent).unwrap().patched
}

fn bits(model: &Model, x: &[f64]) -> Vec<u64> {
    model.evaluate(x).unwrap().iter().map(|v| v.to_bits()).collect()
}

/// How much of a shell a point is into, where it is outside the ball: 0 on it.
fn beyond(data: &Dataset, i: usize, x: &[f64], radius: f64, norm: Norm) -> f64 {
    let gaps = x.iter().zip(data.row(i)).map(|(x, c)| (x - c).abs());
    if norm == Norm::Linf {
        gaps.map(|gap| (gap - radius).max(0.0)).sum()
    } else {
        (gaps.sum::<f64>() - radius).max(0.0)
    }
}

/// Every sample with memory is certified, attacks find nothing, and no bit changes where
/// the memory is silent, for balls farther than a shell from every sample.
#[test]
fn every_listed_sample_is_proved_and_the_rest_is_left_alone() {
    for (seed, norm, ball) in [
        (1, Norm::Linf, true),
        (2, Norm::L1, true),
        (3, Norm::Linf, false),
        (4, Norm::L1, false),
        (5, Norm::L2, false),
        (6, "l3".parse().unwrap(), false),
    ] {
        for (precision, scale, as_graph) in
            [(Precision::F32, 1.0, false), (Precision::F64, 1e3, true), (Precision::F32, 1e-8, true)]
        {
            let data = random_data(27, 4, seed);
            let model = network(4, precision, scale, as_graph, seed + 10);
            let budget = Budget::from_ratio(0.7, &separation(&data, norm, &Silent)).unwrap();
            let (radius, all) = (budget.radii().largest(), (0..27).collect::<Vec<usize>>());
            let shell = radius / 4.0;
            let locality = if ball { Locality::Ball(shell) } else { Locality::Cells };
            let patched = patched(&model, &data, &budget, &all, locality);
            let (memory, with) = (patched.memory().clone(), Model::Patched(patched));
            let found = certificate(&with, &data, norm, budget.radii());
            assert!(found.holds(), "{norm} {precision} {:?}", found.verdicts);
            assert!(found.engines().contains_key(&Engine::Memory));
            for i in 0..data.samples() {
                for point in ball_points(&data, i, radius, norm, seed) {
                    let outputs = with.evaluate(&point).unwrap();
                    assert_eq!(predicted_class(&outputs, OUTPUTS), Some(CLASSES[data.labels()[i]]));
                    // What is right stays what it was.
                    let own = CLASSES[data.labels()[i]];
                    assert_eq!(outputs[own].to_bits(), bits(&model, &point)[own]);
                }
            }
            let (mut random, mut outside) = (Random::new(seed + 100), 0);
            for _ in 0..1500 {
                let x: Vec<f64> = (0..4).map(|_| precision.round(4.0 * random.unit() - 1.5)).collect();
                let scores = memory.evaluate(&x).unwrap();
                if scores.iter().all(|score| *score == 0.0) {
                    outside += 1;
                    assert_eq!(bits(&with, &x), bits(&model, &x));
                } else if ball {
                    let near = (0..27).any(|i| beyond(&data, i, &x, radius, norm) < shell * 1.001);
                    assert!(near, "the memory answers beyond its shells at {x:?}");
                }
            }
            assert!(outside > if ball { 200 } else { 0 }, "{norm} {outside}");
        }
    }
}

/// What the network proves by itself needs no memory, and stays proved beside one.
#[test]
fn samples_without_memory_stay_what_they_were() {
    let (mut kept, mut given) = (0, 0);
    for seed in 0..6 {
        let data = random_data(24, 3, 50 + seed);
        let model = network(3, Precision::F32, 1.0, seed % 2 == 0, 60 + seed);
        let budget = Budget::from_ratio(0.5, &separation(&data, Norm::Linf, &Silent)).unwrap();
        let before = certificate(&model, &data, Norm::Linf, budget.radii());
        let failing: Vec<usize> = before.failures().map(|(i, _)| i).collect();
        if failing.is_empty() {
            continue;
        }
        (kept, given) = (kept + 24 - failing.len(), given + failing.len());
        for locality in [Locality::Ball(budget.radii().largest() / 4.0), Locality::Cells] {
            let with = Model::Patched(patched(&model, &data, &budget, &failing, locality));
            let after = certificate(&with, &data, Norm::Linf, budget.radii());
            for (i, verdict) in after.verdicts.iter().enumerate() {
                let certified = matches!(verdict, Verdict::Certified { .. });
                assert!(certified, "sample {i}: {:?} {verdict:?}", before.verdicts[i]);
            }
            // Of a larger radius nothing is proved that points refute.
            let wide = Radii::Uniform(budget.radii().largest() * 3.0);
            let found = certificate(&with, &data, Norm::Linf, &wide);
            for (i, verdict) in found.verdicts.iter().enumerate() {
                let Verdict::Certified { .. } = verdict else { continue };
                for point in ball_points(&data, i, wide.largest(), Norm::Linf, seed) {
                    let outputs = with.evaluate(&point).unwrap();
                    assert_eq!(predicted_class(&outputs, OUTPUTS), Some(CLASSES[data.labels()[i]]));
                }
            }
        }
    }
    assert!(kept > 5 && given > 20, "{kept} {given}");
}

/// Memories that do not do what they should prove nothing: one that takes too little, and
/// one that knows other labels.
#[test]
fn memories_that_are_wrong_prove_nothing() {
    let data = random_data(20, 3, 7);
    let model = network(3, Precision::F32, 1.0, false, 8);
    let budget = Budget::from_ratio(0.6, &separation(&data, Norm::Linf, &Silent)).unwrap();
    let all: Vec<usize> = (0..20).collect();
    for locality in [Locality::Ball(budget.radii().largest()), Locality::Cells] {
        let right = patched(&model, &data, &budget, &all, locality);
        let before = certificate(&model, &data, Norm::Linf, budget.radii());
        let (network, memory) = (right.network().clone(), right.memory().clone());
        let weak = Model::Patched(Patched::new(network.clone(), memory.clone(), 2f64.powi(-90)).unwrap());
        let found = certificate(&weak, &data, Norm::Linf, budget.radii());
        assert!(found.certified <= before.certified, "{} {}", found.certified, before.certified);
        let claim = |classes| Claim {
            model: &model,
            data: &data,
            classes,
            network_classes: OUTPUTS,
            norm: Norm::Linf,
            radii: budget.radii(),
            tie_margin: 0.0,
        };
        let swapped = Model::Patched(Patched::new(network, memory, right.lift()).unwrap());
        let other = Claim { model: &swapped, ..claim(&[0, 2, 1]) };
        let found = certify_with(&other, &Config::default(), &Silent).unwrap();
        assert_eq!(found.certified, 0, "{:?}", found.verdicts);
    }
}

#[test]
fn what_cannot_be_patched_is_named() {
    let data = random_data(12, 3, 9);
    let budget = Budget::from_ratio(0.5, &separation(&data, Norm::Linf, &Silent)).unwrap();
    let model = network(3, Precision::F32, 1.0, false, 10);
    let locality = Locality::Ball(0.01);
    let refused = |model: Model, budget: &Budget, chosen: &[usize], locality| {
        patch(model, (&data, &CLASSES), budget, chosen, locality, &Silent).unwrap_err().to_string()
    };
    assert!(refused(model.clone(), &budget, &[], locality).contains("no sample was chosen"));
    let with = patched(&model, &data, &budget, &[0, 3], locality);
    assert!(refused(with.memory().clone(), &budget, &[0], locality).contains("expected layers"));
    assert!(refused(Model::Patched(with), &budget, &[0], locality).contains("expected layers"));
    assert!(refused(model.clone(), &budget, &[0], Locality::Ball(1e-300)).contains("let go"));
    let l2 = Budget::from_ratio(0.5, &separation(&data, Norm::L2, &Silent)).unwrap();
    assert!(refused(model, &l2, &[0], locality).contains("locality ball serves linf, l1; l2"));
    // Outputs that overflow have no bound.
    let large = network(3, Precision::F32, 1e16, false, 10);
    assert!(refused(large, &budget, &[0], locality).contains("no bound"));
}

/// Bounds on a box hold for points of it.
#[test]
fn outputs_lie_within_their_bounds() {
    let mut random = Random::new(3);
    for seed in 0..20 {
        let model = network(3, Precision::F32, 1.0, seed % 2 == 0, seed);
        let bounds = output_bounds(&model, &[-0.5, 0.0, 0.25], &[0.5, 0.0, 2.0]).unwrap();
        for _ in 0..50 {
            let x = [random.unit() - 0.5, 0.0, 0.25 + 1.75 * random.unit()];
            let outputs = model.evaluate(&x).unwrap();
            assert!(outputs.iter().zip(&bounds).all(|(y, b)| b.lower <= *y && *y <= b.upper));
        }
        assert!(output_bounds(&model, &[0.0; 2], &[1.0; 2]).is_none());
        assert!(output_bounds(&model, &[1.0; 3], &[0.0; 3]).is_none());
        assert!(output_bounds(&model, &[f64::NAN; 3], &[1.0; 3]).is_none());
    }
}
