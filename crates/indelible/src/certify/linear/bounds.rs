//! Bounds of every number of a network on one ball.

use super::sum::gamma;
use crate::{
    Precision,
    certify::{
        arithmetic::{Interval, magnitude, plus, scaled},
        program::{Affine, Hinge, Hinges, Rounding},
        together::Together,
    },
    number::{add_down, add_up, mul_up, sub_down, sub_up},
};

/// What is known of the numbers of a vector.
#[derive(Debug, Default)]
pub(in crate::certify) struct VectorBounds {
    /// Lower bounds, one per number.
    pub lower: Vec<f64>,
    /// Upper bounds.
    pub upper: Vec<f64>,
    /// How far a number, as executed and as followed back here, may lie from what
    /// its step says; none for numbers that are just that.
    pub loss: Vec<f64>,
    /// Of sums of a matrix, and of what is added to them, the terms that a runtime may
    /// add in any order.
    pub together: Option<Together>,
    /// At least the sum of sizes of what the step reads.
    pub reach: f64,
    /// Whether the box of these bounds is all there is to know: each number is
    /// one of the input, moved and scaled.
    pub is_box: bool,
}

impl VectorBounds {
    fn interval(&self, index: usize) -> Interval {
        Interval { lower: self.lower[index], upper: self.upper[index] }
    }

    /// The largest size of number `index`.
    pub fn size(&self, index: usize) -> f64 {
        magnitude(self.interval(index))
    }

    /// The terms of each number, where `affine` goes on with the sums of a matrix.
    fn terms_with(affine: &Affine<'_>, known: &[Self], sums_off: f64) -> Option<Together> {
        let read = || affine.parts.iter().filter_map(|(vector, _)| known.get(*vector));
        let roundings = read().filter_map(|known| Some(known.together.as_ref()?.roundings)).max()?;
        let mut sums = vec![[0.0; 3]; affine.biases.len()];
        for (vector, map) in &affine.parts {
            let known = known.get(*vector)?;
            let sizes = match &known.together {
                Some(together) => together.sizes.clone(),
                None => (0..known.lower.len()).map(|i| known.size(i)).collect(),
            };
            let none = vec![0.0; sizes.len()];
            map.add_sums([&none, &none, &sizes], &mut sums);
        }
        let sizes = sums.iter().zip(&affine.biases);
        let sizes = sizes.map(|([_, _, s], bias)| add_up(mul_up(*s, 1.0 + sums_off), bias.abs())).collect();
        Some(Together { sizes, roundings })
    }
}

/// Bounds of an affine map by intervals of what it reads; `None` where
/// something may overflow in some order.
pub(super) fn by_intervals(
    affine: &Affine<'_>,
    known: &[VectorBounds],
    precision: Precision,
) -> Option<VectorBounds> {
    let mut sums = vec![[0.0; 3]; affine.biases.len()];
    let mut bounds = VectorBounds { is_box: affine.parts.len() == 1, ..VectorBounds::default() };
    let mut read_sizes = vec![];
    for (vector, map) in &affine.parts {
        let known = known.get(*vector)?;
        let (mut middle, mut half, mut size) = (vec![], vec![], vec![]);
        for (&lower, &upper) in known.lower.iter().zip(&known.upper) {
            let center = lower / 2.0 + upper / 2.0;
            middle.push(center);
            half.push(sub_up(upper, center).max(sub_up(center, lower)));
            size.push(lower.abs().max(upper.abs()));
        }
        map.add_sums([&middle, &half, &size], &mut sums);
        bounds.reach = size.iter().fold(bounds.reach, |sum, s| add_up(sum, *s));
        bounds.is_box &= known.is_box && map.moves_numbers();
        read_sizes = size;
    }
    // Every product and every sum is rounded, at most, and underflows by at
    // most half the smallest number, which later roundings less than double.
    let roundings = match &affine.rounding {
        Rounding::None => 0,
        Rounding::Sums(roundings) => *roundings,
        Rounding::Rescaled(_) => 3,
    };
    let relative = mul_up(roundings as f64, precision.unit_roundoff());
    if relative > 0.25 {
        return None;
    }
    let relative = add_up(relative, mul_up(2.0, mul_up(relative, relative)));
    let smallest = if roundings > 0 { precision.smallest_subnormal() } else { 0.0 };
    let tiny = mul_up(4.0 * (roundings + 1) as f64, smallest);
    let together =
        if affine.elementwise { VectorBounds::terms_with(affine, known, gamma(affine.terms)) } else { None };
    let mut next = Together { sizes: vec![], roundings };
    if let Some(before) = &together {
        next.roundings += before.roundings + Together::MORE;
    }
    let ours = if affine.column > 0 { gamma(affine.column) } else { 0.0 };
    let sums_off = gamma(affine.terms);
    for (i, ([center, around, read], bias)) in sums.iter().zip(&affine.biases).enumerate() {
        // An upper bound of Σ|w||v| + |b|.
        let mut read = add_up(add_up(mul_up(*read, 1.0 + sums_off), bias.abs()), f64::MIN_POSITIVE);
        let mut error = 0.0;
        if let (Rounding::Rescaled(spreads), Some(size)) = (&affine.rounding, read_sizes.get(i)) {
            let [factor, shift] = spreads[i];
            error = add_up(mul_up(factor, *size), shift);
            read = add_up(read, error);
        }
        error = add_up(error, add_up(mul_up(read, relative), tiny));
        let size = match &together {
            None => add_up(read, Together::underflow(roundings, precision)),
            Some(before) => add_up(add_up(before.sizes[i], read), Together::underflow(roundings, precision)),
        };
        if together.is_some() && roundings > 0 {
            error = add_up(error, next.error(size, precision)?);
        }
        let largest = if together.is_some() { size } else { read };
        next.sizes.push(size);
        // Half of the largest number: no partial sum overflows either.
        let fits = add_up(largest, error) <= precision.largest() / 2.0;
        if !fits {
            return None;
        }
        // `|middle|` and `half` are at most twice the size.
        let off = add_up(add_up(error, mul_up(read, 4.0 * sums_off)), add_up(*around, f64::MIN_POSITIVE));
        bounds.lower.push(sub_down(add_down(*center, *bias), off));
        bounds.upper.push(add_up(add_up(*center, *bias), off));
        bounds.loss.push(add_up(error, mul_up(read, ours)));
    }
    let is_matrix = affine.parts.len() == 1 && matches!(affine.rounding, Rounding::Sums(_));
    bounds.together = (together.is_some() || is_matrix).then_some(next);
    Some(bounds)
}

/// Bounds of hinges; `None` where one may overflow.
pub(super) fn of_hinges(hinges: &Hinges, known: &VectorBounds, precision: Precision) -> Option<VectorBounds> {
    let mut bounds = VectorBounds::default();
    let mut lossless = true;
    for i in 0..known.lower.len() {
        let (hinge, z) = (hinges.at(i), known.interval(i));
        let mut image = image(&hinge, z);
        // The only product that is rounded is that on the left of the kink.
        let mut loss = 0.0;
        if ![0.0, 1.0, -1.0].contains(&hinge.left) && z.lower < hinge.kink {
            let size = mul_up(hinge.left.abs(), magnitude(z));
            loss = add_up(mul_up(size, precision.unit_roundoff()), precision.smallest_subnormal());
            image = image.widened(loss);
            lossless = false;
        }
        let fits = magnitude(image) <= precision.largest() / 2.0;
        if !fits {
            return None;
        }
        bounds.lower.push(image.lower);
        bounds.upper.push(image.upper);
        bounds.loss.push(loss);
    }
    if lossless {
        bounds.loss.clear();
    }
    Some(bounds)
}

/// All values of a hinge on an interval, rounded outward.
fn image(hinge: &Hinge, z: Interval) -> Interval {
    let at = |z: f64| {
        let slope = if z >= hinge.kink { hinge.right } else { hinge.left };
        match slope {
            0.0 => Interval::point(hinge.value),
            1.0 if hinge.value == hinge.kink => Interval::point(z),
            _ => plus(Interval::point(hinge.value), scaled(slope, Interval::difference(z, hinge.kink))),
        }
    };
    let ends = at(z.lower).hull(at(z.upper));
    if z.lower < hinge.kink && hinge.kink < z.upper { ends.hull(Interval::point(hinge.value)) } else { ends }
}
