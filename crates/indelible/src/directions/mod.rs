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
//! without their small entries (`dual`), until no pair is left. Where rounding
//! counts, it is bounded and taken off.
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

use rayon::prelude::*;

use crate::{
    Budget, Dataset, Error, Features, Norm, Precision, Progress,
    network::{BallImage, Image, Layer, LayerBuilder},
    number::{add_up, mul_up, sub_down},
};

use dual::Direction;
use pairs::{Columns, Pair};

/// Share of the gap between enemies' balls that directions leave free: less
/// takes fewer directions, and finer thresholds.
const FREE: f64 = 0.125;
/// Samples of the first part of the data, and how much larger the next is.
const FIRST: usize = 2048;
const GROWTH: usize = 6;
/// Directions whose images are taken at once.
const AT_ONCE: usize = 32;
/// What a bias of about the size of an image adds to the bound of roundings.
const WITH_BIAS: f64 = 2.25;

/// Balls as the neurons of a layer of directions see them.
#[derive(Clone, Debug)]
pub struct Projection {
    /// The directions: `relu(U x + b)`, with biases that keep all balls above 0.
    pub layer: Layer,
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
    radii: &'a crate::Radii,
    /// Enemies `i` and `j` must come `needs[i] + needs[j]` apart.
    needs: Vec<f64>,
}

/// A dictionary of directions that tells the balls of enemies apart, and the
/// balls as it sees them. The result does not depend on the number of threads.
///
/// Time: about that of comparing all pairs along a few dozen directions.
/// Memory: one number per sample and direction, twice.
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
    let spare = |i: usize| sub_down(budget.distance(i), 2.0 * budget.radii().of(i)).max(0.0);
    let needs = (0..data.samples()).map(|i| budget.radii().of(i) + 0.5 * FREE * spare(i)).collect();
    let task = Task { data, norm: budget.norm(), precision, radii: budget.radii(), needs };
    let directions = task.find(progress)?;
    let gap = FREE * (0..data.samples()).map(spare).fold(f64::INFINITY, f64::min);
    task.project(&directions, gap)
}

impl Task<'_> {
    /// Directions that tell all enemies apart.
    fn find(&self, progress: &dyn Progress) -> Result<Vec<Direction>, Error> {
        let order = pairs::shuffled(self.data);
        let mut directions: Vec<Direction> = vec![];
        let mut part = FIRST.min(order.len());
        loop {
            let mut columns = Columns::new(self.data, &self.needs, &order[..part]);
            self.extend(&mut columns, &directions);
            loop {
                let mut open = pairs::open(&columns, progress);
                let all = open.all;
                progress.begin("directions", open.pairs.len() as u64);
                while !open.pairs.is_empty() {
                    let new = self.next(&columns, &open.pairs, directions.len() as u64);
                    let before = open.pairs.len();
                    self.extend(&mut columns, &new);
                    open.pairs.retain(|pair| columns.is_open(*pair, directions.len()));
                    directions.extend(new);
                    if open.pairs.len() == before {
                        self.single(&mut columns, &mut directions, open.pairs[0])?;
                        open.pairs.retain(|pair| columns.is_open(*pair, directions.len() - 1));
                    }
                    progress.advance((before - open.pairs.len()) as u64);
                }
                progress.end();
                if all {
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
    fn next(&self, columns: &Columns, open: &[Pair], salt: u64) -> Vec<Direction> {
        let differences = choose::Differences::new(self, columns, open);
        choose::directions(differences, self.norm, salt)
    }

    /// The direction of one pair that no other tells apart.
    fn single(
        &self,
        columns: &mut Columns,
        directions: &mut Vec<Direction>,
        pair: Pair,
    ) -> Result<(), Error> {
        let (i, j) = (columns.sample(pair.0), columns.sample(pair.1));
        let difference: Vec<f64> =
            (0..self.data.features()).map(|f| self.data.value(i, f) - self.data.value(j, f)).collect();
        let own = Direction::of_pair(&difference, self.norm, self.precision);
        self.extend(columns, std::slice::from_ref(&own));
        if columns.is_open(pair, directions.len()) {
            return Err(Error::TooFine {
                precision: self.precision,
                why: format!("it hides the gap between the balls of samples {i} and {j}"),
            });
        }
        directions.push(own);
        Ok(())
    }

    /// Adds the columns of `new` directions.
    fn extend(&self, columns: &mut Columns, new: &[Direction]) {
        for new in new.chunks(AT_ONCE) {
            self.extend_by_few(columns, new);
        }
    }

    fn extend_by_few(&self, columns: &mut Columns, new: &[Direction]) {
        let layer = layer(self.data.features(), new, &vec![0.0; new.len()]);
        let image = BallImage::new(&layer, self.precision, self.norm);
        let of = |sample: usize| self.images(&image, new.len(), sample);
        columns.extend(new.len(), of, |f| image.length(f), WITH_BIAS);
    }

    /// The images of one ball along all directions.
    fn images(&self, image: &BallImage<'_>, count: usize, sample: usize) -> Vec<Image> {
        let (x, radius) = (self.data.row(sample), self.radii.of(sample));
        (0..count).map(|f| image.of(f, &x, radius)).collect()
    }

    /// The balls as `directions` see them.
    fn project(&self, directions: &[Direction], gap: f64) -> Result<Projection, Error> {
        let (n, m, samples) = (self.data.features(), directions.len(), self.data.samples());
        let mut biases = vec![0.0; m];
        let plain = layer(n, directions, &biases);
        let image = BallImage::new(&plain, self.precision, self.norm);
        let lowest = (0..samples)
            .into_par_iter()
            .fold(
                || vec![f64::INFINITY; m],
                |mut lowest, sample| {
                    for (low, Image { center, reach, error }) in
                        lowest.iter_mut().zip(self.images(&image, m, sample))
                    {
                        *low = low.min(sub_down(center, add_up(reach, mul_up(WITH_BIAS, error))));
                    }
                    lowest
                },
            )
            .reduce(|| vec![f64::INFINITY; m], |a, b| a.iter().zip(&b).map(|(a, b)| a.min(*b)).collect());
        for (bias, low) in biases.iter_mut().zip(lowest) {
            *bias = self.precision.round_up(-low);
        }
        if !biases.iter().all(|bias| bias.is_finite()) {
            let why = "the image of a ball is out of its range".into();
            return Err(Error::TooFine { precision: self.precision, why });
        }
        let layer = layer(n, directions, &biases);
        let image = BallImage::new(&layer, self.precision, self.norm);
        let mut values = vec![0.0; samples * m];
        let errors = values
            .par_chunks_mut(m)
            .enumerate()
            .map(|(sample, row)| {
                let images = self.images(&image, m, sample);
                row.iter_mut().zip(&images).for_each(|(value, image)| *value = image.center);
                images.iter().map(|image| image.error).collect()
            })
            .reduce(|| vec![0.0; m], |a: Vec<f64>, b| a.iter().zip(&b).map(|(a, b)| a.max(*b)).collect());
        let lengths: Vec<f64> = (0..m).map(|f| image.length(f)).collect();
        let shortest = lengths.iter().copied().fold(1.0, f64::min);
        let (labels, names) = (self.data.labels().to_vec(), self.data.class_names().to_vec());
        let images = Dataset::new(Features::F64(values.into()), m, labels, names)?;
        Ok(Projection { images, lengths, errors, gap: gap * shortest, layer })
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
