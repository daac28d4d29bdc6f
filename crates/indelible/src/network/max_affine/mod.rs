//! The compact form of the nearest neighbour in the Euclidean norm: maxima of
//! affine scores.

mod evaluate;

use std::borrow::Cow;

use super::{
    Arithmetic, Evaluator, Layer, LayerBuilder, Network, Size,
    maxima::{groups_after, levels, maxima},
    size::{size_of_hidden, sizes_of_layers},
};
use crate::{Error, Features, Precision, isa::Isa, number::Real, parallel};

/// One affine score per stored row, and per class the largest of its scores:
///
/// ```text
/// s_k = rows_k · x + biases_k
/// y_c = max(0, max of s_k over the rows k of class c)
/// ```
///
/// An *origin* `m` may stand in front: then `x` is read as `relu(x − m)`, which moves
/// points that lie above it, and those below onto it. Scores of points far
/// from 0 are sums of large products, whose roundings an origin avoids.
///
/// Rows are sorted by class: class `c` has those up to `ends_c`, from where
/// the class before ends. All numbers are numbers of `precision`; sums are
/// executed in it in any order.
#[derive(Clone, Debug)]
pub struct MaxAffine {
    precision: Precision,
    features: usize,
    origin: Option<Vec<f64>>,
    rows: Features,
    biases: Vec<f64>,
    ends: Vec<usize>,
}

impl MaxAffine {
    /// The scores of `rows` (`K × n` weights, row after row; a table of levels
    /// need not be increasing) with one bias each, `features = n`, class `c`
    /// having the rows up to `ends[c]`.
    ///
    /// # Errors
    /// [`Error::BadForm`] when there is no feature or no class, rows, biases
    /// and ends do not belong together, ends decrease, or a number is no
    /// finite number of the format.
    pub fn new(
        precision: Precision,
        features: usize,
        rows: Features,
        biases: Vec<f64>,
        ends: Vec<usize>,
    ) -> Result<Self, Error> {
        let bad = |why: String| Err(Error::BadForm { form: "max-affine", why });
        if features == 0 || Some(rows.len()) != features.checked_mul(biases.len()) {
            return bad(format!("{} weights for {} rows of {features} features", rows.len(), biases.len()));
        }
        if !ends.is_sorted() || ends.last() != Some(&biases.len()) {
            return bad(format!("its classes do not end one after the other at row {}", biases.len()));
        }
        if !rows.holds(precision) || !biases.iter().all(|b| precision.holds(*b)) {
            return bad(format!("a weight or bias is no finite number of {precision}"));
        }
        Ok(Self { precision, features, origin: None, rows, biases, ends })
    }

    /// The same scores of `relu(x − origin)` in place of `x`; one number of binary32
    /// for each feature, so that it is the same map in both formats.
    ///
    /// # Errors
    /// [`Error::BadForm`] when there is another number of them, or one is no finite
    /// number of binary32.
    pub fn with_origin(self, origin: Vec<f64>) -> Result<Self, Error> {
        let bad = |why: String| Err(Error::BadForm { form: "max-affine", why });
        if origin.len() != self.features {
            return bad(format!("an origin of {} numbers for {} features", origin.len(), self.features));
        }
        if let Some(m) = origin.iter().find(|m| !Precision::F32.holds(**m)) {
            return bad(format!("its origin has {m}; expected finite numbers of binary32"));
        }
        Ok(Self { origin: Some(origin), ..self })
    }

    /// The point that is taken away from inputs first, one number per feature.
    #[must_use]
    pub fn origin(&self) -> Option<&[f64]> {
        self.origin.as_deref()
    }

    /// The same scores without what is in front of them.
    pub(crate) fn without_origin(&self) -> Self {
        Self { origin: None, ..self.clone() }
    }

    /// The weights, row after row.
    #[must_use]
    pub fn rows(&self) -> &Features {
        &self.rows
    }

    /// One bias per row.
    #[must_use]
    pub fn biases(&self) -> &[f64] {
        &self.biases
    }

    /// For each class where its rows end.
    #[must_use]
    pub fn ends(&self) -> &[usize] {
        &self.ends
    }

    /// Number of classes, `L`.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.ends.len()
    }

    /// The rows of class `class`.
    #[must_use]
    pub fn class_rows(&self, class: usize) -> std::ops::Range<usize> {
        let start = if class == 0 { 0 } else { self.ends[class - 1] };
        start..self.ends[class]
    }

    /// Row `row`, exactly, into `out` of length `n`.
    ///
    /// # Panics
    /// When `row` is out of range or `out` has another length.
    pub fn copy_row(&self, row: usize, out: &mut [f64]) {
        assert_eq!(out.len(), self.features);
        self.rows.copy(row * self.features, out);
    }

    /// Per class how many neurons add up to each value after some levels of its
    /// tree of maxima.
    fn groups(&self, levels: usize) -> Vec<Vec<usize>> {
        (0..self.classes()).map(|c| groups_after(levels, vec![1; self.class_rows(c).len()])).collect()
    }

    /// Layers in front of the scores.
    fn front(&self) -> usize {
        usize::from(self.origin.is_some())
    }

    /// Levels of the deepest tree.
    fn levels(&self) -> usize {
        (0..self.classes()).map(|c| levels(self.class_rows(c).len())).max().unwrap_or(0)
    }

    /// `relu(x − m)`, before its ReLU.
    fn shift(origin: &[f64]) -> Layer {
        let mut layer = LayerBuilder::new(origin.len());
        for (j, &m) in origin.iter().enumerate() {
            layer.weight(j, 1.0).bias(-m);
        }
        layer.finish()
    }

    fn scores(&self) -> Layer {
        let mut layer = LayerBuilder::new(self.features);
        let mut row = vec![0.0; self.features];
        for (k, &bias) in self.biases.iter().enumerate() {
            self.copy_row(k, &mut row);
            for (j, &weight) in row.iter().enumerate() {
                layer.weight(j, weight);
            }
            layer.bias(bias);
        }
        layer.finish()
    }

    /// What the scores are taken of, for whole rows of inputs.
    fn moved<'a>(&self, inputs: &'a [f64]) -> Cow<'a, [f64]> {
        let Some(origin) = &self.origin else { return inputs.into() };
        let moved = |(x, m): (&f64, &f64)| self.precision.round(self.precision.round(*x) - m).relu();
        inputs.iter().zip(origin.iter().cycle()).map(moved).collect()
    }

    /// Outputs for whole rows of inputs, with one instruction set.
    pub(super) fn outputs_with(&self, isa: Isa, inputs: &[f64]) -> Vec<f64> {
        let inputs = self.moved(inputs);
        match self.precision {
            Precision::F32 => evaluate::outputs::<f32>(self, isa, &inputs),
            Precision::F64 => evaluate::outputs::<f64>(self, isa, &inputs),
        }
    }

    /// The scores of all rows for whole rows of inputs, computed in the format: one
    /// input after the other. The result does not depend on the instruction set.
    pub(crate) fn scores_of(&self, inputs: &[f64]) -> Vec<f64> {
        let inputs = self.moved(inputs);
        match self.precision {
            Precision::F32 => evaluate::scores::<f32>(self, Isa::best(), &inputs),
            Precision::F64 => evaluate::scores::<f64>(self, Isa::best(), &inputs),
        }
    }

    /// The outputs at one point `x`, `n` numbers, as `arithmetic` has them.
    pub fn evaluate_in<A: Arithmetic>(&self, arithmetic: &mut A, x: &[A::Number]) -> Vec<A::Number> {
        let mut row = vec![0.0; self.features];
        let moved: Option<Vec<A::Number>> = self.origin.as_ref().map(|origin| {
            let moved = |(x, &m): (&A::Number, &f64)| {
                let m = arithmetic.number(m);
                let moved = arithmetic.minus(x, &m);
                arithmetic.relu(&moved)
            };
            x.iter().zip(origin).map(moved).collect()
        });
        let x = moved.as_deref().unwrap_or(x);
        (0..self.classes())
            .map(|class| {
                let zero = arithmetic.number(0.0);
                self.class_rows(class).fold(zero, |best, k| {
                    self.copy_row(k, &mut row);
                    let terms: Vec<_> = row.iter().copied().zip(x.iter().cloned()).collect();
                    let bias = arithmetic.number(self.biases[k]);
                    let score = arithmetic.dot(&bias, &terms);
                    arithmetic.max(&best, &score)
                })
            })
            .collect()
    }
}

/// The layers for the same function: what is in front, the scores, then per class a
/// tree of maxima and the sum of what it leaves.
impl Network for MaxAffine {
    fn precision(&self) -> Precision {
        self.precision
    }

    fn inputs(&self) -> usize {
        self.features
    }

    fn outputs(&self) -> usize {
        self.ends.len()
    }

    fn depth(&self) -> usize {
        self.front() + self.levels() + 2
    }

    fn layer(&self, index: usize) -> Layer {
        if let Some(origin) = self.origin.as_ref().filter(|_| index == 0) {
            return Self::shift(origin);
        }
        let Some(level) = (index - self.front()).checked_sub(1) else { return self.scores() };
        let groups = self.groups(level);
        let mut layer = LayerBuilder::new(groups.iter().flatten().sum());
        let mut at = 0;
        for class in &groups {
            if level < self.levels() {
                maxima(&mut layer, class, &mut at);
                continue;
            }
            for _ in 0..class.iter().sum() {
                layer.weight(at, 1.0);
                at += 1;
            }
            layer.bias(0.0);
        }
        layer.finish()
    }

    /// The scores are counted one number at a time: in one layer they take
    /// sixteen bytes a weight.
    fn size(&self) -> Size {
        let (count, n) = (self.biases.len(), self.features);
        // The layers behind the scores have weights of 1.
        let none = || Size { max_abs: 1.0, ..Size::NONE };
        let row = |k: usize| (k * n..(k + 1) * n).map(|at| self.rows.at(at)).fold(none(), Size::with);
        let rows = parallel::map(count, row).into_iter().fold(none(), Size::then);
        let scores = self.biases.iter().copied().fold(rows, Size::with);
        let scores = Size { depth: 1, width: count, all: (n + 1) * count, ..scores };
        let front: Vec<Layer> = self.origin.iter().map(|origin| Self::shift(origin)).collect();
        size_of_hidden(&front).then(scores).then(sizes_of_layers(self, self.front() + 1))
    }
}

impl Evaluator for &MaxAffine {
    fn inputs(&self) -> usize {
        self.features
    }

    fn outputs(&self, inputs: &[f64]) -> Vec<f64> {
        self.outputs_with(Isa::best(), inputs)
    }
}
