//! Certificates for affine layers and ReLUs.
//!
//! Layers as the constructions make them are sparse and deep, and reach their
//! answers exactly: first every neuron gets an interval on the box around the ball (`intervals`).
//! What that leaves undecided is looked at on the ball itself (`forward`): units
//! that are sums of functions of one feature each stay that (`separable`, of
//! `piecewise_linear` curves, bounded on the ball as `dual_bound` says), others
//! are followed back to the input (`back_substitution`). Dense layers, as people
//! train them, and what that leaves open, are looked at by linear bounds
//! (`linear`, the room beside this one).

mod back_substitution;
mod bounded;
mod dual_bound;
mod forward;
mod intervals;
mod piecewise_linear;
mod separable;

use super::{
    Answers, Claim, Config, Domain, Effort, Engine, Verdict, Watch,
    arithmetic::Interval,
    deep_stack::on_deep_stack,
    linear, of_samples,
    program::{Program, is_dense},
};
use crate::{
    Error,
    network::{Layer, StoredNetwork},
};

pub(super) use self::intervals::propagate;
#[cfg(test)]
pub(super) use self::{bounded::BoundedLayers, intervals::on_box};

/// Weights and biases of dense layers that the exact engines look at as well, at
/// most.
const SMALL: usize = 4096;
/// The same where the layers begin with functions of one feature each: sums of curves are
/// exact on them, and these engines come first.
const CURVES: usize = 1 << 18;

/// Terms of a sum that are many.
const MANY_TERMS: usize = 6;
/// Hidden layers that are few.
const SHALLOW: usize = 12;

/// One verdict per sample.
pub(super) fn verdicts(
    claim: &Claim<'_>,
    network: &StoredNetwork,
    config: &Config,
    watch: &Watch<'_>,
) -> Result<Answers, Error> {
    let domain = &config.domain;
    let Some(program) = Program::of_layers(network) else {
        return Ok(of_samples(claim, watch, |sample| {
            let (verdict, sums) = by_intervals(claim, domain, network, sample);
            verdict.or_else(|| followed_back(claim, network, sample, sums.as_deref()))
        }));
    };
    // Of layers that mix what they read again and again nothing is exact but by chance.
    let mixed = is_dense(network) || mixes_twice(network);
    let size: usize = network.layers().iter().map(Layer::nonzero).sum();
    let curves = size <= CURVES && begins_with_curves(network);
    let (exactly, at_first) = (!mixed || curves || size <= SMALL, !mixed || curves);
    linear::verdicts(claim, &program, config, watch, |sample, linear| {
        if !exactly {
            return linear.verdict(sample);
        }
        // Only they say that outputs are constant.
        let (first, sums) = by_intervals(claim, domain, network, sample);
        let back = || followed_back(claim, network, sample, sums.as_deref());
        let first = if at_first { first.or_else(back) } else { first };
        // Branching on many sparse layers takes minutes a sample: where time is given.
        let is_asked = mixed || config.timeout.is_some();
        if first != Verdict::Undecided || !is_asked {
            return Ok((first, Effort::default()));
        }
        let (verdict, effort) = linear.verdict(sample)?;
        Ok((if at_first { verdict } else { verdict.or_else(back) }, effort))
    })
}

/// Whether one of a few hidden layers of sums of many terms reads another such layer, as
/// in convolutional networks and in none that computes maxima or counts.
fn mixes_twice(network: &StoredNetwork) -> bool {
    let Some((_, hidden)) = network.layers().split_last() else { return false };
    let mixes = |layer: &Layer| layer.nonzero() >= MANY_TERMS * layer.outputs();
    hidden.len() <= SHALLOW && hidden.windows(2).any(|pair| pair.iter().all(mixes))
}

/// Whether most neurons of the first layer read one feature.
fn begins_with_curves(network: &StoredNetwork) -> bool {
    network.layers().first().is_some_and(|first| {
        let alone = first.rows().filter(|row| row.columns.len() <= 1).count();
        2 * alone > first.outputs()
    })
}

/// The verdict about a sample, certified or undecided, and the intervals of all
/// sums.
fn by_intervals(
    claim: &Claim<'_>,
    domain: &Domain,
    network: &StoredNetwork,
    sample: usize,
) -> (Verdict, Option<Vec<Vec<Interval>>>) {
    let sums = intervals::on_box(claim, domain, network, sample);
    let outputs = sums.as_ref().and_then(|sums| sums.last());
    let proved = |outputs: &Vec<_>| Verdict::of_outputs(claim, sample, outputs, Engine::Intervals);
    (outputs.map_or(Verdict::Undecided, proved), sums)
}

/// The verdict about a sample on the ball itself, certified or undecided. Where
/// the intervals of sums are those of valid inputs, so is what is proved.
fn followed_back(
    claim: &Claim<'_>,
    network: &StoredNetwork,
    sample: usize,
    sums: Option<&[Vec<Interval>]>,
) -> Verdict {
    let margin =
        on_deep_stack(network.layers().len(), || forward::margin(claim, network, sample, sums)).flatten();
    Verdict::of(claim, margin, false, Engine::BackSubstitution)
}
