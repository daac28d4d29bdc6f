//! Decimal numbers as exact rationals, and rationals as floating-point numbers
//! rounded outward.

use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;
use indelible::number::Enclosure;

/// Digits and powers of ten of a number, at most: more than twice what any
/// binary64 number has. It bounds the memory that a few characters can ask for.
const MOST_DIGITS: usize = 2400;

/// The value of a decimal number: digits with at most one point, a sign, an
/// exponent. `None` for any other text, and for more than [`MOST_DIGITS`] digits.
pub(crate) fn parse(text: &str) -> Option<RBig> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let negative = text.starts_with('-');
    let (digits, exponent) = match unsigned.split_once(['e', 'E']) {
        None => (unsigned, 0),
        Some((digits, exponent)) => {
            let size = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
            if size.is_empty() || !size.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            (digits, exponent.parse::<i64>().ok()?)
        }
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = whole.len() + fraction.len();
    let plain = whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit());
    if all == 0 || !plain || all > MOST_DIGITS {
        return None;
    }
    let mantissa: IBig = format!("{whole}{fraction}").parse().ok()?;
    let power = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?;
    let size = usize::try_from(power.unsigned_abs()).ok().filter(|size| *size <= MOST_DIGITS)?;
    let ten = UBig::from(10u8).pow(size);
    let value =
        if power >= 0 { RBig::from(mantissa * IBig::from(ten)) } else { RBig::from_parts(mantissa, ten) };
    Some(if negative { -value } else { value })
}

/// The exact value of a finite float.
pub(crate) fn exact(value: f64) -> Option<RBig> {
    RBig::try_from(value).ok()
}

/// The largest binary64 number not above `value`; `−∞` below all.
pub(crate) fn down(value: &RBig) -> f64 {
    let mut near = value.to_f64().value();
    if near == f64::INFINITY {
        near = f64::MAX;
    }
    while exact(near).is_some_and(|near| near > *value) {
        near = near.next_down();
    }
    near
}

/// The smallest binary64 number not below `value`; `∞` above all.
pub(crate) fn up(value: &RBig) -> f64 {
    -down(&-value.clone())
}

/// Both.
pub(crate) fn enclosure(value: &RBig) -> Enclosure {
    Enclosure { lower: down(value), upper: up(value) }
}

/// The decimal expansion of `value` when it ends, with a point, and without an
/// exponent, as both versions of the format have it; `None` where it does not
/// end.
pub(crate) fn decimal(value: &RBig) -> Option<String> {
    // The denominator of a number that ends divides a power of ten.
    let mut rest = value.denominator().clone();
    let (mut twos, mut fives) = (0usize, 0usize);
    let one = UBig::ONE;
    while rest != one {
        if (&rest % UBig::from(2u8)).is_zero() {
            rest /= UBig::from(2u8);
            twos += 1;
        } else if (&rest % UBig::from(5u8)).is_zero() {
            rest /= UBig::from(5u8);
            fives += 1;
        } else {
            return None;
        }
    }
    let places = twos.max(fives);
    let scaled = value.numerator() * IBig::from(UBig::from(10u8).pow(places))
        / IBig::from(value.denominator().clone());
    let (sign, digits) = match scaled.to_string().strip_prefix('-') {
        Some(digits) => ("-", digits.to_owned()),
        None => ("", scaled.to_string()),
    };
    let padded = format!("{digits:0>width$}", width = places + 1);
    let (whole, fraction) = padded.split_at_checked(padded.len() - places)?;
    Some(format!("{sign}{whole}.{}", if fraction.is_empty() { "0" } else { fraction }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decimals_are_exact() {
        let tenth = RBig::from_parts(1.into(), 10u8.into());
        for text in ["0.1", "+0.1", ".1", "1e-1", "0.01E+1", "10e-2", "0000.1000"] {
            assert_eq!(parse(text), Some(tenth.clone()), "{text}");
        }
        assert_eq!(parse("-1."), Some(RBig::from(-1)));
        for text in [
            "",
            "-",
            ".",
            "e5",
            "1e",
            "1e+",
            "1e1.5",
            "0x1",
            "1_0",
            "inf",
            "nan",
            "--1",
            "1e-+1",
            "1e99999999999999999999",
            "1e2401",
            "1 ",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse(&"1".repeat(MOST_DIGITS + 1)), None);
    }

    #[test]
    fn beyond_the_format_is_infinite_outward() {
        let huge = parse("1e400").unwrap();
        assert_eq!((down(&huge), up(&huge)), (f64::MAX, f64::INFINITY));
        let tiny = parse("-1e-400").unwrap();
        assert_eq!((down(&tiny), up(&tiny)), (-f64::from_bits(1), 0.0));
    }

    proptest! {
        #[test]
        fn floats_survive_as_decimals(bits in any::<u64>()) {
            let x = f64::from_bits(bits);
            prop_assume!(x.is_finite());
            let value = exact(x).unwrap();
            prop_assert_eq!((down(&value), up(&value)), (x + 0.0, x + 0.0));
            prop_assert_eq!(parse(&decimal(&value).unwrap()), Some(value.clone()));
            prop_assert_eq!(parse(&format!("{x:e}")).map(|v| v.to_f64().value()), Some(x + 0.0));
        }

        #[test]
        fn rounding_is_outward_and_tight(n in any::<i64>(), d in 1u64..) {
            let value = RBig::from_parts(n.into(), d.into());
            let (lower, upper) = (down(&value), up(&value));
            prop_assert!(exact(lower).unwrap() <= value && value <= exact(upper).unwrap());
            prop_assert!(upper == lower || upper == lower.next_up());
        }
    }
}
