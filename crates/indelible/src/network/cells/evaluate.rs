//! Evaluation of networks of cells, 64 inputs in a word.
//!
//! A constraint splits a panel of inputs into three parts: it holds, it is
//! violated so much that any cell with it is silent, or neither. Two bits per
//! input say which. A cell is silent on the union of the second part over its
//! constraints, exactly 1 on the intersection of the first, and only for the
//! few inputs that are left its sum is computed. Rounding is monotone, so all
//! three give what the whole sum gives, bit for bit.

use rayon::prelude::*;

use crate::{Error, Precision, number::Real};

use super::{CellNetwork, Head, Side};

/// Words of a panel: its inputs for one feature take 1 KiB, and the bits of
/// 10,000 constraints 640 KiB, which the second-level cache holds.
const WORDS: usize = 4;
/// Inputs of a panel.
const PANEL: usize = 64 * WORDS;

/// One bit per input of a panel.
type Bits = [u64; WORDS];

/// Evaluates a [`CellNetwork`] on many inputs.
#[derive(Debug)]
pub struct CellEvaluator<'a> {
    network: &'a CellNetwork,
    /// Features that occur in constraints.
    features: Vec<usize>,
    /// Pairs of a constraint and a scale that occur in cells: position of the
    /// constraint, position of its feature in `features`, scale.
    literals: Vec<(usize, usize, f64)>,
    /// For every membership its position in `literals`.
    members: Vec<u32>,
}

impl<'a> CellEvaluator<'a> {
    /// Prepares `network` for evaluation.
    #[must_use]
    pub fn new(network: &'a CellNetwork) -> Self {
        let mut features: Vec<usize> = network.constraints.iter().map(|c| c.feature).collect();
        features.dedup();
        let scaled = || {
            (0..network.cells())
                .flat_map(|k| network.members_of(k).iter().map(move |&t| (t as usize, network.scales[k])))
        };
        let mut pairs: Vec<(usize, f64)> = scaled().collect();
        pairs.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        pairs.dedup();
        let place =
            |(t, scale): (usize, f64)| pairs.partition_point(|p| p.0 < t || (p.0 == t && p.1 < scale)) as u32;
        let members = scaled().map(place).collect();
        let literals = pairs
            .into_iter()
            .map(|(t, scale)| (t, features.partition_point(|f| *f < network.constraints[t].feature), scale))
            .collect();
        Self { network, features, literals, members }
    }

    /// Outputs for `inputs` (row after row, `n` values each), row after row.
    ///
    /// Inputs are rounded to the format and every operation is executed in it;
    /// violations of a cell are added in the order of its constraints,
    /// indicators in the order of the cells. Panels of 256 rows are shared
    /// among the threads of the current rayon pool; the result does not depend
    /// on their number.
    ///
    /// # Errors
    /// When the inputs are not rows of `n` values.
    pub fn evaluate(&self, inputs: &[f64]) -> Result<Vec<f64>, Error> {
        let n = self.network.inputs;
        if !inputs.len().is_multiple_of(n) {
            return Err(Error::InputWidth { expected: n, given: inputs.len() });
        }
        Ok(match self.network.precision {
            Precision::F32 => self.run::<f32>(inputs),
            Precision::F64 => self.run::<f64>(inputs),
        })
    }

    fn run<T: Real>(&self, inputs: &[f64]) -> Vec<f64> {
        inputs.par_chunks(PANEL * self.network.inputs).flat_map_iter(|rows| self.panel::<T>(rows)).collect()
    }

    /// Outputs for the rows of one panel.
    fn panel<T: Real>(&self, rows: &[f64]) -> Vec<f64> {
        let network = self.network;
        let count = rows.len() / network.inputs;
        let columns = self.columns::<T>(rows);
        let bits: Vec<(Bits, Bits)> = self
            .literals
            .iter()
            .map(|&(t, column, scale)| {
                let c = network.constraints[t];
                split(&columns[column], c.side, T::from_f64(c.threshold), T::from_f64(scale))
            })
            .collect();
        let mut present: Bits = [0; WORDS];
        for i in 0..count {
            present[i / 64] |= 1 << (i % 64);
        }
        let mut scores = vec![T::default(); count * network.classes];
        let mut start = 0;
        for (k, &end) in network.ends.iter().enumerate() {
            let (mut open, mut one) = (present, present);
            for &literal in &self.members[start..end] {
                let (holds, silent) = &bits[literal as usize];
                for w in 0..WORDS {
                    open[w] &= !silent[w];
                    one[w] &= holds[w];
                }
                if open == [0; WORDS] {
                    break;
                }
            }
            for (w, &word) in open.iter().enumerate() {
                let mut word = word;
                while word != 0 {
                    let i = word.trailing_zeros() as usize;
                    word &= word - 1;
                    let indicator = if one[w] >> i & 1 == 1 {
                        T::from_f64(1.0)
                    } else {
                        self.indicator(k, start..end, &columns, 64 * w + i)
                    };
                    let score = &mut scores[(64 * w + i) * network.classes + network.classes_of[k]];
                    *score = *score + indicator;
                }
            }
            start = end;
        }
        match network.head {
            Head::Logits => scores.into_iter().map(T::to_f64).collect(),
            Head::Scalar => scores.chunks(network.classes).map(label).collect(),
        }
    }

    /// The features that occur, rounded to the format, one column per feature.
    fn columns<T: Real>(&self, rows: &[f64]) -> Vec<[T; PANEL]> {
        let mut columns = vec![[T::default(); PANEL]; self.features.len()];
        for (i, row) in rows.chunks_exact(self.network.inputs).enumerate() {
            for (column, &f) in columns.iter_mut().zip(&self.features) {
                column[i] = T::from_f64(row[f]);
            }
        }
        columns
    }

    /// `relu(1 − scale · Σ violations)` of one cell for one input.
    fn indicator<T: Real>(
        &self,
        cell: usize,
        members: std::ops::Range<usize>,
        columns: &[[T; PANEL]],
        input: usize,
    ) -> T {
        let mut sum = T::default();
        for &literal in &self.members[members] {
            let (t, column, _) = self.literals[literal as usize];
            let c = self.network.constraints[t];
            sum = sum + violation(columns[column][input], c.side, T::from_f64(c.threshold));
        }
        (T::from_f64(1.0) - T::from_f64(self.network.scales[cell]) * sum).relu()
    }
}

#[inline(always)]
fn violation<T: Real>(x: T, side: Side, threshold: T) -> T {
    match side {
        Side::AtLeast => (threshold - x).relu(),
        Side::AtMost => (x - threshold).relu(),
    }
}

/// On which inputs a constraint holds, and on which it alone silences a cell.
fn split<T: Real>(column: &[T; PANEL], side: Side, threshold: T, scale: T) -> (Bits, Bits) {
    match side {
        Side::AtLeast => split_by(column, scale, |x| threshold - x),
        Side::AtMost => split_by(column, scale, |x| x - threshold),
    }
}

/// The same for one side, whose violation before the ReLU is `excess`. The
/// answers are bytes first, which compilers fill with vector instructions: a
/// third of the time of shifting bits one by one.
#[inline(always)]
fn split_by<T: Real>(column: &[T; PANEL], scale: T, excess: impl Fn(T) -> T) -> (Bits, Bits) {
    let (zero, one) = (T::default(), T::from_f64(1.0));
    let (mut holds, mut silent) = ([0; WORDS], [0; WORDS]);
    for (w, part) in column.as_chunks::<64>().0.iter().enumerate() {
        let (mut inside, mut outside) = ([0u8; 64], [0u8; 64]);
        for (i, &x) in part.iter().enumerate() {
            let excess = excess(x);
            inside[i] = u8::from(excess <= zero);
            outside[i] = u8::from(scale * excess >= one);
        }
        holds[w] = packed(&inside);
        silent[w] = packed(&outside);
    }
    (holds, silent)
}

/// Bit `i` is byte `i`, which is 0 or 1. Eight bytes at a time are multiplied
/// by a number that moves byte `j` to bit `56 + j` and lets no two bits meet.
#[inline(always)]
fn packed(bytes: &[u8; 64]) -> u64 {
    let eight = |(k, b): (usize, &[u8; 8])| {
        (u64::from_le_bytes(*b).wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * k)
    };
    bytes.as_chunks::<8>().0.iter().enumerate().map(eight).fold(0, |word, bits| word | bits)
}

/// `Σ_c (c + 1) min(1, s_c)` as the layers compute it.
fn label<T: Real>(scores: &[T]) -> f64 {
    let one = T::from_f64(1.0);
    let mut sum = T::default();
    for (c, &score) in scores.iter().enumerate() {
        let cut_off = (one - (one - score).relu()).relu();
        sum = sum + T::from_f64((c + 1) as f64) * cut_off;
    }
    sum.to_f64()
}
