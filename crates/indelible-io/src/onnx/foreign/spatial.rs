//! Convolutions, pooling, padding, and means along axes.

use indelible::network::{AffineMap, Convolution, Groups, Inexact, LayerBuilder, Operation, Window};
use indelible::number::{div_down, div_up};

use super::{
    Reader, arithmetic, constant, first,
    movement::{Parameters, place},
    value::{Computed, MOST, Value, count, offsets, strides},
};
use crate::onnx::{
    OnnxError,
    graph::{int_attribute, only_attributes, operator},
    proto::Node,
};

const PLACING: [&str; 6] = ["auto_pad", "dilations", "kernel_shape", "pads", "strides", "group"];

/// The positive integers of an attribute, `default` where it is left out.
fn sizes(node: &Node, name: &str, axes: usize, default: usize) -> Result<Vec<usize>, OnnxError> {
    let Some(found) = node.attribute.iter().find(|a| a.name == name) else { return Ok(vec![default; axes]) };
    let sizes: Option<Vec<usize>> = found.ints.iter().map(|&d| usize::try_from(d).ok()).collect();
    let fits = |sizes: &Vec<usize>| sizes.len() == axes && sizes.iter().all(|&d| d >= default.min(1));
    sizes.filter(fits).ok_or_else(|| operator(node, format!(" with {name} {:?}", found.ints)))
}

/// Where a kernel lies on the image that `shape`, `[1, channels, …]`, is.
fn window(node: &Node, shape: &[usize], kernel: Option<Vec<usize>>) -> Result<Window, OnnxError> {
    let axes = shape.len().saturating_sub(2);
    if !(1..=2).contains(&axes) || shape[0] != 1 {
        return Err(operator(
            node,
            format!(" on values of shape {shape:?}; expected images of one or two dimensions"),
        ));
    }
    let kernel = match kernel {
        Some(kernel) if kernel.len() == axes => kernel,
        Some(kernel) => return Err(operator(node, format!(" with a kernel of shape {kernel:?}"))),
        None => sizes(node, "kernel_shape", axes, 0)?,
    };
    if node.attribute.iter().any(|a| a.name == "kernel_shape")
        && sizes(node, "kernel_shape", axes, 1)? != kernel
    {
        return Err(operator(node, " with a kernel of another shape than it says".into()));
    }
    let strides = sizes(node, "strides", axes, 1)?;
    let dilations = sizes(node, "dilations", axes, 1)?;
    let pads = sizes(node, "pads", 2 * axes, 0)?;
    let auto = node.attribute.iter().find(|a| a.name == "auto_pad").and_then(|a| a.s.as_deref());
    let (mut before, mut places) = (vec![], vec![]);
    for axis in 0..axes {
        let size = shape[axis + 2];
        let too_large = || operator(node, format!(" with a kernel {kernel:?} larger than {:?}", &shape[2..]));
        // How far the kernel reaches, itself included.
        let extent = kernel[axis].checked_sub(1).and_then(|k| k.checked_mul(dilations[axis]));
        let extent = extent.and_then(|reach| reach.checked_add(1)).ok_or_else(too_large)?;
        let (first, last) = match auto {
            None | Some(b"NOTSET" | b"") => (pads[axis], pads[axes + axis]),
            Some(b"VALID") => (0, 0),
            Some(b"SAME_UPPER" | b"SAME_LOWER") if dilations[axis] != 1 && node.op_type != "Conv" => {
                let why = format!(" with auto_pad and dilations {dilations:?}, where runtimes disagree");
                return Err(operator(node, why));
            }
            Some(side @ (b"SAME_UPPER" | b"SAME_LOWER")) => {
                let needed = (size.div_ceil(strides[axis]) - 1) * strides[axis];
                let needed = needed.checked_add(extent).ok_or_else(too_large)?;
                let missing = needed.saturating_sub(size);
                let less = missing / 2;
                if side == b"SAME_UPPER" { (less, missing - less) } else { (missing - less, less) }
            }
            Some(other) => {
                return Err(operator(node, format!(" with auto_pad {}", String::from_utf8_lossy(other))));
            }
        };
        let all =
            size.checked_add(first).and_then(|s| s.checked_add(last)).and_then(|s| s.checked_sub(extent));
        let all = all.ok_or_else(too_large)?;
        before.push(first);
        let whole = all / strides[axis] + 1;
        // One place more for what is left over, where it begins before the image ends.
        let is_left = int_attribute(node, "ceil_mode", 0) != 0 && all % strides[axis] != 0;
        let begins = whole.checked_mul(strides[axis]).is_some_and(|start| start < size + first);
        if is_left && begins && int_attribute(node, "count_include_pad", 0) != 0 {
            let why = " with ceil_mode and count_include_pad where windows reach beyond both, where runtimes disagree";
            return Err(operator(node, why.into()));
        }
        places.push(whole + usize::from(is_left && begins));
    }
    let two = |values: &[usize], missing: usize| match values {
        [one] => [missing, *one],
        values => [values[0], values[1]],
    };
    Ok(Window {
        channels: shape[1],
        image: two(&shape[2..], 1),
        kernel: two(&kernel, 1),
        strides: two(&strides, 1),
        dilations: two(&dilations, 1),
        pads: two(&before, 0),
        places: two(&places, 1),
    })
}

/// The shape of what comes out: as many spatial axes as went in.
fn shape_behind(window: &Window, channels: usize, before: &[usize]) -> Vec<usize> {
    let places = if before.len() == 3 { &window.places[1..] } else { &window.places[..] };
    [&[1, channels], places].concat()
}

/// Where a kernel is added for each pixel of an image, in two dimensions.
struct Spread {
    image: [usize; 2],
    kernel: [usize; 2],
    strides: [usize; 2],
    dilations: [usize; 2],
    /// What is cut off in front.
    pads: [usize; 2],
    places: [usize; 2],
}

impl Spread {
    fn of(node: &Node, image: &[usize], kernel: &[usize]) -> Result<Self, OnnxError> {
        let axes = image.len();
        let auto = node.attribute.iter().find(|a| a.name == "auto_pad").and_then(|a| a.s.as_deref());
        let is_said = |name: &str| node.attribute.iter().any(|a| a.name == name);
        let valid = match auto {
            None | Some(b"NOTSET" | b"") => false,
            Some(b"VALID") => true,
            Some(other) => {
                let why =
                    format!(" with auto_pad {}, where runtimes disagree", String::from_utf8_lossy(other));
                return Err(operator(node, why));
            }
        };
        if is_said("kernel_shape") && sizes(node, "kernel_shape", axes, 1)? != kernel {
            return Err(operator(node, " with a kernel of another shape than it says".into()));
        }
        let strides = sizes(node, "strides", axes, 1)?;
        let dilations = sizes(node, "dilations", axes, 1)?;
        let more = sizes(node, "output_padding", axes, 0)?;
        let pads = if valid { vec![0; 2 * axes] } else { sizes(node, "pads", 2 * axes, 0)? };
        let place = |axis: usize| {
            let steps = image[axis].checked_sub(1)?.checked_mul(strides[axis])?;
            let reach = kernel[axis].checked_sub(1)?.checked_mul(dilations[axis])?;
            let all = steps.checked_add(reach)?.checked_add(1)?.checked_add(more[axis])?;
            all.checked_sub(pads[axis])?.checked_sub(pads[axes + axis]).filter(|places| *places > 0)
        };
        let places = (0..axes).map(place).collect::<Option<Vec<_>>>();
        let places = places.ok_or_else(|| operator(node, format!(" with pads {pads:?} of {image:?}")))?;
        let two = |values: &[usize], missing: usize| match values {
            [one] => [missing, *one],
            values => [values[0], values[1]],
        };
        Ok(Self {
            image: two(image, 1),
            kernel: two(kernel, 1),
            strides: two(&strides, 1),
            dilations: two(&dilations, 1),
            pads: two(&pads[..axes], 0),
            places: two(&places, 1),
        })
    }

    /// For each place, the pixels that reach it, in their order, with the entry of the
    /// kernel that each is weighted by.
    fn reached(&self) -> Vec<Vec<(usize, usize)>> {
        let along = |axis: usize, place: usize| -> Vec<(usize, usize)> {
            let entry = |at: usize| {
                let back = (place + self.pads[axis]).checked_sub(at * self.strides[axis])?;
                let tap = back / self.dilations[axis];
                let fits = back.is_multiple_of(self.dilations[axis]) && tap < self.kernel[axis];
                fits.then_some((at, tap))
            };
            (0..self.image[axis]).filter_map(entry).collect()
        };
        let columns: Vec<_> = (0..self.places[1]).map(|place| along(1, place)).collect();
        let mut reached = Vec::with_capacity(self.places[0] * self.places[1]);
        for place in 0..self.places[0] {
            let lines = along(0, place);
            for columns in &columns {
                let pairs = lines.iter().flat_map(|&(y, u)| {
                    let entry =
                        move |&(x, v): &(usize, usize)| (y * self.image[1] + x, u * self.kernel[1] + v);
                    columns.iter().map(entry)
                });
                reached.push(pairs.collect());
            }
        }
        reached
    }
}

impl Reader<'_> {
    pub(super) fn convolution(&mut self, node: &Node, inputs: &[Option<Value>]) -> Result<Value, OnnxError> {
        only_attributes(node, &PLACING)?;
        let x = first(node, inputs)?.clone();
        let kernels =
            inputs.get(1).and_then(constant).filter(|c| c.shape.len() >= 3 && c.shape.len() == x.shape.len());
        let kernels = kernels.ok_or_else(|| operator(node, " with kernels of this shape".into()))?;
        let weights = self.numbers(node, kernels)?;
        let channels = kernels.shape[0];
        let window = window(node, &x.shape, Some(kernels.shape[2..].to_vec()))?;
        let groups = usize::try_from(int_attribute(node, "group", 1)).unwrap_or(0);
        let biases = match inputs.get(2).and_then(constant) {
            Some(biases) => self.numbers(node, biases)?,
            None => vec![0.0; channels],
        };
        let per_group = kernels.shape[1].checked_mul(groups);
        if biases.len() != channels || per_group != Some(x.shape[1]) || groups == 0 || channels % groups != 0
        {
            let why = format!(" of {:?} with kernels {:?} in {groups} groups", x.shape, kernels.shape);
            return Err(operator(node, why));
        }
        let shape = shape_behind(&window, channels, &x.shape);
        count(&shape).ok_or_else(|| operator(node, format!(" to the shape {shape:?}")))?;
        let map = AffineMap::Convolution(Convolution { window, groups, weights, biases });
        Ok(Value::Computed(self.push(Operation::Affine(map), vec![x.vector], shape)))
    }

    /// ConvTranspose with the pads that it says: every number of an image adds a kernel,
    /// weighted, to what comes out.
    pub(super) fn transposed_convolution(
        &mut self,
        node: &Node,
        inputs: &[Option<Value>],
    ) -> Result<Value, OnnxError> {
        only_attributes(node, &[&PLACING[..], &["output_padding"]].concat())?;
        let x = first(node, inputs)?.clone();
        let axes = x.shape.len().saturating_sub(2);
        let kernels = inputs.get(1).and_then(constant).filter(|c| c.shape.len() == x.shape.len());
        let Some(kernels) = kernels.filter(|_| (1..=2).contains(&axes) && x.shape[0] == 1) else {
            let shape = &x.shape;
            let why = format!(" on values of shape {shape:?}; expected images of one or two dimensions");
            return Err(operator(node, why));
        };
        let weights = self.numbers(node, kernels)?;
        let groups = usize::try_from(int_attribute(node, "group", 1)).unwrap_or(0);
        let spread = Spread::of(node, &x.shape[2..], &kernels.shape[2..])?;
        let per_group = kernels.shape[1];
        let channels = per_group.checked_mul(groups).unwrap_or(0);
        let biases = match inputs.get(2).and_then(constant) {
            Some(biases) => self.numbers(node, biases)?,
            None => vec![0.0; channels],
        };
        let shape = [&[1, channels], &spread.places[2 - axes..]].concat();
        let all = count(&shape).filter(|all| *all > 0);
        let fits = kernels.shape[0] == x.shape[1] && biases.len() == channels;
        if all.is_none() || !fits || groups == 0 || !x.shape[1].is_multiple_of(groups) {
            let why = format!(" of {:?} with kernels {:?} in {groups} groups", x.shape, kernels.shape);
            return Err(operator(node, why));
        }
        let (read, taps) = (x.shape[1] / groups, spread.kernel[0] * spread.kernel[1]);
        let most = spread.image[0] * spread.image[1] * taps;
        if most.checked_mul(x.shape[1] * per_group).is_none_or(|count| count > MOST) {
            return Err(operator(node, " of this size".into()));
        }
        let pixels = spread.image[0] * spread.image[1];
        let reached = spread.reached();
        let mut rows = LayerBuilder::new(x.shape.iter().product());
        for (channel, &bias) in biases.iter().enumerate() {
            let (group, own) = (channel / per_group, channel % per_group);
            for taken in &reached {
                for from in group * read..(group + 1) * read {
                    for &(pixel, tap) in taken {
                        let weight = weights[(from * per_group + own) * taps + tap];
                        rows.weight(from * pixels + pixel, weight);
                    }
                }
                rows.bias(bias);
            }
        }
        let map = AffineMap::Rows(rows.finish());
        Ok(Value::Computed(self.push(Operation::Affine(map), vec![x.vector], shape)))
    }

    pub(super) fn pool(&mut self, node: &Node, inputs: &[Option<Value>]) -> Result<Value, OnnxError> {
        let x = first(node, inputs)?.clone();
        let global = node.op_type.starts_with("Global");
        if global {
            only_attributes(node, &[])?;
        } else {
            let known = ["auto_pad", "dilations", "kernel_shape", "pads", "strides", "ceil_mode"];
            let more = if node.op_type == "MaxPool" { "storage_order" } else { "count_include_pad" };
            only_attributes(node, &[&known[..], &[more]].concat())?;
        }
        let window = window(node, &x.shape, global.then(|| x.shape[2.min(x.shape.len())..].to_vec()))?;
        let shape = shape_behind(&window, window.channels, &x.shape);
        let all = count(&shape).ok_or_else(|| operator(node, format!(" to the shape {shape:?}")))?;
        let numbers =
            window.kernel[0].checked_mul(window.kernel[1]).and_then(|kernel| kernel.checked_mul(all));
        if numbers.is_none_or(|numbers| numbers > 4 * MOST) {
            return Err(operator(node, " of this size".into()));
        }
        let (places, image) = (all / window.channels, window.image[0] * window.image[1]);
        let counts: Vec<usize> = (0..places).map(|place| window.at(place).count()).collect();
        if counts.contains(&0) {
            return Err(operator(node, " with windows outside of the image".into()));
        }
        if node.op_type.ends_with("MaxPool") {
            let mut groups = Groups::default();
            for channel in 0..window.channels {
                (0..places)
                    .for_each(|place| groups.push(window.at(place).map(|(_, at)| channel * image + at)));
            }
            return Ok(Value::Computed(self.push(Operation::Max(groups), vec![x.vector], shape)));
        }
        let kernel = window.kernel[0] * window.kernel[1];
        let whole = int_attribute(node, "count_include_pad", 0) != 0;
        let counts: Vec<usize> = counts.into_iter().map(|count| if whole { kernel } else { count }).collect();
        let channels = window.channels;
        let sums = |weight: f64| {
            let (weights, biases) = (vec![weight; channels * kernel], vec![0.0; channels]);
            AffineMap::Convolution(Convolution { groups: channels, window, weights, biases })
        };
        Ok(Value::Computed(self.mean(&x, sums, shape, |i| counts[i % places])))
    }

    /// Sums divided by how many numbers each has; `sums` takes them with a
    /// weight.
    fn mean(
        &mut self,
        x: &Computed,
        sums: impl Fn(f64) -> AffineMap,
        shape: Vec<usize>,
        count: impl Fn(usize) -> usize,
    ) -> Computed {
        let precision = self.precision;
        let inverse = |i: usize| {
            let count = count(i) as f64;
            arithmetic::between(precision, div_down(1.0, count), div_up(1.0, count))
        };
        let factors: Vec<Inexact> = (0..shape.iter().product()).map(inverse).collect();
        // Machines divide the sum, which may be too large where the mean is not.
        let sums = self.push(Operation::Affine(sums(1.0)), vec![x.vector], shape);
        let shifts = vec![Inexact::exact(0.0); factors.len()];
        self.rescale(&sums, factors, shifts)
    }

    /// Sums, means and maxima along axes.
    pub(super) fn reduce(&mut self, node: &Node, inputs: &[Option<Value>]) -> Result<Value, OnnxError> {
        only_attributes(node, &["axes", "keepdims", "noop_with_empty_axes"])?;
        let x = first(node, inputs)?.clone();
        let rank = x.shape.len();
        let parameters = Parameters { node, inputs: inputs.iter().map(constant).collect() };
        let given = node.attribute.iter().find(|a| a.name == "axes").map(|a| a.ints.as_slice());
        let axes = match (given, parameters.integers(1)?) {
            (Some(axes), None) | (None, Some(axes)) if !axes.is_empty() => {
                axes.iter().map(|&axis| place(node, axis, rank)).collect::<Result<Vec<_>, _>>()?
            }
            (None, None) if int_attribute(node, "noop_with_empty_axes", 0) == 0 => (0..rank).collect(),
            _ => return Err(operator(node, " along these axes".into())),
        };
        if self.batched && axes.contains(&0) {
            return Err(operator(node, " over the samples of a batch".into()));
        }
        let steps = strides(&x.shape);
        let along = |reduced: bool| -> Vec<Vec<usize>> {
            let axis = |d: usize| match axes.contains(&d) == reduced {
                true => (0..x.shape[d]).map(|i| i * steps[d]).collect(),
                false => vec![0],
            };
            (0..rank).map(axis).collect()
        };
        let (starts, members) = (offsets(&along(false)), offsets(&along(true)));
        let kept = int_attribute(node, "keepdims", 1) != 0;
        let shape: Vec<usize> = (0..rank)
            .filter(|d| kept || !axes.contains(d))
            .map(|d| if axes.contains(&d) { 1 } else { x.shape[d] })
            .collect();
        let group = |start: &usize| members.iter().map(|member| start + member).collect::<Vec<_>>();
        if node.op_type == "ReduceMax" || node.op_type == "ReduceMin" {
            let least = node.op_type == "ReduceMin";
            let x = if least { self.negated(&x) } else { x };
            let mut groups = Groups::default();
            starts.iter().for_each(|start| groups.push(group(start)));
            let most = self.push(Operation::Max(groups), vec![x.vector], shape);
            return Ok(Value::Computed(if least { self.negated(&most) } else { most }));
        }
        let sums = |weight: f64| {
            let mut rows = LayerBuilder::new(x.shape.iter().product());
            for start in &starts {
                for column in group(start) {
                    rows.weight(column, weight);
                }
                rows.bias(0.0);
            }
            AffineMap::Rows(rows.finish())
        };
        let count = if node.op_type == "ReduceMean" { members.len() } else { 1 };
        Ok(Value::Computed(self.mean(&x, sums, shape, |_| count)))
    }
}
