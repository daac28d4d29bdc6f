//! Answers are right: points that are given meet the constraints, and where there
//! is said to be none no point that is tried does, in exact arithmetic and as
//! executed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::cell::Cell;

use dashu_ratio::RBig;
use indelible::{
    Precision, Silent,
    network::{LayerBuilder, Model, Scaled, Scaling, StoredNetwork},
    number::random::Random,
};
use indelible_vnnlib::{Answer, Limits, Query, check, decide, parse, real_outputs};
use proptest::{prelude::*, test_runner::TestRunner};

/// A network of random weights: small dyadic ones, and one in four from the ends
/// of the format.
fn network(random: &mut Random, widths: &[usize], precision: Precision) -> Model {
    let mut number = |hostile: bool| {
        let plain = (random.below(65) as f64 - 32.0) / 16.0;
        let strange = [1e-40, -1e-30, 3e7, 0.1, -1.0 / 3.0, 1.5e-45, 16_777_217.0];
        precision.round(if hostile && random.below(4) == 0 { random.of(&strange) } else { plain })
    };
    let hostile = number(false) > 1.0;
    let layers = widths.windows(2).map(|pair| {
        let mut layer = LayerBuilder::new(pair[0]);
        for _ in 0..pair[1] {
            (0..pair[0]).for_each(|column| {
                layer.weight(column, number(hostile));
            });
            layer.bias(number(hostile));
        }
        layer.finish()
    });
    let layers = layers.collect();
    Model::Layers(StoredNetwork::new(precision, layers).unwrap())
}

/// A query about two inputs and two outputs.
fn query(random: &mut Random) -> Query {
    let mut text = String::from(
        "(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)(declare-const Y_1 Real)",
    );
    for j in 0..2 {
        let (lower, width) = ((random.below(41) as f64 - 20.0) / 10.0, random.below(20) as f64 / 10.0);
        text += &format!("(assert (>= X_{j} {lower}))(assert (<= X_{j} {}))", lower + width);
    }
    let mut value =
        |spread: usize| format!("{:.2}", (random.below(2 * spread + 1) as f64 - spread as f64) / 100.0);
    let conditions: Vec<String> = (0..4)
        .map(|i| match i {
            0 => format!("(<= Y_0 (+ Y_1 {}))", value(300)),
            1 => format!("(>= (* {} Y_1) (- X_0 {}))", value(200), value(300)),
            2 => format!("(< (+ Y_0 (* {} X_1)) {})", value(200), value(800)),
            _ => format!("(> Y_1 {})", value(800)),
        })
        .collect();
    let [a, b, c, d] = [0, 1, 2, 3].map(|i: usize| conditions[i].as_str());
    text += &match random.below(4) {
        0 => format!("(assert {a})(assert {b})"),
        1 => format!("(assert (or (and {a} {b}) (and {c} {d})))"),
        2 => format!("(assert (or (and (<= X_0 0.0) {a}) (and (>= X_0 0.05) {c})))(assert {d})"),
        _ => format!("(assert (or {d} {b}))"),
    };
    parse(&text).unwrap()
}

#[test]
fn answers_are_right() {
    let (sat, unsat) = (Cell::new(0), Cell::new(0));
    let mut runner = TestRunner::new(ProptestConfig::with_cases(400));
    runner
        .run(&(any::<u64>(), any::<bool>()), |(seed, single)| {
            let mut random = Random::new(seed);
            let precision = if single { Precision::F32 } else { Precision::F64 };
            let model = network(&mut random, &[2, 5, 4, 2], precision);
            let query = query(&mut random);
            let limits = Limits { parts: 300, timeout: None };
            let holds = |x: &[RBig], y: &[RBig]| {
                query.holds(&|v| if v.tensor == 0 { x[v.element].clone() } else { y[v.element].clone() })
            };
            let exact =
                |values: &[f64]| values.iter().map(|v| RBig::try_from(*v).unwrap()).collect::<Vec<_>>();
            match decide(&query, &model, &limits, &Silent).unwrap().answer {
                Answer::Sat(witness) => {
                    sat.set(sat.get() + 1);
                    let x = exact(&witness.inputs);
                    prop_assert!(holds(&x, &exact(&witness.outputs)));
                    let real: Vec<RBig> =
                        real_outputs(&model, &witness.inputs).unwrap().into_iter().map(|[y, _]| y).collect();
                    prop_assert!(holds(&x, &real));
                }
                Answer::Unsat { .. } => {
                    unsat.set(unsat.get() + 1);
                    for _ in 0..60 {
                        // Multiples of a sixteenth hit ends and kinks of the network.
                        let point: Vec<f64> = (0..2)
                            .map(|_| match random.below(3) {
                                0 => precision.round(4.0 * random.unit() - 2.0),
                                1 => (random.below(65) as f64 - 32.0) / 16.0,
                                _ => precision.round((random.below(41) as f64 - 20.0) / 10.0),
                            })
                            .collect();
                        let x = exact(&point);
                        let real: Vec<RBig> =
                            real_outputs(&model, &point).unwrap().into_iter().map(|[y, _]| y).collect();
                        prop_assert!(!holds(&x, &real), "{point:?}");
                        prop_assert!(!holds(&x, &exact(&model.evaluate(&point).unwrap())), "{point:?}");
                        prop_assert_eq!(check(&query, &model, &point).unwrap(), None);
                    }
                }
                _ => {}
            }
            Ok(())
        })
        .unwrap();
    assert!(sat.get() > 60 && unsat.get() > 60, "{} sat, {} unsat", sat.get(), unsat.get());
}

#[test]
fn the_same_answer_whatever_the_number_of_threads() {
    let mut random = Random::new(7);
    for _ in 0..10 {
        let (model, query) = (network(&mut random, &[2, 8, 8, 2], Precision::F32), query(&mut random));
        let limits = Limits { parts: 200, timeout: None };
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let decision = pool.install(|| decide(&query, &model, &limits, &Silent)).unwrap();
            (decision.answer, decision.parts)
        };
        assert_eq!(with(1), with(5));
    }
}

#[test]
fn queries_that_do_not_fit_are_refused() {
    let model = network(&mut Random::new(1), &[2, 3, 2], Precision::F32);
    let refused = |text: &str| {
        decide(&parse(text).unwrap(), &model, &Limits::default(), &Silent).unwrap_err().to_string()
    };
    let second = |input: &str, output: &str| {
        format!(
            "(vnnlib-version <2.0>)(declare-network f (declare-input X {input}) (declare-output Y {output}))"
        )
    };
    assert!(refused(&second("float32 [3]", "float32 [2]")).contains("has 3 elements; the network's has 2"));
    assert!(
        refused(&second("float64 [2]", "float32 [2]"))
            .contains("X is declared as float64; the network computes in f32")
    );
    assert!(
        refused(&second("float32 [2]", "float32 [2]) (declare-hidden H float32 [2] \"h\""))
            .contains("within the network")
    );
    let two = second("float32 [2]", "float32 [2]")
        + "(declare-network g (equal-to f) (declare-input A float32 [2]) (declare-output B float32 [2]))";
    assert!(refused(&two).contains("2 networks"));
}

#[test]
fn inputs_alone_can_decide() {
    let model = network(&mut Random::new(1), &[2, 3, 2], Precision::F32);
    let declared =
        "(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)(declare-const Y_1 Real)";
    let answer = |text: &str| {
        decide(&parse(&format!("{declared}{text}")).unwrap(), &model, &Limits::default(), &Silent)
            .unwrap()
            .answer
    };
    let boxed = "(assert (<= X_0 1.0))(assert (>= X_0 0.0))(assert (<= X_1 1.0))(assert (>= X_1 0.0))";
    assert!(matches!(answer(&format!("{boxed}(assert (<= X_0 -0.1))")), Answer::Unsat { .. }));
    assert!(matches!(answer(&format!("{boxed}(assert (<= 1.0 0.0))")), Answer::Unsat { .. }));
    assert!(matches!(answer(&format!("{boxed}(assert (<= (+ X_0 X_1) -0.5))")), Answer::Unsat { .. }));
    assert!(matches!(answer(boxed), Answer::Sat(_)));
    assert!(matches!(answer("(assert (<= X_0 1.0))"), Answer::Unknown { .. }));
    // No binary32 number lies between these.
    let narrow =
        "(assert (<= X_0 0.10000000001))(assert (>= X_0 0.1))(assert (<= X_1 0.0))(assert (>= X_1 0.0))";
    assert!(matches!(answer(narrow), Answer::Unknown { .. }));
}

/// A box of features is no ball behind a map of them: an island that only part of
/// the box reaches is not overlooked.
#[test]
fn a_map_in_front_is_not_left_out_of_a_query() {
    let layer = |inputs: usize, rows: &[(&[f64], f64)]| {
        let mut builder = LayerBuilder::new(inputs);
        for (weights, bias) in rows {
            for (column, weight) in weights.iter().enumerate() {
                builder.weight(column, *weight);
            }
            builder.bias(*bias);
        }
        builder.finish()
    };
    // y_1 is 1 where z is 0.25, and 0 a little off; y_0 is 0.5.
    let layers = vec![
        layer(1, &[(&[1.0], -0.25), (&[-1.0], 0.25)]),
        layer(2, &[(&[-16384.0, -16384.0], 1.0)]),
        layer(1, &[(&[0.0], 0.5), (&[1.0], 0.0)]),
    ];
    let inner = Model::Layers(StoredNetwork::new(Precision::F32, layers).unwrap());
    let scaling = Scaling::new(vec![0.0], vec![1000.0]).unwrap();
    let model = Model::Scaled(Scaled::new(scaling, inner).unwrap());
    let text = "(declare-const X_0 Real)(declare-const Y_0 Real)(declare-const Y_1 Real)\
        (assert (>= X_0 0.0))(assert (<= X_0 0.001))(assert (<= Y_0 Y_1))";
    let decision = decide(&parse(text).unwrap(), &model, &Limits::default(), &Silent).unwrap();
    assert!(!matches!(decision.answer, Answer::Unsat { .. }), "{:?}", decision.answer);
}
