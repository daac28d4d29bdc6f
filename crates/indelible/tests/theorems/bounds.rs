//! The table of bounds: values by hand, and bounds that must not contradict
//! each other or what is built.

use indelible::{
    Budget, Dataset, Features, Norm, Silent,
    bounds::{Accuracy, Kind, Quantity, Question, Row, measured, needed, table},
    separation::separation,
};
use proptest::prelude::*;

fn question(samples: usize, features: usize, norm: Norm, ratio: f64) -> Question {
    Question { samples, features, classes: 2, norm, ratio }
}

fn value(rows: &[Row], formula: &str) -> f64 {
    rows.iter().find(|row| row.formula == formula).unwrap_or_else(|| panic!("no {formula}")).value
}

#[test]
fn values_by_hand() {
    let rows = table(&question(60_000, 784, Norm::Linf, 0.9)).expect("a question");
    assert_eq!(value(&rows, "(8n + 5) N − 3"), 376_619_997.0);
    assert_eq!(value(&rows, "min(N − 1, n)"), 784.0);
    assert_eq!(value(&rows, "2N + n"), 120_784.0);
    assert_eq!(value(&rows, "N log₂ L"), 60_000.0);
    assert_eq!(value(&rows, "12 n N₊, N₊ ≤ N/2"), 12.0 * 784.0 * 30_000.0);
    let rows = table(&question(100, 16, Norm::L2, 0.5)).expect("a question");
    assert_eq!(value(&rows, "⌈ρ² min(N − 1, n)⌉"), 4.0);
    assert_eq!(value(&rows, "Õ(N n² ρ⁴)"), 100.0 * 256.0 / 16.0);
    let lower = value(&rows, "Ω((ρ² min(N, n) + 1) n + min(1/√(1 − ρ²), √n) √N)");
    assert!((lower - (80.0 + 10.0 / 0.75_f64.sqrt())).abs() < 1e-12);
    let rows = table(&question(100, 16, Norm::L2, 0.05)).expect("a question");
    assert!((value(&rows, "Õ(N n^¼ ρ^½)") - 200.0 * 0.05_f64.sqrt()).abs() < 1e-9);
    assert!(rows.iter().any(|row| row.quantity == Quantity::Width && row.formula == "O(log N)"));
    let rows = table(&question(100, 16, Norm::L2, 1e-4)).expect("a question");
    assert_eq!(value(&rows, "⌈ρ² min(N − 1, n)⌉"), 1.0);
    assert_eq!(rows.iter().filter(|row| row.formula == "Õ(√N)").count(), 2);
}

#[test]
fn questions_outside_the_range_are_refused() {
    for ratio in [0.0, 1.0, -0.5, f64::NAN, f64::INFINITY] {
        assert!(table(&question(10, 3, Norm::Linf, ratio)).is_err());
    }
    assert!(table(&question(0, 3, Norm::Linf, 0.5)).is_err());
    assert!(table(&question(3, 0, Norm::Linf, 0.5)).is_err());
}

#[test]
fn what_is_built_takes_what_its_row_says() {
    let values = vec![0.25, 1.5, 3.0, -2.0, 7.5, 0.125, 9.0, 4.0];
    let names = vec!["a".into(), "b".into()];
    let data = Dataset::new(Features::F64(values.into()), 2, vec![0, 1, 0, 1], names).expect("data");
    let budget = Budget::from_ratio(0.9, &separation(&data, Norm::Linf, &Silent)).expect("a budget");
    let counted = measured(&data, &budget).expect("sizes");
    let rows = table(&question(4, 2, Norm::Linf, 0.9)).expect("a question");
    let theorem = rows.iter().find(|row| row.built == Some("yu2024-linf")).expect("built");
    let found =
        counted.iter().find(|row| row.built == Some("yu2024-linf") && row.quantity == Quantity::Nonzero);
    assert_eq!(found.expect("measured").value, theorem.value);
    assert_eq!(found.expect("measured").bits_per_parameter, Some(32));
    // Only in l2 the data say what they need: here one neuron does.
    assert_eq!(needed(&data, &budget, &Silent), Ok(None));
    let budget = Budget::from_ratio(0.1, &separation(&data, Norm::L2, &Silent)).expect("a budget");
    assert_eq!(needed(&data, &budget, &Silent).expect("a width").map(|row| row.value), Some(1.0));
}

proptest! {
    /// Explicit widths never exceed the number of features, values are finite
    /// and positive, and every row says where it is from.
    #[test]
    fn rows_are_complete(
        samples in 1usize..1_000_000,
        features in 1usize..100_000,
        classes in 1usize..20,
        ratio in 1e-9f64..0.999_999_999,
        norm in prop::sample::select(vec![Norm::L1, Norm::L2, Norm::Linf, Norm::Lp(1.5), Norm::Lp(3.0)]),
    ) {
        let rows = table(&Question { samples, features, classes, norm, ratio }).unwrap();
        for row in &rows {
            prop_assert!(row.value.is_finite() && row.value >= 0.0, "{row:?}");
            prop_assert!(!row.formula.is_empty() && !row.source.is_empty() && !row.condition.is_empty());
            if row.quantity == Quantity::FirstWidth && row.accuracy == Accuracy::Explicit {
                prop_assert!(row.value <= features as f64);
            }
        }
        let necessary = rows.iter().take_while(|row| row.kind == Kind::Necessary).count();
        prop_assert!(rows[necessary..].iter().all(|row| row.kind == Kind::Sufficient));
    }
}
