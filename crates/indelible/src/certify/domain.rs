//! The range of valid inputs.

use crate::{
    Dataset, Error, Precision,
    number::{add_up, sub_down},
};

/// Which inputs there are: images have values from 0 to 1, say. Balls are
/// intersected with it, so that what is refuted is refuted by a valid input.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Domain(Ranges);

#[derive(Clone, Debug, Default, PartialEq)]
enum Ranges {
    /// Every number.
    #[default]
    All,
    /// The same closed range for every feature.
    Same(f64, f64),
    /// One closed range for each.
    Each(Vec<(f64, f64)>),
}

impl Domain {
    /// Every input.
    pub(super) const EVERYTHING: &Self = &Self(Ranges::All);

    /// Every feature from `lower` to `upper`, both included; an infinite end is
    /// none.
    ///
    /// # Errors
    /// [`Error::BadRange`] unless `lower` is at most `upper`.
    pub fn same(lower: f64, upper: f64) -> Result<Self, Error> {
        checked(None, (lower, upper))?;
        Ok(Self(Ranges::Same(lower, upper)))
    }

    /// One range per feature.
    ///
    /// # Errors
    /// [`Error::BadRange`] unless every lower end is at most the upper one.
    pub fn each(ranges: Vec<(f64, f64)>) -> Result<Self, Error> {
        ranges.iter().enumerate().try_for_each(|(feature, range)| checked(Some(feature), *range))?;
        Ok(Self(Ranges::Each(ranges)))
    }

    /// From the smallest to the largest value of each feature of `data`.
    #[must_use]
    pub fn of(data: &Dataset) -> Self {
        let mut ranges = vec![(f64::INFINITY, f64::NEG_INFINITY); data.features()];
        let mut row = vec![0.0; data.features()];
        for sample in 0..data.samples() {
            data.copy_row(sample, &mut row);
            ranges.iter_mut().zip(&row).for_each(|(range, x)| *range = (range.0.min(*x), range.1.max(*x)));
        }
        Self(Ranges::Each(ranges))
    }

    /// Whether every input is valid.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.0 == Ranges::All
    }

    /// The range of a feature.
    #[must_use]
    pub fn range(&self, feature: usize) -> (f64, f64) {
        match &self.0 {
            Ranges::All => None,
            Ranges::Same(lower, upper) => Some((*lower, *upper)),
            Ranges::Each(ranges) => ranges.get(feature).copied(),
        }
        .unwrap_or((f64::NEG_INFINITY, f64::INFINITY))
    }

    /// Whether a point is a valid input.
    #[must_use]
    pub fn contains(&self, point: &[f64]) -> bool {
        point.iter().enumerate().all(|(feature, x)| {
            let (lower, upper) = self.range(feature);
            lower <= *x && *x <= upper
        })
    }

    /// That every sample is a valid input.
    pub(super) fn check(&self, data: &Dataset) -> Result<(), Error> {
        match &self.0 {
            Ranges::All => return Ok(()),
            Ranges::Each(ranges) if ranges.len() != data.features() => {
                return Err(Error::RangeCount { features: data.features(), ranges: ranges.len() });
            }
            Ranges::Same(..) | Ranges::Each(_) => {}
        }
        let mut row = vec![0.0; data.features()];
        for sample in 0..data.samples() {
            data.copy_row(sample, &mut row);
            for (feature, &value) in row.iter().enumerate() {
                let (lower, upper) = self.range(feature);
                if value < lower || upper < value {
                    return Err(Error::OutOfRange { sample, feature, value, lower, upper });
                }
            }
        }
        Ok(())
    }

    /// The smallest interval of each feature that contains the valid part of the
    /// ball of a sample and every number of the format that rounding turns a
    /// point of it into. For every p the sup-norm ball contains the `l_p` ball of
    /// the same radius.
    pub(super) fn part(
        &self,
        x: &[f64],
        radius: f64,
        precision: Precision,
    ) -> impl Iterator<Item = (f64, f64)> {
        x.iter().enumerate().map(move |(feature, &x)| {
            let (least, most) = self.range(feature);
            let (lower, upper) = (sub_down(x, radius).max(least), add_up(x, radius).min(most));
            (lower.min(precision.round(lower)), upper.max(precision.round(upper)))
        })
    }
}

/// That a range is one.
fn checked(feature: Option<usize>, (lower, upper): (f64, f64)) -> Result<(), Error> {
    let holds_numbers = lower <= upper && lower < f64::INFINITY && upper > f64::NEG_INFINITY;
    if holds_numbers { Ok(()) } else { Err(Error::BadRange { feature, lower, upper }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Features;

    #[test]
    fn ranges_are_checked_and_cut_balls() {
        for (lower, upper) in [(1.0, 0.0), (f64::NAN, 1.0), (0.0, f64::NAN), (f64::INFINITY, f64::INFINITY)] {
            assert!(matches!(Domain::same(lower, upper), Err(Error::BadRange { .. })));
        }
        let data = Dataset::new(Features::F64(vec![0.1, 1.0].into()), 2, vec![0], vec!["1".into()]).unwrap();
        let domain = Domain::same(0.0, 1.0).unwrap();
        domain.check(&data).unwrap();
        let part: Vec<_> = domain.part(&data.row(0), 0.25, Precision::F64).collect();
        assert_eq!((part[0].0, part[1]), (0.0, (0.75, 1.0)));
        assert!(part[0].1 >= 0.35);
        assert!(domain.contains(&[0.0, 1.0]) && !domain.contains(&[0.0, 1.0 + 1e-15]));
        // 0.1 is no number of binary32: what rounding makes of it counts.
        let narrow = Domain::each(vec![(0.1, 0.1), (f64::NEG_INFINITY, 1.0)]).unwrap();
        let part: Vec<_> = narrow.part(&data.row(0), 0.25, Precision::F32).collect();
        assert_eq!((part[0].0, part[0].1), (0.1, f64::from(0.1f32)));
        let error = Domain::same(0.5, 1.0).unwrap().check(&data).unwrap_err();
        assert!(error.to_string().contains("sample 0, feature 0 is 0.1"), "{error}");
        let error = Domain::each(vec![(0.0, 1.0)]).unwrap().check(&data).unwrap_err();
        assert_eq!(error, Error::RangeCount { features: 2, ranges: 1 });
        assert_eq!(Domain::of(&data).range(1), (1.0, 1.0));
    }
}
