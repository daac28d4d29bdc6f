//! Affine functions and neurons over the rationals.

use std::mem::take;

use dashu_ratio::RBig;

use crate::rational::dot;

/// An affine function `gradient·x + constant`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct AffineFunction {
    pub gradient: Vec<RBig>,
    pub constant: RBig,
}

impl AffineFunction {
    /// The value at `x`.
    pub(crate) fn at(&self, x: &[RBig]) -> RBig {
        dot(&self.gradient, x) + &self.constant
    }

    /// Adds `factor · other`; slopes of `other` that are 0 cost nothing.
    pub(crate) fn add(&mut self, factor: &RBig, other: &Self) {
        self.constant += factor * &other.constant;
        for (slope, other) in self.gradient.iter_mut().zip(&other.gradient) {
            if !other.is_zero() {
                *slope += factor * other;
            }
        }
    }

    /// Changes every sign.
    pub(crate) fn negate(&mut self) {
        for number in self.gradient.iter_mut().chain([&mut self.constant]) {
            *number = -take(number);
        }
    }
}

/// `output · relu(before)`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Neuron {
    pub output: RBig,
    pub before: AffineFunction,
}
