//! A part of the ball: where some neurons are known to be on or off.

/// What is assumed of the sum of a neuron.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::certify) enum Sign {
    /// Nothing.
    Open,
    /// It is at least 0.
    On,
    /// It is at most 0.
    Off,
}

impl Sign {
    /// The bounds of the sum, where bounds of it without the assumption are
    /// `lower` and `upper`.
    pub fn limited(self, lower: f64, upper: f64) -> (f64, f64) {
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
    /// One per hidden neuron.
    pub signs: Box<[Sign]>,
    /// One per hidden neuron: the slope of the line below an open one, between
    /// 0 and 1; the multiplier of the assumption otherwise, at least 0.
    pub choices: Box<[f64]>,
}

impl Node {
    /// What is known of a neuron, and the choice for it.
    pub fn at(&self, neuron: usize) -> (Sign, Option<f64>) {
        let sign = self.signs.get(neuron).copied().unwrap_or(Sign::Open);
        (sign, self.choices.get(neuron).copied())
    }

    /// The part where a neuron has a sign.
    pub fn with(&self, neuron: usize, sign: Sign) -> Self {
        let mut part = self.clone();
        if let (Some(known), Some(choice)) = (part.signs.get_mut(neuron), part.choices.get_mut(neuron)) {
            (*known, *choice) = (sign, 0.0);
        }
        part
    }
}
