//! Theorem 4.8: counts, guarantees at hostile points, certificates.

use crate::common::{
    certificate, dataset, hostile_points, hostile_value, nearest_enemies, random_dataset, separation,
};
use indelible::{
    Budget, Dataset, Error, Precision,
    certify::Verdict,
    constructions::{BuiltNetwork, Construction, Options},
    network::{Head, Model, Network, StoredNetwork, evaluate, predicted_class, size},
};
use proptest::prelude::*;

fn build(data: &Dataset, budget: &Budget, options: Options) -> Result<Box<dyn BuiltNetwork>, Error> {
    Construction::named("yu2024-linf").unwrap().build(data, budget, options)
}

/// Every point of `points` gets the label of `sample` in both forms: from the
/// recurrence exactly, from the layers exactly where the certificate says so.
fn recognised(
    network: &dyn Network,
    compact: &Model,
    data: &Dataset,
    (sample, exact): (usize, bool),
    points: &[Vec<f64>],
) -> Result<(), TestCaseError> {
    let label = data.labels()[sample];
    let expected: Vec<f64> = match compact.outputs() {
        1 => vec![(label + 1) as f64],
        _ => (0..data.classes()).map(|c| -(label as f64 - c as f64).abs()).collect(),
    };
    let from_layers = evaluate(network, &points.concat()).unwrap();
    let from_recurrence = compact.evaluate(&points.concat()).unwrap();
    for outputs in from_recurrence.chunks(network.outputs()) {
        prop_assert_eq!(outputs, &expected[..]);
    }
    for outputs in from_layers.chunks(network.outputs()) {
        prop_assert_eq!(predicted_class(outputs, data.classes()), Some(label));
        let off = outputs.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        prop_assert!(off <= if exact { 0.0 } else { 1e-6 }, "{off} off");
    }
    Ok(())
}

fn options() -> impl Strategy<Value = Options> {
    (
        prop_oneof![Just(Head::Scalar), Just(Head::Logits)],
        prop_oneof![Just(Precision::F32), Just(Precision::F64)],
    )
        .prop_map(|(head, precision)| Options { head, precision })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Depth 2N+1, width 3n+1, (8n+5)N − 3 nonzero: values without a zero
    /// threshold, any label, one class or several, duplicates or not.
    #[test]
    fn counts_are_those_of_the_theorem(
        data in random_dataset(60, 40, 1.0f64..2.0),
        logits in any::<bool>(),
        ratio in 0.1f64..0.9,
    ) {
        let separation = separation(&data);
        let budget = match separation.pair {
            Some(_) => Budget::from_ratio(ratio, &separation),
            None => Budget::uniform(0.25, &separation),
        }.unwrap();
        let head = if logits && data.classes() > 1 { Head::Logits } else { Head::Scalar };
        let options = Options { head, precision: Precision::F64 };
        let (n, samples, l) = (data.features(), data.samples(), data.classes());
        let network = build(&data, &budget, options).unwrap();
        let counted = size(network.as_ref());
        let extra = match (head, samples) {
            (Head::Scalar, _) => 0,
            (Head::Logits, 1) => 5 * l,
            (Head::Logits, _) => 6 * l,
        };
        // The feature that holds the minimum has threshold z − μ = −μ, never 0 here.
        prop_assert_eq!(counted.depth, 2 * samples + 1 + usize::from(head == Head::Logits));
        prop_assert_eq!(counted.width, (3 * n + 1).max(if extra > 0 { l + 1 } else { 0 }));
        prop_assert_eq!(counted.nonzero, (8 * n + 5) * samples - 3 + extra);
        let of_compact = network.compact().unwrap().size();
        prop_assert_eq!(of_compact.depth, counted.depth);
        prop_assert_eq!(of_compact.width, counted.width);
        prop_assert_eq!(of_compact.nonzero, counted.nonzero);
        prop_assert_eq!(of_compact.all, counted.all);
    }

    /// Plain data: every form is certified and exact on hostile points.
    #[test]
    fn balls_are_memorized(
        data in random_dataset(12, 5, -3.0f64..3.0),
        options in options(),
        ratio in prop_oneof![Just(0.1), Just(0.5), Just(0.9), Just(0.999)],
        per_sample in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let enemies = nearest_enemies(&data);
        let found = separation(&data);
        prop_assume!(found.pair.is_some() && found.distance.lower > 1e-3);
        let budget =
            if per_sample { Budget::per_sample(ratio, &enemies) } else { Budget::from_ratio(ratio, &found) }.unwrap();
        let network = build(&data, &budget, options).unwrap();
        let compact = network.compact().unwrap();
        let proof = certificate(&Model::Layers(StoredNetwork::of(network.as_ref())), &data, &budget);
        for (sample, verdict) in proof.verdicts.iter().enumerate() {
            let exact = matches!(verdict, Verdict::Certified { exact: true, .. });
            let points = hostile_points(&data, sample, budget.radii().of(sample), seed);
            recognised(network.as_ref(), &compact, &data, (sample, exact), &points)?;
        }
        let other = certificate(&compact, &data, &budget);
        prop_assert_eq!(other.exact, data.samples());
        for certificate in [proof, other] {
            prop_assert!(certificate.holds(), "{:?} {:?} {:?} {:?}", certificate, options, (0..data.samples()).map(|i| data.row(i)).collect::<Vec<_>>(), budget);
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
        let enemies = nearest_enemies(&data);
        let found = separation(&data);
        prop_assume!(found.pair.is_some() && found.distance.lower > 0.0);
        let budget =
            if per_sample { Budget::per_sample(ratio, &enemies) } else { Budget::from_ratio(ratio, &found) }.unwrap();
        let network = match build(&data, &budget, options) {
            Ok(network) => network,
            Err(Error::TooFine { .. }) => return Ok(()),
            Err(other) => return Err(TestCaseError::fail(other.to_string())),
        };
        let mut models = vec![Model::Layers(StoredNetwork::of(network.as_ref()))];
        match network.compact() {
            Ok(compact) => models.push(compact),
            Err(Error::TooFine { .. }) => {}
            Err(other) => return Err(TestCaseError::fail(other.to_string())),
        }
        for model in &models {
            let certificate = certificate(model, &data, &budget);
            prop_assert_eq!(certificate.refuted, 0, "{:?}", &certificate);
            if !certificate.holds() {
                continue;
            }
            for sample in 0..data.samples() {
                let points = hostile_points(&data, sample, budget.radii().of(sample), seed).concat();
                let outputs = model.evaluate(&points).unwrap();
                for outputs in outputs.chunks(network.outputs()) {
                    prop_assert_eq!(predicted_class(outputs, data.classes()), Some(data.labels()[sample]));
                }
            }
        }
    }
}

#[test]
fn zero_thresholds_are_not_counted() {
    // Feature minima are 0, and 0.5 = μ makes one threshold of each sample 0.
    let data = dataset(1, vec![0.0, 2.0], vec![0, 1]);
    let budget = Budget::uniform(0.5, &separation(&data)).unwrap();
    let network = build(&data, &budget, Options { head: Head::Scalar, precision: Precision::F32 }).unwrap();
    assert_eq!(size(network.as_ref()).nonzero, (8 + 5) * 2 - 3 - 1);
    assert_eq!(network.compact().unwrap().size().nonzero, (8 + 5) * 2 - 3 - 1);
}

#[test]
fn impossible_budgets_are_refused() {
    let data = dataset(1, vec![0.0, 1.0], vec![0, 1]);
    let found = separation(&data);
    assert!(
        matches!(Budget::uniform(0.5, &found), Err(Error::RadiusTooLarge { largest, .. }) if largest == 0.5)
    );
    assert!(Budget::uniform(0.5f64.next_down(), &found).is_ok());
    assert!(matches!(Budget::uniform(f64::NAN, &found), Err(Error::BadRadius { .. })));
    assert!(matches!(Budget::from_ratio(1.0, &found), Err(Error::BadRatio { .. })));
    let equal = dataset(1, vec![1.0, 1.0], vec![0, 1]);
    assert!(matches!(Budget::uniform(0.0, &separation(&equal)), Err(Error::Inseparable { pair: (0, 1) })));
    let one_class = dataset(1, vec![1.0, 2.0], vec![0, 0]);
    assert_eq!(Budget::from_ratio(0.5, &separation(&one_class)), Err(Error::NoEnemies));
}
