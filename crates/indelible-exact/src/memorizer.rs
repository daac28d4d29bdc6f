//! The shelf: exact constructions, one line each.

use indelible::Dataset;

use crate::{
    Error, Line, egosi2025, kim2025, kim2025_ii, park2021,
    plan::{Plan, Shape},
    vardi2022, zhang2017,
};

/// All exact constructions, oldest first.
pub const SHELF: &[Memorizer] = &[
    zhang2017::ENTRY,
    park2021::ENTRY,
    vardi2022::ENTRY,
    egosi2025::ENTRY,
    kim2025::ENTRY,
    kim2025_ii::ENTRY,
];

/// From data, a line, a radius and the least number of digits of a key.
type MakeShape = fn(&Dataset, &Line, f64, usize) -> Result<Box<dyn Shape>, Error>;

/// A construction over exact integers.
#[derive(Debug)]
pub struct Memorizer {
    /// Its name.
    pub name: &'static str,
    /// Where it is from.
    pub source: &'static str,
    /// The number of parameters as a formula.
    pub formula: &'static str,
    /// Whether what it promises can be proved of it; else it is there to be counted.
    pub is_provable: bool,
    /// Numbers that data may have, samples times features, for it to be tried without
    /// being named.
    pub most_unnamed: usize,
    pub(crate) shape: MakeShape,
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

    /// The construction on `data`, with room for balls of `radius` in the norm of `line`, a
    /// line through the data; keys have `key_bits` digits at least, where there are any.
    ///
    /// # Errors
    /// [`Error::RadiusTooLarge`] or [`Error::NoRoom`] when balls of different labels are not
    /// told apart, [`Error::NoLine`] when samples are not,
    /// [`indelible::Error::BadRadius`] for a radius that is none.
    pub fn plan(&self, data: &Dataset, line: &Line, radius: f64, key_bits: usize) -> Result<Plan, Error> {
        Ok(Plan { name: self.name, shape: (self.shape)(data, line, radius, key_bits)? })
    }
}
