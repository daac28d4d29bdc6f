//! Affine functions and neurons over the rationals.

use dashu_ratio::RBig;

use crate::rational::dot;

/// An affine function `gradient·x + constant`.
#[derive(Clone)]
pub(crate) struct AffineFunction {
    pub gradient: Vec<RBig>,
    pub constant: RBig,
}

impl AffineFunction {
    /// Adds what the neuron is where it is active.
    pub(crate) fn add(&mut self, neuron: &Neuron) {
        for (g, w) in self.gradient.iter_mut().zip(&neuron.weights) {
            if !w.is_zero() {
                *g += &neuron.output * w;
            }
        }
        self.constant += &neuron.output * &neuron.bias;
    }

    /// The value at `x`.
    pub(crate) fn at(&self, x: &[RBig]) -> RBig {
        dot(&self.gradient, x) + &self.constant
    }
}

/// `output · relu(weights·x + bias)`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Neuron {
    pub output: RBig,
    pub weights: Vec<RBig>,
    pub bias: RBig,
}

impl Neuron {
    /// `weights·x + bias`.
    pub(crate) fn before(&self, x: &[RBig]) -> RBig {
        dot(&self.weights, x) + &self.bias
    }
}
