//! `indelible inspect`: what is in a file.

use std::path::PathBuf;

use clap::Args;
use indelible::{
    Radii,
    network::{Model, size},
};
use indelible_io::onnx::{self, Metadata};
use serde_json::{Value, json};

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
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl InspectArgs {
    pub fn run(self) -> Result<(), Failure> {
        let network = onnx::open(&self.network)?;
        let size = match &network.model {
            Model::Layers(layers) => size(layers),
            Model::Recurrence(recurrence) => recurrence.layered_size(),
            Model::Cells(cells) => size(cells),
        };
        let metadata = &network.metadata;
        let mut report = Report::default();
        report
            .json("depth", size.depth)
            .json("width", size.width)
            .json("inputs", network.model.inputs())
            .json("outputs", network.model.outputs())
            .json("parameters", json!({"nonzero": size.nonzero, "all": size.all}))
            .json("max_abs_parameter", size.max_abs)
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
            .line("form", format!("{}, {}", network.form(), network.model.precision()));
        for (name, value) in metadata_lines(metadata) {
            report.line(name, value);
        }
        report.print(self.json);
        Ok(())
    }
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
