//! The compact form of constructions that measure how far the input is from
//! every stored sample.

mod early;
mod evaluate;
mod meaning;
mod size;

use super::{Layer, NetworkForm, PowerCurve, Schedule, Size};
use crate::{Error, Features, Precision};

pub(super) use evaluate::PrototypeEvaluator;

/// How a step measures the difference of its input and its center.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Measure {
    /// `relu(max_j |x_j − c_j| − r)`.
    Largest,
    /// `relu(Σ_j |x_j − c_j| − r)`.
    Sum,
    /// `Σ_j relu(|x_j − c_j| − r)`.
    Violations,
    /// `relu(Σ_j φ(|x_j − c_j|) − r)`.
    Power(PowerCurve),
}

/// How levels become an accumulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pool {
    /// The largest level.
    Max,
    /// The largest level, written as a running label that rises,
    /// `A ← A + relu(level − A)`, each operation rounded.
    Raise,
    /// The sum of all levels.
    Sum,
}

/// Where the input is clipped from below, by one value per feature.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Clipping {
    /// Nowhere.
    None,
    /// In front of all steps.
    All(Vec<f64>),
    /// In front of all steps but the first, which reads the input itself.
    AllButFirst(Vec<f64>),
}

impl Clipping {
    /// The values that step `step` clips to, if it does.
    #[must_use]
    pub fn before(&self, step: usize) -> Option<&[f64]> {
        match self {
            Self::AllButFirst(_) if step == 0 => None,
            _ => self.minima(),
        }
    }

    /// The values, wherever they are used.
    #[must_use]
    pub fn minima(&self) -> Option<&[f64]> {
        match self {
            Self::None => None,
            Self::All(minima) | Self::AllButFirst(minima) => Some(minima),
        }
    }
}

/// What [`Prototypes`] are made of; see there for what they compute.
#[derive(Clone, Debug)]
pub struct PrototypeParts {
    /// The format it is stored and executed in.
    pub precision: Precision,
    /// Number of features, `n`.
    pub features: usize,
    /// Where the input is clipped.
    pub clipping: Clipping,
    /// `K × n` centers, row after row. A table of levels need not be
    /// increasing here.
    pub centers: Features,
    /// How differences are measured.
    pub measure: Measure,
    /// One radius per step.
    pub radii: Vec<f64>,
    /// One top per step.
    pub tops: Vec<f64>,
    /// One scale per step, not negative.
    pub scales: Vec<f64>,
    /// The accumulator of each step.
    pub accumulators: Vec<usize>,
    /// How levels are combined.
    pub pool: Pool,
    /// When the steps of the layered network begin that it stands for; this
    /// changes no output.
    pub schedule: Schedule,
    /// One or two affine layers, a ReLU between two; the first reads the
    /// accumulators.
    pub head: Vec<Layer>,
}

/// A comparison with one stored center per step `k = 0..K`:
///
/// ```text
/// c(x)    = max(x, m)                            (x itself where it is not clipped)
/// E_k     = what `measure` says about c(x), centers_k and radii_k
/// level_k = relu(tops_k − scales_k · E_k)
/// A_a     = max or sum of level_k over the steps with accumulators_k = a
/// y       = the layers of `head`, which read A
/// ```
///
/// All numbers are numbers of `precision`; every operation is executed in it,
/// sums over hinges, over features and over steps in any order. Scales are not
/// negative.
#[derive(Clone, Debug)]
pub struct Prototypes(PrototypeParts);

impl Prototypes {
    /// Checks that the parts belong together.
    ///
    /// # Errors
    /// [`Error::BadForm`] when there is no feature or no step, a table has
    /// another length than one entry per step, an accumulator does not exist,
    /// the layers of the head do not follow each other or are not one or two,
    /// a scale is negative, or a number is no finite number of the format.
    pub fn new(parts: PrototypeParts) -> Result<Self, Error> {
        match parts.fault() {
            Some(why) => Err(Error::BadForm { form: "prototypes", why }),
            None => Ok(Self(parts)),
        }
    }

    /// The parts, to be changed and checked again.
    #[must_use]
    pub fn into_parts(self) -> PrototypeParts {
        self.0
    }

    /// Number of steps, `K`.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.0.tops.len()
    }

    /// Number of accumulators.
    #[must_use]
    pub fn accumulator_count(&self) -> usize {
        self.0.head.first().map_or(0, Layer::inputs)
    }

    /// Center of step `step`, exactly, into `out` of length `n`.
    ///
    /// # Panics
    /// When `step` is out of range or `out` has another length.
    pub fn copy_center(&self, step: usize, out: &mut [f64]) {
        assert_eq!(out.len(), self.0.features);
        self.0.centers.copy(step * self.0.features, out);
    }
}

/// The parts can be read, and changed only by making them anew.
impl std::ops::Deref for Prototypes {
    type Target = PrototypeParts;

    fn deref(&self) -> &PrototypeParts {
        &self.0
    }
}

impl NetworkForm for Prototypes {
    fn inputs(&self) -> usize {
        self.0.features
    }

    fn outputs(&self) -> usize {
        self.0.head.last().map_or(0, Layer::outputs)
    }

    fn precision(&self) -> Precision {
        self.0.precision
    }

    fn size(&self) -> Size {
        self.0.layered_size()
    }
}

impl PrototypeParts {
    /// What does not belong together.
    fn fault(&self) -> Option<String> {
        let (n, steps, precision) = (self.features, self.tops.len(), self.precision);
        let said = |why: &str| Some(why.to_string());
        if n == 0 || steps == 0 {
            return said("it has no feature or no step");
        }
        if Some(self.centers.len()) != n.checked_mul(steps) {
            return Some(format!(
                "{} values of centers for {steps} steps of {n} features",
                self.centers.len()
            ));
        }
        for (what, table) in [("radii", &self.radii), ("tops", &self.tops), ("scales", &self.scales)] {
            if table.len() != steps {
                return Some(format!("{} {what} for {steps} steps", table.len()));
            }
            if let Some(v) = table.iter().find(|v| !precision.holds(**v)) {
                return Some(format!("{v} among the {what} is no finite number of {precision}"));
            }
        }
        if self.scales.iter().any(|scale| *scale < 0.0) {
            return said("a scale is negative");
        }
        if let Some(minima) = self.clipping.minima()
            && (minima.len() != n || !minima.iter().all(|m| precision.holds(*m)))
        {
            return said("the input is not clipped to one number of the format per feature");
        }
        if !self.centers.holds(precision) {
            return said("a center is no finite number of the format");
        }
        if let Measure::Power(curve) = &self.measure
            && !curve.is_valid(precision)
        {
            return said("its curve is none");
        }
        let count = self.head.first().map_or(0, Layer::inputs);
        if self.accumulators.len() != steps || self.accumulators.iter().any(|a| *a >= count) {
            return Some(format!("there is not one accumulator of {count} for each step"));
        }
        match &self.head[..] {
            [one] if one.outputs() > 0 => {}
            [one, two] if one.outputs() == two.inputs() && two.outputs() > 0 => {}
            _ => return said("its head is not one or two layers that follow each other"),
        }
        (!self.head.iter().all(|layer| layer.holds(precision)))
            .then(|| "a number of the head is no finite number of the format".into())
    }
}
