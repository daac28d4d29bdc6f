//! Constraints with the scales of the cells that have them: how much of a
//! violation silences a cell depends on both.

use super::CellNetwork;

impl CellNetwork {
    /// The distinct pairs of a constraint, a position in
    /// [`CellNetwork::constraints`], and the scale of a cell that has it; and for
    /// every membership, cell after cell, the position of its pair.
    pub(crate) fn scaled_constraints(&self) -> (Vec<(usize, f64)>, Vec<u32>) {
        let memberships = || {
            (self.scales.iter().enumerate())
                .flat_map(|(k, &scale)| self.members_of(k).iter().map(move |&t| (t as usize, scale)))
        };
        // Scales are positive, so that their bits are in their order.
        let key = |&(constraint, scale): &(usize, f64)| (constraint, scale.to_bits());
        let mut pairs: Vec<(usize, f64)> = memberships().collect();
        pairs.sort_unstable_by_key(key);
        pairs.dedup();
        #[expect(clippy::cast_possible_truncation, reason = "there are no more than memberships")]
        let place = |pair: (usize, f64)| pairs.partition_point(|other| key(other) < key(&pair)) as u32;
        let places = memberships().map(place).collect();
        (pairs, places)
    }
}
