//! One construction tried on data: counted, bounded, certified.

use std::time::Instant;

use super::{Form, MOST_LAYERED};
use crate::{
    Budget, Dataset, Error, Precision, Progress,
    certify::{certify, lipschitz_bound},
    classes::Signature,
    constructions::{Construction, Options},
    network::{Model, Size, StoredNetwork},
};

/// What is known of one construction on a dataset.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The construction.
    pub construction: &'static Construction,
    /// Size of its network.
    pub size: Size,
    /// The format of its parameters.
    pub precision: Precision,
    /// A bound of its Lipschitz constant in the norm of the budget; infinite
    /// where none was found.
    pub lipschitz: f64,
    /// Samples that were certified.
    pub certified: usize,
    /// In which form as many were.
    pub form: Form,
    /// How long building and counting took.
    pub build_seconds: f64,
    /// How long bounding and certifying took.
    pub certify_seconds: f64,
}

impl Trial {
    /// Bits of all parameters that are not 0, without the places where they stand.
    #[must_use]
    pub fn bits(&self) -> usize {
        self.size.nonzero.saturating_mul(self.precision.bits())
    }

    /// Builds, counts and certifies one construction, nothing being stored.
    ///
    /// # Errors
    /// When it cannot be built.
    pub fn of(
        construction: &'static Construction,
        data: &Dataset,
        budget: &Budget,
        options: Options,
        progress: &dyn Progress,
    ) -> Result<Self, Error> {
        construction.is_tried_unnamed(data, budget.norm())?;
        progress.busy(construction.name);
        let started = Instant::now();
        let network = construction.build_with(data, budget, options, progress)?;
        let mut trial = Self {
            construction,
            size: network.size(),
            precision: options.precision,
            lipschitz: f64::INFINITY,
            certified: 0,
            form: Form::Dense,
            build_seconds: started.elapsed().as_secs_f64(),
            certify_seconds: 0.0,
        };
        let started = Instant::now();
        let compact = network.compact().ok();
        if compact.is_none() || trial.size.nonzero <= MOST_LAYERED / data.samples() {
            let layers = Model::Layers(StoredNetwork::of(network.as_ref()));
            trial.prove(Form::Dense, &layers, data, budget, progress);
        }
        // Of layers intervals may leave balls undecided that the compact form settles.
        if let Some(compact) = compact.filter(|_| trial.certified < data.samples()) {
            trial.prove(Form::Compact, &compact, data, budget, progress);
        }
        trial.certify_seconds = started.elapsed().as_secs_f64();
        Ok(trial)
    }

    fn prove(&mut self, form: Form, model: &Model, data: &Dataset, budget: &Budget, progress: &dyn Progress) {
        self.lipschitz = self.lipschitz.min(lipschitz_bound(model, budget.norm()));
        let outputs = model.outputs();
        let signature =
            Signature { outputs, classes: Some(data.class_names()), features: None, tie_margin: 0.0 };
        let certificate = signature.match_classes(data).and_then(|classes| {
            certify(&classes.claim(model, data, budget.norm(), budget.radii()), progress)
        });
        let certified = certificate.map_or(0, |certificate| certificate.certified);
        if certified > self.certified {
            (self.certified, self.form) = (certified, form);
        }
    }
}
