//! An affine map of every feature, which lets a network read them in their own
//! units.
//!
//! Feature `j` becomes `z_j = (x_j − m_j) · w_j`, with two operations of the
//! format, a difference and a product, before the network behind reads it. Balls
//! around samples of a [`Scaled`](super::Scaled) network are measured behind the map:
//! a radius `μ` means `‖w ∘ (x − x_i)‖ ≤ μ`, in the sup norm the box of half widths `μ / w_j`
//! in the units of the features.

use super::{Arithmetic, Evaluator, Model, NetworkForm, Size};
use crate::{Dataset, Error, Features, Precision, parallel};

/// The map `x ↦ (x − m) ∘ w`. All numbers are of binary32, every `w_j` is
/// positive, so that it is the same map in both formats.
#[derive(Clone, Debug, PartialEq)]
pub struct Scaling {
    offsets: Vec<f64>,
    factors: Vec<f64>,
}

impl Scaling {
    /// The map with offsets `m` and factors `w`, one of each per feature.
    ///
    /// # Errors
    /// [`Error::BadForm`] when their numbers differ or are 0, an offset is no
    /// finite number of binary32, or a factor no positive one.
    pub fn new(offsets: Vec<f64>, factors: Vec<f64>) -> Result<Self, Error> {
        let bad = |why: String| Err(Error::BadForm { form: "scaled features", why });
        if offsets.len() != factors.len() || offsets.is_empty() {
            let (m, w) = (offsets.len(), factors.len());
            return bad(format!("{m} offsets and {w} factors; expected one of each per feature"));
        }
        if let Some(feature) = offsets.iter().position(|m| !Precision::F32.holds(*m)) {
            let m = offsets[feature];
            return bad(format!(
                "feature {feature} has the offset {m}; expected a finite number of binary32"
            ));
        }
        if let Some(feature) = factors.iter().position(|w| !(Precision::F32.holds(*w) && *w > 0.0)) {
            let w = factors[feature];
            return bad(format!(
                "feature {feature} has the factor {w}; expected a positive number of binary32"
            ));
        }
        Ok(Self { offsets, factors })
    }

    /// The map of every feature of `data` onto about `[0, 1]`: `m = min`,
    /// `w = 1/(max − min)`, rounded to binary32, and 1 where a feature has one
    /// value, as scikit-learn's `MinMaxScaler`.
    ///
    /// # Errors
    /// As of [`new`](Self::new): when features have a range that no number of
    /// binary32 is the inverse of.
    pub fn min_max(data: &Dataset) -> Result<Self, Error> {
        let mut ends = vec![(f64::INFINITY, f64::NEG_INFINITY); data.features()];
        let mut row = vec![0.0; data.features()];
        for sample in 0..data.samples() {
            data.copy_row(sample, &mut row);
            for ((least, most), &x) in ends.iter_mut().zip(&row) {
                (*least, *most) = (least.min(x), most.max(x));
            }
        }
        Self::rounded(ends.into_iter().map(|(least, most)| (least, most - least)))
    }

    /// The map to mean 0 and standard deviation 1: `m` the mean, `w = 1/σ` with
    /// the deviation over all samples, computed in binary64 and rounded to
    /// binary32, and 1 where a feature has one value, as scikit-learn's
    /// `StandardScaler`.
    ///
    /// # Errors
    /// As of [`min_max`](Self::min_max).
    pub fn standard(data: &Dataset) -> Result<Self, Error> {
        let (n, samples) = (data.features(), data.samples() as f64);
        let mut row = vec![0.0; n];
        let mut means = vec![0.0; n];
        for sample in 0..data.samples() {
            data.copy_row(sample, &mut row);
            means.iter_mut().zip(&row).for_each(|(mean, x)| *mean += x / samples);
        }
        let (mut squares, mut varies) = (vec![0.0; n], vec![false; n]);
        let first = data.row(0);
        for sample in 0..data.samples() {
            data.copy_row(sample, &mut row);
            for (j, (x, mean)) in row.iter().zip(&means).enumerate() {
                squares[j] += (x - mean) * (x - mean) / samples;
                varies[j] |= *x != first[j];
            }
        }
        let deviations = squares.into_iter().zip(varies);
        let deviations = deviations.map(|(square, varies)| if varies { square.sqrt() } else { 0.0 });
        Self::rounded(means.into_iter().zip(deviations))
    }

    /// Of pairs of an offset and a size that is to become 1.
    fn rounded(pairs: impl Iterator<Item = (f64, f64)>) -> Result<Self, Error> {
        let round = |value: f64| Precision::F32.round(value);
        let inverse = |size: f64| if size == 0.0 { 1.0 } else { round(1.0 / size) };
        let (offsets, factors) = pairs.map(|(offset, size)| (round(offset), inverse(size))).unzip();
        Self::new(offsets, factors)
    }

    /// Number of features.
    #[must_use]
    pub fn features(&self) -> usize {
        self.offsets.len()
    }

    /// `m`, one per feature, in its units.
    #[must_use]
    pub fn offsets(&self) -> &[f64] {
        &self.offsets
    }

    /// `w`, one per feature, in one over its units.
    #[must_use]
    pub fn factors(&self) -> &[f64] {
        &self.factors
    }

    /// Pairs `(m, w)`.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (f64, f64)> {
        self.offsets.iter().copied().zip(self.factors.iter().copied())
    }

    /// The image of a sample as a machine of the format computes it.
    pub(crate) fn execute(&self, x: &mut [f64], precision: Precision) {
        for (x, (m, w)) in x.iter_mut().zip(self.pairs()) {
            *x = precision.round(precision.round(precision.round(*x) - m) * w);
        }
    }

    /// The image of `x` as `arithmetic` has it.
    pub(crate) fn map_in<A: Arithmetic>(&self, arithmetic: &mut A, x: &[A::Number]) -> Vec<A::Number> {
        let zero = arithmetic.number(0.0);
        let mut z = Vec::with_capacity(x.len());
        for (x, (m, w)) in x.iter().zip(self.pairs()) {
            let m = arithmetic.number(m);
            let moved = arithmetic.minus(x, &m);
            z.push(arithmetic.dot(&zero, &[(w, moved)]));
        }
        z
    }

    /// The size of a network behind this map: its numbers are parameters, too. It is
    /// no layer: its product could be taken into the first one.
    #[must_use]
    pub fn size_with(&self, behind: Size) -> Size {
        let all = behind.all + self.offsets.len() + self.factors.len();
        let numbers = self.offsets.iter().chain(&self.factors);
        numbers.fold(Size { all, ..behind }, |size, &number| size.with(number))
    }

    /// The images of all samples: difference and product rounded to binary64, the
    /// product then to `precision`. Labels and names stay.
    ///
    /// # Errors
    /// When the data have other features, or an image is too large for the format.
    pub fn images(&self, data: &Dataset, precision: Precision) -> Result<Dataset, Error> {
        if data.features() != self.features() {
            return Err(Error::InputWidth { expected: self.features(), given: data.features() });
        }
        let n = self.features();
        let mut row = vec![0.0; n];
        let mut image = |sample: usize| {
            data.copy_row(sample, &mut row);
            row.iter_mut().zip(self.pairs()).for_each(|(x, (m, w))| *x = (*x - m) * w);
            row.clone()
        };
        let all = (0..data.samples()).flat_map(&mut image);
        let features = match precision {
            #[expect(clippy::cast_possible_truncation, reason = "rounding is what is asked for")]
            Precision::F32 => Features::F32(all.map(|z| z as f32).collect::<Vec<_>>().into()),
            Precision::F64 => Features::F64(all.collect::<Vec<_>>().into()),
        };
        data.with_features(features)
    }
}

/// A network behind a [`Scaling`].
#[derive(Clone, Debug)]
pub struct Scaled {
    pub(super) scaling: Scaling,
    pub(super) inner: Box<Model>,
    /// Whether balls are measured in front of the map.
    pub(super) raw: bool,
}

impl Scaled {
    /// `inner` reading what `scaling` gives; balls are measured behind it, unless
    /// [`Model::with_raw_balls`] says otherwise.
    ///
    /// # Errors
    /// [`Error::BadForm`] when the numbers of features differ, or `inner` has a
    /// map in front already, or a memory.
    pub fn new(scaling: Scaling, inner: Model) -> Result<Self, Error> {
        let (form, maps, reads) = ("scaled features", scaling.features(), inner.inputs());
        if maps != reads {
            return Err(Error::BadForm { form, why: format!("{maps} are mapped, {reads} are read") });
        }
        let why = match inner {
            Model::Scaled(_) => "there are two maps, one behind the other",
            Model::Patched(_) => "what is behind the map has a memory",
            _ => return Ok(Self { scaling, inner: Box::new(inner), raw: false }),
        };
        Err(Error::BadForm { form, why: why.into() })
    }

    /// The map in front.
    #[must_use]
    pub fn scaling(&self) -> &Scaling {
        &self.scaling
    }

    /// The network behind it.
    #[must_use]
    pub fn inner(&self) -> &Model {
        &self.inner
    }
}

impl NetworkForm for Scaled {
    fn inputs(&self) -> usize {
        self.scaling.features()
    }

    fn outputs(&self) -> usize {
        self.inner.outputs()
    }

    fn precision(&self) -> Precision {
        self.inner.precision()
    }

    fn size(&self) -> Size {
        self.scaling.size_with(self.inner.size())
    }
}

/// Maps inputs and has the network behind prepared for them.
pub(super) struct ScalingEvaluator<'a> {
    scaling: &'a Scaling,
    precision: Precision,
    inner: Box<dyn Evaluator + 'a>,
}

impl<'a> ScalingEvaluator<'a> {
    pub fn new(scaling: &'a Scaling, precision: Precision, inner: Box<dyn Evaluator + 'a>) -> Self {
        Self { scaling, precision, inner }
    }
}

impl Evaluator for ScalingEvaluator<'_> {
    fn inputs(&self) -> usize {
        self.scaling.features()
    }

    fn outputs(&self, inputs: &[f64]) -> Vec<f64> {
        let mut rows = inputs.to_vec();
        parallel::each_chunk_mut(&mut rows, self.inputs(), |_, row| {
            self.scaling.execute(row, self.precision)
        });
        self.inner.outputs(&rows)
    }

    fn batch(&self) -> usize {
        self.inner.batch()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(values: Vec<f64>, width: usize) -> Dataset {
        let samples = values.len() / width;
        let labels = (0..samples).map(|i| i % 2).collect();
        Dataset::new(Features::F64(values.into()), width, labels, vec!["a".into(), "b".into()]).unwrap()
    }

    #[test]
    fn maps_are_those_of_the_field() {
        // Columns: 2, 4, 6 and 7, 7, 7.
        let data = data(vec![2.0, 7.0, 4.0, 7.0, 6.0, 7.0], 2);
        let map = Scaling::min_max(&data).unwrap();
        assert_eq!((map.offsets(), map.factors()), (&[2.0, 7.0][..], &[0.25, 1.0][..]));
        let images = map.images(&data, Precision::F32).unwrap();
        assert_eq!(
            (images.row(0), images.row(1), images.row(2)),
            (vec![0.0; 2], vec![0.5, 0.0], vec![1.0, 0.0])
        );

        let map = Scaling::standard(&data).unwrap();
        assert_eq!((map.offsets()[1], map.factors()[1]), (7.0, 1.0));
        assert_eq!(
            (map.offsets()[0], map.factors()[0]),
            (4.0, f64::from((8f64 / 3.0).sqrt().recip() as f32))
        );
    }

    #[test]
    fn ranges_without_an_inverse_are_refused() {
        for values in [vec![0.0, 1e-310], vec![0.0, 1e300]] {
            let message = Scaling::min_max(&data(values, 1)).unwrap_err().to_string();
            assert!(message.contains("feature 0 has the factor"), "{message}");
        }
        assert!(Scaling::new(vec![0.1], vec![1.0]).is_err());
        assert!(Scaling::new(vec![0.0], vec![0.0]).is_err());
        assert!(Scaling::new(vec![0.0], vec![1.0, 1.0]).is_err());
    }
}
