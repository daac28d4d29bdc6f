//! Cells over directions: every norm, every form, the same answers, and nothing
//! proved that is not so.

use crate::common::{build, certificate_of, dataset};
use indelible::{
    Budget, Dataset, Features, Norm, Precision, Radii, Silent,
    cells::cover_images,
    constructions::{Construction, Options, over_directions},
    directions::{dictionary, dictionary_among_few},
    network::{
        BallImage, CellNetwork, Head, Image, Model, Network, StoredNetwork, evaluate, predicted_class, size,
    },
    number::random::Random,
    separation::{nearest_enemies, separation},
};

const NORMS: [Norm; 4] = [Norm::L1, Norm::L2, Norm::Lp(3.0), Norm::Lp(1.5)];

/// Three classes, more samples than are compared at first.
fn clouds(samples: usize, n: usize, coded: bool) -> Dataset {
    let mut random = Random::new(3);
    let codes: Vec<u8> = (0..samples * n).map(|_| random.below(200) as u8).collect();
    let labels: Vec<usize> = (0..samples).map(|i| (usize::from(codes[i * n]) / 40 + i % 2) % 3).collect();
    if coded {
        let names = ["a", "b", "c"].map(String::from).to_vec();
        return Dataset::new(Features::unit_codes(codes.into()), n, labels, names).unwrap();
    }
    dataset(n, codes.iter().map(|&c| f64::from(c) / 7.0 - 3.0).collect(), labels)
}

fn cells(data: &Dataset, budget: &Budget, options: Options) -> CellNetwork {
    match build("cells", data, budget, options).compact().unwrap() {
        Model::Cells(cells) => cells,
        other => panic!("cells expected, not {other:?}"),
    }
}

#[test]
fn all_balls_of_every_norm_are_certified_and_no_larger_ones() {
    for (coded, samples) in [(true, 90), (false, 50)] {
        let data = clouds(samples, 12, coded);
        for norm in NORMS {
            let found = separation(&data, norm, &Silent);
            for (ratio, precision) in [(0.3, Precision::F32), (0.9, Precision::F32), (0.99, Precision::F64)] {
                let one = Budget::from_ratio(ratio, &found).unwrap();
                let each = Budget::per_sample(ratio, &nearest_enemies(&data, norm, &Silent)).unwrap();
                for budget in [one, each] {
                    let head = if coded { Head::Logits } else { Head::Scalar };
                    let network = cells(&data, &budget, Options { head, precision });
                    assert!(!network.directions().is_empty());
                    let model = Model::Cells(network);
                    let proof = certificate_of(&model, &data, norm, budget.radii());
                    assert!(proof.holds(), "{norm} {ratio} {precision} {proof:?}");
                    let radii = Radii::Uniform(found.distance.upper / 2.0 * 1.001);
                    assert!(!certificate_of(&model, &data, norm, &radii).holds(), "{norm} {ratio}");
                    // Balls of the sup norm with these radii are larger.
                    let radii = Radii::Uniform(found.distance.upper);
                    assert!(!certificate_of(&model, &data, Norm::Linf, &radii).holds(), "{norm} {ratio}");
                }
            }
        }
    }
}

#[test]
fn layers_and_cells_give_the_same_bits_and_each_other() {
    for coded in [false, true] {
        let data = clouds(540, 21, coded);
        let budget = Budget::from_ratio(0.7, &separation(&data, Norm::L2, &Silent)).unwrap();
        for precision in [Precision::F32, Precision::F64] {
            for head in [Head::Logits, Head::Scalar] {
                let network = cells(&data, &budget, Options { head, precision });
                let rows: Vec<f64> = (0..data.samples()).flat_map(|i| data.row(i)).collect();
                let by_layers = evaluate(&network, &rows).unwrap();
                let model = Model::Cells(network.clone());
                assert_eq!(model.evaluate(&rows).unwrap(), by_layers);
                assert_eq!(model.evaluator().evaluate_samples(&data, 0..data.samples()).unwrap(), by_layers);
                assert_eq!(network.depth(), if head == Head::Logits { 4 } else { 6 });
                let layers = StoredNetwork::of(&network);
                let read = CellNetwork::from_layers(&layers);
                assert_eq!(read, (head == Head::Logits).then_some(network));
            }
        }
    }
}

/// The images of enemies' balls stay apart by the gap along some direction.
#[test]
fn dictionaries_tell_all_enemies_apart() {
    let data = clouds(2100, 5, false);
    let shares: Vec<usize> = [0.2, 0.9]
        .iter()
        .map(|&ratio| {
            let budget = Budget::from_ratio(ratio, &separation(&data, Norm::L1, &Silent)).unwrap();
            let found = dictionary(&data, &budget, Precision::F32, &Silent).unwrap();
            let image = BallImage::new(&found.layers, Precision::F32, Norm::L1).unwrap();
            let balls: Vec<Vec<(f64, f64)>> = (0..data.samples())
                .map(|i| {
                    let (x, radius) = (data.row(i), budget.radii().of(i));
                    image.all(&x, &[radius]).iter().map(Image::ends).collect()
                })
                .collect();
            assert!(found.gap > 0.0);
            for i in 0..data.samples() {
                for j in (0..i).filter(|&j| data.labels()[i] != data.labels()[j]) {
                    let apart = balls[i]
                        .iter()
                        .zip(&balls[j])
                        .any(|(a, b)| (a.0 - b.1).max(b.0 - a.1) >= found.gap * (1.0 - 1e-9));
                    assert!(apart, "{ratio}: {i} and {j}");
                }
            }
            found.lengths.len()
        })
        .collect();
    assert!(shares[0] <= shares[1], "{shares:?}");
}

/// Where many features hang on few numbers, directions lie among few dimensions:
/// a layer more, and all that is said of one holds of two.
#[test]
fn directions_among_few_dimensions_keep_every_promise() {
    let (samples, n, hidden) = (1000, 120, 5);
    let mut random = Random::new(9);
    let mix: Vec<f64> = (0..n * hidden).map(|_| random.unit() - 0.5).collect();
    let mut values = vec![];
    let mut labels = vec![];
    for _ in 0..samples {
        let few: Vec<usize> = (0..hidden).map(|_| random.below(9)).collect();
        labels.push((few[0] + few[1]) / 3 % 3);
        values.extend(
            mix.chunks(hidden).map(|row| row.iter().zip(&few).map(|(a, &b)| a * b as f64).sum::<f64>()),
        );
    }
    let data = dataset(n, values, labels);
    let separate = separation(&data, Norm::L2, &Silent);
    let budget = Budget::from_ratio(0.8, &separate).unwrap();
    for precision in [Precision::F32, Precision::F64] {
        let few = dictionary_among_few(&data, &budget, precision, &Silent).unwrap().unwrap();
        let found = cover_images(&few, budget.radii(), precision, &Silent).unwrap();
        let network = CellNetwork::new(precision, few.lengths.len(), 3, Head::Logits, &found).unwrap();
        let network = network.with_directions(few.layers).unwrap();
        assert_eq!((network.directions().len(), network.depth()), (2, 5));
        // The cheaper of both is built, dimensions counted.
        let built = cells(&data, &budget, Options { head: Head::Logits, precision });
        assert!(built.size().nonzero <= network.size().nonzero);
        let rows: Vec<f64> = (0..data.samples()).flat_map(|i| data.row(i)).collect();
        let by_layers = evaluate(&network, &rows).unwrap();
        let model = Model::Cells(network.clone());
        assert_eq!(model.evaluate(&rows).unwrap(), by_layers);
        assert_eq!(CellNetwork::from_layers(&StoredNetwork::of(&network)), Some(network));
        assert!(certificate_of(&model, &data, Norm::L2, budget.radii()).holds());
        let radii = Radii::Uniform(separate.distance.upper / 2.0 * 1.001);
        assert!(!certificate_of(&model, &data, Norm::L2, &radii).holds());
    }
}

#[test]
fn the_number_of_threads_does_not_matter() {
    let data = clouds(400, 15, true);
    let budget = Budget::from_ratio(0.8, &separation(&data, Norm::L2, &Silent)).unwrap();
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| cells(&data, &budget, Options::default()))
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn what_the_format_hides_is_said() {
    // Gaps of 1e-9 between values of 1e6: fine in binary64, none in binary32.
    let data = dataset(2, vec![1e6, 0.0, 1e6 + 1e-9, 0.0], vec![0, 1]);
    let budget = Budget::from_ratio(0.5, &separation(&data, Norm::L2, &Silent)).unwrap();
    let refusal = dictionary(&data, &budget, Precision::F32, &Silent).unwrap_err().to_string();
    assert!(refusal.contains("samples 1 and 0") || refusal.contains("samples 0 and 1"), "{refusal}");
}

/// Constructions of the sup norm over directions keep every ball of every norm: the
/// compact form and the layers, and both say the same; larger balls are not certified.
#[test]
fn every_construction_of_the_sup_norm_serves_every_norm() {
    let data = clouds(30, 6, false);
    let every = ["yu2024-linf", "wide", "pipelined", "lipschitz", "nearest", "cells"];
    for (name, norm) in every.into_iter().flat_map(|name| NORMS.map(|norm| (name, norm))) {
        let found = separation(&data, norm, &Silent);
        for (ratio, precision) in [(0.5, Precision::F32), (0.9, Precision::F64)] {
            let budget = Budget::from_ratio(ratio, &found).unwrap();
            let options = Options { head: Head::Logits, precision };
            let construction = Construction::named(name).unwrap();
            let network = over_directions(construction, &data, &budget, options, &Silent).unwrap();
            let compact = network.compact().unwrap();
            assert_eq!((compact.inputs(), network.inputs(), network.size()), (6, 6, size(network.as_ref())));
            let proof = certificate_of(&compact, &data, norm, budget.radii());
            assert!(proof.holds(), "{name} {norm} {ratio} {precision} {proof:?}");
            let beyond = Radii::Uniform(found.distance.upper / 2.0 * 1.001);
            assert!(!certificate_of(&compact, &data, norm, &beyond).holds(), "{name} {norm} {ratio}");
            let mut random = Random::new(9);
            let points: Vec<f64> = (0..data.samples())
                .flat_map(|i| {
                    let at = random.below(6);
                    let move_by = budget.radii().of(i) * (1.0 - 1e-9) * random.of(&[-1.0, 1.0]);
                    let mut point = data.row(i);
                    point[at] += move_by;
                    point
                })
                .collect();
            let by_layers = evaluate(network.as_ref(), &points).unwrap();
            let by_form = compact.evaluate(&points).unwrap();
            for (i, (a, b)) in by_layers.chunks(3).zip(by_form.chunks(3)).enumerate() {
                assert_eq!(predicted_class(a, 3), Some(data.labels()[i]), "{name} {norm} {a:?}");
                assert_eq!(predicted_class(b, 3), Some(data.labels()[i]), "{name} {norm} {b:?}");
            }
        }
        let each = Budget::per_sample(0.5, &nearest_enemies(&data, norm, &Silent)).unwrap();
        let refused =
            over_directions(Construction::named(name).unwrap(), &data, &each, Options::default(), &Silent);
        assert!(refused.is_err_and(|error| error.to_string().contains("one radius for all samples")));
    }
}
