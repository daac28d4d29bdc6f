//! What a network behind a map of the features is built from.

use crate::{Budget, Dataset, Error, Precision, certify::ScaledBalls, network::Scaling, text::plain};

/// The samples behind a map and the radii that a network must keep there, so that
/// the whole one keeps those asked for.
#[derive(Clone, Debug)]
pub struct Inside {
    /// The map.
    pub scaling: Scaling,
    /// The samples behind it, in numbers of the format.
    pub data: Dataset,
    /// Their radii: those asked for, and what rounding moves points by.
    pub budget: Budget,
}

impl Inside {
    /// The budget that `ask` gives for the samples behind the map, and what is
    /// inside.
    ///
    /// # Errors
    /// As of `ask`, and [`Error::TooFine`] where rounding leaves no room.
    pub(super) fn new(
        data: &Dataset,
        scaling: &Scaling,
        precision: Precision,
        ask: impl FnOnce(&Dataset) -> Result<Budget, Error>,
    ) -> Result<(Budget, Self), Error> {
        let images = scaling.images(data, precision)?;
        let budget = ask(&images)?;
        let balls = ScaledBalls::new(scaling, precision, data, budget.norm(), budget.radii())?;
        let fine = |why: String| Error::TooFine { precision, why };
        if let Some(sample) = balls.bounded.iter().position(|bounded| !bounded) {
            return Err(fine(format!("sample {sample} is too large for it once its features are scaled")));
        }
        let widened = budget.widened(&balls.radii).ok_or_else(|| {
            let largest = balls.radii.iter().copied().fold(0.0, f64::max);
            fine(format!(
                "rounding while features are scaled makes of the radius {} up to {}, more than half of what is between two classes",
                plain(budget.radii().largest()),
                plain(largest)
            ))
        })?;
        Ok((budget, Self { scaling: scaling.clone(), data: balls.data, budget: widened }))
    }
}
