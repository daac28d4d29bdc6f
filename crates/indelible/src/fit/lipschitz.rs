//! The Lipschitz constant of a network: the bound proved for it and, beside
//! data, a pair of points that attains it.

use crate::{
    Dataset, Error, Norm,
    certify::{SteepestPair, lipschitz_bound, steepest_pair},
    network::Model,
};

/// A bound is said to be attained when a pair comes as near to it as this.
const NEAR: f64 = 1.0 - 1e-6;

/// The bound and the steepest pair that was found.
#[derive(Clone, Debug)]
pub struct Lipschitz {
    /// The norm in which inputs are measured.
    pub norm: Norm,
    /// A bound for every output; infinite where none was found.
    pub bound: f64,
    /// The steepest pair of points that was found, where one was looked for.
    pub pair: Option<SteepestPair>,
}

impl Lipschitz {
    /// Bounds every output of `model`, and looks for a pair around samples
    /// where there are some.
    ///
    /// # Errors
    /// When the samples have another number of features than the network.
    pub fn of(model: &Model, norm: Norm, around: Option<&Dataset>) -> Result<Self, Error> {
        let bound = lipschitz_bound(model, norm);
        let pair = around.map(|data| steepest_pair(model, norm, data, NEAR * bound)).transpose()?;
        Ok(Self { norm, bound, pair: pair.flatten() })
    }

    /// The pair, where it shows that the bound is the constant itself.
    #[must_use]
    pub fn attaining(&self) -> Option<&SteepestPair> {
        self.pair.as_ref().filter(|pair| self.bound.is_finite() && pair.slope >= NEAR * self.bound)
    }
}
