//! Cells: coverage and exclusion in exact arithmetic, counts, guarantees at
//! hostile points, certificates, determinism.

use crate::common::{
    certificate, dataset, hostile_points, hostile_value, nearest_enemies, random_dataset, separation,
};
use indelible::{
    Budget, Dataset, Error, Features, Norm, Precision, Silent,
    cells::{cover, parameters},
    certify::Verdict,
    constructions::{BuiltNetwork, Construction, Options, cell_network},
    network::{
        Cell, CellEvaluator, CellNetwork, Constraint, Evaluator, Head, LayerBuilder, Model, Network, Side,
        StoredNetwork, evaluate, predicted_class, size,
    },
    number::{random::Random, two_sum},
    separation as exact_separation,
};
use proptest::prelude::*;

/// Sign of a sum of a few numbers, exactly: terms are added to an expansion
/// without overlaps, whose largest part has the sign (Shewchuk 1997). Meant
/// for numbers far from overflow.
fn sign_of_sum(terms: &[f64]) -> f64 {
    let mut parts: Vec<f64> = Vec::new();
    for &term in terms {
        let mut carry = term;
        for part in &mut parts {
            let (sum, error) = two_sum(carry, *part);
            *part = error;
            carry = sum;
        }
        parts.push(carry);
    }
    parts.iter().rev().find(|p| **p != 0.0).map_or(0.0, |p| p.signum())
}

/// Every ball lies in a cell of its class, and violates some constraint of
/// every other one so much that its scale makes 1 or more of it.
fn check_cells(data: &Dataset, budget: &Budget, cells: &[Cell]) -> Result<(), TestCaseError> {
    for i in 0..data.samples() {
        let radius = budget.radii().of(i);
        let room = |c: &Constraint, radius: f64, slack: f64| match c.side {
            Side::AtLeast => sign_of_sum(&[c.threshold, -data.value(i, c.feature), -radius, -slack]),
            Side::AtMost => sign_of_sum(&[data.value(i, c.feature), -c.threshold, -radius, -slack]),
        };
        let mut inside = false;
        for cell in cells {
            if cell.class == data.labels()[i] {
                inside |= cell.constraints.iter().all(|c| room(c, -radius, 0.0) <= 0.0);
            } else {
                let slack = indelible::number::div_up(1.0, cell.scale);
                prop_assert!(cell.constraints.iter().any(|c| room(c, radius, slack) >= 0.0), "{i} {cell:?}");
            }
        }
        prop_assert!(inside, "sample {i} is in no cell");
    }
    Ok(())
}

fn budget_of(data: &Dataset, ratio: f64, per_sample: bool) -> Option<Budget> {
    let found = separation(data);
    if found.pair.is_none() {
        return Some(Budget::uniform(0.25, &found).unwrap());
    }
    if found.distance.lower <= 0.0 {
        return None;
    }
    let budget = if per_sample {
        Budget::per_sample(ratio, &nearest_enemies(data))
    } else {
        Budget::from_ratio(ratio, &found)
    };
    Some(budget.unwrap())
}

fn options() -> impl Strategy<Value = Options> {
    (
        prop_oneof![Just(Head::Scalar), Just(Head::Logits)],
        prop_oneof![Just(Precision::F32), Just(Precision::F64)],
    )
        .prop_map(|(head, precision)| Options { head, precision })
}

fn ratio() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.1), Just(0.5), Just(0.9), Just(0.999)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Depth 3, 2T + C + 2K nonzero; a scalar head has two layers and 4L more.
    #[test]
    fn counts_are_those_of_the_formula(
        data in random_dataset(60, 6, prop_oneof![Just(0.0), Just(1.0), -3.0f64..3.0]),
        options in options(),
        ratio in ratio(),
    ) {
        let Some(budget) = budget_of(&data, ratio, false) else { return Ok(()) };
        let cells = match cover(&data, &budget, options.precision, &Silent) {
            Ok(cells) => cells,
            Err(Error::TooFine { .. }) => return Ok(()),
            Err(other) => return Err(TestCaseError::fail(other.to_string())),
        };
        let network =
            CellNetwork::new(options.precision, data.features(), data.classes(), options.head, &cells).unwrap();
        let (t, c, k) = (network.constraints().len(), network.memberships(), network.cells());
        let zeros = network.constraints().iter().filter(|c| c.threshold == 0.0).count();
        let counted = size(&network);
        let more = if options.head == Head::Scalar { 4 * data.classes() } else { 0 };
        prop_assert_eq!(parameters(&cells), 2 * t - zeros + c + 2 * k);
        prop_assert_eq!(counted.nonzero, parameters(&cells) + more);
        prop_assert_eq!(counted.depth, if more > 0 { 5 } else { 3 });
        prop_assert_eq!(counted.width, t.max(k).max(if more > 0 { data.classes() } else { 0 }));
        prop_assert_eq!(k, cells.len());
        prop_assert!(c <= cells.iter().map(|cell| cell.constraints.len()).sum());
    }

    /// Plain data: cells are right in exact arithmetic, and both forms are
    /// certified and give the label on hostile points.
    #[test]
    fn balls_are_memorized(
        data in random_dataset(40, 5, -3.0f64..3.0),
        options in options(),
        ratio in ratio(),
        per_sample in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let Some(budget) = budget_of(&data, ratio, per_sample) else { return Ok(()) };
        prop_assume!(separation(&data).distance.lower > 1e-3);
        check_cells(&data, &budget, &cover(&data, &budget, options.precision, &Silent).unwrap())?;
        let network = cell_network(&data, &budget, options, &Silent).unwrap();
        let model = network.compact().unwrap();
        let proof = certificate(&model, &data, &budget);
        prop_assert!(proof.holds(), "{:?}", proof);
        let dense = certificate(&Model::Layers(StoredNetwork::of(&network)), &data, &budget);
        prop_assert!(dense.holds(), "{:?}", dense);
        let evaluator = CellEvaluator::new(&network);
        for sample in 0..data.samples() {
            let points = hostile_points(&data, sample, budget.radii().of(sample), seed).concat();
            let label = data.labels()[sample];
            let constant = matches!(proof.verdicts[sample], Verdict::Certified { exact: true, .. });
            let outputs = evaluator.evaluate(&points).unwrap();
            let layered = evaluate(&network, &points).unwrap();
            for (row, other) in outputs.chunks(network.outputs()).zip(layered.chunks(network.outputs())) {
                prop_assert_eq!(predicted_class(row, data.classes()), Some(label));
                prop_assert_eq!(predicted_class(other, data.classes()), Some(label));
                if options.head == Head::Scalar {
                    prop_assert_eq!((row, other), (&[(label + 1) as f64][..], &[(label + 1) as f64][..]));
                } else {
                    let right = |scores: &[f64]| {
                        scores.iter().enumerate().all(|(c, s)| (c == label && *s >= 1.0) || (c != label && *s == 0.0))
                    };
                    prop_assert!(right(row) && right(other));
                    prop_assert!(!constant || row == &outputs[..row.len()] && row == other);
                }
            }
        }
    }

    /// Hostile data: whatever is built is true; and what cannot be built is
    /// said to be too fine for the format.
    #[test]
    fn hostile_data_are_never_certified_wrongly(
        data in random_dataset(8, 3, hostile_value()),
        options in options(),
        ratio in prop_oneof![Just(0.5), Just(0.99), Just(0.999_999)],
        per_sample in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let Some(budget) = budget_of(&data, ratio, per_sample) else { return Ok(()) };
        let network = match cell_network(&data, &budget, options, &Silent) {
            Ok(network) => network,
            Err(Error::TooFine { .. }) => return Ok(()),
            Err(other) => return Err(TestCaseError::fail(other.to_string())),
        };
        let certificate = certificate(&network.compact().unwrap(), &data, &budget);
        prop_assert!(certificate.holds(), "{:?} {:?}", certificate, network);
        for sample in 0..data.samples() {
            let points = hostile_points(&data, sample, budget.radii().of(sample), seed).concat();
            let outputs = CellEvaluator::new(&network).evaluate(&points).unwrap();
            for outputs in outputs.chunks(network.outputs()) {
                prop_assert_eq!(predicted_class(outputs, data.classes()), Some(data.labels()[sample]));
            }
        }
    }

    /// The evaluator gives what the definition gives, bit for bit, everywhere.
    #[test]
    fn evaluation_is_that_of_the_definition(
        network in any_network(),
        points in prop::collection::vec(prop_oneof![Just(0.5), -2.0f64..2.0, Just(1e30)], 1..2000),
    ) {
        let n = network.inputs();
        let rows = &points[..points.len() / n * n];
        let outputs = CellEvaluator::new(&network).evaluate(rows).unwrap();
        let expected: Vec<f64> = rows.chunks(n).flat_map(|x| by_definition(&network, x)).collect();
        prop_assert_eq!(outputs, expected);
    }

    /// Layers of cells are recognised as the cells that they are; with one
    /// number changed they are not these cells.
    #[test]
    fn cells_are_read_back_from_their_layers(network in any_network(), at in any::<prop::sample::Index>()) {
        let mut layers = StoredNetwork::of(&network);
        let logits = network.head() == Head::Logits;
        let read = CellNetwork::from_layers(&layers);
        prop_assert_eq!(read.as_ref(), logits.then_some(&network));
        if !logits {
            return Ok(());
        }
        // The first neuron once more, not shared.
        let mut twice = layers.clone();
        let mut first = LayerBuilder::new(layers.layers()[0].inputs());
        for row in layers.layers()[0].rows().chain([layers.layers()[0].row(0)]) {
            first.weight(row.columns[0], row.weights[0]).bias(row.bias);
        }
        let mut list = twice.layers().to_vec();
        list[0] = first.finish();
        let mut second = LayerBuilder::new(list[0].outputs());
        for row in layers.layers()[1].rows() {
            for (&column, &weight) in row.columns.iter().zip(row.weights) {
                second.weight(column, weight);
            }
            second.bias(row.bias);
        }
        list[1] = second.finish();
        twice = StoredNetwork::new(layers.precision(), list).unwrap();
        prop_assert_eq!(CellNetwork::from_layers(&twice), None);
        let l = at.index(3);
        let mut changed = LayerBuilder::new(layers.layers()[l].inputs());
        let victim = at.index(layers.layers()[l].outputs());
        for (r, row) in layers.layers()[l].rows().enumerate() {
            for (&column, &weight) in row.columns.iter().zip(row.weights) {
                changed.weight(column, weight);
            }
            changed.bias(layers.precision().round(row.bias + if r == victim { 0.25 } else { 0.0 }));
        }
        let mut list = layers.layers().to_vec();
        list[l] = changed.finish();
        layers = StoredNetwork::new(layers.precision(), list).unwrap();
        prop_assert_ne!(CellNetwork::from_layers(&layers), Some(network));
    }

    /// Samples as they are stored, bytes, binary32 or binary64, give what
    /// their rows give, bit for bit, wherever the range starts.
    #[test]
    fn stored_samples_give_what_their_rows_give(
        network in any_network(),
        codes in prop::collection::vec(any::<u8>(), 1..3000),
        kind in 0..4usize,
        start in 0..40usize,
    ) {
        let n = network.inputs();
        prop_assume!(codes.len() >= n);
        let codes = codes[..codes.len() / n * n].to_vec();
        let features = match kind {
            0 => Features::unit_codes(codes.into()),
            // Several codes become one number of binary32, the last infinity.
            1 => Features::Coded {
                codes: codes.into(),
                levels: (0..256).map(|k| if k < 250 { f64::from(k - 128) * 2e-10 } else { 1e38 * f64::from(k - 249) }).collect(),
            },
            2 => Features::F32(codes.iter().map(|&c| f32::from(c) / 100.0).collect::<Vec<_>>().into()),
            _ => Features::F64(codes.iter().map(|&c| f64::from(c) / 100.0 - 0.7).collect::<Vec<_>>().into()),
        };
        let samples = features.len() / n;
        let data = Dataset::new(features, n, vec![0; samples], vec!["a".into()]).unwrap();
        let range = start.min(samples)..samples;
        let rows: Vec<f64> = range.clone().flat_map(|sample| data.row(sample)).collect();
        let evaluator = CellEvaluator::new(&network);
        prop_assert_eq!(evaluator.evaluate_samples(&data, range).unwrap(), evaluator.evaluate(&rows).unwrap());
    }
}

/// Cells of a few constraints with thresholds and scales of binary32.
fn any_network() -> impl Strategy<Value = CellNetwork> {
    let constraint = (0usize..3, any::<bool>(), prop_oneof![Just(0.5f32), -2.0f32..2.0]).prop_map(
        |(feature, least, t)| {
            let side = if least { Side::AtLeast } else { Side::AtMost };
            Constraint { feature, side, threshold: f64::from(t) }
        },
    );
    let cell = (0usize..3, 0.1f32..10.0, prop::collection::vec(constraint, 1..5))
        .prop_map(|(class, scale, constraints)| Cell { class, scale: f64::from(scale), constraints });
    (prop::collection::vec(cell, 1..12), any::<bool>()).prop_map(|(cells, scalar)| {
        let head = if scalar { Head::Scalar } else { Head::Logits };
        CellNetwork::new(Precision::F32, 3, 3, head, &cells).unwrap()
    })
}

/// The outputs of a binary32 network at one point, operation by operation.
fn by_definition(network: &CellNetwork, x: &[f64]) -> Vec<f64> {
    let violations: Vec<f32> = network
        .constraints()
        .iter()
        .map(|c| match c.side {
            Side::AtLeast => (c.threshold as f32 - x[c.feature] as f32).max(0.0),
            Side::AtMost => (x[c.feature] as f32 - c.threshold as f32).max(0.0),
        })
        .collect();
    let mut scores = vec![0.0f32; network.classes()];
    for k in 0..network.cells() {
        let sum = network.members_of(k).iter().fold(0.0, |sum, &t| sum + violations[t as usize]);
        scores[network.classes_of_cells()[k]] += (1.0 - network.scales()[k] as f32 * sum).max(0.0);
    }
    match network.head() {
        Head::Logits => scores.into_iter().map(f64::from).collect(),
        Head::Scalar => {
            let cut = |s: f32| (1.0 - (1.0 - s).max(0.0)).max(0.0);
            vec![f64::from(scores.iter().enumerate().fold(0.0, |f, (c, &s)| f + (c + 1) as f32 * cut(s)))]
        }
    }
}

/// A larger dataset: `samples` points of a lattice with `steps` values per
/// feature, labels by a pattern that merging can use.
fn pattern(samples: usize, n: usize, steps: usize, classes: usize) -> Dataset {
    let mut random = Random::new(5);
    let rows: Vec<Vec<u8>> =
        (0..samples).map(|_| (0..n).map(|_| random.below(steps) as u8).collect()).collect();
    let labels =
        rows.iter().map(|row| (usize::from(row[0]) / 3 + usize::from(row[n - 1] > 4)) % classes).collect();
    let names = (0..classes).map(|c| c.to_string()).collect();
    Dataset::new(Features::integer_codes(rows.concat().into()), n, labels, names).unwrap()
}

fn fast_budget(data: &Dataset, ratio: f64) -> Budget {
    Budget::from_ratio(ratio, &exact_separation::separation(data, Norm::Linf, &Silent)).unwrap()
}

#[test]
fn thousands_of_samples_need_few_cells_whatever_the_threads() {
    let data = pattern(5000, 6, 12, 3);
    let budget = fast_budget(&data, 0.9);
    let build = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| cover(&data, &budget, Precision::F32, &Silent)).unwrap()
    };
    let cells = build(1);
    for threads in [2, 5] {
        assert!(build(threads) == cells, "{threads} threads");
    }
    check_cells(&data, &budget, &cells).unwrap();
    // Eight boxes describe the pattern.
    assert!(cells.len() <= 16, "{} cells", cells.len());
    let network = CellNetwork::new(Precision::F32, 6, 3, Head::Logits, &cells).unwrap();
    assert!(certificate(&Model::Cells(network), &data, &budget).holds());
}

#[test]
fn labels_without_any_pattern_are_memorized() {
    // Equal points get equal labels, all others any label.
    let data = pattern(3000, 3, 30, 2);
    let labels = (0..data.samples())
        .map(|i| data.row(i).iter().fold(7usize, |h, v| (h * 31 + *v as usize) % 1009) % 5)
        .collect();
    let names = (0..5).map(|c| c.to_string()).collect();
    let data = Dataset::new(data.storage().clone(), 3, labels, names).unwrap();
    let budget = fast_budget(&data, 0.99);
    for precision in [Precision::F32, Precision::F64] {
        let cells = cover(&data, &budget, precision, &Silent).unwrap();
        check_cells(&data, &budget, &cells).unwrap();
        let network = CellNetwork::new(precision, 3, 5, Head::Scalar, &cells).unwrap();
        assert!(certificate(&Model::Cells(network), &data, &budget).holds());
    }
}

#[test]
fn gaps_of_a_few_units_in_the_last_place_are_told_apart() {
    // Two features: one that tells by an ulp or two, one that tells nothing.
    let x = |k: u32| f64::from(f32::from_bits(1.0f32.to_bits() + k));
    let values: Vec<f64> = (0..40).flat_map(|k| [x(4 * k), 1e6]).collect();
    let data = dataset(2, values, (0..40).map(|k| k % 2).collect());
    let budget = Budget::from_ratio(0.5, &separation(&data)).unwrap();
    let network = cell_network(&data, &budget, Options::default(), &Silent).unwrap();
    assert!(certificate(&network.compact().unwrap(), &data, &budget).holds());
}

#[test]
fn what_a_format_cannot_hold_is_said() {
    let data = dataset(1, vec![1.0, 1.0f64.next_up()], vec![0, 1]);
    let budget = Budget::from_ratio(0.5, &separation(&data)).unwrap();
    let single = Options::default();
    assert!(matches!(cell_network(&data, &budget, single, &Silent), Err(Error::TooFine { .. })));
    let large = dataset(1, vec![-1e39, -1e39], vec![0, 0]);
    let budget = Budget::uniform(0.5, &separation(&large)).unwrap();
    assert!(matches!(cell_network(&large, &budget, single, &Silent), Err(Error::TooFine { .. })));
}

#[test]
fn the_registry_knows_cells() {
    let data = dataset(1, vec![0.0, 1.0, 2.0, 3.0, 4.0], vec![0, 0, 1, 1, 0]);
    let budget = Budget::uniform(0.25, &separation(&data)).unwrap();
    let network = Construction::named("cells").unwrap().build(&data, &budget, Options::default()).unwrap();
    // One threshold for each end: x ≤ a, x ≥ b and x ≤ c, x ≥ d.
    assert_eq!(size(network.as_ref()).nonzero, 2 * 4 + 4 + 2 * 3);
}

#[test]
fn cells_that_are_none_are_refused() {
    let c = Constraint { feature: 0, side: Side::AtMost, threshold: 0.5 };
    let cell = Cell { class: 0, scale: 1.0, constraints: vec![c] };
    let build = |cells: &[Cell]| CellNetwork::new(Precision::F32, 1, 1, Head::Logits, cells);
    assert!(build(std::slice::from_ref(&cell)).is_ok());
    for bad in [
        vec![],
        vec![Cell { constraints: vec![], ..cell.clone() }],
        vec![Cell { class: 1, ..cell.clone() }],
        vec![Cell { scale: 0.0, ..cell.clone() }],
        vec![Cell { scale: f64::INFINITY, ..cell.clone() }],
        vec![Cell { constraints: vec![Constraint { feature: 1, ..c }], ..cell.clone() }],
        vec![Cell { constraints: vec![Constraint { threshold: 0.1, ..c }], ..cell.clone() }],
        vec![Cell { constraints: vec![Constraint { threshold: f64::NAN, ..c }], ..cell }],
    ] {
        assert!(matches!(build(&bad), Err(Error::BadForm { form: "cells", .. })), "{bad:?}");
    }
}
