//! Networks behind directions: a ball of any norm becomes a box, and the box is
//! asked of the network behind as a ball of the sup norm.
//!
//! What a neuron `relu(u·x + b)` can give on a ball, in real arithmetic and as executed,
//! is an interval that reaches as far as the dual norm of `u` and its roundings say
//! ([`BallImage`]). The smallest ball of the sup norm that contains all of them is what
//! a certificate about the network behind must cover: every real number in it, and
//! every number of the format, is then covered too.

use super::{Claim, Domain, Verdict};
use crate::{
    Dataset, Error, Features, Norm, Radii,
    network::{BallImage, Projected},
    number::sub_up,
    parallel,
};

/// Samples whose balls are looked at together.
const TOGETHER: usize = 64;

/// A claim about a network behind directions, and what is asked of that network.
pub(super) struct Behind<'a> {
    claim: &'a Claim<'a>,
    projected: &'a Projected,
    /// The centers of boxes, with the labels of the samples.
    data: Dataset,
    radii: Radii,
    /// Whether there is such a box.
    bounded: Vec<bool>,
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
        let of = |samples: &[usize]| boxes(claim, projected, &image, samples);
        let boxes: Vec<(Vec<f64>, Option<f64>)> = parallel::flat_map_chunks(&samples, TOGETHER, of);
        let bounded = boxes.iter().map(|(_, radius)| radius.is_some()).collect();
        let radii = Radii::PerSample(boxes.iter().map(|(_, radius)| radius.unwrap_or(0.0)).collect());
        let centers: Vec<f64> = boxes.into_iter().flat_map(|(center, _)| center).collect();
        let (labels, names) = (claim.data.labels().to_vec(), claim.data.class_names().to_vec());
        let width = projected.inner().inputs();
        let data = Dataset::new(Features::F64(centers.into()), width, labels, names)?;
        Ok(Some(Self { claim, projected, data, radii, bounded }))
    }

    /// What is asked of the network behind.
    pub fn claim(&self) -> Claim<'_> {
        let (model, norm) = (self.projected.inner(), Norm::Linf);
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

/// The boxes around what directions make of some balls: their centers and how far they
/// reach; no radius where there is none.
fn boxes(
    claim: &Claim<'_>,
    projected: &Projected,
    image: &BallImage<'_>,
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
    let each = images.chunks(m.max(1)).zip(finite).map(|(images, finite)| {
        let ends: Vec<(f64, f64)> = images.iter().map(|image| image.ends()).collect();
        if !finite || ends.iter().any(|(lower, upper)| !lower.is_finite() || !upper.is_finite()) {
            return (vec![0.0; m], None);
        }
        // Numbers of the format, so that they may be those that were stored.
        let middle = |(lower, upper): &(f64, f64)| precision.round(lower + (upper - lower) / 2.0);
        let center: Vec<f64> = ends.iter().map(middle).collect();
        let reach =
            center.iter().zip(&ends).map(|(c, (lower, upper))| sub_up(*upper, *c).max(sub_up(*c, *lower)));
        let radius = reach.fold(0.0, f64::max);
        (center, Some(radius).filter(|radius| radius.is_finite()))
    });
    each.collect()
}
