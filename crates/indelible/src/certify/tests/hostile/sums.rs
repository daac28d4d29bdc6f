//! Sums as a machine executes them.

use super::Random;

/// Arithmetic of a format with a fused operation.
pub(in crate::certify) trait Float:
    Copy + std::ops::Add<Output = Self> + std::ops::Mul<Output = Self> + PartialOrd
{
    fn of(x: f64) -> Self;
    fn value(self) -> f64;
    fn fused(self, b: Self, c: Self) -> Self;
}

impl Float for f32 {
    fn of(x: f64) -> Self {
        x as Self
    }
    fn value(self) -> f64 {
        self.into()
    }
    fn fused(self, b: Self, c: Self) -> Self {
        self.mul_add(b, c)
    }
}

impl Float for f64 {
    fn of(x: f64) -> Self {
        x
    }
    fn value(self) -> f64 {
        self
    }
    fn fused(self, b: Self, c: Self) -> Self {
        self.mul_add(b, c)
    }
}

/// Puts terms in any order.
pub(super) fn shuffle<T>(random: &mut Random, terms: &mut [T]) {
    for i in (1..terms.len()).rev() {
        terms.swap(i, random.below(i + 1));
    }
}

/// The sum of numbers and of products: pairs are added until one is left, or
/// terms one by one, fused where `style > 1`.
pub(in crate::certify) fn in_some_order<T: Float>(
    random: &mut Random,
    terms: Vec<(T, Option<T>)>,
    style: usize,
) -> T {
    let product = |(w, x): (T, Option<T>)| x.map_or(w, |x| w * x);
    if style == 0 {
        let mut parts: Vec<T> = terms.into_iter().map(product).collect();
        while parts.len() > 1 {
            let (a, b) = (parts.swap_remove(random.below(parts.len())), parts.swap_remove(0));
            parts.push(a + b);
        }
        return parts[0];
    }
    terms.into_iter().fold(T::of(0.0), |sum, (w, x)| match x {
        Some(x) if style > 1 => w.fused(x, sum),
        _ => sum + product((w, x)),
    })
}
