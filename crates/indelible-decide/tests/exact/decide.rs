//! Deciding small networks, against what is known by other means.

use std::time::Duration;

use indelible::{Dataset, Features, Norm};
use indelible_decide::{Answer, Config, Decision, Refutation, ShallowNetwork, decide, smallest_width};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};

/// A dataset with classes 1 to `classes`; labels from 1.
fn data(rows: &[&[f64]], labels: &[usize], classes: usize) -> Dataset {
    let values: Vec<f64> = rows.iter().flat_map(|r| r.iter().copied()).collect();
    let labels = labels.iter().map(|y| y - 1).collect();
    let names = (1..=classes).map(|c| c.to_string()).collect();
    Dataset::new(Features::F64(values.into()), rows[0].len(), labels, names).expect("a dataset")
}

/// Points 0, 1, 2, … on a line with alternating labels.
fn alternating(count: u16) -> Dataset {
    let rows: Vec<[f64; 1]> = (0..count).map(|i| [f64::from(i)]).collect();
    let rows: Vec<&[f64]> = rows.iter().map(|r| &r[..]).collect();
    let labels: Vec<usize> = (0..usize::from(count)).map(|i| i % 2 + 1).collect();
    data(&rows, &labels, 2)
}

fn network(decision: Decision) -> ShallowNetwork {
    match decision.answer {
        Answer::Yes(Some(network)) => network,
        other => panic!("expected a network, got {other:?}"),
    }
}

fn refutation(decision: Decision) -> Refutation {
    match decision.answer {
        Answer::No(refutation) => refutation,
        other => panic!("expected a refutation, got {other:?}"),
    }
}

fn quick(data: &Dataset, norm: Norm, radius: f64, width: usize) -> Decision {
    decide(data, norm, radius, width, &Config::default()).expect("z3 answers")
}

/// The label that the scalar head reads off `x`.
fn label(network: &ShallowNetwork, x: &[f64], classes: usize) -> usize {
    (network.evaluate(x).round().max(1.0) as usize).min(classes)
}

#[test]
fn width_grows_with_the_alternations_on_a_line() {
    // Width 1 makes one crossing, width 2 two; from 3 on, W neurons make W + 1:
    // points 0..count need count − 1 of them (docs/decide.md).
    for (count, width) in [(1, 1), (2, 1), (3, 2), (4, 3), (5, 3), (6, 4)] {
        let data = alternating(count);
        let decisions = smallest_width(&data, Norm::Linf, 0.0, &Config::default()).expect("z3 answers");
        let last = decisions.last().expect("a decision").clone();
        assert_eq!(last.width, width, "{count} points");
        let network = network(last);
        assert_eq!(network.width(), width);
        for i in 0..data.samples() {
            assert_eq!(label(&network, &data.row(i), 2), data.labels()[i] + 1);
        }
    }
}

#[test]
fn four_alternating_points_need_width_three() {
    let data = alternating(4);
    let proof = refutation(quick(&data, Norm::Linf, 0.0, 2));
    assert_eq!(proof.len(), 4, "every point is needed");
    proof.check(&data, &Config::default()).expect("a second run confirms");
    network(quick(&data, Norm::Linf, 0.0, 3));
    // With radius just under one half, too; at one half the balls touch.
    network(quick(&data, Norm::Linf, 0.49, 3));
    let touching = refutation(quick(&data, Norm::L1, 0.5, 3));
    assert_eq!(touching.len(), 2);
}

#[test]
fn exclusive_or_needs_width_two() {
    let rows: [&[f64]; 4] = [&[0.0, 0.0], &[1.0, 1.0], &[0.0, 1.0], &[1.0, 0.0]];
    let data = data(&rows, &[1, 1, 2, 2], 2);
    for norm in [Norm::Linf, Norm::L1] {
        let proof = refutation(quick(&data, norm, 0.0, 1));
        assert_eq!(proof.len(), 4);
        network(quick(&data, norm, 0.2, 2));
    }
    // One diagonal strip holds both points of a class: the projection x + y
    // keeps sup-norm balls of radius r apart while 2r < 1/2.
    network(quick(&data, Norm::Linf, 0.24, 2));
    network(quick(&data, Norm::L1, 0.49, 2));
}

#[test]
fn one_class_is_a_constant_and_equal_points_are_hopeless() {
    let one = data(&[&[0.0], &[5.0]], &[3, 3], 4);
    assert_eq!(network(quick(&one, Norm::Linf, 1e9, 2)).evaluate(&[7.0]), 3.0);
    let equal = data(&[&[0.5], &[0.5]], &[1, 2], 2);
    let proof = refutation(quick(&equal, Norm::Linf, 0.0, 4));
    assert_eq!(proof.samples().collect::<Vec<_>>(), [0, 1]);
    proof.check(&equal, &Config::default().solver("no-such-solver")).unwrap_err();
    proof.check(&equal, &Config::default()).expect("confirmed");
}

#[test]
fn questions_that_make_no_sense_and_solvers_that_are_not_there() {
    let data = alternating(3);
    let config = Config::default().solver("no-such-solver");
    let text = |norm, radius, width, config: &Config| {
        decide(&data, norm, radius, width, config).expect_err("an error").to_string()
    };
    assert_eq!(
        text(Norm::Linf, 0.0, 2, &config),
        "the solver 'no-such-solver' was not found; install it with 'apt-get install z3' or 'pip install z3-solver', or name it with --solver"
    );
    let died = Config::default().solver("false");
    assert_eq!(text(Norm::Linf, 0.0, 2, &died), "the solver 'false' failed: it ended before it answered");
    assert_eq!(text(Norm::Linf, 0.0, 0, &config), "the width is 0; expected a number from 1 to 12");
    assert_eq!(
        text(Norm::L2, 0.0, 1, &config),
        "small networks are decided in the norms linf and l1; l2 was given"
    );
    assert_eq!(text(Norm::L1, -1.0, 1, &config), "the radius is -1; expected a finite number, 0 or more");
    // Width 1 asks no solver.
    assert!(matches!(decide(&data, Norm::Linf, 0.0, 1, &config).expect("decided").answer, Answer::No(_)));
}

#[test]
fn no_time_is_no_answer() {
    let config = Config::default().timeout(Some(Duration::ZERO));
    let decision = decide(&alternating(5), Norm::Linf, 0.0, 3, &config).expect("no error");
    assert!(matches!(decision.answer, Answer::Unknown { .. }));
}

#[test]
fn refutations_survive_their_text_and_false_ones_do_not() {
    let data = alternating(4);
    let config = Config::default();
    let proof = refutation(quick(&data, Norm::Linf, 0.25, 2));
    let text = proof.to_string();
    assert_eq!(Refutation::parse(&text).expect("its own text"), proof);
    let broken = |from: &str, to: &str| {
        assert!(text.contains(from), "{text}");
        match Refutation::parse(&text.replacen(from, to, 1)) {
            Ok(proof) => match proof.check(&data, &config) {
                Ok(()) => panic!("{proof}"),
                Err(e) => e.to_string(),
            },
            Err(error) => error.to_string(),
        }
    };
    assert!(broken("width 2", "width 3").ends_with("a network of width 3 gives all its points their class"));
    assert!(broken("point 1 2 1", "point 1 2 4/3").contains("lies outside the ball"));
    assert!(broken("classes 2", "classes 3").contains("about 3 classes"));
    assert!(broken("point 1 2", "point 1 1").contains("has not the class of its sample"));
    assert!(broken("point 0 1", "point 9 1").contains("is not about these data"));
    assert!(broken("point 0 1", "point 0 9").contains("line 6: expected a sample"));
    assert!(broken("point 0 1", "dot 0 1").contains("line 6: expected 'point SAMPLE"));
    assert!(broken("norm linf", "norm sup").contains("unknown norm"));
    // Any point dropped leaves points that some network gets right.
    for line in text.lines().filter(|l| l.starts_with("point")) {
        assert!(broken(&format!("{line}\n"), "").contains("gives all its points their class"));
    }
}

/// Small random data in the plane: small integers, three labels.
fn planar() -> impl Strategy<Value = Dataset> {
    let point = (prop::array::uniform2(-3i8..4), 1usize..4);
    prop::collection::vec(point, 2..8).prop_map(|points| {
        let rows: Vec<[f64; 2]> = points.iter().map(|(x, _)| x.map(f64::from)).collect();
        let rows: Vec<&[f64]> = rows.iter().map(|r| &r[..]).collect();
        let labels: Vec<usize> = points.iter().map(|(_, y)| *y).collect();
        data(&rows, &labels, 3)
    })
}

#[test]
fn networks_hold_on_corners_and_refutations_are_confirmed() {
    let mut runner = TestRunner::deterministic();
    let (mut yes, mut no) = (0, 0);
    for round in 0..60 {
        let data = planar().new_tree(&mut runner).expect("data").current();
        let norm = if round % 2 == 0 { Norm::Linf } else { Norm::L1 };
        let radius = [0.0, 0.125, 0.25][round % 3];
        let decision = quick(&data, norm, radius, 1 + round % 2);
        match decision.answer {
            Answer::Yes(found) => {
                yes += 1;
                let network = found.expect("small integers fit");
                for i in 0..data.samples() {
                    let x = data.row(i);
                    for (dx, dy) in [
                        (0.0, 0.0),
                        (1.0, 0.0),
                        (-1.0, 0.0),
                        (0.0, 1.0),
                        (0.0, -1.0),
                        (1.0, 1.0),
                        (1.0, -1.0),
                        (-1.0, 1.0),
                        (-1.0, -1.0),
                    ] {
                        let size: f64 =
                            if norm == Norm::L1 { f64::max(1.0, f64::abs(dx) + f64::abs(dy)) } else { 1.0 };
                        let at = [x[0] + dx * radius / size, x[1] + dy * radius / size];
                        assert_eq!(label(&network, &at, 3), data.labels()[i] + 1);
                    }
                }
            }
            Answer::No(proof) => {
                no += 1;
                proof.check(&data, &Config::default()).expect("confirmed");
            }
            Answer::Unknown { reason } => panic!("{reason}"),
        }
    }
    assert!(yes > 10 && no > 10, "{yes} yes, {no} no");
}
