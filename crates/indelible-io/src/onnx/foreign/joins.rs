//! Operators that put several values together.

use indelible::network::{AffineMap, Groups, LayerBuilder, Operation};

use super::{
    Reader, movement,
    value::{Computed, Data, Value, broadcast, count, stretched},
};
use crate::onnx::{
    OnnxError,
    graph::{only_attributes, operator},
    proto::Node,
};

impl Reader<'_> {
    /// Add, Sub, Sum, Max, Min and Concat of values of which some are computed.
    pub(super) fn join(&mut self, node: &Node, inputs: &[Option<Value>]) -> Result<Value, OnnxError> {
        let op = node.op_type.as_str();
        only_attributes(node, if op == "Concat" { &["axis"] } else { &[] })?;
        if let Some(clipped) = self.clipped(node, inputs)? {
            return Ok(Value::Computed(clipped));
        }
        let mut values =
            inputs.iter().map(|value| self.vector(node, value.as_ref())).collect::<Result<Vec<_>, _>>()?;
        if op == "Concat" {
            return self.concatenated(node, &values).map(Value::Computed);
        }
        let shape = values.iter().try_fold(vec![], |shape, value| broadcast(&shape, &value.shape));
        let shape = shape.ok_or_else(|| operator(node, " of values that do not fit".into()))?;
        self.keeps_batch(node, &shape)?;
        for value in &mut values {
            *value = self.select(value, stretched(&value.shape, &shape), shape.clone());
        }
        if op == "Min" {
            values = values.iter().map(|value| self.negated(value)).collect();
        }
        if let ("Sub", Some(last)) = (op, values.last_mut()) {
            *last = self.negated(last);
        }
        let reads: Vec<usize> = values.iter().map(|value| value.vector).collect();
        let all = count(&shape).unwrap_or(0);
        if all.checked_mul(reads.len()).is_none_or(|numbers| numbers > super::value::MOST) {
            return Err(operator(node, " of this many numbers".into()));
        }
        let result = match op {
            "Max" | "Min" => {
                let mut groups = Groups::default();
                (0..all).for_each(|i| groups.push((0..reads.len()).map(|k| k * all + i)));
                self.push(Operation::Max(groups), reads, shape)
            }
            _ => self.push(Operation::Sum, reads, shape),
        };
        Ok(Value::Computed(if op == "Min" { self.negated(&result) } else { result }))
    }

    /// The larger or the smaller of numbers and one constant.
    fn clipped(&mut self, node: &Node, inputs: &[Option<Value>]) -> Result<Option<Computed>, OnnxError> {
        let (x, c) = match inputs {
            [Some(Value::Computed(x)), Some(Value::Constant(c))]
            | [Some(Value::Constant(c)), Some(Value::Computed(x))] => (x, c),
            _ => return Ok(None),
        };
        let op = node.op_type.as_str();
        if !["Max", "Min"].contains(&op) || broadcast(&x.shape, &c.shape).as_ref() != Some(&x.shape) {
            return Ok(None);
        }
        match self.numbers(node, c)?[..] {
            [end, ref others @ ..] if others.iter().all(|other| *other == end) => {
                let x = x.clone();
                let (lower, upper) =
                    if op == "Max" { (end, f64::INFINITY) } else { (f64::NEG_INFINITY, end) };
                self.clip(node, &x, lower, upper).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// A value as a vector of the network.
    fn vector(&mut self, node: &Node, value: Option<&Value>) -> Result<Computed, OnnxError> {
        match value {
            Some(Value::Computed(value)) => Ok(value.clone()),
            Some(Value::Constant(constant)) => {
                let numbers = self.numbers(node, constant)?;
                let shape = constant.shape.clone();
                if count(&shape).is_none() {
                    return Err(operator(node, format!(" with a constant of shape {shape:?}")));
                }
                let mut rows = LayerBuilder::new(self.features);
                for number in numbers {
                    rows.bias(number);
                }
                Ok(self.push(Operation::Affine(AffineMap::Rows(rows.finish())), vec![0], shape))
            }
            _ => Err(operator(node, " of this arrangement".into())),
        }
    }

    pub(super) fn negated(&mut self, value: &Computed) -> Computed {
        let count = value.shape.iter().product();
        self.diagonal(value, vec![-1.0; count], vec![0.0; count])
    }

    fn concatenated(&mut self, node: &Node, values: &[Computed]) -> Result<Computed, OnnxError> {
        let shapes: Vec<&[usize]> = values.iter().map(|value| value.shape.as_slice()).collect();
        let (shape, indices) = movement::joined(node, &shapes)?;
        self.keeps_batch(node, &shape)?;
        let reads = values.iter().map(|value| value.vector).collect();
        Ok(self.push(Operation::Select(indices), reads, shape))
    }

    /// Where: by a constant, numbers of one value or of another.
    pub(super) fn choose(&mut self, node: &Node, inputs: &[Option<Value>]) -> Result<Value, OnnxError> {
        only_attributes(node, &[])?;
        let [Some(Value::Constant(flags)), yes, no] = inputs else {
            return Err(operator(node, " by a computed condition".into()));
        };
        let Data::Integers(chosen) = &flags.data else {
            return Err(operator(node, " of this arrangement".into()));
        };
        let values = [self.vector(node, yes.as_ref())?, self.vector(node, no.as_ref())?];
        let shape =
            values.iter().try_fold(flags.shape.clone(), |shape, value| broadcast(&shape, &value.shape));
        let shape = shape.ok_or_else(|| operator(node, " of values that do not fit".into()))?;
        self.keeps_batch(node, &shape)?;
        let flags = stretched(&flags.shape, &shape);
        let [yes, no] = values.each_ref().map(|value| stretched(&value.shape, &shape));
        let first = values[0].shape.iter().product::<usize>();
        let places = flags.into_iter().zip(yes).zip(no);
        let indices =
            places.map(|((flag, yes), no)| if chosen[flag] != 0 { yes } else { first + no }).collect();
        let reads = values.iter().map(|value| value.vector).collect();
        Ok(Value::Computed(self.push(Operation::Select(indices), reads, shape)))
    }
}
