//! Steps that take the closest of some pairs further apart through rows at right
//! angles. Nothing that is proved rests on them.
//!
//! `min_k ‖PΔ_k‖²` is replaced by a smooth minimum whose gradient is `2 P M(α)`, the
//! weights `α` being larger the closer a pair is. A step goes along the mean of the
//! gradients so far, of which older ones count less, without what only turns the rows within
//! the space that they span. Its length does not depend on that of the gradient. While steps
//! become shorter, the minimum becomes sharper.

use super::orthonormal::{images, orthonormalize, weighted_form};
use crate::matrix::{product, product_transposed};

/// How wide the smooth minimum is at first and at the end, relative to it.
const WIDTHS: (f64, f64) = (0.1, 0.003);
/// How far a row is moved at first and at the end.
const LENGTHS: (f64, f64) = (0.06, 0.0006);
/// Share of both at first where rows need little more.
const GENTLE: f64 = 0.3;
/// What remains of the mean of gradients in a step, and of that of their squares.
const KEPT: (f64, f64) = (0.9, 0.99);
/// A gradient that is such a share of what it would be without right angles is none.
const NOTHING: f64 = 1e-12;

/// How far to go.
#[derive(Clone, Copy)]
pub(super) struct Ascent {
    /// Steps at most.
    pub steps: usize,
    /// Whether rows are near their goal.
    pub gentle: bool,
    /// A distance with which it ends.
    pub enough: f64,
}

impl Ascent {
    /// Moves the rows to the best place on the way. Returns the smallest distance there.
    pub fn ascend(self, differences: &[f64], rows: &mut Vec<f64>, features: usize) -> f64 {
        let width = rows.len() / features;
        let mut mean = Mean::new(rows.len());
        let mut image = images(differences, rows, features);
        let mut best = (least(&image, width), rows.clone());
        for at in 0..self.steps {
            if best.0.sqrt() >= self.enough {
                break;
            }
            let (sharp, length) = (self.at(at, WIDTHS), self.at(at, LENGTHS));
            let weights = soft_weights(&image, width, sharp);
            let Some(gradient) = tangent(weighted_form(&image, &weights, differences, features), rows, width)
            else {
                break;
            };
            let scale = length * (width as f64).sqrt() / mean.add(&gradient);
            rows.iter_mut().zip(&mean.first).for_each(|(row, mean)| *row += scale * mean);
            orthonormalize(rows, features);
            image = images(differences, rows, features);
            let now = least(&image, width);
            if now > best.0 {
                best = (now, rows.clone());
            }
        }
        *rows = best.1;
        best.0.sqrt()
    }

    /// A value that falls from step to step by the same factor.
    fn at(self, step: usize, (first, last): (f64, f64)) -> f64 {
        let first = if self.gentle { GENTLE * first } else { first };
        first * (last / first).powf(step as f64 / self.steps as f64)
    }
}

/// Means of gradients and of their squared lengths.
struct Mean {
    first: Vec<f64>,
    second: f64,
    /// What steps before the first one would weigh.
    before: (f64, f64),
}

impl Mean {
    fn new(size: usize) -> Self {
        Self { first: vec![0.0; size], second: 0.0, before: (1.0, 1.0) }
    }

    /// Takes one more. Returns what `first` is to be divided by to be about 1 long: exactly that where all
    /// gradients are the same.
    fn add(&mut self, gradient: &[f64]) -> f64 {
        let square: f64 = gradient.iter().map(|g| g * g).sum();
        self.first.iter_mut().zip(gradient).for_each(|(m, g)| *m = KEPT.0 * *m + (1.0 - KEPT.0) * g);
        self.second = KEPT.1 * self.second + (1.0 - KEPT.1) * square;
        self.before = (self.before.0 * KEPT.0, self.before.1 * KEPT.1);
        (self.second / (1.0 - self.before.1)).sqrt() * (1.0 - self.before.0)
    }
}

/// The part of a gradient that is at right angles to all rows; `None` where nothing is.
fn tangent(mut gradient: Vec<f64>, rows: &[f64], width: usize) -> Option<Vec<f64>> {
    let features = rows.len() / width;
    let all: f64 = gradient.iter().map(|g| g * g).sum();
    let along = product_transposed(&gradient, rows, (width, features, width));
    let within = product(&along, rows, (width, width, features));
    gradient.iter_mut().zip(within).for_each(|(g, w)| *g -= w);
    let left: f64 = gradient.iter().map(|g| g * g).sum();
    (left > NOTHING * NOTHING * all).then_some(gradient)
}

/// Squared lengths of the rows.
pub(super) fn squares(image: &[f64], width: usize) -> impl Iterator<Item = f64> {
    image.chunks(width).map(|row| row.iter().map(|x| x * x).sum::<f64>())
}

fn least(image: &[f64], width: usize) -> f64 {
    squares(image, width).fold(f64::INFINITY, f64::min)
}

/// The weights, of sum 1, in the gradient of `−τ log Σ exp(−q_k/τ)`, for the squared lengths `q`
/// and `τ` of `sharp` times their minimum.
pub(super) fn soft_weights(image: &[f64], width: usize, sharp: f64) -> Vec<f64> {
    let lengths: Vec<f64> = squares(image, width).collect();
    let least = lengths.iter().copied().fold(f64::INFINITY, f64::min);
    let typical = lengths.iter().sum::<f64>() / lengths.len().max(1) as f64;
    let scale = sharp * least.max(1e-6 * typical).max(f64::MIN_POSITIVE);
    let mut weights: Vec<f64> = lengths.iter().map(|q| ((least - q) / scale).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|w| *w /= sum);
    weights
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::width::orthonormal::random_rows;

    #[test]
    fn axes_keep_equal_shares() {
        // m rows keep √(m/n) of all n axes at most.
        let n = 8;
        let mut axes = vec![0.0; n * n];
        axes.iter_mut().step_by(n + 1).for_each(|x| *x = 1.0);
        for width in 1..=n {
            for (steps, short) in [(100, 0.02), (300, 1e-4)] {
                let mut rows = random_rows(width, n);
                let ascent = Ascent { steps, gentle: false, enough: f64::INFINITY };
                let found = ascent.ascend(&axes, &mut rows, n);
                let most = (width as f64 / n as f64).sqrt();
                assert!(found <= most + 1e-12 && found >= most * (1.0 - short), "{width}: {found}, {most}");
            }
        }
    }

    #[test]
    fn steps_end_where_enough_is_kept() {
        let differences = [3.0, 0.0, 4.0, 0.0, 3.0, 0.0];
        let mut rows = vec![0.0, 0.6, 0.8];
        let ascent = Ascent { steps: 50, gentle: true, enough: 1.5 };
        assert!((ascent.ascend(&differences, &mut rows, 3) - 1.8).abs() < 1e-12);
        assert_eq!(rows, [0.0, 0.6, 0.8]);
    }
}
