//! What affine layers make of a ball, in real arithmetic and as executed.
//!
//! A neuron `w·x + b` maps the ball `‖x − c‖_p ≤ r` onto the interval around
//! `w·c + b` that reaches `r ‖w‖_q` to both sides, `1/p + 1/q = 1` (Hölder). What a
//! network computes differs from that by roundings: of the `k` features that
//! are read, of their products and of the sums, at most `k + 2` of them on the
//! way of any term, each relative and at most the unit roundoff `u`, so
//! `γ_{k+2} (Σ|w_j||x_j| + |b|)` in all, `γ_k = ku/(1 − ku)`, in any order, fused or
//! not (Higham, Accuracy and Stability of Numerical Algorithms, §3.1); where
//! products or features are below the normal range, a few times the smallest
//! number for each. The same holds for the sums taken here in binary64.
//!
//! Two layers `U relu(P x + c) + b` are one neuron `(u P)·x + …` on every ball on which
//! no number between them is cut off, in real arithmetic and as executed; where
//! that is not certain nothing is said. An error `e_k` of a number between them
//! reaches the output as `|u_k| e_k`, and the roundings of the second layer are as
//! above, with the largest value that the number can have on the ball.

use super::Layer;
use crate::{
    Norm, Precision,
    isa::{Isa, Loop},
    number::{add_up, div_down, div_up, mul_up, powers::Exponent, sqrt_up, sub_down},
    parallel,
};

/// Balls whose sums stay in registers.
const LANES: usize = 16;

/// One number of each of a few balls.
type Lane = [f64; LANES];

/// The images of balls of one norm under the neurons of one or two layers, each
/// followed by a ReLU.
#[derive(Clone, Debug)]
pub struct BallImage<'a> {
    isa: Isa,
    precision: Precision,
    /// The layer in front of the last.
    front: Option<Stage<'a>>,
    last: Stage<'a>,
}

/// One layer and what is known of its neurons.
#[derive(Clone, Debug)]
struct Stage<'a> {
    layer: &'a Layer,
    neurons: Vec<Neuron>,
}

/// What is known of one neuron.
#[derive(Clone, Copy, Debug)]
struct Neuron {
    /// The dual norm of its weights on the features, rounded up.
    length: f64,
    /// What sums in binary64 may lack, as a share.
    lacking: f64,
    /// Roundings as a share of the size of all terms.
    relative: f64,
    /// Roundings below the normal range.
    absolute: f64,
}

/// The image of one ball under one neuron, before the ReLU: the interval around
/// `center` that reaches `reach + error` to both sides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Image {
    /// About `w·c + b`.
    pub center: f64,
    /// How far the points of the ball reach, `r ‖w‖_q` rounded up.
    pub reach: f64,
    /// How far what is computed, and `center` itself, may lie from the truth;
    /// infinite where something may overflow.
    pub error: f64,
}

impl Image {
    /// Ends of all values that the neuron can have on the ball before its ReLU.
    fn interval(&self) -> (f64, f64) {
        let width = add_up(self.reach, self.error);
        if !width.is_finite() {
            return (f64::NEG_INFINITY, f64::INFINITY);
        }
        (sub_down(self.center, width), add_up(self.center, width))
    }

    /// Ends of all values that the neuron and its ReLU can have on the ball;
    /// infinite where something may overflow.
    #[inline]
    #[must_use]
    pub fn ends(&self) -> (f64, f64) {
        match self.interval() {
            (f64::NEG_INFINITY, upper) => (f64::NEG_INFINITY, upper),
            (lower, upper) => (lower.max(0.0), upper.max(0.0)),
        }
    }
}

/// Numbers between two layers on a few balls.
#[derive(Clone, Copy, Debug)]
struct Between {
    center: Lane,
    error: Lane,
    /// The largest value, computed or not; infinite where it may be cut off.
    upper: Lane,
}

impl<'a> BallImage<'a> {
    /// Prepares the neurons of the last of one or two `layers`, executed in
    /// `precision`, for balls of `norm`; `None` for another number of layers, where
    /// the second does not read the first, or where a neuron reads a number twice.
    #[must_use]
    pub fn new(layers: &'a [Layer], precision: Precision, norm: Norm) -> Option<Self> {
        let isa = Isa::best();
        let once =
            |layer: &Layer| layer.rows().all(|row| row.columns.windows(2).all(|pair| pair[0] < pair[1]));
        if !layers.iter().all(once) {
            return None;
        }
        match layers {
            [layer] => {
                let last = Stage::new(layer, precision, |row| dual_norm_up(layer.row(row).weights, norm));
                Some(Self { isa, precision, front: None, last })
            }
            [first, second] if second.inputs() == first.outputs() => {
                let front = Stage::new(first, precision, |row| dual_norm_up(first.row(row).weights, norm));
                let last =
                    Stage::new(second, precision, |row| dual_norm_up(&product_up(first, second, row), norm));
                Some(Self { isa, precision, front: Some(front), last })
            }
            _ => None,
        }
    }

    /// Features of the balls.
    fn inputs(&self) -> usize {
        self.front.as_ref().map_or(self.last.layer.inputs(), |front| front.layer.inputs())
    }

    /// The dual norm of the weights that neuron `neuron` has on the features,
    /// rounded up: how far a ball of radius 1 reaches.
    ///
    /// # Panics
    /// When there is no such neuron.
    #[must_use]
    pub fn length(&self, neuron: usize) -> f64 {
        self.last.neurons[neuron].length
    }

    /// The image of the ball of radius `radius` around `x`, `n` numbers.
    ///
    /// # Panics
    /// When there is no such neuron or `x` has another length.
    #[must_use]
    pub fn of(&self, neuron: usize, x: &[f64], radius: f64) -> Image {
        if self.front.is_none() {
            let row = self.last.layer.row(neuron);
            let mut sums =
                LaneSums { sum: [0.0; LANES], size: [0.0; LANES], drift: [0.0; LANES], whole: false };
            for (&column, &w) in row.columns.iter().zip(row.weights) {
                let product = w * x[column];
                sums.sum[0] += product;
                sums.size[0] += product.abs();
            }
            return self.last.image(neuron, &sums, 0, radius, self.precision);
        }
        let mut image = Image { center: 0.0, reach: 0.0, error: f64::INFINITY };
        self.each(x, &[radius], std::iter::once(neuron), |_, _, found| image = found);
        image
    }

    /// The images of some balls, `N` radii and `N × n` numbers, under all neurons:
    /// `N × m` of them.
    ///
    /// # Panics
    /// When there are not `n` numbers for every ball.
    #[must_use]
    pub fn all(&self, x: &[f64], radii: &[f64]) -> Vec<Image> {
        self.under(x, radii, 0..self.last.layer.outputs())
    }

    /// The same under some `neurons`, in their order.
    ///
    /// # Panics
    /// When there is no such neuron, or not `n` numbers for every ball.
    #[must_use]
    pub fn under(
        &self,
        x: &[f64],
        radii: &[f64],
        neurons: impl ExactSizeIterator<Item = usize> + Clone,
    ) -> Vec<Image> {
        let m = neurons.len();
        let mut images = vec![Image { center: 0.0, reach: 0.0, error: f64::INFINITY }; m * radii.len()];
        self.each(x, radii, neurons, |ball, place, image| images[ball * m + place] = image);
        images
    }

    /// Hands out the images of some balls under some neurons: the places of the
    /// ball and of the neuron, the image.
    fn each(
        &self,
        x: &[f64],
        radii: &[f64],
        neurons: impl Iterator<Item = usize> + Clone,
        mut act: impl FnMut(usize, usize, Image),
    ) {
        let n = self.inputs();
        assert_eq!(x.len(), n * radii.len(), "{n} numbers for each of {} balls", radii.len());
        let mut columns = vec![[0.0; LANES]; n];
        for start in (0..radii.len()).step_by(LANES) {
            let count = LANES.min(radii.len() - start);
            for (lane, row) in x[start * n..(start + count) * n].chunks_exact(n.max(1)).enumerate() {
                columns.iter_mut().zip(row).for_each(|(column, &x)| column[lane] = x);
            }
            let between: Option<Vec<Between>> = self.front.as_ref().map(|front| {
                let of = |neuron| front.between(self, neuron, &columns, &radii[start..start + count]);
                (0..front.layer.outputs()).map(of).collect()
            });
            for (place, neuron) in neurons.clone().enumerate() {
                let sums = match &between {
                    None => self.isa.run(Sums { stage: &self.last, neuron, columns: &columns }),
                    Some(between) => self.isa.run(SumsBetween { stage: &self.last, neuron, between }),
                };
                for (lane, &radius) in radii[start..start + count].iter().enumerate() {
                    let mut image = self.last.image(neuron, &sums, lane, radius, self.precision);
                    // A product of 0 and a number that overflows is none.
                    if between.iter().flatten().any(|between| between.error[lane] == f64::INFINITY) {
                        image.error = f64::INFINITY;
                    }
                    act(start + lane, place, image);
                }
            }
        }
    }
}

/// Sums over the terms of a neuron on a few balls.
struct LaneSums {
    /// `Σ w x`.
    sum: Lane,
    /// `Σ |w||x|`, or with the largest values that `x` can have.
    size: Lane,
    /// `Σ |w| e` for the errors `e` of what is read.
    drift: Lane,
    /// Whether `size` has points of the whole ball in it.
    whole: bool,
}

impl<'a> Stage<'a> {
    fn new(layer: &'a Layer, precision: Precision, length: impl Fn(usize) -> f64 + Sync) -> Self {
        let neuron = |index: usize| {
            let weights = layer.row(index).weights;
            let largest = weights.iter().fold(0.0, |m: f64, w| m.max(w.abs()));
            let terms = weights.len() + 4;
            let lacking = 2.0 * gamma(terms, Precision::F64);
            let tiny = mul_up(4.0 * terms as f64, precision.smallest_subnormal());
            Neuron {
                length: length(index),
                lacking,
                relative: add_up(gamma(terms, precision), lacking),
                absolute: mul_up(tiny, add_up(1.0, largest)),
            }
        };
        Self { layer, neurons: parallel::map(layer.outputs(), neuron) }
    }

    /// The image of one ball from the sums of its lane.
    #[inline]
    fn image(&self, neuron: usize, sums: &LaneSums, lane: usize, radius: f64, precision: Precision) -> Image {
        let Neuron { length, lacking, relative, absolute } = self.neurons[neuron];
        let bias = self.layer.biases()[neuron];
        let reach = mul_up(radius, length);
        let more = add_up(1.0, lacking);
        let size = add_up(mul_up(sums.size[lane], more), absolute);
        let whole = add_up(if sums.whole { size } else { add_up(size, reach) }, bias.abs());
        let drift = if sums.whole { add_up(mul_up(sums.drift[lane], more), absolute) } else { 0.0 };
        let error = add_up(add_up(mul_up(whole, relative), absolute), drift);
        // Half, so that no partial sum is rounded to infinity either.
        let fits = add_up(whole, error) <= precision.largest() / 2.0;
        Image { center: sums.sum[lane] + bias, reach, error: if fits { error } else { f64::INFINITY } }
    }

    /// What the second layer reads of neuron `neuron` of this one.
    fn between(&self, image: &BallImage<'_>, neuron: usize, columns: &[Lane], radii: &[f64]) -> Between {
        let sums = image.isa.run(Sums { stage: self, neuron, columns });
        let mut between = Between { center: [0.0; LANES], error: [0.0; LANES], upper: [0.0; LANES] };
        for (lane, &radius) in radii.iter().enumerate() {
            let image = self.image(neuron, &sums, lane, radius, image.precision);
            let (lower, upper) = image.interval();
            between.center[lane] = image.center;
            between.error[lane] = image.error;
            between.upper[lane] = if lower >= 0.0 { upper } else { f64::INFINITY };
        }
        between
    }
}

/// The sums of one neuron over features.
struct Sums<'a> {
    stage: &'a Stage<'a>,
    neuron: usize,
    columns: &'a [Lane],
}

impl Loop for Sums<'_> {
    type Output = LaneSums;

    #[inline(always)]
    fn run(self) -> LaneSums {
        let row = self.stage.layer.row(self.neuron);
        let (mut sum, mut size) = ([0.0; LANES], [0.0; LANES]);
        for (&column, &w) in row.columns.iter().zip(row.weights) {
            let x = &self.columns[column];
            for k in 0..LANES {
                let product = w * x[k];
                sum[k] += product;
                size[k] += product.abs();
            }
        }
        LaneSums { sum, size, drift: [0.0; LANES], whole: false }
    }
}

/// The sums of one neuron over the numbers between two layers.
struct SumsBetween<'a> {
    stage: &'a Stage<'a>,
    neuron: usize,
    between: &'a [Between],
}

impl Loop for SumsBetween<'_> {
    type Output = LaneSums;

    #[inline(always)]
    fn run(self) -> LaneSums {
        let row = self.stage.layer.row(self.neuron);
        let (mut sum, mut size, mut drift) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
        for (&column, &w) in row.columns.iter().zip(row.weights) {
            let Between { center, error, upper } = &self.between[column];
            let absolute = w.abs();
            for k in 0..LANES {
                sum[k] += w * center[k];
                size[k] += absolute * upper[k];
                drift[k] += absolute * error[k];
            }
        }
        LaneSums { sum, size, drift, whole: true }
    }
}

/// Sizes, rounded up, of the weights on the features of neuron `row` of `second`
/// behind `first`: sums in binary64 with what they may lack.
fn product_up(first: &Layer, second: &Layer, row: usize) -> Vec<f64> {
    let row = second.row(row);
    let (mut sums, mut sizes) = (vec![0.0; first.inputs()], vec![0.0; first.inputs()]);
    for (&k, &u) in row.columns.iter().zip(row.weights) {
        let inner = first.row(k);
        for (&j, &w) in inner.columns.iter().zip(inner.weights) {
            let product: f64 = u * w;
            sums[j] += product;
            sizes[j] += product.abs();
        }
    }
    let terms = row.columns.len() + 4;
    let lacking = 2.0 * gamma(terms, Precision::F64);
    let tiny = mul_up(4.0 * terms as f64, Precision::F64.smallest_subnormal());
    // Where products overflow with unlike signs a sum is no number.
    let entry = |(sum, size): (f64, f64)| match add_up(add_up(sum.abs(), mul_up(size, lacking)), tiny) {
        entry if entry.is_nan() => f64::INFINITY,
        entry => entry,
    };
    sums.into_iter().zip(sizes).map(entry).collect()
}
/// `γ_k = ku/(1 − ku)`, rounded up; infinite where `ku` is not below ½.
fn gamma(k: usize, precision: Precision) -> f64 {
    let ku = mul_up(k as f64, precision.unit_roundoff());
    if ku < 0.5 { div_up(ku, sub_down(1.0, ku)) } else { f64::INFINITY }
}

/// The norm of some weights that is dual to `norm`, rounded up: how much
/// `w·x` changes at most where `x` changes by 1.
#[must_use]
pub(crate) fn dual_norm_up(weights: &[f64], norm: Norm) -> f64 {
    let sizes = weights.iter().map(|w| w.abs());
    match norm {
        Norm::Linf => norm_up(sizes, Norm::L1),
        Norm::L1 => norm_up(sizes, Norm::Linf),
        Norm::L2 => norm_up(sizes, Norm::L2),
        // Norms fall as their exponent grows: a smaller one is safe.
        Norm::Lp(p) => {
            let dual = div_down(p, add_up(p, -1.0)).clamp(1.0, Norm::LARGEST_EXPONENT);
            norm_up(sizes, Norm::lp(dual).unwrap_or(Norm::L1))
        }
    }
}

/// The larger number; infinite where one is none.
fn larger(a: f64, b: f64) -> f64 {
    if b.is_nan() { f64::INFINITY } else { a.max(b) }
}

/// A number not below the norm of a vector with entries of these sizes, close
/// to it.
pub(crate) fn norm_up(sizes: impl Iterator<Item = f64> + Clone, norm: Norm) -> f64 {
    match norm {
        Norm::Linf => sizes.fold(0.0, larger),
        Norm::L1 => sizes.fold(0.0, add_up),
        Norm::L2 => sqrt_up(sizes.fold(0.0, |sum, d| add_up(sum, mul_up(d, d)))),
        Norm::Lp(p) => {
            let exponent = Exponent::new(p);
            let largest = sizes.clone().fold(0.0, larger);
            if largest == 0.0 || !largest.is_finite() {
                return largest;
            }
            // Powers below this may have left the normal range.
            let power = |d: f64| {
                let [power] = exponent.raise([div_up(d, largest).min(1.0)]);
                mul_up(power, add_up(1.0, mul_up(2.0, exponent.error))).max(1e-250)
            };
            let sum = sizes.map(power).fold(0.0, add_up);
            mul_up(largest, exponent.root(1.0, sum).1)
        }
    }
}
