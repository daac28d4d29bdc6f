//! What a memorizer is on given data: how large, and the network.

use crate::{Cuts, Error, ExactNetwork};

/// What the constructions of the shelf say of a network before it is built.
pub(crate) trait Shape {
    /// How many runs or samples are put into a group if nobody says so, and how many there
    /// are; `None` where nothing is put into groups.
    fn groups(&self) -> Option<[usize; 2]> {
        None
    }

    fn build(&self, group: usize) -> ExactNetwork;

    /// Weights and biases that are not 0, by the formula.
    fn parameters(&self, group: usize) -> usize;

    /// Affine layers, by the formula.
    fn depth(&self, group: usize) -> usize;

    /// The radius that is left, rounded down.
    fn radius(&self) -> f64;

    /// Binary digits of a neuron of the first layer.
    fn place_bits(&self) -> usize;
}

/// A construction on data.
pub struct Plan {
    pub(crate) name: &'static str,
    pub(crate) shape: Box<dyn Shape>,
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Plan({}, radius {})", self.name, self.radius())
    }
}

impl Plan {
    /// The name of the construction.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The network, with groups of `group`, or of as many as the construction
    /// chooses itself.
    ///
    /// # Errors
    /// As of [`Plan::group`].
    pub fn build(&self, group: Option<usize>) -> Result<ExactNetwork, Error> {
        Ok(self.shape.build(self.size_of_groups(group)?))
    }

    /// How many runs of one label share one number; `None` where the construction
    /// has no groups.
    ///
    /// # Errors
    /// [`Error::NoGroups`] when a size is asked for where there are none,
    /// [`Error::BadGroup`] when it is 0 or above the number of runs.
    pub fn group(&self, asked: Option<usize>) -> Result<Option<usize>, Error> {
        match (self.shape.groups(), asked) {
            (None, Some(_)) => Err(Error::NoGroups { name: self.name }),
            (None, None) => Ok(None),
            (Some([_, largest]), Some(given)) if given == 0 || given > largest => {
                Err(Error::BadGroup { given, largest })
            }
            (Some(_), Some(given)) => Ok(Some(given)),
            (Some([own, largest]), None) => Ok(Some(own.clamp(1, largest))),
        }
    }

    fn size_of_groups(&self, asked: Option<usize>) -> Result<usize, Error> {
        Ok(self.group(asked)?.unwrap_or(1))
    }

    /// Weights and biases that are not 0, by the formula.
    ///
    /// # Errors
    /// As of [`Plan::group`].
    pub fn parameters(&self, group: Option<usize>) -> Result<usize, Error> {
        Ok(self.shape.parameters(self.size_of_groups(group)?))
    }

    /// Affine layers, by the formula.
    ///
    /// # Errors
    /// As of [`Plan::group`].
    pub fn depth(&self, group: Option<usize>) -> Result<usize, Error> {
        Ok(self.shape.depth(self.size_of_groups(group)?))
    }

    /// The radius of balls that it leaves room for: no smaller than the one asked for but
    /// for the rounding of this number, which is downward.
    #[must_use]
    pub fn radius(&self) -> f64 {
        self.shape.radius()
    }

    /// Binary digits of a neuron of the first layer, as [`ExactNetwork::in_floats`] needs
    /// them.
    #[must_use]
    pub fn place_bits(&self) -> usize {
        self.shape.place_bits()
    }
}

/// A memorizer of the runs between cuts.
pub(crate) struct OverCuts {
    pub cuts: Cuts,
    /// How many runs it puts into a group by itself; `None` where it has no groups.
    pub group: Option<fn(&Cuts) -> usize>,
    pub build: fn(&Cuts, usize) -> ExactNetwork,
    pub parameters: fn(&Cuts, usize) -> usize,
    pub depth: fn(&Cuts, usize) -> usize,
}

impl Shape for OverCuts {
    fn groups(&self) -> Option<[usize; 2]> {
        self.group.map(|own| [own(&self.cuts), self.cuts.runs()])
    }

    fn build(&self, group: usize) -> ExactNetwork {
        (self.build)(&self.cuts, group)
    }

    fn parameters(&self, group: usize) -> usize {
        (self.parameters)(&self.cuts, group)
    }

    fn depth(&self, group: usize) -> usize {
        (self.depth)(&self.cuts, group)
    }

    fn radius(&self) -> f64 {
        self.cuts.radius()
    }

    fn place_bits(&self) -> usize {
        self.cuts.place_bits()
    }
}
