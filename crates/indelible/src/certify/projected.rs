//! Networks behind directions: a ball of any norm becomes a box, and the box is
//! asked of the network behind as a ball of the sup norm; or a ball of the Euclidean
//! norm stays one.
//!
//! What a neuron `relu(u·x + b)` can give on a ball, in real arithmetic and as executed,
//! is an interval that reaches as far as the dual norm of `u` and its roundings say
//! ([`BallImage`]). The smallest ball of the sup norm that contains all of them is what
//! a certificate about the network behind must cover: every real number in it, and
//! every number of the format, is then covered too.
//!
//! Maxima of affine scores are proved by Euclidean distances. In front of them
//! directions `P` make of a Euclidean ball of radius `r` one of radius `r ‖P‖₂`
//! ([`spectral_norm_up`]), which a ReLU does not widen. An error `e_k` of what neuron
//! `k` gives moves points by at most `‖e‖₂`.

use super::{Claim, Domain, Verdict};
use crate::{
    Dataset, Error, Features, Norm, Precision, Radii,
    network::{BallImage, Image, Model, Projected, norm_up, spectral_norm_up},
    number::{add_up, mul_up, sub_up},
    parallel,
};

/// Samples whose balls are looked at together.
const TOGETHER: usize = 64;

/// A claim about a network behind directions, and what is asked of that network.
pub(super) struct Behind<'a> {
    claim: &'a Claim<'a>,
    projected: &'a Projected,
    /// The norm in which balls behind the directions are measured.
    norm: Norm,
    /// Their centers, with the labels of the samples.
    data: Dataset,
    radii: Radii,
    /// Whether there is such a ball.
    bounded: Vec<bool>,
}

/// By how much directions stretch balls of a norm, where what they make of them is
/// measured in the Euclidean norm.
fn stretch(claim: &Claim<'_>, projected: &Projected) -> Option<f64> {
    let round = matches!(claim.norm.enclosing(), Norm::L1 | Norm::L2);
    let euclidean = round && matches!(projected.inner(), Model::MaxAffine(_));
    euclidean.then(|| projected.directions().iter().map(spectral_norm_up).fold(1.0, mul_up))
}

impl<'a> Behind<'a> {
    /// `None` where nothing can be said: a neuron reads a number twice.
    ///
    /// # Errors
    /// When the images are no dataset.
    pub fn new(claim: &'a Claim<'a>, projected: &'a Projected) -> Result<Option<Self>, Error> {
        let precision = claim.model.precision();
        let Some(image) = BallImage::new(projected.directions(), precision, claim.norm) else {
            return Ok(None);
        };
        let samples: Vec<usize> = (0..claim.data.samples()).collect();
        let stretch = stretch(claim, projected);
        let of = |samples: &[usize]| balls(claim, projected, (&image, stretch), samples);
        let balls: Vec<(Vec<f64>, Option<f64>)> = parallel::flat_map_chunks(&samples, TOGETHER, of);
        let bounded = balls.iter().map(|(_, radius)| radius.is_some()).collect();
        let radii = Radii::PerSample(balls.iter().map(|(_, radius)| radius.unwrap_or(0.0)).collect());
        let centers: Vec<f64> = balls.into_iter().flat_map(|(center, _)| center).collect();
        let (labels, names) = (claim.data.labels().to_vec(), claim.data.class_names().to_vec());
        let width = projected.inner().inputs();
        let data = Dataset::new(Features::F64(centers.into()), width, labels, names)?;
        let norm = if stretch.is_some() { Norm::L2 } else { Norm::Linf };
        Ok(Some(Self { claim, projected, norm, data, radii, bounded }))
    }

    /// What is asked of the network behind.
    pub fn claim(&self) -> Claim<'_> {
        let (model, norm) = (self.projected.inner(), self.norm);
        Claim { model, norm, data: &self.data, radii: &self.radii, ..*self.claim }
    }

    /// What a verdict about the network behind says of the whole one.
    pub fn verdict(&self, sample: usize, verdict: Verdict) -> Verdict {
        if self.bounded[sample] && matches!(verdict, Verdict::Certified { .. }) {
            verdict
        } else {
            Verdict::Undecided
        }
    }
}

/// The balls around what directions make of some balls: their centers and radii; no
/// radius where there is none.
fn balls(
    claim: &Claim<'_>,
    projected: &Projected,
    (image, stretch): (&BallImage<'_>, Option<f64>),
    samples: &[usize],
) -> Vec<(Vec<f64>, Option<f64>)> {
    let (n, m, precision) = (claim.data.features(), projected.inner().inputs(), claim.model.precision());
    let mut x = vec![0.0; n * samples.len()];
    let mut finite = vec![true; samples.len()];
    let radii: Vec<f64> = samples.iter().map(|&sample| claim.radii.of(sample)).collect();
    for (place, (&sample, x)) in samples.iter().zip(x.chunks_exact_mut(n.max(1))).enumerate() {
        claim.data.copy_row(sample, x);
        // A product of 0 and an infinite feature would be no number.
        finite[place] = Domain::EVERYTHING
            .part(x, radii[place], precision)
            .all(|(lower, upper)| lower.is_finite() && upper.is_finite());
    }
    let images = image.all(&x, &radii);
    let each = images.chunks(m.max(1)).zip(finite).zip(radii).map(|((images, finite), radius)| {
        let unbounded = |image: &Image| {
            let (lower, upper) = image.ends();
            !lower.is_finite() || !upper.is_finite()
        };
        if !finite || images.iter().any(unbounded) {
            return (vec![0.0; m], None);
        }
        let (center, radius) = match stretch {
            Some(stretch) => round(images, mul_up(radius, stretch), precision),
            None => cube(images, precision),
        };
        (center, Some(radius).filter(|radius| radius.is_finite()))
    });
    each.collect()
}

/// A ball of the sup norm around what neurons and their ReLUs give, from the images of a
/// ball under them.
fn cube(images: &[Image], precision: Precision) -> (Vec<f64>, f64) {
    let ends: Vec<(f64, f64)> = images.iter().map(Image::ends).collect();
    // Numbers of the format, so that they may be those that were stored.
    let middle = |(lower, upper): &(f64, f64)| precision.round(lower + (upper - lower) / 2.0);
    let center: Vec<f64> = ends.iter().map(middle).collect();
    let reach =
        center.iter().zip(&ends).map(|(c, (lower, upper))| sub_up(*upper, *c).max(sub_up(*c, *lower)));
    let radius = reach.fold(0.0, f64::max);
    (center, radius)
}

/// The same of the Euclidean norm, for a ball that becomes one of radius `radius` without
/// any rounding.
fn round(images: &[Image], radius: f64, precision: Precision) -> (Vec<f64>, f64) {
    let middles = images.iter().map(|image| image.center.max(0.0));
    let center: Vec<f64> = middles.clone().map(|middle| precision.round(middle)).collect();
    let off = |((c, middle), image): ((&f64, f64), &Image)| {
        add_up(image.error, sub_up(c.max(middle), c.min(middle)))
    };
    let off: Vec<f64> = center.iter().zip(middles).zip(images).map(off).collect();
    let radius = add_up(radius, norm_up(off.into_iter(), Norm::L2));
    (center, radius)
}
