//! Steps that offer `top − scale · ‖z − z_k‖`, in the sup norm by a tree of
//! maxima, in the sum norm by a sum.

use super::{frame::Frame, stream::Steps};
use crate::{
    Error, Norm,
    network::{
        Clipping, Layer, LayerBuilder, Measure, Model, Pool, PrototypeParts, Prototypes, Schedule,
        groups_after, levels, maxima,
    },
    number::{add_up, mul_up},
};

/// The steps of one network.
#[derive(Clone, Debug)]
pub(super) struct Distances {
    pub frame: Frame,
    /// Linf or L1.
    pub norm: Norm,
    /// The samples that have a step.
    pub samples: Vec<usize>,
    /// The accumulator of each step.
    pub accumulators: Vec<usize>,
    /// Number of accumulators.
    pub count: usize,
    pub top: f64,
    pub scale: f64,
    pub head: Vec<Layer>,
}

impl Distances {
    /// How far computed distances lie from the true ones at most.
    pub fn error(frame: &Frame, norm: Norm) -> Result<f64, Error> {
        let n = frame.data.features();
        Ok(if norm == Norm::L1 {
            let sum = frame.ranges.iter().copied().fold(0.0, add_up);
            add_up(frame.total_error(), mul_up(sum, frame.gamma(2 * n + 2)?))
        } else {
            let largest = frame.errors.iter().copied().fold(0.0, f64::max);
            // Two roundings per level of the tree, none larger than the result.
            add_up(largest, mul_up(frame.largest_range(), frame.gamma(4 * levels(n) + 4)?))
        })
    }

    /// Sizes of the groups of neurons at a level of the tree; the sum of a
    /// group is one of the values whose maximum is sought.
    fn groups(&self, level: usize) -> Vec<usize> {
        groups_after(level, vec![2; self.frame.data.features()])
    }
}

impl Steps for Distances {
    fn features(&self) -> usize {
        self.frame.data.features()
    }

    fn count(&self) -> usize {
        self.samples.len()
    }

    fn stages(&self) -> usize {
        if self.norm == Norm::L1 { 1 } else { 1 + levels(self.features()) }
    }

    fn width(&self, stage: usize) -> usize {
        self.groups(stage).iter().sum()
    }

    fn stage(&self, step: usize, stage: usize, raw: bool) -> Layer {
        if stage == 0 {
            return self.frame.one_sided(self.samples[step], raw, &[0.0]);
        }
        let mut layer = LayerBuilder::new(self.width(stage - 1));
        maxima(&mut layer, &self.groups(stage - 1), &mut 0);
        layer.finish()
    }

    fn offer(&self, _step: usize) -> Layer {
        let width = self.width(self.stages() - 1);
        let mut layer = LayerBuilder::new(width);
        for column in 0..width {
            layer.weight(column, -self.scale);
        }
        layer.bias(self.top);
        layer.finish()
    }

    fn accumulator(&self, step: usize) -> usize {
        self.accumulators[step]
    }

    fn accumulators(&self) -> usize {
        self.count
    }

    fn minima(&self) -> &[f64] {
        &self.frame.minima
    }

    fn head(&self) -> Vec<Layer> {
        self.head.clone()
    }

    fn compact(&self, schedule: Schedule) -> Result<Model, Error> {
        let count = self.samples.len();
        Prototypes::new(PrototypeParts {
            precision: self.frame.precision,
            features: self.features(),
            clipping: Clipping::All(self.frame.minima.clone()),
            centers: self.frame.stored_rows(&self.samples),
            measure: if self.norm == Norm::L1 { Measure::Sum } else { Measure::Largest },
            radii: vec![0.0; count],
            tops: vec![self.top; count],
            scales: vec![self.scale; count],
            accumulators: self.accumulators.clone(),
            pool: Pool::Max,
            schedule,
            head: self.head.clone(),
        })
        .map(Model::Prototypes)
    }
}
