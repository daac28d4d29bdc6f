//! A part of the ball: where it is known of some hinges on which side they are.

use std::sync::Arc;

/// What is assumed of the number that a hinge reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::certify) enum Sign {
    /// Nothing.
    Open,
    /// It is at least the kink: for a ReLU at least 0.
    On,
    /// It is at most the kink.
    Off,
}

impl Sign {
    /// Bounds of the number less the kink, where without the assumption they are
    /// `lower` and `upper`.
    pub fn limited(self, (lower, upper): (f64, f64)) -> (f64, f64) {
        match self {
            Self::Open => (lower, upper),
            Self::On => (lower.max(0.0), upper.max(0.0)),
            Self::Off => (lower.min(0.0), upper.min(0.0)),
        }
    }
}

/// A part of the ball with the choices that bound one row on it.
#[derive(Clone, Debug)]
pub(in crate::certify) struct Node {
    /// Which row is bounded.
    pub row: usize,
    /// One per hinge.
    pub signs: Box<[Sign]>,
    /// One per hinge: where the line below an open one lies between its left and
    /// its right side, from 0 to 1; the multiplier of the assumption otherwise,
    /// at least 0.
    pub choices: Box<[f64]>,
    /// How far the number that each hinge reads may lie from its kink, where more
    /// is known of that than on the whole ball.
    pub limits: Option<Arc<[(f64, f64)]>>,
}

impl Node {
    /// What is known of a hinge, and the choice for it.
    pub fn at(&self, neuron: usize) -> (Sign, Option<f64>) {
        let sign = self.signs.get(neuron).copied().unwrap_or(Sign::Open);
        (sign, self.choices.get(neuron).copied())
    }

    /// The part where a hinge is on one side.
    pub fn with(&self, neuron: usize, sign: Sign) -> Self {
        let mut part = self.clone();
        if let (Some(known), Some(choice)) = (part.signs.get_mut(neuron), part.choices.get_mut(neuron)) {
            (*known, *choice) = (sign, 0.0);
        }
        part
    }
}
