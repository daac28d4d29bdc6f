//! What is known of the layers of a network on the ball of one sample.

use std::rc::Rc;

use super::{dual_bound::NormBall, separable::Separable};
use crate::{
    certify::arithmetic::{Interval, IntervalArithmetic},
    network::Layer,
};

/// What is known of a unit on the ball.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    /// Its sum before the ReLU.
    pub sum: Interval,
    /// Behind the ReLU.
    pub value: Interval,
    /// What it is of the features, where that is a sum of functions of one each.
    pub shape: Option<Rc<Separable>>,
    /// Its sum at the center of the ball, about.
    pub center: f64,
    /// How far a computed sum may lie from the exact one of what it reads.
    pub slack: f64,
    /// A power of two that its value is a multiple of as executed.
    pub grid: f64,
}

/// The hidden layers up to one on the ball of one sample.
pub(in crate::certify) struct BoundedLayers<'a> {
    pub(super) arithmetic: IntervalArithmetic,
    pub(super) ball: NormBall,
    pub(super) layers: Vec<&'a Layer>,
    /// Inputs first, then the units of each layer, the outputs last once all
    /// layers are known.
    pub(super) units: Vec<Vec<Unit>>,
}

impl BoundedLayers<'_> {
    /// Bounds of the outputs, once all layers are known.
    pub fn outputs(&self) -> impl ExactSizeIterator<Item = Interval> {
        self.units.get(self.layers.len() + 1).map_or(&[][..], Vec::as_slice).iter().map(|unit| unit.sum)
    }
}
