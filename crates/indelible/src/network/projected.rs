//! A network of any form behind directions: `z = relu(U x + b)` in place of the features.

use super::{
    Arithmetic, Evaluator, Layer, Model, NetworkForm, Size, evaluate::affine, layer::through, size_of_hidden,
};
use crate::{Error, Precision, number::Real, parallel};

/// Layers of directions in front, at most.
const MOST: usize = 2;

/// A network that reads what one or two layers of directions, each followed by a
/// ReLU, make of the features.
#[derive(Clone, Debug)]
pub struct Projected {
    directions: Vec<Layer>,
    inner: Box<Model>,
}

impl Projected {
    /// `inner` behind `directions`, one layer or two.
    ///
    /// # Errors
    /// [`Error::BadForm`] when there is another number of layers, one gives not what is
    /// read behind it, reads nothing, or has a weight or bias that is no finite number
    /// of the format; when `inner` has a map or directions in front already.
    pub fn new(directions: Vec<Layer>, inner: Model) -> Result<Self, Error> {
        let bad = |why: String| Err(Error::BadForm { form: "directions", why });
        if !(1..=MOST).contains(&directions.len()) {
            return bad(format!("{} layers of directions; expected 1 or {MOST}", directions.len()));
        }
        if matches!(inner, Model::Scaled(_) | Model::Projected(_) | Model::Patched(_)) {
            return bad("what is behind them has a map, directions or a memory of its own".into());
        }
        let mut read = inner.inputs();
        for layer in directions.iter().rev() {
            if layer.outputs() != read || layer.inputs() == 0 {
                let (m, n) = (layer.outputs(), layer.inputs());
                return bad(format!("{m} directions of {n} features; expected {read}"));
            }
            if !layer.holds(inner.precision()) {
                let precision = inner.precision();
                return bad(format!("a number of a direction is no finite number of {precision}"));
            }
            read = layer.inputs();
        }
        Ok(Self { directions, inner: Box::new(inner) })
    }

    /// The layers in front, one or two; the last has one neuron per direction.
    #[must_use]
    pub fn directions(&self) -> &[Layer] {
        &self.directions
    }

    /// The network behind them.
    #[must_use]
    pub fn inner(&self) -> &Model {
        &self.inner
    }

    /// The outputs at one point as `arithmetic` has them.
    pub(super) fn evaluate_in<A: Arithmetic>(&self, arithmetic: &mut A, x: &[A::Number]) -> Vec<A::Number> {
        let sums = through(arithmetic, &self.directions, x.to_vec());
        let z: Vec<A::Number> = sums.iter().map(|sum| arithmetic.relu(sum)).collect();
        self.inner.evaluate_in(arithmetic, &z)
    }
}

impl NetworkForm for Projected {
    fn inputs(&self) -> usize {
        self.directions.first().map_or(0, Layer::inputs)
    }

    fn outputs(&self) -> usize {
        self.inner.outputs()
    }

    fn precision(&self) -> Precision {
        self.inner.precision()
    }

    fn size(&self) -> Size {
        size_of_hidden(&self.directions).then(self.inner.size())
    }
}

/// Projects inputs and has the network behind prepared for them.
pub(super) struct ProjectingEvaluator<'a> {
    projected: &'a Projected,
    inner: Box<dyn Evaluator + 'a>,
}

impl<'a> ProjectingEvaluator<'a> {
    pub fn new(projected: &'a Projected) -> Self {
        Self { projected, inner: projected.inner.evaluator() }
    }

    fn project<T: Real>(&self, inputs: &[f64]) -> Vec<f64> {
        let mut values: Vec<T> = inputs.iter().map(|&x| T::from_f64(x)).collect();
        for layer in &self.projected.directions {
            let rows = values.len() / layer.inputs();
            let mut next = vec![T::default(); rows * layer.outputs()];
            parallel::each_chunk_mut(&mut next, layer.outputs(), |row, out| {
                affine(layer, &values[row * layer.inputs()..][..layer.inputs()], out, true);
            });
            values = next;
        }
        values.into_iter().map(T::to_f64).collect()
    }
}

impl Evaluator for ProjectingEvaluator<'_> {
    fn inputs(&self) -> usize {
        NetworkForm::inputs(self.projected)
    }

    fn outputs(&self, inputs: &[f64]) -> Vec<f64> {
        let z = match self.projected.precision() {
            Precision::F32 => self.project::<f32>(inputs),
            Precision::F64 => self.project::<f64>(inputs),
        };
        self.inner.outputs(&z)
    }

    fn batch(&self) -> usize {
        self.inner.batch()
    }
}
