//! Linear models of `ai.onnx.ml`, as skl2onnx writes those of scikit-learn.

use std::rc::Rc;

use indelible::Precision;
use indelible::network::{AffineMap, LayerBuilder, Operation};

use super::{
    Reader, constant, first,
    movement::place,
    value::{Computed, Constant, Data, Stage, Tail, Value, strides},
};
use crate::onnx::{
    OnnxError,
    graph::{int_attribute, only_attributes, operator},
    proto::Node,
};

/// Coefficients and intercept of every score.
type Rows = Vec<(Vec<f64>, f64)>;

impl Reader<'_> {
    /// LinearClassifier: the label of the largest score, and what becomes of the scores.
    pub(super) fn linear_classifier(
        &mut self,
        node: &Node,
        inputs: &[Option<Value>],
    ) -> Result<Vec<Value>, OnnxError> {
        const LABELS: [&str; 2] = ["classlabels_ints", "classlabels_strings"];
        let others = ["coefficients", "intercepts", "multi_class", "post_transform"];
        only_attributes(node, &[&LABELS[..], &others].concat())?;
        let x = first(node, inputs)?.clone();
        let of = |name: &str| node.attribute.iter().find(|attribute| attribute.name == name);
        let names = match (of(LABELS[0]), of(LABELS[1])) {
            (Some(integers), None) => Data::Integers(integers.ints.clone()),
            (None, Some(texts)) => {
                let text = |bytes: &bytes::Bytes| String::from_utf8_lossy(bytes).into_owned();
                Data::Texts(texts.strings.iter().map(text).collect())
            }
            _ => return Err(operator(node, " without class labels, or with both kinds".into())),
        };
        let (rows, scores) = self.linear(node, &x)?;
        let names = Constant { shape: vec![], data: names };
        if rows.len() < 2 || names.len() != rows.len() {
            let what = format!(" of {} scores for {} classes", rows.len(), names.len());
            return Err(operator(node, what));
        }
        let transform = of("post_transform").and_then(|attribute| attribute.s.as_deref()).unwrap_or(b"NONE");
        // One number and its negative: their Sigmoids are on either side of one half.
        let opposite = |[no, yes]: &[(Vec<f64>, f64); 2]| {
            no.1 == -yes.1 && no.0.iter().zip(&yes.0).all(|(no, yes)| *no == -yes)
        };
        let values = match transform {
            b"NONE" => Value::Computed(scores.clone()),
            b"LOGISTIC" if !<&[_; 2]>::try_from(&rows[..]).is_ok_and(opposite) => {
                let why = " with LOGISTIC of scores that are not one number and its negative";
                return Err(operator(node, why.into()));
            }
            b"SOFTMAX" | b"LOGISTIC" => {
                self.makes_ties(node, &format!("{} of the scores", String::from_utf8_lossy(transform)));
                Value::Tail(Tail { logits: scores.clone(), stage: Stage::Probabilities })
            }
            other => return Err(operator(node, format!(" with {}", String::from_utf8_lossy(other)))),
        };
        self.named(&names);
        self.note(node, "its label is that of the largest score");
        Ok(vec![Value::Tail(Tail { logits: scores, stage: Stage::Label }), values])
    }

    /// LinearRegressor: a value for each target.
    pub(super) fn linear_regressor(
        &mut self,
        node: &Node,
        inputs: &[Option<Value>],
    ) -> Result<Value, OnnxError> {
        only_attributes(node, &["coefficients", "intercepts", "targets", "post_transform"])?;
        let x = first(node, inputs)?.clone();
        let transform = node.attribute.iter().find(|attribute| attribute.name == "post_transform");
        let (rows, values) = self.linear(node, &x)?;
        let targets = usize::try_from(int_attribute(node, "targets", 1));
        let is_plain = transform.is_none_or(|attribute| attribute.s.as_deref() == Some(b"NONE"));
        if targets != Ok(rows.len()) || !is_plain {
            return Err(operator(node, format!(" of {} values, or with a post_transform", rows.len())));
        }
        Ok(Value::Computed(values))
    }

    /// The rows of a linear model, coefficients and intercept, and what they make of `x`.
    fn linear(&mut self, node: &Node, x: &Computed) -> Result<(Rows, Computed), OnnxError> {
        if self.precision != Precision::F32 {
            return Err(operator(node, " of binary64 numbers, which it rounds to binary32".into()));
        }
        let numbers = |name: &str| -> Vec<f64> {
            let attribute = node.attribute.iter().find(|attribute| attribute.name == name);
            attribute.map_or(vec![], |attribute| attribute.floats.iter().map(|v| f64::from(*v)).collect())
        };
        let (coefficients, mut intercepts) = (numbers("coefficients"), numbers("intercepts"));
        let features = match x.shape[..] {
            [1, features] => features,
            [features] if !self.batched => features,
            _ => return Err(operator(node, format!(" of {:?}; expected one row", x.shape))),
        };
        if intercepts.is_empty() {
            intercepts = vec![0.0; coefficients.len() / features];
        }
        let fits = intercepts.len().checked_mul(features) == Some(coefficients.len());
        let finite = coefficients.iter().chain(&intercepts).all(|v| v.is_finite());
        if !fits || intercepts.is_empty() || !finite {
            let (all, rows) = (coefficients.len(), intercepts.len());
            return Err(operator(node, format!(" of {features} features by {all} numbers in {rows} rows")));
        }
        let rows: Rows = coefficients.chunks(features).map(<[f64]>::to_vec).zip(intercepts).collect();
        let mut layer = LayerBuilder::new(features);
        for (weights, bias) in &rows {
            for (column, weight) in weights.iter().enumerate() {
                layer.weight(column, *weight);
            }
            layer.bias(*bias);
        }
        let map = Operation::Affine(AffineMap::Rows(layer.finish()));
        let values = self.push(map, vec![x.vector], vec![1, rows.len()]);
        Ok((rows, values))
    }

    /// ArrayFeatureExtractor: some columns of a row, or of a constant.
    pub(super) fn columns(&mut self, node: &Node, inputs: &[Option<Value>]) -> Result<Value, OnnxError> {
        only_attributes(node, &[])?;
        let refused = || operator(node, " of this arrangement".into());
        let [Some(from), Some(Value::Constant(at))] = inputs else { return Err(refused()) };
        let shape = match from {
            Value::Computed(x) => &x.shape,
            Value::Constant(c) => &c.shape,
            Value::Tail(_) => return Err(refused()),
        };
        let (Data::Integers(places), Some((&size, leading))) = (&at.data, shape.split_last()) else {
            return Err(refused());
        };
        let places = places.iter().map(|&i| place(node, i, size)).collect::<Result<Vec<_>, _>>()?;
        let rows: usize = leading.iter().product();
        let step = strides(shape).get(leading.len().wrapping_sub(1)).copied().unwrap_or(size);
        let indices = (0..rows).flat_map(|row| places.iter().map(move |place| row * step + place)).collect();
        // A vector becomes a row.
        let mut shape = leading.to_vec();
        if shape.is_empty() {
            shape.push(1);
        }
        shape.push(places.len());
        Ok(match from {
            Value::Computed(x) => Value::Computed(self.select(x, indices, shape)),
            _ => match inputs.first().and_then(constant) {
                Some(c) => Value::Constant(Rc::new(c.moved(shape, &indices))),
                None => return Err(refused()),
            },
        })
    }
}
