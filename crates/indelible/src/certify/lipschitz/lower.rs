//! Pairs of points between which an output is as steep as can be found: a
//! lower bound of the Lipschitz constant, to set beside the upper one.
//!
//! Points are tried around samples: the way to the nearest enemy and rays
//! along gradients, the feature that differs most and the diagonal. Outputs are
//! enclosed in real arithmetic, so that what a pair shows is proved.

use super::layers;
use crate::{
    Dataset, Error, Norm, Silent,
    certify::{
        arithmetic::{Interval, plus, product, scaled},
        attack::nearest_enemies,
        claim::distance_up,
    },
    network::{Arithmetic, Inexact, Layer, MaxAffine, Model, Row},
    number::{div_down, sub_down, sub_up},
    separation::separation,
};

/// Two points and how steep an output is between them.
#[derive(Clone, Debug, PartialEq)]
pub struct SteepestPair {
    /// The output.
    pub output: usize,
    /// One point, `n` values.
    pub from: Vec<f64>,
    /// The other.
    pub to: Vec<f64>,
    /// A number not above `|y(from) − y(to)| / ‖from − to‖`, outputs in real
    /// arithmetic.
    pub slope: f64,
}

/// Products that may be taken in all; two pairs are always tried.
const MOST_WORK: usize = 400_000_000;
/// Parts of the way to the nearest enemy that rays go.
const STEPS: [f64; 2] = [0.25, 1.0 / 64.0];

/// The steepest of the pairs tried around the samples of `data`, the first of
/// which an output has a slope of `enough` ending the search; `None` when no
/// output was seen to change, or values overflow.
///
/// # Errors
/// When the data do not have as many features as the network reads.
pub fn steepest_pair(
    model: &Model,
    norm: Norm,
    data: &Dataset,
    enough: f64,
) -> Result<Option<SteepestPair>, Error> {
    if model.inputs() != data.features() {
        return Err(Error::InputWidth { expected: model.inputs(), given: data.features() });
    }
    let layers = layers(model);
    let cost = model.size().nonzero.saturating_add(1);
    let mut pairs = (MOST_WORK / (2 * cost)).max(2);
    let mut best: Option<SteepestPair> = None;
    for (from, ways) in starts(data, norm, matches!(model, Model::MaxAffine(_) | Model::Layers(_))) {
        let Some(here) = outputs(model, &from) else { continue };
        let length = ways.first().map_or(1.0, |to| distance_up(&from, to, norm));
        let at = ways.first().into_iter().chain([&from]);
        let gradients = at.flat_map(|x| gradients(model, layers.as_deref(), x));
        let rays: Vec<_> = gradients.flat_map(|gradient| ray(&from, &gradient, length, norm)).collect();
        for to in ways.into_iter().chain(rays) {
            if pairs == 0 || best.as_ref().is_some_and(|best| best.slope >= enough) {
                return Ok(best);
            }
            pairs -= 1;
            let distance = distance_up(&from, &to, norm);
            let Some(there) = outputs(model, &to).filter(|_| distance > 0.0 && distance.is_finite()) else {
                continue;
            };
            for (output, (a, b)) in here.iter().zip(&there).enumerate() {
                let rise = sub_down(a.lower, b.upper).max(sub_down(b.lower, a.upper));
                let slope = div_down(rise, distance);
                if slope > best.as_ref().map_or(0.0, |best| best.slope) {
                    best = Some(SteepestPair { output, from: from.clone(), to: to.clone(), slope });
                }
            }
        }
    }
    Ok(best)
}

/// Samples with points to go to: the first quarter of the way to the nearest
/// enemy, all of it, along the feature that differs most and along all. Where
/// affine scores are compared, first the sample of the largest norm, away from
/// the origin: its score is the steepest, and no other one overtakes it.
fn starts(data: &Dataset, norm: Norm, affine: bool) -> impl Iterator<Item = (Vec<f64>, Vec<Vec<f64>>)> {
    let (mut outermost, mut largest) = (0, 0.0);
    for i in 0..data.samples() {
        let square: f64 = data.row(i).iter().map(|x| x * x).sum();
        if square > largest {
            (outermost, largest) = (i, square);
        }
    }
    let outermost = data.row(outermost);
    let away = vec![along(&outermost, &outermost, 1.0)];
    let closest = separation(data, norm, &Silent).pair;
    let first = closest.map_or(0, |(i, _)| i);
    let others = (0..data.samples()).filter(move |&i| i != first);
    let around = move |i: usize| {
        let x = data.row(i);
        let nearest = match closest {
            Some((a, b)) if a == i => Some(b),
            _ => nearest_enemies(data, i, Norm::L2, 1).pop(),
        };
        let towards: Vec<f64> =
            nearest.map_or(vec![1.0; x.len()], |j| data.row(j).iter().zip(&x).map(|(a, b)| a - b).collect());
        let mut ways = vec![along(&x, &towards, 0.25), along(&x, &towards, 1.0)];
        let widest = (0..x.len()).max_by(|&a, &b| towards[a].abs().total_cmp(&towards[b].abs())).unwrap_or(0);
        let reach = towards.get(widest).map_or(1.0, |d| d.abs());
        for step in STEPS.iter().flat_map(|part| [part * reach, -part * reach]) {
            let mut single = x.clone();
            if let Some(v) = single.get_mut(widest) {
                *v += step;
            }
            ways.push(single);
            ways.push(x.iter().zip(&towards).map(|(x, d)| x + step.copysign(*d)).collect());
        }
        (x, ways)
    };
    let outward = affine.then_some((outermost, away));
    outward.into_iter().chain(std::iter::once(first).chain(others).map(around))
}

fn along(x: &[f64], direction: &[f64], share: f64) -> Vec<f64> {
    x.iter().zip(direction).map(|(x, d)| x + share * d).collect()
}

/// Points both ways along which a gradient rises most in the norm.
fn ray(x: &[f64], gradient: &[f64], length: f64, norm: Norm) -> Vec<Vec<f64>> {
    let widest = (0..x.len()).max_by(|&a, &b| gradient[a].abs().total_cmp(&gradient[b].abs()));
    let size = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
    let direction: Vec<f64> = gradient
        .iter()
        .enumerate()
        .map(|(j, &g)| match norm {
            Norm::L1 => f64::from(u8::from(Some(j) == widest)) * g.signum(),
            Norm::Linf => g.signum() * f64::from(u8::from(g != 0.0)),
            Norm::L2 | Norm::Lp(_) => g / size,
        })
        .collect();
    let steps = STEPS.iter().flat_map(|part| [part * length, -part * length]);
    steps.map(|step| along(x, &direction, step)).collect()
}

/// Enclosures of the outputs at `x` in real arithmetic; `None` where they are
/// not finite.
fn outputs(model: &Model, x: &[f64]) -> Option<Vec<Interval>> {
    let x: Vec<Interval> = x.iter().map(|&x| Interval::point(x)).collect();
    let outputs = model.evaluate_in(&mut Enclosures, &x);
    outputs.iter().all(|y| y.lower.is_finite() && y.upper.is_finite()).then_some(outputs)
}

/// Real numbers, enclosed with outward rounding; what overflowed to NaN stays
/// NaN.
struct Enclosures;

impl Arithmetic for Enclosures {
    type Number = Interval;

    fn number(&mut self, value: f64) -> Interval {
        Interval::point(value)
    }

    fn minus(&mut self, a: &Interval, b: &Interval) -> Interval {
        Interval { lower: sub_down(a.lower, b.upper), upper: sub_up(a.upper, b.lower) }
    }

    fn max(&mut self, a: &Interval, b: &Interval) -> Interval {
        if (a.lower + a.upper + b.lower + b.upper).is_nan() {
            return Interval::point(f64::NAN);
        }
        Interval::max(*a, *b)
    }

    fn min(&mut self, a: &Interval, b: &Interval) -> Interval {
        self.max(&a.negated(), &b.negated()).negated()
    }

    fn abs(&mut self, a: &Interval) -> Interval {
        self.max(a, &a.negated())
    }

    fn sum(&mut self, terms: &[Interval]) -> Interval {
        terms.iter().fold(Interval::ZERO, |sum, &term| plus(sum, term))
    }

    fn dot(&mut self, start: &Interval, terms: &[(f64, Interval)]) -> Interval {
        terms.iter().fold(*start, |sum, &(w, v)| plus(sum, scaled(w, v)))
    }

    fn rescale(&mut self, a: &Interval, factor: &Inexact, shift: &Inexact) -> Interval {
        let range = |number: &Inexact| Interval { lower: number.range.lower, upper: number.range.upper };
        plus(product(range(factor), *a), range(shift))
    }
}

/// Gradients of all outputs at a point, rounded; `layers` are those of the
/// model, where it has such.
fn gradients(model: &Model, layers: Option<&[Layer]>, x: &[f64]) -> Vec<Vec<f64>> {
    match (model, layers) {
        (_, Some(layers)) => gradients_of_layers(layers, x),
        (Model::MaxAffine(scores), None) => {
            (0..scores.classes()).filter_map(|class| winner(scores, class, x)).collect()
        }
        _ => vec![],
    }
}

/// The row of the largest score of a class, where what it reads is not cut off.
fn winner(scores: &MaxAffine, class: usize, x: &[f64]) -> Option<Vec<f64>> {
    let mut row = vec![0.0; x.len()];
    let cut = |j: usize| scores.origin().is_some_and(|origin| x[j] < origin[j]);
    let origin = |j: usize| scores.origin().map_or(0.0, |origin| origin[j]);
    let read: Vec<f64> = (0..x.len()).map(|j| if cut(j) { 0.0 } else { x[j] - origin(j) }).collect();
    let mut score = |k: usize| {
        scores.copy_row(k, &mut row);
        row.iter().zip(&read).map(|(w, x)| w * x).sum::<f64>() + scores.biases()[k]
    };
    let (best, _) = scores.class_rows(class).map(|k| (k, score(k))).max_by(|a, b| a.1.total_cmp(&b.1))?;
    scores.copy_row(best, &mut row);
    row.iter_mut().enumerate().filter(|(j, _)| cut(*j)).for_each(|(_, w)| *w = 0.0);
    Some(row)
}

fn gradients_of_layers(layers: &[Layer], x: &[f64]) -> Vec<Vec<f64>> {
    let mut values = x.to_vec();
    let mut on: Vec<Vec<bool>> = vec![];
    for layer in layers {
        let sum = |row: Row<'_>| row.terms().fold(row.bias, |sum, (c, w)| sum + w * values[c]);
        let sums: Vec<f64> = layer.rows().map(sum).collect();
        on.push(sums.iter().map(|s| *s > 0.0).collect());
        values = sums.into_iter().map(|s| s.max(0.0)).collect();
    }
    // No ReLU follows the last layer.
    on.pop();
    on.push(vec![true; values.len()]);
    let back = |gradient: Vec<f64>, (layer, on): (&Layer, &Vec<bool>)| {
        let mut before = vec![0.0; layer.inputs()];
        for ((row, on), slope) in layer.rows().zip(on).zip(gradient) {
            if *on && slope != 0.0 {
                row.terms().for_each(|(c, w)| before[c] += slope * w);
            }
        }
        before
    };
    (0..values.len())
        .map(|output| {
            let mut gradient = vec![0.0; values.len()];
            gradient[output] = 1.0;
            layers.iter().zip(&on).rev().fold(gradient, back)
        })
        .collect()
}
