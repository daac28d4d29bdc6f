//! A machine that executes a stored form in some order, fused or not.

use super::super::Random;
use crate::{
    Precision,
    network::{Layer, MaxAffine, Measure, Pool, PowerCurve, Prototypes},
};

/// A machine that executes in some order, fused or not.
pub(super) struct Machine<'a> {
    pub precision: Precision,
    pub random: &'a mut Random,
}

impl Machine<'_> {
    fn round(&self, x: f64) -> f64 {
        self.precision.round(x)
    }

    fn add(&self, a: f64, b: f64) -> f64 {
        self.round(a + b)
    }

    /// `a b + c`.
    fn multiply_add(&mut self, a: f64, b: f64, c: f64) -> f64 {
        match self.precision {
            _ if self.random.chance(2) => self.add(self.round(a * b), c),
            Precision::F32 => f64::from((a as f32).mul_add(b as f32, c as f32)),
            Precision::F64 => a.mul_add(b, c),
        }
    }

    fn sum(&mut self, mut terms: Vec<f64>) -> f64 {
        while terms.len() > 1 {
            let at = self.random.below(terms.len());
            let a = terms.swap_remove(at);
            let at = self.random.below(terms.len());
            let b = terms.swap_remove(at);
            terms.push(self.add(a, b));
        }
        terms.pop().unwrap_or(0.0)
    }

    /// `bias + Σ a b`: some products are fused into partial sums.
    fn dot(&mut self, bias: f64, pairs: &[(f64, f64)]) -> f64 {
        let mut partial = vec![bias];
        for &(a, b) in pairs {
            if self.random.chance(2) {
                partial.push(self.round(a * b));
            } else {
                let at = self.random.below(partial.len());
                let before = partial.swap_remove(at);
                let sum = self.multiply_add(a, b, before);
                partial.push(sum);
            }
        }
        self.sum(partial)
    }

    pub fn layers(&mut self, head: &[Layer], mut values: Vec<f64>) -> Vec<f64> {
        for (index, layer) in head.iter().enumerate() {
            values = layer
                .rows()
                .map(|row| {
                    let pairs: Vec<_> =
                        row.columns.iter().zip(row.weights).map(|(&c, &w)| (w, values[c])).collect();
                    let sum = self.dot(row.bias, &pairs);
                    if index + 1 < head.len() { relu(sum) } else { sum }
                })
                .collect();
        }
        values
    }

    fn curve(&mut self, curve: &PowerCurve, t: f64) -> f64 {
        match curve {
            PowerCurve::Hinges { knots, weights } => {
                let active: Vec<f64> = knots.iter().map(|k| relu(self.add(t, -k))).collect();
                let pairs: Vec<(f64, f64)> = weights.iter().copied().zip(active).collect();
                self.dot(0.0, &pairs)
            }
            PowerCurve::Sawtooth { inverse, levels } => {
                let mut g = self.round(inverse * t);
                let mut value = g;
                for level in 1..=*levels {
                    let twice = self.add(g, g);
                    let tooth = twice.min(self.add(2.0, -twice));
                    value = self.multiply_add(-PowerCurve::share(level), tooth, value);
                    g = relu(tooth);
                }
                relu(value)
            }
        }
    }

    pub fn prototypes(&mut self, prototypes: &Prototypes, x: &[f64]) -> Vec<f64> {
        let clipped: Vec<f64> = match &prototypes.minima {
            Some(minima) => x.iter().zip(minima).map(|(x, m)| x.max(*m)).collect(),
            None => x.to_vec(),
        };
        let mut levels = vec![vec![0.0]; prototypes.accumulator_count()];
        let mut center = vec![0.0; prototypes.features];
        for k in 0..prototypes.steps() {
            prototypes.copy_center(k, &mut center);
            let radius = prototypes.radii[k];
            let sizes = clipped.iter().zip(&center).map(|(x, c)| self.round((x - c).abs()));
            let sizes: Vec<f64> = sizes.collect();
            let measured = match &prototypes.measure {
                Measure::Power(curve) => {
                    let each = sizes.iter().map(|s| self.curve(curve, *s)).collect();
                    let sum = self.sum(each);
                    relu(self.add(sum, -radius))
                }
                Measure::Violations => {
                    let each = sizes.iter().map(|s| relu(self.add(*s, -radius))).collect();
                    self.sum(each)
                }
                Measure::Sum => {
                    let sum = self.sum(sizes);
                    relu(self.add(sum, -radius))
                }
                Measure::Largest => relu(self.add(sizes.into_iter().fold(0.0, f64::max), -radius)),
            };
            let height = self.multiply_add(-prototypes.scales[k], measured, prototypes.tops[k]);
            levels[prototypes.accumulators[k]].push(relu(height));
        }
        let accumulators = levels
            .into_iter()
            .map(|levels| match prototypes.pool {
                Pool::Max if levels.iter().any(|l| l.is_nan()) => f64::NAN,
                Pool::Max => levels.into_iter().fold(0.0, f64::max),
                Pool::Sum => self.sum(levels),
            })
            .collect();
        self.layers(&prototypes.head, accumulators)
    }

    pub fn scores(&mut self, scores: &MaxAffine, x: &[f64]) -> Vec<f64> {
        let mut row = vec![0.0; scores.features];
        (0..scores.ends.len())
            .map(|class| {
                scores.class_rows(class).fold(0.0, |best: f64, k| {
                    scores.copy_row(k, &mut row);
                    let pairs: Vec<_> = row.iter().copied().zip(x.iter().copied()).collect();
                    let score = self.dot(scores.biases[k], &pairs);
                    if score.is_nan() { score } else { best.max(score) }
                })
            })
            .collect()
    }
}

fn relu(x: f64) -> f64 {
    if x < 0.0 { 0.0 } else { x }
}
