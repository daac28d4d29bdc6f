//! What is enough.

use super::{Accuracy, Kind, Quantity, Question, Row};
use crate::{
    Norm,
    constructions::{Bound, Construction, Labels, REGISTRY},
};

const SUFFICIENT: Row = Row::of(Kind::Sufficient);

/// The upper bounds that apply.
pub(super) fn rows(question: &Question) -> Vec<Row> {
    [robust(question), kim(question), samples_alone(question)].concat()
}

/// What the constructions of the registry say of themselves, for every ratio
/// below 1; what holds for any labels first.
fn robust(question: &Question) -> Vec<Row> {
    let mut found: Vec<(&Construction, &Bound)> = REGISTRY
        .iter()
        .filter(|construction| construction.serves_norm(question.norm).is_ok())
        .flat_map(|construction| construction.bounds.iter().map(move |bound| (construction, bound)))
        .filter(|(_, bound)| bound.norm.is_none_or(|norm| norm == question.norm))
        .filter(|(_, bound)| bound.labels.include(question.classes))
        .collect();
    found.sort_by_key(|(_, bound)| bound.labels == Labels::Two);
    let row = |(construction, bound): (&Construction, &Bound)| Row {
        formula: bound.formula,
        value: (bound.value)(question),
        accuracy: bound.accuracy,
        condition: bound.condition,
        built: Some(construction.name),
        source: bound.source,
        ..SUFFICIENT
    };
    found.into_iter().map(row).collect()
}

/// The three regimes of Kim, Moon & Yun, and the width of Egosi et al.
fn kim(question: &Question) -> Vec<Row> {
    let (big_n, n, ratio) = (question.big_n(), question.n(), question.ratio);
    if question.norm != Norm::L2 {
        return Vec::new();
    }
    let regime = |formula, value, condition| Row {
        quantity: Quantity::All,
        formula,
        value,
        accuracy: Accuracy::Order,
        condition,
        source: "Kim, Moon & Yun, NeurIPS 2025, Theorem 4.2",
        ..SUFFICIENT
    };
    let mut rows = vec![if ratio <= 1.0 / (5.0 * big_n * n.sqrt()) {
        regime("Õ(√N)", big_n.sqrt(), "p = 2, ρ ≤ 1/(5N√n)")
    } else if ratio <= 1.0 / (5.0 * n.sqrt()) {
        regime("Õ(N n^¼ ρ^½)", big_n * n.powf(0.25) * ratio.sqrt(), "p = 2, 1/(5N√n) < ρ ≤ 1/(5√n)")
    } else {
        regime("Õ(N n² ρ⁴)", big_n * n.powi(2) * ratio.powi(4), "p = 2, ρ > 1/(5√n)")
    }];
    if ratio <= 1.0 / n.sqrt() {
        rows.push(Row {
            quantity: Quantity::Width,
            formula: "O(log N)",
            value: big_n.ln().max(1.0),
            accuracy: Accuracy::Order,
            condition: "p = 2, ρ below about 1/√n",
            source: "Egosi, Yehudai & Shamir, 2025 (arXiv:2502.11162)",
            ..SUFFICIENT
        });
    }
    rows
}

/// Constructions for the samples alone.
fn samples_alone(question: &Question) -> Vec<Row> {
    const ALONE: Row =
        Row { robust: false, accuracy: Accuracy::Order, condition: "samples alone", ..SUFFICIENT };
    let (big_n, n) = (question.big_n(), question.n());
    vec![
        Row {
            formula: "Õ(√N)", value: big_n.sqrt(), source: "Vardi, Yehudai & Shamir, ICLR 2022", ..ALONE
        },
        Row {
            formula: "O(N^⅔)",
            value: big_n.powf(2.0 / 3.0),
            source: "Park, Lee, Yun & Shin, COLT 2021",
            ..ALONE
        },
        Row {
            formula: "2N + n",
            value: 2.0 * big_n + n,
            accuracy: Accuracy::Explicit,
            condition: "samples alone; depth 2, width N, weights shared by all neurons",
            source: "Zhang, Bengio, Hardt, Recht & Vinyals, ICLR 2017, Theorem 1",
            ..ALONE
        },
    ]
}
