//! Upper bounds of Lipschitz constants of networks as stored.
//!
//! The bound is proved for every output of the stored network as a function of
//! its input in real arithmetic, differences of inputs measured in a norm:
//! `|y_c(x) − y_c(x')| ≤ K ‖x − x'‖` for all points. Every operation is rounded
//! outward; what overflows gives no bound.
//!
//! Layers are followed back as `slopes` says. Of compact forms the structure is
//! known: a maximum is as steep as its steepest part, a distance to a stored
//! row as the norms' comparison says, and clipping is not steep.

use rayon::prelude::*;

use super::{
    interval::Interval,
    slopes::{Inputs, magnitude, steepest, weighed},
};
use crate::{
    Norm,
    network::{Combine, Layer, Measure, Model, Network, PowerCurve, Recurrence, Scores, Tally},
    number::{add_up, mul_up, sqrt_up},
};

/// An upper bound of the Lipschitz constant of every output, inputs measured
/// in `norm`; infinite when none was found.
///
/// For what `lipschitz`, `yu2024-lipschitz` and `nearest` build, dense or
/// compact, and the norm they were built for, the bound is the constant itself
/// but for rounding; [`steepest_pair`](super::steepest_pair) finds points that
/// attain it. For others it may be far from the constant.
#[must_use]
pub fn lipschitz_bound(model: &Model, norm: Norm) -> f64 {
    // The bound for a norm that is nowhere larger holds for the norm itself.
    let norm = norm.enclosing();
    let bound = match model {
        Model::Layers(network) => of_layers(&network.layers, norm),
        Model::Recurrence(recurrence) => of_recurrence(recurrence, norm),
        Model::Cells(cells) => {
            let layers: Vec<Layer> = (0..cells.depth()).map(|index| cells.layer(index)).collect();
            of_layers(&layers, norm)
        }
        Model::Tally(tally) => of_tally(tally, norm),
        Model::Scores(scores) => of_scores(scores, norm),
    };
    if bound.is_nan() { f64::INFINITY } else { bound }
}

/// The norm of a gradient, dual to that of the inputs, rounded up.
fn dual(gradient: impl Iterator<Item = f64>, norm: Norm) -> f64 {
    let mut sizes = gradient.map(f64::abs);
    match norm {
        Norm::Linf | Norm::Lp(_) => sizes.fold(0.0, add_up),
        Norm::L1 => largest(sizes),
        // A single weight is its own root, exactly.
        Norm::L2 => match (sizes.next(), sizes.next()) {
            (None, _) => 0.0,
            (Some(one), None) => one,
            (Some(one), Some(two)) => {
                let squares = add_up(mul_up(one, one), mul_up(two, two));
                sqrt_up(sizes.fold(squares, |sum, g| add_up(sum, mul_up(g, g))))
            }
        },
    }
}

/// The largest of some sizes, NaN when one of them is.
fn largest(sizes: impl Iterator<Item = f64>) -> f64 {
    sizes.fold(0.0, |m: f64, s| if s.is_nan() || m.is_nan() { f64::NAN } else { m.max(s) })
}

fn of_layers(layers: &[Layer], norm: Norm) -> f64 {
    let dual = |terms: &[(usize, Interval)]| dual(terms.iter().map(|(_, w)| magnitude(*w)), norm);
    largest(steepest(layers, &Inputs { dual: &dual, positive: false }).into_iter())
}

/// How steep the measures of a difference are: `Σ_j |d_j|` or `max_j |d_j|`,
/// or a sum over curves.
fn steepness(measure: &Measure, n: usize, norm: Norm) -> f64 {
    let sum = match norm {
        Norm::L1 => 1.0,
        Norm::L2 => sqrt_up(n as f64),
        Norm::Linf | Norm::Lp(_) => n as f64,
    };
    match measure {
        Measure::Largest => 1.0,
        Measure::Sum | Measure::Violations => sum,
        Measure::Power(PowerCurve::Hinges { weights, .. }) => {
            mul_up(sum, weights.iter().copied().fold(0.0, add_up))
        }
        // g_1 and Σ 4^−s tooth_s, whose slopes are at most 2^s, rise together.
        Measure::Power(PowerCurve::Sawtooth { inverse, .. }) => mul_up(sum, 2.0 * inverse),
    }
}

fn of_recurrence(recurrence: &Recurrence, norm: Norm) -> f64 {
    // A maximum is as steep as the steepest step; −|F − t| as steep as F.
    let scale = largest(recurrence.scales.iter().map(|s| s.abs()));
    mul_up(scale, steepness(&Measure::Violations, recurrence.inputs(), norm))
}

fn of_tally(tally: &Tally, norm: Norm) -> f64 {
    let mut accumulators = vec![0.0_f64; tally.accumulator_count()];
    for (&a, scale) in tally.accumulators.iter().zip(&tally.scales) {
        let scale = scale.abs();
        accumulators[a] = match tally.combine {
            Combine::Max => largest([accumulators[a], scale].into_iter()),
            Combine::Sum => add_up(accumulators[a], scale),
        };
    }
    let each = steepness(&tally.measure, tally.features, norm);
    let steep: Vec<f64> = accumulators.into_iter().map(|a| mul_up(a, each)).collect();
    let dual = |terms: &[(usize, Interval)]| weighed(terms, &steep);
    largest(steepest(&tally.head, &Inputs { dual: &dual, positive: true }).into_iter())
}

fn of_scores(scores: &Scores, norm: Norm) -> f64 {
    let n = scores.features;
    (0..scores.biases.len())
        .into_par_iter()
        .map(|k| dual((k * n..(k + 1) * n).map(|at| scores.rows.at(at)), norm))
        .reduce(|| 0.0, |a, b| largest([a, b].into_iter()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Precision,
        network::{LayerBuilder, StoredNetwork},
    };

    fn layers(layers: Vec<Layer>) -> Model {
        Model::Layers(StoredNetwork { precision: Precision::F64, layers })
    }

    #[test]
    fn a_maximum_is_as_steep_as_its_steeper_side() {
        // max(3x, 2x + y) = relu(x − y) + 2x + y for x, y ≥ 0.
        let mut first = LayerBuilder::new(2);
        first.weight(0, 1.0).weight(1, -1.0).bias(0.0);
        first.weight(0, 2.0).weight(1, 1.0).bias(10.0);
        let mut last = LayerBuilder::new(2);
        last.weight(0, 1.0).weight(1, 1.0).bias(-10.0);
        assert_eq!(lipschitz_bound(&layers(vec![first.finish(), last.finish()]), Norm::L1), 3.0);
    }

    #[test]
    fn cancelled_weights_are_not_lost() {
        // The difference of two large products is what rounding hides:
        // 10¹⁶ (1 + 2⁻⁵²) − 10¹⁶ is 2.22…, and 2 when rounded to nearest.
        let mut clip = LayerBuilder::new(1);
        clip.weight(0, 1.0).bias(0.0);
        let mut first = LayerBuilder::new(1);
        first.weight(0, 1.0 + f64::EPSILON).bias(0.0);
        first.weight(0, 1.0).bias(0.0);
        let mut second = LayerBuilder::new(2);
        second.weight(0, 1e16).weight(1, -1e16).bias(0.0);
        let network = layers(vec![clip.finish(), first.finish(), second.finish()]);
        let bound = lipschitz_bound(&network, Norm::Linf);
        assert!((1e16 * f64::EPSILON..=4.0).contains(&bound), "{bound}");
    }

    #[test]
    fn overflow_and_underflow_are_no_bound_and_a_bound() {
        let chain = |weight: f64| {
            let one = || {
                let mut layer = LayerBuilder::new(1);
                layer.weight(0, weight).bias(1.0);
                layer.finish()
            };
            lipschitz_bound(&layers(vec![one(), one(), one()]), Norm::L2)
        };
        assert_eq!(chain(1e200), f64::INFINITY);
        let tiny = chain(1e-200);
        assert!(tiny > 0.0 && tiny < 1e-300);
        // inf − inf is no number.
        let mut first = LayerBuilder::new(1);
        first.weight(0, f64::MAX).bias(0.0);
        first.weight(0, f64::MAX).bias(0.0);
        let mut second = LayerBuilder::new(2);
        second.weight(0, f64::MAX).weight(1, -f64::MAX).bias(0.0);
        assert_eq!(lipschitz_bound(&layers(vec![first.finish(), second.finish()]), Norm::L1), f64::INFINITY);
    }

    /// `w relu(F) − 2 relu(5F − 1)` is as steep as 9, not as 5.
    #[test]
    fn heads_are_not_taken_for_what_they_look_like() {
        let mut label = LayerBuilder::new(1);
        label.weight(0, 1.0).bias(0.0);
        label.weight(0, 5.0).bias(-1.0);
        let mut logit = LayerBuilder::new(2);
        logit.weight(0, 1.0).weight(1, -2.0).bias(-1.0);
        let tally = Tally {
            precision: Precision::F64,
            features: 1,
            minima: None,
            centers: crate::Features::F64(vec![0.0].into()),
            measure: Measure::Largest,
            radii: vec![0.0],
            tops: vec![2.0],
            scales: vec![1.0],
            accumulators: vec![0],
            combine: Combine::Max,
            head: vec![label.finish(), logit.finish()],
        };
        assert_eq!(lipschitz_bound(&Model::Tally(tally), Norm::Linf), 9.0);
    }
}
