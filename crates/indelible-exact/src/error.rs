//! What can go wrong when exact networks are built, read or stored.

use indelible::{
    Norm,
    text::{counted, plain},
};

/// An error of this crate; its text, one line, says what was given and what was
/// expected.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Data or a number that the library refuses.
    #[error(transparent)]
    Library(#[from] indelible::Error),
    /// A norm whose dual is not computed here.
    #[error("exact networks are proved in the norms l1, l2 and linf; {given} was given")]
    BadNorm {
        /// The norm.
        given: Norm,
    },
    /// No direction was found that keeps all labels apart.
    #[error(
        "samples with different labels coincide along every one of {} that were tried; give more with --directions, or another --seed",
        counted(*tried, "direction")
    )]
    NoLine {
        /// How many.
        tried: usize,
    },
    /// Balls of different labels overlap along the line.
    #[error(
        "radius {} is too large for a line: along the best direction found balls of different labels stay apart below {}; give a smaller radius, or more --directions",
        plain(*radius), plain(*largest)
    )]
    RadiusTooLarge {
        /// The radius asked for.
        radius: f64,
        /// What the line leaves, rounded down.
        largest: f64,
    },
    /// Balls that do not fit into what tells labels apart.
    #[error(
        "radius {} is too large: {what} has room for every radius below {}; give a smaller one",
        plain(*radius), plain(*largest)
    )]
    NoRoom {
        /// What tells labels apart.
        what: &'static str,
        /// The radius asked for.
        radius: f64,
        /// What is left, rounded down.
        largest: f64,
    },
    /// A construction of which no ball can be proved.
    #[error(
        "{name} is right only up to a small volume of every ball, so nothing is certified of it; count it with --count"
    )]
    OnlyCounted {
        /// The construction.
        name: &'static str,
    },
    /// A group of no run, or of more runs than there are.
    #[error(
        "groups of {given} were asked for; expected a number from 1 to {largest}, the number of runs of one label along the line"
    )]
    BadGroup {
        /// The size asked for.
        given: usize,
        /// The number of runs.
        largest: usize,
    },
    /// A group where the construction has none.
    #[error("{name} puts nothing into groups; leave out --group")]
    NoGroups {
        /// The construction.
        name: &'static str,
    },
    /// A name that is not on the shelf.
    #[error("there is no exact construction '{given}'; expected one of {known}")]
    UnknownMemorizer {
        /// The name.
        given: String,
        /// Those there are.
        known: String,
    },
    /// Numbers that no floating-point format holds.
    #[error(
        "the network needs numbers of {bits} bits; binary64 holds 53, so it cannot be stored as ONNX: write it as a text (a name that ends in .txt), or make --group smaller"
    )]
    NotFloat {
        /// Bits of the largest weight, or of the largest sum that has to be exact.
        bits: usize,
    },
    /// A text that is no exact network.
    #[error("line {line}: {why}")]
    BadText {
        /// The line, from 1.
        line: usize,
        /// What was found and what was expected.
        why: String,
    },
}
