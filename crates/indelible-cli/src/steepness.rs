//! What is said about the Lipschitz constant of a network: the bound proved
//! for it and, beside data, a pair of points that attains it.

use indelible::{
    Dataset, Norm,
    certify::{SteepestPair, lipschitz_bound, steepest_pair},
    network::Model,
};
use serde_json::{Value, json};

use crate::{failure::Failure, report::real};

/// A bound is said to be attained when a pair comes as near to it as this.
const NEAR: f64 = 1.0 - 1e-6;

/// The bound and the steepest pair that was found.
#[derive(Debug)]
pub struct Steepness {
    norm: Norm,
    bound: f64,
    pair: Option<SteepestPair>,
}

impl Steepness {
    /// Bounds every output of `model`, and looks for a pair around samples
    /// where there are some.
    pub fn of(model: &Model, norm: Norm, data: Option<&Dataset>) -> Result<Self, Failure> {
        let bound = lipschitz_bound(model, norm);
        let pair = match data {
            Some(data) => steepest_pair(model, norm, data, NEAR * bound)?,
            None => None,
        };
        Ok(Self { norm, bound, pair })
    }

    /// The pair, where it shows that the bound is the constant itself.
    fn attaining(&self) -> Option<&SteepestPair> {
        self.pair.as_ref().filter(|pair| self.bound.is_finite() && pair.slope >= NEAR * self.bound)
    }

    /// Keys as docs/json.md says.
    pub fn json(&self) -> Value {
        json!({
            "norm": self.norm.to_string(),
            "bound": self.bound.is_finite().then_some(self.bound),
            "attained": self.pair.as_ref().map(|pair| pair.slope),
            "pair": self.attaining().map(|p| json!({"output": p.output, "from": p.from, "to": p.to})),
        })
    }

    /// One line for people.
    pub fn line(&self) -> String {
        if !self.bound.is_finite() {
            return format!("none was found in {}", self.norm);
        }
        let bound = format!("{} for every output, inputs measured in {}", real(self.bound), self.norm);
        match (self.attaining(), &self.pair) {
            (Some(pair), _) => {
                format!("{bound}; attained by output {} (--json names the points)", pair.output)
            }
            (None, Some(pair)) => format!("{bound}; {} is attained", real(pair.slope)),
            (None, None) => bound,
        }
    }
}
