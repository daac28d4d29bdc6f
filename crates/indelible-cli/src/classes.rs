//! Which output of a network belongs to which class of a dataset.

use indelible::Dataset;
use indelible_io::onnx::Network;

use crate::failure::Failure;

/// The classes of a network and how those of a dataset map to them.
#[derive(Debug)]
pub struct Classes {
    /// For each class of the dataset the class of the network; the number of
    /// classes where the network has none for it.
    pub map: Vec<usize>,
    /// What the network calls its classes.
    pub names: Vec<String>,
}

/// Labels of a scalar head that are numbered without names, at most.
const MOST_NUMBERED: usize = 1 << 20;

/// What the file calls the classes of its network; `None` where it has no names.
pub fn named_classes(network: &Network) -> Result<Option<&[String]>, Failure> {
    let outputs = network.model.outputs();
    let Some(names) = network.metadata.classes.as_deref() else { return Ok(None) };
    if names.is_empty() || outputs != 1 && outputs != names.len() {
        return Err(Failure::input(format!(
            "the file names {} classes, but its network has {outputs} outputs",
            names.len()
        )));
    }
    let mut sorted: Vec<&String> = names.iter().collect();
    sorted.sort();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Failure::input(format!("the file names two classes '{}'", pair[0]))),
        None => Ok(Some(names)),
    }
}

/// Refuses data whose features are those of the network in another order.
pub fn match_features(network: &Network, data: &Dataset) -> Result<(), Failure> {
    let (Some(known), Some(given)) = (network.metadata.features.as_deref(), data.feature_names()) else {
        return Ok(());
    };
    let sorted = |names: &[String]| {
        let mut names = names.to_vec();
        names.sort();
        names
    };
    match known.iter().zip(given).position(|(known, given)| known != given) {
        Some(at) if sorted(known) == sorted(given) => Err(Failure::input(format!(
            "the data have the features of the network in another order: feature {at} is '{}'; expected '{}'",
            given[at], known[at]
        ))),
        _ => Ok(()),
    }
}

/// Matches classes by name where the file names its classes. Else, where the
/// names in the dataset are integers, by number: logit `c`, counted from 0, is
/// class `c`, a scalar near `c` is class `c`. Else by order. Which of these it
/// is does not depend on which classes occur.
pub fn match_classes(network: &Network, data: &Dataset) -> Result<Classes, Failure> {
    match_features(network, data)?;
    let outputs = network.model.outputs();
    let given = data.class_names();
    let names = match named_classes(network)? {
        Some(names) => names.to_vec(),
        None => match given.iter().map(|name| name.parse().ok()).collect::<Option<Vec<i64>>>() {
            Some(numbers) => numbered(outputs, &numbers)?,
            None if outputs == 1 || given.len() == outputs => given.to_vec(),
            None => {
                return Err(Failure::input(format!(
                    "the network has {outputs} classes without names and the data have {}: {}",
                    given.len(),
                    given.join(", ")
                )));
            }
        },
    };
    let map: Vec<usize> = given
        .iter()
        .map(|name| names.iter().position(|known| known == name).unwrap_or(names.len()))
        .collect();
    if let Some(&class) = data.labels().iter().find(|&&class| map[class] == names.len()) {
        return Err(Failure::input(format!(
            "the network knows no class '{}' of the data; it knows {}",
            given[class],
            names.join(", ")
        )));
    }
    Ok(Classes { map, names })
}

/// The numbers that outputs without names stand for: 0 to L − 1 for logits, 1
/// to the largest label for a scalar.
fn numbered(outputs: usize, labels: &[i64]) -> Result<Vec<String>, Failure> {
    let first = usize::from(outputs == 1);
    let largest = labels.iter().filter_map(|&label| usize::try_from(label).ok()).max().unwrap_or(0);
    let last = if outputs == 1 { largest.min(MOST_NUMBERED) } else { outputs - 1 };
    let fits = |label: &i64| usize::try_from(*label).is_ok_and(|label| (first..=last).contains(&label));
    match labels.iter().find(|label| !fits(label)) {
        Some(label) => Err(Failure::input(format!(
            "the network does not name its classes, so that its outputs mean the labels {first} to {last}; the data have {label}"
        ))),
        None => Ok((first..=last).map(|c| c.to_string()).collect()),
    }
}
