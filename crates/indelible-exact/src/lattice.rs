//! Keys of lattice cells: the first stage of Kim, Moon & Yun (NeurIPS 2025, Theorem
//! 4.2 (i)).
//!
//! Rows project the samples, a shift for every row puts the widest gap that they leave
//! modulo the width of a cell around its walls, and what then lies within one cell of the
//! lattice has one key. Two enemies are in different cells, at the latest where cells are
//! as wide as they are apart in some place, and no ball reaches a wall.

use dashu_int::IBig;
use indelible::{Dataset, number::random::Random};
use rayon::prelude::*;

use crate::{
    Cuts, Error, Line,
    floor::Floor,
    line::any_direction,
    number::{big, bits, power, scaled_down},
    places::{Places, Rows, axes, is_radius, length},
};

/// Binary digits that walls may have beyond those of the places.
const FINER: usize = 32;
/// The seed of the rows, where there are fewer than features.
const SEED: u64 = 1;

/// How many rows the theorem projects to, `min(n, max(⌈864 ln N⌉, ⌈10 ln n⌉))`: n, but for
/// data of very many features.
fn dimensions(samples: usize, features: usize) -> usize {
    let needed = (864.0 * (samples as f64).ln()).max(10.0 * (features as f64).ln());
    (1..features).find(|m| *m as f64 >= needed).unwrap_or(features)
}

/// The places of the samples along the rows: the features themselves, or random ones
/// where the theorem needs fewer.
pub(crate) fn projected(data: &Dataset, line: &Line) -> Result<Places, Error> {
    let (n, m) = (data.features(), dimensions(data.samples(), data.features()));
    let mut random = Random::new(SEED);
    let rows = if m == n { axes(n) } else { (0..m).map(|_| any_direction(n, &mut random)).collect() };
    Ok(Places::new(data, rows, line.norm())?.finer(FINER))
}

/// Cuts between runs of keys, for the widest cells that keep enemies apart.
///
/// # Errors
/// [`Error::NoRoom`] when no lattice leaves balls of `radius` within its cells,
/// [`Error::NoLine`] when enemies coincide along every row.
pub(crate) fn cuts(data: &Dataset, line: &Line, radius: f64) -> Result<Cuts, Error> {
    is_radius(radius)?;
    let places = projected(data, line)?;
    let found = |radius: f64| widest(&places, data.labels(), &places.reaches(radius));
    if let Some(cuts) = found(radius) {
        return Ok(cuts);
    }
    match found(0.0) {
        Some(cuts) => Err(Error::NoRoom { what: "the lattice", radius, largest: cuts.radius() }),
        None => Err(Error::NoLine { tried: places.of.len() }),
    }
}

fn widest(places: &Places, labels: &[usize], reach: &[IBig]) -> Option<Cuts> {
    (FINER..=largest(places)).rev().find_map(|unit| {
        let lattice = Lattice::new(places, reach, unit, 0..labels.len())?;
        lattice.cuts(places, labels)
    })
}

/// Digits of a cell that is wider than all places are apart.
pub(crate) fn largest(places: &Places) -> usize {
    let range = |of: &Vec<IBig>| match (of.iter().min(), of.iter().max()) {
        (Some(low), Some(high)) => bits(&(high - low)),
        _ => 0,
    };
    places.of.iter().map(range).max().unwrap_or(0).max(FINER)
}

/// Cells of `2^unit` places along every row, and where their walls are.
pub(crate) struct Lattice {
    unit: usize,
    /// Walls are multiples of `2^fine`, and a strip of that width below each is free of
    /// balls.
    pub fine: usize,
    /// One wall of every row, in units of `2^fine`.
    pub walls: Vec<IBig>,
    /// How far samples stay from the strips at least; for every row.
    rooms: Vec<IBig>,
}

impl Lattice {
    /// For the samples `of`; `None` where their balls leave no gap.
    pub fn new(places: &Places, reach: &[IBig], unit: usize, of: std::ops::Range<usize>) -> Option<Self> {
        let gaps = places.of.par_iter().map(|row| widest_gap(&row[of.clone()], unit));
        let gaps: Vec<(IBig, IBig)> = gaps.collect();
        // Two strips fit, so that a multiple of their width lies well inside; at least two
        // strips fill a cell.
        let free = gaps.iter().zip(reach).map(|((low, high), reach)| high - low - reach * big(2)).min()?;
        let fine = bits(&free).checked_sub(2).filter(|_| free > IBig::ZERO)?.min(unit - 1);
        let walls: Vec<IBig> = gaps
            .iter()
            .map(|(low, high)| scaled_down(&(low + high), -signed(fine + 1)) + IBig::ONE)
            .collect();
        let rooms = gaps
            .iter()
            .zip(&walls)
            .map(|((low, high), wall)| (((wall - IBig::ONE) << fine) - low).min(high - (wall << fine)));
        Some(Self { unit, fine, rooms: rooms.collect(), walls })
    }

    /// The number of the cell of every sample along every row, from the first wall on.
    pub fn cells(&self, places: &Places) -> Vec<Vec<IBig>> {
        let along = |(row, wall): (&Vec<IBig>, &IBig)| {
            let cell = |place: &IBig| scaled_down(&(place - (wall << self.fine)), -signed(self.unit));
            row.par_iter().map(cell).collect()
        };
        places.of.iter().zip(&self.walls).map(along).collect()
    }

    /// Digits of a cell that are left away.
    pub fn fraction(&self) -> usize {
        self.unit - self.fine
    }

    /// The cuts between the keys of all samples; `None` where enemies have one.
    fn cuts(&self, places: &Places, labels: &[usize]) -> Option<Cuts> {
        let mut cells = self.cells(places);
        let lowest: Vec<IBig> = cells.iter().filter_map(|row| row.iter().min().cloned()).collect();
        for (row, lowest) in cells.iter_mut().zip(&lowest) {
            row.iter_mut().for_each(|cell| *cell -= lowest);
        }
        let digits = cells.iter().flatten().map(bits).max().unwrap_or(0).max(1);
        let floor = Floor { digits, fraction: self.fraction() };
        let mut keys: Vec<(IBig, usize)> =
            (0..labels.len()).map(|i| (floor.key(cells.iter().map(|row| &row[i])), labels[i])).collect();
        keys.par_sort_unstable();
        let largest = keys.last().map_or(IBig::ONE, |(key, _)| key + IBig::ONE);
        let (mut cuts, mut runs) = (vec![], vec![keys.first()?.1 + 1]);
        for pair in keys.windows(2).filter(|pair| pair[0].1 != pair[1].1) {
            if pair[0].0 == pair[1].0 {
                return None;
            }
            cuts.push(pair[1].0.clone());
            runs.push(pair[1].1 + 1);
        }
        let length = |(room, dual): (&IBig, &f64)| length(room, places.resolution, *dual);
        let shift = |(wall, lowest): (&IBig, &IBig)| -wall - (lowest << self.fraction());
        Some(Cuts {
            rows: Rows {
                weights: places.weights.clone(),
                exponent: -(places.resolution + signed(self.fine)),
                shifts: self.walls.iter().zip(&lowest).map(shift).collect(),
            },
            floor: Some(floor),
            cuts,
            labels: runs,
            key_bits: bits(&largest),
            radius: self.rooms.iter().zip(&places.duals).map(length).fold(f64::INFINITY, f64::min),
        })
    }
}

/// The widest gap between neighbours modulo `2^unit`, as numbers of which the second is
/// the larger one.
fn widest_gap(row: &[IBig], unit: usize) -> (IBig, IBig) {
    let width = power(unit);
    let part = |place: &IBig| place - (scaled_down(place, -signed(unit)) << unit);
    let mut parts: Vec<IBig> = row.iter().map(part).collect();
    parts.sort_unstable();
    let around = match (parts.first(), parts.last()) {
        (Some(first), Some(last)) => (last.clone(), first + &width),
        _ => (IBig::ZERO, width),
    };
    let between = parts.windows(2).map(|pair| (pair[0].clone(), pair[1].clone()));
    between.fold(around, |widest, gap| if &gap.1 - &gap.0 > &widest.1 - &widest.0 { gap } else { widest })
}

pub(crate) fn signed(digits: usize) -> i64 {
    i64::try_from(digits).unwrap_or(i64::MAX)
}
