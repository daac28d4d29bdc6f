//! Images whose pixels are repeated.

use super::{
    Reader, constant, first,
    value::{Data, Value, count, offsets, strides},
};
use crate::onnx::{
    OnnxError,
    graph::{int_attribute, only_attributes, operator},
    proto::Node,
};

impl Reader<'_> {
    /// Resize and Upsample by nearest neighbours, where every pixel becomes the same whole
    /// number of them along an axis: then no rounding decides which one is nearest.
    pub(super) fn enlarged(&mut self, node: &Node, inputs: &[Option<Value>]) -> Result<Value, OnnxError> {
        let is_resize = node.op_type == "Resize" && self.opset >= 11;
        let known: &[&str] = if is_resize {
            &[
                "mode",
                "coordinate_transformation_mode",
                "nearest_mode",
                "cubic_coeff_a",
                "extrapolation_value",
                "exclude_outside",
                "antialias",
                "keep_aspect_ratio_policy",
            ]
        } else {
            &["mode", "scales"]
        };
        only_attributes(node, known)?;
        let x = first(node, inputs)?.clone();
        let text = |name: &str, default: &'static str| {
            let found = node.attribute.iter().find(|a| a.name == name).and_then(|a| a.s.as_deref());
            found.map_or_else(|| default.to_owned(), |text| String::from_utf8_lossy(text).into_owned())
        };
        let mode = text("mode", "nearest");
        let place =
            text("coordinate_transformation_mode", if is_resize { "half_pixel" } else { "asymmetric" });
        let nearest = text("nearest_mode", if is_resize { "round_prefer_floor" } else { "floor" });
        let repeats = matches!(
            (place.as_str(), nearest.as_str()),
            ("asymmetric", "floor") | ("half_pixel", "round_prefer_floor" | "round_prefer_ceil")
        );
        if mode != "nearest" || !repeats || int_attribute(node, "antialias", 0) != 0 {
            return Err(operator(node, format!(" of mode {mode}, {place}, {nearest}")));
        }
        let times = self.times_of(node, inputs, &x.shape);
        let times = times.ok_or_else(|| operator(node, " by other than whole numbers".into()))?;
        let shape: Vec<usize> =
            x.shape.iter().zip(&times).map(|(size, times)| size.saturating_mul(*times)).collect();
        count(&shape).ok_or_else(|| operator(node, format!(" to the shape {shape:?}")))?;
        self.keeps_batch(node, &shape)?;
        let steps = strides(&x.shape);
        let axis = |d: usize| (0..shape[d]).map(|i| i / times[d] * steps[d]).collect::<Vec<_>>();
        let indices = offsets(&(0..shape.len()).map(axis).collect::<Vec<_>>());
        Ok(Value::Computed(self.select(&x, indices, shape)))
    }

    /// How many times every axis becomes longer.
    fn times_of(&self, node: &Node, inputs: &[Option<Value>], shape: &[usize]) -> Option<Vec<usize>> {
        let is_resize = node.op_type == "Resize" && self.opset >= 11;
        let scales = match inputs.get(if is_resize { 2 } else { 1 }) {
            Some(input) => constant(input).and_then(|c| match &c.data {
                Data::Numbers(values, _) if !values.is_empty() => Some(values.clone()),
                _ => None,
            }),
            None => {
                let scales = node.attribute.iter().find(|a| a.name == "scales");
                scales.map(|scales| scales.floats.iter().map(|v| f64::from(*v)).collect())
            }
        };
        let times: Vec<usize> = match (scales, inputs.get(3).and_then(constant).map(|c| &c.data)) {
            (Some(scales), None) if scales.len() == shape.len() => {
                scales.into_iter().map(whole).collect::<Option<_>>()?
            }
            (None, Some(Data::Integers(sizes))) if is_resize && sizes.len() == shape.len() => sizes
                .iter()
                .zip(shape)
                .map(|(size, old)| {
                    let size = usize::try_from(*size).ok().filter(|size| size.is_multiple_of(*old))?;
                    Some(size / old).filter(|times| *times > 0)
                })
                .collect::<Option<_>>()?,
            _ => return None,
        };
        Some(times)
    }
}

/// A factor as a whole number.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number from 1 to 65536")]
fn whole(factor: f64) -> Option<usize> {
    (factor.fract() == 0.0 && (1.0..=65536.0).contains(&factor)).then_some(factor as usize)
}
