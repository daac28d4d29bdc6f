//! Products with constant matrices.

use indelible::network::{AffineMap, Inexact, LayerBuilder, Operation};

use super::{
    Reader, arithmetic, constant,
    value::{Computed, Constant, Value, broadcast, count, stretched},
};
use crate::onnx::{
    OnnxError,
    graph::{int_attribute, only_attributes, operator},
    proto::Node,
};

/// Most weights that the product of a matrix with several rows or columns of
/// values is written out to.
const MOST_WEIGHTS: usize = 1 << 24;

/// A matrix of constants, row after row.
struct Matrix {
    rows: usize,
    columns: usize,
    values: Vec<f64>,
}

impl Matrix {
    /// The two last axes of a constant whose other axes have length 1.
    fn of(node: &Node, shape: &[usize], values: Vec<f64>) -> Result<Self, OnnxError> {
        match shape {
            [ones @ .., rows, columns] if ones.iter().all(|&d| d == 1) && *rows > 0 && *columns > 0 => {
                Ok(Self { rows: *rows, columns: *columns, values })
            }
            _ => Err(operator(node, format!(" with a constant of shape {shape:?}; expected a matrix"))),
        }
    }

    fn transposed(self) -> Self {
        let values =
            (0..self.values.len()).map(|i| self.values[i % self.rows * self.columns + i / self.rows]);
        let values = values.collect();
        Self { rows: self.columns, columns: self.rows, values }
    }
}

impl Reader<'_> {
    pub(super) fn mat_mul(&mut self, node: &Node, inputs: &[Option<Value>]) -> Result<Value, OnnxError> {
        only_attributes(node, &[])?;
        if let [Some(Value::Computed(x)), Some(Value::Constant(c))]
        | [Some(Value::Constant(c)), Some(Value::Computed(x))] = inputs
            && c.shape.len() > x.shape.len().max(2)
        {
            return Err(operator(node, format!(" of {:?} with a constant of shape {:?}", x.shape, c.shape)));
        }
        match inputs {
            [Some(Value::Computed(x)), Some(Value::Constant(c))] => {
                let values = self.numbers(node, c)?;
                // A vector on the right is a column, whose axis is dropped.
                let vector = c.shape.len() == 1;
                let shape = if vector { vec![c.shape[0], 1] } else { c.shape.clone() };
                let matrix = Matrix::of(node, &shape, values)?;
                let mut result = self.times(node, x, &matrix)?;
                if vector {
                    result.shape.pop();
                }
                Ok(Value::Computed(result))
            }
            [Some(Value::Constant(c)), Some(Value::Computed(x))] => {
                let values = self.numbers(node, c)?;
                let vector = c.shape.len() == 1;
                let shape = if vector { vec![1, c.shape[0]] } else { c.shape.clone() };
                let matrix = Matrix::of(node, &shape, values)?;
                let mut result = self.times_left(node, &matrix, x)?;
                if vector {
                    let last = result.shape.pop();
                    result.shape.pop();
                    result.shape.extend(last);
                }
                Ok(Value::Computed(result))
            }
            _ => Err(operator(node, " of two computed values".into())),
        }
    }

    /// `x M` for every row of `x`.
    fn times(&mut self, node: &Node, x: &Computed, matrix: &Matrix) -> Result<Computed, OnnxError> {
        let refused = || operator(node, format!(" of {:?} and {:?}", x.shape, [matrix.rows, matrix.columns]));
        let (&last, leading) = x.shape.split_last().ok_or_else(refused)?;
        let repeats: usize = leading.iter().product();
        let weights = repeats.checked_mul(matrix.values.len());
        if last != matrix.rows || repeats > 1 && weights.is_none_or(|count| count > MOST_WEIGHTS) {
            return Err(refused());
        }
        let mut rows = LayerBuilder::new(repeats * last);
        for repeat in 0..repeats {
            for column in 0..matrix.columns {
                for k in 0..last {
                    rows.weight(repeat * last + k, matrix.values[k * matrix.columns + column]);
                }
                rows.bias(0.0);
            }
        }
        let shape = [leading, &[matrix.columns]].concat();
        Ok(self.affine(rows, x, shape))
    }

    /// `M x` for every matrix, or the one vector, that `x` is.
    fn times_left(&mut self, node: &Node, matrix: &Matrix, x: &Computed) -> Result<Computed, OnnxError> {
        let refused = || operator(node, format!(" of {:?} and {:?}", [matrix.rows, matrix.columns], x.shape));
        let (leading, inner, columns) = match &x.shape[..] {
            [inner] => (&[][..], *inner, 1),
            [leading @ .., inner, columns] => (leading, *inner, *columns),
            [] => return Err(refused()),
        };
        if self.batched && leading.is_empty() {
            return Err(operator(node, " with the samples of a batch as columns".into()));
        }
        let repeats: usize = leading.iter().product();
        let weights = (repeats * columns).checked_mul(matrix.values.len());
        if inner != matrix.columns
            || repeats * columns > 1 && weights.is_none_or(|count| count > MOST_WEIGHTS)
        {
            return Err(refused());
        }
        let mut rows = LayerBuilder::new(repeats * inner * columns);
        for repeat in 0..repeats {
            for row in 0..matrix.rows {
                for column in 0..columns {
                    for k in 0..inner {
                        rows.weight((repeat * inner + k) * columns + column, matrix.values[row * inner + k]);
                    }
                    rows.bias(0.0);
                }
            }
        }
        let shape = match x.shape.len() {
            1 => vec![matrix.rows],
            _ => [leading, &[matrix.rows, columns]].concat(),
        };
        Ok(self.affine(rows, x, shape))
    }

    fn affine(&mut self, rows: LayerBuilder, x: &Computed, shape: Vec<usize>) -> Computed {
        self.push(Operation::Affine(AffineMap::Rows(rows.finish())), vec![x.vector], shape)
    }

    /// `alpha · A B + beta · C`, one of `A` and `B` and `C` being constants.
    pub(super) fn gemm(&mut self, node: &Node, inputs: &[Option<Value>]) -> Result<Value, OnnxError> {
        only_attributes(node, &["alpha", "beta", "transA", "transB"])?;
        let number = |name: &str| {
            let found = node.attribute.iter().find(|a| a.name == name);
            f64::from(found.map_or(1.0, |attribute| attribute.f.unwrap_or(f32::NAN)))
        };
        let (alpha, beta) = (number("alpha"), number("beta"));
        if inputs.len() > 3 || !self.precision.holds(alpha) || !self.precision.holds(beta) {
            return Err(operator(node, " of this arrangement".into()));
        }
        let flipped = |name: &str| int_attribute(node, name, 0) != 0;
        let (a, b) = (inputs.first().and_then(Option::as_ref), inputs.get(1).and_then(Option::as_ref));
        let (x, c, on_left) = match (a, b) {
            (Some(Value::Computed(x)), Some(Value::Constant(c))) => (x, c, false),
            (Some(Value::Constant(c)), Some(Value::Computed(x))) => (x, c, true),
            _ => return Err(operator(node, " of two computed values".into())),
        };
        if x.shape.len() != 2 || c.shape.len() != 2 {
            let why = format!(" of {:?} and {:?}; expected matrices (flatten first)", x.shape, c.shape);
            return Err(operator(node, why));
        }
        let x = if flipped(if on_left { "transB" } else { "transA" }) {
            if self.batched {
                return Err(operator(node, " that transposes a batch".into()));
            }
            self.flip(x)
        } else {
            x.clone()
        };
        let mut matrix = Matrix::of(node, &c.shape, self.numbers(node, c)?)?;
        if flipped(if on_left { "transA" } else { "transB" }) {
            matrix = matrix.transposed();
        }
        // Another factor is one more product, which a machine rounds after the sum.
        let is_sign = alpha.abs() == 1.0;
        if is_sign {
            matrix.values.iter_mut().for_each(|w| *w *= alpha);
        }
        let product =
            if on_left { self.times_left(node, &matrix, &x)? } else { self.times(node, &x, &matrix)? };
        if matches!(inputs.get(2), Some(Some(Value::Computed(_)))) {
            return Err(operator(node, " with a computed C".into()));
        }
        let shifts = self.shifts(node, inputs.get(2).and_then(constant), &product, beta)?;
        let factor = Inexact::exact(if is_sign { 1.0 } else { alpha });
        let factors = vec![factor; shifts.len()];
        Ok(Value::Computed(self.rescale(&product, factors, shifts)))
    }

    /// `beta · C`, stretched to the product.
    fn shifts(
        &self,
        node: &Node,
        c: Option<&Constant>,
        product: &Computed,
        beta: f64,
    ) -> Result<Vec<Inexact>, OnnxError> {
        let all = count(&product.shape).ok_or_else(|| operator(node, " of this size".into()))?;
        let Some(c) = c else { return Ok(vec![Inexact::exact(0.0); all]) };
        let numbers = self.numbers(node, c)?;
        if broadcast(&product.shape, &c.shape).as_ref() != Some(&product.shape) {
            return Err(operator(node, format!(" with C of {:?} for {:?}", c.shape, product.shape)));
        }
        let stretched = stretched(&c.shape, &product.shape);
        Ok(stretched.into_iter().map(|i| arithmetic::product(self.precision, beta, numbers[i])).collect())
    }

    fn flip(&mut self, x: &Computed) -> Computed {
        let [rows, columns] = [x.shape[0], x.shape[1]];
        let indices = (0..rows * columns).map(|i| i % rows * columns + i / rows).collect();
        self.select(x, indices, vec![columns, rows])
    }
}
