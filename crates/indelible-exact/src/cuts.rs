//! Integers between runs of keys.

use dashu_int::IBig;

use crate::{
    Error, Line,
    builder::{Builder, Sum},
    floor::Floor,
    number::{bits, power, scaled_down, scaled_up},
    places::{Rows, is_radius, reach},
};

/// Keys in units in which an integer `s` and its predecessor `s − 1` stand
/// between each two neighbouring runs of one label: on all balls the key is `s − 1`
/// or less before the cut, `s` or more behind it, and 0 or more everywhere. The key
/// is the place along a line, or the number of a lattice cell.
#[derive(Clone, Debug)]
pub struct Cuts {
    /// The first layer.
    pub(crate) rows: Rows,
    /// What makes a key of the places along the rows; without it the key is the one
    /// place.
    pub(crate) floor: Option<Floor>,
    /// The K − 1 cuts, increasing, 2 or more.
    pub(crate) cuts: Vec<IBig>,
    /// The labels of the K runs, from 1 on; neighbours differ.
    pub(crate) labels: Vec<usize>,
    /// Binary digits that hold every cut and one more number, larger than every
    /// key.
    pub(crate) key_bits: usize,
    pub(crate) radius: f64,
}

/// Binary digits that cuts may have beyond those of the places.
const FINER: usize = 32;

impl Cuts {
    /// The cuts of `line` with room for balls of `radius`, in the largest power
    /// of two as unit that leaves such integers: the fewest digits.
    ///
    /// # Errors
    /// [`Error::RadiusTooLarge`] when balls of different labels meet along the
    /// line, [`indelible::Error::BadRadius`] for a radius that is none.
    pub fn new(line: &Line, radius: f64) -> Result<Self, Error> {
        is_radius(radius)?;
        // Cuts may be needed between the numbers that samples are, and the reach is rounded up.
        let line = &line.finer(FINER);
        let reach = reach(radius, line.dual, line.resolution);
        // The open gaps between runs, in places.
        let gaps: Vec<(IBig, IBig)> =
            line.runs.windows(2).map(|pair| (&pair[0].last + &reach, &pair[1].first - &reach)).collect();
        let narrowest = gaps.iter().map(|(a, b)| b - a).min().unwrap_or(IBig::ONE);
        if narrowest < IBig::ONE {
            return Err(Error::RadiusTooLarge { radius, largest: line.radius() });
        }
        // A unit that is no larger than the narrowest gap; of 1 it always serves.
        let mut unit = i64::try_from(bits(&narrowest) - 1).unwrap_or(0);
        let cuts = loop {
            match gaps.iter().map(|gap| cut(gap, unit)).collect::<Option<Vec<IBig>>>() {
                Some(cuts) => break cuts,
                None => unit -= 1,
            }
        };
        let (first, last) = (&line.runs[0].first - &reach, &line.runs[line.runs.len() - 1].last + &reach);
        let shift = IBig::ONE - scaled_down(&first, -unit);
        let largest = scaled_up(&last, -unit) + &shift + IBig::ONE;
        let width = |at: &IBig| at << usize::try_from(unit).unwrap_or(0);
        // How far the samples themselves stay from the cuts and what lies below them.
        let rooms = line
            .runs
            .windows(2)
            .zip(&cuts)
            .flat_map(|(pair, s)| [width(&(s - IBig::ONE)) - &pair[0].last, &pair[1].first - width(s)]);
        let radius = rooms.min().map_or(0.0, |room| line.length(&room));
        Ok(Self {
            rows: Rows {
                weights: vec![line.weights.clone()],
                exponent: -(line.resolution + unit),
                shifts: vec![shift.clone()],
            },
            floor: None,
            cuts: cuts.iter().map(|s| s + &shift).collect(),
            labels: line.runs.iter().map(|run| run.class + 1).collect(),
            key_bits: bits(&largest),
            radius,
        })
    }

    /// Runs of one label, K.
    #[must_use]
    pub fn runs(&self) -> usize {
        self.labels.len()
    }

    /// Binary digits of a cut, κ.
    #[must_use]
    pub fn key_bits(&self) -> usize {
        self.key_bits
    }

    /// Binary digits of a label, c.
    #[must_use]
    pub fn label_bits(&self) -> usize {
        self.labels.iter().max().map_or(1, |label| bits(&IBig::from(*label)))
    }

    /// Weights and biases up to the neuron of the key that are not 0, but for its bias:
    /// the weights of a line, at most n.
    #[must_use]
    pub fn front(&self) -> usize {
        let rows = self.rows.nonzero();
        self.floor.map_or(rows, |floor| rows + self.rows.shifted() + floor.parameters(self.rows.shifts.len()))
    }

    /// Layers behind the first one up to that of the key.
    pub(crate) fn front_layers(&self) -> usize {
        self.floor.map_or(0, Floor::layers)
    }

    /// A network up to the key, which is neuron 0 of the layer that was closed last.
    pub(crate) fn begin(&self) -> Builder {
        let mut network = Builder::on(&self.rows);
        if let Some(floor) = self.floor {
            floor.build(&mut network, (0..self.rows.shifts.len()).map(Sum::of).collect());
        }
        network
    }

    /// Binary digits of a place along a row.
    pub(crate) fn place_bits(&self) -> usize {
        self.floor.map_or(self.key_bits, |floor| floor.digits + floor.fraction)
    }

    /// The radius that the cuts leave: no smaller than the one asked for but for
    /// the rounding of this number, which is downward.
    #[must_use]
    pub fn radius(&self) -> f64 {
        self.radius
    }

    /// With digits to spare, so that cuts of several datasets have equally many.
    #[must_use]
    pub fn with_key_bits(mut self, key_bits: usize) -> Self {
        self.key_bits = self.key_bits.max(key_bits);
        self
    }

    /// The number of `key_bits` digits that is larger than every key and cut.
    pub(crate) fn beyond(&self) -> IBig {
        power(self.key_bits) - IBig::ONE
    }
}

/// The `s` next to the middle of the gap with `a ≤ (s − 1) 2^unit` and
/// `s 2^unit ≤ b`, where there is one.
fn cut((a, b): &(IBig, IBig), unit: i64) -> Option<IBig> {
    let (lowest, highest) = (scaled_up(a, -unit) + IBig::ONE, scaled_down(b, -unit));
    let middle = scaled_down(&(a + b), -unit - 1) + IBig::ONE;
    (lowest <= highest).then(|| middle.clamp(lowest, highest))
}
