//! Networks through files and back, and what becomes of damaged files.

use super::common::{all_options, certificate};
use indelible::{
    Budget, Dataset, Enclosure, Features, Norm, Precision, Radii, Silent,
    constructions::{BuiltNetwork, Construction, Options, over_directions},
    network::{Measure, Model, NetworkForm, PowerCurve, Scaled, Scaling, StoredNetwork, predicted_class},
    separation::separation,
};
use indelible_io::onnx::{self, Metadata, OnnxError, write_compact, write_dense};
use proptest::prelude::*;

fn dataset() -> Dataset {
    let values = vec![0.0, 1.0, 0.25, -1.0, 2.0, 0.5, 1.5, 1.5, -2.0, 0.125, 0.3, 0.7];
    let names = ["a", "b", "c"].map(String::from).to_vec();
    Dataset::new(Features::F64(values.into()), 2, vec![0, 1, 2, 0, 1, 0], names).unwrap()
}

fn coded() -> Dataset {
    let codes = vec![0u8, 200, 255, 3, 128, 64, 7, 90, 31, 250, 0, 128];
    let names = ["0", "1"].map(String::from).to_vec();
    Dataset::new(Features::unit_codes(codes.into()), 3, vec![0, 1, 1, 0], names).unwrap()
}

fn network(data: &Dataset, options: Options) -> (Box<dyn BuiltNetwork>, Budget) {
    let budget = Budget::from_ratio(0.9, &separation(data, Norm::Linf, &Silent)).unwrap();
    (Construction::named("yu2024-linf").unwrap().build(data, &budget, options).unwrap(), budget)
}

fn metadata(data: &Dataset, budget: &Budget) -> Metadata {
    Metadata {
        norm: Some(Norm::Linf),
        radii: Some(budget.radii().clone()),
        classes: Some(data.class_names().to_vec()),
        ..Metadata::default()
    }
}

fn dense(data: &Dataset, options: Options) -> Vec<u8> {
    let (network, budget) = network(data, options);
    let mut bytes = Vec::new();
    write_dense(network.as_ref(), &metadata(data, &budget), &mut bytes).unwrap();
    bytes
}

fn compact(data: &Dataset, options: Options) -> Vec<u8> {
    let (network, budget) = network(data, options);
    let mut bytes = Vec::new();
    write_compact(&network.compact().unwrap(), &metadata(data, &budget), &mut bytes).unwrap();
    bytes
}

#[test]
fn what_is_written_is_read_back() {
    for options in all_options() {
        for data in [dataset(), coded()] {
            let (network, budget) = network(&data, options);
            let read = onnx::read(dense(&data, options).into()).unwrap();
            assert_eq!(read.metadata, metadata(&data, &budget));
            let Model::Layers(layers) = &read.model else { panic!("layers expected") };
            assert_eq!(*layers, StoredNetwork::of(network.as_ref()));

            let read = onnx::read(compact(&data, options).into()).unwrap();
            assert_same_prototypes(&read.model, &network.compact().unwrap());
        }
    }
}

/// Equal in every number, and stored in the same way.
fn assert_same_prototypes(found: &Model, expected: &Model) {
    let (Model::Prototypes(f), Model::Prototypes(e)) = (found, expected) else {
        panic!("prototypes expected")
    };
    assert_eq!(f.precision(), e.precision());
    assert_eq!((&f.clipping, &f.measure, f.pool), (&e.clipping, &e.measure, e.pool));
    assert_eq!((&f.radii, &f.scales, &f.tops), (&e.radii, &e.scales, &e.tops));
    assert_eq!((&f.accumulators, f.schedule, &f.head), (&e.accumulators, e.schedule, &e.head));
    let values = |features: &Features| (0..features.len()).map(|at| features.at(at)).collect::<Vec<_>>();
    assert_eq!(values(&f.centers), values(&e.centers));
    let coded = |features: &Features| matches!(features, Features::Coded { .. });
    assert_eq!(coded(&f.centers), coded(&e.centers));
    assert_eq!(found.size(), expected.size());
}

/// Hinges and teeth, stored as bytes or as numbers.
#[test]
fn curves_are_read_back() {
    for (data, norm, ratio) in [
        (dataset(), Norm::L2, 0.5),
        (dataset(), Norm::L2, 0.9999),
        (coded(), Norm::L2, 0.9999),
        (coded(), Norm::Lp(3.0), 0.9),
        (dataset(), Norm::Lp(1.5), 0.9),
    ] {
        let found = separation(&data, norm, &Silent);
        let budget = Budget::from_ratio(ratio, &found).unwrap();
        let options = Options { precision: Precision::F64, ..Options::default() };
        let network = Construction::named("yu2024-lp").unwrap().build(&data, &budget, options).unwrap();
        let compact = network.compact().unwrap();
        let mut bytes = Vec::new();
        write_compact(&compact, &Metadata::default(), &mut bytes).unwrap();
        let read = onnx::read(bytes.into()).unwrap();
        assert_same_prototypes(&read.model, &compact);
        let Model::Prototypes(found) = &read.model else { panic!("prototypes expected") };
        assert!(matches!(
            (&found.measure, ratio > 0.99),
            (Measure::Power(PowerCurve::Sawtooth { .. }), true)
                | (Measure::Power(PowerCurve::Hinges { .. }), false)
        ));
        let points: Vec<f64> = (0..data.samples()).flat_map(|i| data.row(i)).map(|x| x + 0.01).collect();
        assert_eq!(read.model.evaluate(&points).unwrap(), compact.evaluate(&points).unwrap());
    }
}

#[test]
fn one_sample_needs_no_scan() {
    let data = dataset().head(1).unwrap();
    let far = indelible::separation::Separation {
        norm: Norm::Linf,
        distance: Enclosure::exact(f64::INFINITY),
        pair: None,
    };
    let budget = Budget::uniform(0.5, &far).unwrap();
    for options in all_options() {
        let network = Construction::named("yu2024-linf").unwrap().build(&data, &budget, options).unwrap();
        let mut bytes = Vec::new();
        write_compact(&network.compact().unwrap(), &Metadata::default(), &mut bytes).unwrap();
        let read = onnx::read(bytes.into()).unwrap();
        assert!(certificate(&read.model, &data, budget.radii()).holds());
    }
}

#[test]
fn every_shorter_file_is_refused() {
    for bytes in [dense(&dataset(), all_options()[0]), compact(&coded(), all_options()[0])] {
        for length in 0..bytes.len() {
            // The tensors stand at the end, so that whatever is cut off is missed.
            assert!(onnx::read(bytes[..length].to_vec().into()).is_err(), "{length} of {}", bytes.len());
        }
    }
}

/// Points of the ball around a sample: its corners, and points towards others.
fn points(data: &Dataset, sample: usize, radius: f64) -> Vec<f64> {
    let x = data.row(sample);
    let n = x.len();
    let mut points = x.clone();
    for corner in 0..1usize << n {
        points.extend((0..n).map(|f| if corner >> f & 1 == 0 { x[f] - radius } else { x[f] + radius }));
    }
    for other in 0..data.samples() {
        let y = data.row(other);
        points.extend((0..n).map(|f| x[f] + (y[f] - x[f]).clamp(-radius, radius)));
        points.extend((0..n).map(|f| x[f] + (x[f] - y[f]).clamp(-radius, radius)));
    }
    points
}

/// Whether some point of some ball gets another label.
fn broken(model: &Model, data: &Dataset, radius: f64) -> bool {
    (0..data.samples()).any(|sample| {
        let points = points(data, sample, radius);
        let outputs = model.evaluate(&points).unwrap();
        outputs
            .chunks(model.outputs())
            .any(|row| predicted_class(row, data.classes()) != Some(data.labels()[sample]))
    })
}

/// The mutant of a file is refused, or not certified, or gives every label.
fn check_mutant(bytes: Vec<u8>, data: &Dataset, radii: &Radii) -> Result<(), TestCaseError> {
    let Ok(read) = onnx::read(bytes.into()) else { return Ok(()) };
    if read.model.inputs() != data.features() {
        return Ok(());
    }
    let certificate = certificate(&read.model, data, radii);
    if certificate.holds() {
        prop_assert!(!broken(&read.model, data, radii.smallest() * (1.0 - 1e-6)));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    /// One bit of a file is turned: thousands of networks that are almost right.
    #[test]
    fn no_mutant_is_certified_wrongly(
        kind in 0usize..4,
        is_compact in any::<bool>(),
        place in any::<prop::sample::Index>(),
        bit in 0u8..8,
    ) {
        let (data, options) = (dataset(), all_options()[kind]);
        let (_, budget) = network(&data, options);
        let mut bytes = if is_compact { compact(&data, options) } else { dense(&data, options) };
        let position = place.index(bytes.len());
        bytes[position] ^= 1 << bit;
        check_mutant(bytes, &data, budget.radii())?;
    }

    /// One number of a file is replaced by another one.
    #[test]
    fn no_changed_weight_is_certified_wrongly(
        kind in 0usize..4,
        is_compact in any::<bool>(),
        place in any::<prop::sample::Index>(),
        value in prop_oneof![Just(0.0f64), Just(-1.0), Just(1.0), Just(2.0), -1e3f64..1e3, Just(1e30), Just(-1e-30)],
        relative in any::<bool>(),
    ) {
        let (data, options) = (dataset(), all_options()[kind]);
        let (_, budget) = network(&data, options);
        let mut bytes = if is_compact { compact(&data, options) } else { dense(&data, options) };
        let width = if options.precision == Precision::F32 { 4 } else { 8 };
        // Tensors stand at the end of the file; most positions hit one.
        let position = place.index(bytes.len() - width);
        let number = &mut bytes[position..position + width];
        if width == 4 {
            let old = f32::from_le_bytes(number.try_into().unwrap());
            let new = if relative { old * (1.0 + value as f32 * 1e-3) } else { value as f32 };
            number.copy_from_slice(&new.to_le_bytes());
        } else {
            let old = f64::from_le_bytes(number.try_into().unwrap());
            let new = if relative { old * (1.0 + value * 1e-3) } else { value };
            number.copy_from_slice(&new.to_le_bytes());
        }
        check_mutant(bytes, &data, budget.radii())?;
    }

    /// Any bytes at all are refused without a panic.
    #[test]
    fn noise_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(onnx::read(bytes.into()).is_err());
    }
}

#[test]
fn a_ball_too_large_is_never_certified() {
    for options in all_options() {
        for data in [dataset(), coded()] {
            let found = separation(&data, Norm::Linf, &Silent);
            let radius = found.distance.upper / 2.0 * (1.0 + 1e-6);
            for bytes in [dense(&data, options), compact(&data, options)] {
                let read = onnx::read(bytes.into()).unwrap();
                let certificate = certificate(&read.model, &data, &Radii::Uniform(radius));
                assert!(!certificate.holds());
                let (i, j) = found.pair.unwrap();
                for (sample, verdict) in certificate.failures() {
                    if let indelible::certify::Verdict::Refuted { point, .. } = verdict {
                        let x = data.row(sample);
                        assert!(point.iter().zip(&x).all(|(p, x)| (p - x).abs() <= radius));
                    }
                }
                assert!(certificate.failures().any(|(sample, _)| sample == i || sample == j));
            }
        }
    }
}

#[test]
fn huge_dense_files_are_refused_before_writing() {
    let labels: Vec<usize> = (0..400).map(|i| i % 2).collect();
    let values: Vec<f64> = (0..400 * 1000).map(|p| f64::from(p / 1000)).collect();
    let names = ["0", "1"].map(String::from).to_vec();
    let data = Dataset::new(Features::F64(values.into()), 1000, labels, names).unwrap();
    let (network, _) = network(&data, all_options()[0]);
    let mut bytes = Vec::new();
    let refused = write_dense(network.as_ref(), &Metadata::default(), &mut bytes);
    assert!(matches!(refused, Err(OnnxError::TooLarge { .. })));
    assert!(bytes.is_empty());
}

/// A map of the features in front of any form is read back, and nothing else is
/// taken for one.
#[test]
fn a_map_of_the_features_is_read_back() {
    let data = dataset();
    let n = data.features();
    let factors: Vec<f64> = (0..n).map(|j| 0.5 / (j + 1) as f64).map(|w| f64::from(w as f32)).collect();
    let scaling = Scaling::new((0..n).map(|j| j as f64).collect(), factors).unwrap();
    for (name, norm) in
        [("yu2024-linf", Norm::Linf), ("cells", Norm::Linf), ("cells", Norm::L2), ("nearest", Norm::L2)]
    {
        let budget = Budget::from_ratio(0.5, &separation(&data, norm, &Silent)).unwrap();
        let network = Construction::named(name).unwrap().build(&data, &budget, Options::default()).unwrap();
        let layers = Model::Layers(StoredNetwork::of(network.as_ref()));
        for inner in [network.compact().unwrap(), layers] {
            let model = Model::Scaled(Scaled::new(scaling.clone(), inner.clone()).unwrap());
            let metadata =
                Metadata { radii: Some(Radii::Uniform(0.25)), scaled: true, ..Metadata::default() };
            let mut bytes = Vec::new();
            write_compact(&model, &metadata, &mut bytes).unwrap();
            let read = onnx::read(bytes.clone().into()).unwrap();
            assert_eq!(read.metadata, metadata);
            let Model::Scaled(scaled) = &read.model else { panic!("{name}: a map expected") };
            assert_eq!(*scaled.scaling(), scaling);
            assert_eq!(read.model.size(), model.size());
            let rows: Vec<f64> = (0..data.samples()).flat_map(|i| data.row(i)).collect();
            assert_eq!(read.model.evaluate(&rows).unwrap(), model.evaluate(&rows).unwrap());

            // Radii whose units are not those of the network are no question to ask.
            let mut raw = Vec::new();
            write_compact(&model, &Metadata { scaled: false, ..metadata.clone() }, &mut raw).unwrap();
            assert!(onnx::read(raw.into()).unwrap_err().to_string().contains("other units"));
            let mut mapless = Vec::new();
            write_compact(&inner, &metadata, &mut mapless).unwrap();
            assert!(onnx::read(mapless.into()).unwrap_err().to_string().contains("other units"));
            // The same number of bytes, another value read behind the map.
            let changed = replaced(&bytes, b"scaling.moved", b"scaling.mover");
            assert!(onnx::read(changed.into()).is_err());
        }
    }
}

/// Directions in front of any form, and an origin of scores, are read back, and
/// nothing else is taken for them.
#[test]
fn directions_and_origins_are_read_back() {
    let data = dataset();
    let rows: Vec<f64> = (0..data.samples()).flat_map(|i| data.row(i)).collect();
    let budget = Budget::from_ratio(0.5, &separation(&data, Norm::L2, &Silent)).unwrap();
    for name in ["yu2024-linf", "pipelined", "wide", "nearest"] {
        let construction = Construction::named(name).unwrap();
        let network = over_directions(construction, &data, &budget, Options::default(), &Silent).unwrap();
        let model = network.compact().unwrap();
        let Model::Projected(projected) = &model else { panic!("{name}: directions expected") };
        let mut bytes = Vec::new();
        write_compact(&model, &Metadata::default(), &mut bytes).unwrap();
        let read = onnx::read(bytes.clone().into()).unwrap();
        let Model::Projected(found) = &read.model else { panic!("{name}: directions expected") };
        assert_eq!(found.directions(), projected.directions());
        assert_eq!(read.model.size(), model.size());
        assert_eq!(read.model.evaluate(&rows).unwrap(), model.evaluate(&rows).unwrap());
        for (from, to) in
            [(&b"directions.a0"[..], &b"directions.a1"[..]), (b"directions.W0", b"directions.V0")]
        {
            let changed = replaced(&bytes, from, to);
            assert!(onnx::read(changed.into()).is_err(), "{name}");
        }
        let n = data.features();
        let scaling = Scaling::new(vec![0.0; n], vec![1.0; n]).unwrap();
        let mapped = Model::Scaled(Scaled::new(scaling, model.clone()).unwrap());
        let mut bytes = Vec::new();
        write_compact(&mapped, &Metadata::default(), &mut bytes).unwrap();
        let read = onnx::read(bytes.into()).unwrap();
        assert_eq!(read.model.evaluate(&rows).unwrap(), model.evaluate(&rows).unwrap());
    }
    let nearest = Construction::named("nearest").unwrap().build(&data, &budget, Options::default()).unwrap();
    let Model::MaxAffine(scores) = nearest.compact().unwrap() else { panic!("scores expected") };
    let origin = vec![0.25; data.features()];
    let model = Model::MaxAffine(scores.with_origin(origin.clone()).unwrap());
    let mut bytes = Vec::new();
    write_compact(&model, &Metadata::default(), &mut bytes).unwrap();
    let read = onnx::read(bytes.into()).unwrap();
    let Model::MaxAffine(found) = &read.model else { panic!("scores expected") };
    assert_eq!(found.origin(), Some(&origin[..]));
    assert_eq!(read.model.size(), model.size());
    assert_eq!(read.model.evaluate(&rows).unwrap(), model.evaluate(&rows).unwrap());
}

/// The bytes with the first of two equally long words in the place of which the
/// second stands.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}
