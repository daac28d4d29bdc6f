//! Linear maps: products with rows of numbers, either way, in plain binary64.
//!
//! An entry of a product is a sum in some order, fused or not, of as many terms
//! as the row or the column of the map has. Nothing else is assumed of it where a
//! proof rests on it.

use crate::{
    matrix::{product, product_transposed},
    network::{AffineMap, Layer, Row, RowBuffer},
};

/// A linear map `v ↦ M v`.
#[derive(Debug)]
pub(in crate::certify) enum Map<'a> {
    /// `M` by rows.
    Dense(Vec<f64>),
    /// The rows of a layer, few of whose numbers are not 0.
    Layer(&'a Layer),
    /// Rows that are stored or implied by a kernel.
    Graph(&'a AffineMap),
    /// Some numbers of `M`.
    Entries(Vec<Entry>),
}

/// A number of a matrix.
#[derive(Clone, Copy, Debug)]
pub(in crate::certify) struct Entry {
    pub output: usize,
    pub input: usize,
    pub weight: f64,
}

/// Number of rows, and the lengths of what a map reads and gives.
#[derive(Clone, Copy, Debug)]
pub(in crate::certify) struct Lengths {
    pub rows: usize,
    pub inputs: usize,
    pub outputs: usize,
}

impl<'a> Map<'a> {
    /// Row `index` of a map that has rows.
    fn row(&'a self, index: usize, buffer: &'a mut RowBuffer) -> Option<Row<'a>> {
        match self {
            Self::Layer(layer) => Some(layer.row(index)),
            Self::Graph(map) => Some(map.row(index, buffer)),
            Self::Dense(_) | Self::Entries(_) => None,
        }
    }

    /// Whether every output is one number of the input, scaled, and no number is
    /// read twice.
    pub fn moves_numbers(&self) -> bool {
        let Self::Entries(entries) = self else { return false };
        let mut inputs: Vec<usize> = entries.iter().map(|e| e.input).collect();
        inputs.sort_unstable();
        let once = inputs.windows(2).all(|pair| pair[0] < pair[1]);
        once && entries.iter().enumerate().all(|(at, e)| e.output == at)
    }

    /// `c M` for every row `c` of `rows`.
    pub fn back(&self, rows: &[f64], lengths: Lengths) -> Vec<f64> {
        let Lengths { rows: count, inputs, outputs } = lengths;
        match self {
            Self::Dense(weights) => return product(rows, weights, (count, outputs, inputs)),
            Self::Entries(entries) => {
                let mut all = vec![0.0; count * inputs];
                for (row, all) in rows.chunks(outputs).zip(all.chunks_mut(inputs)) {
                    entries.iter().for_each(|e| all[e.input] += e.weight * row[e.output]);
                }
                return all;
            }
            Self::Layer(_) | Self::Graph(_) => {}
        }
        let mut all = vec![0.0; count * inputs];
        let mut buffer = RowBuffer::default();
        for output in 0..outputs {
            if (0..count).all(|r| rows[r * outputs + output] == 0.0) {
                continue;
            }
            let Some(stored) = self.row(output, &mut buffer) else { continue };
            for (row, all) in rows.chunks(outputs).zip(all.chunks_mut(inputs)) {
                let c = row[output];
                if c != 0.0 {
                    stored.terms().for_each(|(column, weight)| all[column] += c * weight);
                }
            }
        }
        all
    }

    /// Adds `M v` for every row `v` of `rows` to the rows of `sums`.
    pub fn forward(&self, rows: &[f64], lengths: Lengths, sums: &mut [f64]) {
        let Lengths { rows: count, inputs, outputs } = lengths;
        match self {
            Self::Dense(weights) => {
                let all = product_transposed(rows, weights, (count, inputs, outputs));
                sums.iter_mut().zip(all).for_each(|(sum, x)| *sum += x);
            }
            Self::Entries(entries) => {
                for (row, sums) in rows.chunks(inputs).zip(sums.chunks_mut(outputs)) {
                    entries.iter().for_each(|e| sums[e.output] += e.weight * row[e.input]);
                }
            }
            Self::Layer(_) | Self::Graph(_) => {
                let mut buffer = RowBuffer::default();
                for output in 0..outputs {
                    let Some(stored) = self.row(output, &mut buffer) else { continue };
                    for (row, sums) in rows.chunks(inputs).zip(sums.chunks_mut(outputs)) {
                        sums[output] +=
                            stored.terms().map(|(column, weight)| weight * row[column]).sum::<f64>();
                    }
                }
            }
        }
    }

    /// Adds `Σ w m`, `Σ |w| r` and `Σ |w| q` over each row of the map to `sums`.
    pub fn add_sums(&self, [m, r, q]: [&[f64]; 3], sums: &mut [[f64; 3]]) {
        let add = |sums: &mut [f64; 3], more: [f64; 3]| {
            sums.iter_mut().zip(more).for_each(|(sum, x)| *sum += x);
        };
        let term = |weight: f64, i: usize| [weight * m[i], weight.abs() * r[i], weight.abs() * q[i]];
        match self {
            Self::Dense(weights) => {
                let rows = weights.chunks(m.len().max(1));
                sums.iter_mut().zip(rows).for_each(|(sums, row)| add(sums, row_sums(row, m, r, q)));
            }
            Self::Entries(entries) => {
                entries.iter().for_each(|e| add(&mut sums[e.output], term(e.weight, e.input)));
            }
            Self::Layer(_) | Self::Graph(_) => {
                let mut buffer = RowBuffer::default();
                for (output, sums) in sums.iter_mut().enumerate() {
                    let Some(stored) = self.row(output, &mut buffer) else { continue };
                    stored.terms().for_each(|(column, weight)| add(sums, term(weight, column)));
                }
            }
        }
    }
}

/// Sums over one row of weights: `Σ w m`, `Σ |w| r` and `Σ |w| q`, each in some
/// order.
fn row_sums(weights: &[f64], m: &[f64], r: &[f64], q: &[f64]) -> [f64; 3] {
    const LANES: usize = 4;
    let mut lanes = [[0.0; LANES]; 3];
    let whole = weights.len() - weights.len() % LANES;
    let at = |x: &[f64], start: usize| -> [f64; LANES] { std::array::from_fn(|lane| x[start + lane]) };
    for start in (0..whole).step_by(LANES) {
        let [w, m, r, q] = [at(weights, start), at(m, start), at(r, start), at(q, start)];
        for lane in 0..LANES {
            lanes[0][lane] += w[lane] * m[lane];
            lanes[1][lane] += w[lane].abs() * r[lane];
            lanes[2][lane] += w[lane].abs() * q[lane];
        }
    }
    for at in whole..weights.len() {
        lanes[0][0] += weights[at] * m[at];
        lanes[1][0] += weights[at].abs() * r[at];
        lanes[2][0] += weights[at].abs() * q[at];
    }
    lanes.map(|lanes| lanes.iter().sum())
}
