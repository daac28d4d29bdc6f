//! Integers between the runs of a line.

use dashu_int::IBig;
use indelible::number::mul_up;

use crate::{
    Error, Line,
    number::{bits, dyadic, power, scaled_down, scaled_up},
};

/// A line in units in which an integer `s` and its predecessor `s − 1` stand
/// between each two neighbouring runs: on all balls the place `t` is `s − 1` or
/// less before the cut, `s` or more behind it, and 0 or more everywhere.
#[derive(Clone, Debug)]
pub struct Cuts {
    /// Weights of the features.
    pub(crate) weights: Vec<i64>,
    /// `t = 2^exponent weights · x + shift`.
    pub(crate) exponent: i64,
    pub(crate) shift: IBig,
    /// The K − 1 cuts, increasing, 2 or more.
    pub(crate) cuts: Vec<IBig>,
    /// The labels of the K runs, from 1 on; neighbours differ.
    pub(crate) labels: Vec<usize>,
    /// Binary digits that hold every cut and one more number, larger than every
    /// place.
    pub(crate) key_bits: usize,
    radius: f64,
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
        if !(radius >= 0.0 && radius.is_finite()) {
            return Err(indelible::Error::BadRadius { given: radius }.into());
        }
        // Cuts may be needed between the numbers that samples are, and the reach is rounded up.
        let line = &line.finer(FINER);
        let reach = mul_up(radius, line.dual);
        let (mantissa, exponent) = dyadic(if reach.is_finite() { reach } else { f64::MAX });
        let reach = scaled_up(&IBig::from(mantissa), exponent - line.resolution);
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
            weights: line.weights.clone(),
            exponent: -(line.resolution + unit),
            cuts: cuts.iter().map(|s| s + &shift).collect(),
            labels: line.runs.iter().map(|run| run.class + 1).collect(),
            key_bits: bits(&largest),
            shift,
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

    /// Weights of the line that are not 0, at most n.
    #[must_use]
    pub fn line_weights(&self) -> usize {
        self.weights.iter().filter(|weight| **weight != 0).count()
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

    /// The number of `key_bits` digits that is larger than every place and cut.
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
