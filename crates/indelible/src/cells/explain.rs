//! Why a network of cells gives a sample its class: the cell that holds its ball,
//! and whom each of its constraints keeps out.

use std::{borrow::Cow, cmp::Reverse, ops::Range};

use crate::{
    Dataset, Error, Norm, Radii,
    network::{BallImage, CellNetwork, Constraint, Image, Model, Network, ScaledBall, ScalingMap, Side},
    number::{add_down, add_up, div_down, div_up, sub_down},
    parallel,
};

use super::balls::holds;

/// Balls that are looked at together.
const AT_ONCE: usize = 64;

/// The cells that a network is, and the balls of samples that they are asked about.
#[derive(Debug)]
pub struct OpenedCells<'a> {
    cells: Cow<'a, CellNetwork>,
    map: Option<ScalingMap<'a>>,
    data: &'a Dataset,
    radii: Radii,
    norm: Norm,
}

impl<'a> OpenedCells<'a> {
    /// Opens `model`, cells or the layers that they are, a map of the features in front
    /// or none, and `data` with the radii that its file claims in a norm: 0 where it claims none for these samples, or
    /// in a norm whose balls single features do not see.
    ///
    /// # Errors
    /// [`Error::NotCells`] for other networks, [`Error::InputWidth`] where the data
    /// have other features.
    pub fn new(
        model: &'a Model,
        claimed: Option<(&Radii, Option<Norm>)>,
        data: &'a Dataset,
    ) -> Result<Self, Error> {
        let (map, behind) = match model {
            Model::Scaled(scaled) => {
                let (precision, raw) = (model.precision(), !model.has_scaled_balls());
                (Some(ScalingMap { scaling: scaled.scaling(), precision, raw }), scaled.inner())
            }
            model => (None, model),
        };
        let cells = match behind {
            Model::Cells(cells) => Some(Cow::Borrowed(cells)),
            Model::Layers(layers) => CellNetwork::from_layers(layers).map(Cow::Owned),
            _ => None,
        };
        let cells = cells.ok_or(Error::NotCells)?;
        let (expected, given) = (cells.inputs(), data.features());
        if given != expected {
            return Err(Error::InputWidth { expected, given });
        }
        let radii = visible_radii(&cells, claimed, data.samples());
        let norm = claimed.and_then(|(_, norm)| norm).unwrap_or(Norm::Linf);
        Ok(Self { cells, map, data, radii, norm })
    }

    /// The cells.
    #[must_use]
    pub fn cells(&self) -> &CellNetwork {
        &self.cells
    }

    /// The radius of each ball, measured as balls of the network are
    /// ([`Model::has_scaled_balls`]).
    #[must_use]
    pub fn radii(&self) -> &Radii {
        &self.radii
    }

    /// The balls, as the cells see them.
    ///
    /// # Errors
    /// [`Error::BadForm`] where a direction reads a number twice.
    pub fn balls(&self) -> Result<BallsOfCells<'_>, Error> {
        let why = || "a direction reads a number twice; expected each once".into();
        let layers = self.cells.directions();
        let image = BallImage::new(layers, self.cells.precision(), self.norm);
        if image.is_none() && !layers.is_empty() {
            return Err(Error::BadForm { form: "cells", why: why() });
        }
        let &Self { map, data, ref radii, norm, .. } = self;
        Ok(BallsOfCells { data, radii, norm, map, image })
    }
}

/// Balls around samples, and where the network looks along directions their
/// images under these.
#[derive(Debug)]
pub struct BallsOfCells<'a> {
    data: &'a Dataset,
    radii: &'a Radii,
    norm: Norm,
    /// What stands in front of the cells.
    map: Option<ScalingMap<'a>>,
    image: Option<BallImage<'a>>,
}

/// A constraint of a cell that holds a ball. Behind a map of the features it is said in
/// their own units, each end rounded to the side on which that stays true.
#[derive(Clone, Debug, PartialEq)]
pub struct ConstraintReason {
    /// The constraint: on a feature, or on a direction of the network.
    pub constraint: Constraint,
    /// What it is on for the sample: the value of the feature, in its units, or
    /// the middle of the image of the sample under the direction.
    pub value: f64,
    /// The enemies whose whole ball violates it, in ascending order.
    pub excluded: Vec<usize>,
    /// The end of such a ball that is nearest to the threshold; infinite, on the
    /// side that violates, where nobody is excluded.
    pub nearest: f64,
}

/// Why a sample gets its class.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The first cell of its class that holds its ball: cells stand in the order
    /// of their constraints, fewest first.
    pub cell: usize,
    /// How many cells of its class hold its ball.
    pub cells: usize,
    /// How many samples of its class the cell holds with their balls.
    pub samples_in_cell: usize,
    /// The constraints of the cell, those first that exclude most.
    pub reasons: Vec<ConstraintReason>,
}

impl BallsOfCells<'_> {
    /// What a constraint is on: the value of a feature, or the image under a
    /// direction.
    ///
    /// # Panics
    /// When there is no such sample or feature.
    #[must_use]
    pub fn value(&self, feature: usize, sample: usize) -> f64 {
        let Some(image) = &self.image else { return self.data.value(sample, feature) };
        let mut read = self.data.row(sample);
        if let Some(map) = &self.map {
            map.scaling.execute(&mut read, map.precision);
        }
        image.of(feature, &read, 0.0).center
    }

    /// The ends of balls behind a map along each of `numbers`, as [`ends`](Self::ends).
    fn ends_behind(&self, map: &ScalingMap<'_>, samples: Range<usize>, numbers: &[usize]) -> Vec<(f64, f64)> {
        let of = |sample: usize| {
            let ball = map.image(&self.data.row(sample), self.norm, self.radii.of(sample));
            let Some(ScaledBall { center, radius, halves }) = ball else {
                return vec![(f64::NEG_INFINITY, f64::INFINITY); numbers.len()];
            };
            match &self.image {
                Some(image) => {
                    image.under(&center, &[radius], numbers.iter().copied()).iter().map(Image::ends).collect()
                }
                None => {
                    let ends = |&f: &usize| (sub_down(center[f], halves[f]), add_up(center[f], halves[f]));
                    numbers.iter().map(ends).collect()
                }
            }
        };
        samples.flat_map(of).collect()
    }

    /// A constraint and the nearest end of a ball that violates it, in the units of the
    /// features.
    fn in_units(&self, constraint: Constraint, nearest: f64) -> (Constraint, f64) {
        let (Some(map), None) = (&self.map, &self.image) else { return (constraint, nearest) };
        let feature = constraint.feature;
        let (m, w) = (map.scaling.offsets()[feature], map.scaling.factors()[feature]);
        let down = |z: f64| add_down(div_down(z, w), m);
        let up = |z: f64| add_up(div_up(z, w), m);
        let (threshold, nearest) = match constraint.side {
            Side::AtLeast => (down(constraint.threshold), up(nearest)),
            Side::AtMost => (up(constraint.threshold), down(nearest)),
        };
        (Constraint { threshold, ..constraint }, nearest)
    }

    /// The ends of the balls of some samples along each of `numbers`, features or
    /// directions, sample by sample.
    fn ends(&self, samples: Range<usize>, numbers: &[usize]) -> Vec<(f64, f64)> {
        if let Some(map) = &self.map {
            return self.ends_behind(map, samples, numbers);
        }
        let Some(image) = &self.image else {
            let ends = |sample: usize, feature: usize| {
                let (x, radius) = (self.data.value(sample, feature), self.radii.of(sample));
                (sub_down(x, radius), add_up(x, radius))
            };
            return samples.flat_map(|i| numbers.iter().map(move |&f| ends(i, f))).collect();
        };
        let x: Vec<f64> = samples.clone().flat_map(|sample| self.data.row(sample)).collect();
        let radii: Vec<f64> = samples.map(|sample| self.radii.of(sample)).collect();
        image.under(&x, &radii, numbers.iter().copied()).iter().map(Image::ends).collect()
    }

    /// Why `cells` give `sample` its class, `classes` being the class of the
    /// network for each class of the data. `None` when no cell of the class holds
    /// the ball.
    ///
    /// # Panics
    /// When the data have other features than the network, there is no such
    /// sample, or `classes` misses a class.
    #[must_use]
    pub fn explain(&self, cells: &CellNetwork, classes: &[usize], sample: usize) -> Option<Explanation> {
        let labels = self.data.labels();
        let class = classes[labels[sample]];
        let all: Vec<usize> = (0..cells.coordinates()).collect();
        let own = self.ends(sample..sample + 1, &all);
        let is_own = |&cell: &usize| {
            cells.classes_of_cells()[cell] == class
                && constraints(cells, cell).all(|c| holds(&c, own[c.feature]))
        };
        let found: Vec<usize> = (0..cells.cells()).filter(is_own).collect();
        let cell = *found.first()?;
        let chosen: Vec<Constraint> = constraints(cells, cell).collect();
        let numbers: Vec<usize> = chosen.iter().map(|constraint| constraint.feature).collect();
        // All balls along what the cell has constraints on, one row each.
        let ends: Vec<(f64, f64)> = parallel::flat_map(labels.len().div_ceil(AT_ONCE), |number| {
            let start = number * AT_ONCE;
            self.ends(start..labels.len().min(start + AT_ONCE), &numbers)
        });
        let rows = || ends.chunks_exact(numbers.len().max(1)).zip(labels);
        let mut reasons: Vec<ConstraintReason> = chosen
            .iter()
            .enumerate()
            .map(|(place, &constraint)| {
                let sign = sign(constraint.side);
                let mut nearest = f64::NEG_INFINITY;
                let mut excluded = vec![];
                for (i, (row, &label)) in rows().enumerate() {
                    let (lower, upper) = row[place];
                    let end = if constraint.side == Side::AtLeast { upper } else { -lower };
                    if label != labels[sample] && end < sign * constraint.threshold {
                        nearest = nearest.max(end);
                        excluded.push(i);
                    }
                }
                let value = self.value(constraint.feature, sample);
                let (constraint, nearest) = self.in_units(constraint, sign * nearest);
                ConstraintReason { constraint, value, excluded, nearest }
            })
            .collect();
        reasons.sort_by_key(|reason| Reverse(reason.excluded.len()));
        let inside = |row: &[(f64, f64)]| chosen.iter().zip(row).all(|(c, &ends)| holds(c, ends));
        let samples_in_cell = rows().filter(|&(row, &label)| classes[label] == class && inside(row)).count();
        Some(Explanation { cell, cells: found.len(), samples_in_cell, reasons })
    }
}

/// 1 for constraints from below, −1 for those from above: with this factor on
/// both sides, a constraint is always one from below.
#[must_use]
pub fn sign(side: Side) -> f64 {
    match side {
        Side::AtLeast => 1.0,
        Side::AtMost => -1.0,
    }
}

/// The constraints of a cell.
fn constraints(cells: &CellNetwork, cell: usize) -> impl Iterator<Item = Constraint> {
    cells.members_of(cell).iter().map(|&t| cells.constraints()[t as usize])
}

/// The radii that can be spoken of: those that a file claims, and 0 where it
/// claims none for these samples or in a norm whose balls single features do not
/// see.
fn visible_radii(cells: &CellNetwork, claimed: Option<(&Radii, Option<Norm>)>, samples: usize) -> Radii {
    match claimed {
        Some((_, norm)) if cells.directions().is_empty() && norm != Some(Norm::Linf) => Radii::Uniform(0.0),
        Some((Radii::PerSample(radii), _)) if radii.len() != samples => Radii::Uniform(0.0),
        Some((radii, _)) => radii.clone(),
        None => Radii::Uniform(0.0),
    }
}
