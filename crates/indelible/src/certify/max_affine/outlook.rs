//! Samples one by one, by the scores of all rows: margins, radii, attacks.

use std::time::Instant;

use super::{
    Checker, Rounding,
    game::{Outlook, Sight, Way, close},
    length_up,
    rivals::{Rivals, Value},
};
use crate::{
    Error, Progress,
    certify::{
        Answers, Attack, Claim, Config, Domain, Engine, RobustRadius, Verdict, Watch,
        attack::{BallPoints, tried},
        claim::distance_up,
        note, undecided,
    },
    network::MaxAffine,
    number::{add_up, div_down, mul_down, mul_up, sub_down},
    parallel,
};

/// Samples whose scores are computed together.
const TOGETHER: usize = 64;
/// Samples between two reports.
const BLOCK: usize = 512;
/// By how much more than it seems to take a point is moved, one after the other.
const BEYOND: [f64; 5] = [1e-4, 1e-2, 0.1, 0.5, 2.0];

/// Looks at some samples, each with the value that is asked about, and what is
/// enough of it.
fn look<'a, V: Fn(f64, f64, Rounding) -> f64>(
    rivals: &Rivals<'_>,
    domain: &Domain,
    samples: &[usize],
    value: &(dyn Fn(usize, &[f64]) -> Option<V> + Sync + 'a),
    enough: fn(f64) -> f64,
) -> Vec<Option<Outlook>> {
    let claim = rivals.checker.claim;
    let together = |samples: &[usize]| {
        let rows: Vec<f64> = samples.iter().flat_map(|&sample| claim.data.row(sample)).collect();
        let all = rivals.scores(&rows);
        let n = claim.data.features();
        let each = samples.iter().zip(rows.chunks(n)).zip(all.chunks(all.len() / samples.len().max(1)));
        each.map(|((&sample, x), scores)| {
            let (class, error) = (claim.class(sample), rivals.error(length_up(x)));
            let sight = Sight { rivals, domain, x, class, scores, error };
            let value = value(sample, x)?;
            let asked: Value<'_> = &value;
            sight.look(asked, &enough)
        })
        .collect::<Vec<_>>()
    };
    parallel::flat_map_chunks(samples, TOGETHER, together)
}

/// Decides samples that geometry left open: certified, attacked, or misclassified.
pub(super) fn refine(
    checker: &Checker<'_>,
    config: &Config,
    answers: &mut Answers,
    watch: &Watch<'_>,
) -> Result<(), Error> {
    let open = undecided(answers);
    if open.is_empty() {
        return Ok(());
    }
    let (claim, domain) = (checker.claim, &config.domain);
    let rivals = Rivals::new(checker);
    let value = |sample: usize, x: &[f64]| {
        let radius = claim.radii.of(sample);
        let far = add_up(length_up(x), mul_up(radius, checker.stretch()));
        checker.error(far)?;
        Some(move |lead: f64, apart: f64, rounding: Rounding| {
            sub_down(sub_down(lead, mul_up(radius, apart)), rounding.at(far))
        })
    };
    watch.begin("look closer", open.len() as u64);
    for open in open.chunks(BLOCK) {
        let started = Instant::now();
        let outlooks = look(&rivals, domain, open, &value, |_| 0.0);
        let points =
            open.iter().zip(&outlooks).map(|(&sample, outlook)| points(claim, domain, sample, outlook));
        let attacks = tried(claim, open, points.collect())?;
        let verdicts = outlooks.iter().zip(attacks).map(|(outlook, attack)| {
            let margin = outlook.as_ref().map(|outlook| outlook.value);
            match (Verdict::of(claim, margin, false, Engine::MaxAffine), attack) {
                (Verdict::Undecided, Some((0, Attack { predicted, .. }))) => {
                    Some(Verdict::Misclassified { predicted })
                }
                (Verdict::Undecided, Some((_, attack))) => Some(attack.refutes()),
                (Verdict::Undecided, None) => None,
                (certified, _) => Some(certified),
            }
        });
        note(answers, open, verdicts, started, watch);
        watch.advance(open.len() as u64);
    }
    watch.end();
    Ok(())
}

/// The sample as it is read, and points of its ball on the way out; none where
/// nothing is open.
fn points(claim: &Claim<'_>, domain: &Domain, sample: usize, outlook: &Option<Outlook>) -> Vec<Vec<f64>> {
    if outlook.as_ref().is_some_and(|outlook| outlook.value > 0.0) {
        return vec![];
    }
    let ball = BallPoints::new(claim, domain, sample);
    let center: Vec<f64> = ball.center.iter().map(|x| claim.model.precision().round(*x)).collect();
    let mut points = vec![center];
    let way = outlook.as_ref().and_then(|outlook| outlook.way.as_ref());
    for distance in way.iter().flat_map(|way| [way.distance * (1.0 + BEYOND[0]), ball.radius]) {
        let Some(way) = way.filter(|_| distance <= ball.radius) else { continue };
        let mut point = way.point(&ball.center, distance);
        ball.place(&mut point);
        points.extend(Some(point).filter(|point| ball.holds(point)));
    }
    points
}

impl Way {
    /// The point so far from `x`.
    fn point(&self, x: &[f64], distance: f64) -> Vec<f64> {
        x.iter().zip(&self.direction).map(|(x, u)| x + distance * u).collect()
    }
}

/// The largest radius of each sample; `None` where the form allows none.
///
/// # Errors
/// When the data do not have as many features as the network reads.
pub(in crate::certify) fn radii(
    claim: &Claim<'_>,
    scores: &MaxAffine,
    config: &Config,
    progress: &dyn Progress,
    told: &dyn Fn(&[RobustRadius]),
) -> Result<Option<Vec<RobustRadius>>, Error> {
    if scores.origin().is_some() {
        return Ok(None);
    }
    let Some(checker) = Checker::new(claim, scores) else { return Ok(None) };
    let rivals = Rivals::new(&checker);
    let none = RobustRadius { correct: true, certified: 0.0, attacked: f64::INFINITY };
    let mut found = vec![none; claim.data.samples()];
    let samples: Vec<usize> = (0..found.len()).collect();
    progress.begin("radii", samples.len() as u64);
    for samples in samples.chunks(BLOCK) {
        radii_of(&rivals, &config.domain, samples, &mut found)?;
        progress.advance(samples.len() as u64);
        told(&found[..samples.last().map_or(0, |last| last + 1)]);
    }
    progress.end();
    Ok(Some(found))
}

/// Those of some samples.
fn radii_of(
    rivals: &Rivals<'_>,
    domain: &Domain,
    samples: &[usize],
    found: &mut [RobustRadius],
) -> Result<(), Error> {
    let checker = rivals.checker;
    let (claim, evaluator) = (checker.claim, checker.claim.model.evaluator());
    let wrong = |samples: &[usize], rows: &[Vec<f64>]| -> Result<Vec<bool>, Error> {
        let outputs = evaluator.evaluate(&rows.concat())?;
        let classes = samples.iter().zip(outputs.chunks(claim.model.outputs()));
        Ok(classes.map(|(&i, o)| claim.instead_of(claim.class(i), o).is_some()).collect())
    };
    let centers: Vec<Vec<f64>> = samples.iter().map(|&sample| claim.data.row(sample)).collect();
    let mut open = vec![];
    for (&sample, wrong) in samples.iter().zip(wrong(samples, &centers)?) {
        if wrong {
            found[sample] = RobustRadius { correct: false, certified: 0.0, attacked: 0.0 };
        } else {
            open.push(sample);
        }
    }
    let value = |_: usize, x: &[f64]| {
        let far = length_up(x);
        checker.error(far)?;
        let stretch = checker.stretch();
        Some(move |lead: f64, apart: f64, rounding: Rounding| {
            let more = mul_up(rounding.slope, stretch);
            let radius = div_down(sub_down(lead, rounding.at(far)), add_up(apart, more));
            // A little less, so that the lead is positive there.
            if radius > 0.0 { mul_down(radius, 1.0 - 1e-12) } else { f64::NEG_INFINITY }
        })
    };
    let mut ways = vec![];
    for (&sample, outlook) in open.iter().zip(look(rivals, domain, &open, &value, close)) {
        let Some(Outlook { value, way }) = outlook else { continue };
        let far = add_up(length_up(&claim.data.row(sample)), mul_up(value, checker.stretch()));
        if value > 0.0 && checker.error(far).is_some() {
            found[sample].certified = value;
        }
        ways.extend(way.filter(|way| way.distance.is_finite()).map(|way| (sample, way)));
    }
    for beyond in BEYOND {
        let precision = claim.model.precision();
        let point = |(sample, way): &(usize, Way)| {
            let point = way.point(&claim.data.row(*sample), way.distance * (1.0 + beyond));
            let into = |(feature, x): (usize, &f64)| {
                let (lower, upper) = domain.range(feature);
                precision.round(*x).max(precision.round_up(lower)).min(precision.round_down(upper))
            };
            point.iter().enumerate().map(into).collect::<Vec<f64>>()
        };
        let points: Vec<Vec<f64>> = ways.iter().map(point).collect();
        let numbers: Vec<usize> = ways.iter().map(|(sample, _)| *sample).collect();
        let broken = wrong(&numbers, &points)?;
        let mut results = points.iter().zip(&broken);
        ways.retain(|(sample, _)| {
            let Some((point, broken)) = results.next() else { return true };
            let valid = *broken && point.iter().all(|x| x.is_finite()) && domain.contains(point);
            if valid {
                found[*sample].attacked = distance_up(point, &claim.data.row(*sample), claim.norm);
            }
            !valid
        });
    }
    Ok(())
}
