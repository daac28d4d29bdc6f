//! What cannot be done with less.

use super::{Accuracy, Kind, Quantity, Question, Row};
use crate::{Error, Norm, number::whole};

const NECESSARY: Row = Row { accuracy: Accuracy::Order, ..Row::of(Kind::Necessary) };

/// The lower bounds that apply.
pub(super) fn rows(question: &Question) -> Vec<Row> {
    let (big_n, n, ratio) = (question.big_n(), question.n(), question.ratio);
    let mut rows = vec![
        Row {
            formula: "Ω(√N)",
            value: big_n.sqrt(),
            robust: false,
            condition: "any norm, any ratio",
            source: "VC dimension: Goldberg & Jerrum 1995; see Vardi, Yehudai & Shamir, ICLR 2022",
            ..NECESSARY
        },
        Row {
            formula: "Ω(√(N n))",
            value: (big_n * n).sqrt(),
            condition: "some radius below λ/4",
            source: "Li, Jin, Zhong, Hopcroft & Wang, NeurIPS 2022",
            ..NECESSARY
        },
        Row {
            quantity: Quantity::Bits,
            formula: "N log₂ L",
            value: big_n * (question.classes.max(1) as f64).log2(),
            accuracy: Accuracy::Explicit,
            robust: false,
            condition: "any labels; any numbers, any architecture",
            source: "counting: b bits tell 2^b networks apart",
            ..NECESSARY
        },
    ];
    let mut formula = "⌈ρ² min(N − 1, n)⌉";
    let mut source = "Kim, Moon & Yun, NeurIPS 2025, Proposition 3.2";
    let condition = match question.norm {
        Norm::Linf if ratio > 0.5 => {
            formula = "min(N − 1, n)";
            source =
                "Yu, Gao & Zhang, ICLR 2024, Theorem 4.6; Kim, Moon & Yun, NeurIPS 2025, Proposition C.7";
            Some("p = ∞, ρ > 1/2")
        }
        Norm::Linf => Some("p = ∞ (sup balls contain Euclidean ones)"),
        Norm::L2 => Some("p = 2"),
        Norm::Lp(p) if p > 2.0 => Some("p > 2 (balls contain Euclidean ones)"),
        Norm::L1 | Norm::Lp(_) => None,
    };
    rows.extend(condition.map(|condition| {
        Row {
            quantity: Quantity::FirstWidth,
            formula,
            // Ratio and sizes were checked by the caller.
            value: necessary_width(question.norm, ratio, question.samples, question.features)
                .map_or(0.0, |w| w as f64),
            accuracy: Accuracy::Explicit,
            condition,
            source,
            ..NECESSARY
        }
    }));
    if question.norm == Norm::L2 {
        let blow_up = (1.0 / (1.0 - ratio * ratio).sqrt()).min(n.sqrt());
        rows.push(Row {
            quantity: Quantity::All,
            formula: "Ω((ρ² min(N, n) + 1) n + min(1/√(1 − ρ²), √n) √N)",
            value: (ratio * ratio * big_n.min(n) + 1.0) * n + blow_up * big_n.sqrt(),
            condition: "p = 2",
            source: "Kim, Moon & Yun, NeurIPS 2025, Theorem 3.1",
            ..NECESSARY
        });
    }
    rows
}

/// The smallest width of a first layer that is not excluded at ratio
/// `ρ = 2μ/λ`, `0 < ρ < 1`, on the basis witness: the origin with one label and
/// the unit vectors `e_1, e_2, …` with another, `N` samples of `n` features.
///
/// There the two classes are at distance 1 in every norm, so `λ = 1` and
/// `2μ = ρ`. A first layer of rank `k` has a null space `V` of dimension
/// `n − k`, and the balls of `e_j` and 0 hold points that differ by a vector of
/// `V` exactly when `dist(e_j, V) ≤ ρ` (closed balls). Let `d = min(N − 1, n)`.
///
/// - `p = 2`: `dist(e_j, V) = ‖P e_j‖` with `P` the projection onto the rows,
///   and `Σ_j ‖P e_j‖² ≤ k`, so some `j ≤ d` has `dist² ≤ k/d`. Width `k`
///   fails when `k < ρ² d` (Kim, Moon & Yun, NeurIPS 2025, Proposition 3.2).
/// - `p = ∞`, `ρ > 1/2`: when `k < d`, some `v ∈ V` in the span of
///   `e_1, …, e_d` has largest entry `v_j = 1`; then `(1 − ρ) v` lies within
///   `ρ` of `e_j`, so width `k` fails (Yu, Gao & Zhang, ICLR 2024, Theorem 4.6;
///   Kim, Moon & Yun, Proposition C.7). For `ρ ≤ 1/2` the sup ball still
///   contains the Euclidean one, and the bound for `p = 2` holds.
/// - `p > 2`: the balls contain the Euclidean ones, so the bound for `p = 2`
///   holds.
/// - `1 < p < 2`: no bound is claimed (1).
/// - `p = 1`: one neuron, the sum of the features, keeps all balls apart for
///   every `ρ < 1`: nothing more is necessary on these data.
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
        Norm::L2 | Norm::Lp(_) | Norm::Linf => whole((ratio * ratio * d as f64).ceil()).clamp(1, d.max(1)),
    })
}
