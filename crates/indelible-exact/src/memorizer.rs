//! The shelf: exact constructions, one line each.

use crate::{Cuts, Error, ExactNetwork, park2021, vardi2022, zhang2017};

/// All exact constructions, oldest first.
pub const SHELF: &[Memorizer] = &[zhang2017::ENTRY, park2021::ENTRY, vardi2022::ENTRY];

/// A construction over exact integers.
#[derive(Debug)]
pub struct Memorizer {
    /// Its name.
    pub name: &'static str,
    /// Where it is from.
    pub source: &'static str,
    /// The number of parameters as a formula.
    pub formula: &'static str,
    /// How many runs it puts into a group by itself; `None` where it has no groups.
    pub(crate) group: Option<fn(&Cuts) -> usize>,
    pub(crate) build: fn(&Cuts, usize) -> ExactNetwork,
    pub(crate) parameters: fn(&Cuts, usize) -> usize,
    pub(crate) depth: fn(&Cuts, usize) -> usize,
}

impl Memorizer {
    /// The construction called `name`.
    ///
    /// # Errors
    /// When there is none.
    pub fn named(name: &str) -> Result<&'static Self, Error> {
        SHELF.iter().find(|memorizer| memorizer.name == name).ok_or_else(|| Error::UnknownMemorizer {
            given: name.into(),
            known: SHELF.iter().map(|memorizer| memorizer.name).collect::<Vec<_>>().join(", "),
        })
    }

    /// The network, with groups of `group` runs, or of as many as the construction
    /// chooses itself.
    ///
    /// # Errors
    /// As of [`Memorizer::group`].
    pub fn build(&self, cuts: &Cuts, group: Option<usize>) -> Result<ExactNetwork, Error> {
        Ok((self.build)(cuts, self.group(cuts, group)?.unwrap_or(1)))
    }

    /// How many runs share one number; `None` where the construction has no
    /// groups.
    ///
    /// # Errors
    /// [`Error::NoGroups`] when a size is asked for where there are none,
    /// [`Error::BadGroup`] when it is 0 or above the number of runs.
    pub fn group(&self, cuts: &Cuts, asked: Option<usize>) -> Result<Option<usize>, Error> {
        let largest = cuts.runs();
        match (self.group, asked) {
            (None, Some(_)) => Err(Error::NoGroups { name: self.name }),
            (None, None) => Ok(None),
            (Some(_), Some(given)) if given == 0 || given > largest => {
                Err(Error::BadGroup { given, largest })
            }
            (Some(_), Some(given)) => Ok(Some(given)),
            (Some(own), None) => Ok(Some(own(cuts).clamp(1, largest))),
        }
    }

    /// Weights and biases that are not 0, by the formula.
    ///
    /// # Errors
    /// As of [`Memorizer::group`].
    pub fn parameters(&self, cuts: &Cuts, group: Option<usize>) -> Result<usize, Error> {
        Ok((self.parameters)(cuts, self.group(cuts, group)?.unwrap_or(1)))
    }

    /// Affine layers, by the formula.
    ///
    /// # Errors
    /// As of [`Memorizer::group`].
    pub fn depth(&self, cuts: &Cuts, group: Option<usize>) -> Result<usize, Error> {
        Ok((self.depth)(cuts, self.group(cuts, group)?.unwrap_or(1)))
    }
}
