//! Numbers of a file that its format need not hold.

use crate::{Precision, number::Enclosure};

/// A real number that need not be one of the format.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Inexact {
    /// The number of the format that stands for it in evaluation.
    pub stored: f64,
    /// Where the number lies, and with it every number that executing the file
    /// may take for it. Certificates hold for each number in there.
    pub range: Enclosure,
}

impl Inexact {
    /// A number of the format.
    #[must_use]
    pub const fn exact(stored: f64) -> Self {
        Self { stored, range: Enclosure::exact(stored) }
    }

    pub(super) fn holds(&self, precision: Precision) -> bool {
        let Enclosure { lower, upper } = self.range;
        let finite = lower.is_finite() && upper.is_finite();
        precision.holds(self.stored) && finite && lower <= self.stored && self.stored <= upper
    }
}
