//! Proofs about a network as it is stored.
//!
//! [`certify`] takes a [`Model`], as read from a file, and a dataset, and says
//! for every sample whether **every** point of its closed ball gets the
//! sample's label: every real point in real arithmetic, and every
//! floating-point number that rounding turns such a point into, in the
//! network's own format, with sums in any order, with or without fused
//! multiply-add. IEEE-754 arithmetic with gradual underflow is assumed of the
//! executing machine.
//!
//! The verdicts mean what they say: *certified* was shown for all points,
//! *refuted* comes with a point of the ball at which the network, evaluated in
//! its format, gives another label, and *undecided* is everything else.
//!
//! Each verdict names the [`Engine`] that reached it: intervals of affine layers
//! and sums followed back to the input (`layers`), intervals of graphs (`graph`);
//! where those do not decide, and for dense layers, linear bounds, gradient steps,
//! and branch and bound (`linear`); an exact analysis of cells (`cells`); distances to stored rows for the other
//! compact forms (`prototypes`, `max_affine`); and points that were tried
//! (`attack`). A map in front of a network is enclosed (`scaled`), and the engines
//! look at what is behind it. Engines share nothing but number types (`arithmetic`),
//! [`Claim`]s and verdicts.
//!
//! # What is trusted
//!
//! A certificate is as good as what the engines call. That is
//!
//! - [`number`](crate::number): operations rounded outward, built on the exact
//!   error of a sum or product. Powers with real exponents are products of
//!   square roots with a proved error; no function of a mathematical library
//!   decides anything.
//! - [`separation`](crate::separation): the distance from a sample to the nearest
//!   stored row of another class, asked by `prototypes` and `max_affine`. It is
//!   a statement about two lists of numbers that both come from the file and the
//!   data, not from a builder: the search takes every pair into account and
//!   returns an enclosure whose lower end no distance is below. Only that end
//!   counts against a certificate. `lipschitz` also asks it where to try points,
//!   on which no proof rests.
//! - [`network`](crate::network): what the stored numbers of each form mean, that
//!   is which function of the features they are; and, for a refutation, the
//!   evaluation of that function at one point.
//! - IEEE-754 arithmetic, rounded to nearest, with gradual underflow, of the
//!   machine that proves (binary64) and of the one that executes.
//!
//! Nothing here knows [`constructions`](crate::constructions) or
//! [`cells`](crate::cells), which find cells, or believes what a file says of
//! itself beyond its numbers; `tests/architecture.rs` keeps it so.

mod arithmetic;
mod attack;
mod cells;
mod claim;
mod config;
mod deep_stack;
mod descent;
mod graph;
mod layers;
mod linear;
mod lipschitz;
mod max_affine;
mod program;
mod prototypes;
mod query;
mod robustness;
mod scaled;
#[cfg(test)]
mod tests;
mod verdict;

use self::{
    attack::attacks,
    claim::ball,
    scaled::Behind,
    verdict::{margin_of, of_samples},
};
use crate::{
    Error, Progress,
    network::{Model, predicted_class},
};

pub use self::{
    attack::{Attack, attack},
    claim::Claim,
    config::{Config, Effort},
    lipschitz::{SteepestPair, lipschitz_bound, steepest_pair},
    query::{BoxAnswer, BoxQuery, Condition, answer},
    robustness::{RobustRadius, robust_radii},
    scaled::ScaledBalls,
    verdict::{Certificate, Engine, Verdict},
};

/// Undecided samples that are attacked, at most; the rest stays undecided. An
/// attack evaluates the network at a handful of points, which for
/// 60,000 prototypes takes milliseconds each.
const MOST_ATTACKS: usize = 200;

/// Samples that are attacked together.
const TOGETHER: usize = 16;

/// Checks `claim` for every sample, as far as [`Config::default`] goes.
///
/// # Errors
/// As of [`certify_with`].
pub fn certify(claim: &Claim<'_>, progress: &dyn Progress) -> Result<Certificate, Error> {
    certify_with(claim, &Config::default(), progress)
}

/// Checks `claim` for every sample.
///
/// Memory: the network, what [`separation`](crate::separation) takes where rows
/// are stored, and O(width) per thread; for few layers and graphs the matrices of
/// those that are dense, and per thread rows of coefficients over all vectors, a few
/// tens of MiB.
///
/// # Errors
/// When the data do not have as many features as the network reads, a radius
/// is no finite number ≥ 0, or there is not one radius per sample.
pub fn certify_with(
    claim: &Claim<'_>,
    config: &Config,
    progress: &dyn Progress,
) -> Result<Certificate, Error> {
    claim.check()?;
    let Model::Scaled(scaled) = claim.model else { return of_form(claim, config, progress) };
    let behind = Behind::new(claim, scaled)?;
    let Certificate { verdicts, efforts, .. } = of_form(&behind.claim(), config, progress)?;
    let verdicts = verdicts.into_iter().enumerate();
    let mut verdicts =
        verdicts.map(|(sample, verdict)| behind.verdict(sample, verdict)).collect::<Result<Vec<_>, _>>()?;
    find_misclassified(claim, &mut verdicts)?;
    Ok(Certificate::new(claim, verdicts, efforts))
}

/// The same for a network that has no map in front.
fn of_form(claim: &Claim<'_>, config: &Config, progress: &dyn Progress) -> Result<Certificate, Error> {
    let mut efforts = vec![];
    let verdicts = match claim.model {
        Model::Layers(network) => {
            let (verdicts, taken) = layers::verdicts(claim, network, config, progress)?;
            efforts = taken;
            Some(verdicts)
        }
        Model::Cells(network) => cells::verdicts(claim, network, progress),
        Model::Prototypes(prototypes) => prototypes::verdicts(claim, prototypes, progress),
        Model::MaxAffine(scores) => max_affine::verdicts(claim, scores, progress),
        Model::Graph(graph) => {
            let (verdicts, taken) = graph::verdicts(claim, graph, config, progress)?;
            efforts = taken;
            Some(verdicts)
        }
        Model::Scaled(_) => None,
    };
    let mut verdicts = verdicts.unwrap_or_else(|| vec![Verdict::Undecided; claim.data.samples()]);
    find_misclassified(claim, &mut verdicts)?;
    find_attacks(claim, &mut verdicts, progress)?;
    Ok(Certificate::new(claim, verdicts, efforts))
}

/// Samples about which nothing is known.
fn undecided(verdicts: &[Verdict]) -> Vec<usize> {
    (0..verdicts.len()).filter(|&i| verdicts[i] == Verdict::Undecided).collect()
}

/// Looks which of the undecided samples get another label themselves.
fn find_misclassified(claim: &Claim<'_>, verdicts: &mut [Verdict]) -> Result<(), Error> {
    let evaluator = claim.model.evaluator();
    for open in undecided(verdicts).chunks(evaluator.batch().max(1)) {
        let rows: Vec<f64> = open.iter().flat_map(|&i| claim.data.row(i)).collect();
        let outputs = evaluator.evaluate(&rows)?;
        for (&i, outputs) in open.iter().zip(outputs.chunks(claim.model.outputs())) {
            let predicted = predicted_class(outputs, claim.network_classes);
            if predicted != Some(claim.class(i)) {
                verdicts[i] = Verdict::Misclassified { predicted };
            }
        }
    }
    Ok(())
}

/// Attacks undecided samples, [`MOST_ATTACKS`] at most.
fn find_attacks(claim: &Claim<'_>, verdicts: &mut [Verdict], progress: &dyn Progress) -> Result<(), Error> {
    let mut open = undecided(verdicts);
    open.truncate(MOST_ATTACKS);
    if open.is_empty() {
        return Ok(());
    }
    progress.begin("attack", open.len() as u64);
    for open in open.chunks(TOGETHER) {
        for (&i, found) in open.iter().zip(attacks(claim, open)?) {
            if let Some(found) = found {
                verdicts[i] = found.refutes();
            }
        }
        progress.advance(open.len() as u64);
    }
    progress.end();
    Ok(())
}
