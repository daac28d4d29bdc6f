//! Texts as queries, in both versions of the format.

mod first;
mod second;

pub(crate) use first::name;

use crate::{
    error::{Problem, QueryError},
    formula::{Alternatives, Lookup, alternatives, conjunction},
    query::{Constraint, Query},
    syntax::{Form, Reader},
};

/// Bytes of a text, at most.
const LONGEST: usize = 1 << 30;

/// Reads a query of VNN-LIB 1.0 or 2.0: the first form says which it is.
///
/// Numbers are read as the exact decimals that they are. Memory: the constraints,
/// of which there are about a million at most where alternatives multiply.
///
/// # Errors
/// [`QueryError::Syntax`] with line and column where the text is no query, or one
/// that is not linear.
pub fn parse(text: &str) -> Result<Query, QueryError> {
    read(text).map_err(|problem| problem.in_text(text))
}

fn read(text: &str) -> Result<Query, Problem> {
    if text.len() > LONGEST {
        return Err(Problem::new(0, format!("the text has more than {LONGEST} bytes")));
    }
    let mut reader = Reader::new(text);
    let Some(form) = reader.next()? else {
        return Err(Problem::new(
            text.len(),
            "nothing is declared; expected (declare-const …) or (vnnlib-version <2.0>)",
        ));
    };
    match form.call() {
        Some(("vnnlib-version", rest)) => second::read(&form, rest, reader),
        _ => first::read(form, reader),
    }
}

/// The constraints of a query while its assertions are read.
struct Assertions {
    common: Vec<Constraint>,
    alternatives: Alternatives,
}

impl Assertions {
    fn new() -> Self {
        Self { common: vec![], alternatives: vec![vec![]] }
    }

    /// Adds what `(assert …)` says.
    fn add(&mut self, form: &Form<'_>, rest: &[Form<'_>], lookup: &Lookup<'_>) -> Result<(), Problem> {
        let [formula] = rest else {
            let what = format!("an assertion of {} formulas; expected one", rest.len());
            return Err(Problem::new(form.at(), what));
        };
        let mut new = alternatives(formula, lookup)?;
        // What needs no variable is decided here.
        new.retain(|all| all.iter().all(|constraint| constraint.constant() != Some(false)));
        new.iter_mut().for_each(|all| all.retain(|constraint| constraint.constant().is_none()));
        if let [_] = new.as_slice() {
            self.common.extend(new.into_iter().flatten());
            return Ok(());
        }
        let before = std::mem::take(&mut self.alternatives);
        self.alternatives = conjunction(before, new).map_err(|what| Problem::new(form.at(), what))?;
        Ok(())
    }
}
