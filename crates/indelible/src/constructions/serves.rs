//! Which labels and heads a construction serves.

use crate::network::Head;

/// How many labels a construction can tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Labels {
    /// Any number.
    Any,
    /// Exactly two.
    Two,
}

impl Labels {
    /// Whether `classes` labels are as many.
    #[must_use]
    pub fn include(self, classes: usize) -> bool {
        self == Self::Any || classes == 2
    }
}

/// Which heads a construction can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Heads {
    /// Logits or a scalar.
    Any,
    /// Logits; a scalar where there are two labels, since from more on a
    /// construction without a running label has nothing to put into it.
    ScalarForTwo,
    /// Logits only.
    Logits,
}

impl Heads {
    /// Whether `head` is among them for data with `classes` labels.
    #[must_use]
    pub fn include(self, head: Head, classes: usize) -> bool {
        match (self, head) {
            (_, Head::Logits) | (Self::Any, _) => true,
            (Self::ScalarForTwo, Head::Scalar) => classes == 2,
            (Self::Logits, Head::Scalar) => false,
        }
    }
}
