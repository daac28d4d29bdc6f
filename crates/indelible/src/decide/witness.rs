//! Datasets on which narrow networks must fail.
//!
//! On `{(e_j, 2)} ∪ {(0, 1)}` the samples with label 2 are at distance 1 from
//! the sample with label 1 in every norm, so `λ = 1` and `2μ = ρ`. A first
//! layer of rank `k` has a null space `V` of dimension `n − k`, and the balls
//! of `e_j` and 0 hold points that differ by a vector of `V` exactly when
//! `dist(e_j, V) ≤ ρ` (closed balls). Let `d = min(N − 1, n)`.
//!
//! - `p = 2`: `dist(e_j, V) = ‖P e_j‖` with `P` the projection onto the rows,
//!   and `Σ_j ‖P e_j‖² ≤ k`, so some `j ≤ d` has `dist² ≤ k/d`. Width `k`
//!   fails when `k < ρ² d` (Kim, Moon & Yun, NeurIPS 2025, Proposition 3.2).
//! - `p = ∞`, `ρ > 1/2`: when `k < d`, some `v ∈ V` in the span of
//!   `e_1, …, e_d` has largest construction `v_j = 1`; then `(1 − ρ) v` lies within
//!   `ρ` of `e_j`, so width `k` fails (Yu, Gao & Zhang, ICLR 2024, Theorem 4.6;
//!   Kim, Moon & Yun, Proposition C.7). For `ρ ≤ 1/2` the sup
//!   ball still contains the Euclidean one, and the bound for `p = 2` holds.
//! - `p > 2`: the balls contain the Euclidean ones, so the bound for `p = 2` holds.
//! - `1 < p < 2`: no bound is claimed (1).
//! - `p = 1`: one neuron, the sum of the features, keeps all balls apart for
//!   every `ρ < 1`: nothing more is necessary on these data.

use super::DecideError;
use crate::{Dataset, Error, Features, Norm};

/// The most values a witness may hold.
const MOST_VALUES: usize = 1 << 28;

/// The basis witness: sample 0 is the origin with label 1, the others have
/// label 2: `e_1, e_2, …`, and, when there are more than `features` of them,
/// `2e_1, 3e_1, …`, which are further away.
///
/// # Errors
/// When there is no feature, fewer than 2 samples, or more than 2²⁸ values.
pub fn basis(features: usize, samples: usize) -> Result<Dataset, Error> {
    let total = samples.checked_mul(features).filter(|&total| total <= MOST_VALUES);
    let (Some(total), true) = (total, features > 0 && samples > 1) else {
        return Err(DecideError::BadWitness { samples, features }.into());
    };
    let mut values = vec![0.0_f64; total];
    for sample in 1..samples {
        let row = &mut values[sample * features..(sample + 1) * features];
        if sample <= features {
            row[sample - 1] = 1.0;
        } else {
            row[0] = (sample - features + 1) as f64;
        }
    }
    let labels = (0..samples).map(|sample| usize::from(sample > 0)).collect();
    Dataset::new(Features::F64(values.into()), features, labels, vec!["1".into(), "2".into()])
}

/// The smallest width of a first layer that is not excluded on
/// [`basis`]`(features, samples)` at ratio `ρ = 2μ/λ`; 0 < ρ < 1.
///
/// # Errors
/// When the ratio is not between 0 and 1.
pub fn necessary_width(norm: Norm, ratio: f64, samples: usize, features: usize) -> Result<usize, Error> {
    if !(ratio > 0.0 && ratio < 1.0) {
        return Err(Error::BadRatio { given: ratio });
    }
    let d = samples.saturating_sub(1).min(features);
    Ok(match norm {
        Norm::L1 => 1,
        Norm::Lp(p) if p < 2.0 => 1,
        Norm::Linf if ratio > 0.5 => d,
        // At least 1, and at most d since ρ < 1.
        _ => ((ratio * ratio * d as f64).ceil() as usize).clamp(1, d.max(1)),
    })
}
