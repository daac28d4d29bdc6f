//! Certificates for affine layers and ReLUs.
//!
//! First every neuron gets an interval on the box around the ball (`intervals`).
//! What that leaves undecided is looked at on the ball itself (`forward`): units
//! that are sums of functions of one feature each stay that (`separable`, of
//! `piecewise_linear` curves, bounded on the ball as `dual_bound` says), others
//! are followed back to the input (`back_substitution`).

mod back_substitution;
mod bounded;
mod dual_bound;
mod forward;
mod intervals;
mod piecewise_linear;
mod separable;

use super::{Claim, Engine, Verdict, of_samples};
use crate::{Progress, network::StoredNetwork};

#[cfg(test)]
pub(super) use self::{
    bounded::BoundedLayers,
    intervals::{on_box, propagate},
};

/// One verdict per sample, certified or undecided.
pub(super) fn verdicts(claim: &Claim<'_>, network: &StoredNetwork, progress: &dyn Progress) -> Vec<Verdict> {
    of_samples(claim, progress, |sample| {
        let sums = intervals::on_box(claim, network, sample);
        let outputs = sums.as_ref().and_then(|sums| sums.last());
        let proved = |outputs: &Vec<_>| Verdict::of_outputs(claim, sample, outputs, Engine::Intervals);
        let verdict = outputs.map_or(Verdict::Undecided, proved);
        if verdict != Verdict::Undecided {
            return verdict;
        }
        let margin = forward::margin(claim, network, sample, sums.as_deref());
        Verdict::of(margin, false, Engine::BackSubstitution)
    })
}
