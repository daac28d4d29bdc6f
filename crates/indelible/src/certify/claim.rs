//! What is to be proved, and the boxes around balls.

use crate::{
    Dataset, Error, Norm, Precision, Radii,
    network::Model,
    number::{add_up, sub_down},
};

/// What is to be proved.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// The network, as stored.
    pub model: &'a Model,
    /// The samples, whose labels the network must give.
    pub data: &'a Dataset,
    /// For each class of the data the class of the network that means it:
    /// position of a logit, or the integer less 1 that a scalar is near.
    pub classes: &'a [usize],
    /// Number of classes of the network, `L`.
    pub network_classes: usize,
    /// The norm of the balls.
    pub norm: Norm,
    /// Their radii.
    pub radii: &'a Radii,
}

impl Claim<'_> {
    /// That the parts belong together.
    pub(super) fn check(&self) -> Result<(), Error> {
        let data = self.data;
        if self.model.inputs() != data.features() {
            return Err(Error::InputWidth { expected: self.model.inputs(), given: data.features() });
        }
        if self.classes.len() != data.classes() {
            return Err(Error::ClassMap { classes: data.classes(), given: self.classes.len() });
        }
        let good = |radius: &f64| radius.is_finite() && *radius >= 0.0;
        match self.radii {
            Radii::Uniform(radius) if good(radius) => Ok(()),
            Radii::Uniform(radius) => Err(Error::BadRadius { given: *radius }),
            Radii::PerSample(radii) if radii.len() != data.samples() => {
                Err(Error::RadiusCount { samples: data.samples(), radii: radii.len() })
            }
            Radii::PerSample(radii) => match radii.iter().find(|r| !good(r)) {
                Some(radius) => Err(Error::BadRadius { given: *radius }),
                None => Ok(()),
            },
        }
    }
}

/// The smallest interval of each feature that contains the ball of a sample
/// and every number of the format that rounding turns a point of it into. For
/// every p the sup-norm ball contains the `l_p` ball of the same radius.
pub(super) fn ball(x: &[f64], radius: f64, precision: Precision) -> impl Iterator<Item = (f64, f64)> {
    x.iter().map(move |&x| {
        let (lower, upper) = (sub_down(x, radius), add_up(x, radius));
        (lower.min(precision.round(lower)), upper.max(precision.round(upper)))
    })
}
