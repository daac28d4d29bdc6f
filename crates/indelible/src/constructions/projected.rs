//! The 1-nearest-neighbour rule in as few dimensions as the data need, for the
//! Euclidean norm.
//!
//! **Guarantee.** Let `P` have `m` rows of length 1 at right angles with
//! `‖P(x_i − x_j)‖ > 2μ` for all enemies. A ball of radius `μ` becomes one of radius `μ` in
//! `m` dimensions, and there the nearest sample has the label of the ball. Such a `P` is
//! there for every `μ < λ_2/2`, if need be with as many rows as there are features; the
//! first layer then has the width that the data need rather than one that any data would do with
//! (`width`).
//!
//! **Size.** With `m` rows: depth `⌈log₂ N_max⌉ + 3` with `N_max` the size of the largest
//! class, the first layer `m` neurons wide, all others `N` at most; `m(n + 1)` nonzero
//! parameters in the first layer, `(m + 1)N` behind it, and fewer than `5N` in the trees of
//! maxima; where rows are centered, one layer and at most `2m` more.
//!
//! **Method.** `P` is searched for with few rows first, and kept where the images of the
//! stored rows leave room; biases lift all images above 0, so that the ReLU cuts nothing off.
//! Behind it stands `nearest`.
//!
//! **Floating point.** The weights are rounded to the format, and what they are then decides:
//! radii grow by the spectral norm of the stored rows, images are computed
//! from them, and the errors of all neurons, as a vector, come on top. Rows are added until
//! what is left is more than what rounding may take from scores.

use crate::{
    Budget, Dataset, Error, Features, Norm, Precision, Progress, Radii,
    network::{Image, Layer, LayerBuilder, norm_up, spectral_norm_up},
    number::{Real, add_up, mul_up, sub_down, sub_up},
    separation::separation,
    width::narrowest_projection,
};

use super::{
    AtLeast, BuiltNetwork, Construction, Heads, Options,
    nearest::all_scores,
    over_directions::{OverDirections, lifted, seen},
    yu2024_lipschitz::only_logits,
};

pub(super) const ENTRY: Construction = Construction {
    heads: Heads::Logits,
    per_sample: false,
    largest_unnamed: |_| MOST_UNNAMED,
    at_least: |data, _| {
        let (n, samples) = (data.features(), data.samples());
        AtLeast { nonzero: samples, all: n + 1 + 2 * samples }
    },
    ..Construction::new(
        "projected",
        "the 1-nearest-neighbour rule in as few dimensions as the data need",
        &[Norm::L2],
        build,
    )
};

/// Numbers up to which it is tried without being named.
const MOST_UNNAMED: usize = 1 << 13;
/// Share of the room between enemies that is left to images beyond what balls take.
const ROOM: f64 = 0.1;
/// What rounding may take from the margin, as a share of it.
const TOLERATED: f64 = 0.5;

/// Builds the network.
///
/// # Errors
/// [`Error::Unsuitable`] for a scalar head or one radius per sample; [`Error::TooFine`] when
/// a number is out of the range of the format, or it leaves no margin.
fn build(
    data: &Dataset,
    budget: &Budget,
    options: Options,
    progress: &dyn Progress,
) -> Result<Box<dyn BuiltNetwork>, Error> {
    only_logits(ENTRY.name, options)?;
    let Radii::Uniform(radius) = *budget.radii() else {
        let why = "it takes one radius for all samples, not one each".into();
        return Err(Error::Unsuitable { construction: ENTRY.name, why });
    };
    let (n, precision) = (data.features(), options.precision);
    if budget.separation().pair.is_none() {
        // Without enemies any row will do.
        return behind(axes(1, n), data, budget, precision, progress);
    }
    let distance = budget.separation().distance.lower;
    let wanted = distance - (1.0 - ROOM) * (distance - 2.0 * radius);
    let mut from = 1;
    while let Some(found) = narrowest_projection(data, wanted, from, progress)? {
        match behind(rounded(found.rows(), n, precision), data, budget, precision, progress) {
            Err(Error::TooFine { .. }) => from = found.width() + 1,
            built => return built,
        }
    }
    behind(axes(n, n), data, budget, precision, progress)
}

/// Rows in numbers of the format, as a layer.
fn rounded(rows: &[f64], features: usize, precision: Precision) -> Layer {
    let mut layer = LayerBuilder::new(features);
    for row in rows.chunks_exact(features) {
        for (column, &weight) in row.iter().enumerate() {
            layer.weight(column, precision.round(weight));
        }
        layer.bias(0.0);
    }
    layer.finish()
}

/// The first features, as they are.
fn axes(count: usize, features: usize) -> Layer {
    let mut layer = LayerBuilder::new(features);
    for feature in 0..count {
        layer.weight(feature, 1.0).bias(0.0);
    }
    layer.finish()
}

/// The network behind these rows.
fn behind(
    rows: Layer,
    data: &Dataset,
    budget: &Budget,
    precision: Precision,
    progress: &dyn Progress,
) -> Result<Box<dyn BuiltNetwork>, Error> {
    let directions = lifted(vec![rows], data, budget, precision)?;
    let (images, radius) = images(&directions, data, budget, precision)?;
    let found = separation(&images, Norm::L2, progress);
    let hidden = || Error::TooFine {
        precision,
        why: format!("between images of balls of radius {} it leaves no gap", budget.radii().largest()),
    };
    let within = Budget::uniform(radius, &found).map_err(|_| hidden())?;
    let scores = all_scores(&images, &within, precision)?;
    if found.pair.is_some() {
        let apart = found.distance.lower;
        let margin = apart * sub_down(apart, 2.0 * radius) / 2.0;
        if 2.0 * scores.largest_rounding(radius) > TOLERATED * margin {
            return Err(hidden());
        }
    }
    Ok(Box::new(OverDirections { directions, inner: Box::new(scores.whole_network()?) }))
}

/// The centers of the images of all balls, in numbers of the format, and the largest
/// radius of balls around them that hold all images.
fn images(
    directions: &[Layer],
    data: &Dataset,
    budget: &Budget,
    precision: Precision,
) -> Result<(Dataset, f64), Error> {
    let m = directions.last().map_or(0, Layer::outputs);
    let parts = seen(directions, data, budget, precision, |images| {
        let centers: Vec<f64> = images.iter().map(|image| precision.round(image.center)).collect();
        let off = |(c, image): (&f64, &Image)| {
            add_up(image.error, sub_up(c.max(image.center), c.min(image.center)))
        };
        let off: Vec<f64> = centers.iter().zip(&images).map(off).collect();
        let most = off.chunks(m.max(1)).map(|off| norm_up(off.iter().copied(), Norm::L2));
        let most = most.fold(0.0, f64::max);
        (centers, most)
    })?;
    let stretch = directions.iter().map(spectral_norm_up).fold(1.0, mul_up);
    let off = parts.iter().map(|(_, off)| *off).fold(0.0, f64::max);
    let radius = add_up(mul_up(budget.radii().largest(), stretch), off);
    let values = parts.into_iter().flat_map(|(centers, _)| centers);
    let features = match precision {
        Precision::F32 => Features::F32(values.map(f32::from_f64).collect::<Vec<_>>().into()),
        Precision::F64 => Features::F64(values.collect::<Vec<_>>().into()),
    };
    let (labels, names) = (data.labels().to_vec(), data.class_names().to_vec());
    Ok((Dataset::new(features, m, labels, names)?, radius))
}
