//! What is proved of exact networks on balls.

use std::collections::BTreeMap;

use dashu_int::IBig;
use indelible::{Dataset, Norm, number::mul_up};
use rayon::prelude::*;

use crate::{
    ExactLayer, ExactNetwork, Neuron,
    network::dual_norm_up,
    number::{big, dyadic, scaled_up},
};

/// Binary digits of the ends of a ball beyond those of the sample.
const BALL_DIGITS: i64 = 64;

/// What is known of a neuron on a ball, times `2^digits`: a number and multiples of
/// variables, of which each lies anywhere between −its reach and its reach. These are how far
/// the neurons of the first layer are from their values at the center, and one for every
/// neuron that bends on the ball.
#[derive(Clone, Debug, Default)]
struct Value {
    center: IBig,
    slopes: BTreeMap<usize, IBig>,
}

impl Value {
    /// The ends of an interval that holds it.
    fn ends(&self, reach: &[IBig]) -> [IBig; 2] {
        let most = self.slopes.iter().fold(IBig::ZERO, |most, (at, slope)| {
            let term = slope * &reach[*at];
            if term < IBig::ZERO { most - term } else { most + term }
        });
        [&self.center - &most, &self.center + most]
    }

    /// Its positive part; where that bends it is a variable of its own.
    fn relu(&mut self, reach: &mut Vec<IBig>) {
        let [low, high] = self.ends(reach);
        if low >= IBig::ZERO {
            return;
        }
        *self = Self::default();
        if high > IBig::ZERO {
            self.center = (high + IBig::ONE) >> 1;
            self.slopes.insert(reach.len(), IBig::ONE);
            reach.push(self.center.clone());
        }
    }

    /// Adds `weight` times `other`.
    fn add(&mut self, weight: &IBig, other: &Self) {
        self.center += weight * &other.center;
        for (at, slope) in &other.slopes {
            *self.slopes.entry(*at).or_default() += weight * slope;
        }
        if !other.slopes.is_empty() {
            self.slopes.retain(|_, slope| *slope != IBig::ZERO);
        }
    }
}

impl ExactNetwork {
    /// Whether the output is exactly `label` at every point of the ball of
    /// `radius` around `x`, proved; `false` also where it is only not proved.
    ///
    /// With radius 0 this evaluates, exactly. Else every neuron of the first layer
    /// runs through an interval, whose ends are taken outward, and these intervals are
    /// taken to be independent. A neuron that is nowhere negative on them is the affine
    /// function that it reads, one that is nowhere positive is 0, and any other may be any
    /// number from 0 to its largest one, the same wherever it is read.
    #[must_use]
    pub fn holds(&self, x: &[f64], label: usize, norm: Norm, radius: f64) -> bool {
        if x.len() != self.inputs() || x.iter().any(|v| !v.is_finite()) || radius.is_nan() || radius < 0.0 {
            return false;
        }
        let lowest = x.iter().filter(|v| **v != 0.0).map(|v| dyadic(*v).1).min().unwrap_or(0);
        // Values are multiples of 2^−digits.
        let mut digits = (-(self.exponent + lowest)).max(0);
        if radius > 0.0 {
            digits += BALL_DIGITS;
        }
        let Some(first) = self.layers.first() else { return false };
        let (mut values, mut reaches) = (vec![], vec![]);
        for (at, neuron) in first.neurons.iter().enumerate() {
            let mut value = Value { center: self.at(neuron, x, digits), ..Value::default() };
            let mut reach = IBig::ZERO;
            if radius > 0.0 {
                let float = mul_up(radius, dual_norm_up(&neuron.weights, norm));
                if !float.is_finite() {
                    return false;
                }
                let (mantissa, exponent) = dyadic(float);
                reach = scaled_up(&IBig::from(mantissa), exponent + self.exponent + digits);
                value.slopes.insert(at, IBig::ONE);
            }
            values.push(value);
            reaches.push(reach);
        }
        for layer in &self.layers[1..] {
            values.iter_mut().for_each(|value| value.relu(&mut reaches));
            values = behind(layer, &values, digits);
        }
        let wanted = big(label) << usize::try_from(digits).unwrap_or(usize::MAX);
        values.pop().is_some_and(|output| output.ends(&reaches).iter().all(|end| *end == wanted))
    }

    /// The value of a neuron of the first layer at `x`, times `2^digits`.
    fn at(&self, neuron: &Neuron, x: &[f64], digits: i64) -> IBig {
        let mut sum = scaled_up(&neuron.bias, digits);
        for (column, weight) in &neuron.weights {
            let (mantissa, exponent) = dyadic(x[*column]);
            if mantissa != 0 {
                // Not negative by the choice of `digits`, so nothing is rounded.
                sum += scaled_up(&(weight * IBig::from(mantissa)), exponent + self.exponent + digits);
            }
        }
        sum
    }

    /// How many samples keep their label on the whole ball of `radius`, proved
    /// without rounding; with radius 0, how many get their label. The class of
    /// index `c` is the output `c + 1`.
    #[must_use]
    pub fn certified(&self, data: &Dataset, norm: Norm, radius: f64) -> usize {
        let holds = |i: usize| self.holds(&data.row(i), data.labels()[i] + 1, norm, radius);
        (0..data.samples()).into_par_iter().filter(|i| holds(*i)).count()
    }
}

/// What a layer makes of the values that it reads.
fn behind(layer: &ExactLayer, values: &[Value], digits: i64) -> Vec<Value> {
    let of = |neuron: &Neuron| {
        let mut sum = Value { center: scaled_up(&neuron.bias, digits), ..Value::default() };
        for (column, weight) in &neuron.weights {
            let value = &values[*column];
            if value.center != IBig::ZERO || !value.slopes.is_empty() {
                sum.add(weight, value);
            }
        }
        sum
    };
    layer.neurons.iter().map(of).collect()
}
