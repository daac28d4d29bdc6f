//! Sums of powers on any processor.

use crate::separation::{
    kernel::reals::{CHUNK, LANES, Stretch, decode},
    power::Exponent,
};

/// See [`super::add_powers`].
#[inline(always)]
pub(super) fn add_powers(
    exponent: &Exponent,
    factors: [f64; 2],
    a: Stretch,
    b: Stretch,
    count: usize,
    lanes: &mut [f64; LANES],
) {
    let (mut x, mut y) = ([0.0; CHUNK], [0.0; CHUNK]);
    decode(a, &mut x[..count]);
    decode(b, &mut y[..count]);
    for (x, y) in x.as_chunks::<LANES>().0.iter().zip(y.as_chunks::<LANES>().0) {
        let powers = exponent
            .raise(std::array::from_fn::<_, LANES, _>(|k| (x[k] - y[k]).abs() * factors[0] * factors[1]));
        for (lane, power) in lanes.iter_mut().zip(powers) {
            *lane += power;
        }
    }
}
