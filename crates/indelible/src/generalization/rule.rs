//! The nearest-neighbour rule and its radii.

use super::{
    ENEMIES, HeldOut,
    approach::{Way, approach},
    merge, right,
};
use crate::{
    Dataset, Error, Features, Norm, Precision, Progress,
    certify::{Domain, RobustRadius, distance_up},
    number::{div_down, mul_down, mul_up, sub_down},
    parallel,
    separation::{Neighbour, k_nearest_between, k_nearest_indices},
};

/// Training samples of the right label that are looked at for each point, in the
/// Euclidean norm.
const OWN: usize = 8;

impl HeldOut<'_> {
    /// Whether the label of each point is the one that most of its `k` nearest training
    /// samples have; of labels that are equally frequent, that whose first sample is
    /// nearest.
    ///
    /// # Errors
    /// None that datasets can cause.
    pub fn k_nearest(&self, k: usize, progress: &dyn Progress) -> Result<Vec<bool>, Error> {
        let k = k.min(self.train.samples());
        let near = k_nearest_indices(self.test, self.train, self.norm, k, progress)?;
        let votes = near.chunks(k.max(1)).map(|near| voted(near.iter().map(|&i| self.train.labels()[i])));
        Ok(votes.zip(&self.labels).map(|(label, right)| label == Some(*right)).collect())
    }

    /// What is known of the rule of one nearest training sample around each point; its
    /// certified radius is infinite where there are no other labels.
    ///
    /// # Errors
    /// None that datasets can cause.
    pub fn nearest_rule(&self, progress: &dyn Progress) -> Result<Vec<RobustRadius>, Error> {
        let (own, correct) = (self.own(progress)?, self.k_nearest(1, progress)?);
        let mut found = parallel::map(correct.len(), |i| match (correct[i], own[i].first()) {
            (true, Some(_)) => RobustRadius {
                correct: true,
                certified: self.certified(&own[i], &self.enemies[i]),
                attacked: f64::INFINITY,
            },
            _ => RobustRadius { correct: false, certified: 0.0, attacked: 0.0 },
        });
        let way = Way {
            from: self.test,
            to: self.train,
            precision: Precision::F64,
            domain: &Domain::default(),
            clipped: self.norm == Norm::Linf,
        };
        let attacked = approach(
            &way,
            &self.enemies,
            &right(&found),
            |point, center| distance_up(point, center, self.norm),
            |samples, points| self.is_wrong(samples, points, progress),
        )?;
        merge(&mut found, attacked);
        Ok(found)
    }

    /// The nearest training samples of the right label of each point, nearest first.
    fn own(&self, progress: &dyn Progress) -> Result<Vec<Vec<Neighbour>>, Error> {
        let most = if self.norm == Norm::L2 { OWN } else { 1 };
        let mut own = vec![vec![]; self.test.samples()];
        for class in 0..self.train.classes() {
            let of = |labels: &[usize]| (0..labels.len()).filter(|&i| labels[i] == class).collect::<Vec<_>>();
            let (points, samples) = (of(&self.labels), of(self.train.labels()));
            if points.is_empty() || samples.is_empty() {
                continue;
            }
            let [test, train] =
                [self.test.select(points.iter().copied()), self.train.select(samples.iter().copied())];
            let near = k_nearest_between(&test?, &train?, self.norm, most, progress)?;
            for (point, near) in points.into_iter().zip(near) {
                own[point] = near.into_iter().map(|n| Neighbour { index: samples[n.index], ..n }).collect();
            }
        }
        Ok(own)
    }

    /// A radius within which a point whose nearest samples are these keeps its label.
    fn certified(&self, own: &[Neighbour], enemies: &[Neighbour]) -> f64 {
        let Some(nearest) = own.first() else { return 0.0 };
        let in_every_norm = |enemy: &Neighbour| sub_down(enemy.distance.lower, nearest.distance.upper) / 2.0;
        let radius = if self.norm == Norm::L2 {
            // Those that are not listed are no nearer than the last one.
            let others = if enemies.len() < ENEMIES { None } else { enemies.last().map(in_every_norm) };
            let rows: Vec<Vec<f64>> = own.iter().map(|own| self.train.row(own.index)).collect();
            let of_enemy = |enemy: &Neighbour| {
                let row = self.train.row(enemy.index);
                let bisectors =
                    own.iter().zip(&rows).map(|(own, own_row)| bisector(own, enemy, own_row, &row));
                bisectors.fold(in_every_norm(enemy), f64::max)
            };
            enemies.iter().map(of_enemy).chain(others).fold(f64::INFINITY, f64::min)
        } else {
            enemies.first().map_or(f64::INFINITY, in_every_norm)
        };
        // At that distance itself two samples may be equally near.
        if radius.is_finite() { radius.next_down().max(0.0) } else { radius }
    }

    /// Whether the nearest training sample of a point beside each of some held-out ones
    /// has another label than theirs.
    fn is_wrong(
        &self,
        samples: &[usize],
        points: &[f64],
        progress: &dyn Progress,
    ) -> Result<Vec<bool>, Error> {
        if samples.is_empty() {
            return Ok(vec![]);
        }
        let (width, labels) = (self.test.features(), vec![0; samples.len()]);
        let points = Dataset::new(Features::F64(points.to_vec().into()), width, labels, vec![String::new()])?;
        let near = k_nearest_indices(&points, self.train, self.norm, 1, progress)?;
        let labels = self.train.labels();
        Ok(near.iter().zip(samples).map(|(&near, &i)| labels[near] != self.labels[i]).collect())
    }
}

/// A distance below which a point is nearer to `own` than to `enemy`, in the Euclidean
/// norm.
fn bisector(own: &Neighbour, enemy: &Neighbour, own_row: &[f64], row: &[f64]) -> f64 {
    let (far, near) = (enemy.distance.lower, own.distance.upper);
    let (lead, apart) =
        (sub_down(mul_down(far, far), mul_up(near, near)), distance_up(own_row, row, Norm::L2));
    // What overflows proves nothing.
    let bound = div_down(lead, mul_up(2.0, apart));
    if lead > 0.0 && bound.is_finite() { bound } else { 0.0 }
}

/// The most frequent label, of equally frequent ones the first.
fn voted(labels: impl Iterator<Item = usize>) -> Option<usize> {
    let mut votes: Vec<(usize, usize)> = vec![];
    for label in labels {
        match votes.iter_mut().find(|(known, _)| *known == label) {
            Some((_, count)) => *count += 1,
            None => votes.push((label, 1)),
        }
    }
    let first_of_most =
        |best: (usize, usize), vote: (usize, usize)| if vote.1 > best.1 { vote } else { best };
    votes.into_iter().reduce(first_of_most).map(|(label, _)| label)
}
