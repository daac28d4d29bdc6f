//! The 1-nearest-neighbour rule as a network, in the sup norm, the sum norm
//! and the Euclidean norm.
//!
//! **Guarantee.** The largest logit is that of the class of the nearest
//! sample; so sample `i` keeps its label within **every** radius below
//! `d_i/2`, half the distance to its nearest enemy, which is the best possible
//! radius of each sample, all at once. In the sup norm and the sum norm
//! `f_c(x) = −min over the samples k of class c of ‖x − x_k‖`, cut off at `−B`
//! with `B ≥ max_i d_i`: every logit has Lipschitz constant 1. In the Euclidean
//! norm `‖x − x_k‖² = ‖x‖² − 2 (x_k·x − ‖x_k‖²/2)`, and `‖x‖²` is common to all:
//! the logits `max_k (x_k·x − ‖x_k‖²/2) + C`, cut off below at 0, are maxima of
//! affine functions, without approximation, and on the ball of sample `i` the
//! right one leads by at least `d_i(d_i − 2μ)/2`.
//!
//! **Size.** Sup norm and sum norm: as `lipschitz` with several labels.
//! Euclidean: depth `⌈log₂ N_max⌉ + 2` with `N_max` the size of the largest
//! class, width `N`, `(n + 1)N` nonzero parameters in the affine part, less the
//! features that are 0, and fewer than `5N` in the trees of maxima; where rows are
//! centered, one layer and at most `2n` more.
//!
//! **Method.** Sup norm and sum norm: the pipeline of `lipschitz`. Euclidean:
//! one neuron per sample and a tree of maxima per class. `C` keeps the own
//! score positive on every ball of radius up to `d_i/2`, so the cut changes
//! nothing there.
//!
//! **Floating point.** What rounding does to distances or scores comes off the
//! margin; the certificate says what is left. In the Euclidean norm rows are
//! differences from the mean where that leaves more of it (`euclidean`).

use super::{
    Accuracy, AtLeast, Bound, BuiltNetwork, Construction, Heads, Labels, Options, distances::Distances,
    euclidean::SampleScores, frame::Frame, heads, stream::Stream, yu2024_lipschitz::only_logits,
};
use crate::{
    Budget, Dataset, Error, Norm, Precision,
    network::{MaxAffine, Model, Schedule},
    number::{add_up, mul_up, sub_down},
};

pub(super) const ENTRY: Construction = Construction {
    heads: Heads::Logits,
    schedule: Some(Schedule::Pipelined),
    tight_lipschitz: true,
    bounds: &[Bound {
        norm: Some(Norm::L2),
        labels: Labels::Any,
        formula: "(n + 1) N + O(N)",
        value: |q| (q.n() + 1.0) * q.big_n(),
        accuracy: Accuracy::Order,
        condition: "p = 2, any labels; every radius below λ/2 at once",
        source: "this library",
    }],
    at_least,
    ..Construction::new(
        "nearest",
        "the 1-nearest-neighbour rule",
        &[Norm::Linf, Norm::L1, Norm::L2],
        |data, budget, options, _| build(data, budget, options),
    )
};

/// Samples of each class to which distances are measured for a bound.
const REPRESENTATIVES: usize = 4;
/// In the Euclidean norm all, where that takes no more products.
const PRODUCTS: usize = 1 << 27;

/// What no network falls below. In the Euclidean norm every sample's neuron is
/// read; its weights may be 0.
fn at_least(data: &Dataset, norm: Norm) -> AtLeast {
    let (n, samples) = (data.features(), data.samples());
    if norm == Norm::L2 {
        return AtLeast { nonzero: samples, all: (n + 1) * samples };
    }
    AtLeast::of_steps(n, samples)
}

/// Builds the network.
///
/// # Errors
/// [`Error::Unsuitable`] for a scalar head; [`Error::TooFine`] when a number is
/// out of the range of the format, or it leaves no margin.
fn build(data: &Dataset, budget: &Budget, options: Options) -> Result<Box<dyn BuiltNetwork>, Error> {
    only_logits(ENTRY.name, options)?;
    if budget.norm() == Norm::L2 {
        return Ok(Box::new(all_scores(data, budget, options.precision)?.whole_network()?));
    }
    let frame = Frame::new(data, budget.radii(), options.precision)?;
    let reaches = reaches(data, budget);
    let top = options.precision.round_up(reaches.iter().copied().fold(0.0, f64::max));
    let error = Distances::error(&frame, budget.norm())?;
    let error = add_up(error, mul_up(16.0 * top, options.precision.unit_roundoff()));
    let close = |&k: &usize| {
        let half = budget.distance(k) / 2.0;
        sub_down(half, add_up(budget.radii().of(k), error)) <= 0.0
    };
    if let Some(k) = (0..data.samples()).find(close) {
        return Err(frame.no_gap(k));
    }
    let samples = (0..data.samples()).collect();
    let steps = Distances { frame, norm: budget.norm(), samples, scale: 1.0 }.steps(
        top,
        data.labels().to_vec(),
        heads::shifted(data.classes(), -top),
    );
    Ok(Box::new(Stream::new(steps, Schedule::Pipelined)))
}

/// The scores of all samples, in the Euclidean norm.
///
/// # Errors
/// [`Error::TooFine`] when a number is out of the range of the format.
pub(super) fn all_scores(
    data: &Dataset,
    budget: &Budget,
    precision: Precision,
) -> Result<SampleScores, Error> {
    let frame = Frame::new(data, budget.radii(), precision)?;
    SampleScores::new(&frame, budget, &reaches(data, budget))
}

/// For every sample a number not below its distance to its nearest enemy; one
/// above its radius without enemies.
fn reaches(data: &Dataset, budget: &Budget) -> Vec<f64> {
    let products = data.samples().saturating_mul(data.samples()).saturating_mul(data.features());
    let all = budget.norm() == Norm::L2 && products <= PRODUCTS;
    let most = if all { data.samples() } else { REPRESENTATIVES };
    let mut representatives: Vec<usize> = vec![];
    let mut seen = vec![0; data.classes()];
    for (k, &label) in data.labels().iter().enumerate() {
        if seen[label] < most {
            seen[label] += 1;
            representatives.push(k);
        }
    }
    let rows: Vec<(usize, Vec<f64>)> =
        representatives.into_iter().map(|k| (data.labels()[k], data.row(k))).collect();
    // Sums of n terms, each with an error of a few units.
    let slack = 1.0 + (data.features() as f64 + 16.0) * 4.0 * f64::EPSILON;
    let mut x = vec![0.0; data.features()];
    (0..data.samples())
        .map(|i| {
            data.copy_row(i, &mut x);
            let enemies = rows.iter().filter(|(label, _)| *label != data.labels()[i]);
            let nearest = enemies.map(|(_, row)| distance(&x, row, budget.norm())).reduce(f64::min);
            nearest.map_or(2.0 * budget.radii().of(i) + 1.0, |d| d * slack)
        })
        .collect()
}

fn distance(a: &[f64], b: &[f64], norm: Norm) -> f64 {
    let differences = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    match norm {
        Norm::Linf => differences.fold(0.0, f64::max),
        // Not below the distance in any l_p.
        Norm::L1 | Norm::Lp(_) => differences.sum(),
        Norm::L2 => differences.map(|d| d * d).sum::<f64>().sqrt(),
    }
}

impl BuiltNetwork for MaxAffine {
    fn compact(&self) -> Result<Model, Error> {
        Ok(Model::MaxAffine(self.clone()))
    }
}
