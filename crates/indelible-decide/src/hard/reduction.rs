//! The dataset of a set system, and the network of a splitting.

use indelible::{Dataset, Features, Precision, text::counted};

use super::SetSystem;
use crate::{Error, ShallowNetwork, witness::MOST_VALUES};

/// The points on the last axis and their labels.
const AXIS: [(i8, usize); 5] = [(-10, 2), (-5, 2), (0, 2), (1, 5), (10, 1)];

/// The points that all systems of as many elements share: the elements at 1,
/// `g` and the label.
pub(super) fn shared(elements: usize) -> impl Iterator<Item = (Vec<usize>, i8, usize)> {
    let axis = AXIS.map(|(g, label)| (Vec::new(), g, label));
    axis.into_iter().chain((1..=elements).map(|element| (vec![element], 1, 2)))
}

impl SetSystem {
    /// Points in `R^{m+1}`, last coordinate `g`, labels 1 to 5 of which 1, 2
    /// and 5 occur:
    ///
    /// ```text
    /// (0,−10):2  (0,−5):2  (0,0):2  (0,1):5  (0,10):1
    /// e_i at g = 1: 2 for every element i
    /// Σ_{i∈S} e_i at g = 1: 5 for every set S
    /// ```
    ///
    /// A network of depth 2, width 2 and scalar head memorizes them exactly
    /// when the system can be split, and then one memorizes them with every
    /// sup-norm radius up to `1/(100 m)`. All values are small integers.
    ///
    /// # Errors
    /// When the dataset would hold more than 2²⁸ values.
    pub fn dataset(&self) -> Result<Dataset, Error> {
        let m = self.elements();
        let rows = AXIS.len() + m + self.sets().len();
        let total = rows.checked_mul(m + 1).filter(|&t| t <= MOST_VALUES);
        let Some(total) = total else {
            return Err(Error::BadSetSystem(format!("{rows} points of {} features are too many", m + 1)));
        };
        let mut values = Vec::with_capacity(total);
        let mut labels = Vec::with_capacity(rows);
        let sets = self.sets().iter().map(|set| (set.clone(), 1, 5));
        for (ones, g, label) in shared(m).chain(sets) {
            let start = values.len();
            values.resize(start + m, 0.0_f32);
            for element in ones {
                values[start + element - 1] = 1.0;
            }
            values.push(f32::from(g));
            labels.push(label - 1);
        }
        let names = (1..=5).map(|label| label.to_string()).collect();
        Ok(Dataset::new(Features::F32(values.into()), m + 1, labels, names)?)
    }

    /// The network of a splitting: `F = 2 + relu(3g + a·x) − relu(5(g−1) + b·x)`
    /// with `a_i, b_i = −4, −14` for colour `true` and `10, 13` for `false`.
    ///
    /// # Errors
    /// When there is not one colour per element or a set is not split.
    pub fn network(&self, colours: &[bool]) -> Result<ShallowNetwork, Error> {
        let (given, elements) = (colours.len(), self.elements());
        if given != elements {
            let what = format!("{} for {}", counted(given, "colour"), counted(elements, "element"));
            return Err(Error::BadSetSystem(what));
        }
        self.check_split(colours).map_err(Error::BadSetSystem)?;
        let row = |first: f64, second: f64, g: f64| {
            let weights = colours.iter().map(|&c| if c { first } else { second });
            weights.chain([g]).collect::<Vec<f64>>()
        };
        let weights = vec![row(-4.0, 10.0, 3.0), row(-14.0, 13.0, 5.0)];
        ShallowNetwork::new(Precision::F32, weights, vec![0.0, -5.0], vec![1.0, -1.0], 2.0)
    }
}
