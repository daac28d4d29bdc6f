//! Which output of a network belongs to which class of a dataset.
//!
//! A file may name the classes and the features of its network. Its
//! [`Signature`] is what matching needs of that; [`Classes`] is the answer, from
//! which a [`Claim`] is made.

pub use crate::error::ClassError;
use crate::{Dataset, Error, Norm, Radii, certify::Claim, network::Model};

/// Labels of a scalar head that are numbered without names, at most.
const MOST_NUMBERED: usize = 1 << 20;

/// What is known about the outputs and the inputs of a network.
#[derive(Clone, Copy, Debug)]
pub struct Signature<'a> {
    /// Number of outputs; 1 for a scalar head.
    pub outputs: usize,
    /// What its classes are called, in the order of logits or of the integers
    /// `1..=L`; `None` where they have no names.
    pub classes: Option<&'a [String]>,
    /// What its features are called, in their order.
    pub features: Option<&'a [String]>,
    /// What its claims have as [`Claim::tie_margin`].
    pub tie_margin: f64,
}

/// The classes of a network and how those of a dataset map to them.
#[derive(Clone, Debug, PartialEq)]
pub struct Classes {
    /// For each class of the dataset the class of the network; the number of
    /// classes where the network has none for it.
    pub map: Vec<usize>,
    /// What the network calls its classes.
    pub names: Vec<String>,
    /// As of the [`Signature`].
    pub tie_margin: f64,
}

impl<'a> Signature<'a> {
    /// The names of the classes, each once and as many as the outputs need;
    /// `None` where there are none.
    ///
    /// # Errors
    /// [`ClassError`] when the names do not fit the outputs.
    pub fn named_classes(&self) -> Result<Option<&'a [String]>, Error> {
        let Some(names) = self.classes else { return Ok(None) };
        if names.is_empty() || self.outputs != 1 && self.outputs != names.len() {
            return Err(ClassError::NameCount { names: names.len(), outputs: self.outputs }.into());
        }
        let mut sorted: Vec<&String> = names.iter().collect();
        sorted.sort();
        match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(ClassError::NamedTwice { name: pair[0].clone() }.into()),
            None => Ok(Some(names)),
        }
    }

    /// Refuses data whose features are those of the network in another order.
    ///
    /// # Errors
    /// [`ClassError::FeatureOrder`].
    pub fn match_features(&self, data: &Dataset) -> Result<(), Error> {
        let (Some(known), Some(given)) = (self.features, data.feature_names()) else { return Ok(()) };
        match data.misplaced_feature(known) {
            Some(feature) => Err(ClassError::FeatureOrder {
                feature,
                given: given[feature].clone(),
                expected: known[feature].clone(),
            }
            .into()),
            None => Ok(()),
        }
    }

    /// Matches classes by name where the network names its classes. Else, where
    /// the names in the dataset are integers, by number: logit `c`, counted from
    /// 0, is class `c`, a scalar near `c` is class `c`. Else by order. Which of
    /// these it is does not depend on which classes occur.
    ///
    /// # Errors
    /// [`ClassError`] when a class that occurs, or a feature, does not match.
    pub fn match_classes(&self, data: &Dataset) -> Result<Classes, Error> {
        self.match_features(data)?;
        let given = data.class_names();
        let names = match self.named_classes()? {
            Some(names) => names.to_vec(),
            None => match given.iter().map(|name| name.parse().ok()).collect::<Option<Vec<i64>>>() {
                Some(numbers) => numbered(self.outputs, &numbers)?,
                None if self.outputs > 1 && given.len() == self.outputs => given.to_vec(),
                None => {
                    let (outputs, classes) = (self.outputs, given.len());
                    return Err(ClassError::Nameless { outputs, classes, names: given.join(", ") }.into());
                }
            },
        };
        let map: Vec<usize> = given
            .iter()
            .map(|name| names.iter().position(|known| known == name).unwrap_or(names.len()))
            .collect();
        if let Some(&class) = data.labels().iter().find(|&&class| map[class] == names.len()) {
            let known = names.join(", ");
            return Err(ClassError::Unknown { class: given[class].clone(), known }.into());
        }
        Ok(Classes { map, names, tie_margin: self.tie_margin })
    }
}

impl Classes {
    /// The claim that `model` keeps the labels of `data` within `radii`.
    #[must_use]
    pub fn claim<'a>(
        &'a self,
        model: &'a Model,
        data: &'a Dataset,
        norm: Norm,
        radii: &'a Radii,
    ) -> Claim<'a> {
        let (network_classes, tie_margin) = (self.names.len(), self.tie_margin);
        Claim { model, data, classes: &self.map, network_classes, norm, radii, tie_margin }
    }
}

/// The numbers that outputs without names stand for: 0 to L − 1 for logits, 1
/// to the largest label and one more for a scalar: whether the network knows a
/// larger label is not known, so that the largest is not open upward.
fn numbered(outputs: usize, labels: &[i64]) -> Result<Vec<String>, ClassError> {
    let first = usize::from(outputs == 1);
    let largest = labels.iter().filter_map(|&label| usize::try_from(label).ok()).max().unwrap_or(0);
    let last = if outputs == 1 { largest.min(MOST_NUMBERED) + 1 } else { outputs - 1 };
    let fits = |label: &i64| usize::try_from(*label).is_ok_and(|label| (first..=last).contains(&label));
    match labels.iter().find(|label| !fits(label)) {
        Some(&label) => Err(ClassError::NumberOutOfRange { first, last, label }),
        None => Ok((first..=last).map(|c| c.to_string()).collect()),
    }
}
