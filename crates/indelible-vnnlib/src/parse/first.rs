//! VNN-LIB 1.0: inputs `X_0, X_1, …` and outputs `Y_0, Y_1, …` of one network.

use std::collections::BTreeSet;

use super::Assertions;
use crate::{
    error::Problem,
    query::{NetworkDeclaration, Query, Role, Tensor, Variable, Version},
    syntax::{Form, Reader, shown},
};

/// The tensors of a query, in this order.
const TENSORS: [(&str, Role); 2] = [("X", Role::Input), ("Y", Role::Output)];

/// Reads a query whose first form is `first`.
pub(super) fn read<'t>(first: Form<'t>, mut reader: Reader<'t>) -> Result<Query, Problem> {
    let mut declared: [BTreeSet<usize>; 2] = Default::default();
    let mut places = [0, 0];
    let mut assertions = Assertions::new();
    let (mut next, mut asked) = (Some(first), false);
    while let Some(form) = next {
        match form.call() {
            Some((head @ ("declare-const" | "declare-fun"), rest)) => {
                let variable = declaration(&form, head, rest)?;
                if !declared[variable.tensor].insert(variable.element) {
                    return Err(Problem::new(form.at(), format!("{} is declared twice", name(variable))));
                }
                places[variable.tensor] = form.at();
            }
            Some(("assert", _)) if asked => {
                let what = "an assertion behind (check-sat) or (exit), which ask what stands before";
                return Err(Problem::new(form.at(), what));
            }
            Some(("assert", rest)) => assertions.add(&form, rest, &|word, at| {
                let variable = variable(word).ok_or_else(|| unknown(word, at))?;
                let known = declared[variable.tensor].contains(&variable.element);
                if known {
                    Ok(variable)
                } else {
                    Err(Problem::new(at, format!("{word} is not declared before")))
                }
            })?,
            // What solvers of SMT-LIB are told, which asks nothing.
            Some(("check-sat" | "exit", _)) => asked = true,
            Some(("set-logic" | "set-info" | "set-option" | "get-model", _)) => {}
            _ => {
                let what = format!("{}; expected (declare-const …) or (assert …)", form.shown());
                return Err(Problem::new(form.at(), what));
            }
        }
        next = reader.next()?;
    }
    let mut tensors = vec![];
    for (((name, role), declared), at) in TENSORS.into_iter().zip(&declared).zip(places) {
        let Some(last) = declared.last() else {
            return Err(Problem::new(at, format!("no variable {name}_0 is declared")));
        };
        if let Some(missing) = (0..*last).find(|element| !declared.contains(element)) {
            return Err(Problem::new(at, format!("{name}_{last} is declared and {name}_{missing} is not")));
        }
        let (name, element) = (name.into(), "Real".into());
        tensors.push(Tensor { name, role, element, shape: vec![declared.len()], onnx_name: None });
    }
    let networks = vec![NetworkDeclaration { name: String::new(), kinship: None, tensors: vec![0, 1] }];
    let Assertions { common, alternatives } = assertions;
    Ok(Query { version: Version::V1, networks, tensors, common, alternatives })
}

/// The variable of a declaration.
fn declaration(form: &Form<'_>, head: &str, rest: &[Form<'_>]) -> Result<Variable, Problem> {
    let (word, kind) = match (head, rest) {
        ("declare-const", [word, kind]) => (word, kind),
        ("declare-fun", [word, Form::List { items, .. }, kind]) if items.is_empty() => (word, kind),
        _ => return Err(Problem::new(form.at(), format!("expected ({head} X_0 Real)"))),
    };
    if kind.word() != Some("Real") {
        return Err(Problem::new(kind.at(), format!("the type is {}; expected Real", kind.shown())));
    }
    let name = word.word().unwrap_or("");
    variable(name).ok_or_else(|| unknown(name, word.at()))
}

fn unknown(word: &str, at: usize) -> Problem {
    Problem::new(
        at,
        format!(
            "{} is no variable; expected X_0, X_1, … for inputs and Y_0, Y_1, … for outputs",
            shown(word)
        ),
    )
}

/// The variable of a name.
fn variable(word: &str) -> Option<Variable> {
    let (letter, number) = word.split_once('_')?;
    let tensor = TENSORS.iter().position(|(name, _)| *name == letter)?;
    let plain = number.bytes().all(|b| b.is_ascii_digit()) && (number == "0" || !number.starts_with('0'));
    Some(Variable { tensor, element: number.parse().ok().filter(|_| plain)? })
}

/// How a variable is written.
pub(crate) fn name(Variable { tensor, element }: Variable) -> String {
    format!("{}_{element}", TENSORS.get(tensor).map_or("", |(name, _)| name))
}
