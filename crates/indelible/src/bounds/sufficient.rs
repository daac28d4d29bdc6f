//! What is enough.

use super::{Accuracy, Kind, Quantity, Question, Row, built};
use crate::Norm;

/// The upper bounds that apply.
pub(super) fn rows(question: &Question) -> Vec<Row> {
    let mut rows = robust(question);
    rows.extend(kim(question));
    rows.extend(samples_alone(question));
    rows
}

fn base() -> Row {
    Row {
        kind: Kind::Sufficient,
        quantity: Quantity::Nonzero,
        formula: "",
        value: 0.0,
        accuracy: Accuracy::Explicit,
        robust: true,
        condition: "",
        built: None,
        source: "",
    }
}

/// Constructions for every ratio below 1.
fn robust(question: &Question) -> Vec<Row> {
    let (big_n, n) = (question.samples as f64, question.features as f64);
    let mut rows = Vec::new();
    match question.norm {
        Norm::Linf => {
            rows.push(Row {
                formula: "(8n + 5) N − 3",
                value: (8.0 * n + 5.0) * big_n - 3.0,
                condition: "p = ∞, any labels; depth 2N + 1, width 3n + 1",
                built: built("yu2024-linf"),
                source: "Yu, Gao & Zhang, ICLR 2024, Theorem 4.8 (O(Nn)); count: this library",
                ..base()
            });
            rows.push(Row {
                formula: "(7n + 5) N − 4",
                value: (7.0 * n + 5.0) * big_n - 4.0,
                condition: "p = ∞, any labels; depth N + 2, width 3n + 2",
                built: built("pipelined"),
                source: "this library",
                ..base()
            });
            if question.classes == 2 {
                rows.push(Row {
                    formula: "O(N n log n)",
                    value: big_n * n * n.log2().max(1.0),
                    accuracy: Accuracy::Order,
                    condition: "p = ∞, two labels; every radius below λ/2 at once, parameters bounded by 2/λ",
                    built: built("yu2024-lipschitz"),
                    source: "Yu, Gao & Zhang, ICLR 2024, Theorem 5.2",
                    ..base()
                });
                rows.push(Row {
                    formula: "12 n N₊, N₊ ≤ N/2",
                    value: 12.0 * n * (big_n / 2.0).floor(),
                    condition: "p = ∞, two labels; N₊ samples of the rarer one",
                    built: built("lipschitz"),
                    source: "this library",
                    ..base()
                });
            }
        }
        Norm::L1 => rows.push(Row {
            formula: "O(N n)",
            value: big_n * n,
            accuracy: Accuracy::Order,
            condition: "p = 1, any labels",
            built: built("yu2024-l1"),
            source: "Yu, Gao & Zhang, ICLR 2024, Theorem B.2",
            ..base()
        }),
        Norm::Lp(p) => rows.push(approximated(question, p)),
        Norm::L2 => {
            rows.push(approximated(question, 2.0));
            rows.push(Row {
                formula: "(n + 1) N + O(N)",
                value: (n + 1.0) * big_n,
                accuracy: Accuracy::Order,
                condition: "p = 2, any labels; every radius below λ/2 at once",
                built: built("nearest"),
                source: "this library",
                ..base()
            });
        }
    }
    rows
}

/// The approximation of `|t|^p` by piecewise linear functions.
fn approximated(question: &Question, p: f64) -> Row {
    let (big_n, n) = (question.samples as f64, question.features as f64);
    Row {
        formula: "O(N n p² log(n/γ))",
        value: big_n * n * p * p * (n / (1.0 - question.ratio)).ln().max(1.0),
        accuracy: Accuracy::Order,
        condition: "1 < p < ∞ (γ = 1 − ρ in units of λ)",
        built: built("yu2024-lp"),
        source: "Yu, Gao & Zhang, ICLR 2024, Theorem B.3",
        ..base()
    }
}

/// The three regimes of Kim, Moon & Yun, and the width of Egosi et al.
fn kim(question: &Question) -> Vec<Row> {
    let (big_n, n, ratio) = (question.samples as f64, question.features as f64, question.ratio);
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
        ..base()
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
            ..base()
        });
    }
    rows
}

/// Constructions for the samples alone.
fn samples_alone(question: &Question) -> Vec<Row> {
    let (big_n, n) = (question.samples as f64, question.features as f64);
    let plain = Row { robust: false, accuracy: Accuracy::Order, condition: "samples alone", ..base() };
    vec![
        Row {
            formula: "Õ(√N)",
            value: big_n.sqrt(),
            source: "Vardi, Yehudai & Shamir, ICLR 2022",
            ..plain.clone()
        },
        Row {
            formula: "O(N^⅔)",
            value: big_n.powf(2.0 / 3.0),
            source: "Park, Lee, Yun & Shin, COLT 2021",
            ..plain.clone()
        },
        Row {
            formula: "2N + n",
            value: 2.0 * big_n + n,
            accuracy: Accuracy::Explicit,
            condition: "samples alone; depth 2, width N, weights shared by all neurons",
            source: "Zhang, Bengio, Hardt, Recht & Vinyals, ICLR 2017, Theorem 1",
            ..plain
        },
    ]
}
