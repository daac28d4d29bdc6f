//! A trained network, and how much of a memory decides in its place.
//!
//! Logits `M F + G`: `F` memorizes samples, `G` was trained, and `M` is so large that
//! the lead of `F` at every sample outweighs proved bounds of `G` on all balls. Steps of
//! the training are made of sums, products and comparisons alone, one after the other, so
//! that the same seed gives the same network everywhere.

use indelible::{
    Dataset, Precision,
    certify::output_bounds,
    network::{Layer, LayerBuilder, Model, StoredNetwork},
    number::random::Random,
};

use crate::{
    error::QueryError,
    rows::{Ending, together},
};

/// Hidden layers, by the number of the network.
const HIDDEN: [&[usize]; 3] = [&[8, 8], &[16, 16], &[24, 24, 24]];
/// How much more the memory says than the trained network does at most on all balls together, by
/// the number of the network. Below 1, the truth of a ball rests on bounds of the trained network there.
const DIALS: [f64; 4] = [1.0, 1.0 / 16.0, 1.0 / 64.0, 0.25];
/// Multiplications that a training takes, about, and steps.
const WORK: usize = 200_000_000;
const STEPS: std::ops::Range<usize> = 500..20_000;
/// How far a step goes.
const RATE: f64 = 0.02;

/// A layer while it is trained.
struct Learned {
    inputs: usize,
    /// By rows.
    weights: Vec<f64>,
    biases: Vec<f64>,
}

impl Learned {
    fn new(inputs: usize, outputs: usize, random: &mut Random) -> Self {
        // He et al., ICCV 2015.
        let size = (6.0 / inputs as f64).sqrt();
        let weights = (0..inputs * outputs).map(|_| size * (2.0 * random.unit() - 1.0)).collect();
        Self { inputs, weights, biases: vec![0.0; outputs] }
    }

    fn sums(&self, x: &[f64]) -> Vec<f64> {
        let rows = self.weights.chunks(self.inputs).zip(&self.biases);
        rows.map(|(row, bias)| row.iter().zip(x).fold(*bias, |sum, (w, x)| sum + w * x)).collect()
    }

    /// Goes a step against the gradient of what was read from `x`; returns the gradient of `x`.
    fn step(&mut self, x: &[f64], gradient: &[f64]) -> Vec<f64> {
        let mut before = vec![0.0; self.inputs];
        let rows = self.weights.chunks_mut(self.inputs).zip(&mut self.biases);
        for ((row, bias), g) in rows.zip(gradient).filter(|(_, g)| **g != 0.0) {
            for ((w, x), before) in row.iter_mut().zip(x).zip(&mut before) {
                *before += g * *w;
                *w -= RATE * g * x;
            }
            *bias -= RATE * g;
        }
        before
    }
}

/// A network trained on `data` by stochastic gradient descent on the squared hinge loss
/// of every class, in binary32. Nothing where what comes out are no numbers of that.
pub(super) fn trained(data: &Dataset, number: usize, random: &mut Random) -> Option<StoredNetwork> {
    let (n, classes, samples) = (data.features(), data.classes(), data.samples());
    let mut center = vec![0.0; n];
    for i in 0..samples {
        center.iter_mut().zip(data.row(i)).for_each(|(c, x)| *c += x / samples as f64);
    }
    let centered = |i: usize| data.row(i).into_iter().zip(&center).map(|(x, c)| x - c).collect::<Vec<_>>();
    let norm = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
    let unit = power_of_two_above((0..samples).map(|i| norm(&centered(i))).fold(0.0, f64::max) / 2.0)?;
    let widths = [&[n], HIDDEN[number % HIDDEN.len()], &[classes]].concat();
    let mut layers: Vec<Learned> =
        widths.windows(2).map(|pair| Learned::new(pair[0], pair[1], random)).collect();
    let weights = layers.iter().map(|layer| layer.weights.len()).sum::<usize>();
    let steps = (WORK / (6 * weights)).clamp(STEPS.start, STEPS.end);
    for _ in 0..steps {
        let i = random.below(samples);
        let mut reads: Vec<Vec<f64>> = vec![centered(i).iter().map(|x| x / unit).collect()];
        for layer in &layers {
            let last = reads.last().map_or(&[][..], Vec::as_slice);
            let last: Vec<f64> =
                if reads.len() > 1 { last.iter().map(|v| v.max(0.0)).collect() } else { last.to_vec() };
            reads.push(layer.sums(&last));
        }
        let outputs = reads.pop()?;
        let mut gradient: Vec<f64> = (outputs.iter().enumerate())
            .map(|(k, y)| {
                let side = if k == data.labels()[i] { 1.0 } else { -1.0 };
                -side * (1.0 - side * y).max(0.0)
            })
            .collect();
        for (at, layer) in layers.iter_mut().enumerate().rev() {
            let sums = reads.pop()?;
            let x: Vec<f64> = if at > 0 { sums.iter().map(|v| v.max(0.0)).collect() } else { sums.clone() };
            gradient = layer.step(&x, &gradient);
            gradient.iter_mut().zip(&sums).filter(|(_, v)| at > 0 && **v <= 0.0).for_each(|(g, _)| *g = 0.0);
        }
    }
    let stored =
        layers.iter().enumerate().map(|(at, layer)| stored(layer, (at == 0).then_some((&*center, unit))));
    StoredNetwork::new(Precision::F32, stored.collect()).ok()
}

/// The layer in binary32, that of the map `x ↦ (x − center) / unit` where one is in front.
fn stored(layer: &Learned, front: Option<(&[f64], f64)>) -> Layer {
    let round = |w: f64| Precision::F32.round(w);
    let mut new = LayerBuilder::new(layer.inputs);
    for (row, bias) in layer.weights.chunks(layer.inputs).zip(&layer.biases) {
        let mut bias = *bias;
        for (column, w) in row.iter().enumerate() {
            let w = round(front.map_or(*w, |(_, unit)| w / unit));
            bias -= front.map_or(0.0, |(center, _)| w * center[column]);
            new.weight(column, w);
        }
        new.bias(round(bias));
    }
    new.finish()
}

/// The least power of two that is not below `x`, for numbers far from the ends of the format.
fn power_of_two_above(x: f64) -> Option<f64> {
    if !(1e-60..1e60).contains(&x) {
        return None;
    }
    let mut power = 1.0;
    while power < x {
        power *= 2.0;
    }
    while power / 2.0 >= x {
        power /= 2.0;
    }
    Some(power)
}

/// `M F + G` for the memory `F` of the samples of `data`.
///
/// # Errors
/// Where the two have other inputs or outputs, or nothing bounds `G` on the balls.
pub(super) fn with_memory(
    memory: &StoredNetwork,
    other: &StoredNetwork,
    (data, radius): (&Dataset, f64),
    number: usize,
) -> Result<Vec<Layer>, QueryError> {
    let unfit = |why: &str| QueryError::Unfit(format!("the trained network: {why}"));
    let (memory_model, model) = (Model::Layers(memory.clone()), Model::Layers(other.clone()));
    if memory_model.inputs() != model.inputs() || memory_model.outputs() != model.outputs() {
        return Err(unfit("other inputs or outputs than the memory has"));
    }
    let mut ends = vec![(f64::INFINITY, f64::NEG_INFINITY); data.features()];
    let mut lead = f64::INFINITY;
    for i in 0..data.samples() {
        let x = data.row(i);
        for ((lower, upper), x) in ends.iter_mut().zip(&x) {
            (*lower, *upper) = (lower.min(x - radius), upper.max(x + radius));
        }
        let y = memory_model.evaluate(&x).map_err(|e| unfit(&e.to_string()))?;
        let own = data.labels()[i];
        let others = y.iter().enumerate().filter(|(k, _)| *k != own).map(|(_, y)| *y);
        lead = lead.min(y[own] - others.fold(f64::NEG_INFINITY, f64::max));
    }
    let (lower, upper): (Vec<f64>, Vec<f64>) = ends
        .into_iter()
        .map(|(lower, upper)| (Precision::F32.round_down(lower), Precision::F32.round_up(upper)))
        .unzip();
    let bounds = output_bounds(&model, &lower, &upper).ok_or_else(|| unfit("no bounds on the balls"))?;
    let most = bounds.iter().map(|b| b.upper).fold(f64::NEG_INFINITY, f64::max);
    let least = bounds.iter().map(|b| b.lower).fold(f64::INFINITY, f64::min);
    let factor = power_of_two_above(DIALS[number % DIALS.len()] * (most - least).max(1e-30) / lead);
    let factor = factor.ok_or_else(|| unfit("no multiple of the memory outweighs it"))?;
    Ok(together(memory.layers(), other.layers(), Ending::Sum(factor)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    use indelible_io::dataset::{ReadOptions, read};

    #[test]
    fn it_is_trained() {
        let data = read(Path::new("iris"), &ReadOptions::default()).unwrap();
        for number in 0..3 {
            let network = trained(&data, number, &mut Random::new(number as u64 + 1)).unwrap();
            let again = trained(&data, number, &mut Random::new(number as u64 + 1)).unwrap();
            assert_eq!(network, again);
            let model = Model::Layers(network);
            let right = (0..data.samples()).filter(|&i| {
                let y = model.evaluate(&data.row(i)).unwrap();
                let best = (0..y.len()).max_by(|a, b| y[*a].total_cmp(&y[*b]));
                best == Some(data.labels()[i])
            });
            let right = right.count();
            assert!(right >= 135, "{right} of 150");
        }
    }

    #[test]
    fn powers_of_two() {
        for (x, power) in [(1.0, 1.0), (1.1, 2.0), (0.26, 0.5), (0.25, 0.25), (3e9, 4_294_967_296.0)] {
            assert_eq!(power_of_two_above(x), Some(power));
        }
        for x in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-70] {
            assert_eq!(power_of_two_above(x), None);
        }
    }
}
