//! Networks that take one sample after the other.
//!
//! Several constructions share one skeleton. A first layer clips,
//! `z = relu(x − m)`, and `z` passes on through every layer. For each step `k`
//! a few layers, its *stages*, compute how far `z` is from a stored sample;
//! then one neuron adds to an accumulator what the step *offers* above it,
//!
//! ```text
//! F ← F + relu(offer_k − F) = max(F, offer_k).
//! ```
//!
//! A new step begins every `stride` layers: as many as a step has layers and
//! they follow one another, one layer and they run in a *pipeline*.

use super::{AtLeast, BuiltNetwork, Options};
use crate::{
    Error, Precision,
    network::{Layer, LayerBuilder, Model, Network, Schedule},
};

/// What a step computes.
pub(super) trait Steps: Sync {
    /// Number of features, `n`.
    fn features(&self) -> usize;
    /// Number of steps, at least 1.
    fn count(&self) -> usize;
    /// Number of layers before the increment, at least 1.
    fn stages(&self) -> usize;
    /// Number of neurons of stage `stage`.
    fn width(&self, stage: usize) -> usize;
    /// Stage `stage` of step `step`. Stage 0 reads `z`, or `x` itself where
    /// `raw`; the others read the stage before.
    fn stage(&self, step: usize, stage: usize, raw: bool) -> Layer;
    /// The one row that reads the last stage and gives what the step offers.
    fn offer(&self, step: usize) -> Layer;
    /// The accumulator that step `step` raises.
    fn accumulator(&self, step: usize) -> usize;
    /// Number of accumulators, at least 1.
    fn accumulators(&self) -> usize;
    /// `m_j`, numbers of the format not above any sample.
    fn minima(&self) -> &[f64];
    /// The layers behind the accumulators, at least one; the first reads them.
    fn head(&self) -> Vec<Layer>;
    /// The same function in a compact form that stands for layers with this
    /// schedule.
    fn compact(&self, schedule: Schedule) -> Result<Model, Error>;
}

impl<S: Steps> BuiltNetwork for Stream<S> {
    fn compact(&self) -> Result<Model, Error> {
        self.steps.compact(self.schedule)
    }
}

/// What steps over `n` features have at least: each a layer of two one-sided
/// differences per feature, every one with a weight of its own and read by a
/// neuron, and `z` passed on to the next step.
pub(super) fn at_least(n: usize, steps: usize) -> AtLeast {
    AtLeast { nonzero: 4 * n * steps + n * steps.saturating_sub(1), all: (n + 1) * 2 * n * steps }
}

/// A network of [`Steps`].
#[derive(Clone, Debug)]
pub(super) struct Stream<S> {
    pub steps: S,
    pub options: Options,
    schedule: Schedule,
    stride: usize,
    /// For each accumulator the layer of its first increment.
    first: Vec<usize>,
    head: Vec<Layer>,
}

/// Where the neurons of a layer are.
#[derive(Debug, Default)]
struct Places {
    z: Option<usize>,
    /// Step, stage, first neuron.
    stages: Vec<(usize, usize, usize)>,
    /// Step and neuron.
    increment: Option<(usize, usize)>,
    accumulators: Vec<Option<usize>>,
    width: usize,
}

impl<S: Steps> Stream<S> {
    /// Steps that begin with every layer.
    pub fn pipelined(steps: S, options: Options) -> Self {
        Self::new(steps, options, Schedule::Pipelined)
    }

    /// Steps that begin when the one before has ended.
    pub fn sequential(steps: S, options: Options) -> Self {
        Self::new(steps, options, Schedule::Sequential)
    }

    fn new(steps: S, options: Options, schedule: Schedule) -> Self {
        let stride = schedule.stride(steps.stages());
        let mut first = vec![usize::MAX; steps.accumulators()];
        for step in (0..steps.count()).rev() {
            first[steps.accumulator(step)] = step * stride + steps.stages();
        }
        let head = steps.head();
        Self { steps, options, schedule, stride, first, head }
    }

    /// Layers before the head.
    fn hidden(&self) -> usize {
        (self.steps.count() - 1) * self.stride + self.steps.stages() + 1
    }

    fn places(&self, layer: usize) -> Places {
        let (steps, stages) = (&self.steps, self.steps.stages());
        let mut places = Places::default();
        let mut take = |width: usize| {
            let start = places.width;
            places.width += width;
            start
        };
        if (steps.count() - 1) * self.stride > layer {
            places.z = Some(take(steps.features()));
        }
        let mut ended = None;
        let from = layer.saturating_sub(stages).div_ceil(self.stride);
        for step in from..(layer / self.stride + 1).min(steps.count()) {
            let stage = layer - step * self.stride;
            if stage < stages {
                places.stages.push((step, stage, take(steps.width(stage))));
            } else {
                ended = Some(step);
            }
        }
        places.increment = ended.map(|step| (step, take(1)));
        places.accumulators = self.first.iter().map(|first| (*first < layer).then(|| take(1))).collect();
        places
    }

    /// Gives a neuron `weight` times accumulator `index`, as the layer
    /// `before` has it.
    fn accumulated(&self, row: &mut LayerBuilder, before: &Places, index: usize, weight: f64) {
        if let Some(neuron) = before.accumulators[index] {
            row.weight(neuron, weight);
        }
        if let Some((_, neuron)) = before.increment.filter(|(step, _)| self.steps.accumulator(*step) == index)
        {
            row.weight(neuron, weight);
        }
    }

    fn first_layer(&self) -> Layer {
        let places = self.places(0);
        let mut layer = LayerBuilder::new(self.steps.features());
        if places.z.is_some() {
            for (j, m) in self.steps.minima().iter().enumerate() {
                layer.weight(j, 1.0).bias(-m);
            }
        }
        append(&mut layer, &self.steps.stage(0, 0, true), 0);
        layer.finish()
    }

    fn hidden_layer(&self, index: usize) -> Layer {
        let (before, places) = (self.places(index - 1), self.places(index));
        let mut layer = LayerBuilder::new(before.width);
        let z = before.z.unwrap_or(0);
        if places.z.is_some() {
            for j in 0..self.steps.features() {
                layer.weight(z + j, 1.0).bias(0.0);
            }
        }
        let start = |step: usize| before.stages.iter().find(|(s, ..)| *s == step).map_or(0, |(.., at)| *at);
        for &(step, stage, _) in &places.stages {
            let offset = if stage == 0 { z } else { start(step) };
            append(&mut layer, &self.steps.stage(step, stage, false), offset);
        }
        if let Some((step, _)) = places.increment {
            let offer = self.steps.offer(step);
            let (row, offset) = (offer.row(0), start(step));
            for (column, weight) in row.columns.iter().zip(row.weights) {
                layer.weight(offset + column, *weight);
            }
            self.accumulated(&mut layer, &before, self.steps.accumulator(step), -1.0);
            layer.bias(row.bias);
        }
        for (index, _) in places.accumulators.iter().enumerate().filter(|(_, place)| place.is_some()) {
            self.accumulated(&mut layer, &before, index, 1.0);
            layer.bias(0.0);
        }
        layer.finish()
    }

    /// The first layer of the head, which reads accumulators as sums.
    fn head_layer(&self) -> Layer {
        let before = self.places(self.hidden() - 1);
        let mut layer = LayerBuilder::new(before.width);
        for row in self.head[0].rows() {
            for (&index, &weight) in row.columns.iter().zip(row.weights) {
                self.accumulated(&mut layer, &before, index, weight);
            }
            layer.bias(row.bias);
        }
        layer.finish()
    }
}

/// Adds the rows of `local`, whose inputs begin at `offset`.
fn append(layer: &mut LayerBuilder, local: &Layer, offset: usize) {
    for row in local.rows() {
        for (column, weight) in row.columns.iter().zip(row.weights) {
            layer.weight(offset + column, *weight);
        }
        layer.bias(row.bias);
    }
}

impl<S: Steps> Network for Stream<S> {
    fn precision(&self) -> Precision {
        self.options.precision
    }

    fn inputs(&self) -> usize {
        self.steps.features()
    }

    fn outputs(&self) -> usize {
        self.head.last().map_or(0, Layer::outputs)
    }

    fn depth(&self) -> usize {
        self.hidden() + self.head.len()
    }

    fn layer(&self, index: usize) -> Layer {
        match index.checked_sub(self.hidden()) {
            None if index == 0 => self.first_layer(),
            None => self.hidden_layer(index),
            Some(0) => self.head_layer(),
            Some(later) => self.head[later].clone(),
        }
    }
}
