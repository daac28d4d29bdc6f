//! Piecewise-linear functions of one number.

use indelible::network::Activation;

use super::{
    Reader, constant, first,
    value::{Computed, Value, broadcast, stretched},
};
use crate::onnx::{
    OnnxError,
    graph::{only_attributes, operator},
    proto::Node,
};

impl Reader<'_> {
    pub(super) fn activation(&mut self, node: &Node, inputs: &[Option<Value>]) -> Result<Value, OnnxError> {
        let x = first(node, inputs)?.clone();
        let op = node.op_type.as_str();
        if !["PRelu", "Clip"].contains(&op) && inputs.len() != 1 {
            return Err(operator(node, " of this arrangement".into()));
        }
        let number = |name: &str, default: f64| {
            let found = node.attribute.iter().find(|a| a.name == name);
            found.map_or(default, |attribute| f64::from(attribute.f.unwrap_or(f32::NAN)))
        };
        let result = match op {
            "Relu" => {
                only_attributes(node, &[])?;
                self.activate(&x, Activation::Relu)
            }
            "Abs" => {
                only_attributes(node, &[])?;
                self.activate(&x, Activation::Leaky(vec![-1.0]))
            }
            "Neg" => {
                only_attributes(node, &[])?;
                self.negated(&x)
            }
            "LeakyRelu" => {
                only_attributes(node, &["alpha"])?;
                // The default is a number of binary32.
                let slope = number("alpha", f64::from(0.01f32));
                self.activate(&x, Activation::Leaky(vec![slope]))
            }
            "HardSigmoid" => {
                only_attributes(node, &["alpha", "beta"])?;
                let all = x.shape.iter().product();
                let (slope, shift) = (number("alpha", f64::from(0.2f32)), number("beta", 0.5));
                if !(self.precision.holds(slope) && self.precision.holds(shift)) {
                    return Err(operator(node, format!(" of {slope} x + {shift}")));
                }
                let line = self.diagonal(&x, vec![slope; all], vec![shift; all]);
                self.clip(node, &line, 0.0, 1.0)?
            }
            "PRelu" => self.p_relu(node, inputs, &x)?,
            _ => {
                let (mut lower, mut upper) = (f64::NEG_INFINITY, f64::INFINITY);
                if self.opset < 11 {
                    only_attributes(node, &["min", "max"])?;
                    (lower, upper) = (number("min", lower), number("max", upper));
                } else {
                    only_attributes(node, &[])?;
                    lower = self.end(node, inputs.get(1))?.unwrap_or(lower);
                    upper = self.end(node, inputs.get(2))?.unwrap_or(upper);
                }
                self.clip(node, &x, lower, upper)?
            }
        };
        Ok(Value::Computed(result))
    }

    /// Numbers not below `lower` and not above `upper`.
    pub(super) fn clip(
        &mut self,
        node: &Node,
        x: &Computed,
        lower: f64,
        upper: f64,
    ) -> Result<Computed, OnnxError> {
        // The largest number of the format stands for no end at all.
        let largest = self.precision.largest();
        let lower = if lower <= -largest { f64::NEG_INFINITY } else { lower };
        let upper = if upper >= largest { f64::INFINITY } else { upper };
        if lower.is_nan() || upper.is_nan() || lower > upper {
            return Err(operator(node, format!(" to {lower} and more, {upper} and less")));
        }
        Ok(if (lower, upper) == (0.0, f64::INFINITY) {
            self.activate(x, Activation::Relu)
        } else {
            self.activate(x, Activation::Clip { lower, upper })
        })
    }

    /// An end of a Clip.
    fn end(&self, node: &Node, input: Option<&Option<Value>>) -> Result<Option<f64>, OnnxError> {
        let Some(Some(input)) = input else { return Ok(None) };
        let Value::Constant(end) = input else { return Err(operator(node, " to computed ends".into())) };
        match self.numbers(node, end)?[..] {
            [end] => Ok(Some(end)),
            _ => Err(operator(node, " to several ends".into())),
        }
    }

    fn p_relu(&mut self, node: &Node, inputs: &[Option<Value>], x: &Computed) -> Result<Computed, OnnxError> {
        only_attributes(node, &[])?;
        let slopes = inputs.get(1).and_then(constant).filter(|_| inputs.len() == 2);
        let slopes = slopes.ok_or_else(|| operator(node, " of this arrangement".into()))?;
        let numbers = self.numbers(node, slopes)?;
        if broadcast(&x.shape, &slopes.shape).as_ref() != Some(&x.shape) {
            return Err(operator(node, format!(" of {:?} with slopes of {:?}", x.shape, slopes.shape)));
        }
        let slopes = stretched(&slopes.shape, &x.shape).into_iter().map(|i| numbers[i]).collect();
        Ok(self.activate(x, Activation::Leaky(slopes)))
    }
}
