//! What is said about the Lipschitz constant of a network.

use indelible::fit::Lipschitz;
use serde_json::{Value, json};

use crate::report::real;

/// Keys as docs/json.md says.
pub fn object(found: &Lipschitz) -> Value {
    json!({
        "norm": found.norm.to_string(),
        "bound": found.bound.is_finite().then_some(found.bound),
        "attained": found.pair.as_ref().map(|pair| pair.slope),
        "pair": found.attaining().map(|p| json!({"output": p.output, "from": p.from, "to": p.to})),
    })
}

/// One line for people.
pub fn line(found: &Lipschitz) -> String {
    if !found.bound.is_finite() {
        return format!("none was found in {}", found.norm);
    }
    let bound = format!("{} for every output, inputs measured in {}", real(found.bound), found.norm);
    match (found.attaining(), &found.pair) {
        (Some(pair), _) => {
            format!("{bound}; attained by output {} (--json names the points)", pair.output)
        }
        (None, Some(pair)) => format!("{bound}; {} is attained", real(pair.slope)),
        (None, None) => bound,
    }
}
