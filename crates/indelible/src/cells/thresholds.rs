//! Which thresholds of one feature tell most balls apart.

use super::balls::Ends;

/// A threshold and the share of pairs of balls that it newly separates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Choice {
    pub threshold: f64,
    pub gain: f64,
}

/// A threshold under consideration.
#[derive(Clone, Copy)]
struct Place {
    threshold: f64,
    /// Balls that end below, by at least half the room.
    below: usize,
    /// Balls that do not begin above.
    not_above: usize,
}

/// At most `most` thresholds for balls with these `ends`, greedily by the
/// pairs of balls that each newly separates, with `room` free around it.
/// Between neighbours already chosen a threshold is worth the balls that end
/// below it but not below its left neighbour, times those that begin above it
/// but not above its right one.
pub(super) fn choose(ends: &[Ends], room: f64, most: usize) -> Vec<Choice> {
    let count = ends.len();
    let mut lowers: Vec<f64> = ends.iter().map(|e| e.0).collect();
    let mut uppers: Vec<f64> = ends.iter().map(|e| e.1).collect();
    lowers.sort_unstable_by(f64::total_cmp);
    uppers.sort_unstable_by(f64::total_cmp);
    let places = places(&lowers, &uppers, room);
    let mut chosen: Vec<Place> = Vec::new();
    let mut choices = Vec::new();
    while choices.len() < most {
        let mut best: Option<(f64, Place)> = None;
        for place in &places {
            let next = chosen.partition_point(|c| c.threshold < place.threshold);
            let left = if next > 0 { chosen[next - 1].below } else { 0 };
            let right = chosen.get(next).map_or(count, |c| c.not_above);
            let gain = place.below.saturating_sub(left) as f64 * right.saturating_sub(place.not_above) as f64;
            if gain > best.map_or(0.0, |(most, _)| most) {
                best = Some((gain, *place));
            }
        }
        let Some((gain, place)) = best else { break };
        chosen.insert(chosen.partition_point(|c| c.threshold < place.threshold), place);
        choices.push(Choice { threshold: place.threshold, gain: gain / (count * count) as f64 });
    }
    choices
}

/// The middle of the free room above each upper end, where there is any.
fn places(lowers: &[f64], uppers: &[f64], room: f64) -> Vec<Place> {
    let mut places = Vec::new();
    for (position, &upper) in uppers.iter().enumerate() {
        if uppers.get(position + 1) == Some(&upper) {
            continue;
        }
        let Some(&above) = lowers.get(lowers.partition_point(|l| *l < upper + room)) else { break };
        let end = uppers.get(position + 1).map_or(above, |next| above.min(*next));
        let threshold = if end > upper { upper + 0.5 * (end - upper) } else { upper + 0.5 * room };
        let below = uppers.partition_point(|u| *u <= threshold - 0.5 * room);
        let not_above = lowers.partition_point(|l| *l < threshold + 0.5 * room);
        if below > 0 && not_above < lowers.len() {
            places.push(Place { threshold, below, not_above });
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_threshold_halves_two_heaps() {
        let ends: Vec<Ends> = [0.0, 0.1, 0.2, 5.0, 5.1].iter().map(|x| (x - 0.5, x + 0.5)).collect();
        let choices = choose(&ends, 0.01, 3);
        assert_eq!(choices.len(), 1);
        assert!((choices[0].threshold - 2.6).abs() < 1e-9 && (choices[0].gain - 6.0 / 25.0).abs() < 1e-12);
    }

    #[test]
    fn balls_that_overlap_have_no_threshold() {
        assert_eq!(choose(&[(0.0, 1.0), (0.5, 1.5), (0.9, 2.0)], 0.01, 4), vec![]);
        assert_eq!(choose(&[(1.0, 1.0)], 0.01, 4), vec![]);
    }
}
