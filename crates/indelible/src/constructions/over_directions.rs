//! Any construction of the sup norm, for every norm: it memorizes what a dictionary of
//! directions makes of the data.
//!
//! **Guarantee.** Let every direction have the dual norm 1 at most. Then the ball of
//! radius `μ` around a sample lies where its images `z = relu(U x + b)` differ by at most
//! `μ`, a ball of the sup norm; where the images of enemies are more than `2μ` apart in
//! the sup norm, what memorizes the images with that radius memorizes the data.
//!
//! **Size.** That of the construction with the number of directions in place of
//! the number of features, and the directions in front: one layer more, or two.
//!
//! **Method.** The directions of [`crate::directions`], each divided by its dual norm;
//! how far they and rounding reach is taken from the weights as they are stored
//! ([`BallImage`]) and added to the radius.

use crate::{
    Budget, Dataset, Error, Features, Norm, Precision, Progress, Radii,
    directions::{Projection, dictionary},
    network::{BallImage, Image, Layer, LayerBuilder, Model, Network, Projected, Size, size_of_hidden},
    number::{Real, add_up, mul_up, sub_down},
    parallel,
    separation::separation,
};

use super::{BuiltNetwork, Construction, Options};

/// Samples whose images are taken at once.
const ROWS: usize = 64;
/// What a bias adds to the bound of roundings.
const WITH_BIAS: f64 = 2.25;

/// The network of `construction` for what directions make of `data` within `budget`, in
/// any norm, behind those directions.
///
/// # Errors
/// [`Error::Unsuitable`] for one radius per sample, or when the construction does not
/// serve the sup norm, the labels or the head; [`Error::TooFine`] when rounding leaves no
/// gap between images of balls; as of the construction.
pub fn over_directions(
    construction: &Construction,
    data: &Dataset,
    budget: &Budget,
    options: Options,
    progress: &dyn Progress,
) -> Result<Box<dyn BuiltNetwork>, Error> {
    let unsuitable = |why: &str| Error::Unsuitable { construction: construction.name, why: why.into() };
    if construction.serves_norm(Norm::Linf).is_err() {
        return Err(unsuitable(
            "over directions a construction of the sup norm is built, which it is none of",
        ));
    }
    let Radii::Uniform(radius) = *budget.radii() else {
        return Err(unsuitable("over directions it takes one radius for all samples, not one each"));
    };
    if budget.separation().pair.is_none() {
        return Err(unsuitable("over directions it needs samples of two labels"));
    }
    let Projection { layers, lengths, .. } = dictionary(data, budget, options.precision, progress)?;
    let directions = lifted(unit(layers, &lengths, options.precision), data, budget, options.precision)?;
    let (images, reach) = images(&directions, data, budget, options.precision)?;
    let found = separation(&images, Norm::Linf, progress);
    let hidden = |_| Error::TooFine {
        precision: options.precision,
        why: format!("between images of balls of radius {radius} it leaves no gap"),
    };
    let within = Budget::uniform(reach, &found).map_err(hidden)?;
    let inner = construction.build_with(&images, &within, options, progress)?;
    Ok(Box::new(OverDirections { directions, inner }))
}

/// The same layers with directions of dual norm 1, about, and no biases in the last.
fn unit(mut layers: Vec<Layer>, lengths: &[f64], precision: Precision) -> Vec<Layer> {
    if let Some(last) = layers.last_mut() {
        let mut layer = LayerBuilder::new(last.inputs());
        for (row, length) in last.rows().zip(lengths) {
            for (column, weight) in row.terms() {
                layer.weight(column, precision.round(weight / length));
            }
            layer.bias(0.0);
        }
        *last = layer.finish();
    }
    layers
}

/// The images of all balls, in parts.
pub(super) fn seen<T: Send>(
    layers: &[Layer],
    data: &Dataset,
    budget: &Budget,
    precision: Precision,
    each: impl Fn(Vec<Image>) -> T + Sync,
) -> Result<Vec<T>, Error> {
    let why = || Error::BadForm { form: "directions", why: "a direction reads a number twice".into() };
    let image = BallImage::new(layers, precision, budget.norm()).ok_or_else(why)?;
    let n = data.features();
    let samples: Vec<usize> = (0..data.samples()).collect();
    let of = |samples: &[usize]| {
        let mut x = vec![0.0; n * samples.len()];
        for (x, &sample) in x.chunks_exact_mut(n.max(1)).zip(samples) {
            data.copy_row(sample, x);
        }
        let radii: Vec<f64> = samples.iter().map(|&sample| budget.radii().of(sample)).collect();
        each(image.all(&x, &radii))
    };
    Ok(parallel::map_chunks(&samples, ROWS, of))
}

/// The same layers with biases in the last that keep all balls above 0.
pub(super) fn lifted(
    mut layers: Vec<Layer>,
    data: &Dataset,
    budget: &Budget,
    precision: Precision,
) -> Result<Vec<Layer>, Error> {
    let m = layers.last().map_or(0, Layer::outputs);
    let parts = seen(&layers, data, budget, precision, |images| {
        let mut lowest = vec![f64::INFINITY; m];
        for (place, Image { center, reach, error }) in images.into_iter().enumerate() {
            let low = sub_down(center, add_up(reach, mul_up(WITH_BIAS, error)));
            lowest[place % m] = lowest[place % m].min(low);
        }
        lowest
    })?;
    let lowest = |f: usize| parts.iter().map(|part| part[f]).fold(f64::INFINITY, f64::min);
    let biases: Vec<f64> = (0..m).map(|f| precision.round_up(-lowest(f))).collect();
    if !biases.iter().all(|bias| bias.is_finite()) {
        let why = "the image of a ball is out of its range".into();
        return Err(Error::TooFine { precision, why });
    }
    if let Some(last) = layers.pop() {
        layers.push(last.with_biases(biases));
    }
    Ok(layers)
}

/// The centers of the images of all balls, in numbers of the format, and how far
/// the balls and all roundings reach around them.
fn images(
    layers: &[Layer],
    data: &Dataset,
    budget: &Budget,
    precision: Precision,
) -> Result<(Dataset, f64), Error> {
    let m = layers.last().map_or(0, Layer::outputs);
    let most = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, f64::max);
    let parts = seen(layers, data, budget, precision, |images| {
        let centers: Vec<f64> = images.iter().map(|image| precision.round(image.center)).collect();
        let width = most(&mut images.iter().map(|image| add_up(image.reach, image.error)));
        let off = most(&mut centers.iter().zip(&images).map(|(c, image)| (c - image.center).abs()));
        let size = most(&mut centers.iter().copied());
        (centers, [width, off, size])
    })?;
    let [width, off, size] = [0, 1, 2].map(|part| most(&mut parts.iter().map(|(_, found)| found[part])));
    // What is read may be rounded once more.
    let rounding = mul_up(4.0 * precision.unit_roundoff(), add_up(size, width));
    let reach = add_up(add_up(width, off), add_up(rounding, precision.smallest_subnormal()));
    let values = parts.into_iter().flat_map(|(centers, _)| centers);
    let features = match precision {
        Precision::F32 => Features::F32(values.map(f32::from_f64).collect::<Vec<_>>().into()),
        Precision::F64 => Features::F64(values.collect::<Vec<_>>().into()),
    };
    let (labels, names) = (data.labels().to_vec(), data.class_names().to_vec());
    Ok((Dataset::new(features, m, labels, names)?, reach))
}

/// A network behind directions.
pub(super) struct OverDirections {
    pub directions: Vec<Layer>,
    pub inner: Box<dyn BuiltNetwork>,
}

impl Network for OverDirections {
    fn precision(&self) -> Precision {
        self.inner.precision()
    }

    fn inputs(&self) -> usize {
        self.directions.first().map_or(0, Layer::inputs)
    }

    fn outputs(&self) -> usize {
        self.inner.outputs()
    }

    fn depth(&self) -> usize {
        self.directions.len() + self.inner.depth()
    }

    fn layer(&self, index: usize) -> Layer {
        let behind = || self.inner.layer(index - self.directions.len());
        self.directions.get(index).cloned().unwrap_or_else(behind)
    }

    fn size(&self) -> Size {
        size_of_hidden(&self.directions).then(self.inner.size())
    }
}

impl BuiltNetwork for OverDirections {
    fn compact(&self) -> Result<Model, Error> {
        match self.inner.compact()? {
            Model::Cells(cells) => Ok(Model::Cells(cells.with_directions(self.directions.clone())?)),
            inner => Ok(Model::Projected(Projected::new(self.directions.clone(), inner)?)),
        }
    }
}
