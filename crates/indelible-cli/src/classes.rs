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

/// Matches classes by name where the file names its classes. Else, where all
/// names of the dataset are integers that the outputs can mean, by number:
/// logit `c` is class `c`, a scalar near `c` is class `c`. Else by order.
pub fn match_classes(network: &Network, data: &Dataset) -> Result<Classes, Failure> {
    let outputs = network.model.outputs();
    let given = data.class_names();
    let names = match &network.metadata.classes {
        Some(names) if outputs == 1 || outputs == names.len() => names.clone(),
        Some(names) => {
            return Err(Failure::input(format!(
                "the file names {} classes, but its network has {outputs} outputs",
                names.len()
            )));
        }
        None => {
            let first = usize::from(outputs == 1);
            // A scalar says nothing of how many labels there are: names that are
            // numbers stand for themselves, up to the largest.
            let numbers = given.iter().map(|name| name.parse().ok().filter(|number| *number > 0));
            let largest = numbers.collect::<Option<Vec<usize>>>().and_then(|all| all.into_iter().max());
            let count = match largest {
                Some(largest) if outputs == 1 && largest <= MOST_NUMBERED => largest,
                _ if outputs == 1 => given.len(),
                _ => outputs,
            };
            let numbers: Vec<String> = (first..first + count).map(|c| c.to_string()).collect();
            if given.iter().all(|name| numbers.contains(name)) {
                numbers
            } else if given.len() == count {
                given.to_vec()
            } else {
                return Err(Failure::input(format!(
                    "the network has {count} classes without names and the data have {}: {}",
                    given.len(),
                    given.join(", ")
                )));
            }
        }
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
