//! Sizes of the layered networks that compact forms stand for.
//!
//! What a compact form keeps is one center and a few numbers per step. The
//! layers for the same function clip, pass the features on, measure each step's
//! distance in a few *stages* and raise an accumulator by what the step offers.
//! Everything is counted as the layers would be built from the stored numbers,
//! zeros left out.

use super::{Layer, Size};

/// When the layers of a step begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// When the step before has ended.
    Sequential,
    /// One layer after the step before.
    Pipelined,
}

impl std::fmt::Display for Schedule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sequential => "sequential",
            Self::Pipelined => "pipelined",
        })
    }
}

impl Schedule {
    /// Layers from the beginning of a step with so many `stages` to that of the
    /// next.
    pub(crate) fn stride(self, stages: usize) -> usize {
        match self {
            Self::Sequential => stages + 1,
            Self::Pipelined => 1,
        }
    }
}

/// What is counted of one step.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct StepSize {
    /// Nonzero parameters of its stages and of what it offers.
    pub nonzero: usize,
    /// The largest of them in size.
    pub max_abs: f64,
}

impl StepSize {
    /// One parameter.
    pub fn of(parameter: f64) -> Self {
        Self { nonzero: usize::from(parameter != 0.0), max_abs: parameter.abs() }
    }

    /// Both together.
    pub fn and(self, other: Self) -> Self {
        Self { nonzero: self.nonzero + other.nonzero, max_abs: self.max_abs.max(other.max_abs) }
    }
}

/// Steps that share the features.
pub(super) struct StepLayers<'a> {
    pub features: usize,
    pub minima: &'a [f64],
    /// Number of neurons of each stage of a step.
    pub stages: Vec<usize>,
    /// Sum over all steps, and the largest parameter.
    pub steps: StepSize,
    /// The accumulator of each step.
    pub accumulators: &'a [usize],
    /// The first layer reads the accumulators.
    pub head: &'a [Layer],
}

impl StepLayers<'_> {
    pub fn size(&self, schedule: Schedule) -> Size {
        let (n, steps, stages) = (self.features, self.accumulators.len(), self.stages.len());
        let stride = schedule.stride(stages);
        let passing = (steps - 1) * stride;
        let hidden = passing + stages + 1;
        let begins = self.first_increments(stride);
        // Increments before a layer, of all accumulators, by layer.
        let mut raised = begins.iter().copied().filter(|layer| *layer < hidden).collect::<Vec<_>>();
        raised.sort_unstable();
        let accumulators = |layer: usize| raised.partition_point(|begin| *begin < layer);
        let increment = |layer: usize| {
            let step = layer.checked_sub(stages).filter(|since| since % stride == 0)? / stride;
            (step < steps).then_some(step)
        };

        let minima = if steps > 1 { self.minima } else { &[] };
        let mut nonzero = self.steps.nonzero + passing * n + minima.iter().filter(|m| **m != 0.0).count();
        let (mut all, mut width, mut before) = (0, 0, n);
        for layer in 0..hidden {
            let from = layer.saturating_sub(stages - 1).div_ceil(stride);
            let active = from..(layer / stride + 1).min(steps);
            let measuring: usize =
                active.filter_map(|step| self.stages.get(layer - step * stride)).copied().sum();
            let raising = increment(layer);
            let kept = accumulators(layer);
            let here =
                if layer < passing { n } else { 0 } + measuring + usize::from(raising.is_some()) + kept;
            if layer > 0 {
                // Each accumulator is what it was, and its last increment.
                let last = increment(layer - 1).map(|step| self.accumulators[step]);
                nonzero += accumulators(layer - 1) + usize::from(last.is_some());
                if let Some(own) = raising.map(|step| self.accumulators[step]) {
                    nonzero += usize::from(begins[own] < layer - 1) + usize::from(last == Some(own));
                }
            }
            all += (before + 1) * here;
            width = width.max(here);
            before = here;
        }
        let last = self.accumulators.last();
        let reads =
            |c: usize| usize::from(begins[c] < hidden - 1) + usize::from(last.is_some_and(|own| *own == c));
        let (head_nonzero, head_all, head_width) = head_size(self.head, before, reads);
        Size {
            depth: hidden + self.head.len(),
            width: width.max(head_width),
            nonzero: nonzero + head_nonzero,
            all: all + head_all,
            max_abs: largest_of(minima).max(self.steps.max_abs).max(largest_in(self.head)).max(1.0),
        }
    }

    /// For each accumulator the layer of its first increment.
    fn first_increments(&self, stride: usize) -> Vec<usize> {
        let count = self.head.first().map_or(0, Layer::inputs);
        let mut first = vec![usize::MAX; count];
        for (step, &accumulator) in self.accumulators.iter().enumerate().rev() {
            first[accumulator] = step * stride + self.stages.len();
        }
        first
    }
}

/// Nonzero and all parameters of a head whose first layer reads `before`
/// neurons, `reads(c)` of them in place of input `c`; and its widest hidden
/// layer.
pub(super) fn head_size(
    head: &[Layer],
    before: usize,
    reads: impl Fn(usize) -> usize,
) -> (usize, usize, usize) {
    let first = head
        .iter()
        .take(1)
        .flat_map(Layer::rows)
        .map(|row| row.columns.iter().map(|&c| reads(c)).sum::<usize>() + usize::from(row.bias != 0.0));
    let nonzero = first.sum::<usize>() + head.iter().skip(1).map(Layer::nonzero).sum::<usize>();
    let inputs = |index: usize, layer: &Layer| if index == 0 { before } else { layer.inputs() };
    let all = head.iter().enumerate().map(|(index, l)| (inputs(index, l) + 1) * l.outputs()).sum();
    let width = head.iter().rev().skip(1).map(Layer::outputs).max().unwrap_or(0);
    (nonzero, all, width)
}

/// The largest of `values` in size.
pub(super) fn largest_of(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |m: f64, v| m.max(v.abs()))
}

/// The largest parameter of layers in size.
pub(super) fn largest_in(layers: &[Layer]) -> f64 {
    layers.iter().fold(0.0, |m, layer| m.max(layer.max_abs()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::{
        Budget, Dataset, Features, Precision, Silent,
        constructions::{Options, REGISTRY},
        network::{Head, size},
        separation::{nearest_enemies, separation},
    };

    /// Samples on a grid, so that thresholds are shared and become 0.
    fn data() -> impl Strategy<Value = Dataset> {
        (1usize..9, 1usize..12, 2usize..5).prop_flat_map(|(n, samples, classes)| {
            let values = prop::collection::vec((-4i8..5).prop_map(f64::from), n * samples);
            let labels = prop::collection::vec(0..classes, samples);
            (values, labels, any::<bool>()).prop_map(move |(values, labels, coded)| {
                let names = (0..classes).map(|c| c.to_string()).collect();
                let features = if coded {
                    let codes: Vec<u8> = values.iter().map(|v| (v + 4.0) as u8).collect();
                    Features::integer_codes(codes.into())
                } else {
                    Features::F64(values.into())
                };
                Dataset::new(features, n, labels, names).unwrap()
            })
        })
    }

    proptest! {
        /// Every compact form counts what the layers of its construction have.
        #[test]
        fn compact_forms_count_their_layers(
            data in data(),
            scalar in any::<bool>(),
            per_sample in any::<bool>(),
            ratio in prop_oneof![Just(0.5), Just(0.9), 0.1f64..0.99],
        ) {
            let head = if scalar { Head::Scalar } else { Head::Logits };
            let options = Options { head, precision: Precision::F64 };
            for construction in REGISTRY {
                for &norm in construction.norms {
                    let budget = if per_sample {
                        Budget::per_sample(ratio, &nearest_enemies(&data, norm, &Silent))
                    } else {
                        Budget::from_ratio(ratio, &separation(&data, norm, &Silent))
                    };
                    let Ok(budget) = budget else { continue };
                    if !construction.serves(&data, &budget, options) {
                        continue;
                    }
                    let network = construction.build(&data, &budget, options).unwrap();
                    let Ok(compact) = network.compact() else { continue };
                    let (counted, found) = (size(network.as_ref()), compact.size());
                    // A stored radius is rounded outward once more than a threshold.
                    let close = |a: f64, b: f64| (a - b).abs() <= 1e-12 * a.abs();
                    prop_assert!(close(counted.max_abs, found.max_abs), "{} {norm} {counted:?} {found:?}", construction.name);
                    let found = super::Size { max_abs: counted.max_abs, ..found };
                    prop_assert_eq!(counted, found, "{} {} {:?} {:?}", construction.name, norm, head, budget.radii());
                }
            }
        }
    }
}
