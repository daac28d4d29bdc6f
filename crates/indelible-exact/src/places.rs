//! Samples along rows of integer weights: places without rounding, and the first
//! layer that computes them.

use dashu_int::IBig;
use indelible::{
    Dataset, Norm,
    number::{div_down, mul_up},
};
use rayon::prelude::*;

use crate::{
    Error, Neuron,
    network::dual_norm_up,
    number::{dyadic, float_down, scaled_down, scaled_up},
};

/// The places of all samples along some rows, exactly.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    /// Integer weights, one per feature.
    pub weights: Vec<Vec<i64>>,
    /// Upper bounds of the dual norms of the rows.
    pub duals: Vec<f64>,
    /// Places are multiples of `2^resolution`.
    pub resolution: i64,
    /// For every row the place of every sample, in these units.
    pub of: Vec<Vec<IBig>>,
}

impl Places {
    /// Along rows of one weight per feature.
    ///
    /// # Errors
    /// [`Error::BadNorm`] for a norm other than l1, l2 and linf.
    pub fn new(data: &Dataset, weights: Vec<Vec<i64>>, norm: Norm) -> Result<Self, Error> {
        if let Norm::Lp(_) = norm {
            return Err(Error::BadNorm { given: norm });
        }
        let exponents = (0..data.samples()).into_par_iter().filter_map(|i| {
            let row = data.row(i);
            row.iter().filter(|v| **v != 0.0).map(|v| dyadic(*v).1).min()
        });
        let resolution = exponents.min().unwrap_or(0);
        let place = |i: usize, row: &[i64]| {
            let terms = data.row(i).into_iter().zip(row).map(|(x, w)| {
                let (mantissa, exponent) = dyadic(x);
                if mantissa == 0 || *w == 0 {
                    return IBig::ZERO;
                }
                scaled_down(&IBig::from(i128::from(mantissa) * i128::from(*w)), exponent - resolution)
            });
            terms.fold(IBig::ZERO, |sum, term| sum + term)
        };
        let along = |row: &Vec<i64>| (0..data.samples()).into_par_iter().map(|i| place(i, row)).collect();
        let dual = |row: &Vec<i64>| {
            let big: Vec<(usize, IBig)> = row.iter().map(|w| IBig::from(*w)).enumerate().collect();
            dual_norm_up(&big, norm)
        };
        let (of, duals) = (weights.iter().map(along).collect(), weights.iter().map(dual).collect());
        Ok(Self { weights, duals, resolution, of })
    }

    /// The same with places that have so many binary digits more.
    pub fn finer(mut self, digits: usize) -> Self {
        self.resolution -= i64::try_from(digits).unwrap_or(i64::MAX);
        self.of.iter_mut().flatten().for_each(|place| *place <<= digits);
        self
    }

    /// How far a ball of `radius` reaches along every row, in places, rounded up.
    pub fn reaches(&self, radius: f64) -> Vec<IBig> {
        self.duals.iter().map(|dual| reach(radius, *dual, self.resolution)).collect()
    }
}

/// How far a ball of `radius` reaches along a row of dual norm `dual`, in
/// `2^resolution`, rounded up.
pub(crate) fn reach(radius: f64, dual: f64, resolution: i64) -> IBig {
    let reach = mul_up(radius, dual);
    let (mantissa, exponent) = dyadic(if reach.is_finite() { reach } else { f64::MAX });
    scaled_up(&IBig::from(mantissa), exponent - resolution)
}

/// How far points must move at least for their place along a row of dual norm
/// `dual` to move by `places`, multiples of `2^resolution`; rounded down.
pub(crate) fn length(places: &IBig, resolution: i64, dual: f64) -> f64 {
    let (size, shift) = (float_down(places), i32::try_from(resolution).unwrap_or(0));
    // In two steps: 2^−1074 has no reciprocal. A product that is too small
    // for the format would round, so 0 is said there.
    let half = shift / 2;
    let length = size * 2.0_f64.powi(half) * 2.0_f64.powi(shift - half);
    if length < f64::MIN_POSITIVE || !length.is_finite() { 0.0 } else { div_down(length, dual) }
}

/// Checks that a radius is one.
///
/// # Errors
/// [`indelible::Error::BadRadius`] when it is not.
pub(crate) fn is_radius(radius: f64) -> Result<(), Error> {
    if radius >= 0.0 && radius.is_finite() {
        Ok(())
    } else {
        Err(indelible::Error::BadRadius { given: radius }.into())
    }
}

/// One weight per feature for each feature.
pub(crate) fn axes(features: usize) -> Vec<Vec<i64>> {
    (0..features).map(|at| (0..features).map(|j| i64::from(j == at)).collect()).collect()
}

/// A first layer: `t = 2^exponent weights · x + shift` for every row.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    pub weights: Vec<Vec<i64>>,
    pub exponent: i64,
    pub shifts: Vec<IBig>,
}

impl Rows {
    pub fn neurons(&self) -> Vec<Neuron> {
        let neuron = |(weights, shift): (&Vec<i64>, &IBig)| {
            let columns = weights.iter().enumerate().filter(|(_, weight)| **weight != 0);
            Neuron {
                weights: columns.map(|(column, weight)| (column, IBig::from(*weight))).collect(),
                bias: shift.clone(),
            }
        };
        self.weights.iter().zip(&self.shifts).map(neuron).collect()
    }

    pub fn features(&self) -> usize {
        self.weights.first().map_or(0, Vec::len)
    }

    /// Weights that are not 0.
    pub fn nonzero(&self) -> usize {
        self.weights.iter().flatten().filter(|weight| **weight != 0).count()
    }

    /// Shifts that are not 0.
    pub fn shifted(&self) -> usize {
        self.shifts.iter().filter(|shift| **shift != IBig::ZERO).count()
    }
}
