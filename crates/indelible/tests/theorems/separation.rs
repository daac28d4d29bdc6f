//! Separation against brute force in integers.

use indelible::{
    Dataset, Enclosure, Features, Norm, Silent,
    separation::{
        Pairs, conflicts, k_nearest, k_nearest_between, k_nearest_enemies, nearest_enemies,
        nearest_enemies_between, pairs_within, separation,
    },
};
use proptest::prelude::*;
use std::cmp::Ordering::{Equal, Greater, Less};

const NORMS: [Norm; 3] = [Norm::Linf, Norm::L1, Norm::L2];

/// Samples with integer features; the true ones are these times `unit`.
#[derive(Clone, Debug)]
struct Grid {
    values: Vec<i64>,
    width: usize,
    labels: Vec<usize>,
    classes: usize,
    unit: f64,
}

/// How the samples are stored.
#[derive(Clone, Copy, Debug)]
enum Storage {
    F64,
    F32,
    IntegerCodes,
    UnitCodes,
    OddCodes,
}

/// Levels on a grid, unevenly apart.
fn odd_levels() -> Vec<f64> {
    (0..256).map(|k: i64| (k * 500 + (k * k) % 61 - 300) as f64).collect()
}

impl Grid {
    fn samples(&self) -> usize {
        self.labels.len()
    }

    fn dataset(&self, storage: Storage) -> Dataset {
        let codes = || self.values.iter().map(|v| v.rem_euclid(256) as u8).collect::<Vec<_>>().into();
        let reals = || self.values.iter().map(|&v| v as f64 * self.unit);
        let features = match storage {
            Storage::F64 => Features::F64(reals().collect::<Vec<_>>().into()),
            Storage::F32 => Features::F32(reals().map(|v| v as f32).collect::<Vec<_>>().into()),
            Storage::IntegerCodes => Features::integer_codes(codes()),
            Storage::UnitCodes => Features::unit_codes(codes()),
            Storage::OddCodes => Features::Coded { codes: codes(), levels: odd_levels().into() },
        };
        let names = (0..self.classes).map(|c| c.to_string()).collect();
        Dataset::new(features, self.width, self.labels.clone(), names).expect("sound data")
    }

    /// The features as integers times a unit, as stored.
    fn exact(&self, data: &Dataset) -> (Vec<i128>, f64) {
        let unit = match data.storage() {
            Features::Coded { .. } => 2f64.powi(-31),
            _ => self.unit,
        };
        let whole = |v: f64| {
            assert_eq!((v / unit).fract(), 0.0);
            (v / unit) as i128
        };
        ((0..self.samples()).flat_map(|i| data.row(i)).map(whole).collect(), unit)
    }
}

/// The distance in integers: its square for `l2`.
fn distance(values: &[i128], width: usize, norm: Norm, i: usize, j: usize) -> i128 {
    let gaps = (0..width).map(|f| (values[i * width + f] - values[j * width + f]).abs());
    match norm {
        Norm::Linf => gaps.max().unwrap_or(0),
        Norm::L1 => gaps.sum(),
        _ => gaps.map(|g| g * g).sum(),
    }
}

/// Whether an enclosure is the tightest of `distance` (see above) times `unit`.
fn is_tight(found: Enclosure, distance: i128, norm: Norm, unit: f64) -> bool {
    let side = |x: f64| {
        // x = m·2^-s exactly; m·2^-s (its square) is compared with the distance.
        let (mut m, mut shift) = (x / unit, 0);
        while m.fract() != 0.0 {
            m *= 2.0;
            shift += 1;
        }
        let m = m as i128;
        let (given, shift) = if norm == Norm::L2 { (m * m, 2 * shift) } else { (m, shift) };
        // Where the shift would overflow, the given number has 2·53 bits and the
        // distance more: the bits shifted out of the given one decide.
        let high = given >> shift;
        let low = given - (high << shift);
        high.cmp(&distance).then(low.cmp(&0))
    };
    match (side(found.lower), side(found.upper)) {
        (Equal, Equal) => found.lower == found.upper,
        (Less, Greater) => found.lower.next_up() == found.upper,
        _ => false,
    }
}

fn check(grid: &Grid, storage: Storage) -> Result<(), TestCaseError> {
    let data = grid.dataset(storage);
    let (values, unit) = grid.exact(&data);
    let n = grid.samples();
    let pairs = || (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j)));
    let differ = |i: usize, j: usize| grid.labels[i] != grid.labels[j];
    for norm in NORMS {
        let d = |i: usize, j: usize| distance(&values, grid.width, norm, i, j);
        let enemies = |i: usize| (0..n).filter(move |&j| differ(i, j));
        let found = nearest_enemies(&data, norm, &Silent);
        let near = k_nearest_enemies(&data, norm, 3, &Silent);
        for (i, near) in near.iter().enumerate() {
            let mut order: Vec<(i128, usize)> = enemies(i).map(|j| (d(i, j), j)).collect();
            order.sort_unstable();
            prop_assert_eq!(found.indices[i], order.first().map(|o| o.1), "{:?} {}", norm, i);
            match order.first() {
                None => prop_assert_eq!(found.distances[i], Enclosure::exact(f64::INFINITY)),
                Some(o) => prop_assert!(is_tight(found.distances[i], o.0, norm, unit), "{:?} {:?}", norm, o),
            }
            let indices: Vec<usize> = near.iter().map(|e| e.index).collect();
            let expected: Vec<usize> = order.iter().take(3).map(|o| o.1).collect();
            prop_assert_eq!(indices, expected);
        }
        for (i, near) in k_nearest(&data, norm, 2, &Silent).iter().enumerate() {
            let mut order: Vec<(i128, usize)> = (0..n).filter(|&j| j != i).map(|j| (d(i, j), j)).collect();
            order.sort_unstable();
            let indices: Vec<usize> = near.iter().map(|e| e.index).collect();
            let expected: Vec<usize> = order.iter().take(2).map(|o| o.1).collect();
            prop_assert_eq!(indices, expected, "{:?} {}", norm, i);
        }
        let first = pairs().filter(|&(i, j)| differ(i, j)).map(|(i, j)| (d(i, j), i, j)).min();
        let lambda = separation(&data, norm, &Silent);
        prop_assert_eq!(lambda.pair, first.map(|f| (f.1, f.2)));
        prop_assert_eq!(found.separation(), lambda);
        if let Some((distance, ..)) = first {
            prop_assert!(is_tight(lambda.distance, distance, norm, unit));
            // The rounded-down distance admits no pair unless it is exact. What
            // the rounded-up one admits beyond λ is left out: no other distance
            // of these integers lies between.
            for radius in [lambda.distance.lower, lambda.distance.upper] {
                for kind in [Pairs::Enemies, Pairs::All] {
                    let close = pairs_within(&data, norm, radius, kind, 2, &Silent).expect("a radius");
                    let limit = if radius == lambda.distance.upper { distance } else { distance - 1 };
                    let expected: Vec<(usize, usize)> = pairs()
                        .filter(|&(i, j)| kind == Pairs::All || differ(i, j))
                        .filter(|&(i, j)| d(i, j) <= limit)
                        .collect();
                    prop_assert_eq!(close.count, expected.len() as u64);
                    let listed: Vec<_> = close.pairs.iter().map(|c| c.pair).collect();
                    prop_assert_eq!(&listed[..], &expected[..expected.len().min(2)]);
                }
            }
        }
        let half = n / 2;
        if half > 0 {
            let (head, tail) = (grid.part(0, half).dataset(storage), grid.part(half, n).dataset(storage));
            let between = nearest_enemies_between(&head, &tail, norm, &Silent).expect("one width");
            for i in 0..half {
                let nearest = enemies(i).filter(|&j| j >= half).map(|j| (d(i, j), j - half)).min();
                prop_assert_eq!(between.indices[i], nearest.map(|o| o.1));
            }
            let near = k_nearest_between(&head, &tail, norm, 1, &Silent).expect("one width");
            for (i, near) in near.iter().enumerate() {
                let nearest = (half..n).map(|j| (d(i, j), j - half)).min();
                prop_assert_eq!(near.first().map(|e| e.index), nearest.map(|o| o.1));
            }
        }
    }
    let zero = |&(i, j): &(usize, usize)| distance(&values, grid.width, Norm::Linf, i, j) == 0;
    let expected: Vec<_> = pairs().filter(|&(i, j)| differ(i, j)).filter(zero).take(4).collect();
    prop_assert_eq!(conflicts(&data, 4), expected);
    Ok(())
}

impl Grid {
    fn part(&self, start: usize, end: usize) -> Self {
        Self {
            values: self.values[start * self.width..end * self.width].to_vec(),
            labels: self.labels[start..end].to_vec(),
            ..self.clone()
        }
    }
}

/// Random sets with ties, duplicates, one class or one feature.
fn grids(spread: i64, unit: f64) -> impl Strategy<Value = Grid> {
    (1usize..40, prop_oneof![Just(1usize), 2usize..9, Just(70)], 1usize..5).prop_flat_map(
        move |(samples, width, classes)| {
            (
                prop::collection::vec(-spread..=spread, samples * width),
                prop::collection::vec(0..classes, samples),
                prop::collection::vec((0..samples, 0..samples), 0..6),
            )
                .prop_map(move |(mut values, labels, copies)| {
                    for (from, to) in copies {
                        values.copy_within(from * width..(from + 1) * width, to * width);
                    }
                    Grid { values, width, labels, classes, unit }
                })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn reals(grid in prop_oneof![grids(2, 1.0), grids(1 << 20, 2f64.powi(-30)), grids(3, 2f64.powi(-149))]) {
        check(&grid, Storage::F64)?;
        check(&grid, Storage::F32)?;
    }

    #[test]
    fn wide_reals(grid in grids(1 << 40, 2f64.powi(-20))) {
        check(&grid, Storage::F64)?;
    }

    #[test]
    fn codes(grid in prop_oneof![grids(1, 1.0), grids(127, 1.0)]) {
        check(&grid, Storage::IntegerCodes)?;
        check(&grid, Storage::UnitCodes)?;
        check(&grid, Storage::OddCodes)?;
    }
}

#[test]
fn pairs_that_differ_in_rounding_only_are_ordered() {
    // 2/255 − 1/255 and 1/255 − 0 differ as binary32 numbers, not as codes.
    let data = Dataset::new(
        Features::unit_codes((0..8u8).collect::<Vec<_>>().into()),
        1,
        (0..8).map(|k| k % 2).collect(),
        vec!["even".into(), "odd".into()],
    )
    .expect("sound data");
    let level = |k: usize| f64::from(k as f32 / 255.0);
    let steps: Vec<f64> = (0..7).map(|k| level(k + 1) - level(k)).collect();
    let smallest = steps.iter().copied().fold(f64::INFINITY, f64::min);
    assert!(steps.iter().any(|&s| s > smallest));
    for norm in NORMS {
        let found = separation(&data, norm, &Silent);
        assert_eq!(found.distance, Enclosure::exact(smallest));
        assert_eq!(found.pair.map(|p| p.0), steps.iter().position(|&s| s == smallest));
    }
}

#[test]
fn distances_out_of_range_are_enclosed() {
    let largest = f64::MAX;
    let data = Dataset::new(
        Features::F64(vec![largest, -largest, largest.next_down()].into()),
        1,
        vec![0, 1, 1],
        vec!["a".into(), "b".into()],
    )
    .expect("sound data");
    for norm in NORMS {
        let found = nearest_enemies(&data, norm, &Silent);
        assert_eq!(found.indices, vec![Some(2), Some(0), Some(0)]);
        assert_eq!(found.distances[0], Enclosure::exact(largest - largest.next_down()));
        assert_eq!(found.distances[1], Enclosure { lower: largest, upper: f64::INFINITY });
    }
}

#[test]
fn of_distances_within_one_enclosure_the_smaller_is_found() {
    // Two circles: all pairs of neighbours are half apart but for rounding.
    let angle = |k: usize| std::f64::consts::TAU * (k / 2) as f64 / 20.0;
    let point = |k: usize| if k.is_multiple_of(2) { (1.0, angle(k)) } else { (0.5, angle(k)) };
    let values = (0..40).map(point).flat_map(|(r, t)| [r * t.cos(), r * t.sin()]).collect::<Vec<_>>();
    let names = vec!["outer".into(), "inner".into()];
    let labels = (0..40).map(|k| k % 2).collect();
    let data = Dataset::new(Features::F64(values.into()), 2, labels, names).expect("sound data");
    let found = nearest_enemies(&data, Norm::L2, &Silent);
    let nearest = found.distances.iter().filter(|&d| *d == found.separation().distance).count();
    assert!(nearest > 2, "{nearest} samples are told apart by enclosures");
    assert_eq!(found.separation(), separation(&data, Norm::L2, &Silent));
}
