//! Theorems as code: one file per construction, named for its source.
//!
//! A construction takes a dataset and a [`Budget`] and gives the network of
//! its theorem, layer by layer, and where there is one its compact form.
//! [`REGISTRY`] lists them all.

mod cells;
mod distances;
mod frame;
mod heads;
mod lipschitz;
mod nearest;
mod pipelined;
mod power;
mod ramps;
mod stream;
mod wide;
mod yu2024_l1;
mod yu2024_linf;
mod yu2024_lipschitz;
mod yu2024_lp;

pub use cells::Cells;
pub use yu2024_linf::Yu2024Linf;
pub use yu2024_lp::{Approximation, yu2024_lp};

use crate::{
    Budget, Dataset, Error, Norm, Precision, Radii,
    network::{Head, Model, Network, Size, size},
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
pub trait BuiltNetwork: Network {
    /// The same function in a compact form, for sizes where layers are too
    /// many to write.
    ///
    /// # Errors
    /// When there is none, or the format cannot hold it.
    fn compact(&self) -> Result<Model, Error>;

    /// Its size, the same as [`size`] finds by making every layer.
    fn size(&self) -> Size {
        size(self)
    }
}

impl std::fmt::Debug for dyn BuiltNetwork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Construction({} -> {}, depth {})", self.inputs(), self.outputs(), self.depth())
    }
}

/// How many labels a construction can tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Labels {
    /// Any number.
    Any,
    /// Exactly two.
    Two,
}

/// A line of the registry.
#[derive(Clone, Copy, Debug)]
pub struct Construction {
    /// Name on the command line and in files.
    pub name: &'static str,
    /// The published result, or what is new.
    pub source: &'static str,
    /// Norms it serves.
    pub norms: &'static [Norm],
    /// Whether it serves every other norm `l_p` with `1 < p < ∞` as well.
    pub every_p: bool,
    /// Labels it serves.
    pub labels: Labels,
    /// Whether it serves one radius per sample.
    pub per_sample: bool,
    /// Whether it can have a scalar head.
    pub scalar: bool,
    at_least: fn(&Dataset, Norm) -> AtLeast,
    build: Build,
}

/// What no network of a construction falls below on some data: found without
/// building it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AtLeast {
    /// Weights and biases that are not 0.
    pub nonzero: usize,
    /// All entries of the dense matrices and bias vectors.
    pub all: usize,
}

type Build = fn(&Dataset, &Budget, Options) -> Result<Box<dyn BuiltNetwork>, Error>;

/// All constructions.
pub const REGISTRY: &[Construction] = &[
    Construction {
        name: "yu2024-linf",
        source: "Yu, Gao & Zhang, ICLR 2024, Theorem 4.8",
        norms: &[Norm::Linf],
        every_p: false,
        labels: Labels::Any,
        per_sample: true,
        scalar: true,
        at_least: |data, _| stream::at_least(data.features(), data.samples()),
        build: |data, budget, options| Ok(Box::new(Yu2024Linf::new(data, budget, options)?)),
    },
    Construction {
        name: "cells",
        source: "sparse, merged cells",
        norms: &[Norm::Linf],
        every_p: false,
        labels: Labels::Any,
        per_sample: true,
        scalar: true,
        at_least: |_, _| cells::AT_LEAST,
        build: |data, budget, options| Ok(Box::new(Cells::new(data, budget, options)?)),
    },
    Construction {
        name: "yu2024-lipschitz",
        source: "Yu, Gao & Zhang, ICLR 2024, Theorem 5.2",
        norms: &[Norm::Linf],
        every_p: false,
        labels: Labels::Two,
        per_sample: false,
        scalar: true,
        at_least: |data, _| yu2024_lipschitz::at_least(data),
        build: yu2024_lipschitz::build,
    },
    Construction {
        name: "yu2024-l1",
        source: "Yu, Gao & Zhang, ICLR 2024, Theorem B.2",
        norms: &[Norm::L1],
        every_p: false,
        labels: Labels::Any,
        per_sample: true,
        scalar: true,
        at_least: |data, _| stream::at_least(data.features(), data.samples()),
        build: yu2024_l1::build,
    },
    Construction {
        name: "yu2024-lp",
        source: "Yu, Gao & Zhang, ICLR 2024, Theorem B.3",
        norms: &[Norm::L2],
        every_p: true,
        labels: Labels::Any,
        per_sample: true,
        scalar: true,
        at_least: |data, _| stream::at_least(data.features(), data.samples()),
        build: yu2024_lp::build,
    },
    Construction {
        name: "pipelined",
        source: "Theorems 4.8 and B.2 at half the depth",
        norms: &[Norm::Linf, Norm::L1],
        every_p: false,
        labels: Labels::Any,
        per_sample: true,
        scalar: true,
        at_least: |data, _| stream::at_least(data.features(), data.samples()),
        build: pipelined::build,
    },
    Construction {
        name: "wide",
        source: "Theorems 4.8 and B.2 in three or four layers",
        norms: &[Norm::Linf, Norm::L1],
        every_p: false,
        labels: Labels::Any,
        per_sample: true,
        scalar: false,
        at_least: |data, _| wide::at_least(data),
        build: wide::build,
    },
    Construction {
        name: "lipschitz",
        source: "Theorem 5.2 without the log factor, for any number of labels",
        norms: &[Norm::Linf, Norm::L1],
        every_p: false,
        labels: Labels::Any,
        per_sample: false,
        scalar: true,
        at_least: |data, _| lipschitz::at_least(data),
        build: lipschitz::build,
    },
    Construction {
        name: "nearest",
        source: "the 1-nearest-neighbour rule",
        norms: &[Norm::Linf, Norm::L1, Norm::L2],
        every_p: false,
        labels: Labels::Any,
        per_sample: true,
        scalar: false,
        at_least: nearest::at_least,
        build: nearest::build,
    },
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

    /// Whether the construction serves these data, this budget and this head.
    #[must_use]
    pub fn serves(&self, data: &Dataset, budget: &Budget, options: Options) -> bool {
        let per_sample = matches!(budget.radii(), Radii::PerSample(_));
        self.serves_norm(budget.norm()).is_ok() && self.suits(data, per_sample, options.head)
    }

    /// Whether the construction serves these data, one radius or one
    /// `per_sample`, and this head, in the norms it serves.
    #[must_use]
    pub fn suits(&self, data: &Dataset, per_sample: bool, head: Head) -> bool {
        let two = data.classes() == 2;
        // From more than two labels a construction without a running label
        // has logits only.
        let scalar = self.scalar && (two || self.name != "lipschitz");
        (self.labels == Labels::Any || two)
            && (self.per_sample || !per_sample)
            && (scalar || head == Head::Logits)
    }

    /// Checks that the construction serves `norm`.
    ///
    /// # Errors
    /// [`Error::NormNotSupported`] when it does not.
    pub fn serves_norm(&self, norm: Norm) -> Result<(), Error> {
        if self.norms.contains(&norm) || self.every_p && matches!(norm, Norm::Lp(_)) {
            return Ok(());
        }
        let others = self.every_p.then(|| "any other l_p with 1 < p < inf".to_string());
        let supported: Vec<String> = self.norms.iter().map(ToString::to_string).chain(others).collect();
        Err(Error::NormNotSupported { construction: self.name, supported: supported.join(", "), norm })
    }

    /// A size that no network of the construction falls below on these data in
    /// a norm it serves; cheap.
    #[must_use]
    pub fn at_least(&self, data: &Dataset, norm: Norm) -> AtLeast {
        (self.at_least)(data, norm)
    }

    /// Builds the network that memorizes `data` within `budget`.
    ///
    /// # Errors
    /// When the construction does not serve the budget's norm, the labels, the
    /// head or one radius per sample, or the format is too coarse.
    pub fn build(
        &self,
        data: &Dataset,
        budget: &Budget,
        options: Options,
    ) -> Result<Box<dyn BuiltNetwork>, Error> {
        self.serves_norm(budget.norm())?;
        (self.build)(data, budget, options)
    }
}
