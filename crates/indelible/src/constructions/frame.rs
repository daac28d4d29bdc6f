//! Samples as stored centers, one-sided distances to them, and how far rounding
//! can take those from the truth.

use crate::{
    Dataset, Error, Features, Precision, Radii,
    network::{Layer, LayerBuilder},
    number::{Real, add_up, div_up, mul_up, sub_down, sub_up},
};

/// A dataset whose samples a network is to keep as centers.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub data: Dataset,
    pub precision: Precision,
    /// `m_j` in the format, not above any sample.
    pub minima: Vec<f64>,
    /// For each feature how far a computed difference to a center, the input
    /// being rounded first, lies from the true one at most, on every ball.
    pub errors: Vec<f64>,
    /// For each feature a number that no `|z_j − z_kj|` exceeds on any ball.
    pub ranges: Vec<f64>,
}

impl Frame {
    pub fn new(data: &Dataset, radii: &Radii, precision: Precision) -> Result<Self, Error> {
        let n = data.features();
        let minima: Vec<f64> = data.minima().into_iter().map(|m| precision.round_down(m)).collect();
        let (mut maxima, mut row) = (data.row(0), vec![0.0; n]);
        for k in 1..data.samples() {
            data.copy_row(k, &mut row);
            maxima.iter_mut().zip(&row).for_each(|(m, x)| *m = m.max(*x));
        }
        let radius = radii.largest();
        let unit = precision.unit_roundoff();
        let (mut errors, mut ranges) = (Vec::with_capacity(n), Vec::with_capacity(n));
        for (&low, &high) in minima.iter().zip(&maxima) {
            let range = add_up(sub_up(high, low), radius);
            let size = add_up(low.abs().max(high.abs()), radius);
            // Input, center, threshold and difference are rounded once each,
            // z and the minimum of its center once more; 1 % covers the rest.
            let steps = mul_up(unit, add_up(mul_up(2.0, size), mul_up(5.0, range)));
            errors.push(add_up(mul_up(1.01, steps), 8.0 * precision.smallest_subnormal()));
            ranges.push(range);
        }
        let largest = precision.largest() / 4.0;
        let frame = Self { data: data.clone(), precision, minima, errors, ranges };
        if frame.ranges.iter().any(|r| *r > largest) || frame.minima.iter().any(|m| m.abs() > largest) {
            return Err(frame.too_fine("a feature is out of its range".into()));
        }
        Ok(frame)
    }

    pub fn too_fine(&self, why: String) -> Error {
        Error::TooFine { precision: self.precision, why }
    }

    /// The error when the balls are too close together.
    pub fn no_gap(&self, sample: usize) -> Error {
        self.too_fine(format!("around sample {sample} it leaves no gap between the balls"))
    }

    /// Feature `j` of the center for sample `k`; of `z`, or of `x` where `raw`.
    pub fn center(&self, k: usize, j: usize, raw: bool) -> f64 {
        let shift = if raw { 0.0 } else { self.minima[j] };
        self.precision.round(sub_down(self.data.value(k, j), shift))
    }

    /// `relu(z_j − c_j − t)` and `relu(c_j − z_j − t)` for every feature and
    /// every knot `t`.
    pub fn one_sided(&self, k: usize, raw: bool, knots: &[f64]) -> Layer {
        let mut layer = LayerBuilder::new(self.data.features());
        for j in 0..self.data.features() {
            let center = self.center(k, j, raw);
            for &knot in knots {
                layer.weight(j, 1.0).bias(-self.precision.round(center + knot));
                layer.weight(j, -1.0).bias(self.precision.round(center - knot));
            }
        }
        layer.finish()
    }

    /// The samples `rows` rounded to the format.
    pub fn stored_rows(&self, rows: &[usize]) -> Features {
        stored_rows(&self.data, self.precision, rows)
    }

    /// `Σ_j` of the errors.
    pub fn total_error(&self) -> f64 {
        self.errors.iter().copied().fold(0.0, add_up)
    }

    /// The largest range of a feature.
    pub fn largest_range(&self) -> f64 {
        self.ranges.iter().copied().fold(0.0, f64::max)
    }

    /// A number that no difference to a center exceeds on any ball, however it
    /// is rounded.
    pub fn largest_difference(&self) -> f64 {
        let rounding = self.errors.iter().copied().fold(0.0, f64::max);
        let unit = self.precision.unit_roundoff();
        mul_up(add_up(self.largest_range(), rounding), add_up(1.0, mul_up(16.0, unit)))
    }

    /// `γ`: the relative error of a sum whose terms go through `roundings`
    /// roundings.
    pub fn gamma(&self, roundings: usize) -> Result<f64, Error> {
        let error = mul_up(roundings as f64, self.precision.unit_roundoff());
        if error < 0.25 {
            Ok(div_up(error, sub_down(1.0, error)))
        } else {
            Err(self.too_fine(format!("sums of {roundings} terms are too long")))
        }
    }
}

/// The samples `rows` of `data`, rounded to the nearest numbers of the format;
/// the samples themselves where it holds them.
pub(super) fn stored_rows(data: &Dataset, precision: Precision, rows: &[usize]) -> Features {
    let n = data.features();
    let in_order = rows.len() == data.samples() && rows.iter().enumerate().all(|(i, k)| i == *k);
    match (data.storage(), precision) {
        (Features::Coded { codes, levels }, _) => {
            let levels = levels.iter().map(|&v| precision.round(v)).collect();
            let codes = if in_order {
                codes.clone()
            } else {
                rows.iter().flat_map(|k| codes[k * n..(k + 1) * n].iter().copied()).collect::<Vec<_>>().into()
            };
            Features::Coded { codes, levels }
        }
        (stored @ (Features::F32(_) | Features::F64(_)), _) if in_order && data.fits(precision) => {
            stored.clone()
        }
        (_, Precision::F32) => {
            let values: Vec<f32> = rows.iter().flat_map(|&k| data.row(k)).map(f32::from_f64).collect();
            Features::F32(values.into())
        }
        (_, Precision::F64) => {
            Features::F64(rows.iter().flat_map(|&k| data.row(k)).collect::<Vec<_>>().into())
        }
    }
}
