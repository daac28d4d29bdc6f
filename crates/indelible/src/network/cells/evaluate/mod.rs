//! Evaluation of networks of cells, 512 inputs at a time.
//!
//! A constraint that is violated so much that any cell with it is silent takes
//! its inputs out of all these cells: one bit per input says so. Sums are
//! computed only for the few inputs that are left in a cell. Rounding is
//! monotone, so the silence is what the whole sum gives, bit for bit.
//!
//! Where features are 8-bit codes a constraint silences a range of codes,
//! because rounded violations are monotone in the code: 64 inputs are then
//! compared with one instruction. Directions are computed for a whole panel at
//! once, each in the order of its weights.

mod kernel;
mod panel;
mod projected;

use std::ops::Range;

use crate::{
    Dataset, Error, Features, Precision,
    isa::Isa,
    network::{Evaluator, Network},
    number::Real,
    parallel,
};

use super::{CellNetwork, Constraint, Head};
use panel::{Codes, Panel, Values, violation};
use projected::Projected;

/// Words of a panel: one 512-bit vector. The bits of 10,000 literals take 640
/// KiB and 784 columns of codes 392 KiB, which the second-level cache holds.
const WORDS: usize = 8;
/// Inputs of a panel.
const PANEL: usize = 64 * WORDS;
/// Neighbouring features that are put into columns together.
const GROUP: usize = 8;

/// One bit per input of a panel.
type Bits = [u64; WORDS];

/// A constraint with the scale of a cell that has it.
#[derive(Clone, Copy, Debug)]
struct Literal {
    constraint: Constraint,
    /// The column of its feature in a panel.
    column: usize,
    scale: f64,
}

/// Evaluates a [`CellNetwork`] on many inputs.
#[derive(Debug)]
pub struct CellEvaluator<'a> {
    network: &'a CellNetwork,
    /// Groups of eight neighbouring features of which one occurs in a
    /// constraint: group `g` has the features from `8 g` on.
    groups: Vec<usize>,
    /// Pairs of a constraint and a scale that occur in cells.
    literals: Vec<Literal>,
    /// For every membership its position in `literals`.
    members: Vec<u32>,
}

impl<'a> CellEvaluator<'a> {
    /// Prepares `network` for evaluation.
    #[must_use]
    pub fn new(network: &'a CellNetwork) -> Self {
        let mut groups: Vec<usize> = network.constraints.iter().map(|c| c.feature / GROUP).collect();
        groups.dedup();
        let (pairs, members) = network.scaled_constraints();
        let literal = |(t, scale): (usize, f64)| {
            let constraint = network.constraints[t];
            let group = groups.partition_point(|&group| group < constraint.feature / GROUP);
            let column = GROUP * group + constraint.feature % GROUP;
            Literal { constraint, column, scale }
        };
        let literals = pairs.into_iter().map(literal).collect();
        Self { network, groups, literals, members }
    }
}

impl Evaluator for CellEvaluator<'_> {
    fn inputs(&self) -> usize {
        self.network.inputs()
    }

    /// Violations of a cell are added in the order of its constraints,
    /// indicators in the order of the cells. Panels of 512 rows are shared
    /// among threads.
    fn outputs(&self, inputs: &[f64]) -> Vec<f64> {
        match self.network.precision {
            Precision::F32 => self.values::<f64, f32>(inputs, f32::from_f64),
            Precision::F64 => self.values::<f64, f64>(inputs, |x| x),
        }
    }

    /// Rows are not copied, and 8-bit codes compared as bytes.
    fn evaluate_samples(&self, data: &Dataset, samples: Range<usize>) -> Result<Vec<f64>, Error> {
        let n = self.network.inputs();
        if data.features() != n {
            return Err(Error::InputWidth { expected: n, given: data.features() });
        }
        let range = samples.start * n..samples.end * n;
        Ok(match (data.storage(), self.network.precision) {
            (Features::Coded { codes, levels }, Precision::F32) if !self.network.directions.is_empty() => {
                self.values::<u8, f32>(&codes[range], |code| f32::from_f64(levels[usize::from(code)]))
            }
            (Features::Coded { codes, levels }, Precision::F64) if !self.network.directions.is_empty() => {
                self.values::<u8, f64>(&codes[range], |code| levels[usize::from(code)])
            }
            (Features::Coded { codes, levels }, Precision::F32) => self.codes::<f32>(&codes[range], levels),
            (Features::Coded { codes, levels }, Precision::F64) => self.codes::<f64>(&codes[range], levels),
            (Features::F32(x), Precision::F32) => self.values::<f32, f32>(&x[range], |x| x),
            (Features::F32(x), Precision::F64) => self.values::<f32, f64>(&x[range], f64::from),
            (Features::F64(x), Precision::F32) => self.values::<f64, f32>(&x[range], f32::from_f64),
            (Features::F64(x), Precision::F64) => self.values::<f64, f64>(&x[range], |x| x),
        })
    }

    fn batch(&self) -> usize {
        64 * PANEL
    }
}

impl CellEvaluator<'_> {
    /// Outputs for rows of numbers, each rounded to the format by `round`.
    fn values<S: Copy + Sync, T: Real>(&self, rows: &[S], round: impl Fn(S) -> T + Sync + Send) -> Vec<f64> {
        let n = self.network.inputs();
        if !self.network.directions.is_empty() {
            let empty = Projected::<T>::new(Isa::best(), &self.network.directions, &self.groups);
            return self.run(rows, || empty.clone(), |panel, rows| panel.fill(rows, n, &round));
        }
        let new = || Values::<T>::new(self.groups.len());
        self.run(rows, new, |panel, rows| panel.fill(rows, n, &self.groups, &round))
    }

    /// Outputs for rows of 8-bit codes.
    fn codes<T: Real>(&self, rows: &[u8], levels: &[f64]) -> Vec<f64> {
        let empty = Codes::<T>::new(Isa::best(), levels, &self.literals, self.groups.len());
        self.run(rows, || empty.clone(), |panel, rows| panel.fill(rows, self.network.inputs(), &self.groups))
    }

    /// Outputs for `rows`, with which each thread fills its panel.
    fn run<S: Sync, P: Panel>(
        &self,
        rows: &[S],
        new: impl Fn() -> P + Sync + Send,
        fill: impl Fn(&mut P, &[S]) + Sync + Send,
    ) -> Vec<f64> {
        let n = self.network.inputs();
        let isa = Isa::best();
        let work = || (new(), vec![Bits::default(); self.literals.len()], Vec::new());
        let all = parallel::map_with((rows.len() / n).div_ceil(PANEL), work, |(panel, silent, open), at| {
            let rows = &rows[at * PANEL * n..rows.len().min((at + 1) * PANEL * n)];
            let count = rows.len() / n;
            fill(panel, rows);
            panel.silent(&self.literals, silent);
            kernel::open(isa, &self.members, &self.network.ends, silent, count, open);
            self.outputs_of(panel, open, count)
        });
        all.concat()
    }

    /// Outputs for the first `count` inputs of a panel, of which `open` lists,
    /// cell by cell, those that no single constraint silences.
    fn outputs_of<P: Panel>(&self, panel: &P, open: &[(u32, u32)], count: usize) -> Vec<f64> {
        let network = self.network;
        let mut scores = vec![P::Value::default(); count * network.classes];
        for &(cell, input) in open {
            let (cell, input) = (cell as usize, input as usize);
            let score = &mut scores[input * network.classes + network.classes_of[cell]];
            *score = *score + self.indicator(cell, panel, input);
        }
        match network.head {
            Head::Logits => scores.into_iter().map(Real::to_f64).collect(),
            Head::Scalar => scores.chunks(network.classes).map(label).collect(),
        }
    }

    /// `relu(1 − scale · Σ violations)` of one cell for one input.
    fn indicator<P: Panel>(&self, cell: usize, panel: &P, input: usize) -> P::Value {
        let start = if cell == 0 { 0 } else { self.network.ends[cell - 1] };
        let mut sum = P::Value::default();
        for &literal in &self.members[start..self.network.ends[cell]] {
            let literal = &self.literals[literal as usize];
            let threshold = P::Value::from_f64(literal.constraint.threshold);
            let excess = violation(panel.value(literal.column, input), literal.constraint.side, threshold);
            sum = sum + excess.relu();
        }
        (P::Value::from_f64(1.0) - P::Value::from_f64(self.network.scales[cell]) * sum).relu()
    }
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
