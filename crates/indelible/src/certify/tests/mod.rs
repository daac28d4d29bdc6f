//! Attacks on what is certified, far from what the constructions make.
//!
//! `INDELIBLE_FUZZ` multiplies the number of networks.

mod altered;
mod dyadic;
mod edges;
mod enumeration;
mod hostile;
mod images;
mod machine;
mod nearest;
mod orders;

use self::dyadic::{Dyadic, Exact};
pub(super) use self::machine::Machine;
use crate::{Norm, number::random::Random};

/// How often a test tries.
fn rounds(usual: usize) -> usize {
    std::env::var("INDELIBLE_FUZZ")
        .ok()
        .and_then(|s| s.parse().ok())
        .map_or(usual, |more: usize| usual * more)
}

/// Whether a point lies in the closed ball, exactly. Roots are rounded: where
/// the exponent is no integer, a little is left to be sure.
fn inside(x: &[f64], center: &[f64], radius: f64, norm: Norm) -> bool {
    let differences = x.iter().zip(center).map(|(&a, &b)| Dyadic::of(a).minus(&Dyadic::of(b)).abs());
    let p = match norm {
        Norm::L1 => 1,
        Norm::L2 => 2,
        Norm::Lp(p) if p.fract() != 0.0 => {
            let shares = x.iter().zip(center).map(|(a, b)| ((a - b).abs() / radius).powf(p));
            return radius > 1e-250 && shares.sum::<f64>() <= 1.0 - 1e-13;
        }
        Norm::Lp(p) => p as usize,
        Norm::Linf => return differences.into_iter().all(|d| d <= Dyadic::of(radius)),
    };
    let power = |d: &Dyadic| (1..p).fold(d.clone(), |product, _| product.times(d));
    let sum = differences.fold(Dyadic::of(0.0), |sum, d| sum.plus(&power(&d)));
    sum <= power(&Dyadic::of(radius))
}
