//! Closer bounds of what hinges read on one part of the ball.
//!
//! Where a hinge is known to be on one side, the numbers behind it vary less. What
//! is found is kept with the part, and parts of it begin with that.

use std::sync::Arc;

use super::{
    ascent::Climb,
    goal::Goal,
    node::{Node, Sign},
    relaxation::{Relaxation, Rows},
};
use crate::{
    certify::program::{HingeStep, Program},
    number::{sub_down, sub_up},
};

/// Steps towards better slopes for what a hinge reads.
const STEPS: i32 = 10;
/// Rows that climb together.
const TOGETHER: usize = 128;
/// Numbers that may be passed for better slopes of one step of hinges.
const MOST_WORK: usize = 1 << 24;

/// Hinges of a step that are looked at on each part, at most.
const MOST_HINGES: usize = 24;
/// Steps of hinges up to which closer bounds are looked for: what is followed back
/// for them grows with the square of the depth.
const MOST_STEPS: usize = 8;
/// Rows that are followed back together.
const MOST_ROWS: usize = 512;

/// A part of the ball that came from putting a hinge on one side.
pub(super) struct Part<'a> {
    pub node: Node,
    /// The hinge.
    pub split: usize,
    /// How much each hinge counts in the row that is bounded, about.
    pub units: &'a [f64],
}

impl Part<'_> {
    /// Whether no number keeps the limits: there is no such part.
    pub fn is_empty(&self) -> bool {
        let limits = self.node.limits.as_deref().unwrap_or(&[]);
        limits.iter().zip(&self.node.signs).any(|(limits, sign)| {
            let (l, u) = sign.limited(*limits);
            limits.0 > limits.1 || l > u
        })
    }
}

/// The numbers that hinges of one step read, and their negatives, each less what
/// its kink is.
struct Reads<'a> {
    place: HingeStep<'a>,
    /// The hinges.
    open: Vec<usize>,
}

impl Goal for Reads<'_> {
    fn vector(&self, _: &Program<'_>) -> usize {
        self.place.hinges.read
    }

    fn rows(&self, numbers: &[usize]) -> Rows {
        let mut rows = Rows::zero(numbers.len(), self.place.width);
        let places = rows.coefficients.chunks_mut(self.place.width).zip(&mut rows.base);
        for ((row, base), number) in places.zip(numbers) {
            let (at, sign) = (self.open[number / 2], if number % 2 == 0 { 1.0 } else { -1.0 });
            row[at] = sign;
            base.add(-sign * self.place.hinges.at(at).kink);
        }
        rows
    }
}

impl Relaxation<'_> {
    /// Looks for closer bounds of what hinges read on the whole ball, by better
    /// slopes for each.
    pub(in crate::certify) fn sharpen_slopes(&mut self) {
        if self.program.hinges().count() > MOST_STEPS {
            return;
        }
        let places: Vec<(usize, usize)> =
            self.program.hinges().map(|place| (place.start, place.start + place.width)).collect();
        // Nothing bends before the first.
        for (number, (start, end)) in places.into_iter().enumerate().skip(1) {
            let Some(place) = self.program.hinges().nth(number) else { return };
            let limits = &self.limits[start..end];
            let open: Vec<usize> =
                (0..place.width).filter(|&i| limits[i].0 < 0.0 && limits[i].1 > 0.0).collect();
            let passed: usize = self.program.widths.iter().take(place.step + 1).sum();
            if open.len().saturating_mul(2 * passed).saturating_mul(10) > MOST_WORK {
                continue;
            }
            let goal = Reads { place, open };
            let mut found = vec![];
            let numbers: Vec<usize> = (0..2 * goal.open.len()).collect();
            for numbers in numbers.chunks(TOGETHER) {
                let mut climbs: Vec<Climb> =
                    numbers.iter().map(|&number| Climb::new(self.root(number))).collect();
                self.climb(&goal, &mut climbs, STEPS);
                found.extend(climbs.into_iter().map(|climb| climb.bound));
            }
            let Reads { open, .. } = goal;
            for (i, bounds) in open.into_iter().zip(found.chunks(2)) {
                let (l, u) = &mut self.limits[start + i];
                (*l, *u) = (l.max(bounds[0]), u.min(-bounds[1]));
            }
        }
    }

    /// Looks for closer bounds behind the hinge of each part.
    pub(super) fn refine(&self, parts: &mut [Part<'_>]) {
        if self.program.hinges().count() > MOST_STEPS {
            return;
        }
        for place in self.program.hinges() {
            let mut asked: Vec<(usize, usize)> = vec![];
            for (index, part) in parts.iter().enumerate().filter(|(_, part)| part.split < place.start) {
                asked.extend(self.open(part, place).into_iter().map(|at| (index, at)));
            }
            for some in asked.chunks(MOST_ROWS / 2) {
                let bounds = self.of_hinges_on(parts, place, some);
                for (&(index, at), bounds) in some.iter().zip(bounds.chunks(2)) {
                    let kink = place.hinges.at(at - place.start).kink;
                    let node = &mut parts[index].node;
                    let limits = node.limits.get_or_insert_with(|| self.limits.clone().into());
                    let (l, u) = &mut Arc::make_mut(limits)[at];
                    // Lower bounds of the number and of its negative.
                    *l = l.max(sub_down(bounds[0], kink));
                    *u = u.min(sub_up(-bounds[1], kink));
                }
            }
        }
    }

    /// The hinges of a step on neither side of which a part is and that count most.
    fn open(&self, part: &Part<'_>, place: HingeStep<'_>) -> Vec<usize> {
        let limits = self.limits_on(Some(&part.node));
        let mut scored: Vec<(f64, usize)> = (place.start..place.start + place.width)
            .filter(|&at| part.node.signs[at] == Sign::Open && limits[at].0 < 0.0 && limits[at].1 > 0.0)
            .map(|at| {
                let (l, u) = limits[at];
                (part.units.get(at).map_or(0.0, |a| a.abs()) * u * l / (u - l), at)
            })
            .collect();
        scored.sort_by(|a, b| a.0.total_cmp(&b.0));
        scored.truncate(MOST_HINGES);
        scored.into_iter().map(|(_, at)| at).collect()
    }

    /// Lower bounds of the numbers that some hinges read, and of their negatives,
    /// each on a part.
    fn of_hinges_on(&self, parts: &[Part<'_>], place: HingeStep<'_>, asked: &[(usize, usize)]) -> Vec<f64> {
        // Rows of their own have slopes of their own: those that lose least.
        let nodes: Vec<Node> = parts.iter().map(|part| self.without_choices(&part.node)).collect();
        let mut rows = Rows::zero(2 * asked.len(), place.width);
        for (rows, (_, at)) in rows.coefficients.chunks_mut(2 * place.width).zip(asked) {
            rows[at - place.start] = 1.0;
            rows[place.width + at - place.start] = -1.0;
        }
        let nodes: Vec<&Node> = asked.iter().flat_map(|(index, _)| [&nodes[*index]; 2]).collect();
        self.followed(place.hinges.read, rows, Some(&nodes)).bounds
    }
}
