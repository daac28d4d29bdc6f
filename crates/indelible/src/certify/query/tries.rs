//! Points of a box that are tried: corners, random points, and descent along
//! gradients (Madry et al., ICLR 2018).

use super::{BoxQuery, Condition, bounds::Bounder};
use crate::{Error, Precision, certify::Config, network::Model, number::random::Random};

/// The first step, and the last one, in shares of a feature's half width.
const FIRST_STEP: f64 = 0.5;
const LAST_STEP: f64 = 0.005;
/// Random points and corners that are tried first.
const POINTS: usize = 256;
/// Starts of descents, for each that the configuration has.
const STARTS: usize = 4;

/// Points that are tried.
pub(super) struct Tries<'a> {
    pub model: &'a Model,
    pub query: &'a BoxQuery,
    pub confirm: &'a (dyn Fn(&[f64]) -> bool + Sync),
}

/// Adds the corner of a box where `Σ w x` is least, the center where there are no
/// weights.
pub(super) fn corner_of(lower: &[f64], upper: &[f64], weights: &[f64], rows: &mut Vec<f64>) {
    rows.extend(lower.iter().zip(upper).enumerate().map(|(j, (l, u))| match weights.get(j) {
        Some(w) if *w > 0.0 => *l,
        Some(w) if *w < 0.0 => *u,
        _ => l / 2.0 + u / 2.0,
    }));
}

impl Tries<'_> {
    /// The first of some points, row after row, that meets an alternative once it
    /// is moved to numbers of the format in the box.
    pub fn rows(&self, rows: &[f64]) -> Option<Vec<f64>> {
        let n = self.query.lower.len();
        let mut points = rows.to_vec();
        points.chunks_mut(n).for_each(|point| self.place(point));
        // Where nothing can be evaluated nothing is found.
        let outputs = self.model.evaluate(&points).ok()?;
        let mut pairs = points.chunks(n).zip(outputs.chunks(self.model.outputs()));
        let found = pairs.find(|(x, y)| {
            let (lead, _) = lead(self.query, x, y);
            lead <= 0.0 && x.iter().all(|x| x.is_finite()) && (self.confirm)(x)
        });
        found.map(|(x, _)| x.to_vec())
    }

    /// Moves a point to numbers of the format in the box, where there are some.
    fn place(&self, point: &mut [f64]) {
        let precision = self.model.precision();
        for (x, (&l, &u)) in point.iter_mut().zip(self.query.lower.iter().zip(&self.query.upper)) {
            *x = inside(precision, *x, l, u);
        }
    }

    /// The center, corners, random points, and descents from some of them.
    pub fn first(&self, bounder: &Bounder<'_>, config: &Config) -> Result<Option<Vec<f64>>, Error> {
        let (lower, upper) = (&self.query.lower, &self.query.upper);
        if lower.iter().chain(upper).any(|x| x.is_infinite()) {
            return Ok(None);
        }
        let mut random = Random::new(0x9E37_79B9_7F4A_7C15 ^ lower.len() as u64);
        let mut rows = vec![];
        corner_of(lower, upper, &[], &mut rows);
        for point in 0..POINTS {
            let ends = lower.iter().zip(upper);
            rows.extend(ends.map(|(l, u)| match point % 2 {
                0 => l + (u - l) * random.unit(),
                _ => {
                    if random.coin() {
                        *u
                    } else {
                        *l
                    }
                }
            }));
        }
        if let Some(found) = self.rows(&rows) {
            return Ok(Some(found));
        }
        let Some(program) = &bounder.program else { return Ok(None) };
        let n = lower.len();
        let count = (config.restarts * STARTS).min(POINTS);
        let mut at = rows.get(..count * n).map_or_else(Vec::new, <[f64]>::to_vec);
        for step in 0..=config.attack_steps {
            if at.is_empty() {
                break;
            }
            let values = program.forward(&at, count);
            let outputs = values.last().map_or(&[][..], Vec::as_slice);
            let (mut gradient, mut candidates) = (vec![], vec![]);
            let mut direct = vec![0.0; at.len()];
            for (start, (x, y)) in at.chunks(n).zip(outputs.chunks(self.model.outputs())).enumerate() {
                let (lead, condition) = lead(self.query, x, y);
                if lead <= 0.0 || step == config.attack_steps {
                    candidates.extend_from_slice(x);
                }
                let mut row = vec![0.0; y.len()];
                if let Some(condition) = condition {
                    condition.outputs.iter().for_each(|(k, a)| row[*k] += a.upper);
                    condition.inputs.iter().for_each(|(j, a)| direct[start * n + j] += a.upper);
                }
                gradient.extend(row);
            }
            if let Some(found) = self.rows(&candidates) {
                return Ok(Some(found));
            }
            let gradient = program.backward(&values, gradient, count);
            let share = f64::from(step) / f64::from(config.attack_steps.max(1));
            let length = FIRST_STEP * (LAST_STEP / FIRST_STEP).powf(share);
            for (i, (x, g)) in at.iter_mut().zip(gradient).enumerate() {
                let (l, u, g) = (lower[i % n], upper[i % n], g + direct[i]);
                let moved = if g == 0.0 { 0.0 } else { length * g.signum() * (u - l) / 2.0 };
                *x = (*x - moved).max(l).min(u);
            }
        }
        Ok(None)
    }
}

/// By how much, about, the alternative that comes nearest to being met is not,
/// and the condition of it that fails most.
fn lead<'q>(query: &'q BoxQuery, x: &[f64], y: &[f64]) -> (f64, Option<&'q Condition>) {
    let value = |condition: &Condition| {
        let inputs = condition.inputs.iter().map(|(j, a)| a.upper * x[*j]);
        let outputs = condition.outputs.iter().map(|(k, a)| a.upper * y[*k]);
        inputs.chain(outputs).sum::<f64>() - condition.bound.upper
    };
    let most = |all: &'q Vec<Condition>| {
        let failing = all.iter().map(|condition| (value(condition), Some(condition)));
        failing.max_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or((f64::NEG_INFINITY, None))
    };
    let nearest = query.alternatives.iter().map(most).min_by(|a, b| a.0.total_cmp(&b.0));
    let (lead, condition) = nearest.unwrap_or((f64::INFINITY, None));
    (if lead.is_nan() { f64::INFINITY } else { lead }, condition)
}

/// The number of the format nearest to `x` among those from `lower` to `upper`,
/// where there are some.
fn inside(precision: Precision, x: f64, lower: f64, upper: f64) -> f64 {
    let x = precision.round(x);
    if x < lower {
        precision.round_up(lower)
    } else if x > upper {
        precision.round_down(upper)
    } else {
        x
    }
}
