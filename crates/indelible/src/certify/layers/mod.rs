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

use rayon::prelude::*;

use super::{Claim, Engine, Verdict, verdict_of};
use crate::{Progress, network::StoredNetwork};

#[cfg(test)]
pub(super) use self::{
    bounded::BoundedLayers,
    intervals::{on_box, propagate},
};

/// One verdict per sample, certified or undecided.
pub(super) fn verdicts(claim: &Claim<'_>, network: &StoredNetwork, progress: &dyn Progress) -> Vec<Verdict> {
    progress.begin("certify", claim.data.samples() as u64);
    let verdicts = (0..claim.data.samples())
        .into_par_iter()
        .map(|sample| {
            let class = claim.classes[claim.data.labels()[sample]];
            let sums = intervals::on_box(claim, network, sample);
            let outputs = sums.as_ref().and_then(|sums| sums.last());
            let verdict = match outputs
                .map(|outputs| verdict_of(outputs, class, claim.network_classes, Engine::Intervals))
            {
                None | Some(Verdict::Undecided) => {
                    match forward::margin(claim, network, sample, sums.as_deref()) {
                        Some(margin) if margin > 0.0 => {
                            Verdict::Certified { margin, exact: false, engine: Engine::BackSubstitution }
                        }
                        _ => Verdict::Undecided,
                    }
                }
                Some(settled) => settled,
            };
            progress.advance(1);
            verdict
        })
        .collect();
    progress.end();
    verdicts
}
