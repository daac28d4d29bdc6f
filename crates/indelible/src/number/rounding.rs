//! Sums, products, quotients and roots in binary64, rounded to a known side.

/// The error term of `a + b`: the exact sum is `s + e` with `s = fl(a + b)`.
///
/// Knuth's two-sum. Exact for all finite operands whose sum does not overflow.
#[inline]
#[must_use]
pub fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let s = a + b;
    let bb = s - a;
    (s, (a - (s - bb)) + (b - bb))
}

/// `a + b`, not above the exact sum.
#[inline]
#[must_use]
pub fn add_down(a: f64, b: f64) -> f64 {
    let (s, e) = two_sum(a, b);
    if e >= 0.0 || !(a.is_finite() && b.is_finite()) { s } else { s.next_down() }
}

/// `a + b`, not below the exact sum.
#[inline]
#[must_use]
pub fn add_up(a: f64, b: f64) -> f64 {
    let (s, e) = two_sum(a, b);
    if e <= 0.0 || !(a.is_finite() && b.is_finite()) { s } else { s.next_up() }
}

/// `a - b`, not above the exact difference.
#[inline]
#[must_use]
pub fn sub_down(a: f64, b: f64) -> f64 {
    add_down(a, -b)
}

/// `a - b`, not below the exact difference.
#[inline]
#[must_use]
pub fn sub_up(a: f64, b: f64) -> f64 {
    add_up(a, -b)
}

/// Products below this size may lose bits to underflow, so that their error
/// term is not a binary64 number.
const SAFE_PRODUCT: f64 = 1e-270;

/// Sign of the rounding error of `p = fl(a·b)`: `Some(exact − p)` up to
/// rounding, with the right sign, or `None` where it cannot be told.
#[inline]
fn product_error(a: f64, b: f64, p: f64) -> Option<f64> {
    if a == 0.0 || b == 0.0 {
        Some(0.0)
    } else if p.is_finite() && p.abs() >= SAFE_PRODUCT {
        Some(a.mul_add(b, -p))
    } else {
        None
    }
}

/// `a · b`, not above the exact product.
#[inline]
#[must_use]
pub fn mul_down(a: f64, b: f64) -> f64 {
    let p = a * b;
    match product_error(a, b, p) {
        Some(e) if e >= 0.0 => p,
        _ if !(a.is_finite() && b.is_finite()) => p,
        _ => p.next_down(),
    }
}

/// `a · b`, not below the exact product.
#[inline]
#[must_use]
pub fn mul_up(a: f64, b: f64) -> f64 {
    -mul_down(-a, b)
}

/// `a / b`, not above the exact quotient (`b` finite and not zero).
#[inline]
#[must_use]
pub fn div_down(a: f64, b: f64) -> f64 {
    let q = a / b;
    if a == 0.0 || a.is_infinite() {
        return q;
    }
    // The residual q·b − a says on which side of the quotient q lies.
    match product_error(q, b, a) {
        Some(e) if q != 0.0 && (e == 0.0 || (e < 0.0) == (b > 0.0)) => q,
        _ => q.next_down(),
    }
}

/// `a / b`, not below the exact quotient (`b` finite and not zero).
#[inline]
#[must_use]
pub fn div_up(a: f64, b: f64) -> f64 {
    -div_down(-a, b)
}

/// `√a`, not above the exact root (`a ≥ 0`).
#[inline]
#[must_use]
pub fn sqrt_down(a: f64) -> f64 {
    let r = a.sqrt();
    if a == 0.0 || a.is_infinite() || product_error(r, r, a) == Some(0.0) { r } else { r.next_down() }
}

/// `√a`, not below the exact root (`a ≥ 0`).
#[inline]
#[must_use]
pub fn sqrt_up(a: f64) -> f64 {
    let r = a.sqrt();
    if a == 0.0 || a.is_infinite() || product_error(r, r, a) == Some(0.0) { r } else { r.next_up() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_finite() -> impl Strategy<Value = f64> {
        any::<f64>().prop_filter("finite", |x| x.is_finite())
    }

    proptest! {
        #[test]
        fn sums_are_enclosed_and_tight(a in any_finite(), b in any_finite()) {
            let (lo, hi) = (add_down(a, b), add_up(a, b));
            prop_assert!(lo <= a + b && a + b <= hi);
            prop_assert!(lo == hi || lo.next_up() == hi || !(a + b).is_finite());
            let (s, e) = two_sum(a, b);
            if s.is_finite() {
                prop_assert_eq!(lo < s, e < 0.0);
                prop_assert_eq!(hi > s, e > 0.0);
            }
        }

        #[test]
        fn products_of_singles_are_exact(a in any::<f32>(), b in any::<f32>()) {
            prop_assume!(a.is_finite() && b.is_finite());
            let (a, b) = (f64::from(a), f64::from(b));
            prop_assume!((a * b).abs() > SAFE_PRODUCT || a * b == 0.0);
            prop_assert_eq!(mul_down(a, b), a * b);
            prop_assert_eq!(mul_up(a, b), a * b);
        }

        #[test]
        fn quotients_and_roots_are_enclosed(a in any_finite(), b in any_finite()) {
            prop_assume!(b != 0.0);
            let (lo, hi) = (div_down(a, b), div_up(a, b));
            prop_assert!(lo <= hi);
            if hi.is_finite() && lo.is_finite() && b.abs() > 1e-200 && b.abs() < 1e200 && a.abs() > 1e-200 && lo != 0.0 {
                // lo·|b| ≤ |a|-side and hi on the other, checked with outward products.
                let (p, q) = if b > 0.0 { (mul_down(lo, b), mul_up(hi, b)) } else { (mul_down(hi, b), mul_up(lo, b)) };
                prop_assert!(p <= a && a <= q);
            }
            let x = a.abs();
            let (lo, hi) = (sqrt_down(x), sqrt_up(x));
            prop_assert!(mul_down(lo, lo) <= x && x <= mul_up(hi, hi));
        }
    }

    #[test]
    fn underflow_and_overflow_stay_outside() {
        let tiny = f64::from_bits(1);
        assert_eq!(mul_down(tiny, 0.5), -tiny);
        assert_eq!(mul_up(tiny, 0.5), tiny);
        assert_eq!(add_down(f64::MAX, f64::MAX), f64::MAX);
        assert_eq!(add_up(f64::MAX, f64::MAX), f64::INFINITY);
        assert_eq!(add_up(-f64::MAX, -f64::MAX), -f64::MAX);
        assert_eq!(add_up(0.1, 0.2), 0.1_f64 + 0.2);
        assert_eq!(add_down(0.1, 0.2), (0.1_f64 + 0.2).next_down());
    }
}
