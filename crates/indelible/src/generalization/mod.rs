//! How far the labels of points that nobody memorized are right: of a network, and of
//! the nearest-neighbour rule beside it.
//!
//! **Robust accuracy** at `r` is the share of held-out points that get their label on
//! their whole ball of radius `r`. For each point there is a certified radius, which
//! is proved, and an attacked one, at whose distance a point was found that gets
//! another label; as functions of `r` the two shares have the truth between them.
//!
//! # The nearest-neighbour rule
//!
//! A point gets the label of the nearest training sample, of the smallest index among
//! equally near ones. Let `a` be training samples of the right label and `b` of another.
//! In every norm the label is right within less than `(min_b ‖x − b‖ − min_a ‖x − a‖)/2`.
//! In the Euclidean norm `b` is nearer than `a` beyond their bisector only, whence
//!
//! ```text
//! r(x) = min_b max_a (‖x − b‖² − ‖x − a‖²) / (2 ‖a − b‖)
//! ```
//!
//! which is never smaller. Some nearest `a` and `b` are looked at; farther `b` are
//! bounded as in every norm. Distances are those of [`separation`](crate::separation),
//! tight enclosures; what follows is rounded down.
//!
//! # Attacks
//!
//! Beside what [`robust_radii`] finds, points on the way
//! to the nearest training samples of other labels are tried, by bisection: near what
//! was memorized labels are what was memorized. `robust_radii` alone knows no training
//! set.

mod approach;
mod rule;

use crate::{
    Dataset, Error, Norm, Progress, Radii,
    certify::{Claim, Config, RobustRadius, Verdict, certify_with, robust_radii},
    network::{Model, predicted_class},
    separation::{Neighbour, k_nearest_enemies_between},
};

use approach::{Way, approach};

/// Training samples of other labels that are looked at for each point.
const ENEMIES: usize = 16;

/// Held-out points beside a training set, in a norm.
#[derive(Clone, Debug)]
pub struct HeldOut<'a> {
    train: &'a Dataset,
    test: &'a Dataset,
    norm: Norm,
    /// The labels of the points in the numbering of the training set.
    labels: Vec<usize>,
    /// For each point the nearest training samples of other labels, nearest first.
    enemies: Vec<Vec<Neighbour>>,
}

impl<'a> HeldOut<'a> {
    /// Finds the nearest training samples of other labels. Classes are matched by
    /// their names; a point of a class that `train` does not have is never right.
    ///
    /// # Errors
    /// When the two sets have different numbers of features.
    pub fn new(
        train: &'a Dataset,
        test: &'a Dataset,
        norm: Norm,
        progress: &dyn Progress,
    ) -> Result<Self, Error> {
        let everywhere = vec![f64::INFINITY; test.samples()];
        let enemies = k_nearest_enemies_between(test, train, norm, ENEMIES, &everywhere, progress)?;
        Ok(Self { train, test, norm, labels: test.labels_in(train), enemies })
    }

    /// What [`robust_radii`] finds of a network on the points of `claim`, which are the
    /// held-out ones as the network reads them, with attacks towards `train`, the
    /// training samples as it reads them. Within each of `radii` those points count as
    /// certified that are certified there, besides those of which it is known already.
    ///
    /// # Errors
    /// As of [`robust_radii`].
    pub fn network(
        &self,
        claim: &Claim<'_>,
        train: &Dataset,
        config: &Config,
        (rounds, radii): (usize, &[f64]),
        progress: &dyn Progress,
    ) -> Result<Vec<RobustRadius>, Error> {
        let mut found = robust_radii(claim, config, rounds, progress)?;
        let model = claim.model;
        let way = Way {
            from: claim.data,
            to: train,
            precision: model.precision(),
            domain: &config.domain,
            // Behind a map the ball of the sup norm is another box.
            clipped: claim.norm == Norm::Linf && !matches!(model, Model::Scaled(_)),
        };
        progress.busy("attacking");
        let attacked = approach(
            &way,
            &self.enemies,
            &right(&found),
            |point, center| claim.distance_up(point, center),
            |samples, points| {
                let outputs = model.evaluate(points)?;
                let class = |sample: usize| claim.classes[claim.data.labels()[sample]];
                let predicted =
                    outputs.chunks(model.outputs()).map(|o| predicted_class(o, claim.network_classes));
                Ok(samples.iter().zip(predicted).map(|(&i, label)| label != Some(class(i))).collect())
            },
        );
        progress.end();
        merge(&mut found, attacked?);
        for &radius in radii {
            ask(claim, config, radius, &mut found, progress)?;
        }
        Ok(found)
    }
}

/// Asks about the points of which it is open whether they keep their labels within
/// `radius`.
fn ask(
    claim: &Claim<'_>,
    config: &Config,
    radius: f64,
    found: &mut [RobustRadius],
    progress: &dyn Progress,
) -> Result<(), Error> {
    let is_open = |r: &RobustRadius| r.correct && r.certified < radius && radius < r.attacked;
    let open: Vec<usize> = (0..found.len()).filter(|&sample| is_open(&found[sample])).collect();
    if open.is_empty() {
        return Ok(());
    }
    let (data, radii) = (claim.data.select(open.iter().copied())?, Radii::Uniform(radius));
    let asked = Claim { data: &data, radii: &radii, ..*claim };
    let verdicts = certify_with(&asked, config, progress)?.verdicts;
    for (at, (sample, verdict)) in open.into_iter().zip(verdicts).enumerate() {
        match verdict {
            Verdict::Certified { .. } => found[sample].certified = radius,
            Verdict::Refuted { point, .. } => {
                let far = claim.distance_up(&point, &data.row(at)).min(radius);
                found[sample].attacked = found[sample].attacked.min(far);
            }
            Verdict::Misclassified { .. } | Verdict::Undecided => {}
        }
    }
    Ok(())
}

/// The points that are right themselves.
fn right(found: &[RobustRadius]) -> Vec<usize> {
    (0..found.len()).filter(|&sample| found[sample].correct).collect()
}

/// Keeps the smaller of two distances of attacks.
fn merge(found: &mut [RobustRadius], attacked: Vec<f64>) {
    for (found, attacked) in found.iter_mut().zip(attacked) {
        found.attacked = found.attacked.min(attacked);
    }
}
