//! A sharper certificate for layers: sums followed back to the input.
//!
//! Tried where intervals leave a sample undecided. A lower bound of a sum of
//! units is sought in terms of the layer before: a unit that counts positively
//! is at least its sum and at least 0, and one of the two is taken; one that
//! counts negatively is its sum or 0, and both are tried. Equal terms cancel
//! on the way. At the input, what is left is an affine function of the point,
//! bounded by the dual norm over the ball; and sums of units of single
//! features are bounded by `curves`. So trees of maxima, running labels and
//! distances in any norm are seen for what they are.
//!
//! Values meant are computed ones as well as real ones: the rounding of every
//! row that is followed back is added up in `slack`.

use std::sync::Arc;

use super::{
    Claim, Verdict, ball,
    curves::{Curve, upper},
    interval::{Arithmetic, Interval},
    scalar_margin,
};
use crate::{
    Norm, Precision,
    network::{Layer, Row, StoredNetwork},
    number::{add_down, add_up, mul_down, mul_up, sqrt_up, sub_down},
};

/// Units that are tried both ways in one sum.
const MOST_OPEN: usize = 4;
/// Weights that may be looked at for one bound.
const MOST_WORK: usize = 4_000_000;

/// What does not depend on the sample.
pub(super) struct Deep<'a> {
    network: &'a StoredNetwork,
    /// For every layer but the last the units that are curves.
    curves: Vec<Vec<Option<Arc<Curve>>>>,
}

/// The error of reading a feature of size up to `size`.
fn input_error(precision: Precision, size: f64) -> f64 {
    add_up(mul_up(size, precision.unit_roundoff()), precision.smallest_subnormal())
}

impl<'a> Deep<'a> {
    pub fn new(claim: &Claim<'_>, network: &'a StoredNetwork) -> Self {
        let data = claim.data;
        let radius = claim.radii.largest();
        let mut ranges = vec![(f64::INFINITY, f64::NEG_INFINITY); data.features()];
        for sample in 0..data.samples() {
            for (range, x) in ranges.iter_mut().zip(data.row(sample)) {
                *range = (range.0.min(x), range.1.max(x));
            }
        }
        for range in &mut ranges {
            *range = (sub_down(range.0, radius), add_up(range.1, radius));
        }
        let mut before: Vec<Option<Arc<Curve>>> = ranges
            .iter()
            .enumerate()
            .map(|(j, (a, b))| {
                let size = a.abs().max(b.abs());
                Some(Arc::new(Curve::identity(j, input_error(network.precision, size))))
            })
            .collect();
        let mut curves = vec![];
        for layer in &network.layers[..network.layers.len() - 1] {
            let next: Vec<_> =
                layer.rows().map(|row| unit(network.precision, &row, &before, &ranges)).collect();
            curves.push(std::mem::replace(&mut before, next));
        }
        curves.push(before);
        Self { network, curves }
    }

    /// Certified or undecided.
    pub fn verdict(&self, claim: &Claim<'_>, sample: usize) -> Verdict {
        let margin = Point::new(self, claim, sample).and_then(|point| point.margin());
        match margin {
            Some(margin) if margin > 0.0 => Verdict::Certified { margin, exact: false },
            _ => Verdict::Undecided,
        }
    }
}

/// The curve of one unit, if it reads curves of one feature only.
fn unit(
    precision: Precision,
    row: &Row<'_>,
    before: &[Option<Arc<Curve>>],
    ranges: &[(f64, f64)],
) -> Option<Arc<Curve>> {
    let terms: Vec<(f64, Arc<Curve>)> = row
        .columns
        .iter()
        .zip(row.weights)
        .map(|(&c, &w)| before[c].clone().map(|curve| (w, curve)))
        .collect::<Option<_>>()?;
    let feature = terms.first()?.1.feature;
    if terms.iter().any(|(_, curve)| curve.feature != feature) {
        return None;
    }
    let (a, b) = ranges[feature];
    // A unit that is never negative and passes on is itself.
    if let [(w, curve)] = &terms[..]
        && *w == 1.0
        && row.bias == 0.0
        && curve.is_positive()
    {
        return Some(Arc::clone(curve));
    }
    let (mut size, mut slope, mut error) = (row.bias.abs(), 0.0, 0.0);
    for (w, curve) in &terms {
        let (value, steep) = curve.sizes(a, b);
        size = add_up(size, mul_up(w.abs(), add_up(value, curve.error)));
        slope += w.abs() * steep;
        error = add_up(error, mul_up(w.abs(), curve.error));
    }
    let roundings = 2.0 * (terms.len() + 1) as f64;
    let error = add_up(error, mul_up(mul_up(roundings, precision.unit_roundoff()), size));
    let error = add_up(error, mul_up(roundings, precision.smallest_subnormal()));
    let slack = 16.0 * f64::EPSILON * (size + slope * a.abs().max(b.abs()));
    Some(Arc::new(Curve::sum(&terms, row.bias, add_up(error, slack))?.relu(slack)))
}

/// One sample's ball.
struct Point<'a> {
    deep: &'a Deep<'a>,
    claim: &'a Claim<'a>,
    sample: usize,
    x: Vec<f64>,
    radius: f64,
    /// For every layer the values it reads; inputs first.
    values: Vec<Vec<Interval>>,
    /// For every layer its sums, those at the center.
    sums: Vec<Vec<Interval>>,
    centers: Vec<Vec<f64>>,
}

/// A sum of units of one layer that is to be bounded.
struct Query {
    /// The layer whose inputs it reads.
    depth: usize,
    terms: Vec<(usize, f64)>,
    constant: f64,
    slack: f64,
    /// Units of single features met on the way, with their weights negated.
    curves: Vec<(f64, Arc<Curve>)>,
    /// A lower bound of what those add.
    held: f64,
}

impl Query {
    fn new(depth: usize, terms: Vec<(usize, f64)>, constant: f64, slack: f64) -> Self {
        Self { depth, terms, constant, slack, curves: vec![], held: 0.0 }
    }
}

impl<'a> Point<'a> {
    fn new(deep: &'a Deep<'a>, claim: &'a Claim<'a>, sample: usize) -> Option<Self> {
        let network = deep.network;
        let arithmetic = Arithmetic { precision: network.precision };
        let x = claim.data.row(sample);
        let radius = claim.radii.of(sample);
        let input: Vec<Interval> =
            ball(&x, radius, network.precision).map(|(lower, upper)| Interval { lower, upper }).collect();
        let mut point =
            Self { deep, claim, sample, values: vec![input], sums: vec![], centers: vec![], radius, x };
        let mut center = point.x.clone();
        let layers = &network.layers[..network.layers.len() - 1];
        for (depth, layer) in layers.iter().enumerate() {
            point.centers.push(
                layer
                    .rows()
                    .map(|row| {
                        row.columns.iter().zip(row.weights).map(|(&c, w)| w * center[c]).sum::<f64>()
                            + row.bias
                    })
                    .collect(),
            );
            center = point.centers[depth].iter().map(|v| v.max(0.0)).collect();
            let mut sums = Vec::with_capacity(layer.outputs());
            for index in 0..layer.outputs() {
                let row = layer.row(index);
                let mut terms: Vec<Interval> = row
                    .columns
                    .iter()
                    .zip(row.weights)
                    .map(|(&c, &w)| arithmetic.product(w, point.values[depth][c]))
                    .collect();
                terms.push(Interval::point(row.bias));
                let plain = arithmetic.sum(&terms)?;
                let open = plain.lower < 0.0 && plain.upper > 0.0;
                sums.push(if open { plain.intersect(point.sharper(depth, layer, index)) } else { plain });
            }
            point.values.push(sums.iter().map(|s| s.relu()).collect());
            point.sums.push(sums);
        }
        Some(point)
    }

    /// Both bounds of a neuron that may be on or off.
    fn sharper(&self, depth: usize, layer: &Layer, index: usize) -> Interval {
        let row = layer.row(index);
        let terms = |sign: f64| row.columns.iter().zip(row.weights).map(|(&c, &w)| (c, sign * w)).collect();
        let slack = self.rounding(depth, layer, index);
        let lower = |sign: f64| {
            let query = Query::new(depth, terms(sign), sign * row.bias, slack);
            let mut work = MOST_WORK;
            self.lower(query, &mut work)
        };
        Interval { lower: lower(1.0), upper: -lower(-1.0) }
    }

    /// How far the computed sum of a row may lie from the exact one of what it
    /// reads.
    fn rounding(&self, depth: usize, layer: &Layer, index: usize) -> f64 {
        let row = layer.row(index);
        let precision = self.deep.network.precision;
        if row.bias == 0.0 && matches!(row.weights, [w] if w.abs() == 1.0) {
            return 0.0;
        }
        let size = row.columns.iter().zip(row.weights).fold(row.bias.abs(), |sum, (&c, &w)| {
            let x = self.values[depth][c];
            add_up(sum, mul_up(w.abs(), x.lower.abs().max(x.upper.abs())))
        });
        // At most one rounding per product and one per sum; 2 % covers 1 − γ.
        let roundings = mul_up((row.columns.len() + 1) as f64, mul_up(1.02, precision.unit_roundoff()));
        let tiny = mul_up((row.columns.len() + 1) as f64, precision.smallest_subnormal());
        add_up(mul_up(size, roundings), tiny)
    }

    /// A lower bound of the query's sum over the ball.
    fn lower(&self, query: Query, work: &mut usize) -> f64 {
        let Query { depth, mut terms, constant, mut slack, mut curves, mut held } = query;
        terms.retain(|(c, w)| *w != 0.0 && !self.values[depth][*c].is_zero());
        let lowest = |sum: f64, &(c, w): &(usize, f64)| {
            let x = self.values[depth][c];
            add_down(sum, if w > 0.0 { mul_down(w, x.lower) } else { mul_down(w, x.upper) })
        };
        if depth == 0 && curves.is_empty() {
            let base = sub_down(constant, slack);
            return terms.iter().fold(base, lowest).max(self.affine(&terms, base));
        }
        terms.retain(|&(c, w)| match &self.deep.curves[depth][c] {
            Some(curve) => {
                slack = add_up(slack, mul_up(w.abs(), curve.error));
                held = lowest(held, &(c, w));
                curves.push((-w, Arc::clone(curve)));
                false
            }
            None => true,
        });
        let base = sub_down(constant, slack);
        let plain = add_down(terms.iter().fold(base, lowest), held);
        if terms.is_empty() {
            return if curves.is_empty() {
                plain
            } else {
                plain.max(sub_down(base, upper(&curves, &self.x, self.radius, self.claim.norm)))
            };
        }
        let mut best = plain;
        let layer = &self.deep.network.layers[depth - 1];
        let cost: usize = terms.iter().map(|&(c, _)| layer.row(c).columns.len() + 1).sum();
        // A unit is open when it may be on or off.
        let open = |c: usize| self.sums[depth - 1][c].lower < 0.0;
        let mut fixed: Vec<(usize, f64)> = vec![];
        let mut tried: Vec<(usize, f64)> = vec![];
        let mut base = constant;
        for &(c, w) in &terms {
            if !open(c) {
                fixed.push((c, w));
            } else if w > 0.0 {
                if self.centers[depth - 1][c] > 0.0 {
                    fixed.push((c, w));
                }
            } else {
                tried.push((c, w));
            }
        }
        // The widest are tried both ways; of the others only the bound is used.
        let width = |c: usize, w: f64| -w * self.values[depth][c].upper;
        tried.sort_by(|a, b| width(b.0, b.1).total_cmp(&width(a.0, a.1)));
        for (c, w) in tried.drain(MOST_OPEN.min(tried.len())..) {
            base = add_down(base, mul_down(w, self.values[depth][c].upper));
        }
        if cost << tried.len() > *work {
            return best;
        }
        *work -= cost << tried.len();
        let mut worst = f64::INFINITY;
        for on in 0..1usize << tried.len() {
            let chosen = tried.iter().enumerate().filter(|(bit, _)| on >> bit & 1 == 1).map(|(_, t)| *t);
            let (mut next, mut constant, mut slack) = (vec![], base, slack);
            let curves = curves.clone();
            for (c, w) in fixed.iter().copied().chain(chosen) {
                let row = layer.row(c);
                next.extend(row.columns.iter().zip(row.weights).map(|(&column, &v)| (column, w * v)));
                constant = add_down(constant, mul_down(w, row.bias));
                slack = add_up(slack, mul_up(w.abs(), self.rounding(depth - 1, layer, c)));
            }
            let merged = self.merged(depth - 1, next, &mut slack);
            let query = Query { depth: depth - 1, terms: merged, constant, slack, curves, held };
            worst = worst.min(self.lower(query, work));
            if worst <= best {
                return best;
            }
        }
        best = best.max(worst);
        best
    }

    /// Adds up the weights of equal columns; what rounding them costs goes
    /// into `slack`.
    fn merged(&self, depth: usize, mut terms: Vec<(usize, f64)>, slack: &mut f64) -> Vec<(usize, f64)> {
        terms.sort_by_key(|(column, _)| *column);
        terms
            .chunk_by(|a, b| a.0 == b.0)
            .map(|same| {
                let x = self.values[depth][same[0].0];
                let size: f64 = same.iter().map(|(_, w)| w.abs()).sum();
                let lost = (same.len() + 2) as f64 * f64::EPSILON * size;
                *slack = add_up(*slack, mul_up(lost, x.lower.abs().max(x.upper.abs())));
                (same[0].0, same.iter().map(|(_, w)| *w).sum())
            })
            .collect()
    }

    /// A lower bound of an affine function of the input over the ball.
    fn affine(&self, terms: &[(usize, f64)], base: f64) -> f64 {
        let precision = self.deep.network.precision;
        let mut sum = base;
        let (mut total, mut largest, mut squares) = (0.0, 0.0_f64, 0.0);
        for &(j, w) in terms {
            sum = add_down(sum, mul_down(w, self.x[j]));
            let size = add_up(self.x[j].abs(), self.radius);
            sum = sub_down(sum, mul_up(w.abs(), input_error(precision, size)));
            total = add_up(total, w.abs());
            largest = largest.max(w.abs());
            squares = add_up(squares, mul_up(w, w));
        }
        let dual = match self.claim.norm {
            Norm::Linf => total,
            Norm::L1 => largest,
            Norm::L2 => sqrt_up(squares),
        };
        sub_down(sum, mul_up(dual, self.radius))
    }

    /// The margin of the own class over the ball.
    fn margin(&self) -> Option<f64> {
        let class = self.claim.classes[self.claim.data.labels()[self.sample]];
        let (last, _) = self.deep.network.layers.split_last()?;
        let depth = self.deep.network.layers.len() - 1;
        let query = |rows: &[(usize, f64)]| {
            let (mut terms, mut constant, mut slack) = (vec![], 0.0, 0.0);
            for &(index, sign) in rows {
                let row = last.row(index);
                terms.extend(row.columns.iter().zip(row.weights).map(|(&c, &w)| (c, sign * w)));
                constant = add_down(constant, sign * row.bias);
                slack = add_up(slack, self.rounding(depth, last, index));
            }
            let terms = self.merged(depth, terms, &mut slack);
            let mut work = MOST_WORK;
            self.lower(Query::new(depth, terms, constant, slack), &mut work)
        };
        if last.outputs() == 1 {
            let (lower, upper) = (query(&[(0, 1.0)]), -query(&[(0, -1.0)]));
            return Some(scalar_margin(lower, upper, class, self.claim.network_classes));
        }
        if class >= last.outputs() {
            return None;
        }
        let others = (0..last.outputs()).filter(|c| *c != class);
        Some(others.map(|c| query(&[(class, 1.0), (c, -1.0)])).fold(f64::INFINITY, f64::min))
    }
}
