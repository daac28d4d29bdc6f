//! What does not depend on the input is computed while reading, where that is
//! exact.

use std::{cmp::Ordering, rc::Rc};

use indelible::Precision;

use super::{
    Reader, constant, movement,
    value::{Constant, Data, MOST, Value, broadcast, count, stretched},
};
use crate::onnx::{
    OnnxError,
    graph::{int_attribute, only_attributes, operator},
    proto::{Node, data_type},
};

/// The results of a node that reads constants only.
pub(super) fn folded(
    reader: &Reader<'_>,
    node: &Node,
    inputs: &[Option<Value>],
) -> Result<Vec<Value>, OnnxError> {
    let op = node.op_type.as_str();
    let value = |constant: Constant| Value::Constant(Rc::new(constant));
    if op == "Constant" {
        return Ok(vec![value(given(node)?)]);
    }
    let first = inputs.first().and_then(constant).ok_or_else(|| operator(node, " without inputs".into()))?;
    if movement::OPERATORS.contains(&op) {
        let parameters = movement::Parameters { node, inputs: inputs.iter().map(constant).collect() };
        let moved = movement::moved_constant(node, reader.opset, &first.shape, &parameters)?;
        return Ok(moved.into_iter().map(|moved| value(first.moved(moved.shape, &moved.indices))).collect());
    }
    let result = match op {
        "Shape" | "Size" => return shape(node, inputs),
        "Cast" => cast(node, first)?,
        "Add" | "Sub" | "Mul" | "Div" | "Mod" => arithmetic(reader.precision, node, inputs)?,
        "Concat" => concatenated(node, inputs)?,
        "Where" => chosen(node, inputs)?,
        "Equal" | "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" | "And" | "Or" => {
            compared(node, inputs)?
        }
        "Not" => negated(node, first)?,
        "Range" => range(node, inputs)?,
        "ConstantOfShape" => filled(node, first)?,
        _ => return Err(operator(node, " on constants".into())),
    };
    Ok(vec![value(result)])
}

/// The value of a Constant node.
fn given(node: &Node) -> Result<Constant, OnnxError> {
    let [attribute] = &node.attribute[..] else { return Err(operator(node, " of this arrangement".into())) };
    let single =
        |values: &[f32]| Data::Numbers(values.iter().copied().map(f64::from).collect(), Some(Precision::F32));
    let list = |data: Data, length: usize| Ok(Constant { shape: vec![length], data });
    match (attribute.name.as_str(), &attribute.t) {
        ("value", Some(tensor)) => Constant::of(tensor),
        ("value_ints", _) => list(Data::Integers(attribute.ints.clone()), attribute.ints.len()),
        ("value_floats", _) => list(single(&attribute.floats), attribute.floats.len()),
        ("value_int", _) => Ok(Constant::integers(vec![], vec![attribute.i.unwrap_or(0)])),
        ("value_float", _) => {
            Ok(Constant { shape: vec![], data: single(&[attribute.f.unwrap_or(f32::NAN)]) })
        }
        _ => Err(operator(node, " (only values of numbers are)".into())),
    }
}

/// The shape of a value, which is known before the value is.
pub(super) fn shape(node: &Node, inputs: &[Option<Value>]) -> Result<Vec<Value>, OnnxError> {
    let all = node.op_type == "Size";
    only_attributes(node, if all { &[] } else { &["start", "end"] })?;
    let shape = match inputs {
        [Some(Value::Computed(value))] => &value.shape,
        [Some(Value::Constant(constant))] => &constant.shape,
        _ => return Err(operator(node, " of this arrangement".into())),
    };
    let whole = |d: usize| i64::try_from(d).unwrap_or(i64::MAX);
    let value = |constant| Ok(vec![Value::Constant(Rc::new(constant))]);
    if all {
        return value(Constant::integers(vec![], vec![whole(shape.iter().product())]));
    }
    let rank = whole(shape.len());
    let place = |name: &str, default: i64| {
        let at = int_attribute(node, name, default);
        let at = if at < 0 { at.saturating_add(rank) } else { at };
        usize::try_from(at.clamp(0, rank)).unwrap_or(0)
    };
    let sizes = shape.get(place("start", 0)..place("end", rank)).unwrap_or(&[]);
    value(Constant::integers(vec![sizes.len()], sizes.iter().copied().map(whole).collect()))
}

fn cast(node: &Node, from: &Constant) -> Result<Constant, OnnxError> {
    only_attributes(node, &["to", "saturate", "round_mode"])?;
    let to = int_attribute(node, "to", 0);
    let refused = || operator(node, format!(" to element type {to}, which would round or is no number"));
    let is = |kind: i32| to == i64::from(kind);
    let data = match &from.data {
        Data::Integers(values)
            if is(data_type::INT64) || is(data_type::INT32) && values.iter().all(|v| is_short(*v)) =>
        {
            Data::Integers(values.clone())
        }
        data if is(data_type::FLOAT) || is(data_type::DOUBLE) => {
            let precision = if is(data_type::FLOAT) { Precision::F32 } else { Precision::F64 };
            let values: Vec<f64> = match data {
                Data::Numbers(values, _) => values.clone(),
                // Up to 2⁵³ every integer is a number.
                Data::Integers(values) if values.iter().all(|v| v.unsigned_abs() <= 1 << 53) => {
                    values.iter().map(|&v| v as f64).collect()
                }
                _ => return Err(refused()),
            };
            if !values.iter().all(|v| precision.holds(*v)) {
                return Err(refused());
            }
            Data::Numbers(values, Some(precision))
        }
        _ => return Err(refused()),
    };
    Ok(Constant { shape: from.shape.clone(), data })
}

/// Whether 32 bits hold an integer.
fn is_short(value: i64) -> bool {
    i32::try_from(value).is_ok()
}

/// Add, Sub, Mul, Div and, of integers, Mod of two constants.
fn arithmetic(precision: Precision, node: &Node, inputs: &[Option<Value>]) -> Result<Constant, OnnxError> {
    let op = node.op_type.as_str();
    only_attributes(node, if op == "Mod" { &["fmod"] } else { &[] })?;
    let refused = || operator(node, " of these constants".into());
    let (Some(a), Some(b)) = (inputs.first().and_then(constant), inputs.get(1).and_then(constant)) else {
        return Err(refused());
    };
    let shape = broadcast(&a.shape, &b.shape).ok_or_else(refused)?;
    let pairs = || stretched(&a.shape, &shape).into_iter().zip(stretched(&b.shape, &shape));
    let data = match (&a.data, &b.data) {
        (Data::Integers(a), Data::Integers(b)) => {
            let of = |(i, j): (usize, usize)| match op {
                "Add" => a[i].checked_add(b[j]),
                "Sub" => a[i].checked_sub(b[j]),
                "Mul" => a[i].checked_mul(b[j]),
                "Mod" => remainder(a[i], b[j], int_attribute(node, "fmod", 0) == 0),
                _ => a[i].checked_div(b[j]),
            };
            // Integers of 32 bits wrap around in a runtime, and which these are is not kept.
            let of = |at| of(at).filter(|value| is_short(*value));
            Data::Integers(pairs().map(of).collect::<Option<_>>().ok_or_else(refused)?)
        }
        (Data::Numbers(a, Some(p)), Data::Numbers(b, Some(q)))
            if op != "Mod" && *p == precision && *q == precision =>
        {
            let of = |(i, j): (usize, usize)| exact(precision, op, a[i], b[j]);
            let why = || operator(node, " of constants, which would be rounded".into());
            Data::Numbers(pairs().map(of).collect::<Option<_>>().ok_or_else(why)?, Some(precision))
        }
        _ => return Err(refused()),
    };
    Ok(Constant { shape, data })
}

/// What a division leaves, with the sign of the divisor or of what is divided.
fn remainder(a: i64, b: i64, as_divisor: bool) -> Option<i64> {
    let left = a.checked_rem(b)?;
    Some(if as_divisor && left != 0 && (left < 0) != (b < 0) { left + b } else { left })
}

/// A result that is a number of the format.
fn exact(precision: Precision, op: &str, a: f64, b: f64) -> Option<f64> {
    use indelible::number::{add_down, add_up, div_down, div_up, mul_down, mul_up};
    let (lower, upper) = match op {
        "Add" => (add_down(a, b), add_up(a, b)),
        "Sub" => (add_down(a, -b), add_up(a, -b)),
        "Mul" => (mul_down(a, b), mul_up(a, b)),
        _ if b != 0.0 => (div_down(a, b), div_up(a, b)),
        _ => return None,
    };
    (lower == upper && precision.holds(lower)).then_some(lower)
}

fn concatenated(node: &Node, inputs: &[Option<Value>]) -> Result<Constant, OnnxError> {
    only_attributes(node, &["axis"])?;
    let refused = || operator(node, " of constants of different kinds".into());
    let parts = inputs.iter().map(constant).collect::<Option<Vec<_>>>().ok_or_else(refused)?;
    let shapes: Vec<&[usize]> = parts.iter().map(|part| part.shape.as_slice()).collect();
    let (shape, indices) = movement::joined(node, &shapes)?;
    let mut all: Option<Data> = None;
    for part in parts {
        match (&mut all, &part.data) {
            (None, data) => all = Some(data.clone()),
            (Some(Data::Integers(all)), Data::Integers(more)) => all.extend(more),
            (Some(Data::Numbers(all, kind)), Data::Numbers(more, other)) if kind == other => all.extend(more),
            _ => return Err(refused()),
        }
    }
    let data = all.ok_or_else(refused)?;
    Ok(Constant { shape: vec![], data }.moved(shape, &indices))
}

/// The shape that two constants, or three, are stretched to, and for each where its elements
/// stand then.
fn together(node: &Node, parts: &[&Constant]) -> Result<(Vec<usize>, Vec<Vec<usize>>), OnnxError> {
    let refused = || operator(node, " of constants that do not fit".into());
    let shape = parts.iter().try_fold(vec![], |shape, part| broadcast(&shape, &part.shape));
    let shape = shape.ok_or_else(refused)?;
    let places = parts.iter().map(|part| stretched(&part.shape, &shape)).collect();
    Ok((shape, places))
}

/// Where: elements of one constant or of another.
fn chosen(node: &Node, inputs: &[Option<Value>]) -> Result<Constant, OnnxError> {
    only_attributes(node, &[])?;
    let refused = || operator(node, " of constants of different kinds".into());
    let parts = inputs.iter().map(constant).collect::<Option<Vec<_>>>().ok_or_else(refused)?;
    let [flags, yes, no] = parts[..] else { return Err(refused()) };
    let (shape, places) = together(node, &[flags, yes, no])?;
    let Data::Integers(flags) = &flags.data else { return Err(refused()) };
    let mut both = match (&yes.data, &no.data) {
        (Data::Integers(a), Data::Integers(b)) => Data::Integers([&a[..], &b[..]].concat()),
        (Data::Numbers(a, kind), Data::Numbers(b, other)) if kind == other => {
            Data::Numbers([&a[..], &b[..]].concat(), *kind)
        }
        _ => return Err(refused()),
    };
    let at = |i: usize| if flags[places[0][i]] != 0 { places[1][i] } else { yes.len() + places[2][i] };
    let indices: Vec<usize> = (0..places[0].len()).map(at).collect();
    both = Constant { shape: vec![], data: both }.moved(vec![], &indices).data;
    Ok(Constant { shape, data: both })
}

/// Comparisons, which give 1 or 0.
fn compared(node: &Node, inputs: &[Option<Value>]) -> Result<Constant, OnnxError> {
    only_attributes(node, &[])?;
    let refused = || operator(node, " of these constants".into());
    let parts = inputs.iter().map(constant).collect::<Option<Vec<_>>>().ok_or_else(refused)?;
    let [a, b] = parts[..] else { return Err(refused()) };
    let (shape, places) = together(node, &[a, b])?;
    let op = node.op_type.as_str();
    let holds = |order: Option<Ordering>| match op {
        "Equal" => order == Some(Ordering::Equal),
        "Greater" => order == Some(Ordering::Greater),
        "Less" => order == Some(Ordering::Less),
        "GreaterOrEqual" => order.is_some_and(Ordering::is_ge),
        _ => order.is_some_and(Ordering::is_le),
    };
    let pairs = places[0].iter().zip(&places[1]);
    let flags: Vec<bool> = match (&a.data, &b.data) {
        (Data::Integers(a), Data::Integers(b)) if op == "And" => {
            pairs.map(|(&i, &j)| a[i] & b[j] != 0).collect()
        }
        (Data::Integers(a), Data::Integers(b)) if op == "Or" => {
            pairs.map(|(&i, &j)| a[i] | b[j] != 0).collect()
        }
        (Data::Integers(a), Data::Integers(b)) => {
            pairs.map(|(&i, &j)| holds(Some(a[i].cmp(&b[j])))).collect()
        }
        (Data::Numbers(a, kind), Data::Numbers(b, other)) if kind == other && op != "And" && op != "Or" => {
            pairs.map(|(&i, &j)| holds(a[i].partial_cmp(&b[j]))).collect()
        }
        _ => return Err(refused()),
    };
    Ok(Constant::integers(shape, flags.into_iter().map(i64::from).collect()))
}

fn negated(node: &Node, flags: &Constant) -> Result<Constant, OnnxError> {
    only_attributes(node, &[])?;
    match &flags.data {
        Data::Integers(values) => {
            let values = values.iter().map(|v| i64::from(*v == 0)).collect();
            Ok(Constant::integers(flags.shape.clone(), values))
        }
        _ => Err(operator(node, " of these constants".into())),
    }
}

/// Integers from one up to another.
fn range(node: &Node, inputs: &[Option<Value>]) -> Result<Constant, OnnxError> {
    only_attributes(node, &[])?;
    let refused = || operator(node, " of these constants".into());
    let one = |input: &Option<Value>| match &constant(input)?.data {
        Data::Integers(values) if values.len() == 1 => values.first().copied(),
        _ => None,
    };
    let ends = inputs.iter().map(one).collect::<Option<Vec<_>>>().ok_or_else(refused)?;
    let [start, limit, step] = ends[..] else { return Err(refused()) };
    if step == 0 || ![start, limit, step].into_iter().all(is_short) {
        return Err(refused());
    }
    let mut values = vec![];
    let mut at = start;
    while if step > 0 { at < limit } else { at > limit } {
        if values.len() >= MOST {
            return Err(refused());
        }
        values.push(at);
        at += step;
    }
    Ok(Constant::integers(vec![values.len()], values))
}

fn filled(node: &Node, sizes: &Constant) -> Result<Constant, OnnxError> {
    only_attributes(node, &["value"])?;
    let refused = || operator(node, " of this shape".into());
    let Data::Integers(sizes) = &sizes.data else { return Err(refused()) };
    let shape: Vec<usize> = sizes.iter().map(|&d| usize::try_from(d).unwrap_or(0)).collect();
    let all = count(&shape).ok_or_else(refused)?;
    match node.attribute.first().and_then(|attribute| attribute.t.as_ref()) {
        Some(tensor) => {
            let value = Constant::of(tensor)?;
            if value.len() == 1 { Ok(value.moved(shape, &vec![0; all])) } else { Err(refused()) }
        }
        None => Ok(Constant { shape, data: Data::Numbers(vec![0.0; all], Some(Precision::F32)) }),
    }
}
