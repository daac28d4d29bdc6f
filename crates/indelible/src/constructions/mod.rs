//! Theorems as code: one file per construction, named for its source.
//!
//! A construction takes a dataset and a [`Budget`] and gives the network of
//! its theorem, layer by layer, and where there is one its compact form.
//! [`REGISTRY`] lists them all.

mod cells;
mod yu2024_linf;

pub use cells::Cells;
pub use yu2024_linf::Yu2024Linf;

use crate::{
    Budget, Dataset, Error, Norm, Precision,
    network::{Head, Model, Network},
};

/// What a construction may choose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Scalar output or logits; logits unless said otherwise.
    pub head: Head,
    /// Format of weights and execution; binary32 unless said otherwise.
    pub precision: Precision,
}

impl Default for Options {
    fn default() -> Self {
        Self { head: Head::Logits, precision: Precision::F32 }
    }
}

/// A network built by a construction.
pub trait Construction: Network {
    /// The same function in a compact form, for sizes where layers are too
    /// many to write.
    ///
    /// # Errors
    /// When there is none, or the format cannot hold it.
    fn compact(&self) -> Result<Model, Error>;
}

impl std::fmt::Debug for dyn Construction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Construction({} -> {}, depth {})", self.inputs(), self.outputs(), self.depth())
    }
}

/// A line of the registry.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Name on the command line and in files.
    pub name: &'static str,
    /// The published result.
    pub source: &'static str,
    /// Norms it serves.
    pub norms: &'static [Norm],
    build: Build,
}

type Build = fn(&Dataset, &Budget, Options) -> Result<Box<dyn Construction>, Error>;

/// All constructions.
pub const REGISTRY: &[Entry] = &[
    Entry {
        name: "yu2024-linf",
        source: "Yu, Gao & Zhang, ICLR 2024, Theorem 4.8",
        norms: &[Norm::Linf],
        build: |data, budget, options| Ok(Box::new(Yu2024Linf::new(data, budget, options)?)),
    },
    Entry {
        name: "cells",
        source: "sparse, merged cells",
        norms: &[Norm::Linf],
        build: |data, budget, options| Ok(Box::new(Cells::new(data, budget, options)?)),
    },
];

impl Entry {
    /// The construction called `name`.
    ///
    /// # Errors
    /// When there is none.
    pub fn named(name: &str) -> Result<&'static Self, Error> {
        REGISTRY.iter().find(|entry| entry.name == name).ok_or_else(|| Error::UnknownConstruction {
            given: name.into(),
            known: REGISTRY.iter().map(|entry| entry.name).collect::<Vec<_>>().join(", "),
        })
    }

    /// Builds the network that memorizes `data` within `budget`.
    ///
    /// # Errors
    /// When the construction does not serve the budget's norm, or the format
    /// is too coarse.
    pub fn build(
        &self,
        data: &Dataset,
        budget: &Budget,
        options: Options,
    ) -> Result<Box<dyn Construction>, Error> {
        if !self.norms.contains(&budget.norm()) {
            return Err(Error::NormNotSupported {
                construction: self.name,
                supported: self.norms.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
                norm: budget.norm(),
            });
        }
        (self.build)(data, budget, options)
    }
}
