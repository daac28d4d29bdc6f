//! Operators that only move elements: for each output its shape, and which
//! element of the input stands where.

use super::value::{Constant, Data, count, offsets, strides};
use crate::onnx::{
    OnnxError,
    graph::{int_attribute, only_attributes, operator},
    proto::Node,
};

/// A rearranged tensor.
pub(super) struct Moved {
    pub shape: Vec<usize>,
    pub indices: Vec<usize>,
}

/// Operators that [`moved`] knows.
pub(super) const OPERATORS: [&str; 12] = [
    "Identity",
    "Reshape",
    "Flatten",
    "Squeeze",
    "Unsqueeze",
    "Transpose",
    "Slice",
    "Gather",
    "Expand",
    "Split",
    "Tile",
    "Dropout",
];

/// What `node`, one of [`OPERATORS`], makes of a computed tensor of this shape;
/// `parameters` are its other inputs.
pub(super) fn moved(
    node: &Node,
    opset: i64,
    shape: &[usize],
    parameters: &Parameters<'_>,
) -> Result<Vec<Moved>, OnnxError> {
    let moved = moved_constant(node, opset, shape, parameters)?;
    match moved.iter().find(|moved| moved.shape.contains(&0)) {
        Some(Moved { shape, .. }) => Err(operator(node, format!(" to the shape {shape:?}"))),
        None => Ok(moved),
    }
}

/// The same for a constant, of which nothing may be left: the sizes behind the last axis, say.
pub(super) fn moved_constant(
    node: &Node,
    opset: i64,
    shape: &[usize],
    parameters: &Parameters<'_>,
) -> Result<Vec<Moved>, OnnxError> {
    let kept = |shape: Vec<usize>| {
        let indices = (0..shape.iter().product()).collect();
        Ok(vec![Moved { shape, indices }])
    };
    match node.op_type.as_str() {
        "Identity" => {
            only_attributes(node, &[])?;
            kept(shape.to_vec())
        }
        "Dropout" => {
            only_attributes(node, &["ratio", "seed", "is_test"])?;
            if parameters.integers(2)?.is_some_and(|training| training != [0]) {
                return Err(operator(node, " in training mode".into()));
            }
            kept(shape.to_vec())
        }
        "Reshape" => kept(reshape(node, shape, parameters)?),
        "Flatten" => {
            only_attributes(node, &["axis"])?;
            let rank = shape.len();
            let axis = match int_attribute(node, "axis", 1) {
                // It may stand behind the last axis, but negative numbers count these alone.
                behind if i64::try_from(rank) == Ok(behind) => rank,
                axis => place(node, axis, rank)?,
            };
            kept(vec![shape[..axis].iter().product(), shape[axis..].iter().product()])
        }
        "Squeeze" | "Unsqueeze" => kept(squeeze(node, opset, shape, parameters)?),
        "Transpose" => transpose(node, shape),
        "Slice" => slice(node, opset, shape, parameters),
        "Gather" => gather(node, shape, parameters),
        "Split" => split(node, opset, shape, parameters),
        _ => repeat(node, shape, parameters),
    }
}

/// The constant inputs of a node.
pub(super) struct Parameters<'a> {
    pub node: &'a Node,
    pub inputs: Vec<Option<&'a Constant>>,
}

impl Parameters<'_> {
    pub fn given(&self, index: usize) -> bool {
        self.node.input.get(index).is_some_and(|name| !name.is_empty())
    }

    /// The integers that input `index` holds, `None` where it is left out.
    pub fn integers(&self, index: usize) -> Result<Option<&[i64]>, OnnxError> {
        if !self.given(index) {
            return Ok(None);
        }
        match self.inputs.get(index) {
            Some(Some(Constant { data: Data::Integers(values), .. })) => Ok(Some(values)),
            _ => Err(operator(
                self.node,
                format!(" with '{}', which are no constant integers", self.node.input[index]),
            )),
        }
    }

    /// Integers that are an attribute of earlier operator sets and input `index`
    /// of later ones.
    fn either(&self, name: &str, index: usize, earlier: bool) -> Result<Option<Vec<i64>>, OnnxError> {
        if earlier {
            let found = self.node.attribute.iter().find(|a| a.name == name);
            return Ok(found.map(|attribute| attribute.ints.clone()));
        }
        Ok(self.integers(index)?.map(<[i64]>::to_vec))
    }
}

/// The axis, counted from the end where it is negative, of `rank`.
pub(super) fn place(node: &Node, axis: i64, rank: usize) -> Result<usize, OnnxError> {
    let signed = i64::try_from(rank).unwrap_or(i64::MAX);
    let axis = if axis < 0 { axis.saturating_add(signed) } else { axis };
    usize::try_from(axis)
        .ok()
        .filter(|axis| *axis < rank)
        .ok_or_else(|| operator(node, format!(" along axis {axis} of {rank}")))
}

fn reshape(node: &Node, shape: &[usize], parameters: &Parameters<'_>) -> Result<Vec<usize>, OnnxError> {
    only_attributes(node, &["allowzero"])?;
    let refused = |asked: &[i64]| operator(node, format!(" of {shape:?} to {asked:?}"));
    let Some(asked) = parameters.integers(1)? else { return Err(refused(&[])) };
    let keeps_zero = int_attribute(node, "allowzero", 0) == 0;
    let known = |(axis, &size): (usize, &i64)| match size {
        -1 => Some(1),
        0 if keeps_zero => shape.get(axis).copied(),
        _ => usize::try_from(size).ok(),
    };
    let mut sizes: Vec<usize> =
        asked.iter().enumerate().map(known).collect::<Option<_>>().ok_or_else(|| refused(asked))?;
    let product = sizes.iter().try_fold(1usize, |p, &d| p.checked_mul(d)).filter(|p| *p > 0);
    let (all, product) = (shape.iter().product::<usize>(), product.ok_or_else(|| refused(asked))?);
    let open: Vec<usize> = (0..asked.len()).filter(|&axis| asked[axis] == -1).collect();
    match open[..] {
        [] if product == all => {}
        [axis] if all.is_multiple_of(product) => sizes[axis] = all / product,
        _ => return Err(refused(asked)),
    }
    Ok(sizes)
}

fn squeeze(
    node: &Node,
    opset: i64,
    shape: &[usize],
    parameters: &Parameters<'_>,
) -> Result<Vec<usize>, OnnxError> {
    only_attributes(node, if opset < 13 { &["axes"] } else { &[] })?;
    let axes = parameters.either("axes", 1, opset < 13)?;
    if node.op_type == "Squeeze" {
        let Some(axes) = axes else { return Ok(shape.iter().copied().filter(|&d| d != 1).collect()) };
        let places = axes.iter().map(|&a| place(node, a, shape.len())).collect::<Result<Vec<_>, _>>()?;
        if let Some(axis) = places.iter().find(|axis| shape[**axis] != 1) {
            return Err(operator(node, format!(" of axis {axis} of {shape:?}")));
        }
        return Ok((0..shape.len()).filter(|axis| !places.contains(axis)).map(|axis| shape[axis]).collect());
    }
    let axes = axes.ok_or_else(|| operator(node, " without axes".into()))?;
    let rank = shape.len() + axes.len();
    let places = axes.iter().map(|&a| place(node, a, rank)).collect::<Result<Vec<_>, _>>()?;
    let mut sizes = shape.iter().copied();
    let result: Vec<usize> =
        (0..rank).filter_map(|axis| if places.contains(&axis) { Some(1) } else { sizes.next() }).collect();
    if result.len() == rank { Ok(result) } else { Err(operator(node, format!(" with axes {axes:?}"))) }
}

fn transpose(node: &Node, shape: &[usize]) -> Result<Vec<Moved>, OnnxError> {
    only_attributes(node, &["perm"])?;
    let order: Vec<usize> = match node.attribute.first() {
        Some(perm) => perm.ints.iter().map(|&a| place(node, a, shape.len())).collect::<Result<_, _>>()?,
        None => (0..shape.len()).rev().collect(),
    };
    let mut sorted = order.clone();
    sorted.sort_unstable();
    if sorted != (0..shape.len()).collect::<Vec<_>>() {
        return Err(operator(node, format!(" of {shape:?} by {order:?}")));
    }
    let strides = strides(shape);
    let axes: Vec<Vec<usize>> =
        order.iter().map(|&axis| (0..shape[axis]).map(|i| i * strides[axis]).collect()).collect();
    Ok(vec![chosen(&axes)])
}

/// The tensor of all combinations of what is left of each axis.
fn chosen(axes: &[Vec<usize>]) -> Moved {
    Moved { shape: axes.iter().map(Vec::len).collect(), indices: offsets(axes) }
}

/// Every element of each axis.
fn whole(shape: &[usize]) -> Vec<Vec<usize>> {
    let strides = strides(shape);
    shape.iter().zip(&strides).map(|(&size, stride)| (0..size).map(|i| i * stride).collect()).collect()
}

fn slice(
    node: &Node,
    opset: i64,
    shape: &[usize],
    parameters: &Parameters<'_>,
) -> Result<Vec<Moved>, OnnxError> {
    let earlier = opset < 10;
    only_attributes(node, if earlier { &["starts", "ends", "axes"] } else { &[] })?;
    let missing = || operator(node, " without its starts and ends".into());
    let starts = parameters.either("starts", 1, earlier)?.ok_or_else(missing)?;
    let ends = parameters.either("ends", 2, earlier)?.ok_or_else(missing)?;
    let count = i64::try_from(starts.len()).unwrap_or(0);
    let axes = parameters.either("axes", 3, earlier)?.unwrap_or_else(|| (0..count).collect());
    let steps = parameters.integers(4)?.map_or_else(|| vec![1; starts.len()], <[i64]>::to_vec);
    if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] {
        return Err(missing());
    }
    let mut kept = whole(shape);
    let places = axes.iter().map(|&axis| place(node, axis, shape.len())).collect::<Result<Vec<_>, _>>()?;
    for (k, &axis) in places.iter().enumerate() {
        if places[..k].contains(&axis) {
            return Err(operator(node, format!(" along axis {axis} twice")));
        }
        let size = i64::try_from(shape[axis]).unwrap_or(i64::MAX);
        let from_end = |at: i64| if at < 0 { at.saturating_add(size) } else { at };
        let step = steps[k];
        // A position behind which nothing is taken.
        let (first, last) = match step {
            1.. => (from_end(starts[k]).clamp(0, size), from_end(ends[k]).clamp(0, size)),
            0 => return Err(operator(node, " with step 0".into())),
            _ => (from_end(starts[k]).clamp(-1, size - 1), from_end(ends[k]).clamp(-1, size - 1)),
        };
        let mut places = vec![];
        let mut at = first;
        while if step > 0 { at < last } else { at > last } {
            places.extend(usize::try_from(at));
            at = at.saturating_add(step);
        }
        kept[axis] = places.into_iter().map(|place| kept[axis][place]).collect();
    }
    some(node, chosen(&kept))
}

fn some(node: &Node, moved: Moved) -> Result<Vec<Moved>, OnnxError> {
    if count(&moved.shape).is_none() && !moved.shape.contains(&0) {
        return Err(operator(node, format!(" to the shape {:?}", moved.shape)));
    }
    Ok(vec![moved])
}

fn gather(node: &Node, shape: &[usize], parameters: &Parameters<'_>) -> Result<Vec<Moved>, OnnxError> {
    only_attributes(node, &["axis"])?;
    let axis = place(node, int_attribute(node, "axis", 0), shape.len())?;
    let (Some(asked), Some(Some(constant))) = (parameters.integers(1)?, parameters.inputs.get(1)) else {
        return Err(operator(node, " without indices".into()));
    };
    let size = shape[axis];
    let places = asked.iter().map(|&i| place(node, i, size)).collect::<Result<Vec<_>, _>>()?;
    let mut axes = whole(shape);
    axes[axis] = places.into_iter().map(|place| axes[axis][place]).collect();
    let shape = [&shape[..axis], &constant.shape, &shape[axis + 1..]].concat();
    let indices = if count(&shape).is_some() { offsets(&axes) } else { vec![] };
    some(node, Moved { shape, indices })
}

fn split(
    node: &Node,
    opset: i64,
    shape: &[usize],
    parameters: &Parameters<'_>,
) -> Result<Vec<Moved>, OnnxError> {
    only_attributes(node, &["axis", "split", "num_outputs"])?;
    let axis = place(node, int_attribute(node, "axis", 0), shape.len())?;
    let (size, parts) = (shape[axis], node.output.len().max(1));
    let sizes = match parameters.either("split", 1, opset < 13)? {
        Some(sizes) => sizes.iter().map(|&s| usize::try_from(s).unwrap_or(0)).collect(),
        None => {
            let most = size.div_ceil(parts);
            (0..parts).map(|part| most.min(size.saturating_sub(part * most))).collect::<Vec<_>>()
        }
    };
    let total = sizes.iter().try_fold(0usize, |sum, &s| sum.checked_add(s));
    if total != Some(size) || sizes.len() != parts || sizes.contains(&0) {
        return Err(operator(node, format!(" of {size} into {sizes:?}")));
    }
    let mut first = 0;
    Ok(sizes
        .into_iter()
        .map(|size| {
            let mut axes = whole(shape);
            axes[axis] = axes[axis][first..first + size].to_vec();
            first += size;
            chosen(&axes)
        })
        .collect())
}

/// Concat: the shape that tensors of these shapes come to one behind the other, and where each
/// of its elements stands among those of all of them.
pub(super) fn joined(node: &Node, shapes: &[&[usize]]) -> Result<(Vec<usize>, Vec<usize>), OnnxError> {
    let first = shapes.first().copied().unwrap_or(&[]);
    let (rank, mut shape) = (first.len(), first.to_vec());
    // Without a default in the standard, 0 there.
    let axis = place(node, int_attribute(node, "axis", 0), rank)?;
    shape[axis] = 0;
    for part in shapes {
        let mut fits = part.to_vec();
        if fits.len() == rank {
            fits[axis] = shape[axis];
        }
        if fits != shape {
            return Err(operator(node, " of values that do not fit".into()));
        }
        shape[axis] = shape[axis].saturating_add(part[axis]);
    }
    let empty = shape.contains(&0);
    if !empty && count(&shape).is_none() {
        return Err(operator(node, format!(" to the shape {shape:?}")));
    }
    let mut indices = vec![0; shape.iter().product()];
    let (steps, mut first, mut along) = (strides(&shape), 0, 0);
    for part in shapes {
        let place = |(d, &size): (usize, &usize)| -> Vec<usize> {
            let start = if d == axis { along } else { 0 };
            (start..start + size).map(|i| i * steps[d]).collect()
        };
        for (position, target) in
            offsets(&part.iter().enumerate().map(place).collect::<Vec<_>>()).into_iter().enumerate()
        {
            indices[target] = first + position;
        }
        first += part.iter().product::<usize>();
        along += part[axis];
    }
    Ok((shape, indices))
}

/// Expand and Tile.
fn repeat(node: &Node, shape: &[usize], parameters: &Parameters<'_>) -> Result<Vec<Moved>, OnnxError> {
    only_attributes(node, &[])?;
    let refused = |asked: &[i64]| operator(node, format!(" of {shape:?} by {asked:?}"));
    let Some(asked) = parameters.integers(1)? else { return Err(refused(&[])) };
    let sizes: Vec<usize> = asked.iter().map(|&d| usize::try_from(d).unwrap_or(0)).collect();
    if node.op_type == "Expand" {
        let to = super::value::broadcast(shape, &sizes).ok_or_else(|| refused(asked))?;
        let indices = super::value::stretched(shape, &to);
        return Ok(vec![Moved { shape: to, indices }]);
    }
    let result: Option<Vec<usize>> =
        shape.iter().zip(&sizes).map(|(&d, &times)| d.checked_mul(times)).collect();
    let result = result.filter(|result| sizes.len() == shape.len() && count(result).is_some());
    if result.is_none() {
        return Err(refused(asked));
    }
    let axes: Vec<Vec<usize>> =
        whole(shape).iter().zip(&sizes).map(|(axis, &times)| axis.repeat(times)).collect();
    Ok(vec![chosen(&axes)])
}
