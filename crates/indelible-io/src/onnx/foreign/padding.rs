//! What is put around values, or cut off their ends.

use indelible::network::{AffineMap, LayerBuilder, Operation};

use super::{
    Reader, constant, first,
    movement::{Parameters, place},
    value::{Computed, Value, count, offsets, strides},
};
use crate::onnx::{
    OnnxError,
    graph::{only_attributes, operator},
    proto::Node,
};

impl Reader<'_> {
    /// Constants around a value, or what lies at its ends again.
    pub(super) fn pad(&mut self, node: &Node, inputs: &[Option<Value>]) -> Result<Value, OnnxError> {
        only_attributes(node, if self.opset < 11 { &["mode", "pads", "value"] } else { &["mode"] })?;
        let x = first(node, inputs)?.clone();
        let pads = pads(node, inputs, x.shape.len())?;
        if pads.iter().all(|pads| *pads == (0, 0)) {
            return Ok(Value::Computed(x));
        }
        let mode = node.attribute.iter().find(|a| a.name == "mode").and_then(|a| a.s.as_deref());
        let mode = mode.unwrap_or(b"constant");
        let mut axes = vec![];
        for (&size, &pads) in x.shape.iter().zip(&pads) {
            let unknown = || {
                let mode = String::from_utf8_lossy(mode);
                operator(node, format!(" of mode {mode} by {pads:?} around {size}"))
            };
            axes.push(along(size, pads, mode).ok_or_else(unknown)?);
        }
        let shape: Vec<usize> = axes.iter().map(Vec::len).collect();
        count(&shape).ok_or_else(|| operator(node, format!(" to the shape {shape:?}")))?;
        self.keeps_batch(node, &shape)?;
        self.padded(node, inputs, &x, (&axes, shape)).map(Value::Computed)
    }

    /// The numbers of `x` at the places that `axes` name along each axis; the constant where
    /// one of them names none.
    fn padded(
        &mut self,
        node: &Node,
        inputs: &[Option<Value>],
        x: &Computed,
        (axes, shape): (&[Vec<Option<usize>>], Vec<usize>),
    ) -> Result<Computed, OnnxError> {
        // Where there is no element the sum passes all of those that there are.
        let outside = x.shape.iter().product::<usize>();
        let steps = strides(&x.shape);
        let places: Vec<Vec<usize>> = axes
            .iter()
            .zip(steps)
            .map(|(axis, step)| axis.iter().map(|at| at.map_or(outside, |at| at * step)).collect())
            .collect();
        let places = offsets(&places);
        if places.iter().all(|&place| place < outside) {
            return Ok(self.select(x, places, shape));
        }
        let value = match inputs.get(2) {
            Some(Some(Value::Constant(value))) => self.numbers(node, value)?,
            Some(Some(_)) => vec![],
            _ => {
                let value = node.attribute.iter().find(|a| a.name == "value");
                vec![value.map_or(0.0, |value| f64::from(value.f.unwrap_or(f32::NAN)))]
            }
        };
        let [value] = value[..] else {
            return Err(operator(node, " with something else than a constant number".into()));
        };
        let mut rows = LayerBuilder::new(outside);
        for place in places {
            match place {
                place if place < outside => rows.weight(place, 1.0).bias(0.0),
                _ => rows.bias(value),
            };
        }
        Ok(self.push(Operation::Affine(AffineMap::Rows(rows.finish())), vec![x.vector], shape))
    }
}

/// How much is put in front of and behind each axis; what is negative is cut off.
fn pads(node: &Node, inputs: &[Option<Value>], rank: usize) -> Result<Vec<(i64, i64)>, OnnxError> {
    let parameters = Parameters { node, inputs: inputs.iter().map(constant).collect() };
    let given = match node.attribute.iter().find(|a| a.name == "pads") {
        Some(pads) => pads.ints.clone(),
        None => parameters.integers(1)?.unwrap_or(&[]).to_vec(),
    };
    let axes = match parameters.integers(3)? {
        Some(axes) => axes.iter().map(|&axis| place(node, axis, rank)).collect::<Result<Vec<_>, _>>()?,
        None => (0..rank).collect(),
    };
    let mut pads = vec![(0, 0); rank];
    let twice = (0..axes.len()).any(|k| axes[..k].contains(&axes[k]));
    if given.len() != 2 * axes.len() || twice {
        return Err(operator(node, format!(" by {given:?} along the axes {axes:?} of {rank}")));
    }
    for (k, &axis) in axes.iter().enumerate() {
        pads[axis] = (given[k], given[axes.len() + k]);
    }
    Ok(pads)
}

/// Which element stands at each place along an axis, `None` for the constant.
fn along(size: usize, (before, behind): (i64, i64), mode: &[u8]) -> Option<Vec<Option<usize>>> {
    let length = i64::try_from(size).ok()?;
    let last = length.checked_add(behind)?;
    let most = i64::try_from(super::value::MOST).ok()?;
    let first = before.checked_neg()?;
    let all = last.checked_sub(first).filter(|all| (1..=most).contains(all))?;
    let cut = before < 0 || behind < 0;
    let at = |place: i64| -> Option<Option<usize>> {
        let inside = (0..length).contains(&place);
        let element = match mode {
            _ if inside => place,
            b"constant" => return Some(None),
            // What lies beyond one end and is cut off at the other is read differently.
            _ if cut => return None,
            b"edge" => place.clamp(0, length - 1),
            b"reflect" if place < 0 => -place,
            b"reflect" => 2 * (length - 1) - place,
            b"wrap" => place.rem_euclid(length),
            _ => return None,
        };
        Some(Some(usize::try_from(element).ok().filter(|element| *element < size)?))
    };
    (0..all).map(|k| at(first + k)).collect()
}
