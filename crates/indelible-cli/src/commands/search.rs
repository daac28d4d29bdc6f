//! How much `certify` tries for each sample.

use std::time::Duration;

use clap::Args;
use indelible::certify::Config;

use super::prelude::*;

/// Arguments for the search behind a certificate.
#[derive(Args, Debug)]
pub struct SearchArgs {
    /// Parts of a ball to look at before its sample stays undecided, for dense layers [default: 2000, for `robustness` 64; as many as --timeout allows]
    #[arg(long, value_name = "N")]
    branches: Option<usize>,
    /// Seconds to spend on each sample; which ones are decided then depends on the machine [default: no limit but --branches]
    #[arg(long, value_name = "S", allow_negative_numbers = true)]
    timeout: Option<f64>,
}

impl SearchArgs {
    /// What was asked for, the rest as in `config`.
    pub fn config(&self, mut config: Config) -> Result<Config, Failure> {
        if let Some(seconds) = self.timeout {
            let timeout = Duration::try_from_secs_f64(seconds).ok().filter(|timeout| !timeout.is_zero());
            require(timeout.is_some(), || {
                format!("--timeout is {seconds}; expected a number of seconds above 0")
            })?;
            (config.timeout, config.branches) = (timeout, usize::MAX);
        }
        config.branches = self.branches.unwrap_or(config.branches);
        Ok(config)
    }
}
