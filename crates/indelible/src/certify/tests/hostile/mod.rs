//! Attacks on the engines: random networks full of numbers at the ends of their
//! format, executed in random orders of summation, fused or not, and in exact
//! arithmetic; what was claimed must hold each time.

mod curves;
mod graph;
mod graph_rows;
mod layers;
mod linear;
mod recurrence;
mod scaled;
mod together;

use std::fmt::Debug;

use super::{Dyadic, Exact, Machine, Random, inside, rounds};
use crate::{
    Dataset, Features, Norm, Precision, Radii,
    certify::{
        Claim,
        linear::{Node, Relaxation, Rows, Sign},
    },
    network::Model,
};

/// The exponents of the smallest and the largest number, and the digits.
fn range(precision: Precision) -> (i32, i32, i32) {
    match precision {
        Precision::F32 => (-149, 127, 24),
        Precision::F64 => (-1074, 1023, 53),
    }
}

fn power_of_two(exponent: i32) -> f64 {
    2f64.powi(exponent / 2) * 2f64.powi(exponent - exponent / 2)
}

/// Where the sizes of a network's numbers lie.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Sizes {
    Plain,
    /// Products near the smallest number.
    Underflow,
    /// Some near the largest.
    Overflow,
    Anywhere,
    /// Plain, a few anywhere.
    Mixed,
}

const SIZES: [Sizes; 5] = [Sizes::Plain, Sizes::Underflow, Sizes::Overflow, Sizes::Anywhere, Sizes::Mixed];

fn number(random: &mut Random, sizes: Sizes, precision: Precision) -> f64 {
    let (smallest, largest, digits) = range(precision);
    let bits = match random.below(4) {
        few @ 0..3 => few as i32 + 1,
        _ => 1 + random.below(digits as usize) as i32,
    };
    let mantissa = 1 + random.below(1 << bits.min(50));
    let plain = random.below(3) as i32 - bits;
    let anywhere = smallest + random.below((largest - smallest) as usize) as i32 - bits;
    let exponent = match sizes {
        Sizes::Plain => plain,
        Sizes::Underflow => smallest / 2 - 2 + random.below(4) as i32,
        Sizes::Overflow if random.below(2) == 0 => largest - bits - random.below(5) as i32,
        Sizes::Anywhere => anywhere,
        Sizes::Mixed if random.below(4) == 0 => anywhere,
        Sizes::Overflow | Sizes::Mixed => plain,
    };
    let value = precision.round(mantissa as f64 * power_of_two(exponent)).min(precision.largest());
    if random.below(2) == 0 { -value } else { value }
}

/// A ball around one sample of class 0.
#[derive(Debug)]
struct Ball {
    center: Vec<f64>,
    norm: Norm,
    radius: f64,
    radii: Radii,
    data: Dataset,
}

impl Ball {
    fn new(center: Vec<f64>, norm: Norm, radius: f64) -> Self {
        let features = Features::F64(center.clone().into());
        let data = Dataset::new(features, center.len(), vec![0], vec!["1".into()]).unwrap();
        Self { center, norm, radius, radii: Radii::Uniform(radius), data }
    }

    /// Around numbers of these sizes, as large as they are or smaller.
    fn anywhere(random: &mut Random, n: usize, norm: Norm, sizes: Sizes) -> Self {
        let center: Vec<f64> = (0..n).map(|_| number(random, sizes, Precision::F64)).collect();
        let largest = center.iter().fold(0.0f64, |m, x| m.max(x.abs()));
        let radius = largest * random.of(&[0.0, 1e-9, 1e-3, 0.3, 1.0]) * random.unit();
        Self::new(center, norm, radius)
    }

    /// Around a point between −1 and 1, of a radius of at most ½.
    fn plain(random: &mut Random, n: usize, norm: Norm) -> Self {
        let center: Vec<f64> = (0..n).map(|_| 2.0 * random.unit() - 1.0).collect();
        let radius = random.of(&[0.0, 1e-6, 0.1, 0.5]) * random.unit();
        Self::new(center, norm, radius)
    }

    /// That `model`, of `network_classes` classes, says `class` on the ball.
    fn claim<'a>(&'a self, model: &'a Model, class: &'a [usize; 1], network_classes: usize) -> Claim<'a> {
        let (data, norm, radii) = (&self.data, self.norm, &self.radii);
        Claim { model, data, classes: class, network_classes, norm, radii, tie_margin: 0.0 }
    }

    fn point(&self, random: &mut Random) -> Vec<f64> {
        layers::point_of(random, &self.center, self.radius, self.norm)
    }
}

/// All values lie between their ends.
fn assert_within<'a>(
    values: &[Dyadic],
    ends: impl IntoIterator<Item = (&'a f64, &'a f64)>,
    context: &dyn Debug,
) {
    for (value, (lower, upper)) in values.iter().zip(ends) {
        let inside = value.at_least(*lower) && value.negated().at_least(-upper);
        assert!(inside, "{context:?}: {value:?} in {lower:e} {upper:e}");
    }
}

/// On which side of its kink a number lies, where that is to be known.
fn sign(random: &mut Random, known: bool, z: &Dyadic, kink: &Dyadic) -> Sign {
    match known {
        false => Sign::Open,
        true if z == kink => random.of(&[Sign::On, Sign::Off]),
        true if z > kink => Sign::On,
        true => Sign::Off,
    }
}

/// A part of a ball with any choices of slopes.
fn part(random: &mut Random, signs: Vec<Sign>) -> Node {
    let choices = signs.iter().map(|_| random.of(&[0.0, 1.0, random.clone().unit(), 3.0])).collect();
    Node { row: 0, signs: signs.into(), choices, limits: None }
}

/// A random combination of the last numbers of an execution lies above its bound
/// on a part of the ball that the execution lies in; whether there is a bound.
fn row_holds(
    random: &mut Random,
    (relaxation, steps): (&Relaxation<'_>, usize),
    last: &[Dyadic],
    signs: impl FnOnce(&mut Random) -> Vec<Sign>,
    context: &dyn Debug,
) -> bool {
    let mut rows = Rows::zero(1, last.len());
    rows.coefficients = last.iter().map(|_| random.of(&[1.0, -1.0, 0.0, 0.7])).collect();
    let row = rows.coefficients.clone();
    let signs = signs(random);
    let node = part(random, signs);
    let bound = relaxation.followed(steps, rows, Some(&[&node])).bounds[0];
    let terms = last.iter().zip(&row).map(|(z, c)| z.times(&Dyadic::of(*c)));
    let value = terms.fold(Dyadic::of(0.0), |sum, term| sum.plus(&term));
    assert!(value.at_least(bound), "{context:?}: {node:?} {bound:e}");
    bound > f64::NEG_INFINITY
}
