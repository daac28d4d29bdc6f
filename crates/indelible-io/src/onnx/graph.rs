//! Nodes and tensors as they are decoded, and what to say of those that are not
//! understood.

use indelible::Precision;

use super::{
    OnnxError,
    proto::{self, data_type},
};

/// Whether a domain is that of the standard operators.
pub(super) fn is_default(domain: &str) -> bool {
    domain.is_empty() || domain == "ai.onnx"
}

/// The error about an operator that is not understood.
pub(super) fn operator(node: &proto::Node, why: String) -> OnnxError {
    let domain = if is_default(&node.domain) { String::new() } else { format!("{}.", node.domain) };
    OnnxError::Operator { operator: domain + &node.op_type, node: node.name.clone(), why }
}

/// The integer attribute `name`, or its default.
pub(super) fn int_attribute(node: &proto::Node, name: &str, default: i64) -> i64 {
    node.attribute.iter().find(|a| a.name == name).map_or(default, |a| a.i.unwrap_or(0))
}

/// Refuses attributes other than `known`.
pub(super) fn only_attributes(node: &proto::Node, known: &[&str]) -> Result<(), OnnxError> {
    for (position, attribute) in node.attribute.iter().enumerate() {
        let again = node.attribute[..position].iter().any(|earlier| earlier.name == attribute.name);
        if again || !known.contains(&attribute.name.as_str()) {
            return Err(operator(node, format!(" with attribute '{}'", attribute.name)));
        }
    }
    Ok(())
}

/// Shape of a tensor.
pub(super) fn dims(tensor: &proto::Tensor) -> Result<Vec<usize>, OnnxError> {
    let dim = |&d: &i64| usize::try_from(d).map_err(|_| bad(tensor, format!("a dimension is {d}")));
    tensor.dims.iter().map(dim).collect()
}

/// The error about one tensor.
pub(super) fn bad(tensor: &proto::Tensor, why: String) -> OnnxError {
    OnnxError::Tensor { name: tensor.name.clone(), why }
}

/// Number of elements that the shape of a tensor asks for.
pub(super) fn elements(tensor: &proto::Tensor) -> Result<usize, OnnxError> {
    dims(tensor)?
        .into_iter()
        .try_fold(1usize, usize::checked_mul)
        .ok_or_else(|| bad(tensor, "its shape is too large".into()))
}

/// The payload of a tensor with `width` bytes per element.
fn raw(tensor: &proto::Tensor, width: usize) -> Result<Option<&[u8]>, OnnxError> {
    if !tensor.external_data.is_empty() || tensor.data_location != 0 {
        let why = "its data are in another file; expected one file with everything in it";
        return Err(bad(tensor, why.into()));
    }
    let Some(data) = &tensor.raw_data else { return Ok(None) };
    if elements(tensor)?.checked_mul(width) == Some(data.len()) {
        return Ok(Some(data));
    }
    let (count, shape) = (data.len(), &tensor.dims);
    Err(bad(tensor, format!("it holds {count} bytes, its shape {shape:?} asks for another number")))
}

/// The elements of a tensor: of its raw data, which `decode` takes, or of the
/// field `listed`. They must be as many as its shape asks for.
fn values<T: Clone, const S: usize>(
    tensor: &proto::Tensor,
    listed: &[T],
    decode: fn([u8; S]) -> T,
) -> Result<Vec<T>, OnnxError> {
    let values: Vec<T> = match raw(tensor, S)? {
        Some(data) => data.as_chunks().0.iter().map(|bytes| decode(*bytes)).collect(),
        None => listed.to_vec(),
    };
    if values.len() == elements(tensor)? {
        return Ok(values);
    }
    let (count, shape) = (values.len(), &tensor.dims);
    Err(bad(tensor, format!("it holds {count} numbers, its shape {shape:?} asks for another number")))
}

/// All numbers of a tensor must be finite.
fn finite(tensor: &proto::Tensor, mut values: impl Iterator<Item = f64>) -> Result<(), OnnxError> {
    match values.position(|value| !value.is_finite()) {
        Some(position) => Err(bad(tensor, format!("element {position} is no finite number"))),
        None => Ok(()),
    }
}

/// The numbers of a float tensor, all finite.
pub(super) fn singles(tensor: &proto::Tensor) -> Result<Vec<f32>, OnnxError> {
    let values = values(tensor, &tensor.float_data, f32::from_le_bytes)?;
    finite(tensor, values.iter().copied().map(f64::from))?;
    Ok(values)
}

/// The numbers of a float or double tensor, all finite, and their format.
pub(super) fn numbers(tensor: &proto::Tensor) -> Result<(Vec<f64>, Precision), OnnxError> {
    if tensor.data_type == data_type::FLOAT {
        return Ok((singles(tensor)?.into_iter().map(f64::from).collect(), Precision::F32));
    }
    if tensor.data_type != data_type::DOUBLE {
        let why = format!("element type {}; expected float (1) or double (11)", tensor.data_type);
        return Err(bad(tensor, why));
    }
    let values = values(tensor, &tensor.double_data, f64::from_le_bytes)?;
    finite(tensor, values.iter().copied())?;
    Ok((values, Precision::F64))
}

/// The bytes of a tensor of unsigned bytes.
pub(super) fn bytes(tensor: &proto::Tensor) -> Result<&[u8], OnnxError> {
    if tensor.data_type != data_type::UINT8 {
        return Err(bad(tensor, format!("element type {}; expected unsigned bytes (2)", tensor.data_type)));
    }
    raw(tensor, 1)?.ok_or_else(|| bad(tensor, "it holds no raw data".into()))
}

/// The integers of a small int64 tensor.
pub(super) fn integers(tensor: &proto::Tensor) -> Result<Vec<i64>, OnnxError> {
    if tensor.data_type != data_type::INT64 {
        return Err(bad(tensor, format!("element type {}; expected int64 (7)", tensor.data_type)));
    }
    values(tensor, &tensor.int64_data, i64::from_le_bytes)
}

/// The elements of a tensor of 16-bit numbers, all finite.
pub(super) fn halves(tensor: &proto::Tensor) -> Result<Vec<f64>, OnnxError> {
    let listed: Vec<u16> = tensor.int32_data.iter().filter_map(|&bits| u16::try_from(bits).ok()).collect();
    let values: Vec<f64> = values(tensor, &listed, u16::from_le_bytes)?.into_iter().map(half).collect();
    finite(tensor, values.iter().copied())?;
    Ok(values)
}

/// The number that a binary16 has these bits of.
fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    let size = match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1024.0 + fraction) * 2f64.powi(exponent - 25),
    };
    if bits >> 15 == 0 { size } else { -size }
}

/// The integers of a tensor of 32-bit integers.
pub(super) fn short_integers(tensor: &proto::Tensor) -> Result<Vec<i64>, OnnxError> {
    Ok(values(tensor, &tensor.int32_data, i32::from_le_bytes)?.into_iter().map(i64::from).collect())
}

/// The elements of a tensor of truth values, 0 or 1.
pub(super) fn flags(tensor: &proto::Tensor) -> Result<Vec<i64>, OnnxError> {
    let listed: Vec<u8> = tensor.int32_data.iter().map(|&flag| u8::from(flag != 0)).collect();
    Ok(values(tensor, &listed, |[flag]: [u8; 1]| u8::from(flag != 0))?.into_iter().map(i64::from).collect())
}
