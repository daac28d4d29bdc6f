//! Certificates for networks with a memory:
//! `y_c = network_c(x) − lift · (Σ_a score_a(x) − score_c(x))`.
//!
//! A ball is certified in one of two ways. Both begin with what the engine of the
//! memory's form shows: that on the whole ball, as executed, all scores but that of the
//! right class are exactly 0. Then the sum of all scores is exactly that one score, whatever
//! the order, and exactly 0 is taken from the right output: it stays what it was, to the bit.
//!
//! 1. *By the memory.* The score of the right class is at least `s > 0`. From the other
//!    outputs at least `t = lift · s` is taken, each operation rounded, and all rounding
//!    is monotone: where the network's outputs are bounded on a box around the ball,
//!    the others are at most their upper bounds less `t`, rounded once, while the
//!    right one is at least its lower bound. A runtime may take `t` away before the
//!    sums of the network's last layer are complete: then that is off by a share of the
//!    size of all terms, as `together` says. The share is below 1, so what is true
//!    of the smallest `t` is true of all.
//! 2. *By the network.* It is certified without the memory, which only lowers the other
//!    outputs; where the score of its class may be above 0, by more than taking away an
//!    unknown number before the sums are complete may be off.
//!
//! Bounds of the network are asked for once, on a box around all balls that the memory
//! answers on, and where these are too wide, ball by ball.

use std::time::Instant;

use super::{
    Answers, Claim, Config, Domain, Effort, Engine, Shared, Verdict, Watch,
    arithmetic::Interval,
    boxes::OutputBounds,
    cells, graph, layers,
    prototypes::{self, Searched},
};
use crate::{
    Error, Progress, Radii,
    network::{Model, Patched},
    number::{add_up, mul_down, sub_down, sub_up},
    parallel,
};

/// The verdict about every sample, certified or undecided.
pub(super) fn verdicts(
    claim: &Claim<'_>,
    patched: &Patched,
    (config, shared): (&Config, &Shared),
    watch: &Watch<'_>,
) -> Result<Answers, Error> {
    let samples = claim.data.samples();
    let scores = scores(claim, patched, (&config.domain, shared), watch);
    let answers_there = |&sample: &usize| scores[sample].is_some_and(|score| score.least > 0.0);
    let answered: Vec<usize> = (0..samples).filter(answers_there).collect();
    let mut answers = vec![(Verdict::Undecided, Effort::default()); samples];
    watch.begin("certify", answered.len() as u64);
    let together = bounds(claim, patched, &config.domain, &answered);
    let found = parallel::map_each(&answered, |&sample| {
        let started = Instant::now();
        let by = |bounds: Option<&OutputBounds>| {
            let margin = bounds
                .zip(scores[sample])
                .and_then(|(bounds, score)| margin(claim, patched, sample, bounds, score.least));
            Verdict::of(claim, margin, false, Engine::Memory)
        };
        let alone = || by(bounds(claim, patched, &config.domain, &[sample]).as_ref());
        let verdict = by(together.as_ref()).or_else(alone);
        let answer = (verdict, Effort { seconds: started.elapsed().as_secs_f64(), branches: 0 });
        watch.decided(sample, &answer);
        watch.advance(1);
        answer
    });
    watch.end();
    for (&sample, found) in answered.iter().zip(found) {
        answers[sample] = found;
    }
    by_network(claim, patched, (&scores, &mut answers), config, watch)?;
    Ok(answers)
}

/// What is known of the score of a sample's class on its whole ball, where those of all
/// other classes are exactly 0.
#[derive(Clone, Copy)]
struct Score {
    /// A lower bound, 0 or more.
    least: f64,
    /// Whether it is exactly 0 everywhere.
    silent: bool,
}

/// The score of the class of every sample; `None` where those of other classes were not
/// shown to be exactly 0, or a score may be no finite number.
fn scores(
    claim: &Claim<'_>,
    patched: &Patched,
    (domain, shared): (&Domain, &Shared),
    watch: &Watch<'_>,
) -> Vec<Option<Score>> {
    let of_memory = Claim { model: patched.memory(), network_classes: patched.memory().outputs(), ..*claim };
    let nothing = || vec![None; claim.data.samples()];
    match patched.memory() {
        Model::Cells(network) => {
            let Some(found) = cells::recognitions(&of_memory, network, domain) else { return nothing() };
            let score = |found: cells::Recognition| {
                let least = if found.recognised { 1.0 } else { 0.0 };
                let silent = found.constant && !found.recognised;
                found.others_silent.then_some(Score { least, silent })
            };
            found.into_iter().map(score).collect()
        }
        Model::Prototypes(prototypes) => {
            let searched = shared.0.get_or_init(|| Searched::new(&of_memory, prototypes, watch));
            let outputs = searched
                .as_ref()
                .and_then(|searched| prototypes::outputs(&of_memory, prototypes, searched, watch));
            let Some(outputs) = outputs else { return nothing() };
            let largest = prototypes.precision.largest();
            let score = |(sample, outputs): (usize, Option<Vec<Interval>>)| {
                let (outputs, class) = (outputs?, claim.class(sample));
                let others_silent = outputs.iter().enumerate().all(|(c, x)| c == class || x.is_zero());
                let own = outputs.get(class).filter(|own| 0.0 <= own.lower && own.upper <= largest)?;
                others_silent.then_some(Score { least: own.lower, silent: own.is_zero() })
            };
            outputs.into_iter().enumerate().map(score).collect()
        }
        _ => nothing(),
    }
}

/// Bounds of the network's outputs on a box around the valid parts of the balls of some samples.
fn bounds(claim: &Claim<'_>, patched: &Patched, domain: &Domain, samples: &[usize]) -> Option<OutputBounds> {
    let mut hull = vec![(f64::INFINITY, f64::NEG_INFINITY); claim.data.features()];
    let mut row = vec![0.0; claim.data.features()];
    for &sample in samples {
        claim.data.copy_row(sample, &mut row);
        let ends = domain.part(&row, claim.radii.of(sample), claim.model.precision());
        hull.iter_mut().zip(ends).for_each(|(hull, end)| *hull = (hull.0.min(end.0), hull.1.max(end.1)));
    }
    OutputBounds::new(patched.network(), hull.into_iter())
}

/// The lead of the right class on a ball where its score is at least `score` and all
/// others are 0.
fn margin(
    claim: &Claim<'_>,
    patched: &Patched,
    sample: usize,
    bounds: &OutputBounds,
    score: f64,
) -> Option<f64> {
    let (class, precision) = (claim.class(sample), claim.model.precision());
    let taken = precision.round_down(mul_down(patched.lift(), score));
    let own = bounds.outputs.get(class)?.lower;
    let mut least = f64::INFINITY;
    for (other, output) in bounds.outputs.iter().enumerate().filter(|(other, _)| *other != class) {
        let lowered = precision.round_up(sub_up(output.upper, taken));
        let most = add_up(lowered, bounds.error(other, taken)?);
        least = least.min(sub_down(own, most));
    }
    Some(least)
}

/// Takes over what the network proves by itself of samples that are undecided and where
/// the memory does no harm.
fn by_network(
    claim: &Claim<'_>,
    patched: &Patched,
    (scores, answers): (&[Option<Score>], &mut Answers),
    config: &Config,
    watch: &Watch<'_>,
) -> Result<(), Error> {
    let harmless = |&sample: &usize| answers[sample].0 == Verdict::Undecided && scores[sample].is_some();
    let open: Vec<usize> = (0..answers.len()).filter(harmless).collect();
    if open.is_empty() {
        return Ok(());
    }
    let data = claim.data.select(open.iter().copied())?;
    let radii = Radii::PerSample(open.iter().map(|&sample| claim.radii.of(sample)).collect());
    let part = Claim { model: patched.network(), data: &data, radii: &radii, ..*claim };
    // What refutes the network need not refute it with its memory.
    let silent = Watch { progress: watch.progress, found: &|_, _, _| {} };
    let found = match patched.network() {
        Model::Layers(network) => layers::verdicts(&part, network, config, &silent)?,
        Model::Graph(graph) => graph::verdicts(&part, graph, config, &silent)?,
        _ => return Ok(()),
    };
    let keeps = |place: usize| {
        let sample = open[place];
        match (&found[place].0, scores[sample]) {
            (Verdict::Certified { margin, engine, .. }, Some(score)) => {
                let off = if score.silent { Some(0.0) } else { off(claim, patched, &config.domain, sample) };
                Verdict::of(claim, off.map(|off| sub_down(*margin, off)), false, *engine)
            }
            _ => Verdict::Undecided,
        }
    };
    for (place, verdict) in parallel::map(open.len(), keeps).into_iter().enumerate() {
        let (answer, effort) = (&mut answers[open[place]], found[place].1);
        answer.0 = verdict;
        answer.1 = Effort { seconds: answer.1.seconds + effort.seconds, ..effort };
        watch.decided(open[place], answer);
    }
    Ok(())
}

/// By how much taking away numbers of any size before the sums of the last layer are complete
/// may raise an output on the ball of a sample: no more than if they were 0.
fn off(claim: &Claim<'_>, patched: &Patched, domain: &Domain, sample: usize) -> Option<f64> {
    let bounds = bounds(claim, patched, domain, &[sample])?;
    let mut errors = (0..bounds.outputs.len()).map(|output| bounds.error(output, 0.0));
    errors.try_fold(0.0, |most: f64, error| Some(most.max(error?)))
}
