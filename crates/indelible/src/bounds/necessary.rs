//! What cannot be done with less.

use super::{Accuracy, Kind, Quantity, Question, Row};
use crate::{Norm, decide::witness::necessary_width};

/// The lower bounds that apply.
pub(super) fn rows(question: &Question) -> Vec<Row> {
    let (big_n, n) = (question.samples as f64, question.features as f64);
    let ratio = question.ratio;
    let base = Row {
        kind: Kind::Necessary,
        quantity: Quantity::Nonzero,
        formula: "",
        value: 0.0,
        accuracy: Accuracy::Order,
        robust: true,
        condition: "",
        built: None,
        source: "",
    };
    let mut rows = vec![Row {
        formula: "Ω(√N)",
        value: big_n.sqrt(),
        robust: false,
        condition: "any norm, any ratio",
        source: "VC dimension: Goldberg & Jerrum 1995; see Vardi, Yehudai & Shamir, ICLR 2022",
        ..base.clone()
    }];
    rows.push(Row {
        formula: "Ω(√(N n))",
        value: (big_n * n).sqrt(),
        condition: "some radius below λ/4",
        source: "Li, Jin, Zhong, Hopcroft & Wang, NeurIPS 2022",
        ..base.clone()
    });
    let width = |formula, condition, source| Row {
        quantity: Quantity::FirstWidth,
        formula,
        // Ratio and sizes were checked by the caller.
        value: necessary_width(question.norm, ratio, question.samples, question.features)
            .map_or(0.0, |w| w as f64),
        accuracy: Accuracy::Explicit,
        condition,
        source,
        ..base.clone()
    };
    match question.norm {
        Norm::Linf if ratio > 0.5 => rows.push(width(
            "min(N − 1, n)",
            "p = ∞, ρ > 1/2",
            "Yu, Gao & Zhang, ICLR 2024, Theorem 4.6; Kim, Moon & Yun, NeurIPS 2025, Proposition C.7",
        )),
        Norm::Linf => rows.push(width(
            "⌈ρ² min(N − 1, n)⌉",
            "p = ∞ (sup balls contain Euclidean ones)",
            "Kim, Moon & Yun, NeurIPS 2025, Proposition 3.2",
        )),
        Norm::L2 => {
            rows.push(width("⌈ρ² min(N − 1, n)⌉", "p = 2", "Kim, Moon & Yun, NeurIPS 2025, Proposition 3.2"))
        }
        Norm::Lp(p) if p > 2.0 => rows.push(width(
            "⌈ρ² min(N − 1, n)⌉",
            "p > 2 (balls contain Euclidean ones)",
            "Kim, Moon & Yun, NeurIPS 2025, Proposition 3.2",
        )),
        Norm::L1 | Norm::Lp(_) => {}
    }
    if question.norm == Norm::L2 {
        let blow_up = (1.0 / (1.0 - ratio * ratio).sqrt()).min(n.sqrt());
        rows.push(Row {
            quantity: Quantity::All,
            formula: "Ω((ρ² min(N, n) + 1) n + min(1/√(1 − ρ²), √n) √N)",
            value: (ratio * ratio * big_n.min(n) + 1.0) * n + blow_up * big_n.sqrt(),
            condition: "p = 2",
            source: "Kim, Moon & Yun, NeurIPS 2025, Theorem 3.1",
            ..base
        });
    }
    rows
}
