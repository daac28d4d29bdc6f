//! Images of balls under neurons: in exact arithmetic and as executed, no point
//! of a ball leaves the interval that is said.

use super::{Dyadic, Exact, Machine, Random, inside, rounds};
use crate::{
    Norm, Precision,
    network::{Arithmetic, BallImage, LayerBuilder},
};

fn attack(seed: u64) -> usize {
    let mut random = Random::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) + 1);
    let precision = random.of(&[Precision::F32, Precision::F64]);
    let norm = random.of(&[Norm::L1, Norm::L2, Norm::Linf, Norm::Lp(3.0), Norm::Lp(1.5), Norm::Lp(30.0)]);
    let n = 1 + random.below(9);
    let scale = random.of(&[1.0, 1.0, 1e-3, 1e10, 2f64.powi(-140), 1e36]);
    let number = |random: &mut Random| match random.below(4) {
        0 => random.of(&[0.0, 1.0, -1.0, 0.5]),
        _ => 2.0 * random.unit() - 1.0,
    };
    let weights: Vec<f64> = (0..n).map(|_| precision.round(number(&mut random))).collect();
    let center: Vec<f64> = (0..n).map(|_| scale * number(&mut random)).collect();
    let radius = scale * random.of(&[0.0, 1e-9, 0.1, 2.0]);
    let bias = precision.round(scale * number(&mut random));
    let mut layer = LayerBuilder::new(n);
    weights.iter().enumerate().for_each(|(j, w)| {
        layer.weight(j, *w);
    });
    layer.bias(bias);
    let layer = layer.finish();
    let (lower, upper) = BallImage::new(&layer, precision, norm).ends(0, &center, radius);
    if !upper.is_finite() {
        return 0;
    }
    // Points that the weights see farthest away, and others.
    let p = match norm {
        Norm::L1 => 1.0,
        Norm::L2 => 2.0,
        Norm::Lp(p) => p,
        Norm::Linf => f64::INFINITY,
    };
    let steepest =
        weights.iter().enumerate().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs())).map_or(0, |w| w.0);
    let mut tried = 0;
    for kind in 0..12 {
        let mut step: Vec<f64> = weights
            .iter()
            .enumerate()
            .map(|(j, w)| match (kind % 4, norm) {
                (0, Norm::L1) => {
                    if j == steepest {
                        w.signum()
                    } else {
                        0.0
                    }
                }
                (0, Norm::Linf) => w.signum(),
                (0, _) => w.signum() * w.abs().powf(1.0 / (p - 1.0)),
                (1, _) => w.signum(),
                _ => number(&mut random),
            })
            .collect();
        let size = match norm {
            Norm::Linf => step.iter().fold(0.0, |m: f64, s| m.max(s.abs())),
            _ => step.iter().map(|s| s.abs().powf(p)).sum::<f64>().powf(1.0 / p),
        };
        let share = radius * random.of(&[1.0, 1.0 - 1e-15, 1.0 - 1e-12]) * random.of(&[-1.0, 1.0]);
        step.iter_mut().for_each(|s| *s *= share / size);
        let point: Vec<f64> = center.iter().zip(&step).map(|(c, s)| c + s).collect();
        if !point.iter().all(|v| v.is_finite()) || !inside(&point, &center, radius, norm) {
            continue;
        }
        let terms = |point: &[f64]| weights.iter().copied().zip(point.to_vec()).collect::<Vec<_>>();
        let exactly: Vec<(f64, Dyadic)> =
            terms(&point).into_iter().map(|(w, x)| (w, Dyadic::of(x))).collect();
        let exact = Exact.dot(&Dyadic::of(bias), &exactly);
        let exact = Exact.relu(&exact);
        assert!(exact.at_least(lower) && Dyadic::of(upper) >= exact, "seed {seed}");
        let rounded: Vec<f64> = point.iter().map(|x| precision.round(*x)).collect();
        for _ in 0..4 {
            let mut machine = Machine::new(precision, &mut random);
            let sum = machine.dot(&bias, &terms(&rounded));
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
