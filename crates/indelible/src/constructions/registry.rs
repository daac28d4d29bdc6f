//! The registry of constructions.

use super::{
    Construction, cells, condensed, li2022, lipschitz, nearest, pipelined, projected, wide, yu2024_l1,
    yu2024_linf, yu2024_lipschitz, yu2024_lp,
};
use crate::Error;

/// All constructions; the theorem that the others are compared with is first.
pub const REGISTRY: &[Construction] = &[
    yu2024_linf::ENTRY,
    cells::ENTRY,
    yu2024_lipschitz::ENTRY,
    yu2024_l1::ENTRY,
    yu2024_lp::ENTRY,
    pipelined::ENTRY,
    wide::ENTRY,
    lipschitz::ENTRY,
    nearest::ENTRY,
    condensed::ENTRY,
    projected::ENTRY,
    li2022::ENTRY,
];

impl Construction {
    /// The construction called `name`.
    ///
    /// # Errors
    /// When there is none.
    pub fn named(name: &str) -> Result<&'static Self, Error> {
        REGISTRY.iter().find(|construction| construction.name == name).ok_or_else(|| {
            Error::UnknownConstruction {
                given: name.into(),
                known: REGISTRY.iter().map(|construction| construction.name).collect::<Vec<_>>().join(", "),
            }
        })
    }
}
