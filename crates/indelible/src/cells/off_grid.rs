//! Constraints off the grid, for balls that its thresholds cannot tell apart.

use crate::network::{Constraint, Side};
use crate::number::{add_up, sub_down};

use super::balls::{Balls, excludes};

/// Constraints that the ball of `seed` satisfies and of which every one of
/// `enemies` violates one by `slack` or more: greedily the feature and side
/// that exclude most, each threshold as far from the seed's ball as it may be
/// while it excludes the same. `None` when some enemy cannot be excluded.
///
/// Time: O(n) per enemy, twice.
pub(super) fn separate(
    balls: &Balls<'_>,
    seed: usize,
    mut enemies: Vec<usize>,
    slack: f64,
) -> Option<Vec<Constraint>> {
    let n = balls.data.features();
    let tight: Vec<[Option<Constraint>; 2]> = (0..n)
        .map(|feature| {
            let (lower, upper) = balls.tight(balls.ends(seed, feature));
            let constraint = |side, threshold: f64| {
                threshold.is_finite().then_some(Constraint { feature, side, threshold })
            };
            [constraint(Side::AtLeast, lower), constraint(Side::AtMost, upper)]
        })
        .collect();
    let mut counts = vec![0usize; 2 * n];
    let each = |enemy: usize, act: &mut dyn FnMut(usize)| {
        for (f, sides) in tight.iter().enumerate() {
            let ends = balls.ends(enemy, f);
            for (side, constraint) in sides.iter().enumerate() {
                if constraint.is_some_and(|c| excludes(&c, ends, slack)) {
                    act(2 * f + side);
                }
            }
        }
    };
    for &enemy in &enemies {
        each(enemy, &mut |place| counts[place] += 1);
    }
    let mut constraints = Vec::new();
    while !enemies.is_empty() {
        let (place, count) = counts
            .iter()
            .enumerate()
            .fold((0, 0), |best, (place, &count)| if count > best.1 { (place, count) } else { best });
        let tight = (count > 0).then(|| tight[place / 2][place % 2]).flatten()?;
        let excluded = |enemy: &usize| excludes(&tight, balls.ends(*enemy, tight.feature), slack);
        let (gone, left): (Vec<usize>, Vec<usize>) = enemies.into_iter().partition(excluded);
        for &enemy in &gone {
            each(enemy, &mut |place| counts[place] -= 1);
        }
        constraints.push(loosened(balls, tight, &gone, slack));
        enemies = left;
    }
    Some(constraints)
}

/// The constraint with its threshold as far out as it may be while `excluded`
/// still violate it by `slack`.
fn loosened(balls: &Balls<'_>, tight: Constraint, excluded: &[usize], slack: f64) -> Constraint {
    let ends = excluded.iter().map(|&enemy| balls.ends(enemy, tight.feature));
    let threshold = match tight.side {
        Side::AtLeast => {
            let farthest = ends.map(|e| e.1).fold(f64::NEG_INFINITY, f64::max);
            balls.precision.round_up(add_up(farthest, slack)).min(tight.threshold)
        }
        Side::AtMost => {
            let farthest = ends.map(|e| e.0).fold(f64::INFINITY, f64::min);
            balls.precision.round_down(sub_down(farthest, slack)).max(tight.threshold)
        }
    };
    Constraint { threshold, ..tight }
}

/// The largest slack, a number of the format, that separates the ball of
/// `seed` from every one of `enemies` in some feature: the smallest, over
/// them, of the largest violation of a tight constraint.
pub(super) fn largest_slack(balls: &Balls<'_>, seed: usize, enemies: &[usize]) -> f64 {
    let tight: Vec<(f64, f64)> =
        (0..balls.data.features()).map(|f| balls.tight(balls.ends(seed, f))).collect();
    let mut smallest = f64::INFINITY;
    for &enemy in enemies {
        let mut largest = f64::NEG_INFINITY;
        for (f, (lower, upper)) in tight.iter().enumerate() {
            let ends = balls.ends(enemy, f);
            if lower.is_finite() {
                largest = largest.max(sub_down(*lower, ends.1));
            }
            if upper.is_finite() {
                largest = largest.max(sub_down(ends.0, *upper));
            }
            if largest >= smallest {
                break;
            }
        }
        smallest = smallest.min(largest);
    }
    balls.precision.round_down(smallest)
}
