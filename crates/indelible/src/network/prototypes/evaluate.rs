//! Evaluation of comparisons with stored centers.

use std::{cmp::Ordering, marker::PhantomData};

use super::{
    Measure, Pool, Prototypes,
    early::{FEW, MANY, copy_ordered, folded, order_by_spread},
};
use crate::{
    Precision,
    isa::{Isa, Loop},
    network::{Evaluator, Layer, NetworkForm, evaluate::affine, power_curve::Executed},
    number::Real,
    parallel,
};

/// Inputs that share one decoded block of centers, at most: as many as have so
/// many values together, and at least as many as the first number says.
const INPUTS_PER_TASK: (usize, usize) = (256, 1024);
const VALUES_PER_TASK: usize = 1 << 20;
/// Steps whose centers are decoded at once.
const STEPS_PER_BLOCK: usize = 64;

/// Evaluates [`Prototypes`] on many inputs; made once, it knows an order of the
/// features in which sums end early.
#[derive(Debug)]
pub(in crate::network) struct PrototypeEvaluator<'a> {
    prototypes: &'a Prototypes,
    order: Vec<usize>,
}

impl<'a> PrototypeEvaluator<'a> {
    /// Prepares `prototypes` for evaluation.
    pub fn new(prototypes: &'a Prototypes) -> Self {
        let copy = |step: usize, out: &mut [f64]| prototypes.copy_center(step, out);
        Self { prototypes, order: order_by_spread(prototypes.steps(), prototypes.inputs(), copy) }
    }

    /// Outputs for whole rows of inputs, with one instruction set. Each depends
    /// on one input only, and sums over features run in an order that the
    /// network alone decides.
    pub fn outputs_with(&self, isa: Isa, inputs: &[f64]) -> Vec<f64> {
        match self.prototypes.precision() {
            Precision::F32 => self.run::<f32>(isa, inputs),
            Precision::F64 => self.run::<f64>(isa, inputs),
        }
    }

    fn inputs_per_task(&self) -> usize {
        (VALUES_PER_TASK / self.prototypes.inputs()).clamp(INPUTS_PER_TASK.0, INPUTS_PER_TASK.1)
    }

    fn run<T: Real>(&self, isa: Isa, inputs: &[f64]) -> Vec<f64> {
        let n = self.prototypes.inputs();
        let tasks = 2 * parallel::threads();
        let count = (inputs.len() / n).div_ceil(tasks).clamp(1, self.inputs_per_task());
        let (prototypes, order) = (self.prototypes, &self.order[..]);
        parallel::flat_map_chunks(inputs, count * n, |inputs| {
            isa.run(Task::<T> { prototypes, order, inputs, format: PhantomData })
        })
    }
}

impl Evaluator for PrototypeEvaluator<'_> {
    fn inputs(&self) -> usize {
        self.prototypes.inputs()
    }

    fn outputs(&self, inputs: &[f64]) -> Vec<f64> {
        self.outputs_with(Isa::best(), inputs)
    }

    /// Enough for a few tasks: each decodes all centers.
    fn batch(&self) -> usize {
        (4 * self.inputs_per_task()).max(2048)
    }
}

/// All steps on a few inputs.
struct Task<'a, T> {
    prototypes: &'a Prototypes,
    /// The order of the features.
    order: &'a [usize],
    inputs: &'a [f64],
    format: PhantomData<T>,
}

impl<T: Real> Loop for Task<'_, T> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn run(self) -> Vec<f64> {
        if self.prototypes.inputs() <= 2 * FEW { self.outputs::<FEW>() } else { self.outputs::<MANY>() }
    }
}

impl<T: Real> Task<'_, T> {
    #[inline(always)]
    fn outputs<const LANES: usize>(&self) -> Vec<f64> {
        let (prototypes, n) = (self.prototypes, self.prototypes.inputs());
        let clipped = self.points(prototypes.clipping.minima());
        // What the first step reads, where that is something else.
        let raw = prototypes.clipping.before(0).is_none().then(|| self.points(None));
        let count = prototypes.accumulator_count();
        let mut accumulators = vec![T::default(); clipped.len() / n * count];
        let measure = Measured::<T>::new(&prototypes.measure);
        let mut block = vec![T::default(); STEPS_PER_BLOCK * n];
        for start in (0..prototypes.steps()).step_by(STEPS_PER_BLOCK) {
            let end = (start + STEPS_PER_BLOCK).min(prototypes.steps());
            copy_ordered(&prototypes.centers, self.order, start..end, &mut block);
            let steps: Vec<Step<T>> = (start..end).map(|k| Step::new(prototypes, k)).collect();
            for (i, mine) in accumulators.chunks_exact_mut(count).enumerate() {
                let range = i * n..(i + 1) * n;
                for (k, (step, center)) in steps.iter().zip(block.chunks_exact(n)).enumerate() {
                    let x = raw.as_ref().filter(|_| start + k == 0).unwrap_or(&clipped);
                    let a = &mut mine[step.accumulator];
                    let floor = if prototypes.pool == Pool::Sum { T::default() } else { *a };
                    let Some(level) = step.level::<LANES>(&measure, &x[range.clone()], center, floor) else {
                        continue;
                    };
                    *a = match (prototypes.pool, level.partial_cmp(a)) {
                        (Pool::Max, Some(Ordering::Less)) => *a,
                        (Pool::Max, Some(_)) => level,
                        (Pool::Raise, _) => *a + (level - *a).relu(),
                        // The sum of two numbers, one of which is none, is none.
                        (Pool::Sum, _) | (Pool::Max, None) => *a + level,
                    };
                }
            }
        }
        accumulators.chunks_exact(count).flat_map(|a| through(&prototypes.head, a)).collect()
    }

    /// The inputs, clipped to `minima`, features in order.
    fn points(&self, minima: Option<&[f64]>) -> Vec<T> {
        let minima: Option<Vec<T>> =
            minima.map(|minima| self.order.iter().map(|&j| T::from_f64(minima[j])).collect());
        let mut points = Vec::with_capacity(self.inputs.len());
        for row in self.inputs.chunks_exact(self.prototypes.inputs()) {
            let values = self.order.iter().map(|&j| T::from_f64(row[j]));
            match &minima {
                Some(minima) => points.extend(values.zip(minima).map(|(x, &m)| if x < m { m } else { x })),
                None => points.extend(values),
            }
        }
        points
    }
}

/// A [`Measure`] in the format it is executed in.
enum Measured<T> {
    Largest,
    Sum,
    Violations,
    Power(Executed<T>),
}

impl<T: Real> Measured<T> {
    fn new(measure: &Measure) -> Self {
        match measure {
            Measure::Largest => Self::Largest,
            Measure::Sum => Self::Sum,
            Measure::Violations => Self::Violations,
            Measure::Power(curve) => Self::Power(curve.executed()),
        }
    }
}

/// The numbers of one step.
struct Step<T> {
    accumulator: usize,
    radius: T,
    top: T,
    scale: T,
}

impl<T: Real> Step<T> {
    fn new(prototypes: &Prototypes, step: usize) -> Self {
        Self {
            accumulator: prototypes.accumulators[step],
            radius: T::from_f64(prototypes.radii[step]),
            top: T::from_f64(prototypes.tops[step]),
            scale: T::from_f64(prototypes.scales[step]),
        }
    }

    /// The level, if it is above `floor` or no number; otherwise it changes no
    /// accumulator. What is measured grows with each feature and rounding is
    /// monotone, so that nothing is lost when a step is left early.
    #[inline(always)]
    fn level<const LANES: usize>(&self, measure: &Measured<T>, x: &[T], center: &[T], floor: T) -> Option<T> {
        // 0 times a sum that overflows is no number, which must not be missed.
        let may_stop = self.scale > T::default();
        // One of the first features is mostly too far off already.
        if LANES > FEW
            && may_stop
            && matches!(measure, Measured::Largest)
            && let (Some(x), Some(center)) = (x.first_chunk::<FEW>(), center.first_chunk::<FEW>())
            && self.of(measure, &sizes::<T, FEW>(x, center, T::default())) <= floor
        {
            return None;
        }
        let mut lanes = [T::default(); LANES];
        let (xs, last) = x.as_chunks::<LANES>();
        let (cs, rest) = center.as_chunks::<LANES>();
        for (x, c) in xs.iter().zip(cs) {
            self.take(measure, &mut lanes, sizes(x, c, T::default()));
            if may_stop && self.of(measure, &lanes) <= floor {
                return None;
            }
        }
        if !last.is_empty() {
            // Sizes that change nothing: no violation is one of the radius itself,
            // which may be negative.
            let nothing = if matches!(measure, Measured::Violations) { self.radius } else { T::default() };
            self.take(measure, &mut lanes, sizes(last, rest, nothing));
        }
        let level = self.of(measure, &lanes);
        // What is no number is not at most the floor.
        if level <= floor { None } else { Some(level.relu()) }
    }

    /// Adds some sizes of differences to what is measured.
    #[inline(always)]
    fn take<const LANES: usize>(&self, measure: &Measured<T>, lanes: &mut [T; LANES], sizes: [T; LANES]) {
        match measure {
            Measured::Largest => {
                for (lane, size) in lanes.iter_mut().zip(sizes) {
                    *lane = larger(*lane, size);
                }
            }
            Measured::Sum => add(lanes, sizes),
            Measured::Violations => add(lanes, sizes.map(|size| (size - self.radius).relu())),
            Measured::Power(curve) => add(lanes, curve.at(sizes)),
        }
    }

    /// `top − scale · E`.
    #[inline(always)]
    fn of<const LANES: usize>(&self, measure: &Measured<T>, lanes: &[T; LANES]) -> T {
        let measured = match measure {
            Measured::Violations => folded(lanes, |a, b| a + b),
            Measured::Largest => (folded(lanes, larger) - self.radius).relu(),
            Measured::Sum | Measured::Power(_) => (folded(lanes, |a, b| a + b) - self.radius).relu(),
        };
        self.top - self.scale * measured
    }
}

/// The outputs of layers, a ReLU between each two, sums in the order of the
/// columns.
fn through<T: Real>(layers: &[Layer], input: &[T]) -> Vec<f64> {
    let mut values = input.to_vec();
    for (index, layer) in layers.iter().enumerate() {
        let mut next = vec![T::default(); layer.outputs()];
        affine(layer, &values, &mut next, index + 1 < layers.len());
        values = next;
    }
    values.into_iter().map(T::to_f64).collect()
}

/// The sizes of at most as many differences as there are lanes, `nothing` in
/// the others.
#[inline(always)]
fn sizes<T: Real, const LANES: usize>(x: &[T], center: &[T], nothing: T) -> [T; LANES] {
    let mut sizes = [nothing; LANES];
    for ((size, &x), &c) in sizes.iter_mut().zip(x).zip(center) {
        *size = (x - c).abs();
    }
    sizes
}

#[inline(always)]
fn larger<T: Real>(a: T, b: T) -> T {
    if b > a { b } else { a }
}

#[inline(always)]
fn add<T: Real, const LANES: usize>(lanes: &mut [T; LANES], more: [T; LANES]) {
    for (lane, more) in lanes.iter_mut().zip(more) {
        *lane = *lane + more;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Features,
        network::{Clipping, LayerBuilder, Model, PowerCurve, PrototypeParts, Rounded, Schedule},
    };
    use proptest::prelude::*;

    /// The first step's sum overflows, and 0 times it is no number.
    #[test]
    fn what_is_no_number_stays_so() {
        let largest = f64::from(f32::MAX);
        for (pool, tops) in [(Pool::Max, [1.0, 2.0]), (Pool::Max, [-1.0, 2.0]), (Pool::Sum, [-1.0, 2.0])] {
            let mut head = LayerBuilder::new(1);
            head.weight(0, 1.0).bias(0.0);
            let parts = PrototypeParts {
                precision: Precision::F32,
                features: 40,
                clipping: Clipping::None,
                centers: Features::F64(vec![if pool == Pool::Sum { -largest } else { 0.0 }; 80].into()),
                measure: match pool {
                    Pool::Sum => Measure::Sum,
                    _ => Measure::Power(PowerCurve::Hinges { knots: vec![0.0], weights: vec![largest] }),
                },
                radii: vec![0.0; 2],
                tops: tops.to_vec(),
                scales: vec![0.0, 1.0],
                accumulators: vec![0; 2],
                pool,
                schedule: Schedule::Pipelined,
                head: vec![head.finish()],
            };
            let scaled = PrototypeParts { scales: vec![1.0; 2], ..parts.clone() };
            let evaluate =
                |parts| Model::Prototypes(Prototypes::new(parts).unwrap()).evaluate(&[1.0; 40]).unwrap();
            assert!(evaluate(parts)[0].is_nan());
            assert_eq!(evaluate(scaled), [0.0]);
        }
    }

    proptest! {
        /// Leaving early, lanes and what fills them up change nothing, whatever
        /// the signs of the numbers. All numbers are small multiples of 1/16, so
        /// that no sum is rounded.
        #[test]
        fn levels_are_those_of_the_definition(
            n in prop_oneof![1usize..40, 60usize..70],
            steps in prop::collection::vec((-8i8..24, -8i8..100, 0i8..4), 1..6),
            numbers in prop::collection::vec(-8i8..8, 64),
            which in 0usize..5,
            pool in prop_oneof![Just(Pool::Max), Just(Pool::Raise), Just(Pool::Sum)],
            clipping in 0u8..3,
            precision in prop_oneof![Just(Precision::F32), Just(Precision::F64)],
        ) {
            let number = |at: usize| f64::from(numbers[at * 7 % 64]) / 4.0;
            let of = |part: fn(&(i8, i8, i8)) -> i8| steps.iter().map(|s| f64::from(part(s)) / 4.0).collect();
            let mut head = LayerBuilder::new(1);
            head.weight(0, 1.0).bias(0.0);
            let minima = (0..n).map(|j| number(j + 5) - 1.0).collect();
            let prototypes = Prototypes::new(PrototypeParts {
                precision,
                features: n,
                clipping: match clipping {
                    0 => Clipping::None,
                    1 => Clipping::All(minima),
                    _ => Clipping::AllButFirst(minima),
                },
                centers: Features::F64((0..n * steps.len()).map(number).collect::<Vec<_>>().into()),
                measure: match which {
                    0 => Measure::Largest,
                    1 => Measure::Sum,
                    2 => Measure::Violations,
                    3 => Measure::Power(PowerCurve::Hinges { knots: vec![0.5, 0.0], weights: vec![1.0, 0.25] }),
                    _ => Measure::Power(PowerCurve::Sawtooth { inverse: 0.5, levels: 2 }),
                },
                radii: of(|s| s.0),
                tops: of(|s| s.1),
                scales: of(|s| s.2),
                accumulators: vec![0; steps.len()],
                pool,
                schedule: Schedule::Pipelined,
                head: vec![head.finish()],
            })
            .unwrap();
            let points: Vec<f64> = (0..3 * n).map(|at| number(at * 3 + 11)).collect();
            let model = Model::Prototypes(prototypes);
            let of_one = |x: &[f64]| model.evaluate_in(&mut Rounded::<f64>::default(), x);
            let expected: Vec<f64> = points.chunks(n).flat_map(of_one).collect();
            prop_assert_eq!(model.evaluate(&points).unwrap(), expected);
        }
    }
}
