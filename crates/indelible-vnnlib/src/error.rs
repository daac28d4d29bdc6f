//! What can go wrong with a query.

/// An error of a query; its text says what was given, what was expected and
/// where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// A text that is no query.
    #[error("line {line}, column {column}: {what}")]
    Syntax {
        /// Line, from 1.
        line: usize,
        /// Column, from 1, in characters.
        column: usize,
        /// What was found there and what was expected.
        what: String,
    },
    /// A query that does not fit the networks it is asked about, or what this
    /// program can decide.
    #[error("{0}")]
    Unfit(String),
    /// A query that a version of the format cannot say.
    #[error("VNN-LIB {version} cannot say this: {why}")]
    Unsayable {
        /// The version.
        version: &'static str,
        /// What it has no words for.
        why: String,
    },
}

/// Something wrong at a byte of a text.
#[derive(Debug)]
pub(crate) struct Problem {
    pub at: usize,
    pub what: String,
}

impl Problem {
    pub fn new(at: usize, what: impl Into<String>) -> Self {
        Self { at, what: what.into() }
    }

    /// With the line and the column.
    pub fn in_text(self, text: &str) -> QueryError {
        let before = text.get(..self.at.min(text.len())).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
        QueryError::Syntax { line, column, what: self.what }
    }
}
