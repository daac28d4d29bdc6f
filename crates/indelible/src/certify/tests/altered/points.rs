//! Points of balls.

use crate::{
    Dataset, Norm,
    certify::tests::inside,
    number::{add_down, random::Random, sub_up},
};

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
            _ if random.below(2) == 0 => {
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
