//! `indelible inspect`: what is in a file.

use std::path::PathBuf;

use clap::Args;
use indelible::{Norm, Radii, certify::lipschitz_bound};
use indelible_io::onnx::{self, Metadata};
use serde_json::{Value, json};

use super::NormArg;
use crate::{
    failure::Failure,
    report::{Report, grouped, real},
};

/// Arguments of `inspect`.
#[derive(Args, Debug)]
pub struct InspectArgs {
    /// Network to look at
    #[arg(value_name = "NET.onnx")]
    network: PathBuf,
    /// Norm of the Lipschitz bound [default: what the file claims, else linf]
    #[arg(long, value_enum)]
    norm: Option<NormArg>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl InspectArgs {
    pub fn run(self) -> Result<(), Failure> {
        let network = onnx::open(&self.network)?;
        let size = network.model.size();
        let metadata = &network.metadata;
        let norm = self.norm.map(Norm::from).or(metadata.norm).unwrap_or(Norm::Linf);
        let lipschitz = lipschitz_bound(&network.model, norm);
        let mut report = Report::default();
        report
            .json("depth", size.depth)
            .json("width", size.width)
            .json("inputs", network.model.inputs())
            .json("outputs", network.model.outputs())
            .json("parameters", json!({"nonzero": size.nonzero, "all": size.all}))
            .json("max_abs_parameter", size.max_abs)
            .json("lipschitz", json!({"norm": norm.to_string(), "bound": finite(lipschitz)}))
            .json("form", network.form())
            .json("precision", network.model.precision().to_string())
            .json("metadata", metadata_json(metadata));
        report
            .line("inputs", grouped(network.model.inputs()))
            .line("outputs", grouped(network.model.outputs()))
            .line("depth", grouped(size.depth))
            .line("width", grouped(size.width))
            .line("parameters", format!("{} nonzero, {} in all", grouped(size.nonzero), grouped(size.all)))
            .line("largest parameter", real(size.max_abs))
            .line("Lipschitz bound", lipschitz_line(lipschitz, norm))
            .line("form", format!("{}, {}", network.form(), network.model.precision()));
        for (name, value) in metadata_lines(metadata) {
            report.line(name, value);
        }
        report.print(self.json);
        Ok(())
    }
}

/// What `inspect` and `build` say about the bound.
pub fn lipschitz_line(bound: f64, norm: Norm) -> String {
    if bound.is_finite() {
        format!("{} for every output, inputs measured in {norm}", real(bound))
    } else {
        format!("none was found in {norm}")
    }
}

/// JSON knows no infinity.
pub fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

fn metadata_json(metadata: &Metadata) -> Value {
    let (radius, per_sample) = match &metadata.radii {
        None => (Value::Null, false),
        Some(radii) => (json!(radii.smallest()), matches!(radii, Radii::PerSample(_))),
    };
    json!({
        "version": metadata.version,
        "construction": metadata.construction,
        "norm": metadata.norm.map(|norm| norm.to_string()),
        "radius": radius,
        "per_sample": per_sample,
        "ratio": metadata.ratio,
        "classes": metadata.classes,
        "dataset": metadata.dataset,
    })
}

/// What the file claims, where it claims anything.
fn metadata_lines(metadata: &Metadata) -> Vec<(&'static str, String)> {
    let radius = metadata.radii.as_ref().map(|radii| match radii {
        Radii::Uniform(radius) => real(*radius),
        Radii::PerSample(all) => format!("{} and more, for {} samples", real(radii.smallest()), all.len()),
    });
    let norm = metadata.norm.map_or(String::new(), |norm| format!(" in {norm}"));
    [
        ("construction", metadata.construction.clone()),
        ("claimed radius", radius.map(|radius| format!("{radius}{norm}"))),
        ("classes", metadata.classes.as_ref().map(|names| names.join(", "))),
        ("dataset", metadata.dataset.as_ref().map(|digest| format!("SHA-256 {digest}"))),
        ("written by", metadata.version.as_ref().map(|version| format!("indelible {version}"))),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect()
}
