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

use super::BuiltNetwork;
use crate::{
    Error, Features, Precision,
    network::{
        Clipping, Layer, LayerBuilder, Measure, Model, Network, Pool, PrototypeParts, Prototypes, Schedule,
    },
};

/// Centers, how differences to them are measured, radii and scales, as a
/// compact form keeps them.
pub(super) type Stored = (Features, Measure, Vec<f64>, Vec<f64>);

/// How far the input is from a stored sample, layer by layer.
pub(super) trait Stages: Sync {
    /// Number of neurons of each stage; there is at least one.
    fn widths(&self) -> Vec<usize>;
    /// Stage `stage` of step `step`. Stage 0 reads `z`, or `x` itself where
    /// `raw`; the others read the stage before.
    fn stage(&self, step: usize, stage: usize, raw: bool) -> Layer;
    /// What the compact form keeps of them.
    fn stored(&self) -> Result<Stored, Error>;
}

/// Steps, at least one, that each offer `top − scale · Σ` of the last stage.
pub(super) struct Steps {
    pub precision: Precision,
    pub stages: Box<dyn Stages>,
    /// `m_j`, numbers of the format not above any sample.
    pub minima: Vec<f64>,
    pub tops: Vec<f64>,
    pub scales: Vec<f64>,
    /// The accumulator that each step raises.
    pub accumulators: Vec<usize>,
    /// The layers behind the accumulators, at least one; the first reads them.
    pub head: Vec<Layer>,
}

/// A network of [`Steps`].
pub(super) struct Stream {
    steps: Steps,
    schedule: Schedule,
    stride: usize,
    /// Number of neurons of each stage.
    widths: Vec<usize>,
    /// For each accumulator the layer of its first increment.
    first: Vec<usize>,
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

impl Stream {
    pub fn new(steps: Steps, schedule: Schedule) -> Self {
        let widths = steps.stages.widths();
        let stride = schedule.stride(widths.len());
        let mut first = vec![usize::MAX; steps.head.first().map_or(0, Layer::inputs)];
        for (step, &accumulator) in steps.accumulators.iter().enumerate().rev() {
            first[accumulator] = step * stride + widths.len();
        }
        Self { steps, schedule, stride, widths, first }
    }

    /// Layers that pass `z` on: those before the last step begins.
    fn passing(&self) -> usize {
        (self.steps.accumulators.len() - 1) * self.stride
    }

    /// Layers before the head.
    fn hidden(&self) -> usize {
        self.passing() + self.widths.len() + 1
    }

    fn places(&self, layer: usize) -> Places {
        let mut places = Places::default();
        let mut take = |width: usize| {
            let start = places.width;
            places.width += width;
            start
        };
        if layer < self.passing() {
            places.z = Some(take(self.steps.minima.len()));
        }
        let mut ended = None;
        let from = layer.saturating_sub(self.widths.len()).div_ceil(self.stride);
        for step in from..(layer / self.stride + 1).min(self.steps.accumulators.len()) {
            let stage = layer - step * self.stride;
            match self.widths.get(stage) {
                Some(&width) => places.stages.push((step, stage, take(width))),
                None => ended = Some(step),
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
        if let Some((_, neuron)) =
            before.increment.filter(|(step, _)| self.steps.accumulators[*step] == index)
        {
            row.weight(neuron, weight);
        }
    }

    fn first_layer(&self) -> Layer {
        let places = self.places(0);
        let mut layer = LayerBuilder::new(self.steps.minima.len());
        if places.z.is_some() {
            for (j, m) in self.steps.minima.iter().enumerate() {
                layer.weight(j, 1.0).bias(-m);
            }
        }
        append(&mut layer, &self.steps.stages.stage(0, 0, true), 0);
        layer.finish()
    }

    fn hidden_layer(&self, index: usize) -> Layer {
        let (before, places) = (self.places(index - 1), self.places(index));
        let mut layer = LayerBuilder::new(before.width);
        let z = before.z.unwrap_or(0);
        if places.z.is_some() {
            for j in 0..self.steps.minima.len() {
                layer.weight(z + j, 1.0).bias(0.0);
            }
        }
        let start = |step: usize| before.stages.iter().find(|(s, ..)| *s == step).map_or(0, |(.., at)| *at);
        for &(step, stage, _) in &places.stages {
            let offset = if stage == 0 { z } else { start(step) };
            append(&mut layer, &self.steps.stages.stage(step, stage, false), offset);
        }
        if let Some((step, _)) = places.increment {
            let from = start(step);
            for column in from..from + self.widths.last().copied().unwrap_or(0) {
                layer.weight(column, -self.steps.scales[step]);
            }
            self.accumulated(&mut layer, &before, self.steps.accumulators[step], -1.0);
            layer.bias(self.steps.tops[step]);
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
        for row in self.steps.head[0].rows() {
            for (&index, &weight) in row.columns.iter().zip(row.weights) {
                self.accumulated(&mut layer, &before, index, weight);
            }
            layer.bias(row.bias);
        }
        layer.finish()
    }
}

/// Adds the rows of `local`, whose inputs begin at `offset`.
pub(super) fn append(layer: &mut LayerBuilder, local: &Layer, offset: usize) {
    for row in local.rows() {
        for (column, weight) in row.columns.iter().zip(row.weights) {
            layer.weight(offset + column, *weight);
        }
        layer.bias(row.bias);
    }
}

impl Network for Stream {
    fn precision(&self) -> Precision {
        self.steps.precision
    }

    fn inputs(&self) -> usize {
        self.steps.minima.len()
    }

    fn outputs(&self) -> usize {
        self.steps.head.last().map_or(0, Layer::outputs)
    }

    fn depth(&self) -> usize {
        self.hidden() + self.steps.head.len()
    }

    fn layer(&self, index: usize) -> Layer {
        match index.checked_sub(self.hidden()) {
            None if index == 0 => self.first_layer(),
            None => self.hidden_layer(index),
            Some(0) => self.head_layer(),
            Some(later) => self.steps.head[later].clone(),
        }
    }
}

impl BuiltNetwork for Stream {
    fn compact(&self) -> Result<Model, Error> {
        let (centers, measure, radii, scales) = self.steps.stages.stored()?;
        Prototypes::new(PrototypeParts {
            precision: self.steps.precision,
            features: self.steps.minima.len(),
            clipping: Clipping::All(self.steps.minima.clone()),
            centers,
            measure,
            radii,
            tops: self.steps.tops.clone(),
            scales,
            accumulators: self.steps.accumulators.clone(),
            pool: Pool::Max,
            schedule: self.schedule,
            head: self.steps.head.clone(),
        })
        .map(Model::Prototypes)
    }
}
