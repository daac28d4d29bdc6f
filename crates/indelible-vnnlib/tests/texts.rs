//! Texts of queries: what is written is read back, what is wrong is said in its
//! place, nothing is misread.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use dashu_ratio::RBig;
use indelible_vnnlib::{
    Constraint, NetworkDeclaration, Query, QueryError, Role, Tensor, Variable, Version, parse,
};
use proptest::prelude::*;

const DECLARED: &str =
    "(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)(declare-const Y_1 Real)";
const NETWORK: &str = "(vnnlib-version <2.0>)(declare-network f (declare-input X float32 [1,2]) (declare-output Y float32 [1,2]))";

fn first(assertions: &str) -> Result<Query, QueryError> {
    parse(&format!("{DECLARED}\n{assertions}"))
}

/// Values of `X_0`, `X_1`, `Y_0`, `Y_1`.
fn holds(query: &Query, values: [i32; 4]) -> bool {
    query.holds(&|v| RBig::from(values[v.tensor * 2 + v.element]))
}

#[test]
fn formulas_mean_what_they_say() {
    let all = |assertions: &str, right: fn([i32; 4]) -> bool| {
        let one = first(assertions).unwrap();
        let names =
            ["X_0", "X_1", "Y_0", "Y_1"].map(|name| (name, format!("{}[0, {}]", &name[..1], &name[2..])));
        let two = names.iter().fold(assertions.to_owned(), |text, (name, other)| text.replace(name, other));
        let two = parse(&format!("{NETWORK}{two}")).unwrap();
        for at in 0..625 {
            let values = [at % 5, at / 5 % 5, at / 25 % 5, at / 125].map(|v| v - 2);
            assert_eq!(holds(&one, values), right(values), "{assertions} at {values:?}");
            assert_eq!(holds(&two, values), right(values), "{assertions} at {values:?}");
        }
    };
    all("(assert (<= X_0 Y_1))", |v| v[0] <= v[3]);
    all("(assert (> (+ X_0 (* 2.0 Y_0) -1.0) (- X_1 Y_1 0.5)))", |v| {
        2 * v[0] + 4 * v[2] - 2 > 2 * v[1] - 2 * v[3] - 1
    });
    all("(assert (== (- X_0) (* X_1 -2.0)))", |v| v[0] == 2 * v[1]);
    all("(assert (!= X_0 1.0))", |v| v[0] != 1);
    all(
        "(assert (or (and (< X_0 0.0) (>= Y_0 1e0)) (<= Y_1 -1.0)))(assert (or (<= X_1 0.0) (<= 1.0 X_0)))",
        |v| (v[0] < 0 && v[2] >= 1 || v[3] <= -1) && (v[1] <= 0 || v[0] >= 1),
    );
    all("(assert (and (or (<= X_0 0.0) (<= X_1 0.0)) (or (<= Y_0 0.0) (<= Y_1 0.0))))", |v| {
        (v[0] <= 0 || v[1] <= 0) && (v[2] <= 0 || v[3] <= 0)
    });
    all("(assert (<= 1.0 0.0))", |_| false);
    all("(assert (or (<= 1.0 0.0) (<= X_0 0.0)))", |v| v[0] <= 0);
    all("(assert (<= (* 0.0 X_0) 0.0))", |_| true);
    all("(assert (or (<= 0.0 1.0) (<= X_0 0.0)))", |_| true);
}

#[test]
fn what_is_wrong_is_said_in_its_place() {
    let cases = [
        ("(assert (<= X_0 X_2))", "line 2, column 17: X_2 is not declared before"),
        ("(assert (<= X_0\n  (* X_0 Y_0)))", "line 3, column 10: a product of two variables"),
        ("(assert (<= X_0 1,5))", "line 2, column 17: '1,5' is no decimal number"),
        ("(assert (<= X_0 1e999999999))", "is no decimal number that can be read"),
        ("(assert (<= X_0))", "<= compares 1 values; expected two"),
        ("(assert (<= 0.0 X_0 1.0))", "<= compares 3 values; expected two"),
        ("(assert (not (<= X_0 1.0)))", "line 2, column 9: '(not …)' is no formula"),
        ("(assert (or))", "(or) has nothing in it"),
        ("(assert X_0)", "'X_0' is no formula"),
        ("(assert (<= X_0 (/ 1 2)))", "'(/ …)' is no value"),
        ("(assert (<= X_00 1.0))", "'X_00' is no variable"),
        ("(assert (<= X_0 1.0)", "line 2, column 1: this parenthesis is never closed"),
        ("(declare-const X_1 Real)", "X_1 is declared twice"),
        ("(declare-const X_3 Real)", "X_3 is declared and X_2 is not"),
        ("(declare-const Z_0 Real)", "'Z_0' is no variable"),
        ("(declare-const X_2 Int)", "the type is 'Int'; expected Real"),
        ("(set-info :source |)(assert (<= X_0 0))|)", "line 2, column 19: words in bars"),
        ("(check-sat)\n(assert (<= X_0 0.0))", "line 3, column 1: an assertion behind (check-sat)"),
        ("(exit)(assert (<= X_0 0.0))", "an assertion behind (check-sat) or (exit)"),
        ("(minimize X_0)", "'(minimize …)'; expected (declare-const …) or (assert …)"),
    ];
    for (assertions, words) in cases {
        let said = first(assertions).unwrap_err().to_string();
        assert!(said.contains(words), "{assertions}: {said}");
        assert_eq!(said.lines().count(), 1);
    }
    let second = [
        ("(assert (<= X[0] 1.0))", "expected one index per dimension"),
        ("(assert (<= X[0,2] 1.0))", "lies outside the shape"),
        ("(assert (<= X[0,-1] 1.0))", "expected one index per dimension"),
        ("(assert (<= Z[0,0] 1.0))", "'Z' is not declared before"),
        ("(declare-network f (declare-input A real [1]) (declare-output B real [1]))", "declared twice"),
        (
            "(declare-network g (declare-input X real [1]) (declare-output B real [1]))",
            "the name 'X' is declared twice",
        ),
        ("(declare-network g (declare-input A real [1]))", "has no output"),
        (
            "(declare-network g (declare-input A real [99999,99999]) (declare-output B real [1]))",
            "is no shape",
        ),
        ("(declare-network g (equal-to h) (declare-input A real [1]))", "'h' is not declared before"),
        ("(declare-const X_0 Real)", "expected (declare-network …) or (assert …)"),
    ];
    for (more, words) in second {
        let said = parse(&format!("{NETWORK}{more}")).unwrap_err().to_string();
        assert!(said.contains(words), "{more}: {said}");
    }
    for text in
        ["", "; nothing", "(vnnlib-version <3.0>)", "(vnnlib-version <2.0>)", "x", "(declare-const X_0 Real)"]
    {
        assert!(parse(text).is_err(), "{text}");
    }
}

#[test]
fn alternatives_that_multiply_are_refused() {
    let either = "(assert (or (<= X_0 0.0) (<= X_1 0.0)))".repeat(30);
    assert!(first(&either).unwrap_err().to_string().contains("more than 2097152 terms"));
    let deep = format!("(assert {}(<= X_0 0.0){})", "(and ".repeat(100_000), ")".repeat(100_000));
    assert!(first(&deep).unwrap_err().to_string().contains("open at once"));
    let long = format!("(* {})", "1e2400 ".repeat(8));
    let either = format!("(assert (or (<= X_0 {long}) (<= X_1 {long})))").repeat(16);
    assert!(first(&either).unwrap_err().to_string().contains("terms"));
    let power = format!("(assert (<= (* X_0 {}) 0.0))", "1e2000 ".repeat(1000));
    assert!(first(&power).unwrap_err().to_string().contains("bits"));
}

/// A comment ends with its line, whatever ends the line.
#[test]
fn comments_end_with_the_line() {
    for end in ["\n", "\r", "\r\n"] {
        let query = first(&format!("(assert (>= X_0 1.0)) ; note{end}(assert (<= X_0 -1.0))")).unwrap();
        assert_eq!(query.common.len(), 2, "{end:?}");
    }
}

fn constraint() -> impl Strategy<Value = Constraint> {
    let number =
        || (any::<i32>(), 0u32..60).prop_map(|(n, k)| RBig::from_parts(n.into(), (1u64 << k).into()));
    let variable = (0usize..2, 0usize..3).prop_map(|(tensor, element)| Variable { tensor, element });
    let terms = prop::collection::btree_map(variable, number(), 1..4);
    (terms, number(), any::<bool>())
        .prop_map(|(terms, bound, strict)| {
            let terms: BTreeMap<Variable, RBig> = terms.into_iter().filter(|(_, a)| !a.is_zero()).collect();
            Constraint { terms, bound, strict }
        })
        .prop_filter("a variable", |constraint| !constraint.terms.is_empty())
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        common in prop::collection::vec(constraint(), 0..5),
        alternatives in prop::collection::vec(prop::collection::vec(constraint(), 1..4), 2..5),
        comment in "[ -~\n]{0,40}",
    ) {
        let tensor = |name: &str, role, element: &str, shape: &[usize]| Tensor {
            name: name.into(), role, element: element.into(), shape: shape.to_vec(), onnx_name: None,
        };
        for (version, name, element, shape) in
            [(Version::V1, "", "Real", &[3][..]), (Version::V2, "N", "float32", &[1, 3]), (Version::V2, "N", "real", &[3, 1, 1])]
        {
            let query = Query {
                version,
                networks: vec![NetworkDeclaration { name: name.into(), kinship: None, tensors: vec![0, 1] }],
                tensors: vec![tensor("X", Role::Input, element, shape), tensor("Y", Role::Output, element, shape)],
                common: common.clone(),
                alternatives: alternatives.clone(),
            };
            let text = query.to_text(version, &comment).unwrap();
            prop_assert_eq!(parse(&text).unwrap(), query);
        }
    }

    #[test]
    fn no_text_panics(text in r"(\(|\)|assert|and|or|<=|>=|==|X_0|Y_0|X\[0,0\]|-?[0-9]{1,3}(\.[0-9])?|\n| |;|\*|\+|-){0,60}") {
        let _ = first(&text);
        let _ = parse(&format!("{NETWORK}{text}"));
        let _ = parse(&text);
    }
}
