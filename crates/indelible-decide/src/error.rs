//! What can go wrong when small networks are decided, made hard or refuted.

use indelible::{Norm, text::counted};

/// An error of this crate; its text, one line, says what was given and what was
/// expected.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Data, a norm, a radius or a class map that the library refuses.
    #[error(transparent)]
    Library(#[from] indelible::Error),
    /// No solver program.
    #[error(
        "the solver '{program}' was not found; install it with 'apt-get install z3' or 'pip install z3-solver', or name it with --solver"
    )]
    SolverMissing {
        /// What was started.
        program: String,
    },
    /// The solver program cannot be started, ended early or said something
    /// unexpected.
    #[error("the solver '{program}' failed: {detail}")]
    SolverFailed {
        /// What was started.
        program: String,
        /// What it said, in one line.
        detail: String,
    },
    /// No time is left.
    #[error("no answer within the time allowed")]
    TimedOut,
    /// The solver gives up although there is time.
    #[error("the solver '{program}' gave up: {reason}")]
    SolverGaveUp {
        /// What was started.
        program: String,
        /// Its reason.
        reason: String,
    },
    /// A width of 0, or one whose sign patterns cannot be enumerated.
    #[error("the width is {given}; expected a number from 1 to {largest}")]
    BadWidth {
        /// The width.
        given: usize,
        /// The largest that is accepted.
        largest: usize,
    },
    /// A norm in which the exact check is no linear program.
    #[error("small networks are decided in the norms linf and l1; {given} was given")]
    BadNorm {
        /// The norm.
        given: Norm,
    },
    /// A set system, CNF or refutation that cannot be read.
    #[error("line {line}: {what}")]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// What was found and what was expected.
        what: String,
    },
    /// A set system that cannot be made into a dataset or a network: what was
    /// given and what was expected.
    #[error("{0}")]
    BadSetSystem(String),
    /// Numbers that are no network: what was given and what was expected.
    #[error("not a network that can be asked about: {0}")]
    BadNetwork(String),
    /// A network that is not the one asked for: what was given and what was
    /// expected.
    #[error("{0}")]
    NotDecodable(String),
    /// A network that gives a point of the data another label: the point and
    /// what the network says.
    #[error("{0}")]
    NotMemorized(String),
    /// A refutation that does not prove what it claims: the first thing that is
    /// wrong.
    #[error("the refutation proves nothing: {0}")]
    BadRefutation(String),
    /// Numbers of samples or features from which no witness can be made.
    #[error(
        "a basis witness has at least 2 samples and 1 feature, and at most 2^28 values; asked for: {} of {}", counted(*samples, "sample"), counted(*features, "feature")
    )]
    BadWitness {
        /// Number of samples.
        samples: usize,
        /// Number of features.
        features: usize,
    },
}

impl Error {
    /// Whether the time allowed ran out or the solver gave up: the question is
    /// open, nothing is wrong.
    #[must_use]
    pub fn is_time_out(&self) -> bool {
        matches!(self, Self::TimedOut | Self::SolverGaveUp { .. })
    }
}

/// The beginning of a word or line that is quoted in a message.
pub(crate) fn clip(text: &str) -> String {
    text.chars().take(40).collect()
}
