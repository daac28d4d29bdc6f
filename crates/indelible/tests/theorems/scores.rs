//! Scores against the enumeration of all training sets, in integers.

use indelible::{
    Dataset, Error, Features, Norm, Silent,
    scores::{Sampling, influence, memorization},
    separation::k_nearest_indices,
};
use proptest::prelude::*;

const NORMS: [Norm; 3] = [Norm::Linf, Norm::L1, Norm::L2];

/// Points of the plane with small whole coordinates, so that many are equally
/// far, and labels.
type Points = Vec<([i64; 2], usize)>;

fn dataset(points: &Points) -> Dataset {
    let values: Vec<f64> = points.iter().flat_map(|(x, _)| x.map(|v| v as f64)).collect();
    let labels = points.iter().map(|(_, y)| *y).collect();
    Dataset::new(Features::F64(values.into()), 2, labels, ["a", "b", "c"].map(String::from).into()).unwrap()
}

/// The distance; its square for `l2`.
fn distance(norm: Norm, a: [i64; 2], b: [i64; 2]) -> i64 {
    let [x, y] = [(a[0] - b[0]).abs(), (a[1] - b[1]).abs()];
    match norm {
        Norm::Linf => x.max(y),
        Norm::L1 => x + y,
        _ => x * x + y * y,
    }
}

/// The training samples from near to far, smaller index first among equally
/// near ones.
fn order(norm: Norm, train: &Points, x: [i64; 2]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..train.len()).collect();
    order.sort_by_key(|&i| (distance(norm, train[i].0, x), i));
    order
}

/// `8^N·P[S]` for every training set in which samples are with probability `k/8`.
fn sets(samples: usize, k: i64) -> impl Iterator<Item = (usize, i64)> {
    (0..1usize << samples).map(move |set| {
        let present = set.count_ones();
        (set, k.pow(present) * (8 - k).pow(samples as u32 - present))
    })
}

/// `P[answer satisfies a condition | condition on the set]`, the first as a
/// whole number over another one: exact in binary64, but for the quotient.
fn probability(
    (order, samples, k): (&[usize], usize, i64),
    given: impl Fn(usize) -> bool,
    holds: impl Fn(usize) -> bool,
) -> f64 {
    let (mut all, mut those) = (0i64, 0i64);
    for (set, weight) in sets(samples, k).filter(|(set, _)| given(*set)) {
        all += weight;
        let answer = order.iter().find(|&&i| set >> i & 1 == 1);
        those += if answer.is_some_and(|&i| holds(i)) { weight } else { 0 };
    }
    those as f64 / all as f64
}

/// Room for the quotients of the referee, too.
fn is_near(found: f64, expected: f64, error: f64) -> bool {
    (found - expected).abs() <= error + 2.0 * f64::EPSILON
}

fn check(train: &Points, test: &Points, k: i64, neighbours: Option<usize>) -> Result<(), TestCaseError> {
    let n = train.len();
    let sampling = Sampling::new(k as f64 / 8.0, neighbours).unwrap();
    let (data, points) = (dataset(train), dataset(test));
    let error = sampling.error(n);
    prop_assert!(neighbours.is_some() || error < 1e-13);
    for norm in NORMS {
        let found = memorization(&data, norm, &sampling, &Silent).unwrap();
        let mut support = vec![0.0; n];
        for j in 0..n {
            let order = order(norm, train, train[j].0);
            let right = |i: usize| train[i].1 == train[j].1;
            let p = |given: &dyn Fn(usize) -> bool| probability((&order, n, k), given, right);
            let (with, without) = (p(&|set| set >> j & 1 == 1), p(&|set| set >> j & 1 == 0));
            let score = found.samples[j];
            prop_assert!(is_near(score.memorization, with - without, error), "{} {}", norm, j);
            prop_assert!(is_near(score.unseen, without, error));
            let label = |c: usize| probability((&order, n, k), |set| set >> j & 1 == 0, |i| train[i].1 == c);
            let most = (0..3).filter(|&c| c != train[j].1).map(label).fold(0.0, f64::max);
            prop_assert!(is_near(score.rival.map_or(0.0, |r| r.1), most, error));
            if let Some((rival, chance)) = score.rival {
                prop_assert!(rival != train[j].1 && is_near(chance, label(rival), error));
            }
            for (i, support) in support.iter_mut().enumerate().filter(|(i, _)| *i != j) {
                let with = p(&|set| set >> j & 1 == 0 && set >> i & 1 == 1);
                *support += with - p(&|set| set >> j & 1 == 0 && set >> i & 1 == 0);
            }
            prop_assert_eq!(score.nearest, order.iter().copied().find(|&i| i != j));
        }
        for (score, support) in found.samples.iter().zip(support) {
            prop_assert!(is_near(score.support, support, n as f64 * (error + 2.0 * f64::EPSILON)));
        }
        let found = influence(&data, &points, norm, &sampling, &Silent).unwrap();
        for (j, (x, y)) in test.iter().enumerate() {
            let order = order(norm, train, *x);
            let right = |i: usize| train[i].1 == *y;
            prop_assert!(is_near(found.right[j], probability((&order, n, k), |_| true, right), error));
            let row = j * found.neighbours..(j + 1) * found.neighbours;
            prop_assert_eq!(&found.samples[row.clone()], &order[..found.neighbours]);
            for i in 0..n {
                let with = probability((&order, n, k), |set| set >> i & 1 == 1, right);
                let without = probability((&order, n, k), |set| set >> i & 1 == 0, right);
                let place = order.iter().position(|&o| o == i).unwrap();
                let value = if place < found.neighbours { found.values[row.start + place] } else { 0.0 };
                prop_assert!(is_near(value, with - without, error), "{} {} {}", norm, i, j);
            }
        }
    }
    Ok(())
}

fn points(most: usize) -> impl Strategy<Value = Points> {
    prop::collection::vec(([-2i64..3, -2i64..3], 0usize..3), 1..=most)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn scores_are_those_of_all_training_sets(train in points(8), test in points(3), k in 1i64..8) {
        check(&train, &test, k, None)?;
    }

    #[test]
    fn what_is_neglected_is_bounded(train in points(8), test in points(3), k in 1i64..8, neighbours in 2usize..6) {
        check(&train, &test, k, Some(neighbours))?;
    }

    #[test]
    fn leaving_out_one_is_a_share_of_one(train in points(9)) {
        let data = dataset(&train);
        for norm in NORMS {
            let found = memorization(&data, norm, &Sampling::new(1.0, None).unwrap(), &Silent).unwrap();
            for (j, score) in found.samples.iter().enumerate() {
                let near = order(norm, &train, train[j].0);
                let right = |i: &usize| f64::from(u8::from(train[*i].1 == train[j].1));
                let others: Vec<usize> = near.iter().copied().filter(|&i| i != j).collect();
                let unseen = others.first().map_or(0.0, right);
                prop_assert_eq!((score.unseen, score.memorization), (unseen, right(&near[0]) - unseen));
            }
        }
    }
}

/// The largest enumeration: 4,096 training sets.
#[test]
fn twelve_samples() {
    let train: Points = (0..12).map(|i| ([i * 5 % 7, i * 3 % 5], (i * i % 3) as usize)).collect();
    check(&train, &vec![([1, 1], 0), ([6, 0], 2)], 5, None).unwrap();
    check(&train, &vec![([1, 1], 1)], 1, Some(4)).unwrap();
}

/// Nearest samples are those of a search that leaves out nothing, with ties and
/// in every storage that has its own way to be searched.
#[test]
fn neighbours_of_all_labels() {
    let (width, samples, queries) = (20usize, 330usize, 90usize);
    let code = |at: usize| ((at * 7919 + at * at % 31) % 5) as u8 * 40;
    let codes: Vec<u8> = (0..samples * width).map(code).collect();
    let names = || vec!["a".to_string(), "b".to_string()];
    let labels = |count: usize| (0..count).map(|i| i % 2).collect::<Vec<_>>();
    let reals = |codes: &[u8]| codes.iter().map(|&c| f64::from(c)).collect::<Vec<f64>>();
    type Store = fn(Vec<u8>) -> Features;
    let stores: [Store; 3] = [
        |codes| Features::integer_codes(codes.into()),
        |codes| Features::F64(codes.into_iter().map(f64::from).collect::<Vec<_>>().into()),
        |codes| Features::F32(codes.into_iter().map(f32::from).collect::<Vec<_>>().into()),
    ];
    let values = reals(&codes);
    for store in stores {
        let base = Dataset::new(store(codes.clone()), width, labels(samples), names()).unwrap();
        let few = Dataset::new(store(codes[..queries * width].to_vec()), width, labels(queries), names());
        for norm in NORMS {
            let gap = |i: usize, j: usize| {
                let gaps = (0..width).map(|f| (values[i * width + f] - values[j * width + f]).abs());
                match norm {
                    Norm::Linf => gaps.fold(0.0, f64::max),
                    Norm::L1 => gaps.sum(),
                    _ => gaps.map(|g| g * g).sum::<f64>(),
                }
            };
            let near = k_nearest_indices(few.as_ref().unwrap(), &base, norm, 17, &Silent).unwrap();
            let all = k_nearest_indices(&base, &base, norm, 17, &Silent).unwrap();
            assert_eq!(all.len(), samples * 17);
            for i in 0..samples {
                let gaps: Vec<f64> = (0..samples).map(|j| gap(i, j)).collect();
                let mut order: Vec<usize> = (0..samples).collect();
                order.sort_by(|&a, &b| gaps[a].total_cmp(&gaps[b]).then(a.cmp(&b)));
                assert_eq!(&all[i * 17..(i + 1) * 17], &order[..17], "{norm} {i}");
                assert!(i >= queries || near[i * 17..(i + 1) * 17] == order[..17], "{norm} {i}");
            }
        }
        // More than there are.
        assert_eq!(
            k_nearest_indices(&base.head(3).unwrap(), &base.head(2).unwrap(), Norm::L2, 9, &Silent)
                .unwrap()
                .len(),
            6
        );
    }
}

#[test]
fn what_cannot_be_asked() {
    for share in [0.0, -0.5, 1.5, f64::NAN] {
        assert!(matches!(Sampling::new(share, None), Err(Error::BadShare { .. })));
    }
    assert!(matches!(Sampling::new(0.5, Some(1)), Err(Error::TooFewNeighbours { given: 1 })));
    assert_eq!(Sampling::new(0.7, None).unwrap().neighbours(), 32);
    assert_eq!(Sampling::new(1.0, None).unwrap().neighbours(), 2);
    assert_eq!(Sampling::new(1e-9, None).unwrap().neighbours(), 1024);
    assert!(Sampling::new(1e-9, None).unwrap().error(2000) > 0.9);
}
