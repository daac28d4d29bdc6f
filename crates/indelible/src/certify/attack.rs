//! Looks for a point of a ball that gets another label.

use rayon::prelude::*;

use super::{Claim, claim::distance_up};
use crate::{
    Dataset, Error, Norm, Precision,
    network::predicted_class,
    number::{add_down, random::Random, sub_up},
};

/// A point at which the network, evaluated in its own format, gives another
/// label than that of the sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Attack {
    /// The point, in numbers of the network's format.
    pub point: Vec<f64>,
    /// The class of the network that it gets, `None` for NaN.
    pub predicted: Option<usize>,
}

/// Nearest samples of other classes towards which points are tried.
const TOWARDS: usize = 8;
/// Corners of the ball that are tried.
const CORNERS: u64 = 16;

/// Tries points of the closed ball of `sample`: its center, the points nearest
/// to the nearest enemies, and corners. Every point returned lies in the ball,
/// checked with outward rounding.
///
/// # Errors
/// When the data do not have as many features as the network reads.
pub fn attack(claim: &Claim<'_>, sample: usize) -> Result<Option<Attack>, Error> {
    Ok(attacks(claim, &[sample])?.pop().flatten())
}

/// The same for some samples, whose points go through the network together: a
/// network of 60,000 prototypes is decoded once for all of them, which takes
/// longer than to evaluate the points of one.
pub(super) fn attacks(claim: &Claim<'_>, samples: &[usize]) -> Result<Vec<Option<Attack>>, Error> {
    let points: Vec<Vec<Vec<f64>>> = samples.par_iter().map(|&sample| points(claim, sample)).collect();
    let outputs = claim.model.evaluate(&points.concat().concat())?;
    let mut outputs = outputs.chunks(claim.model.outputs());
    Ok(samples
        .iter()
        .zip(points)
        .map(|(&sample, points)| {
            let class = claim.class(sample);
            let predicted: Vec<_> = outputs
                .by_ref()
                .take(points.len())
                .map(|o| predicted_class(o, claim.network_classes))
                .collect();
            points
                .into_iter()
                .zip(predicted)
                .find(|(_, predicted)| *predicted != Some(class))
                .map(|(point, predicted)| Attack { point, predicted })
        })
        .collect())
}

/// The points of the ball of `sample` that are tried, in the network's format.
fn points(claim: &Claim<'_>, sample: usize) -> Vec<Vec<f64>> {
    let data = claim.data;
    let precision = claim.model.precision();
    let x = data.row(sample);
    let radius = claim.radii.of(sample);
    let inner: Vec<(f64, f64)> = x
        .iter()
        .map(|&x| (precision.round_up(sub_up(x, radius)), precision.round_down(add_down(x, radius))))
        .collect();
    let mut points = vec![x.iter().map(|&v| precision.round(v)).collect::<Vec<f64>>()];
    for enemy in nearest_enemies(data, sample, claim.norm, TOWARDS) {
        let towards = data.row(enemy);
        match claim.norm {
            Norm::Linf => {
                let nearest = |(&t, &(lo, hi))| precision.round(t).max(lo).min(hi);
                points.push(towards.iter().zip(&inner).map(nearest).collect());
            }
            // Rounding a point may move it out of the ball.
            norm => points.extend(
                [8.0 * precision.unit_roundoff(), 1e-6, 1e-4]
                    .map(|less| along(&x, &towards, radius * (1.0 - less), norm, precision)),
            ),
        }
    }
    if claim.norm == Norm::Linf {
        points.extend((0..CORNERS).map(|seed| corner(&inner, seed)));
    }
    points.retain(|p| p.iter().all(|v| v.is_finite()) && distance_up(p, &x, claim.norm) <= radius);
    points
}

/// The `most` samples with another label that are nearest in `norm`, by rounded
/// arithmetic: which ones they are affects no proof.
pub(super) fn nearest_enemies(data: &Dataset, sample: usize, norm: Norm, most: usize) -> Vec<usize> {
    let x = data.row(sample);
    let mut other = vec![0.0; x.len()];
    let mut nearest: Vec<(f64, usize)> = Vec::new();
    for i in (0..data.samples()).filter(|&i| data.labels()[i] != data.labels()[sample]) {
        data.copy_row(i, &mut other);
        let differences = x.iter().zip(&other).map(|(a, b)| (a - b).abs());
        let distance = match norm {
            Norm::Linf => differences.fold(0.0, f64::max),
            Norm::L1 => differences.sum(),
            _ => differences.map(|d| d * d).sum(),
        };
        let place = nearest.partition_point(|(d, _)| *d <= distance);
        if place < most {
            nearest.insert(place, (distance, i));
            nearest.truncate(most);
        }
    }
    nearest.into_iter().map(|(_, i)| i).collect()
}

/// A point on the way from `x` to `towards`, about `radius` away.
fn along(x: &[f64], towards: &[f64], radius: f64, norm: Norm, precision: Precision) -> Vec<f64> {
    let distance = distance_up(x, towards, norm);
    let share = if distance > 0.0 { (radius / distance).min(1.0) } else { 0.0 };
    x.iter().zip(towards).map(|(&a, &b)| precision.round(a + share * (b - a))).collect()
}

/// A corner of the box that `seed` chooses.
fn corner(inner: &[(f64, f64)], seed: u64) -> Vec<f64> {
    let mut random =
        Random::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(0x5851_F42D_4C95_7F2D));
    inner.iter().map(|&(lower, upper)| if random.coin() { upper } else { lower }).collect()
}
