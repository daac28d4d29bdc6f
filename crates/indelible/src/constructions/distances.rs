//! Steps that offer `top − scale · ‖z − z_k‖`, in the sup norm by a tree of
//! maxima, in the sum norm by a sum.

use super::{
    frame::Frame,
    stream::{Stages, Steps, Stored},
};
use crate::{
    Error, Norm,
    network::{Layer, LayerBuilder, Measure, groups_after, levels, maxima},
    number::{add_up, mul_up},
};

/// What the steps of one network measure.
pub(super) struct Distances {
    pub frame: Frame,
    /// Linf or L1.
    pub norm: Norm,
    /// The samples that have a step.
    pub samples: Vec<usize>,
    pub scale: f64,
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

    /// The steps, with an accumulator for each.
    pub fn steps(self, top: f64, accumulators: Vec<usize>, head: Vec<Layer>) -> Steps {
        let count = self.samples.len();
        Steps {
            precision: self.frame.precision,
            minima: self.frame.minima.clone(),
            tops: vec![top; count],
            scales: vec![self.scale; count],
            stages: Box::new(self),
            accumulators,
            head,
        }
    }
}

/// Sizes of the groups of neurons at a level of the tree of maxima over `n` one-sided
/// pairs; the sum of a group is one of the values whose maximum is sought.
fn groups(n: usize, level: usize) -> Vec<usize> {
    groups_after(level, vec![2; n])
}

/// Number of neurons at every level of the tree, that of the pairs first.
pub(super) fn tree_widths(n: usize) -> Vec<usize> {
    (0..=levels(n)).map(|level| groups(n, level).iter().sum()).collect()
}

/// The layer that reads level `level` of the tree and gives the next one.
pub(super) fn tree_level(n: usize, level: usize) -> Layer {
    let groups = groups(n, level);
    let mut layer = LayerBuilder::new(groups.iter().sum());
    maxima(&mut layer, &groups, &mut 0);
    layer.finish()
}

impl Stages for Distances {
    fn widths(&self) -> Vec<usize> {
        let n = self.frame.data.features();
        if self.norm == Norm::L1 { vec![2 * n] } else { tree_widths(n) }
    }

    fn stage(&self, step: usize, stage: usize, raw: bool) -> Layer {
        let Some(level) = stage.checked_sub(1) else {
            return self.frame.one_sided(self.samples[step], raw, &[0.0]);
        };
        tree_level(self.frame.data.features(), level)
    }

    fn stored(&self) -> Result<Stored, Error> {
        let count = self.samples.len();
        let measure = if self.norm == Norm::L1 { Measure::Sum } else { Measure::Largest };
        Ok((self.frame.stored_rows(&self.samples), measure, vec![0.0; count], vec![self.scale; count]))
    }
}
