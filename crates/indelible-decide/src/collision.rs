//! Collisions: two balls that a narrow first layer cannot tell apart.
//!
//! If points `x`, `x'` of two balls with different labels satisfy
//! `W₁(x − x') = 0`, every later layer sees the same numbers and the network
//! gives both the same label: one is wrong (Kim, Moon & Yun, NeurIPS 2025,
//! after Yu, Gao & Zhang, ICLR 2024, Theorem 4.6). For a pair of samples with
//! difference `d` such points exist exactly when some `e` with
//! `‖e‖ ≤ 2μ` has `W₁ e = W₁ d`: a linear program for the sup norm and the
//! 1-norm, a projection for the Euclidean norm. With `e` found,
//! `x = x_i − e/2` and `x' = x_j + e/2`.
//!
//! The search runs in binary64 and may be wrong; its result may not. A pair is
//! reported only after both points were seen to lie in their balls, exactly,
//! and the network, evaluated in its own format, got one of them wrong.
//! Pairs that exist only with more than `1 − 10⁻⁶` of the radius, and null
//! spaces thinner than `10⁻¹⁰` of a row, may be missed.

use indelible::{
    Dataset, Error as LibraryError, Norm, Precision, Progress,
    network::{Network, evaluate, predicted_class},
};

use crate::{
    Error,
    ball::RationalBall,
    rational::{all_exact, exact},
    row_space::RowSpace,
};

/// Part of the radius that the search uses; the rest absorbs rounding.
const SHARE: f64 = 1.0 - 1e-6;

/// Two points of balls with different labels that the first layer maps to
/// (nearly) the same values, one of them misclassified: the network is refuted.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Collision {
    /// The two samples.
    pub samples: [usize; 2],
    /// A point of the ball of each, in numbers of the network's format.
    pub points: [Vec<f64>; 2],
    /// The class that the network gives each, `None` for NaN.
    pub predicted: [Option<usize>; 2],
    /// Which of the two, 0 or 1, is misclassified.
    pub wrong: usize,
}

/// Looks for a [`Collision`] on the closed balls of `radius` in `norm`.
///
/// `classes[c]` is the class of the network that class `c` of the data is,
/// `count` where the network has none for it, and `count` the number of
/// classes of the network.
///
/// # Errors
/// When the norm is none of `linf`, `l1` and `l2`, the radius is negative or no
/// number, the data do not fit the network, or the network has no layer or no
/// output.
pub fn find_collision(
    network: &dyn Network,
    data: &Dataset,
    classes: &[usize],
    count: usize,
    norm: Norm,
    radius: f64,
    progress: &dyn Progress,
) -> Result<Option<Collision>, Error> {
    if !(radius.is_finite() && radius >= 0.0) {
        return Err(LibraryError::BadRadius { given: radius }.into());
    }
    if let Norm::Lp(_) = norm {
        let supported = "linf, l1, l2".to_owned();
        return Err(LibraryError::NormNotSupported { construction: "refute", supported, norm }.into());
    }
    if network.inputs() != data.features() {
        return Err(LibraryError::InputWidth { expected: network.inputs(), given: data.features() }.into());
    }
    if classes.len() != data.classes() {
        return Err(LibraryError::ClassMap { classes: data.classes(), given: classes.len() }.into());
    }
    if network.depth() == 0 || network.outputs() == 0 {
        let (depth, outputs) = (network.depth(), network.outputs());
        let what = format!("depth {depth} and {outputs} outputs; expected at least one of each");
        return Err(Error::BadNetwork(what));
    }
    let space = RowSpace::of(&network.layer(0));
    let rows: Vec<Vec<f64>> = (0..data.samples()).map(|i| data.row(i)).collect();
    let images: Vec<Vec<f64>> = rows.iter().map(|x| space.image(x)).collect();
    let labels = data.labels();
    progress.begin("refute", data.samples() as u64);
    for i in 0..rows.len() {
        for j in (0..i).filter(|&j| labels[i] != labels[j]) {
            let target: Vec<f64> = images[i].iter().zip(&images[j]).map(|(a, b)| a - b).collect();
            let Some(bridge) = space.preimage(&target, norm, 2.0 * radius * SHARE) else { continue };
            let half = |sign: f64, x: &[f64]| -> Vec<f64> {
                x.iter().zip(&bridge).map(|(x, e)| x + sign * e / 2.0).collect()
            };
            let points = [half(-1.0, &rows[i]), half(1.0, &rows[j])];
            let Some(points) = inside(points, [&rows[i], &rows[j]], network.precision(), norm, radius) else {
                continue;
            };
            let outputs = evaluate(network, &points.concat())?;
            let (first, second) = outputs.split_at(outputs.len() / 2);
            let predicted = [first, second].map(|row| predicted_class(row, count));
            if let Some(wrong) = (0..2).find(|&k| predicted[k] != Some(classes[labels[[i, j][k]]])) {
                progress.end();
                return Ok(Some(Collision { samples: [i, j], points, predicted, wrong }));
            }
        }
        progress.advance(1);
    }
    progress.end();
    Ok(None)
}

/// The points in numbers of the network's format, moved into their balls where
/// rounding left them; `None` where that does not succeed.
fn inside(
    mut points: [Vec<f64>; 2],
    centres: [&[f64]; 2],
    precision: Precision,
    norm: Norm,
    radius: f64,
) -> Option<[Vec<f64>; 2]> {
    for (point, centre) in points.iter_mut().zip(centres) {
        for (x, &c) in point.iter_mut().zip(centre) {
            let rounded = precision.round(*x);
            // Rounding towards the centre where rounding to nearest would go
            // away from it: no distance grows.
            *x = if (rounded - c).abs() <= (*x - c).abs() {
                rounded
            } else if *x > c {
                precision.round_down(*x)
            } else {
                precision.round_up(*x)
            };
            if !x.is_finite() {
                return None;
            }
        }
        let ball = RationalBall { centre: &all_exact(centre), radius: &exact(radius), norm };
        if !ball.contains(&all_exact(point)) {
            return None;
        }
    }
    Some(points)
}
