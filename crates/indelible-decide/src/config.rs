//! How to decide.

use std::time::Duration;

use crate::Error;

/// The largest width that is decided: the conditions of a point have `2^W`
/// cases.
pub const LARGEST_WIDTH: usize = 12;

/// How to decide.
///
/// ```
/// use std::time::Duration;
///
/// let config = indelible_decide::Config::default().timeout(Some(Duration::from_secs(10)));
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) solver: String,
    pub(crate) timeout: Option<Duration>,
    pub(crate) minimise: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { solver: "z3".into(), timeout: None, minimise: true }
    }
}

impl Config {
    /// The solver program, z3 or one that takes its arguments. Default `z3`.
    #[must_use]
    pub fn solver(self, program: impl Into<String>) -> Self {
        Self { solver: program.into(), ..self }
    }

    /// Time limit; the answer is *unknown* when it runs out. Default none.
    #[must_use]
    pub fn timeout(self, limit: Option<Duration>) -> Self {
        Self { timeout: limit, ..self }
    }

    /// Whether to drop points from a refutation until each is needed.
    /// Default yes.
    #[must_use]
    pub fn minimise(self, yes: bool) -> Self {
        Self { minimise: yes, ..self }
    }
}

/// Refuses a width that is not decided.
pub(crate) fn check_width(width: usize) -> Result<(), Error> {
    if (1..=LARGEST_WIDTH).contains(&width) {
        Ok(())
    } else {
        Err(Error::BadWidth { given: width, largest: LARGEST_WIDTH })
    }
}
