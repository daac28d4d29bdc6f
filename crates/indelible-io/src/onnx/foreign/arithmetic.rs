//! Arithmetic with constants: what is exact becomes an affine map, what is
//! rounded a factor and a shift that are known to lie in a range.

use indelible::{
    Enclosure, Precision,
    network::{AffineMap, Inexact, LayerBuilder, Node as GraphNode, Operation, Rescaling},
    number::{add_down, add_up, div_down, div_up, mul_down, mul_up, sqrt_down, sqrt_up},
};

use super::{
    Reader, constant, first,
    value::{Computed, Constant, Data, Value, broadcast, stretched},
};
use crate::onnx::{
    OnnxError,
    graph::{int_attribute, only_attributes, operator},
    proto::{Node, data_type},
};

/// A real number between `lower` and `upper` and what rounding makes of it.
pub(super) fn between(precision: Precision, lower: f64, upper: f64) -> Inexact {
    let stored = precision.round(lower + (upper - lower) / 2.0);
    if lower == upper && stored == lower {
        return Inexact::exact(stored);
    }
    let lower = lower.min(precision.round(lower)).min(stored);
    let upper = upper.max(precision.round(upper)).max(stored);
    Inexact { stored, range: Enclosure { lower, upper } }
}

/// The product of two numbers of the format.
pub(super) fn product(precision: Precision, a: f64, b: f64) -> Inexact {
    between(precision, mul_down(a, b), mul_up(a, b))
}

impl Reader<'_> {
    /// `factor · x + shift` for each number.
    pub(super) fn rescale(&mut self, x: &Computed, factors: Vec<Inexact>, shifts: Vec<Inexact>) -> Computed {
        let exact = |numbers: &[Inexact]| numbers.iter().all(|number| number.range.is_exact());
        if exact(&factors) && exact(&shifts) {
            let stored = |numbers: Vec<Inexact>| numbers.into_iter().map(|number| number.stored).collect();
            return self.diagonal(x, stored(factors), stored(shifts));
        }
        let rescaling = Operation::Rescale(Rescaling { factors, shifts });
        self.push(rescaling, vec![x.vector], x.shape.clone())
    }

    /// The same with numbers of the format. A shift alone is the bias of the
    /// affine map before it, where that has none.
    pub(super) fn diagonal(&mut self, x: &Computed, factors: Vec<f64>, shifts: Vec<f64>) -> Computed {
        let identity = factors.iter().all(|f| *f == 1.0);
        if identity && shifts.iter().all(|s| *s == 0.0) {
            return x.clone();
        }
        if identity && x.sole && x.vector == self.nodes.len() && self.give_bias(&shifts) {
            return Computed { sole: true, ..x.clone() };
        }
        let mut rows = LayerBuilder::new(factors.len());
        for (index, (factor, shift)) in factors.into_iter().zip(shifts).enumerate() {
            rows.weight(index, factor).bias(shift);
        }
        self.push(Operation::Affine(AffineMap::Rows(rows.finish())), vec![x.vector], x.shape.clone())
    }

    /// Makes `shifts` the biases of the last affine map, if it has none yet.
    fn give_bias(&mut self, shifts: &[f64]) -> bool {
        let Some(GraphNode { operation: Operation::Affine(map), .. }) = self.nodes.last_mut() else {
            return false;
        };
        let none = |biases: &[f64]| biases.iter().all(|b| *b == 0.0);
        match map {
            AffineMap::Rows(layer) if none(layer.biases()) && layer.outputs() == shifts.len() => {
                *layer = layer.clone().with_biases(shifts.to_vec());
                true
            }
            AffineMap::Convolution(convolution) if none(&convolution.biases) => {
                let places = shifts.len() / convolution.biases.len().max(1);
                let channels: Vec<&[f64]> = shifts.chunks(places.max(1)).collect();
                let uniform = channels.iter().all(|channel| channel.iter().all(|s| *s == channel[0]));
                if !uniform || channels.len() != convolution.biases.len() {
                    return false;
                }
                convolution.biases = channels.iter().map(|channel| channel[0]).collect();
                true
            }
            AffineMap::Rows(_) | AffineMap::Convolution(_) => false,
        }
    }

    /// Add, Sub, Mul and Div of two values.
    pub(super) fn binary(&mut self, node: &Node, inputs: &[Option<Value>]) -> Result<Value, OnnxError> {
        only_attributes(node, &[])?;
        let op = node.op_type.as_str();
        match inputs {
            [Some(Value::Computed(x)), Some(Value::Constant(c))] => {
                self.with_constant(node, x, c, false).map(Value::Computed)
            }
            [Some(Value::Constant(c)), Some(Value::Computed(x))] if op != "Div" => {
                self.with_constant(node, x, c, true).map(Value::Computed)
            }
            [Some(Value::Computed(_)), Some(Value::Computed(_))] if op == "Add" || op == "Sub" => {
                self.join(node, inputs)
            }
            [Some(Value::Computed(_)), Some(Value::Computed(_))] => {
                Err(operator(node, " of two computed values".into()))
            }
            _ => Err(operator(node, " of this arrangement".into())),
        }
    }

    /// Scaler of `ai.onnx.ml`, what scikit-learn's scalers become: `(x − offset) · scale`.
    pub(super) fn scaler(&mut self, node: &Node, inputs: &[Option<Value>]) -> Result<Value, OnnxError> {
        only_attributes(node, &["offset", "scale"])?;
        let x = first(node, inputs)?;
        if self.precision != Precision::F32 {
            return Err(operator(node, " of binary64 numbers, which it rounds to binary32".into()));
        }
        let numbers = |name: &str| -> Vec<f64> {
            let attribute = node.attribute.iter().find(|attribute| attribute.name == name);
            attribute.map_or(vec![], |attribute| attribute.floats.iter().map(|v| f64::from(*v)).collect())
        };
        let (offset, scale) = (numbers("offset"), numbers("scale"));
        let fits = offset.len() == 1 || x.shape.last() == Some(&offset.len());
        if !fits || scale.len() != offset.len() || x.shape.len() > 2 {
            let what = format!(" of {:?} by {} and {} numbers", x.shape, offset.len(), scale.len());
            return Err(operator(node, what));
        }
        let constant = |values: Vec<f64>| Constant {
            shape: vec![values.len()],
            data: Data::Numbers(values, Some(Precision::F32)),
        };
        let step = |op: &str| Node { op_type: op.into(), ..node.clone() };
        let moved = self.with_constant(&step("Sub"), x, &constant(offset), false)?;
        self.with_constant(&step("Mul"), &moved, &constant(scale), false).map(Value::Computed)
    }

    /// `x op c`, or `c op x` where `swapped`.
    fn with_constant(
        &mut self,
        node: &Node,
        x: &Computed,
        c: &Constant,
        swapped: bool,
    ) -> Result<Computed, OnnxError> {
        let numbers = self.numbers(node, c)?;
        let shape = broadcast(&x.shape, &c.shape)
            .ok_or_else(|| operator(node, format!(" of {:?} and {:?}", x.shape, c.shape)))?;
        self.keeps_batch(node, &shape)?;
        let numbers: Vec<f64> = stretched(&c.shape, &shape).into_iter().map(|i| numbers[i]).collect();
        let x = &self.select(x, stretched(&x.shape, &shape), shape);
        let (ones, zeros) = (vec![1.0; numbers.len()], vec![0.0; numbers.len()]);
        let negated = || numbers.iter().map(|c| -c).collect();
        Ok(match node.op_type.as_str() {
            "Add" => self.diagonal(x, ones, numbers),
            "Sub" if swapped => self.diagonal(x, vec![-1.0; numbers.len()], numbers),
            "Sub" => self.diagonal(x, ones, negated()),
            "Mul" => self.diagonal(x, numbers, zeros),
            _ => {
                let inverse = |&c: &f64| between(self.precision, div_down(1.0, c), div_up(1.0, c));
                let fits =
                    |factor: &Inexact| self.precision.holds(factor.stored) && factor.range.upper.is_finite();
                let factors: Vec<Inexact> = numbers.iter().map(inverse).collect();
                if numbers.contains(&0.0) || !factors.iter().all(fits) {
                    return Err(operator(
                        node,
                        " by 0, or a number so small that there is no inverse".into(),
                    ));
                }
                self.rescale(x, factors, vec![Inexact::exact(0.0); numbers.len()])
            }
        })
    }

    /// `scale · (x − mean) / √(variance + ε) + bias` per channel.
    pub(super) fn batch_normalization(
        &mut self,
        node: &Node,
        inputs: &[Option<Value>],
    ) -> Result<Value, OnnxError> {
        only_attributes(node, &["epsilon", "momentum", "spatial", "training_mode", "is_test"])?;
        let x = first(node, inputs)?.clone();
        if int_attribute(node, "training_mode", 0) != 0 || int_attribute(node, "spatial", 1) != 1 {
            return Err(operator(node, " in training mode or per element".into()));
        }
        let channels = if x.shape.len() < 2 { 1 } else { x.shape[1] };
        let mut parts = vec![];
        for index in 1..=4 {
            let values = inputs.get(index).and_then(constant).map(|c| self.numbers(node, c)).transpose()?;
            let values = values.filter(|values| values.len() == channels);
            parts.push(values.ok_or_else(|| operator(node, " of this arrangement".into()))?);
        }
        let epsilon = node.attribute.iter().find(|a| a.name == "epsilon");
        let epsilon = f64::from(epsilon.map_or(1e-5, |attribute| attribute.f.unwrap_or(f32::NAN)));
        let known = |c: usize| {
            let [scale, bias, mean, variance] = [0, 1, 2, 3].map(|part: usize| parts[part][c]);
            let known = normalization(self.precision, [scale, bias, mean, variance], epsilon);
            known.ok_or_else(|| operator(node, " of a variance that is not positive".into()))
        };
        let per_channel = (0..channels).map(known).collect::<Result<Vec<_>, _>>()?;
        let each = x.shape.iter().skip(2).product::<usize>();
        let all = x.shape.iter().product::<usize>();
        let spread = |part: fn(&(Inexact, Inexact)) -> Inexact| -> Vec<Inexact> {
            (0..all).map(|i| part(&per_channel[i / each % channels])).collect()
        };
        let (factors, shifts) = (spread(|known| known.0), spread(|known| known.1));
        Ok(Value::Computed(self.rescale(&x, factors, shifts)))
    }

    /// A Cast to the format that the network has anyway.
    pub(super) fn cast(&mut self, node: &Node, inputs: &[Option<Value>]) -> Result<Value, OnnxError> {
        only_attributes(node, &["to", "saturate", "round_mode"])?;
        let x = first(node, inputs)?;
        let own = match self.precision {
            Precision::F32 => data_type::FLOAT,
            Precision::F64 => data_type::DOUBLE,
        };
        let to = int_attribute(node, "to", 0);
        if to == i64::from(own) {
            return Ok(Value::Computed(x.clone()));
        }
        Err(operator(node, format!(" to element type {to} in a network of {}", self.precision)))
    }
}

/// Factor and shift of a normalisation, with room for the roundings of any way
/// to compute them in the format: a root, a quotient, a product and two sums.
fn normalization(
    precision: Precision,
    [scale, bias, mean, variance]: [f64; 4],
    epsilon: f64,
) -> Option<(Inexact, Inexact)> {
    let (low, high) = (sqrt_down(add_down(variance, epsilon)), sqrt_up(add_up(variance, epsilon)));
    if !(low > 0.0 && high.is_finite()) {
        return None;
    }
    let room = 6.0 * precision.unit_roundoff();
    let tiny = 4.0 * precision.smallest_subnormal();
    let widened = |lower: f64, upper: f64, size: f64| {
        let room = add_up(mul_up(room, size), tiny);
        between(precision, add_down(lower, -room), add_up(upper, room))
    };
    let quotients = [div_down(scale, low), div_down(scale, high), div_up(scale, low), div_up(scale, high)];
    let lower = quotients[0].min(quotients[1]);
    let upper = quotients[2].max(quotients[3]);
    let factor = widened(lower, upper, lower.abs().max(upper.abs()));
    let Enclosure { lower, upper } = factor.range;
    let products = [mul_down(mean, lower), mul_down(mean, upper), mul_up(mean, lower), mul_up(mean, upper)];
    let (least, most) = (products[0].min(products[1]), products[2].max(products[3]));
    let size = add_up(bias.abs(), least.abs().max(most.abs()));
    // A difference over the root may underflow before it is scaled.
    let flushed = mul_up(scale.abs(), tiny);
    let shift = widened(
        add_down(add_down(bias, -most), -flushed),
        add_up(add_up(bias, -least), flushed),
        add_up(size, flushed),
    );
    Some((factor, shift))
}
