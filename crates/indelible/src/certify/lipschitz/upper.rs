//! Upper bounds of Lipschitz constants of networks as stored.
//!
//! The bound is proved for every output of the stored network as a function of
//! its input in real arithmetic, differences of inputs measured in a norm:
//! `|y_c(x) − y_c(x')| ≤ K ‖x − x'‖` for all points. Every operation is rounded
//! outward; what overflows gives no bound.
//!
//! Layers are followed back as `gradients` says. Of compact forms the structure is
//! known: a maximum is as steep as its steepest part, a distance to a stored
//! row as the norms' comparison says, and clipping is not steep.

use super::{
    gradients::{Inputs, steepest, weighed},
    graph, layers,
};
use crate::{
    Norm,
    certify::arithmetic::{Interval, magnitude},
    network::{
        BallImage, Graph, Layer, MaxAffine, Measure, Model, NetworkForm, Pool, PowerCurve, Projected,
        Prototypes, spectral_norm_up,
    },
    number::{add_down, add_up, div_up, mul_down, mul_up, sqrt_up, sub_down, sub_up},
    parallel,
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
        Model::Prototypes(prototypes) => of_prototypes(prototypes, norm),
        Model::MaxAffine(scores) => of_max_affine(scores, norm),
        Model::Graph(graph) => of_graph(graph, norm),
        // The map stretches no feature more than its largest factor says.
        Model::Scaled(scaled) => {
            mul_up(lipschitz_bound(scaled.inner(), norm), largest(scaled.scaling().factors().iter().copied()))
        }
        Model::Projected(projected) => of_projected(projected, norm),
        // Where a memory lets go, outputs change by as much as they were lowered.
        Model::Patched(_) => f64::INFINITY,
        Model::Layers(_) | Model::Cells(_) => {
            layers(model).map_or(f64::INFINITY, |all| of_layers(&all, norm))
        }
    };
    if bound.is_nan() { f64::INFINITY } else { bound }
}

/// No direction stretches a difference more than its dual norm, into the sup norm; all of
/// them stretch the Euclidean norm by their spectral norm.
fn of_projected(projected: &Projected, norm: Norm) -> f64 {
    let (inner, directions) = (projected.inner(), projected.directions());
    let lengths = BallImage::new(directions, projected.precision(), norm)
        .map_or(f64::INFINITY, |image| largest((0..inner.inputs()).map(|direction| image.length(direction))));
    let boxes = mul_up(lipschitz_bound(inner, Norm::Linf), lengths);
    if matches!(norm, Norm::Linf | Norm::Lp(_)) {
        return boxes;
    }
    let stretch = directions.iter().map(spectral_norm_up).fold(1.0, mul_up);
    let balls = mul_up(lipschitz_bound(inner, Norm::L2), stretch);
    // A minimum passes over NaN.
    boxes.min(balls)
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

fn of_graph(network: &Graph, norm: Norm) -> f64 {
    let dual = |terms: &[(usize, Interval)]| dual(terms.iter().map(|(_, w)| magnitude(*w)), norm);
    largest(graph::steepest(network, &dual).into_iter())
}

/// How steep the sum of `n` sizes is.
fn steepness_of_sum(n: usize, norm: Norm) -> f64 {
    match norm {
        Norm::L1 => 1.0,
        Norm::L2 => sqrt_up(n as f64),
        Norm::Linf | Norm::Lp(_) => n as f64,
    }
}

/// The slopes of `Σ_j φ(|x_j − c_j|)`.
///
/// For every `a` there is a `b` with `φ'(t)² ≤ a φ(t) + b`, so where the sum is
/// below `V` the Euclidean length of the gradient is at most `√(a V + n b)`.
struct CurveSlopes {
    /// Anywhere.
    most: f64,
    /// Pairs of `a` and `n b`.
    pairs: Vec<(f64, f64)>,
    /// The dual norm of a gradient is at most this times its Euclidean length.
    factor: f64,
}

impl CurveSlopes {
    fn new(curve: &PowerCurve, n: usize, norm: Norm) -> Self {
        let factor = match norm {
            Norm::L1 | Norm::L2 => 1.0,
            Norm::Lp(p) if p <= 2.0 => 1.0,
            Norm::Linf | Norm::Lp(_) => sqrt_up(n as f64),
        };
        let features = n as f64;
        let (steepest, pairs) = match curve {
            PowerCurve::Hinges { knots, weights } => {
                // Values where pieces begin, from below, and their slopes from above.
                let mut hinges: Vec<(f64, f64)> =
                    knots.iter().copied().zip(weights.iter().copied()).collect();
                hinges.sort_by(|a, b| a.0.total_cmp(&b.0));
                let (mut at, mut value, mut low, mut high) = (0.0, 0.0, 0.0, 0.0);
                let pieces: Vec<(f64, f64)> = hinges
                    .into_iter()
                    .map(|(knot, weight)| {
                        value = add_down(value, mul_down(low, sub_down(knot, at)));
                        (at, low, high) = (knot, add_down(low, weight), add_up(high, weight));
                        (value, mul_up(high, high))
                    })
                    .collect();
                let largest = pieces.iter().fold(0.0, |m: f64, p| m.max(p.1));
                let end = pieces.iter().fold(0.0, |m: f64, p| m.max(p.0));
                let unit = if end > 0.0 { largest / end } else { 1.0 };
                let pair = |power: i32| {
                    let a = unit * 2.0f64.powi(power);
                    let over = |p: &(f64, f64)| sub_up(p.1, mul_down(a, p.0)).max(0.0);
                    (a, mul_up(features, pieces.iter().map(over).fold(0.0, f64::max)))
                };
                (high, (-4..12).map(pair).collect())
            }
            // Slopes are at most 2 g + 2^−m, and φ ≥ g² up to 1; beyond it the
            // slope is 1.5. With g² ≤ φ: (2 g + d)² ≤ 4 (1 + e) φ + (1 + 1/e) d².
            PowerCurve::Sawtooth { inverse, levels } => {
                let square = mul_up(*inverse, *inverse);
                let pair = |power: i32| {
                    let e = 2.0f64.powi(power);
                    let rest = mul_up(1.0 + 1.0 / e, PowerCurve::share(*levels));
                    (mul_up(square, 4.0 * (1.0 + e)), mul_up(features, mul_up(square, rest)))
                };
                (2.0 * inverse, (-12..6).map(pair).collect())
            }
        };
        Self { most: mul_up(steepness_of_sum(n, norm), steepest), pairs, factor }
    }

    /// Where the sum is below `sum`.
    fn below(&self, sum: f64) -> f64 {
        let squares = self.pairs.iter().map(|&(a, b)| add_up(mul_up(a, sum), b));
        self.most.min(mul_up(self.factor, sqrt_up(squares.fold(f64::INFINITY, f64::min))))
    }
}

fn of_prototypes(prototypes: &Prototypes, norm: Norm) -> f64 {
    let (n, tops) = (prototypes.inputs(), &prototypes.tops);
    let curve = match &prototypes.measure {
        Measure::Power(curve) => Some(CurveSlopes::new(curve, n, norm)),
        _ => None,
    };
    // How steep what a step measures is, where its level is not 0.
    let steepness = |k: usize, scale: f64| match &curve {
        None if prototypes.measure == Measure::Largest => 1.0,
        None => steepness_of_sum(n, norm),
        Some(slopes) if tops[k] <= 0.0 || scale == 0.0 => slopes.most,
        // The level is positive below this sum.
        Some(slopes) => slopes.below(add_up(prototypes.radii[k], div_up(tops[k], scale))),
    };
    let mut steep = vec![0.0_f64; prototypes.accumulator_count()];
    for (k, (&a, &scale)) in prototypes.accumulators.iter().zip(&prototypes.scales).enumerate() {
        let slope = mul_up(scale.abs(), steepness(k, scale));
        steep[a] = match prototypes.pool {
            Pool::Max | Pool::Raise => largest([steep[a], slope].into_iter()),
            Pool::Sum => add_up(steep[a], slope),
        };
    }
    let dual = |terms: &[(usize, Interval)]| weighed(terms, &steep);
    largest(steepest(&prototypes.head, &Inputs { dual: &dual, positive: true }).into_iter())
}

fn of_max_affine(scores: &MaxAffine, norm: Norm) -> f64 {
    let n = scores.inputs();
    let of_row = |k: usize| dual((k * n..(k + 1) * n).map(|at| scores.rows().at(at)), norm);
    largest(parallel::map(scores.biases().len(), of_row).into_iter())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Precision,
        network::{Clipping, LayerBuilder, PrototypeParts, Schedule, StoredNetwork},
    };

    fn layers(layers: Vec<Layer>) -> Model {
        Model::Layers(StoredNetwork::new(Precision::F64, layers).unwrap())
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
        let prototypes = Prototypes::new(PrototypeParts {
            precision: Precision::F64,
            features: 1,
            clipping: Clipping::None,
            centers: crate::Features::F64(vec![0.0].into()),
            measure: Measure::Largest,
            radii: vec![0.0],
            tops: vec![2.0],
            scales: vec![1.0],
            accumulators: vec![0],
            pool: Pool::Max,
            schedule: Schedule::Pipelined,
            head: vec![label.finish(), logit.finish()],
        })
        .unwrap();
        assert_eq!(lipschitz_bound(&Model::Prototypes(prototypes), Norm::Linf), 9.0);
    }
}
