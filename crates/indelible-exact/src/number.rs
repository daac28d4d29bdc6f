//! Binary64 numbers and integers of any size, without rounding or with rounding
//! to a known side.

use dashu_int::{IBig, ops::BitTest};

/// `x = m 2^e` with an odd `m`, or `(0, 0)`; `x` is finite.
pub(crate) fn dyadic(x: f64) -> (i64, i64) {
    let bits = x.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    let biased = (bits >> 52) & 0x7ff;
    let (mantissa, exponent) = match biased {
        0 => (fraction, -1074),
        _ => (fraction | (1 << 52), biased.cast_signed() - 1075),
    };
    if mantissa == 0 {
        return (0, 0);
    }
    let zeros = mantissa.trailing_zeros();
    let odd = (mantissa >> zeros).cast_signed();
    (if x < 0.0 { -odd } else { odd }, exponent + i64::from(zeros))
}

/// `v 2^e`, rounded down to an integer.
pub(crate) fn scaled_down(v: &IBig, exponent: i64) -> IBig {
    let by = usize::try_from(exponent.unsigned_abs()).unwrap_or(usize::MAX);
    if exponent >= 0 { v << by } else { floor_halved(v, by) }
}

/// `v 2^e`, rounded up to an integer.
pub(crate) fn scaled_up(v: &IBig, exponent: i64) -> IBig {
    if exponent >= 0 { scaled_down(v, exponent) } else { -scaled_down(&-v, exponent) }
}

/// `⌊v / 2^by⌋`.
fn floor_halved(v: &IBig, by: usize) -> IBig {
    if *v >= IBig::ZERO {
        return v >> by;
    }
    // ⌊v/d⌋ = −⌈|v|/d⌉ = −⌊(|v| + d − 1)/d⌋.
    let size = -v + power(by) - IBig::ONE;
    -(size >> by)
}

/// `2^by`.
pub(crate) fn power(by: usize) -> IBig {
    IBig::ONE << by
}

/// Bits of `|v|`; 0 of 0.
pub(crate) fn bits(v: &IBig) -> usize {
    if *v < IBig::ZERO { (-v).bit_len() } else { v.bit_len() }
}

/// A binary64 number not above `v`, for numbers too large for the format some
/// power of two below, or −∞.
pub(crate) fn float_down(v: &IBig) -> f64 {
    const LARGEST: usize = 1000;
    let length = bits(v);
    if length > LARGEST {
        return if *v > IBig::ZERO { 2.0_f64.powi(999) } else { f64::NEG_INFINITY };
    }
    let shift = length.saturating_sub(53);
    let top = floor_halved(v, shift);
    // At most 2^53 in size: exact.
    let top = i64::try_from(&top).map_or(f64::NEG_INFINITY, |top| top as f64);
    top * 2.0_f64.powi(i32::try_from(shift).unwrap_or(i32::MAX))
}

/// A binary64 number not below `v`.
pub(crate) fn float_up(v: &IBig) -> f64 {
    -float_down(&-v)
}

/// The count as an integer of any size.
pub(crate) fn big(count: usize) -> IBig {
    IBig::from(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_taken_apart_exactly() {
        for x in [0.0, 1.0, -1.5, 0.1, f64::MIN_POSITIVE, 5e-324, -f64::MAX, 3e10] {
            let (m, e) = dyadic(x);
            assert!(m == 0 || m % 2 != 0);
            let half = i32::try_from(e / 2).unwrap();
            let rest = i32::try_from(e - e / 2).unwrap();
            assert_eq!(m as f64 * 2.0_f64.powi(half) * 2.0_f64.powi(rest), x);
        }
    }

    #[test]
    fn rounding_goes_to_its_side() {
        for v in -9_i64..=9 {
            let big = IBig::from(v);
            assert_eq!(scaled_down(&big, -2), IBig::from(v.div_euclid(4)));
            assert_eq!(scaled_up(&big, -2), IBig::from((v + 3).div_euclid(4)));
            assert_eq!(scaled_up(&big, 3), IBig::from(8 * v));
            assert_eq!(float_down(&big), v as f64);
        }
        let v = power(60) + IBig::ONE;
        assert!(float_down(&v) <= 2.0_f64.powi(60) && float_up(&v) > 2.0_f64.powi(60));
        assert!(float_down(&-&v) < -(2.0_f64.powi(60)));
        assert!(float_up(&power(2000)).is_infinite() && float_down(&power(2000)).is_finite());
    }
}
