//! Certificates for maxima of affine scores, by geometry.
//!
//! With `b_k = C − ‖w_k‖²/2 + β_k` the difference of two scores is
//!
//! ```text
//! s_k(x) − s_j(x) = (‖x − w_j‖² − ‖x − w_k‖²)/2 + β_k − β_j,
//! ```
//!
//! and it changes by at most `‖w_k − w_j‖` per unit. Around a sample at distance
//! `τ` from its own row, with radius `μ` and other rows at distance `d ≥ μ` and
//! more, the own score leads by at least
//! `d²/2 − μd − τ²/2 − μτ − (max β − min β)`, which grows with `d`. So the
//! nearest row of another class decides, and the exact search finds it.
//! Rounding of a score is bounded by the nonzero terms of its sum.

use rayon::prelude::*;

use super::{Claim, Engine, Verdict, prototypes::as_dataset};
use crate::{
    Norm, Progress,
    network::{MaxAffine, NetworkForm},
    number::{add_up, div_up, mul_down, mul_up, sqrt_up, sub_down, sub_up},
    separation::nearest_enemies_between,
};

/// What all samples share.
struct Rows {
    /// `max β − min β`.
    spread: f64,
    /// `max_k γ_k ‖w_k‖` and `max_k γ_k |b_k|`, `γ_k` for the nonzero terms.
    slope: f64,
    constant: f64,
    /// For each row an upper bound of its length, and the largest of them.
    lengths: Vec<f64>,
    longest: f64,
    /// `max_k |b_k|`.
    largest_bias: f64,
}

/// One verdict per sample, certified or undecided.
pub(super) fn verdicts(claim: &Claim<'_>, scores: &MaxAffine, progress: &dyn Progress) -> Vec<Verdict> {
    let data = claim.data;
    let undecided = || vec![Verdict::Undecided; data.samples()];
    let Some(rows) = Rows::new(scores) else { return undecided() };
    // One output is a scalar, which means a class by its size.
    if scores.ends().len() == 1 && claim.network_classes > 1 {
        return undecided();
    }
    let groups: Vec<usize> =
        (0..scores.classes()).flat_map(|c| scores.class_rows(c).map(move |_| c)).collect();
    let Some(base) = as_dataset(scores.rows(), scores.inputs(), &groups) else { return undecided() };
    // Queries carry the network's class; base classes are named by number.
    let labels: Vec<usize> = data.labels().iter().map(|&label| claim.classes[label]).collect();
    if labels.iter().any(|&class| class >= scores.ends().len()) {
        return undecided();
    }
    let names: Vec<String> = (0..scores.classes()).map(|c| c.to_string()).collect();
    let queries = crate::Dataset::new(data.storage().clone(), scores.inputs(), labels.clone(), names);
    let Ok(near) = queries.and_then(|q| nearest_enemies_between(&q, &base, Norm::L2, progress)) else {
        return undecided();
    };
    // The row that a sample has where rows are samples sorted by class.
    let mut next: Vec<usize> = (0..scores.classes()).map(|c| scores.class_rows(c).start).collect();
    let own: Vec<usize> = labels
        .iter()
        .map(|&class| {
            next[class] += 1;
            next[class] - 1
        })
        .collect();
    progress.begin("certify", data.samples() as u64);
    let verdicts = (0..data.samples())
        .into_par_iter()
        .map(|sample| {
            let checker = Sample { claim, scores, rows: &rows, class: labels[sample], sample };
            let margin = checker.margin(own[sample], near.distances[sample].lower);
            progress.advance(1);
            match margin {
                Some(margin) if margin > 0.0 => {
                    Verdict::Certified { margin, exact: false, engine: Engine::MaxAffine }
                }
                _ => Verdict::Undecided,
            }
        })
        .collect();
    progress.end();
    verdicts
}

impl Rows {
    fn new(scores: &MaxAffine) -> Option<Self> {
        let n = scores.inputs();
        let unit = scores.precision().unit_roundoff();
        let inexact = 1.01 * n as f64 * f64::EPSILON;
        let each: Vec<(f64, f64, f64, f64, f64)> = (0..scores.biases().len())
            .into_par_iter()
            .map_init(
                || vec![0.0; n],
                |row, k| {
                    scores.copy_row(k, row);
                    let bias = scores.biases()[k];
                    let square: f64 = row.iter().map(|w| w * w).sum();
                    let nonzero = row.iter().filter(|w| **w != 0.0).count();
                    // Inputs, products and sums are rounded.
                    let error = mul_up((nonzero + 3) as f64, unit);
                    let gamma = if error < 0.5 { div_up(error, sub_down(1.0, error)) } else { f64::INFINITY };
                    // A square may vanish in binary64.
                    let vanished = n as f64 * f64::from_bits(1);
                    let low = sub_down(mul_down(square, 1.0 - inexact), vanished).max(0.0);
                    let high = add_up(mul_up(square, 1.0 + inexact), vanished);
                    let length = sqrt_up(high);
                    let shift = (-add_up(-bias, -low / 2.0), add_up(bias, high / 2.0));
                    (shift.0, shift.1, mul_up(gamma, length), mul_up(gamma, bias.abs()), length)
                },
            )
            .collect();
        let lowest = each.iter().map(|e| e.0).fold(f64::INFINITY, f64::min);
        let highest = each.iter().map(|e| e.1).fold(f64::NEG_INFINITY, f64::max);
        let rows = Self {
            spread: sub_up(highest, lowest),
            slope: each.iter().map(|e| e.2).fold(0.0, f64::max),
            constant: each.iter().map(|e| e.3).fold(0.0, f64::max),
            lengths: each.iter().map(|e| e.4).collect(),
            longest: each.iter().map(|e| e.4).fold(0.0, f64::max),
            largest_bias: scores.biases().iter().fold(0.0, |m, b| m.max(b.abs())),
        };
        (rows.spread.is_finite() && rows.slope.is_finite()).then_some(rows)
    }
}

/// One sample.
struct Sample<'a> {
    claim: &'a Claim<'a>,
    scores: &'a MaxAffine,
    rows: &'a Rows,
    class: usize,
    sample: usize,
}

impl Sample<'_> {
    /// By how much the own score leads on the whole ball, computed or exact.
    fn margin(&self, guess: usize, nearest: f64) -> Option<f64> {
        let x = self.claim.data.row(self.sample);
        let n = x.len() as f64;
        let radius = match self.claim.norm.enclosing() {
            Norm::Linf | Norm::Lp(_) => mul_up(self.claim.radii.of(self.sample), sqrt_up(n)),
            _ => self.claim.radii.of(self.sample),
        };
        let range = self.scores.class_rows(self.class);
        let guessed = range.contains(&guess).then(|| (guess, self.distance_up(guess, &x)));
        let (own, drift) = match guessed {
            Some((own, 0.0)) => (own, 0.0),
            _ => range.map(|k| (k, self.distance_up(k, &x))).min_by(|a, b| a.1.total_cmp(&b.1))?,
        };
        let size = add_up(x.iter().fold(0.0, |s, v| add_up(s, mul_up(*v, *v))), 0.0);
        let far = add_up(sqrt_up(size), radius);
        // Inputs and products that underflow are off by half of this each.
        let tiny = mul_up(2.0 * n + 2.0, self.scores.precision().smallest_subnormal());
        let tiny = mul_up(tiny, add_up(self.rows.longest, 1.0));
        let error = add_up(add_up(mul_up(self.rows.slope, far), self.rows.constant), tiny);
        // Neither a rounded input nor a partial sum may overflow.
        let sums = add_up(mul_up(self.rows.longest, far), self.rows.largest_bias);
        if mul_up(4.0, sums.max(far)) >= self.scores.precision().largest() {
            return None;
        }
        // Against the cut at 0: the own score on the whole ball.
        let at = (0..x.len())
            .map(|j| (self.scores.rows().at(own * x.len() + j), x[j]))
            .fold(self.scores.biases()[own], |sum, (w, x)| -add_up(-sum, -mul_down(w, x)));
        let above_cut = sub_down(sub_down(at, mul_up(radius, self.rows.lengths[own])), error);
        if nearest.is_infinite() {
            return Some(above_cut);
        }
        if nearest < radius {
            return None;
        }
        let lead = mul_down(nearest, sub_down(nearest / 2.0, radius));
        let lost = add_up(mul_up(drift, add_up(drift / 2.0, radius)), self.rows.spread);
        let lead = sub_down(sub_down(lead, lost), mul_up(2.0, error));
        Some(lead.min(above_cut))
    }

    /// An upper bound of the distance from row `k`, 0 where they are equal.
    fn distance_up(&self, k: usize, x: &[f64]) -> f64 {
        let start = k * x.len();
        let square = x.iter().enumerate().fold(0.0, |sum, (j, &x)| {
            let w = self.scores.rows().at(start + j);
            let d = sub_up(x.max(w), x.min(w));
            add_up(sum, mul_up(d, d))
        });
        sqrt_up(square)
    }
}
