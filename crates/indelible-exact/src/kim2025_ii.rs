//! Groups of samples with a lattice each: Kim, Moon & Yun, NeurIPS 2025, Theorem 4.2 (ii): ρ up to
//! 1/(5√n), p = 2, all entries Õ(N n^¼ ρ^½). Of the source the statement and a sketch of the
//! proof were at hand.
//!
//! **Guarantee.** Only up to a small volume of every ball: the lattice of a group has its walls
//! where no ball of that group is, and those of other groups may stand there. Nothing is
//! certified of it; it is built to be counted.
//!
//! **Size.** Groups of `M = ⌊1/(5ρ√n)⌋` samples. With G of them, their keys' runs in D_g layers
//! and P_g nonzero parameters as of `kim2025` behind rows of one weight each, `Σ_g D_g + 2`
//! layers and `W + m + Σ_g P_g + m Σ_{g<G} D_g + Σ_{g>1} (D_g + 1) + G` nonzero parameters for
//! G ≥ 2; less shifts that are 0.
//!
//! **Method.** One group after the other, `kim2025` with a run of label 0 between the keys
//! of its samples, and the running maximum of what they say; the projected places pass on.
//!
//! **Floating point.** None: integers of any size.

use std::collections::BTreeMap;

use dashu_int::IBig;
use indelible::{Dataset, Silent, separation::separation};

use crate::{
    Cuts, Error, ExactNetwork, Line, Memorizer,
    bit_extraction::{decode, depth, parameters},
    builder::{Builder, Sum},
    floor::Floor,
    lattice::{Lattice, largest, projected, signed},
    number::{bits, scaled_down},
    places::{Places, Rows, axes, is_radius},
    plan::Shape,
    vardi2022::fewest,
};

pub(crate) const ENTRY: Memorizer = Memorizer {
    name: "kim2025-ii",
    source: "Kim, Moon & Yun, NeurIPS 2025, Theorem 4.2 (ii); cells, cuts and count: this library",
    formula: "W + m + Σ P + m Σ_{g<G} D + Σ_{g>1} (D + 1) + G, groups of ⌊1/(5ρ√n)⌋ samples",
    is_provable: false,
    most_unnamed: 0,
    shape: |data, line, radius, _| Ok(Box::new(groups(data, line, radius)?)),
};

/// A lattice for every group, behind common rows.
struct Groups {
    rows: Rows,
    /// Over the places along the rows.
    of: Vec<Cuts>,
    radius: f64,
}

/// # Errors
/// [`Error::NoRoom`] when groups would have less than one sample, or no lattices keep enemies
/// apart.
fn groups(data: &Dataset, line: &Line, radius: f64) -> Result<Groups, Error> {
    is_radius(radius)?;
    let (samples, n) = (data.samples(), data.features() as f64);
    let distance = separation(data, line.norm(), &Silent).distance.lower;
    let largest_radius = distance / (10.0 * n.sqrt());
    let no_room = || Error::NoRoom { what: "the construction", radius, largest: largest_radius };
    if radius > largest_radius {
        return Err(no_room());
    }
    let share = largest_radius / radius;
    let size = (1..=samples).take_while(|size| *size as f64 <= share).last().unwrap_or(1);
    let places = projected(data, line)?;
    let reach = places.reaches(radius);
    let found = (1..=largest(&places)).rev().find_map(|unit| {
        let lattices: Option<Vec<Lattice>> = (0..samples)
            .step_by(size)
            .map(|from| Lattice::new(&places, &reach, unit, from..(from + size).min(samples)))
            .collect();
        of_lattices(&lattices?, &places, &reach, data.labels(), size)
    });
    let (rows, of) = found.ok_or_else(no_room)?;
    Ok(Groups { rows, of, radius })
}

/// The common rows and the cuts of every group; `None` where an enemy of a sample of some
/// group is in its cell.
fn of_lattices(
    lattices: &[Lattice],
    places: &Places,
    reach: &[IBig],
    labels: &[usize],
    size: usize,
) -> Option<(Rows, Vec<Cuts>)> {
    let fine = lattices.iter().map(|lattice| lattice.fine).min()?;
    let low = |(row, reach): (&Vec<IBig>, &IBig)| {
        let low = row.iter().min().cloned().unwrap_or_default() - reach;
        IBig::ONE - scaled_down(&low, -signed(fine))
    };
    let shifts: Vec<IBig> = places.of.iter().zip(reach).map(low).collect();
    let mut groups = vec![];
    let mut digits = 1;
    for lattice in lattices {
        let mut cells = lattice.cells(places);
        let fraction = lattice.fraction() + lattice.fine - fine;
        let mut own = vec![];
        for ((row, wall), shift) in cells.iter_mut().zip(&lattice.walls).zip(&shifts) {
            let lowest = row.iter().min().cloned().unwrap_or_default();
            row.iter_mut().for_each(|cell| *cell -= &lowest);
            own.push(-(wall << (lattice.fine - fine)) - (lowest << fraction) - shift);
        }
        digits = cells.iter().flatten().map(bits).max().unwrap_or(0).max(digits);
        groups.push((cells, own, fraction));
    }
    let mut of = vec![];
    for (at, (cells, own, fraction)) in groups.into_iter().enumerate() {
        let floor = Floor { digits, fraction };
        let key = |i: usize| floor.key(cells.iter().map(|row| &row[i]));
        let keys: Vec<(IBig, usize)> = (0..labels.len()).map(|i| (key(i), labels[i])).collect();
        let group: BTreeMap<IBig, usize> = keys.iter().skip(at * size).take(size).cloned().collect();
        if keys.iter().any(|(key, label)| group.get(key).is_some_and(|own| own != label)) {
            return None;
        }
        let rows = Rows { weights: axes(own.len()), exponent: 0, shifts: own };
        of.push(with_gaps(group, rows, floor));
    }
    let exponent = -(places.resolution + signed(fine));
    Some((Rows { weights: places.weights.clone(), exponent, shifts }, of))
}

/// Runs of the keys, and of label 0 between them.
fn with_gaps(keys: BTreeMap<IBig, usize>, rows: Rows, floor: Floor) -> Cuts {
    let (mut cuts, mut labels, mut next) = (vec![], vec![], IBig::ONE);
    let mut begin = |at: &IBig, label: usize| {
        if labels.last() == Some(&label) {
            return;
        }
        if *at > IBig::ONE {
            cuts.push(at.clone());
        }
        labels.push(label);
    };
    for (key, class) in keys {
        if key > next {
            begin(&next, 0);
        }
        begin(&key, class + 1);
        next = key + IBig::ONE;
    }
    begin(&next, 0);
    let key_bits = bits(&next).max(rows.shifts.len() * floor.digits + 1);
    Cuts { rows, floor: Some(floor), cuts, labels, key_bits, radius: 0.0 }
}

impl Shape for Groups {
    fn build(&self, _group: usize) -> ExactNetwork {
        let mut network = Builder::on(&self.rows);
        let m = self.rows.shifts.len();
        // The places, and the label so far behind them.
        network.carried = (0..m).map(Sum::of).collect();
        let mut label = None;
        for (at, cuts) in self.of.iter().enumerate() {
            let places: Vec<Sum> = network.carried.drain(..m).collect();
            if at + 1 < self.of.len() {
                network.carried.splice(0..0, places.iter().cloned());
            }
            network.carried.extend(label.take());
            for (place, shift) in places.into_iter().zip(&cuts.rows.shifts) {
                network.push(place.and(shift));
            }
            network.close();
            if let Some(floor) = cuts.floor {
                floor.build(&mut network, (0..m).map(Sum::of).collect());
            }
            let mut offer = decode(&mut network, cuts, fewest(cuts));
            if at > 0
                && let Some(so_far) = network.carried.last()
            {
                offer = offer.plus(&-IBig::ONE, so_far);
            }
            let raised = Sum::of(network.push(offer));
            network.close();
            let so_far = if at > 0 { network.carried.pop() } else { None };
            label = Some(so_far.unwrap_or_default().plus(&IBig::ONE, &raised));
        }
        network.finish(label.unwrap_or_default())
    }

    fn parameters(&self, _group: usize) -> usize {
        let (m, count) = (self.rows.shifts.len(), self.of.len());
        let each = |cuts: &Cuts| parameters(cuts, fewest(cuts));
        let layers: Vec<usize> = self.of.iter().map(|cuts| depth(cuts, fewest(cuts))).collect();
        let passed = m * layers.iter().rev().skip(1).sum::<usize>();
        let maximum = layers.iter().skip(1).map(|layers| layers + 1).sum::<usize>() + count;
        let first = self.rows.nonzero() + self.rows.shifted();
        first + self.of.iter().map(each).sum::<usize>() + passed + maximum
    }

    fn depth(&self, _group: usize) -> usize {
        self.of.iter().map(|cuts| depth(cuts, fewest(cuts))).sum::<usize>() + 2
    }

    fn radius(&self) -> f64 {
        self.radius
    }

    fn place_bits(&self) -> usize {
        self.of.iter().map(Cuts::place_bits).max().unwrap_or(0) + 1
    }
}
