//! Blocks of a dataset against each other, with distances beyond which nothing is of
//! interest: together they say what the whole dataset does.

use indelible::{
    Dataset, Error, Features, Norm, Silent,
    separation::{
        ClosePair, Neighbour, Pairs, closest_enemies_between, k_nearest_enemies, k_nearest_enemies_between,
        nearest_enemies, pairs_within, pairs_within_between,
    },
};
use proptest::prelude::*;

const NORMS: [Norm; 4] = [Norm::Linf, Norm::L1, Norm::L2, Norm::Lp(1.5)];

/// Some samples, with many ties; in units that reals round, at the ends of binary32,
/// or as bytes.
fn sets() -> impl Strategy<Value = (Dataset, usize)> {
    let units = prop_oneof![Just(1.0), Just(0.1), Just(2f64.powi(-149)), Just(1e30), Just(1e300)];
    (2usize..40, 1usize..5, 1usize..4, any::<bool>(), units).prop_flat_map(
        |(samples, width, classes, bytes, unit)| {
            let values = prop::collection::vec(0u8..7, samples * width);
            let labels = prop::collection::vec(0..classes, samples);
            (values, labels, 1..samples).prop_map(move |(values, labels, cut)| {
                let features = if bytes {
                    Features::unit_codes(values.into())
                } else {
                    Features::F64(values.iter().map(|&v| f64::from(v) * unit).collect::<Vec<_>>().into())
                };
                let names = (0..classes).map(|c| c.to_string()).collect();
                (Dataset::new(features, width, labels, names).expect("sound data"), cut)
            })
        },
    )
}

/// The two blocks that a dataset falls into before sample `cut`.
fn blocks(data: &Dataset, cut: usize) -> [Dataset; 2] {
    [0..cut, cut..data.samples()].map(|range| data.select(range).expect("samples"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nearest_enemies_come_from_blocks((data, cut) in sets(), k in 1usize..4, at in 0usize..6) {
        let (all, [queries, base]) = (data.samples(), blocks(&data, cut));
        for norm in NORMS {
            let whole = k_nearest_enemies(&data, norm, all, &Silent);
            let of_base = |i: usize| -> Vec<Neighbour> {
                let far = whole[i].iter().filter(|near| near.index >= cut);
                far.map(|near| Neighbour { index: near.index - cut, ..*near }).collect()
            };
            let everything = vec![f64::INFINITY; cut];
            let found = k_nearest_enemies_between(&queries, &base, norm, k, &everything, &Silent).unwrap();
            // A bound that some enemy has, or lies just below it.
            let bounds = |below: bool| -> Vec<f64> {
                let bound = |i: usize| of_base(i).get(at).map_or(0.0, |near| near.distance.upper);
                (0..cut).map(bound).map(|d: f64| if below && d > 0.0 { d.next_down() } else { d }).collect()
            };
            for (i, found) in found.iter().enumerate() {
                prop_assert_eq!(&found[..], &of_base(i)[..k.min(of_base(i).len())], "{} of {}", i, norm);
            }
            for up_to in [bounds(false), bounds(true)] {
                let found = k_nearest_enemies_between(&queries, &base, norm, k, &up_to, &Silent).unwrap();
                for (i, found) in found.iter().enumerate() {
                    let near = of_base(i);
                    prop_assert_eq!(&found[..], &near[..found.len()], "{} of {}", i, norm);
                    let certain = near.iter().take(k).filter(|near| near.distance.upper <= up_to[i]).count();
                    let possible = near.iter().take(k).filter(|near| near.distance.lower <= up_to[i]).count();
                    prop_assert!(certain <= found.len() && found.len() <= possible, "{} of {}", i, norm);
                }
            }
        }
    }

    #[test]
    fn the_closest_pair_comes_from_blocks((data, cut) in sets()) {
        let [queries, base] = blocks(&data, cut);
        for norm in NORMS {
            let near = k_nearest_enemies(&data, norm, data.samples(), &Silent);
            let pairs = near.iter().take(cut).enumerate().flat_map(|(i, near)| near.iter().map(move |near| (i, near)));
            let between = pairs.filter(|(_, near)| near.index >= cut);
            let ends = |d: &Neighbour| (d.distance.lower, d.distance.upper);
            let expected = between.min_by(|(i, a), (j, b)| {
                ends(a).partial_cmp(&ends(b)).unwrap().then((i, a.index).cmp(&(j, b.index)))
            });
            let found = closest_enemies_between(&queries, &base, norm, f64::INFINITY, &Silent).unwrap();
            prop_assert_eq!(found.is_some(), expected.is_some());
            let Some(ClosePair { distance, pair }) = found else { continue };
            prop_assert_eq!(Some(distance), expected.map(|(_, near)| near.distance));
            // Which of two pairs within one enclosure is closer, the enclosures do not say.
            if distance.lower == distance.upper {
                prop_assert_eq!(Some(pair), expected.map(|(i, near)| (i, near.index - cut)));
            }
            let within = |up_to| closest_enemies_between(&queries, &base, norm, up_to, &Silent).unwrap();
            prop_assert_eq!(within(distance.upper), found);
            // In other norms, what rounding cannot tell from a bound counts as within.
            if distance.lower > 0.0 && !matches!(norm, Norm::Lp(_)) {
                prop_assert_eq!(within(distance.lower.next_down()), None);
            }
        }
    }

    #[test]
    fn close_pairs_come_from_blocks((data, cut) in sets(), limit in 0usize..9) {
        let [queries, base] = blocks(&data, cut);
        for norm in NORMS {
            let near = nearest_enemies(&data, norm, &Silent);
            let radius = near.distances.iter().map(|d| d.upper).filter(|d| d.is_finite()).fold(0.0, f64::max);
            for which in [Pairs::Enemies, Pairs::All] {
                let whole = pairs_within(&data, norm, radius, which, usize::MAX, &Silent).unwrap();
                let (a, b) = (
                    pairs_within(&queries, norm, radius, which, usize::MAX, &Silent).unwrap(),
                    pairs_within(&base, norm, radius, which, usize::MAX, &Silent).unwrap(),
                );
                let ab = pairs_within_between(&queries, &base, norm, radius, which, limit, &Silent).unwrap();
                prop_assert_eq!(whole.count, a.count + b.count + ab.count);
                let between = whole.pairs.iter().filter(|close| close.pair.0 < cut && close.pair.1 >= cut);
                let expected: Vec<_> =
                    between.take(limit).map(|close| (close.pair.0, close.pair.1 - cut, close.distance)).collect();
                let found: Vec<_> =
                    ab.pairs.iter().map(|close| (close.pair.0, close.pair.1, close.distance)).collect();
                prop_assert_eq!(found, expected);
            }
        }
    }
}

#[test]
fn classes_are_matched_by_name_and_bounds_are_distances() {
    let set = |values: Vec<f64>, labels, names: [&str; 2]| {
        let names = names.map(String::from).to_vec();
        Dataset::new(Features::F64(values.into()), 1, labels, names).expect("sound data")
    };
    let (queries, base) = (set(vec![0.0], vec![0], ["a", "b"]), set(vec![1.0, 2.0], vec![1, 0], ["c", "a"]));
    let near = |up_to: &[f64]| k_nearest_enemies_between(&queries, &base, Norm::Linf, 2, up_to, &Silent);
    assert_eq!(near(&[f64::INFINITY]).unwrap()[0].iter().map(|near| near.index).collect::<Vec<_>>(), [1]);
    assert!(matches!(near(&[-1.0]), Err(Error::BadRadius { given: -1.0 })));
    assert!(matches!(near(&[f64::NAN]), Err(Error::BadRadius { .. })));
    assert!(matches!(near(&[]), Err(Error::RadiusCount { samples: 1, radii: 0 })));
    let wide =
        Dataset::new(Features::F64(vec![1.0, 2.0].into()), 2, vec![0], vec!["a".into()]).expect("sound data");
    let closest = |base: &Dataset, up_to| closest_enemies_between(&queries, base, Norm::L2, up_to, &Silent);
    assert!(matches!(closest(&wide, 1.0), Err(Error::FeatureMismatch { .. })));
    assert!(matches!(closest(&base, f64::NAN), Err(Error::BadRadius { .. })));
    let within = |radius| pairs_within_between(&queries, &base, Norm::L1, radius, Pairs::All, 9, &Silent);
    assert_eq!(within(2.0).unwrap().count, 2);
    assert!(matches!(within(f64::INFINITY), Err(Error::BadRadius { .. })));
}
