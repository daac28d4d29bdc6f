//! Networks of cells: boxes that recognise balls, three layers deep.
//!
//! ```text
//! v_t(x) = relu(x_f − b)  or  relu(b − x_f)       one per distinct constraint t
//! I_k(x) = relu(1 − scale_k · Σ_{t in cell k} v_t)  one per cell k
//! s_c(x) = Σ_{k of class c} I_k                     one per class c
//! ```
//!
//! A logit head gives `s_c`. A scalar head adds two layers,
//! `u_c = relu(1 − s_c)`, `w_c = relu(1 − u_c) = min(1, s_c)` and
//! `F = Σ_c (c + 1) w_c`.
//!
//! A layer of *directions* may stand in front, `z = relu(U x + b)`, or two,
//! `z = relu(U relu(P x + c) + b)`, where all directions lie among few: then
//! constraints are on its outputs in place of the features.

mod evaluate;
mod recognise;
mod scaled;

use std::cmp::Ordering;

use crate::{Error, Precision};

use super::{Arithmetic, Head, Layer, LayerBuilder, Network, layer::through};

pub use evaluate::CellEvaluator;

/// On which side of its threshold a constraint holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// `x_f ≥ b`; the violation is `b − x_f`.
    AtLeast,
    /// `x_f ≤ b`; the violation is `x_f − b`.
    AtMost,
}

/// A one-sided constraint on one feature, or on one direction where the
/// network has such.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Constraint {
    /// The feature `f`, from 0.
    pub feature: usize,
    /// The side on which it holds.
    pub side: Side,
    /// The threshold `b`, a number of the network's format.
    pub threshold: f64,
}

impl Constraint {
    /// The violation at a point whose feature is `x`, negative inside,
    /// computed in binary64.
    #[inline]
    #[must_use]
    pub fn violation(&self, x: f64) -> f64 {
        match self.side {
            Side::AtLeast => self.threshold - x,
            Side::AtMost => x - self.threshold,
        }
    }

    fn order(&self, other: &Self) -> Ordering {
        (self.feature.cmp(&other.feature))
            .then(self.side.cmp(&other.side))
            .then(self.threshold.total_cmp(&other.threshold))
    }
}

/// A box with a label.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// The class it recognises.
    pub class: usize,
    /// The weight of its violations: `1/scale` of one of them silences it.
    pub scale: f64,
    /// Its constraints; never empty.
    pub constraints: Vec<Constraint>,
}

/// A network of cells, three layers deep: violations of all distinct
/// constraints; one indicator `relu(1 − scale · Σ violations)` per cell; one
/// sum of indicators per class. A scalar head adds two layers, which give
/// `Σ_c (c + 1) min(1, score_c)`; [directions](Self::with_directions) add one or
/// two in front. Constraints are stored once and shared; cells stand in the order
/// of their number of constraints.
#[derive(Clone, Debug, PartialEq)]
pub struct CellNetwork {
    precision: Precision,
    /// The layers in front, whose outputs are what constraints are on.
    directions: Vec<Layer>,
    /// Numbers that constraints are on: features or directions.
    coordinates: usize,
    classes: usize,
    head: Head,
    constraints: Vec<Constraint>,
    classes_of: Vec<usize>,
    scales: Vec<f64>,
    /// Cell `k` has its constraints at `ends[k − 1]..ends[k]` of `members`.
    ends: Vec<usize>,
    members: Vec<u32>,
}

impl CellNetwork {
    /// The network of `cells` over `inputs` features and `classes` classes.
    /// Constraints are sorted and shared, cells sorted; no order given changes
    /// the result.
    ///
    /// # Errors
    /// [`Error::BadForm`] when there is no cell, a cell has no constraint, a
    /// feature or class that does not exist, a threshold that is no number of
    /// the format, or a scale that is not positive and finite there.
    pub fn new(
        precision: Precision,
        inputs: usize,
        classes: usize,
        head: Head,
        cells: &[Cell],
    ) -> Result<Self, Error> {
        let mut constraints: Vec<Constraint> =
            cells.iter().flat_map(|cell| cell.constraints.iter().map(|c| positive_zero(*c))).collect();
        constraints.sort_unstable_by(Constraint::order);
        constraints.dedup();
        let mut sorted = Vec::with_capacity(cells.len());
        for cell in cells {
            let mut members = Vec::with_capacity(cell.constraints.len());
            for constraint in &cell.constraints {
                let constraint = positive_zero(*constraint);
                let place = constraints
                    .binary_search_by(|known| known.order(&constraint))
                    .ok()
                    .and_then(|place| u32::try_from(place).ok())
                    .ok_or_else(|| {
                        bad("there are more than 2^32 constraints, or a threshold is NaN".into())
                    })?;
                members.push(place);
            }
            members.sort_unstable();
            members.dedup();
            sorted.push((members, cell.class, cell.scale));
        }
        sorted.sort_by(|a, b| {
            (a.0.len().cmp(&b.0.len()))
                .then(a.1.cmp(&b.1))
                .then_with(|| a.0.cmp(&b.0))
                .then(a.2.total_cmp(&b.2))
        });
        let mut network = Self {
            precision,
            directions: vec![],
            coordinates: inputs,
            classes,
            head,
            constraints,
            classes_of: Vec::with_capacity(sorted.len()),
            scales: Vec::with_capacity(sorted.len()),
            ends: Vec::with_capacity(sorted.len()),
            members: Vec::new(),
        };
        for (members, class, scale) in sorted {
            network.members.extend(members);
            network.ends.push(network.members.len());
            network.classes_of.push(class);
            network.scales.push(scale);
        }
        network.check()?;
        Ok(network)
    }

    /// The same network behind `directions`, one layer or two, each with a ReLU:
    /// constraints are on the outputs of the last in place of what they were on.
    ///
    /// # Errors
    /// [`Error::BadForm`] when there are more layers, one gives not what is read behind
    /// it, has no input, or a weight or bias that is no finite number of the format.
    pub fn with_directions(self, directions: Vec<Layer>) -> Result<Self, Error> {
        if !(1..=2).contains(&directions.len()) {
            return Err(bad(format!("{} layers of directions; expected 1 or 2", directions.len())));
        }
        let mut read = self.coordinates;
        for layer in directions.iter().rev() {
            if layer.outputs() != read || layer.inputs() == 0 {
                let (m, n) = (layer.outputs(), layer.inputs());
                return Err(bad(format!("{m} directions of {n} features; expected {read}")));
            }
            if !layer.holds(self.precision) {
                return Err(bad(format!(
                    "a number of a direction is no finite number of {}",
                    self.precision
                )));
            }
            read = layer.inputs();
        }
        Ok(Self { directions, ..self })
    }

    /// The layers in front, none to two; the last has one neuron per direction.
    #[must_use]
    pub fn directions(&self) -> &[Layer] {
        &self.directions
    }

    /// How many numbers there are that constraints can be on: directions, or
    /// features where there are none.
    #[must_use]
    pub fn coordinates(&self) -> usize {
        self.coordinates
    }

    /// Whether two of these constraints are equal, so that a network of cells
    /// would share what other layers may count twice.
    #[must_use]
    pub fn has_equal(constraints: &[Constraint]) -> bool {
        let mut sorted: Vec<Constraint> = constraints.iter().map(|c| positive_zero(*c)).collect();
        sorted.sort_unstable_by(Constraint::order);
        sorted.windows(2).any(|pair| pair[0] == pair[1])
    }

    fn check(&self) -> Result<(), Error> {
        if self.ends.is_empty() {
            return Err(bad("there is no cell".into()));
        }
        if u32::try_from(self.members.len()).is_err() {
            return Err(bad("the cells have more than 2^32 constraints".into()));
        }
        if let Some(c) = self.constraints.iter().find(|c| c.feature >= self.coordinates) {
            return Err(bad(format!("feature {} of {} is constrained", c.feature, self.coordinates)));
        }
        if let Some(c) = self.constraints.iter().find(|c| !self.precision.holds(c.threshold)) {
            return Err(bad(format!("threshold {} is no number of {}", c.threshold, self.precision)));
        }
        for k in 0..self.cells() {
            if self.members_of(k).is_empty() {
                return Err(bad(format!("cell {k} has no constraint")));
            }
            if self.classes_of[k] >= self.classes {
                return Err(bad(format!("cell {k} has class {} of {}", self.classes_of[k], self.classes)));
            }
            if !(self.scales[k] > 0.0 && self.precision.holds(self.scales[k])) {
                return Err(bad(format!("cell {k} has scale {}", self.scales[k])));
            }
        }
        Ok(())
    }

    /// Number of cells, `K`.
    #[must_use]
    pub fn cells(&self) -> usize {
        self.ends.len()
    }

    /// Number of classes, `L`.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Which head it has.
    #[must_use]
    pub fn head(&self) -> Head {
        self.head
    }

    /// The distinct constraints, by feature, side and threshold.
    #[must_use]
    pub fn constraints(&self) -> &[Constraint] {
        &self.constraints
    }

    /// Number of constraints of all cells together.
    #[must_use]
    pub fn memberships(&self) -> usize {
        self.members.len()
    }

    /// The constraints of cell `cell`, as positions in
    /// [`CellNetwork::constraints`], increasing.
    ///
    /// # Panics
    /// When there is no such cell.
    #[inline]
    #[must_use]
    pub fn members_of(&self, cell: usize) -> &[u32] {
        let start = if cell == 0 { 0 } else { self.ends[cell - 1] };
        &self.members[start..self.ends[cell]]
    }

    /// The class of every cell.
    #[must_use]
    pub fn classes_of_cells(&self) -> &[usize] {
        &self.classes_of
    }

    /// The scale of every cell.
    #[must_use]
    pub fn scales(&self) -> &[f64] {
        &self.scales
    }

    /// The outputs at one point `x`, `n` numbers, as `arithmetic` has them.
    pub fn evaluate_in<A: Arithmetic>(&self, arithmetic: &mut A, x: &[A::Number]) -> Vec<A::Number> {
        let projected: Option<Vec<A::Number>> = (!self.directions.is_empty()).then(|| {
            let last = through(arithmetic, &self.directions, x.to_vec());
            last.iter().map(|z| arithmetic.relu(z)).collect()
        });
        let x = projected.as_deref().unwrap_or(x);
        let violations: Vec<A::Number> = self
            .constraints
            .iter()
            .map(|constraint| {
                let threshold = arithmetic.number(constraint.threshold);
                let excess = match constraint.side {
                    Side::AtLeast => arithmetic.minus(&threshold, &x[constraint.feature]),
                    Side::AtMost => arithmetic.minus(&x[constraint.feature], &threshold),
                };
                arithmetic.relu(&excess)
            })
            .collect();
        let (zero, one) = (arithmetic.number(0.0), arithmetic.number(1.0));
        let mut indicators = vec![vec![]; self.classes];
        for (k, &class) in self.classes_of.iter().enumerate() {
            let own: Vec<_> = self.members_of(k).iter().map(|&t| violations[t as usize].clone()).collect();
            let sum = arithmetic.sum(&own);
            let level = arithmetic.dot(&one, &[(-self.scales[k], sum)]);
            indicators[class].push(arithmetic.relu(&level));
        }
        let scores: Vec<A::Number> = indicators.iter().map(|own| arithmetic.sum(own)).collect();
        if self.head == Head::Logits {
            return scores;
        }
        let mut terms = vec![];
        for (c, score) in scores.iter().enumerate() {
            let missing = arithmetic.minus(&one, score);
            let absent = arithmetic.relu(&missing);
            let present = arithmetic.minus(&one, &absent);
            terms.push(((c + 1) as f64, arithmetic.relu(&present)));
        }
        vec![arithmetic.dot(&zero, &terms)]
    }

    /// `v_t`: one weight of size 1 and one bias each.
    fn violations(&self) -> Layer {
        let mut layer = LayerBuilder::new(self.coordinates);
        for c in &self.constraints {
            match c.side {
                Side::AtLeast => layer.weight(c.feature, -1.0).bias(c.threshold),
                Side::AtMost => layer.weight(c.feature, 1.0).bias(-c.threshold),
            };
        }
        layer.finish()
    }

    /// `I_k`.
    fn indicators(&self) -> Layer {
        let mut layer = LayerBuilder::new(self.constraints.len());
        for k in 0..self.cells() {
            for &t in self.members_of(k) {
                layer.weight(t as usize, -self.scales[k]);
            }
            layer.bias(1.0);
        }
        layer.finish()
    }

    /// `s_c`, or `1 − s_c` for a scalar head.
    fn scores(&self) -> Layer {
        let mut of_class = vec![vec![]; self.classes];
        for (k, &class) in self.classes_of.iter().enumerate() {
            of_class[class].push(k);
        }
        let (weight, bias) = match self.head {
            Head::Logits => (1.0, 0.0),
            Head::Scalar => (-1.0, 1.0),
        };
        let mut layer = LayerBuilder::new(self.cells());
        for cells in of_class {
            for k in cells {
                layer.weight(k, weight);
            }
            layer.bias(bias);
        }
        layer.finish()
    }

    /// `1 − u_c`.
    fn cut_off(&self) -> Layer {
        let mut layer = LayerBuilder::new(self.classes);
        for c in 0..self.classes {
            layer.weight(c, -1.0).bias(1.0);
        }
        layer.finish()
    }

    /// `Σ_c (c + 1) w_c`.
    fn label(&self) -> Layer {
        let mut layer = LayerBuilder::new(self.classes);
        for c in 0..self.classes {
            layer.weight(c, (c + 1) as f64);
        }
        layer.bias(0.0);
        layer.finish()
    }
}

impl Network for CellNetwork {
    fn precision(&self) -> Precision {
        self.precision
    }

    fn inputs(&self) -> usize {
        self.directions.first().map_or(self.coordinates, Layer::inputs)
    }

    fn outputs(&self) -> usize {
        match self.head {
            Head::Scalar => 1,
            Head::Logits => self.classes,
        }
    }

    fn depth(&self) -> usize {
        let behind = match self.head {
            Head::Scalar => 5,
            Head::Logits => 3,
        };
        behind + self.directions.len()
    }

    fn layer(&self, index: usize) -> Layer {
        if let Some(layer) = self.directions.get(index) {
            return layer.clone();
        }
        match index - self.directions.len() {
            0 => self.violations(),
            1 => self.indicators(),
            2 => self.scores(),
            3 => self.cut_off(),
            _ => self.label(),
        }
    }
}

/// One zero only, so that equal constraints are shared.
fn positive_zero(constraint: Constraint) -> Constraint {
    Constraint { threshold: constraint.threshold + 0.0, ..constraint }
}

fn bad(why: String) -> Error {
    Error::BadForm { form: "cells", why }
}
