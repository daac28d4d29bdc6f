//! VNN-LIB 2.0: declared networks with tensors.

use std::collections::HashMap;

use super::Assertions;
use crate::{
    error::Problem,
    query::{Kinship, NetworkDeclaration, Query, Role, Tensor, Variable, Version},
    syntax::{Form, Reader, shown},
};

/// Elements of a tensor, at most.
const MOST_ELEMENTS: usize = 1 << 28;

/// What is declared so far.
#[derive(Default)]
struct Declared<'t> {
    networks: Vec<NetworkDeclaration>,
    tensors: Vec<Tensor>,
    /// The place of a tensor by its name.
    places: HashMap<&'t str, usize>,
}

/// Reads a query that begins with `version`, whose operands are `given`.
pub(super) fn read<'t>(
    version: &Form<'t>,
    given: &[Form<'t>],
    mut reader: Reader<'t>,
) -> Result<Query, Problem> {
    if !matches!(given, [word] if word.word() == Some("<2.0>")) {
        return Err(Problem::new(
            version.at(),
            "another version of the format; expected (vnnlib-version <2.0>)",
        ));
    }
    let mut declared = Declared::default();
    let mut assertions = Assertions::new();
    while let Some(form) = reader.next()? {
        match form.call() {
            Some(("declare-network", rest)) => declared.network(&form, rest)?,
            Some(("assert", rest)) => assertions.add(&form, rest, &|word, at| declared.variable(word, at))?,
            _ => {
                let what = format!("{}; expected (declare-network …) or (assert …)", form.shown());
                return Err(Problem::new(form.at(), what));
            }
        }
    }
    let Declared { networks, tensors, .. } = declared;
    if networks.is_empty() {
        return Err(Problem::new(version.at(), "no network is declared; expected (declare-network …)"));
    }
    let Assertions { common, alternatives } = assertions;
    Ok(Query { version: Version::V2, networks, tensors, common, alternatives })
}

impl<'t> Declared<'t> {
    fn network(&mut self, form: &Form<'t>, rest: &[Form<'t>]) -> Result<(), Problem> {
        let Some((name, parts)) = rest.split_first().and_then(|(name, parts)| Some((name.word()?, parts)))
        else {
            return Err(Problem::new(form.at(), "expected (declare-network NAME …)"));
        };
        if !is_name(name) {
            return Err(Problem::new(form.at(), format!("{} is no name of a network", shown(name))));
        }
        if self.networks.iter().any(|network| network.name == name) {
            return Err(Problem::new(form.at(), format!("the network {} is declared twice", shown(name))));
        }
        let mut network = NetworkDeclaration { name: name.into(), kinship: None, tensors: vec![] };
        for part in parts {
            match part.call() {
                Some((head @ ("equal-to" | "isomorphic-to"), [other])) if network.kinship.is_none() => {
                    let word = other.word().unwrap_or("");
                    let place = self.networks.iter().position(|network| network.name == word);
                    let place = place.ok_or_else(|| {
                        let what = format!("the network {} is not declared before", other.shown());
                        Problem::new(other.at(), what)
                    })?;
                    let kind = if head == "equal-to" { Kinship::Equal } else { Kinship::Isomorphic };
                    network.kinship = Some((kind, place));
                }
                Some(("declare-input", rest)) => {
                    network.tensors.push(self.tensor(part, rest, Role::Input)?)
                }
                Some(("declare-hidden", rest)) => {
                    network.tensors.push(self.tensor(part, rest, Role::Hidden)?)
                }
                Some(("declare-output", rest)) => {
                    network.tensors.push(self.tensor(part, rest, Role::Output)?)
                }
                _ => {
                    let what = format!(
                        "{}; expected (equal-to NAME) or (isomorphic-to NAME) once, (declare-input …), (declare-hidden …) or (declare-output …)",
                        part.shown()
                    );
                    return Err(Problem::new(part.at(), what));
                }
            }
        }
        for (role, what) in [(Role::Input, "input"), (Role::Output, "output")] {
            let has =
                network.tensors.iter().any(|&place| self.tensors.get(place).is_some_and(|t| t.role == role));
            if !has {
                return Err(Problem::new(form.at(), format!("the network {} has no {what}", shown(name))));
            }
        }
        self.networks.push(network);
        Ok(())
    }

    /// The place of a new tensor.
    fn tensor(&mut self, form: &Form<'t>, rest: &[Form<'t>], role: Role) -> Result<usize, Problem> {
        let words: Option<Vec<&'t str>> = rest.iter().map(Form::word).collect();
        let (name, element, shape, quoted) = match words.as_deref() {
            Some([name, element, shape]) => (*name, *element, *shape, None),
            Some([name, element, shape, quoted]) if quoted.starts_with('"') => {
                (*name, *element, *shape, Some(*quoted))
            }
            _ => {
                return Err(Problem::new(
                    form.at(),
                    "expected a name, a type and a shape, as in X float32 [1,4]",
                ));
            }
        };
        if !is_name(name) {
            return Err(Problem::new(form.at(), format!("{} is no name of a tensor", shown(name))));
        }
        if !element.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(Problem::new(
                form.at(),
                format!("{} is no type; expected one like float32", shown(element)),
            ));
        }
        let shape = numbers(shape)
            .filter(|shape| shape.iter().all(|d| *d > 0))
            .filter(|shape| {
                shape
                    .iter()
                    .try_fold(1usize, |all, d| all.checked_mul(*d))
                    .is_some_and(|n| n <= MOST_ELEMENTS)
            })
            .ok_or_else(|| {
                let what = format!(
                    "{} is no shape; expected one like [1,4], of at most {MOST_ELEMENTS} elements",
                    shown(shape)
                );
                Problem::new(form.at(), what)
            })?;
        let place = self.tensors.len();
        if self.places.insert(name, place).is_some() {
            return Err(Problem::new(form.at(), format!("the name {} is declared twice", shown(name))));
        }
        let onnx_name = quoted.map(|quoted| quoted.trim_matches('"').to_owned());
        self.tensors.push(Tensor { name: name.into(), role, element: element.into(), shape, onnx_name });
        Ok(place)
    }

    /// The variable that is written `word`.
    fn variable(&self, word: &str, at: usize) -> Result<Variable, Problem> {
        let (name, indices) = match word.find('[') {
            Some(bracket) => word.split_at_checked(bracket).unwrap_or((word, "")),
            None => (word, "[]"),
        };
        let place = self.places.get(name.trim_end()).copied();
        let Some((tensor, known)) = place.and_then(|place| Some((place, self.tensors.get(place)?))) else {
            return Err(Problem::new(at, format!("{} is not declared before", shown(name))));
        };
        let Some(indices) = numbers(indices).filter(|indices| indices.len() == known.shape.len()) else {
            let what = format!(
                "{} for a tensor of shape {:?}; expected one index per dimension",
                shown(word),
                known.shape
            );
            return Err(Problem::new(at, what));
        };
        if indices.iter().zip(&known.shape).any(|(index, size)| index >= size) {
            let what = format!("{} lies outside the shape {:?}", shown(word), known.shape);
            return Err(Problem::new(at, what));
        }
        let element =
            indices.iter().zip(&known.shape).fold(0, |element, (index, size)| element * size + index);
        Ok(Variable { tensor, element })
    }
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic())
        && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Whole numbers in brackets, separated by commas.
fn numbers(text: &str) -> Option<Vec<usize>> {
    let inner = text.trim().strip_prefix('[')?.strip_suffix(']')?;
    if inner.trim().is_empty() {
        return Some(vec![]);
    }
    let number = |word: &str| {
        let word = word.trim();
        word.bytes().all(|b| b.is_ascii_digit()).then(|| word.parse().ok()).flatten()
    };
    inner.split(',').map(number).collect()
}
