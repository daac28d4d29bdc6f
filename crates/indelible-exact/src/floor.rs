//! From places to the number of the lattice cell that they lie in.

use dashu_int::IBig;

use crate::{
    builder::{Builder, Sum},
    digits::Digits,
    number::power,
};

/// Places `t_j` of `digits + fraction` binary digits whose `fraction` last digits
/// are left away: the key is `1 + Σ_j 2^{j digits} ⌊t_j / 2^fraction⌋`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Floor {
    /// Digits of the number of a cell along one row, ⌈log₂ R⌉.
    pub digits: usize,
    /// Digits left away, at least 1.
    pub fraction: usize,
}

impl Floor {
    /// Layers in front of the one that gives the key, and that.
    pub fn layers(self) -> usize {
        self.digits + 1
    }

    /// Nonzero weights and biases of these layers behind `m` rows, but for the bias of
    /// the key.
    pub fn parameters(self, m: usize) -> usize {
        m * if self.digits == 1 { 6 } else { 14 * self.digits - 10 }
    }

    /// The key of some cells, one number for each row.
    pub fn key<'a>(self, cells: impl DoubleEndedIterator<Item = &'a IBig>) -> IBig {
        cells.rev().fold(IBig::ZERO, |key, cell| (key << self.digits) + cell) + IBig::ONE
    }

    /// Adds the layers; `places` read the layer that was closed last, and are at most
    /// `2^fraction − 1` modulo `2^fraction`. The key is neuron 0 of the last of them.
    pub fn build(self, network: &mut Builder, places: Vec<Sum>) {
        let all = |place| Digits::of(place, self.digits + self.fraction);
        let mut places: Vec<Digits> = places.into_iter().map(all).collect();
        for digit in 1..=self.digits {
            for place in &mut places {
                if digit < self.digits {
                    place.step(network, true);
                } else {
                    place.last(network);
                }
            }
            network.close();
        }
        let cells = places.into_iter().enumerate();
        let key = cells.fold(Sum::number(IBig::ONE), |key, (j, place)| {
            key.plus(&power(j * self.digits), &place.taken.unwrap_or_default())
        });
        network.push(key);
        network.close();
    }
}
