//! What every construction says of itself.

use super::{
    Bound, BuiltNetwork, Options,
    serves::{Heads, Labels},
};
use crate::{
    Budget, Dataset, Error, Norm, Progress, Radii, Silent,
    network::{Head, Schedule},
};

/// A line of the registry: what a construction serves and promises.
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
    /// Heads it can have.
    pub heads: Heads,
    /// When the layers of a step begin, where it takes one sample after the
    /// other.
    pub schedule: Option<Schedule>,
    /// Largest dense form, in bytes, that is preferred to the compact one.
    pub largest_dense: u64,
    /// Whether the proved bound of its Lipschitz constant is that constant, so
    /// that some pair of points attains it.
    pub tight_lipschitz: bool,
    /// How many parameters its theorem says are enough.
    pub bounds: &'static [Bound],
    /// How many numbers data may have for it to be tried without being named.
    pub(super) largest_unnamed: fn(Norm) -> usize,
    pub(super) at_least: fn(&Dataset, Norm) -> AtLeast,
    pub(super) build: Build,
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

impl AtLeast {
    /// What steps over `n` features have at least: each a layer of two one-sided
    /// differences per feature, every one with a weight of its own and read by a
    /// neuron, and the features passed on to the next step.
    pub(super) fn of_steps(n: usize, steps: usize) -> Self {
        Self { nonzero: 4 * n * steps + n * steps.saturating_sub(1), all: (n + 1) * 2 * n * steps }
    }
}

type Build = fn(&Dataset, &Budget, Options, &dyn Progress) -> Result<Box<dyn BuiltNetwork>, Error>;

impl Construction {
    /// One for these norms, any labels and heads and one radius per sample,
    /// that is preferred as layers where other software opens those without
    /// trouble and has at least the size of steps for all samples.
    pub(super) const fn new(
        name: &'static str,
        source: &'static str,
        norms: &'static [Norm],
        build: Build,
    ) -> Self {
        Self {
            name,
            source,
            norms,
            every_p: false,
            labels: Labels::Any,
            per_sample: true,
            heads: Heads::Any,
            schedule: None,
            largest_dense: 512 << 20,
            tight_lipschitz: false,
            bounds: &[],
            largest_unnamed: |_| usize::MAX,
            at_least: |data, _| AtLeast::of_steps(data.features(), data.samples()),
            build,
        }
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
        self.labels.include(data.classes())
            && (self.per_sample || !per_sample)
            && self.heads.include(head, data.classes())
    }

    /// Checks that building it takes no longer than people who did not name it
    /// expect.
    ///
    /// # Errors
    /// [`Error::Unsuitable`] when `data` are too large for that in `norm`.
    pub fn is_tried_unnamed(&self, data: &Dataset, norm: Norm) -> Result<(), Error> {
        let (given, most) = (data.samples().saturating_mul(data.features()), (self.largest_unnamed)(norm));
        if given <= most {
            return Ok(());
        }
        let why =
            format!("it takes long for {given} numbers in {norm}, so beyond {most} it is built by name only");
        Err(Error::Unsuitable { construction: self.name, why })
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
        self.build_with(data, budget, options, &Silent)
    }

    /// As [`build`](Self::build); `progress` is told how far long stages are.
    ///
    /// # Errors
    /// As of [`build`](Self::build).
    pub fn build_with(
        &self,
        data: &Dataset,
        budget: &Budget,
        options: Options,
        progress: &dyn Progress,
    ) -> Result<Box<dyn BuiltNetwork>, Error> {
        self.serves_norm(budget.norm())?;
        (self.build)(data, budget, options, progress)
    }
}
