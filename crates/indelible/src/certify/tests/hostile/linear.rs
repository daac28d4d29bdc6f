//! Linear bounds of dense layers: every number in between, on random parts of
//! the ball, with random choices.

use super::{
    Ball, Dyadic, Exact, Machine, Random, SIZES, Sizes, assert_within, number, power_of_two, rounds,
    row_holds, sign,
};
use crate::{
    Norm, Precision, Silent,
    certify::{
        Verdict, certify,
        linear::{Region, Relaxation, Sign},
        program::Program,
    },
    network::{Arithmetic, Layer, LayerBuilder, Model, Network, StoredNetwork, predicted_class},
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

/// Which of the hidden neurons are active, of some.
fn signs(random: &mut Random, hidden: &[Vec<Dyadic>]) -> Vec<Sign> {
    let (zero, known) = (Dyadic::of(0.0), random.below(3));
    let mut of = |sum| {
        let known = random.below(3) < known;
        sign(random, known, sum, &zero)
    };
    hidden.iter().flatten().map(&mut of).collect()
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
        let norm = random.of(&NORMS);
        let ball = Ball::anywhere(&mut random, network.inputs(), norm, sizes);
        let model = Model::Layers(network.clone());
        let Some(region) = Region::new(&ball.claim(&model, &[0], 2), 0) else { continue };
        let Some(mut relaxation) = Relaxation::new(&program, &region) else { continue };
        if random.coin() {
            relaxation.sharpen_slopes();
        }
        bounded += 1;
        for _ in 0..6 {
            let x = ball.point(&mut random);
            let context = (&network, &ball, &x);
            let exactly = x.iter().map(|v| Dyadic::of(*v)).collect();
            let rounded = x.iter().map(|v| precision.round(*v)).collect();
            let executed = sums(&mut Machine::new(precision, &mut random), network.layers(), rounded);
            let executed = executed.iter().map(|sums| sums.iter().map(|v| Dyadic::of(*v)).collect());
            for all in [sums(&mut Exact, network.layers(), exactly), executed.collect()] {
                // Every other vector is what hinges give.
                for (known, sums) in relaxation.bounds.iter().skip(1).step_by(2).zip(&all) {
                    assert_within(sums, known.lower.iter().zip(&known.upper), &context);
                }
                let (last, hidden) = all.split_last().unwrap();
                let limits = relaxation.limits.iter().map(|(low, high)| (low, high));
                assert_within(&hidden.concat(), limits, &context);
                let signs = |random: &mut Random| signs(random, hidden);
                let followed = (&relaxation, program.steps.len());
                sharp += usize::from(row_holds(&mut random, followed, last, signs, &context));
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
        let norm = random.of(&NORMS);
        let ball = Ball::plain(&mut random, network.inputs(), norm);
        let model = Model::Layers(network);
        let classes = outputs.max(2);
        let label = predicted_class(&model.evaluate(&ball.center).unwrap(), classes).unwrap();
        let certificate = certify(&ball.claim(&model, &[label], classes), &Silent).unwrap();
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
            let x = ball.point(&mut random);
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
                    "{model:?} {ball:?}: {x:?} leads by {leads:?}, said {margin:e}"
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
            let ball = Ball::new(vec![1.0; 3], Norm::Linf, 0.0);
            let certified = |big: f64| {
                let model = cancelling(order, big, precision);
                certify(&ball.claim(&model, &[0], 2), &Silent).unwrap().certified
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
    for norm in NORMS {
        for (radius, certified) in [(0.5, 0), (0.6, 0), (0.499, 1)] {
            let ball = Ball::new(vec![1.0], norm, radius);
            let certificate = certify(&ball.claim(&model, &[0], 2), &Silent).unwrap();
            assert_eq!(certificate.certified, certified, "{norm} {radius}");
        }
    }
}
