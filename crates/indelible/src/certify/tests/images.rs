//! Images of balls under neurons: in exact arithmetic and as executed, no point
//! of a ball leaves the interval that is said.

use super::{Dyadic, Exact, Machine, Random, inside, rounds};
use crate::{
    Norm, Precision,
    network::{Arithmetic, BallImage, Layer, LayerBuilder, through},
};

fn number(random: &mut Random) -> f64 {
    match random.below(4) {
        0 => random.of(&[0.0, 1.0, -1.0, 0.5]),
        _ => 2.0 * random.unit() - 1.0,
    }
}

/// A layer of `n` neurons that shifts sums of features, and lets some be cut off.
fn front(random: &mut Random, n: usize, scale: f64, precision: Precision) -> Layer {
    let mut front = LayerBuilder::new(n);
    for j in 0..n {
        front.weight(j, precision.round(number(random)));
        if j + 1 < n {
            front.weight(j + 1, precision.round(number(random)));
        }
        front.bias(precision.round(scale * random.of(&[8.0, 8.0, 8.0, 2.0])));
    }
    front.finish()
}

/// A step of the length 1 that neurons of the slopes `steep` see as long as any
/// (`kind` 0), in their directions (1), or any.
fn step(random: &mut Random, steep: &[f64], norm: Norm, kind: usize) -> Vec<f64> {
    let p = match norm {
        Norm::L1 => 1.0,
        Norm::L2 => 2.0,
        Norm::Lp(p) => p,
        Norm::Linf => f64::INFINITY,
    };
    let steepest = steep.iter().enumerate().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs())).map_or(0, |w| w.0);
    let along = |(j, w): (usize, &f64)| match (kind, norm) {
        (0, Norm::L1) if j == steepest => w.signum(),
        (0, Norm::L1) => 0.0,
        (0, Norm::L2 | Norm::Lp(_)) => w.signum() * w.abs().powf(1.0 / (p - 1.0)),
        (0, Norm::Linf) | (1, _) => w.signum(),
        _ => number(random),
    };
    let mut step: Vec<f64> = steep.iter().enumerate().map(along).collect();
    let size = match norm {
        Norm::Linf => step.iter().fold(0.0, |m: f64, s| m.max(s.abs())),
        Norm::L1 | Norm::L2 | Norm::Lp(_) => step.iter().map(|s| s.abs().powf(p)).sum::<f64>().powf(1.0 / p),
    };
    step.iter_mut().for_each(|s| *s /= size);
    step
}

fn attack(seed: u64) -> usize {
    let mut random = Random::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) + 1);
    let precision = random.of(&[Precision::F32, Precision::F64]);
    let norm = random.of(&[Norm::L1, Norm::L2, Norm::Linf, Norm::Lp(3.0), Norm::Lp(1.5), Norm::Lp(30.0)]);
    let n = 1 + random.below(9);
    let scale = random.of(&[1.0, 1.0, 1e-3, 1e10, 2f64.powi(-140), 1e36]);
    let weights: Vec<f64> = (0..n).map(|_| precision.round(number(&mut random))).collect();
    let center: Vec<f64> = (0..n).map(|_| scale * number(&mut random)).collect();
    let radius = scale * random.of(&[0.0, 1e-9, 0.1, 2.0]);
    let bias = precision.round(scale * number(&mut random));
    let mut layer = LayerBuilder::new(n);
    weights.iter().enumerate().for_each(|(j, w)| {
        layer.weight(j, *w);
    });
    layer.bias(bias);
    let mut layers = vec![layer.finish()];
    if random.below(2) == 0 {
        layers.insert(0, front(&mut random, n, scale, precision));
    }
    let (lower, upper) = BallImage::new(&layers, precision, norm).unwrap().of(0, &center, radius).ends();
    if !upper.is_finite() {
        return 0;
    }
    // The weights on the features, about.
    let mut steep = weights.clone();
    if let [front, _] = layers.as_slice() {
        steep = vec![0.0; n];
        for (row, w) in front.rows().zip(&weights) {
            row.terms().for_each(|(j, inner)| steep[j] += w * inner);
        }
    }
    let mut tried = 0;
    for kind in 0..12 {
        let step = step(&mut random, &steep, norm, kind % 4);
        let share = radius * random.of(&[1.0, 1.0 - 1e-15, 1.0 - 1e-12]) * random.of(&[-1.0, 1.0]);
        let point: Vec<f64> = center.iter().zip(&step).map(|(c, s)| c + s * share).collect();
        if !point.iter().all(|v| v.is_finite()) || !inside(&point, &center, radius, norm) {
            continue;
        }
        let exactly = point.iter().map(|x| Dyadic::of(*x)).collect();
        let exact = through(&mut Exact, &layers, exactly).remove(0);
        let exact = Exact.relu(&exact);
        assert!(exact.at_least(lower) && Dyadic::of(upper) >= exact, "seed {seed}");
        let rounded: Vec<f64> = point.iter().map(|x| precision.round(*x)).collect();
        for _ in 0..4 {
            let mut machine = Machine::new(precision, &mut random);
            let sum = through(&mut machine, &layers, rounded.clone()).remove(0);
            let value = machine.relu(&sum);
            assert!(lower <= value && value <= upper, "seed {seed}: {value} of [{lower}, {upper}]");
        }
        tried += 1;
    }
    tried
}

#[test]
fn no_point_of_a_ball_leaves_its_image() {
    let cases = rounds(2000);
    let tried: usize = (0..cases as u64).map(attack).sum();
    assert!(tried > 3 * cases, "{tried} points");
}

/// The dual norm of weights that add up would be too small.
#[test]
fn neurons_that_read_a_number_twice_have_no_image() {
    let mut layer = LayerBuilder::new(2);
    layer.weight(0, 1.0).weight(1, 1.0).bias(0.0);
    layer.weight(0, 1.0).weight(0, 1.0).bias(0.0);
    let twice = layer.finish();
    let mut sum = LayerBuilder::new(2);
    sum.weight(0, 1.0).weight(1, 1.0).bias(0.0);
    let once = sum.finish();
    let image = |layers: &[crate::network::Layer]| BallImage::new(layers, Precision::F32, Norm::L1).is_some();
    assert!(!image(std::slice::from_ref(&twice)));
    assert!(!image(&[twice.clone(), once.clone()]) && !image(&[once.clone(), twice]));
    assert!(image(std::slice::from_ref(&once)));
    // Nor does a layer that the second does not read, or none.
    assert!(!image(&[once.clone(), once]) && !image(&[]));
}

/// A layer of one neuron per row of weights and bias.
fn layer(inputs: usize, rows: &[(&[f64], f64)]) -> crate::network::Layer {
    let mut builder = LayerBuilder::new(inputs);
    for (weights, bias) in rows {
        for (column, weight) in weights.iter().enumerate() {
            builder.weight(column, *weight);
        }
        builder.bias(*bias);
    }
    builder.finish()
}

/// `∞ − ∞` is no number, and no length of 0.
#[test]
fn weights_whose_products_overflow_have_no_length() {
    let front = layer(1, &[(&[4e154], 2.5e153), (&[2e154], 1.25e153)]);
    let second = layer(2, &[(&[1e154, -1e154], 0.0)]);
    for norm in [Norm::L1, Norm::L2, Norm::Linf, Norm::Lp(3.0)] {
        let layers = [front.clone(), second.clone()];
        let image = BallImage::new(&layers, Precision::F64, norm).unwrap();
        assert_eq!(image.length(0), f64::INFINITY, "{norm}");
        assert_eq!(image.of(0, &[0.0], 0.05).ends().1, f64::INFINITY, "{norm}");
    }
}

/// A matrix multiplies with its zeros, too.
#[test]
fn a_number_that_overflows_between_layers_spoils_all_sums() {
    let layers =
        [layer(1, &[(&[1.0], 10.0), (&[3e38], 0.0)]), layer(2, &[(&[1.0, 0.0], 0.0), (&[0.0, 1.0], 0.0)])];
    let image = BallImage::new(&layers, Precision::F32, Norm::L1).unwrap();
    assert_eq!(image.of(0, &[5.0], 0.1).ends().1, f64::INFINITY);
    assert!(image.all(&[5.0], &[0.1]).iter().all(|found| found.ends().1 == f64::INFINITY));
}
