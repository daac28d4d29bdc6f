//! Every construction has as many layers, neurons and parameters as its formula
//! says.

use crate::common::{
    F64, binary, budget, build, dataset, random_dataset, separable, with_duplicates, with_names,
};
use indelible::{
    Norm,
    constructions::{Approximation, Options, yu2024_lp},
    network::{Head, Measure, Model, PowerCurve, size},
    number::random::Random,
};
use proptest::prelude::*;

fn levels(n: usize) -> usize {
    (n as f64).log2().ceil() as usize
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Depth N+2, width 3n+2, (7n+5)N − 4.
    #[test]
    fn pipelined_counts(data in random_dataset(60, 40, 1.0f64..2.0), ratio in 0.1f64..0.9, twice in any::<bool>()) {
        prop_assume!(separable(&data));
        let data = if twice { with_duplicates(&data, 3) } else { data };
        let (n, samples) = (data.features(), data.samples());
        let options = Options { head: Head::Scalar, ..F64 };
        let counted = size(build("pipelined", &data, &budget(&data, Norm::Linf, ratio), options).as_ref());
        prop_assert_eq!(counted.depth, samples + 2);
        prop_assert!(counted.width <= 3 * n + 2);
        prop_assert!(samples < 4 || counted.width == 3 * n + 2);
        let expected = if samples == 1 { 6 * n + 2 } else { (7 * n + 5) * samples - 4 };
        prop_assert_eq!(counted.nonzero, expected);
        let logits = size(build("pipelined", &data, &budget(&data, Norm::Linf, ratio), F64).as_ref());
        prop_assert_eq!(logits.depth, samples + 3);
        prop_assert!(logits.nonzero > expected && logits.nonzero <= expected + 6 * data.classes());
    }

    /// The sum norm: no feature sits at its minimum but that of the sample
    /// that has it, whose two thresholds are then 0 from the second sample on.
    #[test]
    fn sum_norm_counts(data in random_dataset(60, 40, 1.0f64..2.0), ratio in 0.1f64..0.9, twice in any::<bool>()) {
        prop_assume!(separable(&data));
        let data = if twice { with_duplicates(&data, 3) } else { data };
        let (n, samples) = (data.features(), data.samples());
        let budget = budget(&data, Norm::L1, ratio);
        let options = Options { head: Head::Scalar, ..F64 };
        let minima = data.minima();
        let zeros = 2 * (1..samples).map(|i| (0..n).filter(|&j| data.value(i, j) == minima[j]).count()).sum::<usize>();
        let ours = size(build("pipelined", &data, &budget, options).as_ref());
        prop_assert_eq!(ours.depth, samples + 3);
        prop_assert!(ours.width <= 3 * n + 3);
        let theirs = size(build("yu2024-l1", &data, &budget, options).as_ref());
        prop_assert_eq!(theirs.depth, 3 * samples + 1);
        prop_assert!(theirs.width <= 3 * n + 1);
        if samples > 1 {
            prop_assert_eq!(ours.nonzero, (7 * n + 7) * samples - 4 - zeros);
            prop_assert_eq!(theirs.nonzero, (9 * n + 8) * samples - 2 * n - 4 - zeros);
        }
    }

    /// Depth N₊ + ⌈log₂ n⌉ + 2, at most 12 n N₊; the theorem's network is
    /// longer by the log factor.
    #[test]
    fn lipschitz_counts(data in binary(60, 40), ratio in 0.1f64..0.9, twice in any::<bool>()) {
        prop_assume!(separable(&data));
        let data = if twice { with_names(&with_duplicates(&data, 4), 2) } else { data };
        let n = data.features();
        let of = |class: usize| data.labels().iter().filter(|label| **label == class).count();
        let rarer = match of(0).min(of(1)) {
            0 => data.samples(),
            rarer => rarer,
        };
        let budget = budget(&data, Norm::Linf, ratio);
        let options = Options { head: Head::Scalar, ..F64 };
        let ours = size(build("lipschitz", &data, &budget, options).as_ref());
        prop_assert_eq!(ours.depth, rarer + levels(n) + 2);
        prop_assert!(ours.nonzero <= 12 * n * rarer, "{} > {}", ours.nonzero, 12 * n * rarer);
        prop_assert!(ours.width <= 6 * n + 3 + levels(n));
        let theirs = size(build("yu2024-lipschitz", &data, &budget, options).as_ref());
        prop_assert_eq!(theirs.depth, (levels(n) + 2) * rarer + 1);
        prop_assert!(theirs.width <= 3 * n + 1);
        prop_assert!(theirs.nonzero <= n * rarer * (levels(n) + 13));
        let largest = [2.0, 2.0 / budget.distance(0), 2.0].into_iter().fold(0.0, f64::max);
        prop_assert!(ours.max_abs <= largest && theirs.max_abs <= largest);
    }

    #[test]
    fn counts_of_several_labels(data in random_dataset(60, 40, 1.0f64..2.0), ratio in 0.1f64..0.9) {
        prop_assume!(data.classes() != 2 && separable(&data));
        let (n, samples, l) = (data.features(), data.samples(), data.classes());
        for name in ["lipschitz", "nearest"] {
            for norm in [Norm::Linf, Norm::L1] {
                let counted = size(build(name, &data, &budget(&data, norm, ratio), F64).as_ref());
                prop_assert!(counted.nonzero <= 12 * n * samples + 2 * l * (samples + levels(n) + 2));
                let tree = if norm == Norm::Linf { levels(n) } else { 0 };
                prop_assert_eq!(counted.depth, samples + tree + 2);
            }
        }
    }

    #[test]
    fn wide_counts(data in random_dataset(60, 40, 1.0f64..2.0), ratio in 0.1f64..0.9, twice in any::<bool>()) {
        let plain = data.samples();
        prop_assume!(separable(&data));
        let data = if twice { with_duplicates(&data, 2) } else { data };
        let (n, samples) = (data.features(), data.samples());
        let linf = size(build("wide", &data, &budget(&data, Norm::Linf, ratio), F64).as_ref());
        prop_assert_eq!(linf.depth, 3);
        // Duplicates share their thresholds.
        let thresholds = 2 * n * plain;
        prop_assert_eq!(linf.nonzero, 2 * thresholds + (2 * n + 2) * samples);
        let l1 = size(build("wide", &data, &budget(&data, Norm::L1, ratio), F64).as_ref());
        prop_assert_eq!(l1.depth, 4);
        prop_assert_eq!(l1.nonzero, 2 * thresholds + (2 * n + 4) * samples);
    }

    /// With H hinges depth 3N+1, width (2H+1)n+1 and (6nH+3n+8)N − 2n − 4
    /// nonzero; with m teeth depth (m+3)N+1, width 3n+2 and
    /// (8mn+9n+2m+8)N − (m+2)n − m − 4; less thresholds at 0, as in the sum norm.
    #[test]
    fn power_counts(data in random_dataset(60, 40, 1.0f64..2.0), ratio in 0.3f64..0.99, twice in any::<bool>()) {
        prop_assume!(separable(&data));
        let data = if twice { with_duplicates(&data, 3) } else { data };
        let (n, samples) = (data.features(), data.samples());
        let budget = budget(&data, Norm::L2, ratio);
        let options = Options { head: Head::Scalar, ..F64 };
        let minima = data.minima();
        let zeros = 2 * (1..samples).map(|i| (0..n).filter(|&j| data.value(i, j) == minima[j]).count()).sum::<usize>();
        for kind in [Approximation::Hinges, Approximation::Sawtooth] {
            let network = yu2024_lp(&data, &budget, options, 2.0, kind).unwrap();
            let Model::Prototypes(stored) = network.compact().unwrap() else { panic!("prototypes expected") };
            let counted = size(network.as_ref());
            let (depth, width, nonzero) = match &stored.measure {
                Measure::Power(PowerCurve::Hinges { knots, .. }) => {
                    let h = knots.len();
                    (3 * samples + 1, (2 * h + 1) * n + 1, (6 * n * h + 3 * n + 8) * samples - 2 * n - 4)
                }
                Measure::Power(PowerCurve::Sawtooth { levels: m, .. }) => (
                    (m + 3) * samples + 1,
                    3 * n + 2,
                    (8 * m * n + 9 * n + 2 * m + 8) * samples - (m + 2) * n - m - 4,
                ),
                _ => panic!("a curve"),
            };
            if samples > 1 {
                prop_assert_eq!((counted.depth, counted.nonzero), (depth, nonzero - zeros), "{} {} {:?}", n, samples, kind);
            }
            prop_assert!(counted.width <= width);
        }
    }

    #[test]
    fn euclidean_counts(data in random_dataset(60, 40, 1.0f64..2.0), ratio in 0.1f64..0.9) {
        prop_assume!(separable(&data));
        let (n, samples) = (data.features(), data.samples());
        let network = build("nearest", &data, &budget(&data, Norm::L2, ratio), F64);
        let affine = network.layer(0);
        prop_assert_eq!((affine.outputs(), affine.max_abs() < 1e4), (samples, true));
        prop_assert!(affine.nonzero() <= (n + 1) * samples);
        let counted = size(network.as_ref());
        let largest = (0..data.classes()).map(|c| data.labels().iter().filter(|y| **y == c).count()).max().unwrap();
        prop_assert_eq!(counted.depth, levels(largest) + 2);
        prop_assert!(counted.nonzero <= (n + 1) * samples + 5 * samples);
        let stored = network.compact().unwrap().size();
        prop_assert_eq!(stored, counted);
    }
}

/// Of `n` pairs whose maximum is sought: weights of the tree.
fn tree_weights(n: usize) -> usize {
    let (mut groups, mut weights) = (vec![2_usize; n], 0);
    while groups.len() > 1 {
        let pair = |pair: &[usize]| pair[0] + 2 * pair.get(1).copied().unwrap_or(0);
        weights += groups.chunks(2).map(pair).sum::<usize>();
        groups = groups.chunks(2).map(<[usize]>::len).collect();
    }
    weights
}

/// `li2022` on twenty sizes: ((7m + 6)n + m + 4)N with m teeth, depth m + 4, width (2n + 1)N;
/// in the sup norm a tree of maxima, depth ⌈log₂ n⌉ + 4.
#[test]
fn indicators_side_by_side_count() {
    let mut random = Random::new(8);
    for at in 0..20 {
        let (samples, n) = (2 + 3 * at, 1 + at * 7 % 11);
        let values =
            (0..samples * n).map(|_| 1.0 + random.below(1 << 20) as f64 / f64::from(1 << 20)).collect();
        let data = with_names(&dataset(n, values, (0..samples).map(|i| i % 2).collect()), 2);
        let network = build("li2022", &data, &budget(&data, Norm::L2, 0.4), F64);
        let Ok(Model::Prototypes(compact)) = network.compact() else { panic!("no compact form") };
        let Measure::Power(PowerCurve::Sawtooth { levels: m, .. }) = &compact.measure else {
            panic!("no sawtooth")
        };
        let counted = size(network.as_ref());
        assert_eq!((counted.depth, counted.width), (m + 4, (2 * n + 1) * samples));
        assert_eq!(counted.nonzero, ((7 * m + 6) * n + m + 4) * samples, "{samples} {n} {m}");
        assert_eq!(counted, network.size());
        let network = build("li2022", &data, &budget(&data, Norm::Linf, 0.4), F64);
        let counted = size(network.as_ref());
        assert_eq!((counted.depth, counted.width), (levels(n) + 4, 2 * n * samples));
        assert_eq!(counted.nonzero, (4 * n + tree_weights(n) + 6) * samples, "{samples} {n}");
        if n.is_power_of_two() {
            assert_eq!(counted.nonzero, 10 * n * samples);
        }
        assert!(counted.nonzero <= 10 * n.next_power_of_two() * samples);
        assert_eq!(counted, network.size());
    }
}

proptest! {
    // Rows are searched for.
    #![proptest_config(ProptestConfig::with_cases(30))]

    /// With m rows depth ⌈log₂ N_max⌉ + 3, one more where rows are centered; m neurons in the first
    /// layer; up to m(n + 1) + (m + 6)N nonzero, 2m more where rows are centered.
    #[test]
    fn projected_counts(data in random_dataset(40, 20, 1.0f64..2.0), ratio in 0.1f64..0.9) {
        prop_assume!(separable(&data));
        let (n, samples) = (data.features(), data.samples());
        let network = build("projected", &data, &budget(&data, Norm::L2, ratio), F64);
        let rows = network.layer(0);
        let m = rows.outputs();
        prop_assert!(m <= n && rows.nonzero() <= m * (n + 1));
        let counted = size(network.as_ref());
        let largest = (0..data.classes()).map(|c| data.labels().iter().filter(|y| **y == c).count()).max().unwrap();
        let centered = counted.depth - levels(largest) - 3;
        prop_assert!(centered <= 1, "{}", counted.depth);
        prop_assert!(counted.nonzero <= m * (n + 1) + (m + 6) * samples + 2 * m * centered);
        prop_assert_eq!(network.compact().unwrap().size(), counted);
    }
}
