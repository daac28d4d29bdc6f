//! What a name of a graph stands for.

use std::rc::Rc;

use indelible::Precision;

use crate::onnx::{
    OnnxError,
    graph::{bad, dims, elements, flags, halves, integers, numbers, short_integers},
    proto::{Tensor, data_type},
};

/// Most numbers that a value may hold which is computed, or made of constants.
pub(super) const MOST: usize = 1 << 24;

/// A value of the graph.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// Known whatever the input.
    Constant(Rc<Constant>),
    /// Computed from the input.
    Computed(Computed),
    /// Stands behind the last number that counts.
    Tail(Tail),
}

impl Value {
    /// How many elements it has.
    pub fn len(&self) -> usize {
        match self {
            Self::Constant(constant) => constant.len(),
            Self::Computed(Computed { shape, .. })
            | Self::Tail(Tail { logits: Computed { shape, .. }, .. }) => shape.iter().product(),
        }
    }
}

/// A vector of the network, laid out as a tensor.
#[derive(Clone, Debug)]
pub(super) struct Computed {
    /// Which vector of the network it is.
    pub vector: usize,
    pub shape: Vec<usize>,
    /// Whether nothing else reads the vector, so that what it is may change.
    pub sole: bool,
}

/// What becomes of logits: nothing that changes which one is largest.
#[derive(Clone, Debug)]
pub(super) struct Tail {
    pub logits: Computed,
    pub stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// One probability per logit.
    Probabilities,
    /// Of one logit the probability, and 1 less it.
    Sigmoid,
    Complement,
    /// The position of the largest, or its name.
    Label,
}

/// A tensor whose elements are known.
#[derive(Clone, Debug)]
pub(super) struct Constant {
    pub shape: Vec<usize>,
    pub data: Data,
}

#[derive(Clone, Debug)]
pub(super) enum Data {
    /// Numbers; of 16 bits where there is no format.
    Numbers(Vec<f64>, Option<Precision>),
    Integers(Vec<i64>),
    Texts(Vec<String>),
}

impl Constant {
    pub fn of(tensor: &Tensor) -> Result<Self, OnnxError> {
        let data = match tensor.data_type {
            data_type::FLOAT16 => Data::Numbers(halves(tensor)?, None),
            data_type::INT64 => Data::Integers(integers(tensor)?),
            data_type::INT32 => Data::Integers(short_integers(tensor)?),
            data_type::BOOL => Data::Integers(flags(tensor)?),
            data_type::STRING if tensor.string_data.len() == elements(tensor)? => {
                let text = |bytes: &bytes::Bytes| String::from_utf8_lossy(bytes).into_owned();
                Data::Texts(tensor.string_data.iter().map(text).collect())
            }
            data_type::STRING => {
                return Err(bad(tensor, "it does not hold as many texts as its shape says".into()));
            }
            _ => {
                let (values, precision) = numbers(tensor)?;
                Data::Numbers(values, Some(precision))
            }
        };
        Ok(Self { shape: dims(tensor)?, data })
    }

    pub fn integers(shape: Vec<usize>, values: Vec<i64>) -> Self {
        Self { shape, data: Data::Integers(values) }
    }

    pub fn len(&self) -> usize {
        match &self.data {
            Data::Numbers(values, _) => values.len(),
            Data::Integers(values) => values.len(),
            Data::Texts(values) => values.len(),
        }
    }

    /// The elements at `indices`, laid out as `shape`.
    pub fn moved(&self, shape: Vec<usize>, indices: &[usize]) -> Self {
        fn at<T: Clone>(values: &[T], indices: &[usize]) -> Vec<T> {
            indices.iter().map(|&i| values[i].clone()).collect()
        }
        let data = match &self.data {
            Data::Numbers(values, precision) => Data::Numbers(at(values, indices), *precision),
            Data::Integers(values) => Data::Integers(at(values, indices)),
            Data::Texts(values) => Data::Texts(at(values, indices)),
        };
        Self { shape, data }
    }
}

/// How many elements a tensor of this shape has; `None` when there are none or
/// more than [`MOST`].
pub(super) fn count(shape: &[usize]) -> Option<usize> {
    let count = shape.iter().try_fold(1usize, |product, &d| product.checked_mul(d))?;
    (1..=MOST).contains(&count).then_some(count)
}

/// Distances of neighbours along each axis.
pub(super) fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    strides
}

/// Element by element, in order, the sum of what its position contributes along
/// each axis.
pub(super) fn offsets(axes: &[Vec<usize>]) -> Vec<usize> {
    axes.iter().fold(vec![0], |sums, axis| {
        sums.iter().flat_map(|sum| axis.iter().map(move |offset| sum + offset)).collect()
    })
}

/// The shape that tensors of two shapes are stretched to; `None` where they
/// do not fit.
pub(super) fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let at =
        |shape: &[usize], axis: usize| (axis + shape.len()).checked_sub(rank).map_or(1, |axis| shape[axis]);
    let shape: Option<Vec<usize>> = (0..rank)
        .map(|axis| match (at(a, axis), at(b, axis)) {
            (1, n) | (n, 1) => Some(n),
            (n, m) => (n == m).then_some(n),
        })
        .collect();
    shape.filter(|shape| count(shape).is_some())
}

/// Where each element of a tensor of shape `to` stands in one of shape `from`
/// that is stretched to it.
pub(super) fn stretched(from: &[usize], to: &[usize]) -> Vec<usize> {
    let (strides, missing) = (strides(from), to.len() - from.len());
    let axes: Vec<Vec<usize>> = to
        .iter()
        .enumerate()
        .map(|(axis, &size)| match axis.checked_sub(missing) {
            Some(own) if from[own] != 1 => (0..size).map(|i| i * strides[own]).collect(),
            _ => vec![0; size],
        })
        .collect();
    offsets(&axes)
}
