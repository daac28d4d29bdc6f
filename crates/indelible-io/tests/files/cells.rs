//! Networks of cells through compact files and back, and what becomes of
//! damaged ones.

use super::common::{all_options, certificate};
use indelible::{
    Budget, Dataset, Features, Norm, Precision, Radii, Silent,
    certify::{Claim, certify},
    constructions::{Construction, Options},
    network::{CellEvaluator, CellNetwork, Evaluator, Model, predicted_class},
    separation::separation,
};
use indelible_io::onnx::{self, Metadata, write_compact};
use proptest::prelude::*;

/// Two features, three classes, twelve samples, so that there are several
/// cells of several constraints.
fn dataset() -> Dataset {
    let values = vec![
        0.0, 1.0, 0.25, -1.0, 2.0, 0.5, 1.5, 1.5, -2.0, 0.125, 0.3, 0.7, -0.4, 0.2, 0.9, -0.6, 1.1, 0.4,
        -1.2, 1.3, 0.6, 1.9, -0.8, -1.5,
    ];
    let names = ["a", "b", "c"].map(String::from).to_vec();
    let labels = vec![0, 1, 2, 0, 1, 0, 2, 1, 0, 2, 1, 0];
    Dataset::new(Features::F64(values.into()), 2, labels, names).unwrap()
}

fn budget(data: &Dataset) -> Budget {
    Budget::from_ratio(0.9, &separation(data, Norm::Linf, &Silent)).unwrap()
}

fn network(data: &Dataset, options: Options) -> CellNetwork {
    let built = Construction::named("cells").unwrap().build(data, &budget(data), options).unwrap();
    match built.compact().unwrap() {
        Model::Cells(network) => network,
        other => panic!("cells expected, not {other:?}"),
    }
}

fn file(data: &Dataset, options: Options) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_compact(&Model::Cells(network(data, options)), &Metadata::default(), &mut bytes).unwrap();
    bytes
}

#[test]
fn what_is_written_is_read_back() {
    let data = dataset();
    for options in all_options() {
        let read = onnx::read(file(&data, options).into()).unwrap();
        let Model::Cells(found) = &read.model else { panic!("cells expected") };
        assert_eq!(*found, network(&data, options));
        assert_eq!(read.form(), "compact");
        assert!(certificate(&read.model, &data, budget(&data).radii()).holds());
    }
}

/// Cells over directions: the same network comes back, is proved in its norm,
/// and no file with a number changed is taken for it.
#[test]
fn directions_are_written_and_read_back() {
    let data = dataset();
    let classes: Vec<usize> = (0..data.classes()).collect();
    for (norm, options) in [Norm::L1, Norm::L2].into_iter().flat_map(|n| all_options().map(|o| (n, o))) {
        let budget = Budget::from_ratio(0.9, &separation(&data, norm, &Silent)).unwrap();
        let built = Construction::named("cells").unwrap().build(&data, &budget, options).unwrap();
        let Model::Cells(network) = built.compact().unwrap() else { panic!("cells expected") };
        let mut bytes = Vec::new();
        write_compact(&Model::Cells(network.clone()), &Metadata::default(), &mut bytes).unwrap();
        let model = onnx::read(bytes.clone().into()).unwrap().model;
        let Model::Cells(found) = &model else { panic!("cells expected") };
        assert_eq!(*found, network);
        let network_classes = data.classes();
        let radii = budget.radii();
        let claim = Claim {
            model: &model,
            data: &data,
            classes: &classes,
            network_classes,
            norm,
            radii,
            tie_margin: 0.0,
        };
        assert!(certify(&claim, &Silent).unwrap().holds());
        let layer = network.directions().last().unwrap();
        let bias = layer.biases()[0];
        let (old, new) = match options.precision {
            Precision::F32 => ((bias as f32).to_le_bytes().to_vec(), f32::NAN.to_le_bytes().to_vec()),
            Precision::F64 => (bias.to_le_bytes().to_vec(), f64::NAN.to_le_bytes().to_vec()),
        };
        let place = bytes.windows(old.len()).rposition(|w| w == old).unwrap();
        bytes[place..place + old.len()].copy_from_slice(&new);
        assert!(onnx::read(bytes.into()).is_err());
    }
}

#[test]
fn one_class_and_one_sample_make_a_file() {
    let data = dataset().head(1).unwrap();
    let budget = Budget::uniform(0.5, &separation(&data, Norm::Linf, &Silent)).unwrap();
    for options in all_options() {
        let built = Construction::named("cells").unwrap().build(&data, &budget, options).unwrap();
        let mut bytes = Vec::new();
        write_compact(&built.compact().unwrap(), &Metadata::default(), &mut bytes).unwrap();
        assert!(certificate(&onnx::read(bytes.into()).unwrap().model, &data, budget.radii()).holds());
    }
}

/// Equal constraints are shared when cells are read, but a runtime would count
/// both for a cell that has both.
#[test]
fn a_constraint_stored_twice_is_refused_wherever_it_stands() {
    let data = dataset();
    let options = all_options()[1];
    let constraints = network(&data, options).constraints().to_vec();
    let bytes = file(&data, options);
    let mut tried = 0;
    for (first, second) in
        (0..constraints.len()).flat_map(|a| (a + 1..constraints.len()).map(move |b| (a, b)))
    {
        let (a, b) = (constraints[first], constraints[second]);
        if (a.feature, a.side) == (b.feature, b.side) {
            let place = bytes.windows(8).rposition(|w| w == b.threshold.to_le_bytes()).unwrap();
            let mut changed = bytes.clone();
            changed[place..place + 8].copy_from_slice(&a.threshold.to_le_bytes());
            let refusal = onnx::read(changed.into()).unwrap_err().to_string();
            assert!(refusal.contains("twice"), "{refusal}");
            tried += usize::from(second > first + 1);
        }
    }
    assert!(tried > 0);
}

#[test]
fn every_shorter_file_is_refused() {
    let bytes = file(&dataset(), all_options()[2]);
    for length in 0..bytes.len() {
        assert!(onnx::read(bytes[..length].to_vec().into()).is_err(), "{length} of {}", bytes.len());
    }
}

#[test]
fn a_ball_too_large_is_never_certified() {
    let data = dataset();
    let found = separation(&data, Norm::Linf, &Silent);
    let radius = found.distance.upper / 2.0 * (1.0 + 1e-6);
    for options in all_options() {
        let read = onnx::read(file(&data, options).into()).unwrap();
        assert!(!certificate(&read.model, &data, &Radii::Uniform(radius)).holds());
    }
}

/// Whether some corner of some ball, or some point towards another sample,
/// gets another label.
fn broken(network: &CellNetwork, outputs: usize, data: &Dataset, radius: f64) -> bool {
    (0..data.samples()).any(|sample| {
        let x = data.row(sample);
        let mut points = x.clone();
        for corner in 0..4 {
            points.extend((0..2).map(|f| if corner >> f & 1 == 0 { x[f] - radius } else { x[f] + radius }));
        }
        for other in 0..data.samples() {
            let y = data.row(other);
            points.extend((0..2).map(|f| x[f] + (y[f] - x[f]).clamp(-radius, radius)));
        }
        let all = CellEvaluator::new(network).evaluate(&points).unwrap();
        all.chunks(outputs).any(|row| predicted_class(row, data.classes()) != Some(data.labels()[sample]))
    })
}

/// The mutant of a file is refused, or not certified, or gives every label.
fn check_mutant(bytes: Vec<u8>, data: &Dataset) -> Result<(), TestCaseError> {
    let Ok(read) = onnx::read(bytes.into()) else { return Ok(()) };
    let Model::Cells(network) = &read.model else {
        return Err(TestCaseError::fail("a mutant is read as another kind of network"));
    };
    let radii = budget(data).radii().clone();
    if read.model.inputs() == data.features() && certificate(&read.model, data, &radii).holds() {
        prop_assert!(!broken(network, read.model.outputs(), data, radii.smallest() * (1.0 - 1e-6)));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    /// One bit of a file is turned.
    #[test]
    fn no_mutant_is_certified_wrongly(kind in 0usize..4, place in any::<prop::sample::Index>(), bit in 0u8..8) {
        let data = dataset();
        let mut bytes = file(&data, all_options()[kind]);
        let position = place.index(bytes.len());
        bytes[position] ^= 1 << bit;
        check_mutant(bytes, &data)?;
    }

    /// One number of a file is replaced by another one.
    #[test]
    fn no_changed_number_is_certified_wrongly(
        kind in 0usize..4,
        place in any::<prop::sample::Index>(),
        value in prop_oneof![Just(0.0f64), Just(-1.0), Just(1.0), -3.0f64..3.0, Just(1e30), Just(-1e-30)],
        whole in any::<bool>(),
    ) {
        let data = dataset();
        let options = all_options()[kind];
        let mut bytes = file(&data, options);
        let position = place.index(bytes.len() - 8);
        if whole {
            bytes[position..position + 8].copy_from_slice(&(value as i64).to_le_bytes());
        } else if options.precision == Precision::F32 {
            bytes[position..position + 4].copy_from_slice(&(value as f32).to_le_bytes());
        } else {
            bytes[position..position + 8].copy_from_slice(&value.to_le_bytes());
        }
        check_mutant(bytes, &data)?;
    }
}
