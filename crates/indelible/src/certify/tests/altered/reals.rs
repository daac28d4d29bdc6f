//! Exact rationals, and points of balls.

use dashu_ratio::RBig;

use super::change::Random;
use crate::{
    Dataset, Norm,
    network::Arithmetic,
    number::{add_down, sub_up},
};

pub(super) fn rational(x: f64) -> RBig {
    RBig::try_from(x).expect("a finite number")
}

fn distance(a: &RBig, b: &RBig) -> RBig {
    if a > b { a - b } else { b - a }
}

/// Exact rationals.
pub(super) struct Exact;

impl Arithmetic for Exact {
    type Number = RBig;

    fn number(&mut self, value: f64) -> RBig {
        rational(value)
    }

    fn minus(&mut self, a: &RBig, b: &RBig) -> RBig {
        a - b
    }

    fn max(&mut self, a: &RBig, b: &RBig) -> RBig {
        a.max(b).clone()
    }

    fn min(&mut self, a: &RBig, b: &RBig) -> RBig {
        a.min(b).clone()
    }

    fn abs(&mut self, a: &RBig) -> RBig {
        distance(a, &RBig::ZERO)
    }

    fn sum(&mut self, terms: &[RBig]) -> RBig {
        terms.iter().fold(RBig::ZERO, |sum, term| sum + term)
    }

    fn dot(&mut self, start: &RBig, terms: &[(f64, RBig)]) -> RBig {
        terms.iter().fold(start.clone(), |sum, (w, v)| sum + rational(*w) * v)
    }
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
    let radius = rational(radius);
    points.retain(|p| {
        p.iter().all(|v| v.is_finite()) && {
            let sizes = p.iter().zip(&x).map(|(a, b)| distance(&rational(*a), &rational(*b)));
            match norm {
                Norm::Linf => sizes.fold(RBig::ZERO, Ord::max) <= radius,
                Norm::L1 => sizes.fold(RBig::ZERO, |a, b| a + b) <= radius,
                // Roots are rounded: a little is left to be sure.
                Norm::Lp(p) if p.fract() != 0.0 => {
                    let r = radius.to_f64().value();
                    let shares = sizes.map(|size| (size.to_f64().value() / r).powf(p));
                    r > 1e-250 && shares.sum::<f64>() <= 1.0 - 1e-13
                }
                Norm::Lp(p) => {
                    let power = |b: RBig| b.pow(p as isize);
                    sizes.fold(RBig::ZERO, |a, b| a + power(b)) <= power(radius.clone())
                }
                _ => sizes.fold(RBig::ZERO, |a, b| a + &b * &b) <= &radius * &radius,
            }
        }
    });
    points
}
