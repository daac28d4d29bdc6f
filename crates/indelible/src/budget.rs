//! The budget: which radius every sample gets, and how much room it leaves.

use crate::{
    Error, Norm,
    number::{add_up, div_up, mul_down, mul_up, sub_down},
    separation::{NearestEnemies, Separation},
};

/// One radius for all samples, or one each.
#[derive(Clone, Debug, PartialEq)]
pub enum Radii {
    /// The same radius μ for every sample.
    Uniform(f64),
    /// `μ_i` for sample `i`.
    PerSample(Vec<f64>),
}

impl Radii {
    /// The radius of sample `sample`.
    ///
    /// # Panics
    /// When there is one radius per sample and `sample` is out of range.
    #[inline]
    #[must_use]
    pub fn of(&self, sample: usize) -> f64 {
        match self {
            Self::Uniform(radius) => *radius,
            Self::PerSample(radii) => radii[sample],
        }
    }

    /// The largest radius of any sample.
    #[must_use]
    pub fn largest(&self) -> f64 {
        match self {
            Self::Uniform(radius) => *radius,
            Self::PerSample(radii) => radii.iter().copied().fold(0.0, f64::max),
        }
    }

    /// The smallest radius of any sample.
    #[must_use]
    pub fn smallest(&self) -> f64 {
        match self {
            Self::Uniform(radius) => *radius,
            Self::PerSample(radii) => radii.iter().copied().fold(f64::INFINITY, f64::min),
        }
    }
}

/// A budget that some network can keep: radii below half the distance to the
/// nearest enemy.
///
/// Made from a measured separation by one of the constructors, so that a
/// construction need not ask again whether its task is possible.
#[derive(Clone, Debug, PartialEq)]
pub struct Budget {
    norm: Norm,
    radii: Radii,
    ratio: Option<f64>,
    distances: Vec<f64>,
    separation: Separation,
}

impl Budget {
    /// The radius `radius` for every sample.
    ///
    /// # Errors
    /// When `radius` is negative, not finite, or not below half of the
    /// separation bound's lower end; when equal points have different labels.
    pub fn uniform(radius: f64, separation: &Separation) -> Result<Self, Error> {
        if !(radius.is_finite() && radius >= 0.0) {
            return Err(Error::BadRadius { given: radius });
        }
        let distance = separation.distance.lower;
        if let Some(pair) = separation.pair {
            if distance == 0.0 {
                return Err(Error::Inseparable { pair });
            }
            if add_up(radius, radius) >= distance {
                let (largest, norm) = (distance / 2.0, separation.norm);
                return Err(Error::RadiusTooLarge { radius, norm, distance, largest, pair });
            }
        }
        let ratio = (separation.pair.is_some()).then(|| 2.0 * radius / distance);
        Ok(Self {
            norm: separation.norm,
            radii: Radii::Uniform(radius),
            ratio,
            distances: vec![distance],
            separation: *separation,
        })
    }

    /// The radius `ratio · λ/2`, rounded down, for every sample.
    ///
    /// # Errors
    /// When `ratio` is not inside (0, 1), there are no enemies, or equal
    /// points have different labels.
    pub fn from_ratio(ratio: f64, separation: &Separation) -> Result<Self, Error> {
        check_ratio(ratio)?;
        if separation.pair.is_none() {
            return Err(Error::NoEnemies);
        }
        let budget = Self::uniform(mul_down(ratio, separation.distance.lower / 2.0), separation)?;
        Ok(Self { ratio: Some(ratio), ..budget })
    }

    /// The radius `ratio · d_i/2`, rounded down, for sample `i`, `d_i` being the
    /// distance to its nearest enemy.
    ///
    /// # Errors
    /// As for [`Budget::from_ratio`].
    pub fn per_sample(ratio: f64, enemies: &NearestEnemies) -> Result<Self, Error> {
        check_ratio(ratio)?;
        let mut radii = Vec::with_capacity(enemies.distances.len());
        for (i, (d, j)) in enemies.distances.iter().zip(&enemies.indices).enumerate() {
            let Some(j) = *j else { return Err(Error::NoEnemies) };
            if d.lower == 0.0 {
                return Err(Error::Inseparable { pair: (i.min(j), i.max(j)) });
            }
            radii.push(mul_down(ratio, d.lower / 2.0));
        }
        let distances = enemies.distances.iter().map(|d| d.lower).collect();
        Ok(Self {
            norm: enemies.norm,
            radii: Radii::PerSample(radii),
            ratio: Some(ratio),
            distances,
            separation: enemies.separation(),
        })
    }

    /// The same samples with these radii, one each and none smaller than before;
    /// one for all stays one for all. `None` where two of them would leave no room.
    #[must_use]
    pub fn widened(&self, radii: &[f64]) -> Option<Self> {
        let share = |(&radius, &distance): (&f64, &f64)| div_up(add_up(radius, radius), distance);
        let (radii, ratio) = match &self.radii {
            Radii::Uniform(_) => {
                let largest = radii.iter().copied().fold(0.0, f64::max);
                let ratio = self.distances.first().map(|distance| share((&largest, distance)));
                (Radii::Uniform(largest), ratio)
            }
            Radii::PerSample(_) => {
                let ratio = radii.iter().zip(&self.distances).map(share).fold(0.0, f64::max);
                (Radii::PerSample(radii.to_vec()), Some(ratio))
            }
        };
        let fits = ratio.is_none_or(|ratio| ratio < 1.0);
        let ratio = ratio.filter(|_| self.ratio.is_some());
        fits.then(|| Self { radii, ratio, ..self.clone() })
    }

    /// The norm that radii are measured in.
    #[must_use]
    pub fn norm(&self) -> Norm {
        self.norm
    }

    /// The separation that it was made from.
    #[must_use]
    pub fn separation(&self) -> &Separation {
        &self.separation
    }

    /// The radius of every sample.
    #[must_use]
    pub fn radii(&self) -> &Radii {
        &self.radii
    }

    /// A number that the distance from sample `sample` to its nearest enemy
    /// does not fall below: `d_i` with one radius per sample, else `λ`.
    /// Infinite when there are no enemies.
    #[must_use]
    pub fn distance(&self, sample: usize) -> f64 {
        match self.radii {
            Radii::PerSample(_) => self.distances[sample],
            Radii::Uniform(_) => self.distances[0],
        }
    }

    /// `ρ = 2μ/λ`; `None` when there are no enemies.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        self.ratio
    }

    /// A number that the distance from any point of an enemy's ball to sample
    /// `sample` does not fall below.
    ///
    /// With one radius this is `λ − μ`. With radii `ρ d_i/2` an enemy `j` at
    /// distance `d ≥ max(d_i, d_j)` leaves `d − ρ d_j/2 ≥ (1 − ρ/2) d_i`.
    /// Infinite when there are no enemies.
    #[must_use]
    pub fn clearance(&self, sample: usize) -> f64 {
        match (&self.radii, self.ratio) {
            (Radii::PerSample(_), Some(ratio)) => {
                let d = self.distances[sample];
                sub_down(d, mul_up(ratio, d / 2.0))
            }
            (radii, _) => sub_down(self.distances[0], radii.of(sample)),
        }
    }
}

fn check_ratio(ratio: f64) -> Result<(), Error> {
    if ratio > 0.0 && ratio < 1.0 { Ok(()) } else { Err(Error::BadRatio { given: ratio }) }
}
