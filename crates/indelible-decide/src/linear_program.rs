//! Linear programs over the rationals, solved exactly.
//!
//! The primal simplex method on a dictionary with bounds `0 ≤ x_j ≤ u_j`
//! (Chvátal, *Linear Programming*, 1983, chapters 2 and 8). The programs of
//! this module are small (a few rows, or a few columns) and start at a point
//! that is feasible by construction, so there is no first phase. Every number
//! is an exact rational: an optimum reported here is the optimum.

use std::{
    cmp::Reverse,
    mem::{swap, take},
};

use dashu_ratio::RBig;

use crate::{
    Error,
    affine::AffineFunction,
    clock::Clock,
    rational::{is_negative, is_positive},
};

/// Maximise `objective(x)` over `0 ≤ x_j ≤ upper_j` and `rows_i(x) ≥ 0`, where
/// every row has a constant `≥ 0`, so that `x = 0` is feasible.
#[derive(Clone, Debug, Default)]
pub(crate) struct LinearProgram {
    pub objective: AffineFunction,
    pub rows: Vec<AffineFunction>,
    pub upper: Vec<Option<RBig>>,
}

/// The optimum of a [`LinearProgram`] and a point that has it.
#[derive(Clone, Debug)]
pub(crate) struct Optimum {
    pub value: RBig,
    pub point: Vec<RBig>,
    /// For every row, by how much the optimum would grow per unit of its
    /// constant: the multipliers of a proof that there is no larger value.
    pub multipliers: Vec<RBig>,
}

/// The dictionary: every basic variable (a row) and the objective as an affine
/// function of the non-basic ones, all of which stand at 0. A variable with
/// an upper bound may be replaced by its distance to that bound (`mirrored`).
struct Dictionary {
    program: LinearProgram,
    /// Variable of each row; structural variables first, then slacks.
    basic: Vec<usize>,
    /// Variable of each column.
    nonbasic: Vec<usize>,
    mirrored: Vec<bool>,
}

/// What stops an entering variable.
enum Obstacle {
    /// Its own upper bound.
    Own,
    /// The basic variable of a row reaches 0 (`false`) or its bound (`true`).
    Row(usize, bool),
}

impl LinearProgram {
    /// The optimum; `None` when the objective has no upper bound.
    pub(crate) fn maximise(mut self, clock: &Clock) -> Result<Option<Optimum>, Error> {
        let structural = self.upper.len();
        let total = structural + self.rows.len();
        self.upper.resize(total, None);
        let mut d = Dictionary {
            program: self,
            basic: (structural..total).collect(),
            nonbasic: (0..structural).collect(),
            mirrored: vec![false; total],
        };
        // Bland's rule after a step that gained nothing: it cannot cycle.
        let mut stalled = false;
        while let Some(column) = d.entering(stalled) {
            clock.check()?;
            let Some((step, _, obstacle)) = d.blocking(column) else { return Ok(None) };
            stalled = step.is_zero();
            match obstacle {
                Obstacle::Own => d.mirror_column(column),
                Obstacle::Row(row, at_upper) => {
                    if at_upper {
                        d.mirror_row(row);
                    }
                    d.pivot(row, column);
                }
            }
        }
        Ok(Some(d.optimum(structural)))
    }
}

impl Dictionary {
    /// A column whose variable improves the objective: the steepest, or the
    /// variable with the smallest index.
    fn entering(&self, smallest_index: bool) -> Option<usize> {
        let slopes = &self.program.objective.gradient;
        let improving = (0..slopes.len()).filter(|&j| is_positive(&slopes[j]));
        if smallest_index {
            improving.min_by_key(|&j| self.nonbasic[j])
        } else {
            improving.max_by_key(|&j| (&slopes[j], Reverse(self.nonbasic[j])))
        }
    }

    /// What stops the variable of `column` first: after which step, which
    /// variable, and how.
    fn blocking(&self, column: usize) -> Option<(RBig, usize, Obstacle)> {
        let upper = |variable: usize| self.program.upper[variable].as_ref();
        let entering = self.nonbasic[column];
        let own = upper(entering).map(|u| (u.clone(), entering, Obstacle::Own));
        let rows = self.program.rows.iter().zip(&self.basic).enumerate();
        let stops = rows.filter_map(|(i, (row, &variable))| {
            let (value, a) = (&row.constant, &row.gradient[column]);
            if is_negative(a) {
                return Some((-(value / a), variable, Obstacle::Row(i, false)));
            }
            let u = upper(variable).filter(|_| is_positive(a))?;
            Some(((u - value) / a, variable, Obstacle::Row(i, true)))
        });
        own.into_iter().chain(stops).min_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)))
    }

    /// Replaces the variable of `column` by its distance to its upper bound.
    fn mirror_column(&mut self, column: usize) {
        let variable = self.nonbasic[column];
        let Some(u) = &self.program.upper[variable] else { return };
        self.mirrored[variable] = !self.mirrored[variable];
        for function in self.program.rows.iter_mut().chain([&mut self.program.objective]) {
            let slope = take(&mut function.gradient[column]);
            function.constant += &slope * u;
            function.gradient[column] = -slope;
        }
    }

    /// Replaces the basic variable of `row` by its distance to its bound.
    fn mirror_row(&mut self, row: usize) {
        let variable = self.basic[row];
        let Some(u) = &self.program.upper[variable] else { return };
        self.mirrored[variable] = !self.mirrored[variable];
        self.program.rows[row].negate();
        self.program.rows[row].constant += u;
    }

    /// Exchanges the basic variable of `row`, which goes to 0, for the
    /// variable of `column`.
    fn pivot(&mut self, row: usize, column: usize) {
        // basic = constant + Σ a_j x_j, solved for x_column.
        let mut leaving = take(&mut self.program.rows[row]);
        let scale = RBig::NEG_ONE / &leaving.gradient[column];
        leaving.gradient[column] = RBig::NEG_ONE;
        let width = leaving.gradient.len();
        let mut entering = AffineFunction { gradient: vec![RBig::ZERO; width], constant: RBig::ZERO };
        entering.add(&scale, &leaving);
        // The row itself is empty now.
        for function in self.program.rows.iter_mut().chain([&mut self.program.objective]) {
            let factor = function.gradient.get_mut(column).map(take).unwrap_or_default();
            if !factor.is_zero() {
                function.add(&factor, &entering);
            }
        }
        self.program.rows[row] = entering;
        swap(&mut self.basic[row], &mut self.nonbasic[column]);
    }

    /// Reads the optimum off a dictionary that no column improves.
    fn optimum(self, structural: usize) -> Optimum {
        let LinearProgram { objective, rows, upper } = self.program;
        let mut point = vec![RBig::ZERO; upper.len()];
        for (&variable, row) in self.basic.iter().zip(rows) {
            point[variable] = row.constant;
        }
        let mut multipliers = vec![RBig::ZERO; upper.len() - structural];
        for (&variable, slope) in self.nonbasic.iter().zip(objective.gradient) {
            if variable >= structural {
                multipliers[variable - structural] = -slope;
            }
        }
        for ((x, upper), mirrored) in point.iter_mut().zip(&upper).zip(self.mirrored) {
            if let (true, Some(u)) = (mirrored, upper) {
                *x = u - &*x;
            }
        }
        point.truncate(structural);
        Optimum { value: objective.constant, point, multipliers }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn q(n: i64) -> RBig {
        RBig::from(n)
    }

    fn affine(constant: i64, gradient: &[i64]) -> AffineFunction {
        AffineFunction { gradient: gradient.iter().map(|&v| q(v)).collect(), constant: q(constant) }
    }

    #[test]
    fn a_textbook_program() {
        // Maximise 3x + 5y with x ≤ 4, 2y ≤ 12, 3x + 2y ≤ 18: 36 at (2, 6).
        let p = LinearProgram {
            objective: affine(0, &[3, 5]),
            rows: vec![affine(12, &[0, -2]), affine(18, &[-3, -2])],
            upper: vec![Some(q(4)), None],
        };
        let o = p.maximise(&Clock::start(None)).unwrap().unwrap();
        assert_eq!((o.value, o.point), (q(36), vec![q(2), q(6)]));
        assert_eq!(o.multipliers, vec![RBig::from_parts(3.into(), 2u8.into()), q(1)]);
    }

    #[test]
    fn no_bound_is_seen() {
        let p = LinearProgram { objective: affine(0, &[1]), upper: vec![None], rows: vec![] };
        assert!(p.maximise(&Clock::start(None)).unwrap().is_none());
    }

    proptest! {
        /// Two variables: the optimum of a bounded program is attained where
        /// two of the constraints (rows or bounds) hold with equality.
        #[test]
        fn the_optimum_beats_every_vertex(
            c in prop::array::uniform2(-9i64..9),
            u in prop::array::uniform2(0i64..6),
            rows in prop::collection::vec((0i64..9, prop::array::uniform2(-5i64..5)), 0..5),
        ) {
            // Every constraint as k + a·x ≥ 0.
            let mut lines: Vec<(i64, [i64; 2])> = rows.clone();
            lines.extend([(0, [1, 0]), (0, [0, 1]), (u[0], [-1, 0]), (u[1], [0, -1])]);
            let mut best: Option<RBig> = None;
            for (i, (k, a)) in lines.iter().enumerate() {
                for (l, b) in &lines[..i] {
                    let det = a[0] * b[1] - a[1] * b[0];
                    if det == 0 { continue; }
                    let x = [RBig::from_parts_signed((a[1] * l - b[1] * k).into(), det.into()),
                             RBig::from_parts_signed((b[0] * k - a[0] * l).into(), det.into())];
                    if lines.iter().any(|(m, e)| q(*m) + q(e[0]) * &x[0] + q(e[1]) * &x[1] < q(0)) { continue; }
                    let v = q(c[0]) * &x[0] + q(c[1]) * &x[1];
                    if best.as_ref().is_none_or(|w| v > *w) { best = Some(v); }
                }
            }
            let p = LinearProgram {
                objective: affine(0, &c),
                rows: rows.iter().map(|(k, a)| affine(*k, a)).collect(),
                upper: u.iter().map(|&v| Some(q(v))).collect(),
            };
            let o = p.maximise(&Clock::start(None)).unwrap().unwrap();
            prop_assert_eq!(Some(o.value.clone()), best);
            prop_assert_eq!(q(c[0]) * &o.point[0] + q(c[1]) * &o.point[1], o.value);
            for (m, e) in &lines {
                prop_assert!(q(*m) + q(e[0]) * &o.point[0] + q(e[1]) * &o.point[1] >= q(0));
            }
        }
    }
}
