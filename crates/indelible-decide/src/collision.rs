//! Refuting narrow networks: two balls that the first layer cannot tell apart.
//!
//! If points `x`, `x'` of two balls with different labels satisfy
//! `W₁(x − x') = 0`, every later layer sees the same numbers and the network
//! gives both the same label: one is wrong (Kim, Moon & Yun, NeurIPS 2025,
//! after Yu, Gao & Zhang, ICLR 2024, Theorem 4.6). For a pair of samples with
//! difference `d` such points exist exactly when some `e` with
//! `‖e‖ ≤ 2μ` has `W₁ e = W₁ d`: a linear program for the sup norm and the
//! 1-norm, a projection for the Euclidean norm. With `e` found,
//! `x = x_i − e/2` and `x' = x_j + e/2`.
//!
//! The search runs in binary64 and may be wrong; its result may not. A pair is
//! reported only after both points were seen to lie in their balls, exactly,
//! and the network, evaluated in its own format, got one of them wrong.
//! Pairs that exist only with more than `1 − 10⁻⁶` of the radius, and null
//! spaces thinner than `10⁻¹⁰` of a row, may be missed.

use dashu_ratio::RBig;
use indelible::{
    Dataset, Error as LibraryError, Norm, Precision, Progress,
    network::{Layer, Network, evaluate, predicted_class},
};
use microlp::{ComparisonOp, OptimizationDirection, Problem, Variable};

use crate::{
    Error,
    ball::Ball,
    rational::{exact, is_negative},
};

/// Part of the radius that the search uses; the rest absorbs rounding.
const SHARE: f64 = 1.0 - 1e-6;

/// A row is new to the row space when more than this part of it is.
const RANK_TOLERANCE: f64 = 1e-10;

/// Two points of balls with different labels that the first layer maps to
/// (nearly) the same values.
#[derive(Clone, Debug, PartialEq)]
pub struct Collision {
    /// The two samples.
    pub samples: [usize; 2],
    /// A point of the ball of each, in numbers of the network's format.
    pub points: [Vec<f64>; 2],
    /// The class that the network gives each, `None` for NaN.
    pub predicted: [Option<usize>; 2],
    /// Which of the two, 0 or 1, is misclassified.
    pub wrong: usize,
}

/// Looks for a [`Collision`] on the closed balls of `radius` in `norm`.
///
/// `classes[c]` is the class of the network that class `c` of the data is, and
/// `count` the number of classes of the network.
///
/// # Errors
/// When the norm is none of `linf`, `l1` and `l2`, the radius is negative or no
/// number, or the data do not fit the network.
pub fn refute(
    network: &dyn Network,
    data: &Dataset,
    classes: &[usize],
    count: usize,
    norm: Norm,
    radius: f64,
    progress: &dyn Progress,
) -> Result<Option<Collision>, Error> {
    if !(radius.is_finite() && radius >= 0.0) {
        return Err(LibraryError::BadRadius { given: radius }.into());
    }
    if let Norm::Lp(_) = norm {
        let supported = "linf, l1, l2".to_owned();
        return Err(LibraryError::NormNotSupported { construction: "refute", supported, norm }.into());
    }
    if network.inputs() != data.features() {
        return Err(LibraryError::InputWidth { expected: network.inputs(), given: data.features() }.into());
    }
    if classes.len() != data.classes() {
        return Err(LibraryError::ClassMap { classes: data.classes(), given: classes.len() }.into());
    }
    let basis = row_space(&network.layer(0));
    let rows: Vec<Vec<f64>> = (0..data.samples()).map(|i| data.row(i)).collect();
    let seen: Vec<Vec<f64>> = rows.iter().map(|x| basis.iter().map(|q| product(q, x)).collect()).collect();
    let search = Search { basis, norm, reach: 2.0 * radius * SHARE };
    progress.begin("refute", data.samples() as u64);
    for i in 0..rows.len() {
        for j in 0..i {
            if data.labels()[i] == data.labels()[j] {
                continue;
            }
            let target: Vec<f64> = seen[i].iter().zip(&seen[j]).map(|(a, b)| a - b).collect();
            let Some(bridge) = search.bridge(&target, data.features()) else { continue };
            let half = |sign: f64, x: &[f64]| -> Vec<f64> {
                x.iter().zip(&bridge).map(|(x, e)| x + sign * e / 2.0).collect()
            };
            let points = [half(-1.0, &rows[i]), half(1.0, &rows[j])];
            let Some(points) = inside(points, [&rows[i], &rows[j]], network.precision(), norm, radius) else {
                continue;
            };
            let outputs = evaluate(network, &points.concat())?;
            let each: Vec<Option<usize>> =
                outputs.chunks(network.outputs()).map(|row| predicted_class(row, count)).collect();
            let predicted = [each[0], each[1]];
            let right = [i, j].map(|sample| Some(classes[data.labels()[sample]]));
            if let Some(wrong) = (0..2).find(|&k| predicted[k] != right[k]) {
                progress.end();
                return Ok(Some(Collision { samples: [i, j], points, predicted, wrong }));
            }
        }
        progress.advance(1);
    }
    progress.end();
    Ok(None)
}

/// `Σ a_f b_f`.
fn product(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// An orthonormal basis of the row space of a layer's weights (modified
/// Gram–Schmidt, each row twice).
fn row_space(layer: &Layer) -> Vec<Vec<f64>> {
    let mut basis: Vec<Vec<f64>> = Vec::new();
    for row in layer.rows() {
        let mut dense = vec![0.0; layer.inputs()];
        // Scaled by its largest entry, a row cannot overflow its norm.
        let scale = row.weights.iter().fold(0.0_f64, |m, w| m.max(w.abs()));
        if scale == 0.0 || basis.len() == layer.inputs() {
            continue;
        }
        for (&column, &weight) in row.columns.iter().zip(row.weights) {
            dense[column] += weight / scale;
        }
        let size = product(&dense, &dense).sqrt();
        for _ in 0..2 {
            for q in &basis {
                let part = product(q, &dense);
                for (v, q) in dense.iter_mut().zip(q) {
                    *v -= part * q;
                }
            }
        }
        let rest = product(&dense, &dense).sqrt();
        if rest > RANK_TOLERANCE * size {
            for v in &mut dense {
                *v /= rest;
            }
            basis.push(dense);
        }
    }
    basis
}

/// The search for `e` with `‖e‖ ≤ reach` and `Q e = target`, where the rows of
/// `Q` are an orthonormal basis.
struct Search {
    basis: Vec<Vec<f64>>,
    norm: Norm,
    reach: f64,
}

impl Search {
    fn bridge(&self, target: &[f64], features: usize) -> Option<Vec<f64>> {
        // No e reaches the target when one row, or all together, would need more.
        let length = product(target, target).sqrt();
        let needed = match self.norm {
            Norm::Linf => {
                self.basis.iter().zip(target).fold(length / (features as f64).sqrt(), |most, (q, t)| {
                    most.max(t.abs() / q.iter().map(|v| v.abs()).sum::<f64>())
                })
            }
            Norm::L1 => self.basis.iter().zip(target).fold(length, |most, (q, t)| {
                most.max(t.abs() / q.iter().fold(0.0_f64, |m, v| m.max(v.abs())))
            }),
            Norm::L2 | Norm::Lp(_) => length,
        };
        if needed > self.reach {
            return None;
        }
        // The shortest e in the Euclidean norm may do for the others, too.
        let shortest = self.spread(target, vec![0.0; features]);
        let size = match self.norm {
            Norm::Linf => shortest.iter().fold(0.0_f64, |m, v| m.max(v.abs())),
            Norm::L1 => shortest.iter().map(|v| v.abs()).sum(),
            Norm::L2 | Norm::Lp(_) => length,
        };
        if size <= self.reach {
            return Some(shortest);
        }
        let found = match self.norm {
            Norm::L2 | Norm::Lp(_) => None,
            Norm::Linf => self.program(target, features, &[1.0], -1.0),
            Norm::L1 => self.program(target, features, &[1.0, -1.0], 0.0),
        }?;
        Some(self.spread(target, found))
    }

    /// `e` corrected along the rows so that `Q e = target` to the last bits.
    fn spread(&self, target: &[f64], mut e: Vec<f64>) -> Vec<f64> {
        let gaps: Vec<f64> = self.basis.iter().zip(target).map(|(q, t)| t - product(q, &e)).collect();
        for (q, gap) in self.basis.iter().zip(gaps) {
            for (v, q) in e.iter_mut().zip(q) {
                *v += gap * q;
            }
        }
        e
    }

    /// The linear program in units of the reach: one variable per feature and
    /// sign, from `lowest` to 1; two signs mean the 1-norm.
    fn program(&self, target: &[f64], features: usize, signs: &[f64], lowest: f64) -> Option<Vec<f64>> {
        let mut problem = Problem::new(OptimizationDirection::Minimize);
        let cost = if signs.len() == 2 { 1.0 } else { 0.0 };
        let variables: Vec<(Variable, usize, f64)> = signs
            .iter()
            .flat_map(|&sign| (0..features).map(move |f| (f, sign)))
            .map(|(f, sign)| (problem.add_var(cost, (lowest, 1.0)), f, sign))
            .collect();
        for (q, t) in self.basis.iter().zip(target) {
            let terms: Vec<(Variable, f64)> =
                variables.iter().map(|&(v, f, sign)| (v, sign * q[f])).filter(|(_, c)| *c != 0.0).collect();
            problem.add_constraint(&terms[..], ComparisonOp::Eq, t / self.reach);
        }
        // A program that the solver cannot finish counts as no pair found.
        let solution = problem.solve().ok()?.into_solution().ok()?;
        if signs.len() == 2 && solution.objective() > 1.0 {
            return None;
        }
        let mut e = vec![0.0; features];
        for (variable, f, sign) in variables {
            e[f] += sign * self.reach * solution.var_value(variable);
        }
        Some(e)
    }
}

/// The points in numbers of the network's format, moved into their balls where
/// rounding left them; `None` where that does not succeed.
fn inside(
    points: [Vec<f64>; 2],
    centres: [&[f64]; 2],
    precision: Precision,
    norm: Norm,
    radius: f64,
) -> Option<[Vec<f64>; 2]> {
    let mut moved = points;
    for (point, centre) in moved.iter_mut().zip(centres) {
        for (x, &c) in point.iter_mut().zip(centre) {
            let rounded = precision.round(*x);
            // Rounding towards the centre where rounding to nearest would go
            // away from it: no distance grows.
            *x = if (rounded - c).abs() <= (*x - c).abs() {
                rounded
            } else if *x > c {
                precision.round_down(*x)
            } else {
                precision.round_up(*x)
            };
            if !x.is_finite() {
                return None;
            }
        }
        if !lies_inside(point, centre, norm, radius) {
            return None;
        }
    }
    Some(moved)
}

/// Whether a point lies in the closed ball, decided exactly.
fn lies_inside(point: &[f64], centre: &[f64], norm: Norm, radius: f64) -> bool {
    let radius = exact(radius);
    let to = |v: &[f64]| v.iter().map(|&x| exact(x)).collect::<Vec<RBig>>();
    let (point, centre) = (to(point), to(centre));
    if norm == Norm::L2 {
        let square = |sum: RBig, (a, b): (&RBig, &RBig)| sum + (a - b).sqr();
        let gap = point.iter().zip(&centre).fold(RBig::ZERO, square);
        return !is_negative(&(radius.sqr() - gap));
    }
    Ball { centre: &centre, radius: &radius, norm }.distance(&point) <= radius
}
