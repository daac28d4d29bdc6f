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
//! (`attack`). A network with a memory is asked for bounds, the memory for what it knows
//! (`patched`). A map in front of a network is enclosed (`scaled`), and so is what
//! directions make of a ball (`projected`), and the engines look at what is behind. Engines share nothing but number types (`arithmetic`),
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
mod boxes;
mod cells;
mod claim;
mod config;
mod deep_stack;
mod descent;
mod domain;
mod graph;
mod layers;
mod linear;
mod lipschitz;
mod max_affine;
mod patched;
mod program;
mod projected;
mod prototypes;
mod query;
mod robustness;
mod scaled;
#[cfg(test)]
mod tests;
mod together;
mod verdict;
mod watch;

use std::{sync::OnceLock, time::Instant};

use self::{
    attack::{BallPoints, attacks, tried},
    claim::ball,
    prototypes::Searched,
    scaled::Behind,
    verdict::{Answers, margin_of},
    watch::{Watch, of_each, of_samples},
};
use crate::{
    Error, Progress, Silent,
    network::{Evaluator, Model, Projected, Prototypes, Scaled},
    parallel,
    separation::NearestEnemies,
};

pub use self::{
    attack::{Attack, attack},
    boxes::output_bounds,
    claim::{Claim, distance_up, radii_at_ratio},
    config::{Config, Effort},
    domain::Domain,
    lipschitz::{SteepestPair, lipschitz_bound, steepest_pair},
    query::{BoxAnswer, BoxQuery, Condition, answer},
    robustness::{robust_radii, robust_radii_each},
    scaled::ScaledBalls,
    verdict::{Certificate, Engine, RobustRadius, Verdict},
    watch::Found,
};

/// Undecided samples that are attacked in any case; more of them as long as
/// [`ATTACK_WORK`] lasts. The rest stays undecided.
const MOST_ATTACKS: usize = 200;
/// Numbers that attacks may look at, about: some tens of seconds of one core. An attack looks at
/// all data and evaluates the network at [`ATTACK_POINTS`] points, which for 60,000
/// prototypes takes milliseconds each.
const ATTACK_WORK: usize = 1 << 35;
/// Points of one attack, about.
const ATTACK_POINTS: usize = 32;

/// Samples that are attacked together.
const TOGETHER: usize = 16;
/// Samples that are attacked together with a few points each.
const BLOCK: usize = 512;

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
/// tens of MiB. Behind a map, an origin or directions also all samples as the network
/// behind sees them, some of them several times.
///
/// # Errors
/// When the data do not have as many features as the network reads, a radius
/// is no finite number ≥ 0, there is not one radius per sample, or a sample is
/// no valid input.
pub fn certify_with(
    claim: &Claim<'_>,
    config: &Config,
    progress: &dyn Progress,
) -> Result<Certificate, Error> {
    certify_each(claim, config, progress, &|_, _, _| {})
}

/// The same, and tells every verdict to `found` as soon as it is final. In which
/// order they come depends on the number of threads; what they are does not.
///
/// # Errors
/// As of [`certify_with`].
pub fn certify_each(
    claim: &Claim<'_>,
    config: &Config,
    progress: &dyn Progress,
    found: &Found<'_>,
) -> Result<Certificate, Error> {
    certify_sharing(claim, config, &Shared::default(), &Watch { progress, found })
}

/// What is found once for all radii.
#[derive(Default)]
struct Shared(OnceLock<Option<Searched>>);

/// The same, with what claims of other radii have found.
fn certify_sharing(
    claim: &Claim<'_>,
    config: &Config,
    shared: &Shared,
    watch: &Watch<'_>,
) -> Result<Certificate, Error> {
    claim.check()?;
    config.domain.check(claim.data)?;
    if let Model::Scaled(scaled) = claim.model {
        return behind_map(claim, scaled, config, watch);
    }
    if let Model::Projected(projected) = claim.model {
        return behind_directions(claim, projected, config, watch);
    }
    let mut rows = None;
    let answers = match claim.model {
        Model::Layers(network) => Some(layers::verdicts(claim, network, config, watch)?),
        Model::Cells(network) => cells::verdicts(claim, network, &config.domain, watch),
        Model::Prototypes(prototypes) => {
            let searched = shared.0.get_or_init(|| Searched::new(claim, prototypes, watch));
            rows = searched.as_ref().map(|searched| (prototypes, &searched.near));
            searched.as_ref().and_then(|searched| prototypes::verdicts(claim, prototypes, searched, watch))
        }
        Model::MaxAffine(scores) => max_affine::verdicts(claim, scores, config, watch)?,
        Model::Graph(graph) => Some(graph::verdicts(claim, graph, config, watch)?),
        Model::Patched(patched) => Some(patched::verdicts(claim, patched, (config, shared), watch)?),
        Model::Scaled(_) | Model::Projected(_) => None,
    };
    let nothing = || vec![(Verdict::Undecided, Effort::default()); claim.data.samples()];
    let mut answers = answers.unwrap_or_else(nothing);
    find_misclassified(claim, &mut answers, watch)?;
    if let Some((prototypes, near)) = rows {
        find_towards(claim, &config.domain, (prototypes, near), &mut answers, watch)?;
    }
    find_attacks(claim, &config.domain, &mut answers, watch)?;
    for i in undecided(&answers) {
        (watch.found)(i, &answers[i].0, answers[i].1);
    }
    Ok(Certificate::new(claim, answers))
}

/// The same for a network behind a map of the features. Valid inputs are asked
/// for where a point refutes; what is proved is proved of all inputs. Where balls are
/// measured in front of the map, a ball behind it holds the image of each, and what
/// that leaves open is asked of its part in a box that holds the image, too.
fn behind_map(
    claim: &Claim<'_>,
    scaled: &Scaled,
    config: &Config,
    watch: &Watch<'_>,
) -> Result<Certificate, Error> {
    let behind = Behind::new(claim, scaled)?;
    let inner = Config { domain: Domain::default(), ..config.clone() };
    let mut answers = vec![(Verdict::Undecided, Effort::default()); claim.data.samples()];
    if !behind.is_sooner_in_boxes() {
        // What is said in front of the map is told as soon as it is known behind it.
        let tell = |sample, verdict: &Verdict, effort| {
            if let Ok(verdict) = behind.verdict(sample, &config.domain, verdict.clone()) {
                watch.decided(sample, &(verdict, effort));
            }
        };
        let inner_watch = Watch { progress: watch.progress, found: &tell };
        // What is shared between radii is about numbers that depend on the radii here.
        let found = certify_sharing(&behind.claim(), &inner, &Shared::default(), &inner_watch)?;
        let found = found.verdicts.into_iter().zip(found.efforts).enumerate();
        answers = found
            .map(|(sample, (verdict, effort))| Ok((behind.verdict(sample, &config.domain, verdict)?, effort)))
            .collect::<Result<Answers, Error>>()?;
    }
    if behind.has_boxes() {
        in_boxes(&behind, config, &mut answers, watch)?;
    }
    find_misclassified(claim, &mut answers, watch)?;
    if !claim.model.has_scaled_balls() {
        find_attacks(claim, &config.domain, &mut answers, watch)?;
    }
    for i in undecided(&answers) {
        (watch.found)(i, &answers[i].0, answers[i].1);
    }
    Ok(Certificate::new(claim, answers))
}

/// Asks about each undecided sample alone, in the box that holds the image of its ball.
fn in_boxes(
    behind: &Behind<'_>,
    config: &Config,
    answers: &mut Answers,
    watch: &Watch<'_>,
) -> Result<(), Error> {
    let open = undecided(answers);
    watch.begin("certify", open.len() as u64);
    let ask = |place: usize| -> Result<_, Error> {
        let sample = open[place];
        let part = behind.part(sample)?;
        let inner = Config { domain: part.domain.clone(), ..config.clone() };
        let silent = Watch { progress: &Silent, found: &|_, _, _| {} };
        let found = certify_sharing(&behind.claim_of(&part), &inner, &Shared::default(), &silent)?;
        watch.advance(1);
        let verdict = found.verdicts.into_iter().next().unwrap_or(Verdict::Undecided);
        let effort = found.efforts.into_iter().next().unwrap_or_default();
        Ok((behind.verdict(sample, &config.domain, verdict)?, effort))
    };
    let found = parallel::try_map(open.len(), ask)?;
    watch.end();
    for (&sample, (verdict, effort)) in open.iter().zip(found) {
        let before = answers[sample].1;
        let (seconds, branches) = (before.seconds + effort.seconds, before.branches + effort.branches);
        answers[sample] = (verdict, Effort { seconds, branches });
        watch.decided(sample, &answers[sample]);
    }
    Ok(())
}

/// The same for a network behind directions. What is proved is proved of all inputs.
fn behind_directions(
    claim: &Claim<'_>,
    projected: &Projected,
    config: &Config,
    watch: &Watch<'_>,
) -> Result<Certificate, Error> {
    let mut answers = vec![(Verdict::Undecided, Effort::default()); claim.data.samples()];
    if let Some(behind) = projected::Behind::new(claim, projected)? {
        let inner = Config { domain: Domain::default(), ..config.clone() };
        let silent = Watch { progress: watch.progress, found: &|_, _, _| {} };
        let found = certify_sharing(&behind.claim(), &inner, &Shared::default(), &silent)?;
        for (sample, (verdict, effort)) in found.verdicts.into_iter().zip(found.efforts).enumerate() {
            answers[sample] = (behind.verdict(sample, verdict), effort);
            watch.decided(sample, &answers[sample]);
        }
    }
    find_misclassified(claim, &mut answers, watch)?;
    find_attacks(claim, &config.domain, &mut answers, watch)?;
    for i in undecided(&answers) {
        (watch.found)(i, &answers[i].0, answers[i].1);
    }
    Ok(Certificate::new(claim, answers))
}

/// Samples about which nothing is known.
fn undecided(answers: &Answers) -> Vec<usize> {
    (0..answers.len()).filter(|&i| answers[i].0 == Verdict::Undecided).collect()
}

/// Notes what was found about some samples that were looked at together.
fn note(
    answers: &mut Answers,
    samples: &[usize],
    found: impl Iterator<Item = Option<Verdict>>,
    started: Instant,
    watch: &Watch<'_>,
) {
    let each = started.elapsed().as_secs_f64() / samples.len().max(1) as f64;
    for (&i, found) in samples.iter().zip(found) {
        answers[i].1.seconds += each;
        if let Some(verdict) = found {
            answers[i].0 = verdict;
            watch.decided(i, &answers[i]);
        }
    }
}

/// For each of some samples and a class that it is to get: what it gets in place of that.
fn instead(
    claim: &Claim<'_>,
    evaluator: &dyn Evaluator,
    asked: impl Iterator<Item = (usize, usize)> + Clone,
) -> Result<Vec<Option<Option<usize>>>, Error> {
    let rows: Vec<f64> = asked.clone().flat_map(|(sample, _)| claim.data.row(sample)).collect();
    let outputs = evaluator.evaluate(&rows)?;
    let outputs = asked.zip(outputs.chunks(claim.model.outputs()));
    Ok(outputs.map(|((_, class), outputs)| claim.instead_of(class, outputs)).collect())
}

/// Looks which of the undecided samples get another label themselves.
fn find_misclassified(claim: &Claim<'_>, answers: &mut Answers, watch: &Watch<'_>) -> Result<(), Error> {
    let evaluator = claim.model.evaluator();
    for open in undecided(answers).chunks(evaluator.batch().max(1)) {
        let started = Instant::now();
        let instead = instead(claim, evaluator.as_ref(), open.iter().map(|&i| (i, claim.class(i))))?;
        let wrong = |instead: Option<_>| instead.map(|predicted| Verdict::Misclassified { predicted });
        note(answers, open, instead.into_iter().map(wrong), started, watch);
    }
    Ok(())
}

/// Attacks undecided samples from the nearest stored row of another class.
fn find_towards(
    claim: &Claim<'_>,
    domain: &Domain,
    (prototypes, near): (&Prototypes, &NearestEnemies),
    answers: &mut Answers,
    watch: &Watch<'_>,
) -> Result<(), Error> {
    let open = undecided(answers);
    watch.begin("attack", open.len() as u64);
    for open in open.chunks(BLOCK) {
        let started = Instant::now();
        let points = |&sample: &usize| {
            let ball = BallPoints::new(claim, domain, sample);
            let mut row = vec![0.0; ball.center.len()];
            near.indices[sample].map_or(vec![], |center| {
                prototypes.copy_center(center, &mut row);
                ball.towards(&row)
            })
        };
        let found = tried(claim, open, parallel::map_each(open, points))?.into_iter();
        let found = found.map(|found| found.map(|(_, attack)| attack.refutes()));
        note(answers, open, found, started, watch);
        watch.advance(open.len() as u64);
    }
    watch.end();
    Ok(())
}

/// How many samples may be attacked.
fn most_attacks(claim: &Claim<'_>, open: usize) -> usize {
    if open <= MOST_ATTACKS {
        return open;
    }
    let data = claim.data.samples() * claim.data.features();
    let network = match claim.model {
        Model::Graph(graph) => lipschitz::products(graph),
        others => others.size().nonzero,
    };
    let one = data.saturating_add(network.saturating_mul(ATTACK_POINTS));
    (ATTACK_WORK / one.max(1)).max(MOST_ATTACKS)
}

/// Attacks undecided samples, as far as the work that is spent on it lasts.
fn find_attacks(
    claim: &Claim<'_>,
    domain: &Domain,
    answers: &mut Answers,
    watch: &Watch<'_>,
) -> Result<(), Error> {
    let mut open = undecided(answers);
    open.truncate(most_attacks(claim, open.len()));
    if open.is_empty() {
        return Ok(());
    }
    watch.begin("attack", open.len() as u64);
    for open in open.chunks(TOGETHER) {
        let started = Instant::now();
        let found = attacks(claim, domain, open)?.into_iter();
        note(answers, open, found.map(|found| found.map(Attack::refutes)), started, watch);
        watch.advance(open.len() as u64);
    }
    watch.end();
    Ok(())
}
