//! The meaning of stored forms does not depend on the arithmetic that runs
//! them: each form says it once, for any [`Arithmetic`].

use super::inexact::Inexact;

/// Numbers and what a network does with them.
///
/// The formats of binary floating point, enclosures of real numbers, exact
/// rationals or a machine that adds in a random order: [`Model::evaluate_in`]
/// runs a network in each of them. An operation is one step of the network;
/// [`sum`](Self::sum) and [`dot`](Self::dot) may take their terms in any order.
///
/// [`Model::evaluate_in`]: super::Model::evaluate_in
pub trait Arithmetic {
    /// A number.
    type Number: Clone;

    /// A stored number.
    fn number(&mut self, value: f64) -> Self::Number;

    /// `a − b`.
    fn minus(&mut self, a: &Self::Number, b: &Self::Number) -> Self::Number;

    /// The larger of two; no number where one of them is none.
    fn max(&mut self, a: &Self::Number, b: &Self::Number) -> Self::Number;

    /// The smaller of two.
    fn min(&mut self, a: &Self::Number, b: &Self::Number) -> Self::Number;

    /// `|a|`.
    fn abs(&mut self, a: &Self::Number) -> Self::Number;

    /// The sum of `terms`, 0 without any.
    fn sum(&mut self, terms: &[Self::Number]) -> Self::Number;

    /// `start + Σ w v` over pairs `(w, v)` of a stored weight and a number.
    fn dot(&mut self, start: &Self::Number, terms: &[(f64, Self::Number)]) -> Self::Number;

    /// `factor · a + shift`; an arithmetic that knows no ranges takes what is
    /// stored for them.
    fn rescale(&mut self, a: &Self::Number, factor: &Inexact, shift: &Inexact) -> Self::Number {
        let start = self.number(shift.stored);
        self.dot(&start, &[(factor.stored, a.clone())])
    }

    /// `max(0, a)`.
    fn relu(&mut self, a: &Self::Number) -> Self::Number {
        let zero = self.number(0.0);
        self.max(a, &zero)
    }
}

#[cfg(test)]
pub(crate) use rounded::Rounded;

/// The formats as a [`Arithmetic`], for tests of what is evaluated faster.
#[cfg(test)]
mod rounded {
    use std::cmp::Ordering;

    use super::Arithmetic;
    use crate::number::Real;

    /// A floating-point format: every operation is rounded, sums are taken from
    /// the first term to the last.
    #[derive(Clone, Copy, Debug, Default)]
    pub(crate) struct Rounded<T>(std::marker::PhantomData<T>);

    impl<T: Real> Arithmetic for Rounded<T> {
        type Number = T;

        fn number(&mut self, value: f64) -> T {
            T::from_f64(value)
        }

        fn minus(&mut self, a: &T, b: &T) -> T {
            *a - *b
        }

        fn max(&mut self, a: &T, b: &T) -> T {
            match a.partial_cmp(b) {
                Some(Ordering::Less) => *b,
                Some(_) => *a,
                None => *a + *b,
            }
        }

        fn min(&mut self, a: &T, b: &T) -> T {
            if b < a { *b } else { *a }
        }

        fn abs(&mut self, a: &T) -> T {
            a.abs()
        }

        fn sum(&mut self, terms: &[T]) -> T {
            terms.iter().fold(T::default(), |sum, &term| sum + term)
        }

        fn dot(&mut self, start: &T, terms: &[(f64, T)]) -> T {
            terms.iter().fold(*start, |sum, &(w, v)| sum + T::from_f64(w) * v)
        }
    }
}
