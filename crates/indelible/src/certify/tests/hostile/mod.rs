//! Attacks on the engines: random networks full of numbers at the ends of their
//! format, executed in random orders of summation, fused or not, and in exact
//! arithmetic; what was claimed must hold each time.

mod curves;
mod graph;
mod graph_rows;
mod layers;
mod linear;
mod recurrence;
mod scaled;

use super::{Dyadic, Exact, Machine, Random, inside, rounds};
use crate::Precision;

/// The exponents of the smallest and the largest number, and the digits.
fn range(precision: Precision) -> (i32, i32, i32) {
    match precision {
        Precision::F32 => (-149, 127, 24),
        Precision::F64 => (-1074, 1023, 53),
    }
}

fn power_of_two(exponent: i32) -> f64 {
    2f64.powi(exponent / 2) * 2f64.powi(exponent - exponent / 2)
}

/// Where the sizes of a network's numbers lie.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Sizes {
    Plain,
    /// Products near the smallest number.
    Underflow,
    /// Some near the largest.
    Overflow,
    Anywhere,
    /// Plain, a few anywhere.
    Mixed,
}

const SIZES: [Sizes; 5] = [Sizes::Plain, Sizes::Underflow, Sizes::Overflow, Sizes::Anywhere, Sizes::Mixed];

fn number(random: &mut Random, sizes: Sizes, precision: Precision) -> f64 {
    let (smallest, largest, digits) = range(precision);
    let bits = match random.below(4) {
        few @ 0..3 => few as i32 + 1,
        _ => 1 + random.below(digits as usize) as i32,
    };
    let mantissa = 1 + random.below(1 << bits.min(50));
    let plain = random.below(3) as i32 - bits;
    let anywhere = smallest + random.below((largest - smallest) as usize) as i32 - bits;
    let exponent = match sizes {
        Sizes::Plain => plain,
        Sizes::Underflow => smallest / 2 - 2 + random.below(4) as i32,
        Sizes::Overflow if random.below(2) == 0 => largest - bits - random.below(5) as i32,
        Sizes::Anywhere => anywhere,
        Sizes::Mixed if random.below(4) == 0 => anywhere,
        Sizes::Overflow | Sizes::Mixed => plain,
    };
    let value = precision.round(mantissa as f64 * power_of_two(exponent)).min(precision.largest());
    if random.below(2) == 0 { -value } else { value }
}
