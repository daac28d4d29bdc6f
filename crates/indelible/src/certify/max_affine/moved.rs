//! Maxima of affine scores behind an origin: what `relu(x − m)` makes of a ball.
//!
//! `x − m` moves a ball, and rounding, of the point and of the difference, makes
//! it larger (`scaled`, with factors of 1). A ReLU brings no two points farther apart in
//! any coordinate, and keeps roundings in order: so what the scores read lies in the
//! ball of that radius around what the ReLU makes of the center.

use super::verdicts as of_scores;
use crate::{
    Error, Features, Radii,
    certify::{Answers, Claim, Config, Domain, ScaledBalls, Verdict, Watch},
    network::{MaxAffine, Model, Scaling},
};

/// One verdict per sample, certified or undecided; `None` where none is certified.
/// What is proved is proved of all inputs.
pub(super) fn verdicts(
    claim: &Claim<'_>,
    (scores, origin): (&MaxAffine, &[f64]),
    config: &Config,
    watch: &Watch<'_>,
) -> Result<Option<Answers>, Error> {
    let shift = Scaling::new(origin.to_vec(), vec![1.0; origin.len()])?;
    let precision = claim.model.precision();
    let ScaledBalls { data, radii, bounded } =
        ScaledBalls::new(&shift, precision, claim.data, claim.norm, claim.radii)?;
    let storage = data.storage();
    let centers: Vec<f64> = (0..storage.len()).map(|at| storage.at(at).max(0.0)).collect();
    let data = data.with_features(Features::F64(centers.into()))?;
    let (radii, model) = (Radii::PerSample(radii), Model::MaxAffine(scores.without_origin()));
    let behind = Claim { model: &model, data: &data, radii: &radii, ..*claim };
    let inner = Config { domain: Domain::default(), ..config.clone() };
    let silent = Watch { progress: watch.progress, found: &|_, _, _| {} };
    let Model::MaxAffine(scores) = &model else { return Ok(None) };
    let Some(mut answers) = of_scores(&behind, scores, &inner, &silent)? else { return Ok(None) };
    for (sample, answer) in answers.iter_mut().enumerate() {
        if !(bounded[sample] && matches!(answer.0, Verdict::Certified { .. })) {
            answer.0 = Verdict::Undecided;
        }
        watch.decided(sample, answer);
    }
    Ok(Some(answers))
}
