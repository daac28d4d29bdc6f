//! The steps of a program.

use super::map::Map;
use crate::Precision;

/// Steps in order. Vector 0 is the input, vector `k + 1` what step `k` gives.
#[derive(Debug)]
pub(in crate::certify) struct Program<'a> {
    pub precision: Precision,
    /// Length of every vector.
    pub widths: Vec<usize>,
    pub steps: Vec<Step<'a>>,
}

/// What gives a vector.
#[derive(Debug)]
pub(in crate::certify) enum Step<'a> {
    Affine(Affine<'a>),
    Hinges(Hinges),
}

/// `Σ M v + b` of some vectors `v`.
#[derive(Debug)]
pub(in crate::certify) struct Affine<'a> {
    /// The vectors that are read, each with its map.
    pub parts: Vec<(usize, Map<'a>)>,
    /// `b`.
    pub biases: Vec<f64>,
    pub rounding: Rounding,
    /// Whether outputs read one number of each vector: what runtimes add and scale
    /// together with the sums of a matrix before it.
    pub elementwise: bool,
    /// At least the number of terms of one output, zeros included.
    pub terms: usize,
    /// At least the number of terms of one column of a map; 0 where products with
    /// rows of coefficients are exact.
    pub column: usize,
}

/// What execution does to an affine map.
#[derive(Debug)]
pub(in crate::certify) enum Rounding {
    /// Nothing: numbers are moved, or the map is none of the network's own.
    None,
    /// Every term meets so many roundings at most, in any order.
    Sums(usize),
    /// One product and one sum per number, of a factor and a shift that differ
    /// from those of the map by so much at most.
    Rescaled(Vec<[f64; 2]>),
}

/// One hinge for each number of a vector.
#[derive(Debug)]
pub(in crate::certify) struct Hinges {
    /// The vector that is read.
    pub read: usize,
    /// One for all numbers, or one each.
    pub(super) shapes: Vec<Hinge>,
}

/// `value + right (z − kink)` for `z ≥ kink`, else `value + left (z − kink)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::certify) struct Hinge {
    pub kink: f64,
    pub value: f64,
    pub left: f64,
    pub right: f64,
}

impl Hinge {
    /// `max(0, z)`.
    pub const RELU: Self = Self { kink: 0.0, value: 0.0, left: 0.0, right: 1.0 };

    /// Its value, about.
    pub fn at(&self, z: f64) -> f64 {
        let moved = z - self.kink;
        self.value + moved * if moved >= 0.0 { self.right } else { self.left }
    }
}

impl Hinges {
    /// Number `index`.
    pub fn at(&self, index: usize) -> Hinge {
        match &self.shapes[..] {
            [one] => *one,
            all => all[index],
        }
    }
}

impl Program<'_> {
    /// The hinges, each with the step they are, its length and where its numbers
    /// begin when all hinges of the program are numbered.
    pub fn hinges(&self) -> impl Iterator<Item = HingeStep<'_>> {
        let steps = self.steps.iter().zip(&self.widths[1..]).enumerate();
        let hinges = steps.filter_map(|(step, (kind, &width))| match kind {
            Step::Hinges(hinges) => Some((step, hinges, width)),
            Step::Affine(_) => None,
        });
        hinges.scan(0, |next, (step, hinges, width)| {
            let start = *next;
            *next += width;
            Some(HingeStep { step, hinges, width, start })
        })
    }

    /// The longest vector.
    pub fn widest(&self) -> usize {
        self.widths.iter().copied().max().unwrap_or(1).max(1)
    }
}

/// Where a step of hinges stands.
#[derive(Clone, Copy, Debug)]
pub(in crate::certify) struct HingeStep<'a> {
    pub step: usize,
    pub hinges: &'a Hinges,
    pub width: usize,
    pub start: usize,
}
