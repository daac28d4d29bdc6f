//! Which balls lie where every step of another group is silent, seen from
//! nearest distances alone.
//!
//! Where each step has its own reach, the widest step and the nearest one are
//! rarely the same. But a sample and a step of another group are no nearer to
//! each other than either is to its nearest partner. Two numbers per sample and
//! two per step then settle what would take all pairs.

use crate::{
    network::{NetworkForm, Prototypes},
    number::{mul_down, sub_down},
};

/// Whether step `k`, of which one difference counts by itself, is silent where
/// that difference is `difference` or more: rounding is monotone, so this is
/// so of what is computed, too.
pub(super) fn is_silenced(prototypes: &Prototypes, k: usize, difference: f64) -> bool {
    let least = |v: f64| v.min(prototypes.precision().round(v));
    let excess = least(sub_down(least(difference), prototypes.radii[k]));
    excess > 0.0 && mul_down(prototypes.scales[k], excess) >= prototypes.tops[k]
}

/// The least difference that silences step `k`; at most `bound`, which does.
pub(super) fn silent_from(prototypes: &Prototypes, k: usize, bound: f64) -> f64 {
    let (mut open, mut silent) = (prototypes.radii[k], bound);
    while is_silenced(prototypes, k, silent) {
        let middle = open + (silent - open) / 2.0;
        if middle <= open || middle >= silent {
            break;
        }
        if is_silenced(prototypes, k, middle) {
            silent = middle;
        } else {
            open = middle;
        }
    }
    silent
}

/// The steps by their distance to the nearest sample of another group.
pub(super) struct Inactive {
    /// Those distances, increasing.
    nearest: Vec<f64>,
    /// The largest distance at which one of the steps up to here is silent.
    silents: Vec<f64>,
    /// The least room that a step from here on leaves between its nearest
    /// sample and where it is silent.
    rooms: Vec<f64>,
}

impl Inactive {
    /// From lower bounds of the distance of each step to its nearest sample of
    /// another group, and distances at which the steps are silent.
    pub fn new(nearest: impl Iterator<Item = f64>, silents: &[f64]) -> Self {
        // Without samples of other groups a step need not be silent.
        let mut steps: Vec<(f64, f64)> =
            nearest.zip(silents.iter().copied()).filter(|(near, _)| near.is_finite()).collect();
        steps.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (nearest, mut silents): (Vec<f64>, Vec<f64>) = steps.into_iter().unzip();
        let mut rooms: Vec<f64> = nearest.iter().zip(&silents).map(|(d, s)| sub_down(*d, *s)).collect();
        for k in 1..silents.len() {
            silents[k] = silents[k].max(silents[k - 1]);
        }
        for k in (1..rooms.len()).rev() {
            rooms[k - 1] = rooms[k - 1].min(rooms[k]);
        }
        Self { nearest, silents, rooms }
    }

    /// Whether all steps of other groups are silent within `reach` of a sample
    /// that is no nearer than `near` to any of them.
    pub fn around(&self, near: f64, reach: f64) -> bool {
        let farther = self.nearest.partition_point(|d| *d <= near);
        let nearer_are = farther.checked_sub(1).is_none_or(|k| sub_down(near, reach) >= self.silents[k]);
        // From the others it is at least as far as their nearest sample.
        nearer_are && self.rooms.get(farther).is_none_or(|room| *room >= reach)
    }
}

#[cfg(test)]
mod tests {
    use super::Inactive;
    use proptest::prelude::*;

    fn number() -> impl Strategy<Value = f64> {
        prop_oneof![8 => (0u8..20).prop_map(f64::from), 1 => Just(f64::INFINITY)]
    }

    proptest! {
        /// Said where it is true of every pair that the distances allow, and only
        /// there.
        #[test]
        fn said_of_all_pairs_at_once(
            steps in prop::collection::vec((number(), number()), 0..12),
            near in (0u8..20).prop_map(f64::from),
            reach in (0u8..10).prop_map(f64::from),
        ) {
            let (nearest, silents): (Vec<f64>, Vec<f64>) = steps.iter().copied().unzip();
            let mut meeting = steps.iter().filter(|(d, _)| d.is_finite());
            let all = meeting.all(|(d, silent)| d.max(near) >= silent + reach);
            prop_assert_eq!(Inactive::new(nearest.into_iter(), &silents).around(near, reach), all);
        }
    }
}
