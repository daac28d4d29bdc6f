//! Where a network goes before it is proved.

use super::{Candidate, Inside};
use crate::{
    Budget, Dataset, Error,
    classes::Signature,
    network::{Model, Scaled, StoredNetwork},
};

/// A network that is to be stored: built from `data` for `budget`.
#[derive(Debug)]
pub struct Draft<'a> {
    /// The samples it memorizes.
    pub data: &'a Dataset,
    /// The radii it keeps them within.
    pub budget: &'a Budget,
    /// The network.
    pub candidate: &'a Candidate,
    /// Its compact form; `None` where its layers are to be stored.
    pub compact: Option<Model>,
    /// The map that is to stand in front of it, and what it was built from behind
    /// that; `None` where it reads the samples themselves.
    pub inside: Option<&'a Inside>,
}

/// A network as it was stored.
#[derive(Clone, Debug)]
pub struct Stored {
    /// What it computes.
    pub model: Model,
    /// What its classes are called, where that was stored.
    pub classes: Option<Vec<String>>,
    /// What its features are called, where that was stored.
    pub features: Option<Vec<String>>,
}

impl Stored {
    /// What matching its classes with those of a dataset needs.
    #[must_use]
    pub fn signature(&self) -> Signature<'_> {
        Signature {
            outputs: self.model.outputs(),
            classes: self.classes.as_deref(),
            features: self.features.as_deref(),
            tie_margin: 0.0,
        }
    }
}

/// Takes networks and gives them back as anybody else will find them: that is
/// what is proved.
pub trait Store {
    /// What can go wrong, in the library or with the store.
    type Error: From<Error>;

    /// Called before a long computation.
    ///
    /// # Errors
    /// When nothing could be stored.
    fn prepare(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Stores a network in place of the one before, and reads it again.
    ///
    /// # Errors
    /// When this network cannot be stored or read; another one is tried.
    fn store(&mut self, draft: Draft<'_>) -> Result<Stored, Self::Error>;

    /// Keeps the network stored last, which was proved.
    ///
    /// # Errors
    /// When it cannot be kept.
    fn commit(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}

/// Keeps networks in memory, as they are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory;

impl Store for Memory {
    type Error = Error;

    fn store(&mut self, draft: Draft<'_>) -> Result<Stored, Error> {
        let layers = || Model::Layers(StoredNetwork::of(draft.candidate.network.as_ref()));
        let model = draft.compact.unwrap_or_else(layers);
        let model = match draft.inside {
            Some(inside) => Model::Scaled(Scaled::new(inside.scaling.clone(), model)?),
            None => model,
        };
        Ok(Stored {
            model,
            classes: Some(draft.data.class_names().to_vec()),
            features: draft.data.feature_names().map(<[String]>::to_vec),
        })
    }
}
