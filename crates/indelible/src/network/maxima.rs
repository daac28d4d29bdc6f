//! Trees of maxima: `max(a, b) = relu(a − b) + b` for `b ≥ 0`, whose levels are
//! folded into one layer each. *Groups* say, in order, how many neurons add up
//! to each of the values whose maximum is sought.

use super::LayerBuilder;

/// Levels of a tree over `n` values, `⌈log₂ n⌉`.
pub(crate) fn levels(n: usize) -> usize {
    n.next_power_of_two().trailing_zeros() as usize
}

/// What becomes of `groups` after some levels.
pub(crate) fn groups_after(levels: usize, mut groups: Vec<usize>) -> Vec<usize> {
    for _ in 0..levels {
        groups = groups.chunks(2).map(<[usize]>::len).collect();
    }
    groups
}

/// One level, which reads `groups` from neuron `at` on. A value without a
/// partner becomes one neuron.
pub(crate) fn maxima(layer: &mut LayerBuilder, groups: &[usize], at: &mut usize) {
    for pair in groups.chunks(2) {
        let first = *at..*at + pair[0];
        let second = first.end..first.end + pair.get(1).copied().unwrap_or(0);
        *at = second.end;
        for column in first {
            layer.weight(column, 1.0);
        }
        for column in second.clone() {
            layer.weight(column, -1.0);
        }
        layer.bias(0.0);
        if !second.is_empty() {
            for column in second {
                layer.weight(column, 1.0);
            }
            layer.bias(0.0);
        }
    }
}
