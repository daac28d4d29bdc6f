//! Hostile data: ties, ends of the format, gaps of one ulp, balls that just fit.

use indelible::{Norm, Silent, number::random::Random, separation::separation};
use indelible_exact::{Error, ExactLayer, ExactNetwork, Line, Memorizer, Neuron, SHELF};
use proptest::prelude::*;

use crate::{dataset, random_data};

/// Values at the ends of binary64 and of binary32.
const VALUES: [f64; 10] =
    [0.0, 5e-324, -5e-324, f64::MIN_POSITIVE, 1.0, 1.0 + f64::EPSILON, -1.0, 0.1, 1e30, 1e-45];

#[test]
fn numbers_at_the_ends_of_the_format_are_told_apart() {
    let data = dataset(VALUES.to_vec(), 1, (0..VALUES.len()).map(|i| i % 3).collect());
    let line = Line::search(&data, Norm::Linf, 1, 1).unwrap();
    for memorizer in SHELF.iter().filter(|memorizer| memorizer.is_provable) {
        let plan = memorizer.plan(&data, &line, 0.0, 0).unwrap();
        let network = plan.build(None).unwrap();
        assert_eq!(network.certified(&data, Norm::Linf, 0.0), VALUES.len(), "{}", memorizer.name);
        assert!(network.in_floats(plan.place_bits()).is_err(), "{}", memorizer.name);
    }
}

#[test]
fn the_largest_numbers_and_the_smallest_are_told_apart() {
    let values = [f64::MAX, -f64::MAX, 5e-324, -5e-324, 0.0];
    let data = dataset(values.to_vec(), 1, vec![0, 1, 0, 1, 2]);
    let line = Line::search(&data, Norm::L1, 1, 1).unwrap();
    let network = SHELF[0].plan(&data, &line, 0.0, 0).unwrap().build(None).unwrap();
    assert_eq!(network.certified(&data, Norm::L1, 0.0), 5);
}

#[test]
fn what_no_line_tells_apart_is_refused() {
    let equal = dataset(vec![1.0, 2.0, 1.0], 1, vec![0, 0, 1]);
    assert!(matches!(Line::search(&equal, Norm::L2, 8, 1), Err(Error::NoLine { .. })));
    let one = dataset(vec![1.0, 2.0], 1, vec![0, 0]);
    assert!(matches!(Line::search(&one, Norm::L2, 8, 1), Err(Error::Library(indelible::Error::NoEnemies))));
    let data = random_data(10, 2, 100, 2, 1);
    assert!(matches!(Line::search(&data, Norm::Lp(3.0), 8, 1), Err(Error::BadNorm { .. })));
    let line = Line::search(&data, Norm::L2, 8, 1).unwrap();
    for radius in [f64::NAN, -1.0, f64::INFINITY, 1e300] {
        for memorizer in SHELF {
            assert!(memorizer.plan(&data, &line, radius, 0).is_err(), "{} {radius}", memorizer.name);
        }
    }
    let plan = |at: usize| SHELF[at].plan(&data, &line, 0.0, 0).unwrap();
    assert!(plan(0).build(Some(1)).is_err());
    assert!(plan(1).build(Some(0)).is_err());
    assert!(plan(1).build(Some(line.runs() + 1)).is_err());
}

#[test]
fn a_ball_is_proved_up_to_the_cut_and_not_beyond() {
    for norm in [Norm::L1, Norm::L2, Norm::Linf] {
        let data = random_data(30, 3, 1000, 3, 5);
        let line = Line::search(&data, norm, 16, 2).unwrap();
        for memorizer in SHELF.iter().filter(|memorizer| memorizer.is_provable) {
            let plan = memorizer.plan(&data, &line, line.radius() * 0.9, 0).unwrap();
            let network = plan.build(None).unwrap();
            assert!(plan.radius() >= line.radius() * 0.899, "{} {norm}", memorizer.name);
            // The radius was rounded down; a little less is proved.
            let inside = plan.radius() * (1.0 - 1e-12);
            assert_eq!(network.certified(&data, norm, inside), 30, "{} {norm}", memorizer.name);
            let beyond = network.certified(&data, norm, plan.radius() * (1.0 + 1e-9));
            // Boxes are rounded outward, and behind a wall the label may be the same.
            assert!(
                beyond < 30 || ["egosi2025", "kim2025"].contains(&memorizer.name),
                "{} {norm}",
                memorizer.name
            );
        }
    }
}

/// The value at every point, by the definition, of integer inputs.
fn value(network: &ExactNetwork, x: i128) -> i128 {
    assert_eq!(network.exponent(), 0);
    let mut values = vec![x];
    for (index, layer) in network.layers().iter().enumerate() {
        let behind = |v: i128| if index > 0 { v.max(0) } else { v };
        let number = |v: &dashu_int::IBig| i128::try_from(v).unwrap();
        let sum = |neuron: &Neuron| {
            let terms = neuron.weights.iter().map(|(c, w)| number(w) * behind(values[*c]));
            terms.sum::<i128>() + number(&neuron.bias)
        };
        values = layer.neurons.iter().map(sum).collect();
    }
    values[0]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Small random networks on a line: what is said to hold on a ball holds at
    /// every integer in it.
    #[test]
    fn what_is_proved_of_random_networks_holds(seed in 1_u64..u64::MAX, center in -6_i32..=6, radius in 0_u8..=4) {
        let mut random = Random::new(seed);
        let mut widths = vec![1, 1];
        widths.extend((0..random.below(3)).map(|_| 0));
        let hidden = 1 + random.below(3);
        let mut layers = vec![];
        for (at, width) in [1, hidden, hidden, 1].into_iter().enumerate() {
            let inputs = if at < 2 { 1 } else { hidden };
            let mut neuron = || {
                let weights = (0..inputs).map(|c| (c, random.below(5) as i64 - 2));
                let weights = weights.filter(|(_, w)| *w != 0).map(|(c, w)| (c, w.into())).collect();
                Neuron { weights, bias: (random.below(9) as i64 - 4).into() }
            };
            layers.push(ExactLayer { inputs, neurons: (0..width).map(|_| neuron()).collect() });
        }
        let network = ExactNetwork::new(0, layers).unwrap();
        let at = i128::from(center);
        let label = value(&network, at);
        let Ok(label) = usize::try_from(label) else { return Ok(()) };
        let radius = i128::from(radius);
        let holds = network.holds(&[f64::from(center)], label, Norm::L2, radius as f64);
        let all = (at - radius..=at + radius).all(|x| value(&network, x) == label as i128);
        prop_assert!(all || !holds);
        if radius == 0 {
            prop_assert!(holds);
        }
        prop_assert!(!network.holds(&[f64::from(center)], label + 1, Norm::L2, radius as f64));
    }
}

/// The radius that a lattice leaves room for on all data, and that narrow networks reach in the
/// sup norm, where a line has none; with several balls of one label over each other.
#[test]
fn more_than_a_line_has_room_for_is_proved() {
    for seed in 1..5 {
        let data = random_data(40, 2, 1000, 2, seed);
        for norm in [Norm::L2, Norm::Linf] {
            let line = Line::search(&data, norm, 8, 2).unwrap();
            let largest = separation(&data, norm, &Silent).distance.lower / 2.0;
            let proved = |name: &str, radius: f64| {
                let plan = Memorizer::named(name).unwrap().plan(&data, &line, radius, 0).unwrap();
                assert!(plan.radius() >= radius * (1.0 - 1e-12));
                let network = plan.build(None).unwrap();
                assert_eq!(network.certified(&data, norm, radius), 40, "{name} {norm} {radius}");
                assert_eq!(network.size().nonzero, plan.parameters(None).unwrap(), "{name} {norm}");
            };
            proved("kim2025", largest / (2.0 * 40.0 * 2.0_f64.sqrt()) * 0.999);
            let reached = if norm == Norm::Linf { 0.99 } else { 0.7 };
            assert!(reached * largest > line.radius());
            proved("egosi2025", reached * largest);
            assert!(matches!(
                Memorizer::named("egosi2025").unwrap().plan(&data, &line, 1.01 * largest, 0),
                Err(Error::NoRoom { .. })
            ));
        }
    }
}
