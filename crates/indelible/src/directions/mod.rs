//! Every norm as the sup norm of a few numbers: dictionaries of directions.
//!
//! Let `1/p + 1/q = 1`. By Hölder `|u·(x − x')| ≤ ‖u‖_q ‖x − x'‖_p`, so the ball of
//! radius μ around `x` lies where `|u·x' − u·x| ≤ μ ‖u‖_q`, for every *direction* `u`.
//! A *dictionary* of directions separates a dataset when for all enemies some
//! direction keeps the images of their balls apart; what serves the sup norm
//! then serves every norm, applied to the images. A pair that no direction tells
//! apart can be given its own, the dual vector of its difference, which attains
//! the distance: so every radius below half of it is reached.
//!
//! How: on growing parts of the data, all pairs that the directions at hand
//! leave too close are found (`pairs`); new directions are chosen greedily by
//! the pairs that they tell apart per weight (`choose`), with few bits and
//! without their small entries (`dual`), until no pair is left. In the Euclidean
//! norm they may lie among the rows of a matrix that keeps distances of enemies
//! (`subspace`). Where rounding counts, it is bounded and taken off.
//!
//! Kim, Moon & Yun (NeurIPS 2025) prove that `ρ² min(N − 1, n)` directions are
//! needed for some data (p = 2); Egosi, Yehudai & Shamir (2025) that about log N
//! random ones are enough for ρ below about `1/√n`. This is the same object in
//! between, chosen for the data.
//!
//! Not a guarantee: what is built on a dictionary is proved from the weights as
//! stored.

mod choose;
mod dual;
mod pairs;
mod subspace;

use crate::{
    Budget, Dataset, Error, Features, Norm, Precision, Progress, Radii,
    network::{BallImage, Image, Layer, LayerBuilder},
    number::{Real, add_up, mul_up, sub_down},
    parallel,
};

use dual::Direction;
use pairs::{Column, Columns, Pair};
use subspace::subspace;

/// Share of the gap between enemies' balls that directions leave free: less
/// takes fewer directions, and finer thresholds.
const FREE: f64 = 0.125;
/// The same share for the dimensions that directions lie among.
const KEPT: f64 = 0.5;
/// Features and samples from which on few dimensions are looked for.
const FEATURES: usize = 100;
const SAMPLES: usize = 1000;
/// Samples of the first part of the data, and how much larger the next is.
const FIRST: usize = 2048;
const GROWTH: usize = 6;
/// Directions whose images are taken at once.
const AT_ONCE: usize = 32;
/// Pairs that are asked at once whether they are open still.
const PAIRS: usize = 4096;
/// Samples whose images are taken at once.
const ROWS: usize = 64;
/// What a bias of about the size of an image adds to the bound of roundings.
const WITH_BIAS: f64 = 2.25;

/// Balls as the neurons of a layer of directions see them.
#[derive(Clone, Debug)]
pub struct Projection {
    /// The directions: `relu(U x + b)`, or `relu(U relu(P x + c) + b)`, with biases
    /// that keep all balls above 0.
    pub layers: Vec<Layer>,
    /// The images of all samples, `N × m`, with their labels.
    pub images: Dataset,
    /// How far a ball of radius 1 reaches along each direction.
    pub lengths: Vec<f64>,
    /// How far roundings reach along each direction.
    pub errors: Vec<f64>,
    /// How far the images of the balls of any two enemies stay apart, at least,
    /// along some direction.
    pub gap: f64,
}

/// What is to be told apart.
struct Task<'a> {
    data: &'a Dataset,
    norm: Norm,
    precision: Precision,
    radii: &'a Radii,
    /// Enemies `i` and `j` must come `needs[i] + needs[j]` apart.
    needs: Vec<f64>,
    /// How far every feature may lie from the truth; empty where none does.
    drift: Vec<f64>,
}

/// A dictionary of directions of all features that tells the balls of enemies
/// apart, and the balls as it sees them. The result does not depend on the number
/// of threads.
///
/// Time: about that of comparing all pairs along a few dozen directions.
/// Memory: one number of the format per sample and direction, twice.
///
/// # Errors
/// [`Error::TooFine`] when the rounding of the format hides the gap between some
/// enemies' balls.
pub fn dictionary(
    data: &Dataset,
    budget: &Budget,
    precision: Precision,
    progress: &dyn Progress,
) -> Result<Projection, Error> {
    let task = Task::new(data, budget, precision);
    let directions = task.directions(progress)?;
    task.project(&[], &directions, gap(budget, data))
}

/// The same with directions that lie among few dimensions, a layer more in front;
/// `None` in other norms than the Euclidean one, for few features or samples, and
/// where too many dimensions would be needed.
///
/// # Errors
/// [`Error::TooFine`] when the image of a ball is out of the range of the format.
pub fn dictionary_among_few(
    data: &Dataset,
    budget: &Budget,
    precision: Precision,
    progress: &dyn Progress,
) -> Result<Option<Projection>, Error> {
    if budget.norm() != Norm::L2 || data.features() < FEATURES || data.samples() < SAMPLES {
        return Ok(None);
    }
    let task = Task::new(data, budget, precision);
    let Some(dimensions) = subspace(&task, &needs(budget, data, KEPT), progress) else { return Ok(None) };
    let front = [task.lifted(&[], &dimensions)?];
    let seen = Seen::new(&task, &front)?;
    let labels = data.labels().to_vec();
    let seen_data = Dataset::new(seen.values, dimensions.len(), labels, data.class_names().to_vec())?;
    let among = Task { data: &seen_data, drift: seen.errors, ..Task::new(data, budget, precision) };
    // A pair may be lost among the dimensions.
    let Ok(directions) = among.directions(progress) else { return Ok(None) };
    task.project(&front, &directions, gap(budget, data)).map(Some)
}

/// What is left between the ball of a sample and that of its nearest enemy, if that
/// has the same radius.
fn spare(budget: &Budget, sample: usize) -> f64 {
    sub_down(budget.distance(sample), 2.0 * budget.radii().of(sample)).max(0.0)
}

/// How far samples must come apart, half of it each, for a share of what is left to
/// be `free`.
fn needs(budget: &Budget, data: &Dataset, free: f64) -> Vec<f64> {
    (0..data.samples()).map(|i| budget.radii().of(i) + 0.5 * free * spare(budget, i)).collect()
}

/// What directions leave free between the balls of any two enemies.
fn gap(budget: &Budget, data: &Dataset) -> f64 {
    FREE * (0..data.samples()).map(|i| spare(budget, i)).fold(f64::INFINITY, f64::min)
}

impl<'a> Task<'a> {
    fn new(data: &'a Dataset, budget: &'a Budget, precision: Precision) -> Self {
        let needs = needs(budget, data, FREE);
        Self { data, norm: budget.norm(), precision, radii: budget.radii(), needs, drift: vec![] }
    }

    /// Directions that tell all enemies apart.
    fn directions(&self, progress: &dyn Progress) -> Result<Vec<Direction>, Error> {
        match self.precision {
            Precision::F32 => self.find::<f32>(progress),
            Precision::F64 => self.find::<f64>(progress),
        }
    }

    fn find<T: Real>(&self, progress: &dyn Progress) -> Result<Vec<Direction>, Error> {
        let order = pairs::shuffled(self.data);
        let mut directions: Vec<Direction> = vec![];
        let mut part = FIRST.min(order.len());
        loop {
            let mut columns = Columns::<T>::new(self.data, &self.needs, &order[..part]);
            let everywhere: Vec<usize> = (0..part).collect();
            self.extend(&mut columns, &everywhere, &directions);
            loop {
                let mut open = pairs::open(&columns, progress);
                progress.begin("directions", open.pairs.len() as u64);
                while !open.pairs.is_empty() {
                    // Where these pairs are all, nobody asks for other samples of this part.
                    let places = if open.all { open.places(part) } else { everywhere.clone() };
                    let new = self.next(&columns, &open.pairs, directions.len() as u64);
                    let before = open.pairs.len();
                    self.extend(&mut columns, &places, &new);
                    let still = |pair: &Pair| columns.is_open(*pair, directions.len());
                    open.pairs = parallel::flat_map_chunks(&open.pairs, PAIRS, |pairs| {
                        pairs.iter().copied().filter(still).collect()
                    });
                    directions.extend(new);
                    if open.pairs.len() == before {
                        self.single(&mut columns, &places, &mut directions, open.pairs[0])?;
                        open.pairs.retain(|pair| columns.is_open(*pair, directions.len() - 1));
                    }
                    progress.advance((before - open.pairs.len()) as u64);
                }
                progress.end();
                if open.all {
                    break;
                }
            }
            if part == order.len() {
                return Ok(directions);
            }
            part = (GROWTH * part).min(order.len());
        }
    }

    /// New directions for `open` pairs.
    fn next<T: Real>(&self, columns: &Columns<T>, open: &[Pair], salt: u64) -> Vec<Direction> {
        let differences = choose::Differences::new(self, columns, open);
        choose::directions(differences, self.norm, salt)
    }

    /// The direction of one pair that no other tells apart, seen at some places.
    fn single<T: Real>(
        &self,
        columns: &mut Columns<T>,
        places: &[usize],
        directions: &mut Vec<Direction>,
        pair: Pair,
    ) -> Result<(), Error> {
        let (i, j) = (columns.samples()[pair.0], columns.samples()[pair.1]);
        let difference: Vec<f64> =
            (0..self.data.features()).map(|f| self.data.value(i, f) - self.data.value(j, f)).collect();
        let own = Direction::of_pair(&difference, self.norm, self.precision);
        self.extend(columns, places, std::slice::from_ref(&own));
        if columns.is_open(pair, directions.len()) {
            return Err(Error::TooFine {
                precision: self.precision,
                why: format!("it hides the gap between the balls of samples {i} and {j}"),
            });
        }
        directions.push(own);
        Ok(())
    }

    /// Adds the columns of `new` directions, which are right at `places` only.
    fn extend<T: Real>(&self, columns: &mut Columns<T>, places: &[usize], new: &[Direction]) {
        let samples: Vec<usize> = places.iter().map(|&place| columns.samples()[place]).collect();
        for new in new.chunks(AT_ONCE) {
            let layers = [layer(self.data.features(), new, &vec![0.0; new.len()])];
            let Some(image) = BallImage::new(&layers, self.precision, self.norm) else { continue };
            let m = new.len();
            let images = self.images(&image, &samples);
            for (f, direction) in new.iter().enumerate() {
                let drift = |&(k, w): &(usize, f64)| self.drift.get(k).map_or(0.0, |e| w.abs() * e);
                let drift: f64 = direction.weights.iter().map(drift).sum();
                let of = || images.iter().flat_map(|rows| rows.iter().skip(f).step_by(m));
                let mut values = vec![0.0; columns.samples().len()];
                places.iter().zip(of()).for_each(|(&place, image)| values[place] = image.center);
                columns.push(Column {
                    values,
                    length: image.length(f),
                    error: drift + WITH_BIAS * of().fold(0.0, |most: f64, image| most.max(image.error)),
                });
            }
        }
    }

    /// The images of the balls of some samples, in parts of [`ROWS`].
    fn images(&self, image: &BallImage<'_>, samples: &[usize]) -> Vec<Vec<Image>> {
        parallel::map_chunks(samples, ROWS, |samples| self.images_of(image, samples))
    }

    /// The images of a few balls along all directions.
    fn images_of(&self, image: &BallImage<'_>, samples: &[usize]) -> Vec<Image> {
        let n = self.data.features();
        let mut x = vec![0.0; n * samples.len()];
        for (x, &sample) in x.chunks_exact_mut(n.max(1)).zip(samples) {
            self.data.copy_row(sample, x);
        }
        let radii: Vec<f64> = samples.iter().map(|&sample| self.radii.of(sample)).collect();
        image.all(&x, &radii)
    }

    /// The layer of `directions` behind `front`, with biases that keep all balls
    /// above 0.
    fn lifted(&self, front: &[Layer], directions: &[Direction]) -> Result<Layer, Error> {
        let n = front.last().map_or(self.data.features(), Layer::outputs);
        let m = directions.len();
        let mut plain = front.to_vec();
        plain.push(layer(n, directions, &vec![0.0; m]));
        let lowest = BallImage::new(&plain, self.precision, self.norm).map(|image| {
            let samples: Vec<usize> = (0..self.data.samples()).collect();
            let add = |lowest: &mut Vec<f64>, part: usize| {
                let samples = &samples[part * ROWS..samples.len().min((part + 1) * ROWS)];
                for (place, Image { center, reach, error }) in
                    self.images_of(&image, samples).into_iter().enumerate()
                {
                    let low = sub_down(center, add_up(reach, mul_up(WITH_BIAS, error)));
                    lowest[place % m] = lowest[place % m].min(low);
                }
            };
            let least = |a: Vec<f64>, b: Vec<f64>| a.iter().zip(&b).map(|(a, b)| a.min(*b)).collect();
            parallel::fold(samples.len().div_ceil(ROWS), || vec![f64::INFINITY; m], add, least)
        });
        let biases: Vec<f64> = lowest.iter().flatten().map(|low| self.precision.round_up(-low)).collect();
        if biases.len() < m || !biases.iter().all(|bias| bias.is_finite()) {
            let why = "the image of a ball is out of its range".into();
            return Err(Error::TooFine { precision: self.precision, why });
        }
        Ok(layer(n, directions, &biases))
    }

    /// The balls as `directions` behind `front` see them.
    fn project(&self, front: &[Layer], directions: &[Direction], gap: f64) -> Result<Projection, Error> {
        let mut layers = front.to_vec();
        layers.push(self.lifted(front, directions)?);
        let seen = Seen::new(self, &layers)?;
        let shortest = seen.lengths.iter().copied().fold(1.0, f64::min);
        let (labels, names) = (self.data.labels().to_vec(), self.data.class_names().to_vec());
        let Seen { values, lengths, errors } = seen;
        let images = Dataset::new(values, lengths.len(), labels, names)?;
        Ok(Projection { images, lengths, errors, gap: gap * shortest, layers })
    }
}

/// All balls as some layers see them.
struct Seen {
    /// The centers of their images, `N × m`.
    values: Features,
    lengths: Vec<f64>,
    errors: Vec<f64>,
}

impl Seen {
    fn new(task: &Task<'_>, layers: &[Layer]) -> Result<Self, Error> {
        let image = BallImage::new(layers, task.precision, task.norm)
            .ok_or_else(|| Error::BadForm { form: "cells", why: "directions read a number twice".into() })?;
        let m = layers.last().map_or(0, Layer::outputs);
        let (values, errors) = match task.precision {
            Precision::F32 => {
                let (values, errors) = Self::values::<f32>(task, &image, m);
                (Features::F32(values.into()), errors)
            }
            Precision::F64 => {
                let (values, errors) = Self::values::<f64>(task, &image, m);
                (Features::F64(values.into()), errors)
            }
        };
        Ok(Self { values, lengths: (0..m).map(|f| image.length(f)).collect(), errors })
    }

    /// The centers, in numbers of the format, and how far they and what is computed
    /// may lie from the truth.
    fn values<T: Real>(task: &Task<'_>, image: &BallImage<'_>, m: usize) -> (Vec<T>, Vec<f64>) {
        let samples: Vec<usize> = (0..task.data.samples()).collect();
        let mut values = vec![T::default(); samples.len() * m];
        let errors = parallel::map_chunks_mut(&mut values, m * ROWS, |part, values| {
            let samples = &samples[part * ROWS..samples.len().min((part + 1) * ROWS)];
            let mut errors = vec![0.0; m];
            let images = task.images_of(image, samples);
            for (place, (value, Image { center, error, .. })) in values.iter_mut().zip(images).enumerate() {
                *value = T::from_f64(center);
                let error = add_up(error, add_up(value.to_f64(), -center).abs());
                errors[place % m] = f64::max(errors[place % m], error);
            }
            errors
        });
        let largest = |a: Vec<f64>, b: Vec<f64>| a.iter().zip(&b).map(|(a, b)| a.max(*b)).collect();
        (values, errors.into_iter().fold(vec![0.0; m], largest))
    }
}

/// The layer of some directions of `n` features.
fn layer(n: usize, directions: &[Direction], biases: &[f64]) -> Layer {
    let mut layer = LayerBuilder::new(n);
    for (direction, bias) in directions.iter().zip(biases) {
        for &(feature, weight) in &direction.weights {
            layer.weight(feature, weight);
        }
        layer.bias(*bias);
    }
    layer.finish()
}
