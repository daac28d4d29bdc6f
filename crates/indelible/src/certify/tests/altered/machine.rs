//! A machine that executes a stored form in some order, fused or not.

use super::change::Random;
use crate::{Precision, network::Arithmetic};

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
}

impl Arithmetic for Machine<'_> {
    type Number = f64;

    fn number(&mut self, value: f64) -> f64 {
        value
    }

    fn minus(&mut self, a: &f64, b: &f64) -> f64 {
        self.add(*a, -b)
    }

    fn max(&mut self, a: &f64, b: &f64) -> f64 {
        if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(*b) }
    }

    fn min(&mut self, a: &f64, b: &f64) -> f64 {
        a.min(*b)
    }

    fn abs(&mut self, a: &f64) -> f64 {
        a.abs()
    }

    fn sum(&mut self, terms: &[f64]) -> f64 {
        let mut terms = terms.to_vec();
        while terms.len() > 1 {
            let at = self.random.below(terms.len());
            let a = terms.swap_remove(at);
            let at = self.random.below(terms.len());
            let b = terms.swap_remove(at);
            terms.push(self.add(a, b));
        }
        terms.pop().unwrap_or(0.0)
    }

    /// Some products are fused into partial sums.
    fn dot(&mut self, start: &f64, terms: &[(f64, f64)]) -> f64 {
        let mut partial = vec![*start];
        for &(a, b) in terms {
            if self.random.chance(2) {
                partial.push(self.round(a * b));
            } else {
                let at = self.random.below(partial.len());
                let before = partial.swap_remove(at);
                let sum = self.multiply_add(a, b, before);
                partial.push(sum);
            }
        }
        self.sum(&partial)
    }

    fn relu(&mut self, a: &f64) -> f64 {
        if *a < 0.0 { 0.0 } else { *a }
    }
}
