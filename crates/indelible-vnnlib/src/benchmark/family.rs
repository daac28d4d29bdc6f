//! What the instances of a benchmark stress.

use std::{fmt, str::FromStr};

use indelible::{
    Dataset, Norm,
    constructions::{Construction, REGISTRY},
    network::Head,
};

/// A family of instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Family {
    /// Networks of one construction, by its place in the registry, as they are.
    Plain(usize),
    /// Three samples whose balls are closer and closer to each other.
    Ladder,
    /// The ball of one sample or that of its nearest enemy.
    Pair,
    /// How large or small an output gets on a ball.
    Range,
    /// The balls of all samples in one question.
    Regions,
    /// The truth lies within the tolerance that witnesses are replayed with.
    Tolerance,
    /// Neurons of a layer in another order.
    Permuted,
    /// Neurons multiplied by powers of two, and what reads them divided.
    Rescaled,
    /// Neurons in two copies that share what reads them.
    Split,
    /// A layer that changes nothing.
    Identity,
    /// Neurons that are never active.
    Dead,
    /// Inputs in sums and differences, and weights that undo that.
    Mixed,
    /// Layers as convolutions.
    Convolution,
    /// Layers with residual blocks between them.
    Residual,
    /// A multiple of a network that memorizes samples, and one that was trained.
    Trained,
    /// Whether two networks that memorize the same samples ever differ.
    Equivalence,
    /// Boxes without a condition on outputs, on data near 1, 2⁻⁴⁰ and 2⁴⁰.
    Unconstrained,
    /// Data multiplied by 2⁻⁴⁰.
    Tiny,
    /// Data multiplied by 2⁴⁰.
    Huge,
}

/// Families of networks of any construction.
const OTHERS: [Family; 18] = [
    Family::Ladder,
    Family::Pair,
    Family::Range,
    Family::Regions,
    Family::Tolerance,
    Family::Permuted,
    Family::Rescaled,
    Family::Split,
    Family::Identity,
    Family::Dead,
    Family::Mixed,
    Family::Convolution,
    Family::Residual,
    Family::Trained,
    Family::Equivalence,
    Family::Unconstrained,
    Family::Tiny,
    Family::Huge,
];

impl Family {
    /// All families that there are for `data`: one for each construction that
    /// serves the sup norm and these classes, and the others.
    #[must_use]
    pub fn all(data: &Dataset) -> Vec<Self> {
        let suits = |construction: &Construction| construction.suits(data, false, Head::Logits);
        let plain =
            plain().filter(|(_, construction)| suits(construction)).map(|(place, _)| Self::Plain(place));
        plain.chain(OTHERS).collect()
    }

    /// Its name: of the construction, or of what is done.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain(place) => REGISTRY.get(place).map_or("unknown", |construction| construction.name),
            Self::Ladder => "ladder",
            Self::Pair => "pair",
            Self::Range => "range",
            Self::Regions => "regions",
            Self::Tolerance => "tolerance",
            Self::Permuted => "permuted",
            Self::Rescaled => "rescaled",
            Self::Split => "split",
            Self::Identity => "identity",
            Self::Dead => "dead",
            Self::Mixed => "mixed",
            Self::Convolution => "convolution",
            Self::Residual => "residual",
            Self::Trained => "trained",
            Self::Equivalence => "equivalence",
            Self::Unconstrained => "unconstrained",
            Self::Tiny => "tiny",
            Self::Huge => "huge",
        }
    }
}

/// Constructions that serve the sup norm, with their places in the registry.
fn plain() -> impl Iterator<Item = (usize, &'static Construction)> {
    REGISTRY.iter().enumerate().filter(|(_, construction)| construction.serves_norm(Norm::Linf).is_ok())
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Family {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let all: Vec<Self> = plain().map(|(place, _)| Self::Plain(place)).chain(OTHERS).collect();
        all.iter().find(|family| family.name() == name).copied().ok_or_else(|| {
            let known: Vec<&str> = all.iter().map(|family| family.name()).collect();
            format!("unknown family '{}'; expected one of: {}", name.escape_debug(), known.join(", "))
        })
    }
}
