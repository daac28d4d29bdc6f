//! Datasets and slow, plain twins of what the library computes.

use indelible::{
    Budget, Dataset, Enclosure, Features, Norm, Precision, Radii, Silent,
    certify::{Certificate, Claim, Config, certify_with},
    constructions::{BuiltNetwork, Construction, Options},
    network::{Head, Model},
    number::{random::Random, sub_down, sub_up},
    separation::{NearestEnemies, Separation},
};
use proptest::prelude::*;

/// A dataset of `n` features from plain numbers; classes are called "1", "2", ….
pub fn dataset(n: usize, values: Vec<f64>, labels: Vec<usize>) -> Dataset {
    let classes = labels.iter().max().map_or(0, |l| l + 1);
    let names = (1..=classes).map(|c| c.to_string()).collect();
    Dataset::new(Features::F64(values.into()), n, labels, names).unwrap()
}

/// The sup-norm distance of two samples.
pub fn distance(data: &Dataset, i: usize, j: usize) -> Enclosure {
    let mut d = Enclosure::exact(0.0);
    for f in 0..data.features() {
        let (a, b) = (data.value(i, f), data.value(j, f));
        d.lower = d.lower.max(sub_down(a, b)).max(sub_down(b, a));
        d.upper = d.upper.max(sub_up(a, b)).max(sub_up(b, a));
    }
    d
}

/// Nearest enemies in the sup norm by looking at all pairs.
pub fn nearest_enemies(data: &Dataset) -> NearestEnemies {
    let mut distances = vec![Enclosure::exact(f64::INFINITY); data.samples()];
    let mut indices = vec![None; data.samples()];
    for i in 0..data.samples() {
        for j in (0..data.samples()).filter(|&j| data.labels()[i] != data.labels()[j]) {
            let d = distance(data, i, j);
            if d.lower < distances[i].lower {
                distances[i] = d;
                indices[i] = Some(j);
            }
        }
    }
    let closest = (0..data.samples()).filter(|&i| indices[i].is_some());
    let closest = closest.min_by(|&i, &j| distances[i].lower.total_cmp(&distances[j].lower));
    NearestEnemies { norm: Norm::Linf, distances, indices, closest }
}

/// The separation bound in the sup norm by looking at all pairs.
pub fn separation(data: &Dataset) -> Separation {
    let all = nearest_enemies(data);
    let i = (0..data.samples())
        .min_by(|&a, &b| all.distances[a].lower.total_cmp(&all.distances[b].lower))
        .unwrap();
    Separation { norm: Norm::Linf, distance: all.distances[i], pair: all.indices[i].map(|j| (i, j)) }
}

/// Random data: `N ≤ most_samples`, `n ≤ most_features`, values drawn by
/// `value`, up to four classes.
pub fn random_dataset(
    most_samples: usize,
    most_features: usize,
    value: impl Strategy<Value = f64> + Clone,
) -> impl Strategy<Value = Dataset> {
    (1..=most_samples, 1..=most_features).prop_flat_map(move |(samples, n)| {
        (prop::collection::vec(value.clone(), samples * n), prop::collection::vec(0usize..4, samples))
            .prop_map(move |(values, labels)| dataset(n, values, labels))
    })
}

/// Values that break careless arithmetic: ties, signs, 2⁻¹⁴⁹, 10³⁰, gaps of
/// one unit in the last place.
pub fn hostile_value() -> impl Strategy<Value = f64> + Clone {
    let one = 1.0f32;
    prop_oneof![
        Just(0.0),
        Just(-0.0),
        Just(1.0),
        Just(f64::from(one.next_up())),
        Just(f64::from(one.next_down())),
        Just(1.0f64.next_up()),
        Just(-1.0),
        Just(f64::from(f32::from_bits(1))),
        Just(f64::from(f32::from_bits(2))),
        Just(-f64::from(f32::from_bits(1))),
        Just(1e30),
        Just(-1e30),
        Just(1e38),
        Just(0.1),
        Just(0.1 + 1e-9),
        -10.0f64..10.0,
    ]
}

/// Points of the closed sup-norm ball around a sample: its center, its
/// corners, points on its faces towards other samples, random ones.
pub fn hostile_points(data: &Dataset, sample: usize, radius: f64, seed: u64) -> Vec<Vec<f64>> {
    let x = data.row(sample);
    let within = |towards: &[f64]| -> Vec<f64> {
        x.iter()
            .zip(towards)
            .map(|(&a, &t)| {
                t.clamp(indelible::number::sub_up(a, radius), indelible::number::add_down(a, radius))
            })
            .collect()
    };
    let mut points = vec![x.clone()];
    points.push(within(&vec![f64::INFINITY; x.len()]));
    points.push(within(&vec![f64::NEG_INFINITY; x.len()]));
    for other in 0..data.samples().min(40) {
        points.push(within(&data.row(other)));
    }
    let mut random = Random::new(seed);
    for _ in 0..8 {
        let towards: Vec<f64> = x.iter().map(|&a| a + radius * (2.0 * random.unit() - 1.0)).collect();
        points.push(within(&towards));
    }
    points
}

/// Points of the closed ball around a sample in any norm: its center, points
/// towards other samples and away from them, its extreme points along single
/// features and (sup norm) its corners. Each lies inside by rounding inwards.
pub fn ball_points(data: &Dataset, sample: usize, radius: f64, norm: Norm, seed: u64) -> Vec<Vec<f64>> {
    if norm == Norm::Linf {
        return hostile_points(data, sample, radius, seed);
    }
    let x = data.row(sample);
    let size = |v: &[f64]| match norm {
        Norm::L1 => v.iter().map(|d| d.abs()).sum::<f64>(),
        Norm::Lp(p) => v.iter().map(|d| d.abs().powf(p)).sum::<f64>().powf(1.0 / p),
        _ => v.iter().map(|d| d * d).sum::<f64>().sqrt(),
    };
    let inside = radius * (1.0 - 1e-12);
    let mut directions: Vec<Vec<f64>> = vec![];
    for other in 0..data.samples().min(40) {
        let to: Vec<f64> = data.row(other).iter().zip(&x).map(|(a, b)| a - b).collect();
        directions.push(to.iter().map(|d| -d).collect());
        directions.push(to);
    }
    for j in 0..x.len() {
        let mut unit = vec![0.0; x.len()];
        unit[j] = 1.0;
        directions.push(unit.clone());
        unit[j] = -1.0;
        directions.push(unit);
    }
    let mut random = Random::new(seed);
    for _ in 0..8 {
        directions.push(x.iter().map(|_| random.unit() - 0.5).collect());
    }
    let mut points = vec![x.clone()];
    for direction in directions {
        let length = size(&direction);
        if length > 0.0 && length.is_finite() {
            points.push(x.iter().zip(&direction).map(|(x, d)| x + d * (inside / length)).collect());
        }
    }
    points.retain(|p| size(&p.iter().zip(&x).map(|(a, b)| a - b).collect::<Vec<_>>()) <= radius);
    points
}

/// Logits in binary64.
pub const F64: Options = Options { head: Head::Logits, precision: Precision::F64 };

/// The network that the construction called `name` makes.
pub fn build(name: &str, data: &Dataset, budget: &Budget, options: Options) -> Box<dyn BuiltNetwork> {
    Construction::named(name).unwrap().build(data, budget, options).unwrap()
}

/// A share of the largest radius; 0.25 where there are no enemies.
pub fn budget(data: &Dataset, norm: Norm, ratio: f64) -> Budget {
    let found = indelible::separation::separation(data, norm, &Silent);
    match found.pair {
        Some(_) => Budget::from_ratio(ratio, &found).unwrap(),
        None => Budget::uniform(0.25, &found).unwrap(),
    }
}

/// Whether no two equal samples have different labels.
pub fn separable(data: &Dataset) -> bool {
    indelible::separation::separation(data, Norm::Linf, &Silent).distance.lower > 0.0
}

/// Data with two classes.
pub fn binary(most_samples: usize, most_features: usize) -> impl Strategy<Value = Dataset> {
    random_dataset(most_samples, most_features, 1.0f64..2.0).prop_map(|data| {
        let labels: Vec<usize> = data.labels().iter().map(|label| label % 2).collect();
        let names = vec!["1".into(), "2".into()];
        Dataset::new(data.storage().clone(), data.features(), labels, names).unwrap()
    })
}

/// Appends copies of some samples, label included.
pub fn with_duplicates(data: &Dataset, every: usize) -> Dataset {
    let rows: Vec<usize> = (0..data.samples()).chain((0..data.samples()).step_by(every)).collect();
    let values = rows.iter().flat_map(|&i| data.row(i)).collect();
    let labels = rows.iter().map(|&i| data.labels()[i]).collect();
    dataset(data.features(), values, labels)
}

/// The same samples with labels out of `classes`, seen or not.
pub fn with_names(data: &Dataset, classes: usize) -> Dataset {
    let names = (1..=classes).map(|c| c.to_string()).collect();
    Dataset::new(data.storage().clone(), data.features(), data.labels().to_vec(), names).unwrap()
}

/// The certificate of `model`, whose classes are those of the data.
pub fn certificate_of(model: &Model, data: &Dataset, norm: Norm, radii: &Radii) -> Certificate {
    let classes: Vec<usize> = (0..data.classes()).collect();
    let network_classes = data.classes();
    let claim = Claim { model, data, classes: &classes, network_classes, norm, radii, tie_margin: 0.0 };
    // What binary32 loses to rounding stays undecided however many parts are looked at.
    let few = Config { branches: 20, ..Config::default() };
    let found = certify_with(&claim, &few, &Silent).unwrap();
    if found.undecided == 0 || model.precision() == Precision::F32 {
        return found;
    }
    certify_with(&claim, &Config::default(), &Silent).unwrap()
}

/// The same for the balls that a network was built for.
pub fn certificate(model: &Model, data: &Dataset, budget: &Budget) -> Certificate {
    certificate_of(model, data, budget.norm(), budget.radii())
}
