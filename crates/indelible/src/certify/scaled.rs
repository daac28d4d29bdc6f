//! Networks behind an affine map of every feature: a ball goes through the map,
//! and what comes out is asked of the network behind.
//!
//! What a machine makes of the ball is said in `network/scaling_ball.rs`; a certificate
//! for the ball that holds it covers it.

use super::{Claim, Domain, Verdict};
use crate::{
    Dataset, Error, Features, Norm, Precision, Radii,
    network::{Model, Scaled, ScaledBall, Scaling, ScalingMap, norm_up},
    number::{add_down, add_up, div_down, sub_down, sub_up},
    parallel,
};

/// The balls, behind a map, that contain whatever it makes of balls around samples.
#[derive(Clone, Debug)]
pub struct ScaledBalls {
    /// Their centers, which are numbers of the format, with the labels of the samples.
    pub data: Dataset,
    /// Their radii.
    pub radii: Vec<f64>,
    /// Whether there is such a ball; where numbers are too large for the format
    /// there is none, and what stands for it means nothing.
    pub bounded: Vec<bool>,
}

impl ScaledBalls {
    /// What `scaling`, executed in `precision` or in real arithmetic, makes of the
    /// balls of `radii` around the samples, measured behind the map.
    ///
    /// # Errors
    /// When the data have other features than the map.
    pub fn new(
        scaling: &Scaling,
        precision: Precision,
        data: &Dataset,
        norm: Norm,
        radii: &Radii,
    ) -> Result<Self, Error> {
        Self::measured(ScalingMap { scaling, precision, raw: false }, data, norm, radii)
    }

    /// The same where balls may be measured in front of the map.
    fn measured(map: ScalingMap<'_>, data: &Dataset, norm: Norm, radii: &Radii) -> Result<Self, Error> {
        let ScalingMap { scaling, precision, .. } = map;
        if data.features() != scaling.features() {
            return Err(Error::InputWidth { expected: scaling.features(), given: data.features() });
        }
        let ball = |sample| {
            let ball = map.image(&data.row(sample), norm, radii.of(sample));
            ball.map(|ScaledBall { center, radius, .. }| (center, radius))
        };
        let balls: Vec<Option<(Vec<f64>, f64)>> = parallel::map(data.samples(), ball);
        let bounded = balls.iter().map(Option::is_some).collect();
        let radii = balls.iter().map(|ball| ball.as_ref().map_or(0.0, |(_, radius)| *radius)).collect();
        let none = vec![0.0; data.features()];
        let centers =
            balls.iter().flat_map(|ball| ball.as_ref().map_or(&none, |(center, _)| center)).copied();
        let features = match precision {
            #[expect(clippy::cast_possible_truncation, reason = "they are numbers of binary32")]
            Precision::F32 => Features::F32(centers.map(|c| c as f32).collect::<Vec<_>>().into()),
            Precision::F64 => Features::F64(centers.collect::<Vec<_>>().into()),
        };
        Ok(Self { data: data.with_features(features)?, radii, bounded })
    }
}

/// The map of a network, as balls are measured.
fn map_of<'a>(claim: &Claim<'_>, scaled: &'a Scaled) -> ScalingMap<'a> {
    let raw = !claim.model.has_scaled_balls();
    ScalingMap { scaling: scaled.scaling(), precision: claim.model.precision(), raw }
}

/// A point and the class of the network that it gets, `None` for NaN.
type Found = (Vec<f64>, Option<usize>);

/// A claim about a network behind a map, and what is asked of that network.
pub(super) struct Behind<'a> {
    claim: &'a Claim<'a>,
    scaled: &'a Scaled,
    balls: ScaledBalls,
    radii: Radii,
}

/// One sample behind a map, and the box that holds the image of its ball.
pub(super) struct Part {
    data: Dataset,
    radii: Radii,
    pub domain: Domain,
}

impl<'a> Behind<'a> {
    /// # Errors
    /// When the data have other features than the map.
    pub fn new(claim: &'a Claim<'a>, scaled: &'a Scaled) -> Result<Self, Error> {
        let balls = ScaledBalls::measured(map_of(claim, scaled), claim.data, claim.norm, claim.radii)?;
        let radii = Radii::PerSample(balls.radii.clone());
        Ok(Self { claim, scaled, balls, radii })
    }

    /// Whether boxes say more than the balls do that hold them, and the network behind
    /// is of a form whose engine looks at them.
    pub fn has_boxes(&self) -> bool {
        let factors = self.scaled.scaling().factors();
        let uneven = factors.windows(2).any(|pair| pair[0] != pair[1]);
        let looks_at_boxes = match self.scaled.inner() {
            Model::Layers(_) | Model::Graph(_) => true,
            Model::Cells(cells) => cells.directions().is_empty(),
            _ => false,
        };
        uneven && looks_at_boxes && !self.claim.model.has_scaled_balls()
    }

    /// Whether to ask about balls first would take longer than it spares: what is
    /// bounded layer by layer is bounded on a box as soon as on a ball.
    pub fn is_sooner_in_boxes(&self) -> bool {
        self.has_boxes() && matches!(self.scaled.inner(), Model::Layers(_) | Model::Graph(_))
    }

    /// One sample alone.
    ///
    /// # Errors
    /// When there is no such sample.
    pub fn part(&self, sample: usize) -> Result<Part, Error> {
        let (claim, data) = (self.claim, self.balls.data.select(std::iter::once(sample))?);
        let map = map_of(claim, self.scaled);
        let image = map.image(&claim.data.row(sample), claim.norm, claim.radii.of(sample));
        let ranges = image.into_iter().flat_map(|ScaledBall { center, halves, .. }| {
            center.into_iter().zip(halves).map(|(c, half)| (sub_down(c, half), add_up(c, half)))
        });
        let ranges: Vec<(f64, f64)> = ranges.collect();
        // Where there is no image there is no certificate either.
        let domain = if ranges.is_empty() { Domain::default() } else { Domain::each(ranges)? };
        Ok(Part { data, radii: Radii::Uniform(self.radii.of(sample)), domain })
    }

    /// What is asked of the network behind about a part.
    pub fn claim_of<'p>(&'p self, part: &'p Part) -> Claim<'p> {
        Claim { model: self.scaled.inner(), data: &part.data, radii: &part.radii, ..*self.claim }
    }

    /// What is asked of the network behind.
    pub fn claim(&self) -> Claim<'_> {
        Claim { model: self.scaled.inner(), data: &self.balls.data, radii: &self.radii, ..*self.claim }
    }

    /// What a verdict about the network behind says of the whole one: a point that
    /// refutes is looked for in front of the map, and what a sample itself gets is
    /// open.
    ///
    /// # Errors
    /// When the data have other features than the network.
    pub fn verdict(&self, sample: usize, domain: &Domain, verdict: Verdict) -> Result<Verdict, Error> {
        Ok(match verdict {
            Verdict::Certified { .. } if self.balls.bounded[sample] => verdict,
            Verdict::Refuted { point, engine, .. } => {
                self.pulled_back(sample, domain, &point)?.map_or(Verdict::Undecided, |(point, predicted)| {
                    Verdict::Refuted { point, predicted, engine }
                })
            }
            _ => Verdict::Undecided,
        })
    }

    /// A valid point of the ball of a sample, in numbers of the format, that gets another
    /// label, and the class it gets, looked for where the map gives about `z`.
    ///
    /// # Errors
    /// When the data have other features than the network.
    pub fn pulled_back(&self, sample: usize, domain: &Domain, z: &[f64]) -> Result<Option<Found>, Error> {
        let (claim, precision) = (self.claim, self.claim.model.precision());
        let (x, radius) = (claim.data.row(sample), claim.radii.of(sample));
        let center = self.balls.data.row(sample);
        let scaled_balls = claim.model.has_scaled_balls();
        for share in [1.0, 1.0 - 1e-6, 1.0 - 1e-3] {
            let factors = self.scaled.scaling().factors();
            let mut moves: Vec<f64> =
                z.iter().zip(&center).zip(factors).map(|((z, c), w)| share * (z - c) / w).collect();
            if !scaled_balls && claim.norm != Norm::Linf {
                // A ball behind the map holds more than the image.
                let length = norm_up(moves.iter().map(|moved| moved.abs()), claim.norm);
                let less = if length > radius { share * radius / length } else { 1.0 };
                moves.iter_mut().for_each(|moved| *moved *= less);
            }
            let point: Vec<f64> = x
                .iter()
                .zip(moves)
                .zip(factors)
                .map(|((&x, moved), &w)| {
                    let half = if scaled_balls { div_down(radius, w) } else { radius };
                    let (lower, upper) =
                        (precision.round_up(sub_up(x, half)), precision.round_down(add_down(x, half)));
                    precision.round(x + moved).max(lower).min(upper)
                })
                .collect();
            let finite = point.iter().all(|v| v.is_finite());
            if finite && domain.contains(&point) && claim.distance_up(&point, &x) <= radius {
                let outputs = claim.model.evaluate(&point)?;
                if let Some(predicted) = claim.instead_of(claim.class(sample), &outputs) {
                    return Ok(Some((point, predicted)));
                }
            }
        }
        Ok(None)
    }
}
