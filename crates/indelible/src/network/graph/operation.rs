//! What a node computes.

use super::affine::{AffineMap, RowBuffer};
use crate::{
    Precision,
    network::{Arithmetic, Size, inexact::Inexact},
};

/// What a node does with the vectors it reads.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// `W x + b` of one vector.
    Affine(AffineMap),
    /// `f_i x_i + t_i` of one vector, with numbers that need not be ones of the
    /// format: division, normalisation.
    Rescale(Rescaling),
    /// A piecewise-linear function of each number of one vector.
    Activation(Activation),
    /// Maxima of groups of the numbers of all vectors, one after the other.
    Max(Groups),
    /// Some of the numbers of all vectors, one after the other: number `i` of
    /// the result is number `indices_i`.
    Select(Vec<usize>),
    /// The sum of vectors of one length.
    Sum,
}

/// One factor and one shift per number.
#[derive(Clone, Debug, PartialEq)]
pub struct Rescaling {
    /// `f_i`.
    pub factors: Vec<Inexact>,
    /// `t_i`.
    pub shifts: Vec<Inexact>,
}

/// A piecewise-linear function of one number.
#[derive(Clone, Debug, PartialEq)]
pub enum Activation {
    /// `max(0, x)`.
    Relu,
    /// `x` for `x ≥ 0`, else `slope · x`: one slope, or one per number. −1 is
    /// the absolute value.
    Leaky(Vec<f64>),
    /// `min(max(x, lower), upper)`, `lower ≤ upper`, which may be infinite.
    Clip {
        /// The least value.
        lower: f64,
        /// The largest value.
        upper: f64,
    },
}

impl Activation {
    /// The slope of a [`Activation::Leaky`] at number `index`.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn slope(slopes: &[f64], index: usize) -> f64 {
        if let [slope] = slopes { *slope } else { slopes[index] }
    }
}

/// Groups of indices, none of them empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    indices: Vec<usize>,
    /// Where each group ends among the indices.
    ends: Vec<usize>,
}

impl Groups {
    /// Adds a group.
    pub fn push(&mut self, group: impl IntoIterator<Item = usize>) {
        self.indices.extend(group);
        self.ends.push(self.indices.len());
    }

    /// Number of groups.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The groups in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[usize]> {
        (0..self.len()).map(|g| &self.indices[if g == 0 { 0 } else { self.ends[g - 1] }..self.ends[g]])
    }
}

impl Operation {
    /// Length of what it gives for vectors of these lengths.
    pub(super) fn width(&self, read: &[usize]) -> Result<usize, String> {
        let all = read.iter().try_fold(0usize, |sum, &w| sum.checked_add(w)).unwrap_or(0);
        let one = |expected: Option<usize>, width: usize| match read {
            [given] if expected.is_none_or(|e| e == *given) => Ok(width),
            _ => Err(format!("it reads {read:?} numbers; expected {expected:?}")),
        };
        let outside = |indices: &[usize]| indices.iter().find(|i| **i >= all).copied();
        let inside = |indices: &[usize], width| match outside(indices) {
            Some(index) => Err(format!("it takes number {index} of {all}")),
            None => Ok(width),
        };
        match self {
            Self::Affine(map) => {
                if let AffineMap::Convolution(convolution) = map {
                    convolution.check()?;
                }
                if map.outputs() == 0 {
                    Err("it gives nothing".into())
                } else {
                    one(Some(map.inputs()), map.outputs())
                }
            }
            Self::Rescale(Rescaling { factors, shifts }) if factors.len() == shifts.len() => {
                one(Some(factors.len()), factors.len())
            }
            Self::Rescale(_) => Err("it has more factors than shifts, or fewer".into()),
            Self::Activation(Activation::Leaky(slopes)) if slopes.len() != 1 => {
                one(Some(slopes.len()), slopes.len())
            }
            Self::Activation(_) => one(None, all),
            Self::Max(groups) if groups.is_empty() || groups.iter().any(<[usize]>::is_empty) => {
                Err("it has no group, or an empty one".into())
            }
            Self::Max(groups) => inside(&groups.indices, groups.len()),
            Self::Select(indices) if indices.is_empty() => Err("it selects nothing".into()),
            Self::Select(indices) => inside(indices, indices.len()),
            Self::Sum => match read {
                [first, others @ ..] if others.iter().all(|w| w == first) => Ok(*first),
                _ => Err(format!("it adds vectors of {read:?} numbers")),
            },
        }
    }

    pub(super) fn holds(&self, precision: Precision) -> bool {
        match self {
            Self::Affine(map) => map.holds(precision),
            Self::Rescale(Rescaling { factors, shifts }) => {
                factors.iter().chain(shifts).all(|number| number.holds(precision))
            }
            Self::Activation(Activation::Leaky(slopes)) => slopes.iter().all(|s| precision.holds(*s)),
            Self::Activation(Activation::Clip { lower, upper }) => {
                let ends = |end: f64| end.is_infinite() || precision.holds(end);
                lower <= upper
                    && *lower < f64::INFINITY
                    && *upper > f64::NEG_INFINITY
                    && ends(*lower)
                    && ends(*upper)
            }
            Self::Activation(Activation::Relu) | Self::Max(_) | Self::Select(_) | Self::Sum => true,
        }
    }

    pub(super) fn is_activation(&self) -> bool {
        matches!(self, Self::Activation(_) | Self::Max(_))
    }

    /// Its stored numbers, and depth 1 for an affine map.
    pub(super) fn parameters(&self) -> Size {
        match self {
            Self::Affine(map) => map.parameters(),
            Self::Rescale(Rescaling { factors, shifts }) => {
                let numbers = factors.iter().chain(shifts).map(|number| number.stored);
                let all = factors.len() + shifts.len();
                Size { depth: 1, all, ..numbers.fold(Size::NONE, Size::with) }
            }
            Self::Activation(Activation::Leaky(slopes)) => {
                Size { all: slopes.len(), ..slopes.iter().copied().fold(Size::NONE, Size::with) }
            }
            Self::Activation(_) | Self::Max(_) | Self::Select(_) | Self::Sum => Size::NONE,
        }
    }

    /// What it gives, as `arithmetic` has it.
    pub(super) fn evaluate_in<A: Arithmetic>(
        &self,
        arithmetic: &mut A,
        read: &[&[A::Number]],
    ) -> Vec<A::Number> {
        let all = || read.iter().flat_map(|vector| vector.iter());
        match self {
            Self::Affine(map) => {
                let (mut buffer, mut terms) = (RowBuffer::default(), vec![]);
                let x = read[0];
                (0..map.outputs())
                    .map(|index| {
                        let row = map.row(index, &mut buffer);
                        terms.clear();
                        terms.extend(row.terms().map(|(c, w)| (w, x[c].clone())));
                        let bias = arithmetic.number(row.bias);
                        arithmetic.dot(&bias, &terms)
                    })
                    .collect()
            }
            Self::Rescale(Rescaling { factors, shifts }) => {
                let each = all().zip(factors.iter().zip(shifts));
                each.map(|(x, (factor, shift))| arithmetic.rescale(x, factor, shift)).collect()
            }
            Self::Activation(activation) => {
                all().enumerate().map(|(i, x)| activation.evaluate_in(arithmetic, x, i)).collect()
            }
            Self::Max(groups) => {
                let all: Vec<&A::Number> = all().collect();
                let largest = |group: &[usize]| {
                    let (first, others) = group.split_first()?;
                    let start = all[*first].clone();
                    Some(others.iter().fold(start, |best, &i| arithmetic.max(&best, all[i])))
                };
                groups.iter().filter_map(largest).collect()
            }
            Self::Select(indices) => {
                let all: Vec<&A::Number> = all().collect();
                indices.iter().map(|&i| all[i].clone()).collect()
            }
            Self::Sum => {
                let mut terms = vec![];
                (0..read[0].len())
                    .map(|i| {
                        terms.clear();
                        terms.extend(read.iter().map(|vector| vector[i].clone()));
                        arithmetic.sum(&terms)
                    })
                    .collect()
            }
        }
    }
}

impl Activation {
    fn evaluate_in<A: Arithmetic>(&self, arithmetic: &mut A, x: &A::Number, index: usize) -> A::Number {
        match self {
            Self::Relu => arithmetic.relu(x),
            Self::Leaky(slopes) => {
                // One of the two terms is 0.
                let (zero, positive) = (arithmetic.number(0.0), arithmetic.relu(x));
                let negative = arithmetic.min(x, &zero);
                arithmetic.dot(&positive, &[(Self::slope(slopes, index), negative)])
            }
            Self::Clip { lower, upper } => {
                let mut value = x.clone();
                if lower.is_finite() {
                    let lower = arithmetic.number(*lower);
                    value = arithmetic.max(&value, &lower);
                }
                if upper.is_finite() {
                    let upper = arithmetic.number(*upper);
                    value = arithmetic.min(&value, &upper);
                }
                value
            }
        }
    }
}
