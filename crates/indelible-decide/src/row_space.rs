//! The rows of a layer's weights, and short vectors with a given image.

use indelible::{Norm, network::Layer};
use microlp::{ComparisonOp, OptimizationDirection, Problem, Variable};

/// A row is new to the row space when more than this part of it is.
const RANK_TOLERANCE: f64 = 1e-10;

/// An orthonormal basis of the row space of a layer's weights: the rows of
/// `Q`, in binary64.
pub(crate) struct RowSpace {
    basis: Vec<Vec<f64>>,
    features: usize,
}

impl RowSpace {
    /// The row space of a layer (modified Gram–Schmidt, each row twice).
    pub(crate) fn of(layer: &Layer) -> Self {
        let features = layer.inputs();
        let mut basis: Vec<Vec<f64>> = Vec::new();
        for row in layer.rows() {
            let mut dense = vec![0.0; features];
            // Scaled by its largest entry, a row cannot overflow its norm.
            let scale = largest(row.weights);
            if scale == 0.0 || basis.len() == features {
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
        Self { basis, features }
    }

    /// `Q x`.
    pub(crate) fn image(&self, x: &[f64]) -> Vec<f64> {
        self.basis.iter().map(|q| product(q, x)).collect()
    }

    /// Some `e` with `Q e = target` and `‖e‖ ≤ reach`, up to rounding, in the
    /// sup norm, the 1-norm or the Euclidean norm; `None` where none is found.
    pub(crate) fn preimage(&self, target: &[f64], norm: Norm, reach: f64) -> Option<Vec<f64>> {
        // No e reaches the target when one row, or all together, would need more.
        let length = product(target, target).sqrt();
        let rows = self.basis.iter().zip(target);
        let needed = match norm {
            Norm::Linf => {
                rows.fold(length / (self.features as f64).sqrt(), |most, (q, t)| most.max(t.abs() / total(q)))
            }
            Norm::L1 => rows.fold(length, |most, (q, t)| most.max(t.abs() / largest(q))),
            Norm::L2 | Norm::Lp(_) => length,
        };
        if needed > reach {
            return None;
        }
        // The shortest e in the Euclidean norm may do for the others, too.
        let shortest = self.corrected(target, vec![0.0; self.features]);
        let size = match norm {
            Norm::Linf => largest(&shortest),
            Norm::L1 => total(&shortest),
            Norm::L2 | Norm::Lp(_) => length,
        };
        if size <= reach {
            return Some(shortest);
        }
        match norm {
            Norm::L2 | Norm::Lp(_) => return None,
            Norm::Linf => self.solve(target, reach, &[1.0], -1.0),
            Norm::L1 => self.solve(target, reach, &[1.0, -1.0], 0.0),
        }
        .map(|found| self.corrected(target, found))
    }

    /// `e` corrected along the rows so that `Q e = target` to the last bits.
    fn corrected(&self, target: &[f64], mut e: Vec<f64>) -> Vec<f64> {
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
    fn solve(&self, target: &[f64], reach: f64, signs: &[f64], lowest: f64) -> Option<Vec<f64>> {
        let mut problem = Problem::new(OptimizationDirection::Minimize);
        let cost = if signs.len() == 2 { 1.0 } else { 0.0 };
        let variables: Vec<(Variable, usize, f64)> = signs
            .iter()
            .flat_map(|&sign| (0..self.features).map(move |f| (f, sign)))
            .map(|(f, sign)| (problem.add_var(cost, (lowest, 1.0)), f, sign))
            .collect();
        for (q, t) in self.basis.iter().zip(target) {
            let terms: Vec<(Variable, f64)> =
                variables.iter().map(|&(v, f, sign)| (v, sign * q[f])).filter(|(_, c)| *c != 0.0).collect();
            problem.add_constraint(&terms[..], ComparisonOp::Eq, t / reach);
        }
        // A program that the solver cannot finish counts as no pair found.
        let solution = problem.solve().ok()?.into_solution().ok()?;
        if signs.len() == 2 && solution.objective() > 1.0 {
            return None;
        }
        let mut e = vec![0.0; self.features];
        for (variable, f, sign) in variables {
            e[f] += sign * reach * solution.var_value(variable);
        }
        Some(e)
    }
}

/// `Σ a_f b_f`.
fn product(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The largest `|v_f|`.
fn largest(v: &[f64]) -> f64 {
    v.iter().fold(0.0, |most, v| v.abs().max(most))
}

/// `Σ |v_f|`.
fn total(v: &[f64]) -> f64 {
    v.iter().map(|v| v.abs()).sum()
}
