//! Linear bounds of dense layers: every number in between, on random parts of
//! the ball, with random choices.

use super::{Dyadic, Exact, Machine, Random, SIZES, Sizes, layers::point_of, number, power_of_two, rounds};
use crate::{
    Dataset, Features, Norm, Precision, Radii, Silent,
    certify::{
        Claim, Verdict, certify,
        linear::{Node, Region, Relaxation, Rows, Sign},
        program::Program,
    },
    network::{Arithmetic, Layer, LayerBuilder, Model, Network, StoredNetwork},
};

const NORMS: [Norm; 5] = [Norm::L1, Norm::L2, Norm::Lp(1.5), Norm::Lp(4.0), Norm::Linf];

/// Layers whose weights are seldom 0.
fn network(random: &mut Random, precision: Precision, sizes: Sizes, outputs: usize) -> StoredNetwork {
    let depth = 1 + random.below(4);
    let mut inputs = 1 + random.below(4);
    let layers = (0..depth)
        .map(|l| {
            let width = if l + 1 == depth { outputs } else { 1 + random.below(6) };
            let mut layer = LayerBuilder::new(inputs);
            for _ in 0..width {
                for column in 0..inputs {
                    let weight = if random.below(6) == 0 { 0.0 } else { number(random, sizes, precision) };
                    layer.weight(column, weight);
                }
                layer.bias(if random.below(3) == 0 { 0.0 } else { number(random, sizes, precision) });
            }
            inputs = width;
            layer.finish()
        })
        .collect();
    StoredNetwork::new(precision, layers).unwrap()
}

/// The sums of every layer in one execution.
fn sums<A: Arithmetic>(arithmetic: &mut A, layers: &[Layer], input: Vec<A::Number>) -> Vec<Vec<A::Number>> {
    let mut values = input;
    let mut all = vec![];
    for layer in layers {
        let mut sum = |row: crate::network::Row<'_>| {
            let terms: Vec<_> = row.terms().map(|(c, w)| (w, values[c].clone())).collect();
            let bias = arithmetic.number(row.bias);
            arithmetic.dot(&bias, &terms)
        };
        let sums: Vec<_> = layer.rows().map(&mut sum).collect();
        values = sums.iter().map(|sum| arithmetic.relu(sum)).collect();
        all.push(sums);
    }
    all
}

/// A part of the ball that an execution lies in, with any choices.
fn part(random: &mut Random, hidden: &[Vec<Dyadic>]) -> Node {
    let zero = Dyadic::of(0.0);
    let known = random.below(3);
    let signs: Box<[Sign]> = (hidden.iter().flatten())
        .map(|sum| match random.below(3) < known {
            false => Sign::Open,
            true if *sum == zero => random.of(&[Sign::On, Sign::Off]),
            true if *sum > zero => Sign::On,
            true => Sign::Off,
        })
        .collect();
    let choices = signs.iter().map(|_| random.of(&[0.0, 1.0, random.clone().unit(), 3.0])).collect();
    Node { row: 0, signs, choices, limits: None }
}

#[test]
fn sums_and_rows_lie_above_their_bounds() {
    let mut random = Random::new(0x11EA_4B0D_5EED_0001);
    let (mut bounded, mut sharp) = (0, 0);
    for _ in 0..rounds(3_000) {
        let precision = random.of(&[Precision::F32, Precision::F64]);
        let (sizes, outputs) = (random.of(&SIZES), 1 + random.below(3));
        let network = network(&mut random, precision, sizes, outputs);
        let program = Program::of_layers(&network).unwrap();
        let n = network.inputs();
        let norm = random.of(&NORMS);
        let center: Vec<f64> = (0..n).map(|_| number(&mut random, sizes, Precision::F64)).collect();
        let largest = center.iter().fold(0.0f64, |m, x| m.max(x.abs()));
        let radius = largest * random.of(&[0.0, 1e-9, 1e-3, 0.3, 1.0]) * random.unit();
        let data = Dataset::new(Features::F64(center.clone().into()), n, vec![0], vec!["1".into()]).unwrap();
        let (model, radii) = (Model::Layers(network.clone()), Radii::Uniform(radius));
        let claim =
            Claim { model: &model, data: &data, classes: &[0], network_classes: 2, norm, radii: &radii };
        let Some(region) = Region::new(&claim, 0) else { continue };
        let Some(mut relaxation) = Relaxation::new(&program, &region) else { continue };
        if random.coin() {
            relaxation.sharpen_slopes();
        }
        bounded += 1;
        for _ in 0..6 {
            let x = point_of(&mut random, &center, radius, norm);
            let exactly = x.iter().map(|v| Dyadic::of(*v)).collect();
            let rounded = x.iter().map(|v| precision.round(*v)).collect();
            let executed = sums(&mut Machine::new(precision, &mut random), network.layers(), rounded);
            let executed = executed.iter().map(|sums| sums.iter().map(|v| Dyadic::of(*v)).collect());
            for all in [sums(&mut Exact, network.layers(), exactly), executed.collect()] {
                // Every other vector is what hinges give.
                for (known, sums) in relaxation.bounds.iter().skip(1).step_by(2).zip(&all) {
                    for ((lower, upper), sum) in known.lower.iter().zip(&known.upper).zip(sums) {
                        let inside = sum.at_least(*lower) && sum.negated().at_least(-upper);
                        assert!(
                            inside,
                            "{network:?} {norm} {radius:e} at {x:?}: {sum:?} in {lower:e} {upper:e}"
                        );
                    }
                }
                let (last, hidden) = all.split_last().unwrap();
                for (sum, (low, high)) in hidden.iter().flatten().zip(&relaxation.limits) {
                    let inside = sum.at_least(*low) && sum.negated().at_least(-high);
                    assert!(inside, "{network:?} {norm} {radius:e} at {x:?}: {sum:?} in {low:e} {high:e}");
                }
                let mut rows = Rows::zero(1, outputs);
                rows.coefficients = (0..outputs).map(|_| random.of(&[1.0, -1.0, 0.0, 0.7])).collect();
                let row = rows.coefficients.clone();
                let node = part(&mut random, hidden);
                let bound = relaxation.followed(program.steps.len(), rows, Some(&[&node])).bounds[0];
                let value = (last.iter().zip(&row))
                    .fold(Dyadic::of(0.0), |sum, (z, c)| sum.plus(&z.times(&Dyadic::of(*c))));
                sharp += usize::from(bound > f64::NEG_INFINITY);
                assert!(value.at_least(bound), "{network:?} {norm} {radius:e} at {x:?}: {node:?} {bound:e}");
            }
        }
    }
    assert!(bounded > 1_000 && sharp > 8_000, "{bounded} networks had bounds, {sharp} rows");
}

/// Of small networks in few dimensions, branched on until they are decided.
#[test]
fn what_is_certified_holds_at_every_point_that_is_tried() {
    let mut random = Random::new(0x11EA_4B0D_5EED_0002);
    let mut counts = [0; 4];
    for _ in 0..rounds(1_500) {
        let precision = random.of(&[Precision::F32, Precision::F64]);
        let outputs = 1 + random.below(3);
        let network = network(&mut random, precision, Sizes::Plain, outputs);
        let (n, norm) = (network.inputs(), random.of(&NORMS));
        let center: Vec<f64> = (0..n).map(|_| 2.0 * random.unit() - 1.0).collect();
        let radius = random.of(&[0.0, 1e-6, 0.1, 0.5]) * random.unit();
        let model = Model::Layers(network);
        let classes = outputs.max(2);
        let label = crate::network::predicted_class(&model.evaluate(&center).unwrap(), classes).unwrap();
        let data = Dataset::new(Features::F64(center.clone().into()), n, vec![0], vec!["1".into()]).unwrap();
        let (map, radii) = ([label], Radii::Uniform(radius));
        let claim = Claim {
            model: &model,
            data: &data,
            classes: &map,
            network_classes: classes,
            norm,
            radii: &radii,
        };
        let certificate = certify(&claim, &Silent).unwrap();
        let margin = match &certificate.verdicts[0] {
            Verdict::Certified { margin, .. } => *margin,
            Verdict::Refuted { .. } => {
                counts[1] += 1;
                continue;
            }
            Verdict::Misclassified { .. } => {
                counts[2] += 1;
                continue;
            }
            Verdict::Undecided => {
                counts[3] += 1;
                continue;
            }
        };
        counts[0] += 1;
        for _ in 0..12 {
            let x = point_of(&mut random, &center, radius, norm);
            let rounded: Vec<f64> = x.iter().map(|v| precision.round(*v)).collect();
            let executed = model.evaluate_in(&mut Machine::new(precision, &mut random), &rounded);
            let exactly: Vec<Dyadic> = x.iter().map(|v| Dyadic::of(*v)).collect();
            let executed: Vec<Dyadic> = executed.iter().map(|v| Dyadic::of(*v)).collect();
            for outputs in [model.evaluate_in(&mut Exact, &exactly), executed] {
                let leads: Vec<Dyadic> = match &outputs[..] {
                    [y] => {
                        let off = y.minus(&Dyadic::of((label + 1) as f64));
                        let below = (label > 0).then(|| off.plus(&Dyadic::of(0.5)));
                        below.into_iter().chain((label == 0).then(|| Dyadic::of(0.5).minus(&off))).collect()
                    }
                    all => {
                        (0..all.len()).filter(|c| *c != label).map(|c| all[label].minus(&all[c])).collect()
                    }
                };
                assert!(
                    leads.iter().all(|lead| lead.at_least(margin)),
                    "{model:?} {norm} {radius:e} around {center:?}: {x:?} leads by {leads:?}, said {margin:e}"
                );
            }
        }
    }
    let [certified, refuted, misclassified, undecided] = counts;
    assert!(certified > 600 && refuted > 30 && misclassified == 0 && undecided < 60, "{counts:?}");
}

/// One neuron less another: `y = big a + b − big c` against ½, whose order decides.
fn cancelling(order: [usize; 3], big: f64, precision: Precision) -> Model {
    let weights = [big, 1.0, -big];
    // A first layer that puts the features into an order.
    let mut first = LayerBuilder::new(3);
    for feature in order {
        first.weight(feature, 1.0).bias(0.0);
    }
    let mut last = LayerBuilder::new(3);
    order.iter().enumerate().for_each(|(at, feature)| {
        last.weight(at, weights[*feature]);
    });
    last.bias(0.0);
    last.bias(0.5);
    Model::Layers(StoredNetwork::new(precision, vec![first.finish(), last.finish()]).unwrap())
}

/// In real arithmetic, and in some orders, the label is right; in others not.
#[test]
fn what_depends_on_the_order_is_not_certified() {
    for (precision, bits) in [(Precision::F32, 30), (Precision::F64, 60)] {
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
            let data =
                Dataset::new(Features::F64(vec![1.0; 3].into()), 3, vec![0], vec!["1".into()]).unwrap();
            let certified = |big: f64| {
                let model = cancelling(order, big, precision);
                let radii = Radii::Uniform(0.0);
                let claim = Claim {
                    model: &model,
                    data: &data,
                    classes: &[0],
                    network_classes: 2,
                    norm: Norm::Linf,
                    radii: &radii,
                };
                certify(&claim, &Silent).unwrap().certified
            };
            assert_eq!(certified(power_of_two(bits)), 0, "{order:?}");
            assert_eq!(certified(power_of_two(bits / 2 - 3)), 1, "{order:?}");
        }
    }
}

/// A tie at the edge of the ball, or a lead of one unit there.
#[test]
fn ties_are_not_certified() {
    let mut layer = LayerBuilder::new(1);
    layer.weight(0, 1.0).bias(0.0);
    layer.bias(0.5);
    let model = Model::Layers(StoredNetwork::new(Precision::F32, vec![layer.finish()]).unwrap());
    let data = Dataset::new(Features::F64(vec![1.0].into()), 1, vec![0], vec!["1".into()]).unwrap();
    for norm in NORMS {
        for (radius, certified) in [(0.5, 0), (0.6, 0), (0.499, 1)] {
            let radii = Radii::Uniform(radius);
            let claim =
                Claim { model: &model, data: &data, classes: &[0], network_classes: 2, norm, radii: &radii };
            assert_eq!(certify(&claim, &Silent).unwrap().certified, certified, "{norm} {radius}");
        }
    }
}
