//! One row against those of the own class: who leads it nearest to the sample.
//!
//! The largest own score leads that of row `b` at `x − t u` by
//! `max_a (s_a(x) − s_b(x)) − t (w_a − w_b)·u`. The least such `t` over all
//! directions `u` is what a radius comes to against `b`; weights on own rows bound
//! it from below (`rivals`), every direction from above. Each step looks along the
//! best direction against the weights, and moves weight to the row that is last to
//! lose there (Frank & Wolfe, Naval Research Logistics Quarterly 1956; fictitious
//! play). Bounds are proved whatever the weights are.

use super::rivals::{Rival, Rivals, Value, best, lead};
use crate::{
    Norm,
    certify::Domain,
    number::{add_down, add_up, mul_down},
};

/// Own rows that take part.
const PLAYERS: usize = 48;
/// Steps at most.
const STEPS: usize = 24;
/// Rows of other classes that are played against, at most.
const GAMES: usize = 8;
/// Bounds that are so close are close enough.
const CLOSE: f64 = 1e-4;
/// Shares of the weight that a step may move, exact in binary.
const SHARES: [f64; 6] = [0.5, 0.25, 0.125, 0.0625, 0.015_625, 0.003_906_25];

/// What is known around one sample.
pub(super) struct Sight<'a> {
    pub rivals: &'a Rivals<'a>,
    pub domain: &'a Domain,
    pub x: &'a [f64],
    pub class: usize,
    /// Scores of all rows at the sample.
    pub scores: &'a [f64],
    /// How far each may be off.
    pub error: f64,
}

/// A way out of the region where the label is right.
#[derive(Clone, Debug)]
pub(super) struct Way {
    /// How far, about.
    pub distance: f64,
    /// Where to, of length 1.
    pub direction: Vec<f64>,
}

/// The least value over all rivals, and the shortest way that was found.
#[derive(Debug)]
pub(super) struct Outlook {
    pub value: f64,
    pub way: Option<Way>,
}

/// Rows of the own class, with what they lead by.
struct Players {
    rows: Vec<usize>,
    weights: Vec<f64>,
}

impl Sight<'_> {
    /// Bounds the least value from below, until it is `enough`, which may depend
    /// on the shortest way so far. `None` where no row is of the own class.
    pub fn look(&self, value: Value<'_>, enough: &dyn Fn(f64) -> f64) -> Option<Outlook> {
        let range = self.rivals.checker.scores.class_rows(self.class);
        let &first = best(self.scores, range, 1).first()?;
        // Cut scores are 0.
        let above = add_down(self.scores[first], -self.error);
        let (length, rounding) = (self.rivals.length(first), self.rivals.rounding(first));
        let mut outlook = Outlook { value: value(above, length, rounding), way: None };
        let mut players = None;
        let mut known: Vec<Rival> = vec![];
        loop {
            let at = (self.scores, self.error);
            let Some(rival) = self.rivals.least(self.class, at, &known, value) else { break };
            let least = known.iter().fold(rival.value, |least, known| least.min(known.value));
            let shortest = outlook.way.as_ref().map_or(f64::INFINITY, |way| way.distance);
            // Where one that was played against is lowest, nothing gets better.
            if rival.value > enough(shortest) || known.len() == GAMES || least < rival.value {
                outlook.value = outlook.value.min(least);
                return Some(outlook);
            }
            let players = players.get_or_insert_with(|| self.players());
            let (played, way) = self.play(players, rival, value);
            if way.as_ref().is_some_and(|way| way.distance < shortest) {
                outlook.way = way;
            }
            known.push(played);
        }
        outlook.value = known.iter().fold(outlook.value, |least, known| least.min(known.value));
        Some(outlook)
    }

    fn players(&self) -> Players {
        let n = self.x.len();
        let rows = best(self.scores, self.rivals.checker.scores.class_rows(self.class), PLAYERS);
        let mut weights = vec![0.0; rows.len() * n];
        for (row, weights) in rows.iter().zip(weights.chunks_mut(n)) {
            self.rivals.checker.scores.copy_row(*row, weights);
        }
        Players { rows, weights }
    }

    /// Plays against one row: a better bound, and a way.
    fn play(&self, players: &Players, rival: Rival, value: Value<'_>) -> (Rival, Option<Way>) {
        let n = self.x.len();
        let mut other = vec![0.0; n];
        self.rivals.checker.scores.copy_row(rival.row, &mut other);
        let differences: Vec<f64> =
            players.weights.chunks(n).flat_map(|own| own.iter().zip(&other).map(|(a, b)| a - b)).collect();
        let leads: Vec<f64> =
            players.rows.iter().map(|own| lead(self.scores, self.error, *own, rival.row)).collect();
        // Each number of the mean is off by a few roundings of each step.
        let sizes = players
            .rows
            .iter()
            .fold(self.rivals.length(rival.row), |sum, row| add_up(sum, self.rivals.length(*row)));
        let off = sizes * (8 * (STEPS + 2)) as f64 * f64::EPSILON;
        let length = |mean: &[f64]| add_up(self.rivals.length_of(mean.iter().copied()), off);
        let (mut mean, mut led) = (differences[..n].to_vec(), leads[0]);
        // The largest computed score is no smaller than a mean of them either.
        let rounding =
            |player: usize| self.rivals.rounding(players.rows[player]).and(self.rivals.rounding(rival.row));
        let mut rounded = rounding(0);
        let mut best = Rival { value: rival.value.max(value(led, length(&mean), rounded)), ..rival };
        // What is asked changes no step.
        let mut reach = led / length(&mean);
        let mut shortest: Option<Way> = None;
        for _ in 0..STEPS {
            let Some(direction) = self.direction(&mean) else { break };
            let (distance, last) = along(&direction, &differences, &leads);
            if shortest.as_ref().is_none_or(|way| distance < way.distance) {
                shortest = Some(Way { distance, direction });
            }
            let (next, added) = (&differences[last * n..(last + 1) * n], leads[last]);
            let moved = |share: f64| -> (Vec<f64>, f64) {
                let mean = mean.iter().zip(next).map(|(m, d)| m * (1.0 - share) + d * share).collect();
                (mean, add_down(mul_down(led, 1.0 - share), mul_down(added, share)))
            };
            let tried = SHARES.map(|share| {
                let (mean, led) = moved(share);
                (led / length(&mean), share)
            });
            let Some((found, share)) = tried.into_iter().max_by(|a, b| a.0.total_cmp(&b.0)) else { break };
            if found.is_nan() || found <= reach {
                break;
            }
            reach = found;
            (mean, led) = moved(share);
            rounded = rounded.mixed(rounding(last), share);
            best.value = best.value.max(value(led, length(&mean), rounded));
        }
        (best, shortest)
    }

    /// The valid direction of length 1 against a vector, the negative of which is
    /// the way down.
    fn direction(&self, against: &[f64]) -> Option<Vec<f64>> {
        let free = |(feature, a): (usize, &f64)| {
            let (lower, upper) = self.domain.range(feature);
            let leaves = *a > 0.0 && self.x[feature] <= lower || *a < 0.0 && self.x[feature] >= upper;
            if leaves { 0.0 } else { -a }
        };
        let mut way: Vec<f64> = against.iter().enumerate().map(free).collect();
        let largest = way.iter().fold(0.0, |most: f64, a| most.max(a.abs()));
        if !(largest > 0.0 && largest.is_finite()) {
            return None;
        }
        match self.rivals.checker.claim.norm {
            Norm::Linf => way.iter_mut().for_each(|a| *a = if *a == 0.0 { 0.0 } else { a.signum() }),
            Norm::L1 => {
                let at = way.iter().position(|a| a.abs() == largest)?;
                way.iter_mut().enumerate().for_each(|(j, a)| *a = if j == at { a.signum() } else { 0.0 });
            }
            norm @ (Norm::L2 | Norm::Lp(_)) => {
                let p = if let Norm::Lp(p) = norm { p } else { 2.0 };
                let q = 1.0 / (p - 1.0);
                way.iter_mut().for_each(|a| *a = a.signum() * (a.abs() / largest).powf(q));
                let length = way.iter().map(|a| a.abs().powf(p)).sum::<f64>().powf(1.0 / p);
                way.iter_mut().for_each(|a| *a /= length);
            }
        }
        Some(way)
    }
}

/// How far to go until every row loses, and which one does last.
fn along(direction: &[f64], differences: &[f64], leads: &[f64]) -> (f64, usize) {
    let each = differences.chunks(direction.len()).zip(leads).map(|(difference, lead)| {
        let gained = -difference.iter().zip(direction).map(|(d, u)| d * u).sum::<f64>();
        match *lead {
            // It loses where it stands; whether it comes back the network tells.
            lead if lead <= 0.0 => 0.0,
            lead if gained > 0.0 => lead / gained,
            _ => f64::INFINITY,
        }
    });
    let last = each.enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
    last.map_or((f64::INFINITY, 0), |(row, distance)| (distance, row))
}

/// Whether a bound is as good as a way.
pub(super) fn close(distance: f64) -> f64 {
    distance * (1.0 - CLOSE)
}
