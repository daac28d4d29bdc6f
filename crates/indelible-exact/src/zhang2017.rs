//! A step per run: Zhang, Bengio, Hardt, Recht & Vinyals, "Understanding deep
//! learning requires rethinking generalization", ICLR 2017, Theorem 1 (2N + n
//! weights, depth 2, N hinges whose weights solve a triangular system).
//!
//! **Guarantee.** The output is exactly `y_i` on every ball of a radius that the
//! line leaves room for, and the label of the run before or a number between two
//! labels elsewhere.
//!
//! **Size.** Depth 4, width K − 1, `n + 5K − 3` nonzero parameters for K runs of
//! one label along the line, K ≤ N. Numbers of κ bits and two more.
//!
//! **Method.** With the place `t` and the cuts `s_k`,
//!
//! ```text
//! step_k = min(1, relu(t − s_k + 1)) = 1 − relu(1 − relu(t − s_k + 1))
//! F = y_1 + Σ_k (y_{k+1} − y_k) step_k
//! ```
//!
//! Ours in this: steps in place of hinges, so that errors do not add up, runs in
//! place of samples, and the radius.

use dashu_int::IBig;

use crate::{Cuts, ExactNetwork, Memorizer, builder::Sum, plan::OverCuts};

pub(crate) const ENTRY: Memorizer = Memorizer {
    name: "zhang2017",
    source: "Zhang, Bengio, Hardt, Recht & Vinyals, ICLR 2017, Theorem 1; steps and radius: this library",
    formula: "n + 5K − 3",
    is_provable: true,
    most_unnamed: usize::MAX,
    shape: |_, line, radius, bits| {
        Ok(Box::new(OverCuts {
            cuts: Cuts::new(line, radius)?.with_key_bits(bits),
            group: None,
            build,
            parameters: |cuts, _| cuts.front() + 5 * cuts.runs() - 3,
            depth: |_, _| 4,
        }))
    },
};

fn build(cuts: &Cuts, _group: usize) -> ExactNetwork {
    let mut network = cuts.begin();
    let minus = -IBig::ONE;
    let begun: Vec<usize> =
        cuts.cuts.iter().map(|s| network.push(Sum::of(0).and(&(IBig::ONE - s)))).collect();
    network.close();
    let missing: Vec<usize> =
        begun.into_iter().map(|b| network.push(Sum::number(IBig::ONE).plus(&minus, &Sum::of(b)))).collect();
    network.close();
    let labels: Vec<IBig> = cuts.labels.iter().map(|label| IBig::from(*label)).collect();
    let last = labels.last().cloned().unwrap_or_default();
    // y_K − Σ (y_{k+1} − y_k) (1 − step_k).
    let output = labels
        .windows(2)
        .zip(missing)
        .fold(Sum::number(last), |sum, (pair, missing)| sum.plus(&(&pair[0] - &pair[1]), &Sum::of(missing)));
    network.finish(output)
}
