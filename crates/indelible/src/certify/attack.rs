//! Looks for a point of a ball that gets another label.

use super::{Claim, Domain, Engine, Verdict, claim::distance_up, scaled::Behind};
use crate::{
    Dataset, Error, Norm, Precision,
    network::Model,
    number::{add_down, random::Random, sub_up},
    parallel,
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

impl Attack {
    /// The verdict that the point proves.
    pub(super) fn refutes(self) -> Verdict {
        let Self { point, predicted } = self;
        Verdict::Refuted { point, predicted, engine: Engine::Attack }
    }
}

/// The valid points of the ball of a sample that are numbers of the network's
/// format.
#[derive(Debug)]
pub(super) struct BallPoints<'a> {
    claim: &'a Claim<'a>,
    domain: &'a Domain,
    pub sample: usize,
    /// The sample.
    pub center: Vec<f64>,
    pub radius: f64,
    pub norm: Norm,
    /// The class of the network that it is to get, of how many, and how many
    /// outputs there are.
    pub class: usize,
    pub classes: usize,
    pub outputs: usize,
    /// The range of each feature.
    inner: Vec<(f64, f64)>,
    /// A radius within which points may be rounded, about.
    within: f64,
}

impl<'a> BallPoints<'a> {
    pub fn new(claim: &'a Claim<'a>, domain: &'a Domain, sample: usize) -> Self {
        let precision = claim.model.precision();
        let (center, radius, norm) = (claim.data.row(sample), claim.radii.of(sample), claim.norm);
        let inner = center
            .iter()
            .enumerate()
            .map(|(feature, &x)| {
                let (least, most) = domain.range(feature);
                let (lower, upper) = (sub_up(x, radius).max(least), add_down(x, radius).min(most));
                (precision.round_up(lower), precision.round_down(upper))
            })
            .collect();
        let moved: Vec<f64> = center.iter().map(|x| (x.abs() + radius) * precision.unit_roundoff()).collect();
        let within = (radius - length(moved.iter().copied(), norm)).max(0.0) * (1.0 - 1e-9);
        Self {
            claim,
            domain,
            sample,
            center,
            radius,
            norm,
            class: claim.class(sample),
            classes: claim.network_classes,
            outputs: claim.model.outputs(),
            inner,
            within,
        }
    }

    /// Moves a point into the ball and to numbers of the format, about.
    pub fn place(&self, point: &mut [f64]) {
        let precision = self.claim.model.precision();
        let mut share = 1.0;
        if self.norm != Norm::Linf {
            let moved = length(point.iter().zip(&self.center).map(|(x, center)| x - center), self.norm);
            share = if moved > self.within { self.within / moved } else { 1.0 };
        }
        for ((x, &center), &(lower, upper)) in point.iter_mut().zip(&self.center).zip(&self.inner) {
            let moved = if share < 1.0 { center + (*x - center) * share } else { *x };
            *x = precision.round(moved).max(lower).min(upper);
        }
    }

    /// Valid points of the ball on the way to another point, those that come
    /// nearest to it.
    pub fn towards(&self, other: &[f64]) -> Vec<Vec<f64>> {
        let precision = self.claim.model.precision();
        let mut points: Vec<Vec<f64>> = match self.norm {
            Norm::Linf => {
                let nearest = |(&t, &(lo, hi))| precision.round(t).max(lo).min(hi);
                vec![other.iter().zip(&self.inner).map(nearest).collect()]
            }
            // Rounding a point may move it out of the ball.
            norm @ (Norm::L1 | Norm::L2 | Norm::Lp(_)) => [8.0 * precision.unit_roundoff(), 1e-6, 1e-4]
                .map(|less| along(&self.center, other, self.radius * (1.0 - less), norm, precision))
                .into(),
        };
        points.retain(|point| self.holds(point));
        points
    }

    /// Whether a point is valid and lies in the closed ball, by outward rounding.
    pub fn holds(&self, point: &[f64]) -> bool {
        let inside = || distance_up(point, &self.center, self.norm) <= self.radius;
        point.iter().all(|v| v.is_finite()) && self.domain.contains(point) && inside()
    }

    /// The verdict where the sample itself gets another label.
    ///
    /// # Errors
    /// When the data do not have as many features as the network reads.
    pub fn misclassified(&self) -> Result<Option<Verdict>, Error> {
        let outputs = self.claim.model.evaluate(&self.center)?;
        let instead = self.claim.instead_of(self.class, &outputs);
        Ok(instead.map(|predicted| Verdict::Misclassified { predicted }))
    }

    /// The first of some points, row after row, that gets another label once it
    /// is placed in the ball.
    ///
    /// # Errors
    /// When the data do not have as many features as the network reads.
    pub fn tried(&self, rows: &[f64]) -> Result<Option<Attack>, Error> {
        let n = self.center.len();
        let mut points = rows.to_vec();
        points.chunks_mut(n).for_each(|point| self.place(point));
        let points: Vec<&[f64]> = points.chunks(n).filter(|point| self.holds(point)).collect();
        if points.is_empty() {
            return Ok(None);
        }
        let outputs = self.claim.model.evaluate(&points.concat())?;
        let found = points.into_iter().zip(outputs.chunks(self.outputs)).find_map(|(point, outputs)| {
            let predicted = self.claim.instead_of(self.class, outputs)?;
            Some(Attack { point: point.to_vec(), predicted })
        });
        Ok(found)
    }
}

/// The norm of some differences, about.
fn length(differences: impl Iterator<Item = f64> + Clone, norm: Norm) -> f64 {
    let sizes = differences.map(f64::abs);
    match norm {
        Norm::L1 => sizes.sum(),
        Norm::L2 => sizes.map(|d| d * d).sum::<f64>().sqrt(),
        Norm::Linf => sizes.fold(0.0, f64::max),
        Norm::Lp(p) => {
            let largest = sizes.clone().fold(f64::MIN_POSITIVE, f64::max);
            largest * sizes.map(|d| (d / largest).powf(p)).sum::<f64>().powf(1.0 / p)
        }
    }
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
/// When the parts of the claim do not fit, as of [`certify`](super::certify()).
pub fn attack(claim: &Claim<'_>, sample: usize) -> Result<Option<Attack>, Error> {
    claim.check()?;
    let everything = Domain::EVERYTHING;
    if let Model::Scaled(scaled) = claim.model
        && claim.model.has_scaled_balls()
    {
        let behind = Behind::new(claim, scaled)?;
        let Some(found) = attacks(&behind.claim(), everything, &[sample])?.pop().flatten() else {
            return Ok(None);
        };
        let found = behind.pulled_back(sample, everything, &found.point)?;
        return Ok(found.map(|(point, predicted)| Attack { point, predicted }));
    }
    Ok(attacks(claim, everything, &[sample])?.pop().flatten())
}

/// The same for some samples, whose points go through the network together: a
/// network of 60,000 prototypes is decoded once for all of them, which takes
/// longer than to evaluate the points of one.
pub(super) fn attacks(
    claim: &Claim<'_>,
    domain: &Domain,
    samples: &[usize],
) -> Result<Vec<Option<Attack>>, Error> {
    let points = parallel::map_each(samples, |&sample| points(claim, domain, sample));
    Ok(tried(claim, samples, points)?.into_iter().map(|found| found.map(|(_, attack)| attack)).collect())
}

/// The first of the points of each of some samples that gets another label, and
/// its number.
pub(super) fn tried(
    claim: &Claim<'_>,
    samples: &[usize],
    points: Vec<Vec<Vec<f64>>>,
) -> Result<Vec<Option<(usize, Attack)>>, Error> {
    let outputs = claim.model.evaluate(&points.concat().concat())?;
    let mut outputs = outputs.chunks(claim.model.outputs());
    Ok(samples
        .iter()
        .zip(points)
        .map(|(&sample, points)| {
            let class = claim.class(sample);
            let instead: Vec<_> =
                outputs.by_ref().take(points.len()).map(|o| claim.instead_of(class, o)).collect();
            points
                .into_iter()
                .zip(instead)
                .enumerate()
                .find_map(|(number, (point, instead))| Some((number, Attack { point, predicted: instead? })))
        })
        .collect())
}

/// The points of the ball of `sample` that are tried, in the network's format.
fn points(claim: &Claim<'_>, domain: &Domain, sample: usize) -> Vec<Vec<f64>> {
    let data = claim.data;
    let precision = claim.model.precision();
    let ball = BallPoints::new(claim, domain, sample);
    let mut points = vec![ball.center.iter().map(|&v| precision.round(v)).collect::<Vec<f64>>()];
    for enemy in nearest_enemies(data, sample, claim.norm, TOWARDS) {
        points.extend(ball.towards(&data.row(enemy)));
    }
    if claim.norm == Norm::Linf {
        points.extend((0..CORNERS).map(|seed| corner(&ball.inner, seed)));
    }
    points.retain(|point| ball.holds(point));
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
            Norm::L2 | Norm::Lp(_) => differences.map(|d| d * d).sum(),
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
