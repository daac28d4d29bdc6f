//! Pairs of points between which an output is as steep as can be found: a
//! lower bound of the Lipschitz constant, to set beside the upper one.
//!
//! Points are tried around samples: the way to the nearest enemy and rays
//! along gradients, the feature that differs most and the diagonal. Outputs are
//! enclosed in real arithmetic, so that what a pair shows is proved.

use crate::{
    Dataset, Error, Norm, Silent,
    certify::{
        arithmetic::{Interval, plus, product},
        attack::distance_up,
    },
    network::{Layer, MaxAffine, Measure, Model, Network, Pool, PowerCurve, Prototypes, Recurrence},
    number::{add_down, add_up, div_down, mul_down, mul_up, sub_down, sub_up},
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
    let real = RealFunction::new(model);
    let cost = model.size().nonzero.saturating_add(1);
    let mut pairs = (MOST_WORK / (2 * cost)).max(2);
    let mut best: Option<SteepestPair> = None;
    for (from, ways) in starts(data, norm, matches!(model, Model::MaxAffine(_) | Model::Layers(_))) {
        let Some(at_start) = real.at(&from) else { continue };
        let mut points = ways;
        let gradients = points.first().cloned().into_iter().chain([from.clone()]);
        let length = points.first().map_or(1.0, |to| distance_up(&from, to, norm));
        for gradient in gradients.flat_map(|x| real.gradients(&x)) {
            points.extend(ray(&from, &gradient, length, norm));
        }
        for to in points {
            if pairs == 0 || best.as_ref().is_some_and(|best| best.slope >= enough) {
                return Ok(best);
            }
            pairs -= 1;
            let distance = distance_up(&from, &to, norm);
            let Some(there) = real.at(&to).filter(|_| distance > 0.0 && distance.is_finite()) else {
                continue;
            };
            for (output, (a, b)) in at_start.iter().zip(&there).enumerate() {
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
    let mut row = vec![0.0; data.features()];
    let (mut outermost, mut largest) = (0, 0.0);
    for i in 0..data.samples() {
        data.copy_row(i, &mut row);
        let square: f64 = row.iter().map(|x| x * x).sum();
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
        let nearest = closest.filter(|(a, _)| *a == i).map(|(_, b)| b).or_else(|| nearest_enemy(data, i));
        let towards: Vec<f64> =
            nearest.map_or(vec![1.0; x.len()], |j| data.row(j).iter().zip(&x).map(|(a, b)| a - b).collect());
        let mut ways = vec![along(&x, &towards, 0.25), along(&x, &towards, 1.0)];
        let widest = (0..x.len()).max_by(|&a, &b| towards[a].abs().total_cmp(&towards[b].abs())).unwrap_or(0);
        let reach = towards.get(widest).map_or(1.0, |d| d.abs());
        for part in STEPS {
            for sign in [1.0, -1.0] {
                let mut single = x.clone();
                if let Some(v) = single.get_mut(widest) {
                    *v += sign * part * reach;
                }
                ways.push(single);
                ways.push(
                    x.iter().zip(&towards).map(|(x, d)| x + (sign * part * reach).copysign(*d)).collect(),
                );
            }
        }
        (x, ways)
    };
    let outward = affine.then_some((outermost, away));
    outward.into_iter().chain(std::iter::once(first).chain(others).map(around))
}

/// The enemy that is nearest in the sum of squares, rounded.
fn nearest_enemy(data: &Dataset, sample: usize) -> Option<usize> {
    let x = data.row(sample);
    let mut other = vec![0.0; x.len()];
    let mut nearest: Option<(f64, usize)> = None;
    for i in (0..data.samples()).filter(|&i| data.labels()[i] != data.labels()[sample]) {
        data.copy_row(i, &mut other);
        let distance: f64 = x.iter().zip(&other).map(|(a, b)| (a - b) * (a - b)).sum();
        if nearest.is_none_or(|(least, _)| distance < least) {
            nearest = Some((distance, i));
        }
    }
    nearest.map(|(_, i)| i)
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

/// A network as a function of real numbers.
enum RealFunction<'a> {
    Layers(Vec<Layer>),
    Recurrence(&'a Recurrence),
    Prototypes(&'a Prototypes),
    MaxAffine(&'a MaxAffine),
}

impl<'a> RealFunction<'a> {
    fn new(model: &'a Model) -> Self {
        match model {
            Model::Layers(network) => Self::Layers(network.layers.clone()),
            Model::Cells(cells) => Self::Layers((0..cells.depth()).map(|index| cells.layer(index)).collect()),
            Model::Recurrence(recurrence) => Self::Recurrence(recurrence),
            Model::Prototypes(prototypes) => Self::Prototypes(prototypes),
            Model::MaxAffine(scores) => Self::MaxAffine(scores),
        }
    }

    /// Enclosures of the outputs at `x`; `None` where they are not finite.
    fn at(&self, x: &[f64]) -> Option<Vec<Interval>> {
        let outputs = match self {
            Self::Layers(layers) => through(layers, x.iter().map(|&x| Interval::point(x)).collect()),
            Self::Recurrence(recurrence) => recurrence_at(recurrence, x),
            Self::Prototypes(prototypes) => prototypes_at(prototypes, x),
            Self::MaxAffine(scores) => max_affine_at(scores, x),
        };
        outputs.iter().all(|y| y.lower.is_finite() && y.upper.is_finite()).then_some(outputs)
    }

    /// Gradients of all outputs at `x`, rounded, where the form gives them.
    fn gradients(&self, x: &[f64]) -> Vec<Vec<f64>> {
        match self {
            Self::Layers(layers) => gradients(layers, x),
            Self::MaxAffine(scores) => (0..scores.ends.len()).filter_map(|c| winner(scores, c, x)).collect(),
            Self::Recurrence(_) | Self::Prototypes(_) => vec![],
        }
    }
}

/// The row of the largest score of a class.
fn winner(scores: &MaxAffine, class: usize, x: &[f64]) -> Option<Vec<f64>> {
    let mut row = vec![0.0; x.len()];
    let best = scores
        .class_rows(class)
        .map(|k| {
            scores.copy_row(k, &mut row);
            (k, row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>() + scores.biases[k])
        })
        .max_by(|a, b| a.1.total_cmp(&b.1))?;
    scores.copy_row(best.0, &mut row);
    Some(row)
}

fn through(layers: &[Layer], input: Vec<Interval>) -> Vec<Interval> {
    let mut values = input;
    for (index, layer) in layers.iter().enumerate() {
        values = layer
            .rows()
            .map(|row| {
                let terms = row.columns.iter().zip(row.weights);
                let sum = terms.fold(Interval::point(row.bias), |sum, (&c, &w)| {
                    plus(sum, product(Interval::point(w), values[c]))
                });
                if index + 1 < layers.len() { relu(sum) } else { sum }
            })
            .collect();
    }
    values
}

fn gradients(layers: &[Layer], x: &[f64]) -> Vec<Vec<f64>> {
    let mut values = x.to_vec();
    let mut on: Vec<Vec<bool>> = vec![];
    for layer in layers {
        let sums: Vec<f64> = layer
            .rows()
            .map(|row| {
                row.columns.iter().zip(row.weights).fold(row.bias, |sum, (&c, &w)| sum + w * values[c])
            })
            .collect();
        on.push(sums.iter().map(|s| *s > 0.0).collect());
        values = sums.into_iter().map(|s| s.max(0.0)).collect();
    }
    (0..values.len())
        .map(|output| {
            let mut gradient = vec![0.0; values.len()];
            gradient[output] = 1.0;
            for (index, layer) in layers.iter().enumerate().rev() {
                let mut before = vec![0.0; layer.inputs()];
                for (r, row) in layer.rows().enumerate() {
                    if gradient[r] != 0.0 && (index + 1 == layers.len() || on[index][r]) {
                        for (&c, &w) in row.columns.iter().zip(row.weights) {
                            before[c] += gradient[r] * w;
                        }
                    }
                }
                gradient = before;
            }
            gradient
        })
        .collect()
}

/// `|a − b|`.
fn difference(a: f64, b: f64) -> Interval {
    let (high, low) = (a.max(b), a.min(b));
    Interval { lower: sub_down(high, low), upper: sub_up(high, low) }
}

/// `a − b`.
fn minus(a: Interval, b: Interval) -> Interval {
    Interval { lower: sub_down(a.lower, b.upper), upper: sub_up(a.upper, b.lower) }
}

/// The maximum; what overflowed to NaN stays NaN.
fn largest(a: Interval, b: Interval) -> Interval {
    let sum = a.lower + a.upper + b.lower + b.upper;
    if sum.is_nan() {
        return Interval::point(f64::NAN);
    }
    Interval { lower: a.lower.max(b.lower), upper: a.upper.max(b.upper) }
}

fn relu(a: Interval) -> Interval {
    largest(a, Interval::ZERO)
}

fn recurrence_at(recurrence: &Recurrence, x: &[f64]) -> Vec<Interval> {
    let mut label = Interval::ZERO;
    let mut center = vec![0.0; x.len()];
    for k in 0..recurrence.steps() {
        recurrence.copy_center(k, &mut center);
        let radius = Interval::point(recurrence.radii[k]);
        let far =
            x.iter().zip(&center).zip(&recurrence.minima).fold(Interval::ZERO, |sum, ((&x, &c), &m)| {
                let x = if k == 0 { x } else { x.max(m) };
                plus(sum, relu(minus(difference(x, c), radius)))
            });
        let level =
            minus(Interval::point(recurrence.values[k]), product(Interval::point(recurrence.scales[k]), far));
        label = largest(label, level);
    }
    match &recurrence.targets {
        None => vec![label],
        Some(targets) => targets
            .iter()
            .map(|&t| {
                let (above, below) = (minus(label, Interval::point(t)), minus(Interval::point(t), label));
                minus(Interval::ZERO, largest(above, below))
            })
            .collect(),
    }
}

fn prototypes_at(prototypes: &Prototypes, x: &[f64]) -> Vec<Interval> {
    let mut accumulators = vec![Interval::ZERO; prototypes.accumulator_count()];
    let mut center = vec![0.0; x.len()];
    for k in 0..prototypes.steps() {
        prototypes.copy_center(k, &mut center);
        let radius = Interval::point(prototypes.radii[k]);
        let far = x.iter().zip(&center).enumerate().fold(Interval::ZERO, |all, (j, (&x, &c))| {
            let x = prototypes.minima.as_ref().map_or(x, |minima| x.max(minima[j]));
            let d = difference(x, c);
            match &prototypes.measure {
                Measure::Largest => largest(all, d),
                Measure::Sum => plus(all, d),
                Measure::Violations => plus(all, relu(minus(d, radius))),
                Measure::Power(curve) => plus(all, curve_at(curve, d)),
            }
        });
        let far = if prototypes.measure == Measure::Violations { far } else { relu(minus(far, radius)) };
        let level =
            minus(Interval::point(prototypes.tops[k]), product(Interval::point(prototypes.scales[k]), far));
        let level = relu(level);
        let a = &mut accumulators[prototypes.accumulators[k]];
        *a = match prototypes.pool {
            Pool::Max => largest(*a, level),
            Pool::Sum => plus(*a, level),
        };
    }
    through(&prototypes.head, accumulators)
}

fn curve_at(curve: &PowerCurve, t: Interval) -> Interval {
    match curve {
        PowerCurve::Hinges { knots, weights } => {
            knots.iter().zip(weights).fold(Interval::ZERO, |sum, (&knot, &weight)| {
                plus(sum, product(Interval::point(weight), relu(minus(t, Interval::point(knot)))))
            })
        }
        &PowerCurve::Sawtooth { inverse, levels } => {
            let mut g = product(Interval::point(inverse), t);
            let mut value = g;
            for level in 1..=levels {
                let rising = plus(g, g);
                let falling = minus(Interval::point(2.0), rising);
                let tooth = Interval {
                    lower: rising.lower.min(falling.lower),
                    upper: rising.upper.min(falling.upper),
                };
                value = minus(value, product(Interval::point(PowerCurve::share(level)), tooth));
                g = relu(tooth);
            }
            relu(value)
        }
    }
}

fn max_affine_at(scores: &MaxAffine, x: &[f64]) -> Vec<Interval> {
    let mut row = vec![0.0; x.len()];
    (0..scores.ends.len())
        .map(|class| {
            scores.class_rows(class).fold(Interval::ZERO, |best, k| {
                scores.copy_row(k, &mut row);
                let score =
                    row.iter().zip(x).fold(Interval::point(scores.biases[k]), |sum, (&w, &x)| Interval {
                        lower: add_down(sum.lower, mul_down(w, x)),
                        upper: add_up(sum.upper, mul_up(w, x)),
                    });
                largest(best, score)
            })
        })
        .collect()
}
