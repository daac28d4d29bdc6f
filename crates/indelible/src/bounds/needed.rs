//! What the data need themselves.

use super::{Kind, Quantity, Row};
use crate::{Budget, Dataset, Error, Norm, Progress, Radii, width::width_needed};

/// The width that the first layer needs on these data at the radius of the budget;
/// `None` for other norms than l2, for one radius per sample, and where it would take
/// long ([`width_needed`]).
///
/// # Errors
/// As of [`width_needed`].
pub fn needed(data: &Dataset, budget: &Budget, progress: &dyn Progress) -> Result<Option<Row>, Error> {
    let (Norm::L2, Radii::Uniform(radius)) = (budget.norm(), budget.radii()) else { return Ok(None) };
    let width = width_needed(data, 2.0 * radius, progress)?;
    Ok(width.map(|width| Row {
        quantity: Quantity::FirstWidth,
        formula: "proved from the data",
        value: width as f64,
        condition: "these data, p = 2; from the closest pairs, `width` may show more",
        source: "this library, docs/width.md",
        ..Row::of(Kind::Needed)
    }))
}
