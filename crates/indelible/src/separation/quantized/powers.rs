//! Powers of differences of codes, bounded from below in bytes, so that many are
//! summed at a time.

use crate::{
    isa::Isa,
    number::powers::LIBRARY_ERROR as SLACK,
    separation::kernel::{
        rows,
        sums::{HINGES, Term},
    },
};

/// At most `top·(|difference|/typical)^p`, and at most 255.
pub(in crate::separation) struct Powers {
    bytes: Bytes,
    top: f64,
    typical: f64,
    p: f64,
}

/// How a byte is made of a difference.
enum Bytes {
    /// The largest, for each.
    Table(Box<[u8; 256]>),
    /// `Σ_k max(0, difference − starts[k])`: tangents of the curve with slopes 1, 2, …
    Hinges([u8; HINGES]),
}

impl Powers {
    /// Powers with exponent `p` that tell differences up to `typical` apart, in the form
    /// that these instructions are fast at.
    pub(super) fn new(p: f64, typical: f64, isa: Isa) -> Self {
        match isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512Bytes => Self::table(p, typical),
            _ => Self::hinges(p, typical),
        }
    }

    #[cfg_attr(
        not(any(target_arch = "x86_64", test)),
        expect(dead_code, reason = "only instructions of x86 look up bytes fast")
    )]
    fn table(p: f64, typical: f64) -> Self {
        let top = 255.0;
        // Entries are lower bounds, whatever the mathematical library rounds to; the
        // cast rounds down, too, and saturates.
        let entry = |k: usize| (top * (k as f64 / typical).powf(p) * (1.0 - SLACK)) as u8;
        Self { bytes: Bytes::Table(Box::new(std::array::from_fn(entry))), top, typical, p }
    }

    fn hinges(p: f64, typical: f64) -> Self {
        // The largest slope is that of the curve at the typical difference.
        let top = (HINGES as f64 * typical / p).min(255.0);
        let (mut starts, mut total) = ([u8::MAX; HINGES], 0.0);
        for k in 0..HINGES {
            // The tangent with slope s touches at x and lies (p − 1)·top·x^p lower at 0. The
            // largest of the first tangents is the sum of hinges that start where one
            // crosses the next.
            let slope = (k + 1) as f64;
            let x = (slope * typical / (top * p)).powf(1.0 / (p - 1.0)) * (1.0 + SLACK);
            let below = (p - 1.0) * top * x.powf(p) * (1.0 + SLACK);
            let start = (below - total).ceil().max(if k == 0 { 0.0 } else { f64::from(starts[k - 1]) });
            // Not a number where the powers overflowed: none.
            if start.is_nan() || start >= 255.0 {
                break;
            }
            starts[k] = start as u8;
            total += start;
        }
        Self { bytes: Bytes::Hinges(starts), top, typical, p }
    }

    /// What kernels sum.
    pub(in crate::separation) fn term(&self) -> Term<'_> {
        match &self.bytes {
            Bytes::Table(entries) => Term::Entry(entries),
            Bytes::Hinges(starts) => Term::Hinges(starts),
        }
    }

    /// The sum of bytes for the codes of two samples.
    pub(super) fn between(&self, isa: Isa, a: &[u8], b: &[u8]) -> u32 {
        match &self.bytes {
            Bytes::Table(entries) => {
                a.iter().zip(b).map(|(&a, &b)| u32::from(entries[usize::from(a.abs_diff(b))])).sum()
            }
            Bytes::Hinges(starts) => rows::hinges(isa, starts, a, b),
        }
    }

    /// The number whose sum of `p`-th powers has this sum of bytes or a larger one.
    pub(super) fn root(&self, sum: f64) -> f64 {
        (sum / self.top).powf(1.0 / self.p) * self.typical * (1.0 - SLACK)
    }

    /// The sum of bytes that is not reached where the sum of powers is at most that of
    /// this number.
    pub(super) fn sum(&self, length: f64) -> f64 {
        self.top * (length / self.typical).powf(self.p) * (1.0 + SLACK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bytes_are_lower_bounds_and_not_much_lower(p in prop_oneof![Just(1.5), Just(3.0), 1.01f64..40.0], typical in 1u32..=255) {
            let typical = f64::from(typical);
            for powers in [Powers::table(p, typical), Powers::hinges(p, typical)] {
                for gap in 0..=255u8 {
                    let power = powers.top * (f64::from(gap) / typical).powf(p);
                    let byte = f64::from(powers.between(Isa::best(), &[gap], &[0]));
                    prop_assert!(byte <= power * (1.0 + 1e-12), "{} of {}", byte, power);
                }
            }
            let hinges = Powers::hinges(p, typical);
            let (largest, top) = (f64::from(hinges.between(Isa::best(), &[0], &[typical as u8])), hinges.top);
            prop_assert!(p > 6.0 || typical < 40.0 || largest >= 0.8 * top - 2.0, "{} of {}", largest, top);
        }
    }
}
