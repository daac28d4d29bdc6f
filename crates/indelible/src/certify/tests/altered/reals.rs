//! Stored forms in exact rationals, and points of balls.

use dashu_ratio::RBig;

use super::super::{Random, inside};
use crate::{
    Dataset, Norm,
    network::{Layer, MaxAffine, Measure, Pool, PowerCurve, Prototypes},
    number::{add_down, sub_up},
};

pub(super) fn rational(x: f64) -> RBig {
    RBig::try_from(x).expect("a finite number")
}

fn positive(x: RBig) -> RBig {
    x.max(RBig::ZERO)
}

fn distance(a: &RBig, b: &RBig) -> RBig {
    if a > b { a - b } else { b - a }
}

pub(super) fn exact_prototypes(prototypes: &Prototypes, x: &[RBig]) -> Vec<RBig> {
    let clipped: Vec<RBig> = match &prototypes.minima {
        Some(minima) => x.iter().zip(minima).map(|(x, m)| x.clone().max(rational(*m))).collect(),
        None => x.to_vec(),
    };
    let mut values = vec![RBig::ZERO; prototypes.accumulator_count()];
    let mut center = vec![0.0; prototypes.features];
    for k in 0..prototypes.steps() {
        prototypes.copy_center(k, &mut center);
        let radius = rational(prototypes.radii[k]);
        let sizes: Vec<RBig> = clipped.iter().zip(&center).map(|(x, c)| distance(x, &rational(*c))).collect();
        let measured: RBig = match &prototypes.measure {
            Measure::Power(curve) => {
                positive(sizes.iter().map(|s| exact_curve(curve, s)).fold(RBig::ZERO, |a, b| a + b) - radius)
            }
            Measure::Violations => sizes.iter().map(|s| positive(s - &radius)).fold(RBig::ZERO, |a, b| a + b),
            Measure::Sum => positive(sizes.into_iter().fold(RBig::ZERO, |a, b| a + b) - radius),
            Measure::Largest => positive(sizes.into_iter().fold(RBig::ZERO, Ord::max) - radius),
        };
        let level = positive(rational(prototypes.tops[k]) - rational(prototypes.scales[k]) * measured);
        let value = &mut values[prototypes.accumulators[k]];
        match prototypes.pool {
            Pool::Max if level > *value => *value = level,
            Pool::Max => {}
            Pool::Sum => *value += level,
        }
    }
    exact_layers(&prototypes.head, values)
}

pub(super) fn exact_layers(layers: &[Layer], mut values: Vec<RBig>) -> Vec<RBig> {
    for (index, layer) in layers.iter().enumerate() {
        values = layer
            .rows()
            .map(|row| {
                let sum = row
                    .columns
                    .iter()
                    .zip(row.weights)
                    .fold(rational(row.bias), |sum, (&c, &w)| sum + rational(w) * &values[c]);
                if index + 1 < layers.len() { positive(sum) } else { sum }
            })
            .collect();
    }
    values
}

fn exact_curve(curve: &PowerCurve, t: &RBig) -> RBig {
    match curve {
        PowerCurve::Hinges { knots, weights } => knots
            .iter()
            .zip(weights)
            .map(|(k, w)| rational(*w) * positive(t - rational(*k)))
            .fold(RBig::ZERO, |a, b| a + b),
        PowerCurve::Sawtooth { inverse, levels } => {
            let mut g = rational(*inverse) * t;
            let mut value = g.clone();
            for level in 1..=*levels {
                // Written as the layers have it, and not as the file.
                let tooth = rational(2.0) * &g - rational(4.0) * positive(&g - rational(0.5));
                value -= rational(PowerCurve::share(level)) * &tooth;
                g = positive(tooth);
            }
            value
        }
    }
}

pub(super) fn exact_max_affine(scores: &MaxAffine, x: &[RBig]) -> Vec<RBig> {
    let mut row = vec![0.0; scores.features];
    (0..scores.ends.len())
        .map(|class| {
            scores.class_rows(class).fold(RBig::ZERO, |best, k| {
                scores.copy_row(k, &mut row);
                let start = rational(scores.biases[k]);
                best.max(row.iter().zip(x).fold(start, |sum, (w, x)| sum + rational(*w) * x))
            })
        })
        .collect()
}

/// The margin of class `class`, as a verdict means it.
pub(super) fn margin(outputs: &[RBig], class: usize, classes: usize) -> Option<RBig> {
    if let [scalar] = outputs {
        let label = rational((class + 1) as f64);
        let half = rational(0.5);
        let below = (class > 0).then(|| scalar - &label + &half);
        let above = (class + 1 < classes).then(|| label + half - scalar);
        return below.into_iter().chain(above).min();
    }
    let others = outputs.iter().enumerate().filter(|(c, _)| *c != class);
    others.map(|(_, other)| &outputs[class] - other).min()
}

/// Points of the closed ball of a sample, checked in exact arithmetic.
pub(super) fn points(
    random: &mut Random,
    data: &Dataset,
    sample: usize,
    radius: f64,
    norm: Norm,
) -> Vec<Vec<f64>> {
    let x = data.row(sample);
    let n = x.len();
    let mut points = vec![x.clone()];
    let clamp = |x: f64, t: f64, r: f64| t.clamp(sub_up(x, r).min(x), add_down(x, r).max(x));
    for _ in 0..14 {
        // A share of the radius for every feature such that the point lies in the ball.
        let mut shares: Vec<f64> = match norm {
            Norm::Linf => vec![1.0; n],
            _ if random.chance(2) => {
                let mut one = vec![0.0; n];
                one[random.below(n)] = 1.0;
                one
            }
            Norm::L1 => vec![1.0 / n as f64; n],
            Norm::Lp(p) => vec![(n as f64).powf(-1.0 / p); n],
            _ => vec![1.0 / (n as f64).sqrt(); n],
        };
        let other = data.row(random.below(data.samples()));
        let kind = random.below(4);
        for (j, share) in shares.iter_mut().enumerate() {
            let side = match kind {
                0 => random.of(&[-1.0, 1.0]),
                1 => (other[j] - x[j]).signum(),
                2 => random.of(&[-1.0, 0.0, 1.0, 0.5]),
                _ => 2.0 * random.unit() - 1.0,
            };
            *share *= side * radius;
        }
        points.push(x.iter().zip(&shares).map(|(&x, s)| clamp(x, x + s, radius)).collect());
    }
    if norm == Norm::Linf {
        for other in 0..data.samples() {
            let row = data.row(other);
            points.push(x.iter().zip(&row).map(|(&x, &t)| clamp(x, t, radius)).collect());
        }
    } else {
        for other in 0..data.samples() {
            let row = data.row(other);
            let to: Vec<f64> = row.iter().zip(&x).map(|(t, x)| t - x).collect();
            let largest = to.iter().fold(0.0, |m: f64, d| m.max(d.abs()));
            let size = match norm {
                Norm::L1 => to.iter().map(|d| (d / largest).abs()).sum::<f64>(),
                Norm::Lp(p) => to.iter().map(|d| (d / largest).abs().powf(p)).sum::<f64>().powf(1.0 / p),
                _ => to.iter().map(|d| (d / largest).powi(2)).sum::<f64>().sqrt(),
            };
            for share in [1.0, 1.0 - 1e-15, 1.0 - 1e-12, 0.5] {
                points
                    .push(x.iter().zip(&to).map(|(x, d)| x + d / largest / size * radius * share).collect());
            }
        }
    }
    points.retain(|p| p.iter().all(|v| v.is_finite()) && inside(p, &x, radius, norm));
    points
}
