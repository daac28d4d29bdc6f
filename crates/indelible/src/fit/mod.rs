//! The whole line in one call: which radius, which construction, the network,
//! its proof.
//!
//! [`fit`] takes data in memory and gives a network that was proved, with its
//! certificate and why it was chosen. Of the constructions that serve, those
//! with the fewest nonzero parameters come first; one that cannot be certified
//! makes room for the next. What is proved is what a [`Store`] gives back, so
//! [`fit_into`] proves the very bytes that ship where the store is a file.
//!
//! When a network exists already, [`certify`](crate::certify) is enough.

mod candidates;
mod compare;
mod inside;
mod lipschitz;
mod store;

use std::time::Instant;

pub use candidates::{Candidate, Other, Reason, serving};
pub use compare::Trial;
pub use inside::Inside;
pub use lipschitz::Lipschitz;
pub use store::{Draft, Store, Stored};

use candidates::{Candidates, no_construction};

use crate::{
    Budget, Dataset, Error, Norm, Progress,
    certify::{Certificate, certify},
    classes::Classes,
    constructions::{Construction, Options},
    network::{Model, Scaling, Size},
    separation::{nearest_enemies, separation},
};

/// Samples times nonzero parameters up to which layers are proved before the
/// compact form where the choice is free: what intervals leave open is followed
/// back through them, at 10⁵ to 10⁷ such pairs a second.
const MOST_LAYERED: usize = 1 << 20;

/// Which radius every sample gets.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Radius {
    /// One for all samples, as a share of the largest possible one.
    Ratio(f64),
    /// One for all samples, in the units of the features, or as the map in front
    /// gives them.
    Uniform(f64),
    /// One for each sample, as a share of half the distance to its nearest
    /// enemy.
    PerSample(f64),
}

impl Radius {
    /// The budget in `norm`, from the separation of the data.
    ///
    /// # Errors
    /// When the radius or share is out of range, too large for any network, or
    /// equal samples have different labels.
    pub fn budget(self, data: &Dataset, norm: Norm, progress: &dyn Progress) -> Result<Budget, Error> {
        match self {
            Self::Ratio(ratio) => Budget::from_ratio(ratio, &separation(data, norm, progress)),
            Self::Uniform(radius) => Budget::uniform(radius, &separation(data, norm, progress)),
            Self::PerSample(ratio) => Budget::per_sample(ratio, &nearest_enemies(data, norm, progress)),
        }
    }

    fn is_per_sample(self) -> bool {
        matches!(self, Self::PerSample(_))
    }
}

/// How a network is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Layer by layer.
    Dense,
    /// As a loop over samples, or gathers.
    Compact,
}

impl std::fmt::Display for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Dense => "dense",
            Self::Compact => "compact",
        })
    }
}

/// What is asked of [`fit`].
#[derive(Clone, Debug)]
pub struct FitOptions {
    /// The construction; without one, that with the fewest nonzero parameters
    /// which certifies.
    pub construction: Option<&'static Construction>,
    /// The norm of the balls; the sup norm unless said otherwise.
    pub norm: Norm,
    /// Their radii; 0.9 of the largest possible one unless said otherwise.
    pub radius: Radius,
    /// Head and format; logits in binary32 unless said otherwise.
    pub network: Options,
    /// The form; without one, dense where small enough to be certified as
    /// layers, else compact.
    pub form: Option<Form>,
    /// Whether the network must be proved, as it must unless said otherwise.
    pub certify: bool,
    /// A map of the features to put in front of the network, behind which the
    /// radius is measured; none unless said otherwise.
    pub scaling: Option<Scaling>,
    /// Whether the network is to be one of the sup norm over directions
    /// ([`over_directions`](crate::constructions::over_directions)); not unless said
    /// otherwise.
    pub directions: bool,
}

impl Default for FitOptions {
    fn default() -> Self {
        Self {
            construction: None,
            norm: Norm::Linf,
            radius: Radius::Ratio(0.9),
            network: Options::default(),
            form: None,
            certify: true,
            scaling: None,
            directions: false,
        }
    }
}

impl FitOptions {
    /// The constructions to choose from.
    fn constructions(&self, data: &Dataset) -> Result<Vec<&'static Construction>, Error> {
        let norm = if self.directions { Norm::Linf } else { self.norm };
        match self.construction {
            Some(construction) => {
                if !self.directions {
                    construction.serves_norm(norm)?;
                }
                Ok(vec![construction])
            }
            None => serving(data, norm, self.radius.is_per_sample(), self.network.head),
        }
    }

    /// The radii asked for, and what a network is built from behind a map.
    fn budget(&self, data: &Dataset, progress: &dyn Progress) -> Result<(Budget, Option<Inside>), Error> {
        let ask = |data: &Dataset| self.radius.budget(data, self.norm, progress);
        let Some(scaling) = &self.scaling else { return Ok((ask(data)?, None)) };
        let (budget, inside) = Inside::new(data, scaling, self.network.precision, ask)?;
        Ok((budget, Some(inside)))
    }

    /// The forms to try: where the choice is free, the compact one after a
    /// small dense one, of which intervals may prove less.
    fn forms(&self, candidate: &Candidate, samples: usize) -> &'static [Form] {
        let small = || {
            (!self.certify || candidate.is_within(MOST_LAYERED / samples))
                && candidate.dense_bytes(candidate.construction.largest_dense).is_ok()
        };
        match self.form {
            Some(Form::Dense) => &[Form::Dense],
            None if small() => &[Form::Dense, Form::Compact],
            _ => &[Form::Compact],
        }
    }
}

/// A network that memorizes data, and what is known about it.
#[derive(Clone, Debug)]
pub struct Fitted {
    /// Who built it.
    pub construction: &'static Construction,
    /// Why that construction was chosen, where the choice was free.
    pub reason: Option<Reason>,
    /// The radii that it keeps.
    pub budget: Budget,
    /// How it is stored.
    pub form: Form,
    /// Its size; of a compact form that of the layers it stands for.
    pub size: Size,
    /// The network, as the store gave it back.
    pub model: Model,
    /// Its classes, and how those of the data map to them.
    pub classes: Classes,
    /// The proof that it keeps every label, where one was asked for.
    pub certificate: Option<Certificate>,
    /// Its Lipschitz constant in the norm of the balls, as they are measured.
    pub lipschitz: Lipschitz,
    /// What took how long: separation, build, write, certify, in seconds.
    pub seconds: Vec<(&'static str, f64)>,
}

/// Builds a network that memorizes `data` robustly, and proves it.
///
/// # Errors
/// When the data cannot be memorized within the radius, no construction serves
/// what is asked, or none can be built and proved.
pub fn fit(data: &Dataset, options: &FitOptions, progress: &dyn Progress) -> Result<Fitted, Error> {
    fit_into(data, options, &mut store::Memory, progress)
}

/// The same with a network that `store` keeps: only one that was proved, as the
/// store gave it back, is committed.
///
/// # Errors
/// As for [`fit`], and when the store fails.
pub fn fit_into<S: Store>(
    data: &Dataset,
    options: &FitOptions,
    store: &mut S,
    progress: &dyn Progress,
) -> Result<Fitted, S::Error> {
    let mut clock = Clock { since: Instant::now(), laps: vec![] };
    // What cannot be built or stored should not cost a long computation.
    let constructions = options.constructions(data)?;
    store.prepare()?;
    let (budget, inside) = options.budget(data, progress)?;
    clock.lap("separation");
    let built_from = inside.as_ref().map_or((data, &budget), |inside| (&inside.data, &inside.budget));
    let mut candidates = Candidates::new(&constructions, built_from, options, progress);
    let (mut passed, mut failed) = (vec![], None);
    progress.busy("building");
    while let Some(candidate) = candidates.next() {
        clock.lap("build");
        let construction = candidate.construction;
        for &form in options.forms(&candidate, data.samples()) {
            progress.busy("writing");
            let (stored, size) = match stored(&candidate, form, (data, &budget), inside.as_ref(), store) {
                Ok(stored) => stored,
                Err(error) => {
                    failed.get_or_insert(error);
                    continue;
                }
            };
            clock.lap("write");
            let classes = stored.signature().match_classes(data)?;
            let claim = classes.claim(&stored.model, data, options.norm, budget.radii());
            let certificate = if options.certify { Some(certify(&claim, progress)?) } else { None };
            if let Some(certificate) = certificate.as_ref().filter(|certificate| !certificate.holds()) {
                clock.lap("certify");
                let Certificate { certified, samples, precision, .. } = *certificate;
                failed.get_or_insert(Error::NotCertified { certified, samples, precision }.into());
                continue;
            }
            let tight = construction.tight_lipschitz && !options.directions;
            let around = tight.then_some(built_from.0);
            let behind =
                if let Model::Scaled(scaled) = &stored.model { scaled.inner() } else { &stored.model };
            let lipschitz = Lipschitz::of(behind, options.norm, around)?;
            if options.certify {
                clock.lap("certify");
            }
            store.commit()?;
            let free = options.construction.is_none();
            let reason = free.then(|| candidates.reason(passed, options.certify));
            let (model, seconds) = (stored.model, clock.laps);
            return Ok(Fitted {
                construction,
                reason,
                budget,
                form,
                size,
                model,
                classes,
                certificate,
                lipschitz,
                seconds,
            });
        }
        passed.push(construction.name);
        progress.busy("building");
    }
    let Options { head, .. } = options.network;
    let none = || no_construction(options.norm, options.radius.is_per_sample(), head);
    Err(failed.unwrap_or_else(|| candidates.refusal().unwrap_or_else(none).into()))
}

/// Stores a network in one form; gives what was stored and its size.
fn stored<S: Store>(
    candidate: &Candidate,
    form: Form,
    (data, budget): (&Dataset, &Budget),
    inside: Option<&Inside>,
    store: &mut S,
) -> Result<(Stored, Size), S::Error> {
    let compact = match form {
        Form::Dense => None,
        Form::Compact => Some(candidate.network.compact()?),
    };
    // What is reported of a compact form is what it holds.
    let size = compact.as_ref().map_or_else(|| candidate.size(), Model::size);
    let size = inside.map_or(size, |inside| inside.scaling.size_with(size));
    Ok((store.store(Draft { data, budget, candidate, compact, inside })?, size))
}

/// How long each kind of work took.
struct Clock {
    since: Instant,
    laps: Vec<(&'static str, f64)>,
}

impl Clock {
    /// Ends a piece of work. Several networks may be stored and certified;
    /// their times add up.
    fn lap(&mut self, name: &'static str) {
        let taken = self.since.elapsed().as_secs_f64();
        match self.laps.iter_mut().find(|(known, _)| *known == name) {
            Some((_, total)) => *total += taken,
            None => self.laps.push((name, taken)),
        }
        self.since = Instant::now();
    }
}
