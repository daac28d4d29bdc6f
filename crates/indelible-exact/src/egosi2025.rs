//! Robust memorization in a narrow network: Egosi, Yehudai & Shamir, "Logarithmic Width
//! Suffices for Robust Memorization", COLT 2025: width k for radii with
//! `ρ ≤ (1/(4√e)) √((k − 6)/n) N^{−2/(k−6)}`, by a random projection to k − 6 dimensions. Of the
//! source the abstract and a summary of its theorems were at hand.
//!
//! **Guarantee.** Exactly `y_i` on every ball of a radius for which rows were found along which
//! the balls of enemies are apart, each pair along one of them: every radius below
//! `λ_∞/2` in linf, in other norms every one that the features themselves tell apart.
//!
//! **Size.** With d rows of W weights that are not 0, depth `Nd + 4`, width `d + 5` (k − 1 in the
//! source's counting) and `W + d²(N − 1) + d(d − 1)/2 + (9N − s − 1)d + N + 2G + 2` nonzero
//! parameters, where s samples have the first of G labels; less shifts that are 0. All entries
//! `O(N d³)`. No number but thresholds and rows is larger than a label.
//!
//! **Method.** One sample after the other, those of one label together, one row a layer. The rows
//! `t` pass on, and with thresholds `a_j ≤ t_j ≤ b_j` on the ball of sample k
//!
//! ```text
//! E_k = Σ_j relu(t_j − b_j) + relu(a_j − t_j),   B ← relu(B − relu(1 − E_k)),   B = 1 at first
//! F ← F + y (1 − B)   where the samples of label y end
//! ```
//!
//! `E_k` is 0 on the ball and at least 1 on those of enemies, in the largest power of two as
//! unit for which it is; so B is 0 in the end on the balls of its label and 1 on all others.
//! The distance is that of `yu2024-linf` with its differences one after the other; how the
//! source goes on behind its projection was not read. The rows are the line and random ones,
//! 1, 2, 4, … of them, and the features themselves where as many would be needed.
//!
//! **Floating point.** None: integers of any size.

use dashu_int::IBig;
use indelible::{Dataset, number::random::Random};
use rayon::prelude::*;

use crate::{
    Error, ExactNetwork, Line, Memorizer,
    builder::{Builder, Sum},
    line::any_direction,
    number::{big, bits, scaled_down, scaled_up},
    places::{Places, Rows, axes, is_radius, length},
    plan::Shape,
};

pub(crate) const ENTRY: Memorizer = Memorizer {
    name: "egosi2025",
    source: "Egosi, Yehudai & Shamir, COLT 2025; steps and count: this library",
    formula: "W + d²(N − 1) + d(d − 1)/2 + (9N − s − 1)d + N + 2G + 2, s samples of the first of G labels",
    is_provable: true,
    most_unnamed: 1 << 14,
    shape: |data, line, radius, _| Ok(Box::new(boxes(data, line, radius)?)),
};

/// Binary digits that thresholds may have beyond those of the places.
const FINER: usize = 32;
/// The seed of the rows.
const SEED: u64 = 1;

/// Boxes around the images of all balls, in the order of their labels.
struct Boxes {
    rows: Rows,
    /// For every sample and row the ends of its box.
    ends: Vec<Vec<[IBig; 2]>>,
    labels: Vec<usize>,
    radius: f64,
}

/// # Errors
/// [`Error::NoRoom`] when balls of enemies meet along every feature.
fn boxes(data: &Dataset, line: &Line, radius: f64) -> Result<Boxes, Error> {
    is_radius(radius)?;
    let (n, mut random) = (data.features(), Random::new(SEED));
    let mut weights = vec![line.weights.clone()];
    while weights.len() < n {
        if let Some(boxes) = Boxes::new(data, along(data, line, weights.clone())?, radius) {
            return Ok(boxes);
        }
        let more = weights.len();
        weights.extend((0..more).map(|_| any_direction(n, &mut random)));
    }
    let features = along(data, line, axes(n))?;
    let largest = apart(&features, data.labels(), &features.reaches(0.0));
    Boxes::new(data, features, radius).ok_or(Error::NoRoom { what: "the sup norm", radius, largest })
}

fn along(data: &Dataset, line: &Line, weights: Vec<Vec<i64>>) -> Result<Places, Error> {
    Ok(Places::new(data, weights, line.norm())?.finer(FINER))
}

/// How far enemies are apart beyond what their balls reach, along the row that is best for
/// them; of all pairs the least.
fn slack(places: &Places, labels: &[usize], reach: &[IBig]) -> Option<IBig> {
    let both: Vec<IBig> = reach.iter().map(|reach| reach * big(2)).collect();
    let apart = |i: usize, j: usize| {
        let along = places.of.iter().zip(&both).map(|(row, both)| {
            let apart = &row[i] - &row[j];
            if apart < IBig::ZERO { -apart - both } else { apart - both }
        });
        along.max()
    };
    let nearest = |i: usize| (0..i).filter(|j| labels[i] != labels[*j]).filter_map(|j| apart(i, j)).min();
    (0..labels.len()).into_par_iter().filter_map(nearest).min()
}

/// Below this radius some feature tells every two balls of enemies apart; rounded down.
fn apart(features: &Places, labels: &[usize], nothing: &[IBig]) -> f64 {
    let slack = slack(features, labels, nothing).unwrap_or_default();
    // A feature alone has the dual norm 1.
    length(&slack, features.resolution, 1.0) / 2.0
}

impl Boxes {
    /// `None` where balls of enemies are not told apart by a row.
    fn new(data: &Dataset, places: Places, radius: f64) -> Option<Self> {
        let reach = places.reaches(radius);
        let slack = slack(&places, data.labels(), &reach).filter(|slack| *slack > IBig::ZERO)?;
        // Two units fit, one of which rounding may take.
        let unit = i64::try_from(bits(&slack).checked_sub(2)?).ok()?;
        let ends = |(row, reach): (&Vec<IBig>, &IBig)| -> Vec<[IBig; 2]> {
            let ends =
                |place: &IBig| [scaled_down(&(place - reach), -unit), scaled_up(&(place + reach), -unit)];
            row.iter().map(ends).collect()
        };
        let mut along: Vec<Vec<[IBig; 2]>> = places.of.iter().zip(&reach).map(ends).collect();
        let lowest = |row: &Vec<[IBig; 2]>| row.iter().map(|ends| ends[0].clone()).min().unwrap_or_default();
        let shifts: Vec<IBig> = along.iter().map(|row| IBig::ONE - lowest(row)).collect();
        for (row, shift) in along.iter_mut().zip(&shifts) {
            row.iter_mut().flatten().for_each(|end| *end += shift);
        }
        let of_sample = |i: &usize| along.iter().map(|row| row[*i].clone()).collect();
        let mut order: Vec<usize> = (0..data.samples()).collect();
        order.sort_by_key(|i| data.labels()[*i]);
        Some(Self {
            ends: order.iter().map(of_sample).collect(),
            labels: order.iter().map(|i| data.labels()[*i] + 1).collect(),
            rows: Rows { exponent: -(places.resolution + unit), weights: places.weights, shifts },
            radius,
        })
    }
}

/// One after the other, a layer each: what is said of a sample.
#[derive(Default)]
struct Said {
    /// `F`.
    label: Option<Sum>,
    /// `B` of the label that is at hand, and that label.
    missing: Option<(Sum, usize)>,
    /// `relu(1 − E)` of a sample, whether it is the first of its label, and that.
    hit: Option<(Sum, bool, usize)>,
    /// `1 − E` of the sample behind it.
    next: Option<(Sum, bool, usize)>,
}

impl Said {
    /// The label with what the label at hand adds to it.
    fn with_last(&mut self) -> Option<Sum> {
        let (missing, y) = self.missing.take()?;
        let label = self.label.take().unwrap_or_default();
        Some(label.and(&big(y)).plus(&-big(y), &missing))
    }

    /// Adds the neurons of one layer.
    fn step(&mut self, network: &mut Builder) {
        let hit = self.hit.take();
        if let Some((_, true, _)) = &hit {
            self.label = self.with_last();
        }
        if let Some(label) = &mut self.label {
            network.pass(label);
        }
        if let Some((hit, _, y)) = hit {
            let before = self.missing.take().map_or(Sum::number(IBig::ONE), |(missing, _)| missing);
            self.missing = Some((before.plus(&-IBig::ONE, &hit), y));
        }
        if let Some((missing, _)) = &mut self.missing {
            network.pass(missing);
        }
        self.hit = self.next.take().map(|(sum, is_first, y)| (Sum::of(network.push(sum)), is_first, y));
    }
}

impl Shape for Boxes {
    fn build(&self, _group: usize) -> ExactNetwork {
        let mut network = Builder::on(&self.rows);
        let (d, minus) = (self.rows.shifts.len(), -IBig::ONE);
        let mut places: Vec<Sum> = (0..d).map(Sum::of).collect();
        let mut said = Said::default();
        for (k, (ends, y)) in self.ends.iter().zip(&self.labels).enumerate() {
            let mut outside = Sum::default();
            for (j, [low, high]) in ends.iter().enumerate() {
                let place = places[j].clone();
                for (at, place) in places.iter_mut().enumerate() {
                    if k + 1 < self.ends.len() || at > j {
                        network.pass(place);
                    }
                }
                if j > 0 {
                    network.pass(&mut outside);
                }
                let below = network.push(Sum::number(low.clone()).plus(&minus, &place));
                let above = network.push(place.and(&-high));
                said.step(&mut network);
                network.close();
                outside = outside.plus(&IBig::ONE, &Sum::of(below)).plus(&IBig::ONE, &Sum::of(above));
            }
            let is_first = k == 0 || self.labels[k - 1] != *y;
            said.next = Some((Sum::number(IBig::ONE).plus(&minus, &outside), is_first, *y));
        }
        for _ in 0..2 {
            said.step(&mut network);
            network.close();
        }
        network.finish(said.with_last().unwrap_or_default())
    }

    fn parameters(&self, _group: usize) -> usize {
        let (samples, d) = (self.labels.len(), self.rows.shifts.len());
        let groups = self.labels.chunk_by(|a, b| a == b);
        let first = groups.clone().next().map_or(0, <[usize]>::len);
        let places = d * d * (samples - 1) + d * (d - 1) / 2 + d * (9 * samples - first - 2);
        self.rows.nonzero() + self.rows.shifted() + places + samples + 2 * groups.count() + 2
    }

    fn depth(&self, _group: usize) -> usize {
        self.labels.len() * self.rows.shifts.len() + 4
    }

    fn radius(&self) -> f64 {
        self.radius
    }

    fn place_bits(&self) -> usize {
        self.ends.iter().flatten().flatten().map(bits).max().unwrap_or(0) + 1
    }
}
