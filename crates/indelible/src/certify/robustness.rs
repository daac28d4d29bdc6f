//! The largest radius at which a sample is certified, and the smallest at which
//! it was attacked: between them lies the truth.

use super::{
    Certificate, Claim, Config, RobustRadius, Shared, Verdict, Watch, certify_sharing, instead, max_affine,
};
use crate::{Error, Progress, Radii, network::Model, number::div_up, parallel, separation::nearest_enemies};

/// Of how many equal parts of the largest difference of two features the first
/// radius is one.
const FIRST: f64 = 64.0;
/// How many times the smallest undecided radius is tried where no point was found
/// that refutes: beyond, what is certified is looked for.
const FARTHEST: f64 = 8.0;

/// What queries have told about one sample.
#[derive(Clone, Copy, Debug)]
struct Known {
    found: RobustRadius,
    /// The smallest and the largest radius that stayed undecided.
    undecided: Option<(f64, f64)>,
}

impl Known {
    /// The radius to ask about next.
    fn next(&self, first: f64) -> f64 {
        let RobustRadius { certified, attacked, .. } = self.found;
        let (low, high) = self.undecided.unwrap_or((attacked, certified));
        if !self.found.correct {
            return 0.0;
        }
        // Below a radius of 0 there is nothing to look for.
        if attacked.is_infinite() && (low == 0.0 || high < FARTHEST * low.min(f64::MAX)) {
            return (2.0 * high).max(first);
        }
        // The wider of what lies below the undecided radii and above them.
        let (below, above) = ((certified, low.min(attacked)), (high.max(certified), attacked));
        let is_below = attacked.is_infinite() || below.1 - below.0 >= above.1 - above.0;
        let (a, b) = if is_below { below } else { above };
        a + (b - a) / 2.0
    }

    fn learn(&mut self, radius: f64, verdict: &Verdict, distance: impl Fn(&[f64]) -> f64) {
        let found = &mut self.found;
        match verdict {
            Verdict::Certified { .. } => found.certified = found.certified.max(radius),
            Verdict::Refuted { point, .. } => {
                found.attacked = found.attacked.min(distance(point).min(radius))
            }
            Verdict::Misclassified { .. } => (found.correct, found.attacked) = (false, 0.0),
            Verdict::Undecided => {
                let (low, high) = self.undecided.unwrap_or((radius, radius));
                self.undecided = Some((low.min(radius), high.max(radius)));
            }
        }
        // What a point refutes needs no proof.
        let attacked = found.attacked;
        self.undecided =
            self.undecided.filter(|(low, _)| *low < attacked).map(|(low, high)| (low, high.min(attacked)));
    }
}

/// Bounds the largest radius of each sample of `claim` by bisection, in `rounds`
/// rounds; the claim's own radii play no part. Every certified radius was
/// certified and every attacked one is the distance of a point that was found.
///
/// # Errors
/// As of [`certify_with`](super::certify_with).
pub fn robust_radii(
    claim: &Claim<'_>,
    config: &Config,
    rounds: usize,
    progress: &dyn Progress,
) -> Result<Vec<RobustRadius>, Error> {
    robust_radii_each(claim, config, rounds, progress, &|_| {})
}

/// The same, and tells what is known of the first samples whenever more is: of all
/// of them where they are looked at together.
///
/// # Errors
/// As of [`certify_with`](super::certify_with).
pub fn robust_radii_each(
    claim: &Claim<'_>,
    config: &Config,
    rounds: usize,
    progress: &dyn Progress,
    told: &dyn Fn(&[RobustRadius]),
) -> Result<Vec<RobustRadius>, Error> {
    claim.check()?;
    config.domain.check(claim.data)?;
    if let Model::MaxAffine(scores) = claim.model
        && claim.tie_margin == 0.0
        && let Some(found) = max_affine::radii(claim, scores, config, progress, told)?
    {
        return Ok(found);
    }
    let (shared, watch) = (Shared::default(), Watch { progress, found: &|_, _, _| {} });
    let first = div_up(spread(claim), FIRST).max(f64::MIN_POSITIVE);
    let none = RobustRadius { correct: true, certified: 0.0, attacked: f64::INFINITY };
    let mut known = vec![Known { found: none, undecided: None }; claim.data.samples()];
    if rounds > 0 {
        learn_from_enemies(claim, config, progress, &mut known)?;
    }
    for round in 0..rounds {
        let radii: Vec<f64> = match round {
            0 => vec![0.0; known.len()],
            _ => known.iter().map(|known| known.next(first).min(f64::MAX)).collect(),
        };
        let asked = Radii::PerSample(radii.clone());
        let Certificate { verdicts, .. } =
            certify_sharing(&Claim { radii: &asked, ..*claim }, config, &shared, &watch)?;
        for (sample, (known, (radius, verdict))) in
            known.iter_mut().zip(radii.iter().zip(&verdicts)).enumerate()
        {
            let center = claim.data.row(sample);
            known.learn(*radius, verdict, |point| claim.distance_up(point, &center));
        }
        told(&known.iter().map(|known| known.found).collect::<Vec<_>>());
    }
    Ok(known.into_iter().map(|known| known.found).collect())
}

/// The nearest sample with another label is a point that gets another label, where the
/// network is right about it: no radius is larger than the way to it.
fn learn_from_enemies(
    claim: &Claim<'_>,
    config: &Config,
    progress: &dyn Progress,
    known: &mut [Known],
) -> Result<(), Error> {
    let (data, precision) = (claim.data, claim.model.precision());
    let enemies = nearest_enemies(data, claim.norm, progress).indices;
    let evaluator = claim.model.evaluator();
    let pairs: Vec<(usize, usize)> =
        enemies.iter().enumerate().filter_map(|(sample, enemy)| Some((sample, (*enemy)?))).collect();
    let mut others = Vec::with_capacity(pairs.len());
    for some in pairs.chunks(evaluator.batch().max(1)) {
        let asked = some.iter().map(|&(sample, enemy)| (enemy, claim.class(sample)));
        others.extend(instead(claim, evaluator.as_ref(), asked)?);
    }
    let attacked = parallel::map(pairs.len(), |place| {
        others[place]?;
        let (sample, enemy) = pairs[place];
        let point: Vec<f64> = data.row(enemy).into_iter().map(|x| precision.round(x)).collect();
        let is_point = point.iter().all(|x| x.is_finite()) && config.domain.contains(&point);
        is_point.then(|| claim.distance_up(&point, &data.row(sample)))
    });
    for (&(sample, _), attacked) in pairs.iter().zip(attacked) {
        known[sample].found.attacked = attacked.unwrap_or(f64::INFINITY);
    }
    Ok(())
}

/// The largest difference of two features of one sample or of two samples, as
/// balls are measured.
fn spread(claim: &Claim<'_>) -> f64 {
    let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
    for sample in 0..claim.data.samples() {
        let mut row = claim.data.row(sample);
        if let Model::Scaled(scaled) = claim.model
            && claim.model.has_scaled_balls()
        {
            scaled.scaling().execute(&mut row, claim.model.precision());
        }
        for x in row {
            (least, most) = (least.min(x), most.max(x));
        }
    }
    if most > least { most - least } else { most.abs().max(1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Dataset, Features, Norm, Precision, Silent,
        network::{LayerBuilder, StoredNetwork},
    };

    #[test]
    fn radii_of_a_threshold_are_its_distance() {
        // The first class up to 1.
        let mut layer = LayerBuilder::new(1);
        layer.weight(0, -1.0).bias(1.0);
        layer.bias(0.0);
        let model = Model::Layers(StoredNetwork::new(Precision::F32, vec![layer.finish()]).unwrap());
        let names = vec!["1".into(), "2".into()];
        let values = Features::F64(vec![0.0, 0.75, 3.0, 1.5].into());
        let data = Dataset::new(values, 1, vec![0, 0, 1, 0], names).unwrap();
        for norm in [Norm::Linf, Norm::L1, Norm::L2] {
            let claim = Claim {
                model: &model,
                data: &data,
                classes: &[0, 1],
                network_classes: 2,
                norm,
                radii: &Radii::Uniform(0.0),
                tie_margin: 0.0,
            };
            let found = robust_radii(&claim, &Config::default(), 30, &Silent).unwrap();
            for (found, truth) in found.iter().zip([1.0, 0.25, 2.0]) {
                assert!(found.correct && found.certified <= truth && truth <= found.attacked, "{found:?}");
                assert!(found.attacked - found.certified < 1e-3 * truth, "{found:?}");
            }
            assert_eq!(found[3], RobustRadius { correct: false, certified: 0.0, attacked: 0.0 });
        }
    }
}
