//! What is to be proved, the boxes around balls, and distances.

use super::Domain;
use crate::{
    Budget, Dataset, Error, Norm, Precision, Progress, Radii,
    network::{Model, norm_up, predicted_class},
    number::{mul_up, sub_up},
    separation::nearest_enemies,
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
    /// The norm of the balls: of what the map gives where the model
    /// [has scaled balls](Model::has_scaled_balls).
    pub norm: Norm,
    /// Their radii.
    pub radii: &'a Radii,
    /// Logits that are not farther apart than this decide nothing: what stands behind them in
    /// the executed file may make them equal. 0 where nothing does.
    pub tie_margin: f64,
}

impl Claim<'_> {
    /// The class of the network that a sample is to get.
    pub(super) fn class(&self, sample: usize) -> usize {
        self.classes[self.data.labels()[sample]]
    }

    /// The class that outputs give in place of `class`, `Some(None)` where one is NaN;
    /// `None` where they give `class`, or what stands behind them may.
    pub(super) fn instead_of(&self, class: usize, outputs: &[f64]) -> Option<Option<usize>> {
        let predicted = predicted_class(outputs, self.network_classes);
        let leads = |p: usize| outputs.get(class).is_none_or(|own| outputs[p] - own > self.tie_margin);
        match predicted {
            Some(p) if p == class => None,
            Some(p) if self.tie_margin > 0.0 && outputs.len() > 1 && !leads(p) => None,
            other => Some(other),
        }
    }

    /// A number not below the distance of two points, as the balls measure it,
    /// close to it.
    #[must_use]
    pub fn distance_up(&self, a: &[f64], b: &[f64]) -> f64 {
        let scaled = match self.model {
            Model::Scaled(scaled) if self.model.has_scaled_balls() => scaled,
            _ => return distance_up(a, b, self.norm),
        };
        let moves = a.iter().zip(b).zip(scaled.scaling().factors());
        let moves: Vec<f64> = moves.map(|((&a, &b), &w)| mul_up(w, sub_up(a.max(b), a.min(b)))).collect();
        norm_up(moves.iter().copied(), self.norm)
    }

    /// That the parts belong together.
    pub(super) fn check(&self) -> Result<(), Error> {
        let data = self.data;
        if self.model.inputs() != data.features() {
            return Err(Error::InputWidth { expected: self.model.inputs(), given: data.features() });
        }
        if self.classes.len() != data.classes() {
            return Err(Error::ClassMap { classes: data.classes(), given: self.classes.len() });
        }
        let scalar = self.model.outputs() == 1;
        if let Some(&label) =
            data.labels().iter().find(|&&label| scalar && self.classes[label] >= self.network_classes)
        {
            return Err(Error::ClassRange { class: self.classes[label], classes: self.network_classes });
        }
        let radii = match self.radii {
            Radii::Uniform(radius) => std::slice::from_ref(radius),
            Radii::PerSample(radii) if radii.len() != data.samples() => {
                return Err(Error::RadiusCount { samples: data.samples(), radii: radii.len() });
            }
            Radii::PerSample(radii) => radii,
        };
        let bad = radii.iter().find(|radius| !(radius.is_finite() && **radius >= 0.0));
        bad.map_or(Ok(()), |&given| Err(Error::BadRadius { given }))
    }
}

/// For each sample `ratio` of half the distance to its nearest enemy, as the balls
/// of `model` measure it: behind the map of the features where it has one.
///
/// # Errors
/// When the ratio is not between 0 and 1, no radius is possible, or the data do not
/// fit the map.
pub fn radii_at_ratio(
    model: &Model,
    data: &Dataset,
    norm: Norm,
    ratio: f64,
    progress: &dyn Progress,
) -> Result<Radii, Error> {
    let images = match model {
        Model::Scaled(scaled) if model.has_scaled_balls() => {
            Some(scaled.scaling().images(data, Precision::F64)?)
        }
        _ => None,
    };
    let near = nearest_enemies(images.as_ref().unwrap_or(data), norm, progress);
    Ok(Budget::per_sample(ratio, &near)?.radii().clone())
}

/// The smallest box around the whole ball of a sample, as [`Domain::part`] says.
pub(super) fn ball(x: &[f64], radius: f64, precision: Precision) -> impl Iterator<Item = (f64, f64)> {
    Domain::EVERYTHING.part(x, radius, precision)
}

/// A number not below the distance of two points, close to it.
#[must_use]
pub fn distance_up(a: &[f64], b: &[f64], norm: Norm) -> f64 {
    norm_up(a.iter().zip(b).map(|(&a, &b)| sub_up(a.max(b), a.min(b))), norm)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn distances_are_bounded_closely(
            x in prop::collection::vec(-1e3f64..1e3, 1..12),
            scale in prop_oneof![Just(1.0), Just(1e-160), Just(1e150)],
            p in prop_oneof![Just(1.0 + 1e-6), 1.1f64..6.0, 50.0f64..1000.0],
        ) {
            let x: Vec<f64> = x.iter().map(|v| v * scale).collect();
            let largest = x.iter().fold(0.0f64, |m, v| m.max(v.abs()));
            let expected = largest * x.iter().map(|v| (v.abs() / largest).powf(p)).sum::<f64>().powf(1.0 / p);
            prop_assume!(largest > 0.0);
            let bound = distance_up(&x, &vec![0.0; x.len()], Norm::lp(p).unwrap());
            prop_assert!(bound >= expected * (1.0 - 1e-14) && bound <= expected * (1.0 + 1e-9), "{bound} {expected}");
        }
    }
}
