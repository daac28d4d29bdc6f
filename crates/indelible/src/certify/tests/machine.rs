//! A machine that executes a stored form in some order, fused or not.

use super::Random;
use crate::{Precision, network::Arithmetic};

/// A machine of one format that takes sums in some order and fuses products
/// with partial sums or rounds them first.
pub(in crate::certify) struct Machine<'a> {
    precision: Precision,
    random: &'a mut Random,
    /// How many products of four are fused.
    fused: usize,
    /// Whether terms are added one by one, and not partial sums of any terms.
    one_by_one: bool,
}

impl<'a> Machine<'a> {
    /// A machine of some habits.
    pub fn new(precision: Precision, random: &'a mut Random) -> Self {
        let (fused, one_by_one) = (random.of(&[0, 2, 4]), random.below(2) == 0);
        Self { precision, random, fused, one_by_one }
    }

    fn add(&self, a: f64, b: f64) -> f64 {
        self.precision.round(a + b)
    }

    /// `a b + c`, rounded once.
    fn multiply_add(&self, a: f64, b: f64, c: f64) -> f64 {
        match self.precision {
            Precision::F32 => f64::from((a as f32).mul_add(b as f32, c as f32)),
            Precision::F64 => a.mul_add(b, c),
        }
    }

    /// Takes one of some numbers out.
    fn take(&mut self, numbers: &mut Vec<f64>) -> f64 {
        let at = self.random.below(numbers.len());
        numbers.swap_remove(at)
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
        let mut sum = if terms.is_empty() { 0.0 } else { self.take(&mut terms) };
        while !terms.is_empty() {
            let other = self.take(&mut terms);
            sum = self.add(sum, other);
            if !self.one_by_one {
                terms.push(sum);
                sum = self.take(&mut terms);
            }
        }
        sum
    }

    fn dot(&mut self, start: &f64, terms: &[(f64, f64)]) -> f64 {
        let mut open: Vec<Option<(f64, f64)>> = terms.iter().copied().map(Some).chain([None]).collect();
        let mut partial: Vec<f64> = vec![];
        while !open.is_empty() {
            let at = self.random.below(open.len());
            let value = match open.swap_remove(at) {
                None => *start,
                Some((a, b)) if !partial.is_empty() && self.random.below(4) < self.fused => {
                    let before = self.take(&mut partial);
                    partial.push(self.multiply_add(a, b, before));
                    continue;
                }
                Some((a, b)) => self.precision.round(a * b),
            };
            match partial.pop() {
                Some(before) if self.one_by_one => partial.push(self.add(before, value)),
                before => partial.extend(before.into_iter().chain([value])),
            }
        }
        self.sum(&partial)
    }

    fn relu(&mut self, a: &f64) -> f64 {
        if *a < 0.0 { 0.0 } else { *a }
    }
}
