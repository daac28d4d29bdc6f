//! Samples as rows of affine scores, for the Euclidean norm.
//!
//! `‖x − x_k‖² = ‖x‖² − 2 (x_k·x − ‖x_k‖²/2)`, and `‖x‖²` is common to all: which sample is
//! nearest is decided by affine scores. So it is with differences from any center:
//! `(x_k − c)·x − (‖x_k‖² − ‖c‖²)/2` differs from that by what is common. Where sums of large
//! products would leave rounding more than a share of the margin, rows are
//! differences from the mean, and the network reads `relu(x − m)`, `m` not above any sample:
//! no ball gets closer to another by that.

use crate::{
    Budget, Dataset, Error, Features, Precision,
    network::MaxAffine,
    number::{Real, add_up, mul_up},
};

use super::frame::{Frame, stored_rows};

/// Share of the smallest margin that rounding may take before rows are centered.
const TOLERATED: f64 = 0.25;
/// What rounding must come down by for that.
const WORTH: f64 = 0.5;

/// The scores of all samples; a network has some of them.
pub(super) struct SampleScores {
    pub precision: Precision,
    /// The rows, sample after sample: the samples, or differences from the center,
    /// in numbers of the format.
    pub rows: Dataset,
    /// What is taken from inputs first.
    origin: Option<Vec<f64>>,
    /// `‖w_k‖` of each row, about.
    pub lengths: Vec<f64>,
    /// The biases of all samples but for the constant.
    biases: Vec<f64>,
    /// How long what the rows are multiplied with is, around each sample, about.
    pub read: Vec<f64>,
    /// A relative error of each score, whatever the order of its sum.
    gamma: f64,
    /// A constant that keeps the own score of every sample positive on its ball.
    pub constant: f64,
}

impl SampleScores {
    /// The scores of the samples of `frame`, centered where rounding asks for it;
    /// `reaches` are not below the distances of nearest enemies.
    pub fn new(frame: &Frame, budget: &Budget, reaches: &[f64]) -> Result<Self, Error> {
        let (data, precision) = (&frame.data, frame.precision);
        let order: Vec<usize> = (0..data.samples()).collect();
        let plain = data.with_features(stored_rows(data, precision, &order))?;
        let plain = Self::of(frame, plain, None, reaches)?;
        let margin = |i: usize| {
            let d = budget.distance(i);
            d * (d - 2.0 * budget.radii().of(i)) / 2.0
        };
        let margin = (0..data.samples()).map(margin).fold(f64::INFINITY, f64::min);
        let rounding = plain.usual_rounding();
        if rounding > TOLERATED * margin
            && let Ok(centered) = Self::centered(frame, reaches)
            && centered.usual_rounding() < WORTH * rounding
        {
            return Ok(centered);
        }
        Ok(plain)
    }

    /// With differences from the mean as rows.
    fn centered(frame: &Frame, reaches: &[f64]) -> Result<Self, Error> {
        let (data, n) = (&frame.data, frame.data.features());
        let mut means = vec![0.0; n];
        let mut x = vec![0.0; n];
        for k in 0..data.samples() {
            data.copy_row(k, &mut x);
            means.iter_mut().zip(&x).for_each(|(mean, x)| *mean += x / data.samples() as f64);
        }
        let origin: Vec<f64> = data.minima().into_iter().map(|m| Precision::F32.round_down(m)).collect();
        if !origin.iter().chain(&means).all(|m| Precision::F32.round(*m).is_finite()) {
            return Err(frame.too_fine("a feature is out of its range".into()));
        }
        let mut rows = Vec::with_capacity(data.samples() * n);
        for k in 0..data.samples() {
            data.copy_row(k, &mut x);
            rows.extend(x.iter().zip(&means).map(|(x, mean)| x - mean));
        }
        let rows = match frame.precision {
            Precision::F32 => Features::F32(rows.into_iter().map(f32::from_f64).collect::<Vec<_>>().into()),
            Precision::F64 => Features::F64(rows.into()),
        };
        // A sample is read as this far from the origin.
        let ahead = means.iter().zip(&origin).map(|(mean, m)| mean - m).collect();
        Self::of(frame, data.with_features(rows)?, Some((origin, ahead)), reaches)
    }

    /// With these rows; behind an origin `ahead` is the center as it is read.
    fn of(
        frame: &Frame,
        rows: Dataset,
        origin: Option<(Vec<f64>, Vec<f64>)>,
        reaches: &[f64],
    ) -> Result<Self, Error> {
        let (data, precision) = (&frame.data, frame.precision);
        let (mut row, mut x) = (vec![0.0; data.features()], vec![0.0; data.features()]);
        let (mut lengths, mut biases, mut read) = (vec![], vec![], vec![]);
        let mut constant = 0.0f64;
        for (k, reach) in reaches.iter().enumerate() {
            rows.copy_row(k, &mut row);
            data.copy_row(k, &mut x);
            let square: f64 = row.iter().map(|w| w * w).sum();
            let length = square.sqrt();
            let (mut ahead_of, mut size) = (0.0, length);
            if let Some((origin, ahead)) = &origin {
                ahead_of = row.iter().zip(ahead).map(|(w, g)| w * g).sum();
                size = x.iter().zip(origin).map(|(x, m)| (x - m) * (x - m)).sum::<f64>().sqrt();
            }
            constant = constant.max(length * reach / 2.0 - square / 2.0);
            lengths.push(length);
            biases.push(-square / 2.0 - ahead_of);
            read.push(size);
        }
        let gamma = frame.gamma(data.features() + 4)?;
        let scores = Self {
            precision,
            rows,
            origin: origin.map(|(origin, _)| origin),
            lengths,
            biases,
            read,
            gamma,
            constant,
        };
        let constant = scores.with_room(constant, reaches.iter().copied().fold(0.0, f64::max));
        Ok(Self { constant, ..scores })
    }

    /// The same with a larger constant, so that rows score above 0 not only on the balls
    /// of their own samples: by half of what squares of lengths are on average, which
    /// biases are about as large as anyway.
    pub fn raised(self) -> Self {
        let samples = self.lengths.len() as f64;
        let half = self.lengths.iter().map(|length| length * length / 2.0).sum::<f64>() / samples;
        let constant = self.with_room(self.constant + half, 0.0);
        Self { constant, ..self }
    }

    /// A constant and what rounding may take from scores within `reach` of samples.
    fn with_room(&self, constant: f64, reach: f64) -> f64 {
        let most = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
        let (largest, farthest) = (most(&self.lengths), most(&self.read) + reach);
        constant + 4.0 * self.gamma * (largest * farthest + largest * largest + constant)
    }

    /// How far the score of row `k` may be off within `radius` of sample `i`, about.
    pub fn rounding(&self, i: usize, k: usize, radius: f64) -> f64 {
        self.gamma * (self.lengths[k] * (self.read[i] + radius) + (self.biases[k] + self.constant).abs())
    }

    /// What rounding takes from the margin of a sample, on average.
    fn usual_rounding(&self) -> f64 {
        let samples = self.lengths.len();
        (0..samples).map(|k| 2.0 * self.rounding(k, k, 0.0)).sum::<f64>() / samples as f64
    }

    /// How far any score may be off within `radius` of any sample, about.
    pub fn largest_rounding(&self, radius: f64) -> f64 {
        let most = |values: &[f64]| values.iter().fold(0.0, |most: f64, v| most.max(v.abs()));
        let bias = most(&self.biases) + self.constant;
        self.gamma * (most(&self.lengths) * (most(&self.read) + radius) + bias)
    }

    /// The network of the rows of all samples.
    pub fn whole_network(&self) -> Result<MaxAffine, Error> {
        let all: Vec<usize> = (0..self.lengths.len()).collect();
        self.network(&all, self.constant)
    }

    /// The network of the rows of some samples, class after class.
    ///
    /// # Errors
    /// [`Error::TooFine`] when a number is out of the range of the format.
    pub fn network(&self, kept: &[usize], constant: f64) -> Result<MaxAffine, Error> {
        let labels = self.rows.labels();
        let mut kept = kept.to_vec();
        kept.sort_by_key(|&k| (labels[k], k));
        let ends = (0..self.rows.classes()).map(|c| kept.partition_point(|&k| labels[k] <= c)).collect();
        self.scores(&kept, ends, constant)
    }

    /// The scores of some samples in this order.
    pub fn scores(&self, kept: &[usize], ends: Vec<usize>, constant: f64) -> Result<MaxAffine, Error> {
        let precision = self.precision;
        let biases: Vec<f64> = kept.iter().map(|&k| precision.round(constant + self.biases[k])).collect();
        let most = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
        let size = mul_up(most(&self.lengths), add_up(most(&self.lengths), most(&self.read)));
        if biases.iter().any(|b| !b.is_finite()) || size.is_nan() || 8.0 * size > precision.largest() {
            let why = "a square is out of its range".into();
            return Err(Error::TooFine { precision, why });
        }
        let rows = stored_rows(&self.rows, precision, kept);
        let scores = MaxAffine::new(precision, self.rows.features(), rows, biases, ends)?;
        match &self.origin {
            Some(origin) => scores.with_origin(origin.clone()),
            None => Ok(scores),
        }
    }
}
