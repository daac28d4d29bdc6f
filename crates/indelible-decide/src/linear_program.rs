//! Linear programs over the rationals, solved exactly.
//!
//! The primal simplex method on a dictionary with bounds `0 ≤ x_j ≤ u_j`
//! (Chvátal, *Linear Programming*, 1983, chapters 2 and 8). The programs of
//! this module are small (a few rows, or a few columns) and start at a point
//! that is feasible by construction, so there is no first phase. Every number
//! is an exact rational: an optimum reported here is the optimum.

use dashu_ratio::RBig;

use crate::{
    Error,
    clock::Clock,
    rational::{is_negative, is_positive},
};

/// Maximise `constant + objective·x` over `0 ≤ x_j ≤ upper_j` and
/// `offset_i + rows_i·x ≥ 0`, where every `offset_i ≥ 0`, so that `x = 0` is
/// feasible.
#[derive(Clone, Debug, Default)]
pub(crate) struct LinearProgram {
    pub constant: RBig,
    pub objective: Vec<RBig>,
    pub rows: Vec<(RBig, Vec<RBig>)>,
    pub upper: Vec<Option<RBig>>,
}

/// The optimum of a [`LinearProgram`] and a point that has it.
#[derive(Clone, Debug)]
pub(crate) struct Optimum {
    pub value: RBig,
    pub point: Vec<RBig>,
    /// For every row, by how much the optimum would grow per unit of its
    /// offset: the multipliers of a proof that there is no larger value.
    pub multipliers: Vec<RBig>,
}

/// The dictionary: every basic variable and the objective as an affine
/// function of the non-basic ones, all of which stand at 0. A variable with
/// an upper bound may be replaced by its distance to that bound (`mirrored`).
struct Dictionary {
    /// Variable of each row; structural variables first, then slacks.
    basic: Vec<usize>,
    /// Variable of each column.
    nonbasic: Vec<usize>,
    /// `rows[i] = (value, coefficients)`.
    rows: Vec<(RBig, Vec<RBig>)>,
    value: RBig,
    objective: Vec<RBig>,
    upper: Vec<Option<RBig>>,
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
    ///
    /// # Errors
    /// When the clock runs out.
    pub(crate) fn maximise(self, clock: &Clock) -> Result<Option<Optimum>, Error> {
        let structural = self.objective.len();
        let slacks = self.rows.len();
        let mut upper = self.upper;
        upper.resize(structural + slacks, None);
        let mut d = Dictionary {
            basic: (structural..structural + slacks).collect(),
            nonbasic: (0..structural).collect(),
            rows: self.rows,
            value: self.constant,
            objective: self.objective,
            mirrored: vec![false; structural + slacks],
            upper,
        };
        // Bland's rule after a step that gained nothing: it cannot cycle.
        let mut stalled = false;
        while let Some(column) = d.entering(stalled) {
            clock.check()?;
            let Some((obstacle, step)) = d.blocking(column) else { return Ok(None) };
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
        let improving = (0..self.nonbasic.len()).filter(|&j| is_positive(&self.objective[j]));
        if smallest_index {
            improving.min_by_key(|&j| self.nonbasic[j])
        } else {
            improving.max_by(|&a, &b| {
                self.objective[a].cmp(&self.objective[b]).then(self.nonbasic[b].cmp(&self.nonbasic[a]))
            })
        }
    }

    /// What stops the variable of `column` first, and after which step.
    fn blocking(&self, column: usize) -> Option<(Obstacle, RBig)> {
        let mut best: Option<(Obstacle, RBig, usize)> =
            self.upper[self.nonbasic[column]].clone().map(|u| (Obstacle::Own, u, self.nonbasic[column]));
        for (i, (value, row)) in self.rows.iter().enumerate() {
            let a = &row[column];
            let (step, at_upper) = if is_negative(a) {
                (value / -a.clone(), false)
            } else if let (true, Some(u)) = (is_positive(a), &self.upper[self.basic[i]]) {
                ((u - value) / a, true)
            } else {
                continue;
            };
            let better = match &best {
                None => true,
                Some((_, s, variable)) => step < *s || (step == *s && self.basic[i] < *variable),
            };
            if better {
                best = Some((Obstacle::Row(i, at_upper), step, self.basic[i]));
            }
        }
        best.map(|(obstacle, step, _)| (obstacle, step))
    }

    /// Replaces the variable of `column` by its distance to its upper bound.
    fn mirror_column(&mut self, column: usize) {
        let variable = self.nonbasic[column];
        let Some(u) = self.upper[variable].clone() else { return };
        self.mirrored[variable] = !self.mirrored[variable];
        self.value += &self.objective[column] * &u;
        self.objective[column] = -std::mem::take(&mut self.objective[column]);
        for (value, row) in &mut self.rows {
            if !row[column].is_zero() {
                *value += &row[column] * &u;
                row[column] = -std::mem::take(&mut row[column]);
            }
        }
    }

    /// Replaces the basic variable of `row` by its distance to its bound.
    fn mirror_row(&mut self, row: usize) {
        let variable = self.basic[row];
        let Some(u) = self.upper[variable].clone() else { return };
        self.mirrored[variable] = !self.mirrored[variable];
        let (value, coefficients) = &mut self.rows[row];
        *value = u - &*value;
        for a in coefficients {
            *a = -std::mem::take(a);
        }
    }

    /// Exchanges the basic variable of `row`, which goes to 0, for the
    /// variable of `column`.
    fn pivot(&mut self, row: usize, column: usize) {
        let (value, mut leaving) = std::mem::take(&mut self.rows[row]);
        // basic = value + Σ a_j x_j, solved for x_column.
        let scale = RBig::NEG_ONE / &leaving[column];
        leaving[column] = RBig::NEG_ONE;
        let entering: Vec<RBig> =
            leaving.iter().map(|a| if a.is_zero() { RBig::ZERO } else { a * &scale }).collect();
        let value = value * scale;
        let substitute = |constant: &mut RBig, coefficients: &mut [RBig]| {
            let factor = std::mem::take(&mut coefficients[column]);
            if factor.is_zero() {
                return;
            }
            *constant += &factor * &value;
            for (a, e) in coefficients.iter_mut().zip(&entering) {
                if !e.is_zero() {
                    *a += &factor * e;
                }
            }
        };
        for (i, (constant, coefficients)) in self.rows.iter_mut().enumerate() {
            if i != row {
                substitute(constant, coefficients);
            }
        }
        substitute(&mut self.value, &mut self.objective);
        self.rows[row] = (value, entering);
        std::mem::swap(&mut self.basic[row], &mut self.nonbasic[column]);
    }

    /// Reads the optimum off a dictionary that no column improves.
    fn optimum(self, structural: usize) -> Optimum {
        let total = self.upper.len();
        let mut point = vec![RBig::ZERO; total];
        for (&variable, (value, _)) in self.basic.iter().zip(&self.rows) {
            point[variable] = value.clone();
        }
        let mut multipliers = vec![RBig::ZERO; total - structural];
        for (&variable, c) in self.nonbasic.iter().zip(&self.objective) {
            if variable >= structural {
                multipliers[variable - structural] = -c.clone();
            }
        }
        for (variable, x) in point.iter_mut().enumerate() {
            if let (true, Some(u)) = (self.mirrored[variable], &self.upper[variable]) {
                *x = u - &*x;
            }
        }
        point.truncate(structural);
        Optimum { value: self.value, point, multipliers }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn q(n: i64) -> RBig {
        RBig::from(n)
    }

    #[test]
    fn a_textbook_program() {
        // Maximise 3x + 5y with x ≤ 4, 2y ≤ 12, 3x + 2y ≤ 18: 36 at (2, 6).
        let p = LinearProgram {
            constant: q(0),
            objective: vec![q(3), q(5)],
            rows: vec![(q(12), vec![q(0), q(-2)]), (q(18), vec![q(-3), q(-2)])],
            upper: vec![Some(q(4)), None],
        };
        let o = p.maximise(&Clock::endless()).unwrap().unwrap();
        assert_eq!((o.value, o.point), (q(36), vec![q(2), q(6)]));
        assert_eq!(o.multipliers, vec![RBig::from_parts(3.into(), 2u8.into()), q(1)]);
    }

    #[test]
    fn no_bound_is_seen() {
        let p = LinearProgram { objective: vec![q(1)], upper: vec![None], ..LinearProgram::default() };
        assert!(p.maximise(&Clock::endless()).unwrap().is_none());
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
                constant: q(0),
                objective: c.iter().map(|&v| q(v)).collect(),
                rows: rows.iter().map(|(k, a)| (q(*k), a.iter().map(|&v| q(v)).collect())).collect(),
                upper: u.iter().map(|&v| Some(q(v))).collect(),
            };
            let o = p.maximise(&Clock::endless()).unwrap().unwrap();
            prop_assert_eq!(Some(o.value.clone()), best);
            prop_assert_eq!(q(c[0]) * &o.point[0] + q(c[1]) * &o.point[1], o.value);
            for (m, e) in &lines {
                prop_assert!(q(*m) + q(e[0]) * &o.point[0] + q(e[1]) * &o.point[1] >= q(0));
            }
        }
    }
}
