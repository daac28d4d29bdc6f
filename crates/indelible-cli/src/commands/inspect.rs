//! `indelible inspect`: what is in a file.

use std::path::PathBuf;

use clap::Args;
use indelible::{
    Norm, Radii,
    fit::Lipschitz,
    network::{CellNetwork, Model},
};
use indelible_io::{
    dataset::{ReadOptions, read},
    onnx::{self, Metadata},
};
use serde_json::{Value, json};

use crate::{
    failure::Failure,
    lipschitz,
    report::{Report, grouped, real},
};

/// Arguments of `inspect`.
#[derive(Args, Debug)]
pub struct InspectArgs {
    /// Network to look at
    #[arg(value_name = "NET.onnx")]
    network: PathBuf,
    /// Norm of the Lipschitz bound [default: what the file claims, else linf]
    #[arg(long)]
    norm: Option<Norm>,
    /// Dataset around whose samples to look for points that attain the Lipschitz bound
    #[arg(long, value_name = "DATA")]
    data: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl InspectArgs {
    pub fn run(self) -> Result<(), Failure> {
        let network = onnx::open(&self.network)?;
        let metadata = &network.metadata;
        let size = network.model.size();
        let norm = self.norm.or(metadata.norm).unwrap_or(Norm::Linf);
        let data = match &self.data {
            Some(path) => Some(read(path, &ReadOptions::default())?),
            None => None,
        };
        let found = Lipschitz::of(&network.model, norm, data.as_ref())?;
        let mut report = Report::default();
        report
            .json("depth", size.depth)
            .json("width", size.width)
            .json("inputs", network.model.inputs())
            .json("outputs", network.model.outputs())
            .json("parameters", json!({"nonzero": size.nonzero, "all": size.all}))
            .json("max_abs_parameter", size.max_abs)
            .json("lipschitz", lipschitz::object(&found))
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
            .line("Lipschitz bound", lipschitz::line(&found))
            .line("form", format!("{}, {}", network.form(), network.model.precision()));
        if let Model::Cells(cells) = &network.model {
            describe(cells, metadata.samples_per_cell.as_deref(), &mut report);
        }
        for (name, value) in metadata_lines(metadata) {
            report.line(name, value);
        }
        report.print(self.json);
        Ok(())
    }
}

/// Cells, constraints, and how many of each; `samples` is what the file claims
/// about the balls in every cell.
fn describe(cells: &CellNetwork, samples: Option<&[usize]>, report: &mut Report) {
    let counts: Vec<usize> = (0..cells.cells()).map(|k| cells.members_of(k).len()).collect();
    let histogram = histogram(&counts);
    let mut of_class = vec![0usize; cells.classes()];
    for &class in cells.classes_of_cells() {
        of_class[class] += 1;
    }
    report
        .json("cells", cells.cells())
        .json("cells_of_classes", of_class.clone())
        .json("constraints", cells.memberships())
        .json("distinct_constraints", cells.constraints().len())
        .json("constraints_per_cell", json!(histogram));
    let list = |counts: &[(usize, usize)]| {
        let parts: Vec<String> =
            counts.iter().map(|(value, times)| format!("{value}: {}", grouped(*times))).collect();
        parts.join(", ")
    };
    report
        .line("cells", grouped(cells.cells()))
        .line(
            "constraints",
            format!(
                "{}, {} of them distinct",
                grouped(cells.memberships()),
                grouped(cells.constraints().len())
            ),
        )
        .line("per cell", format!("constraints: cells  {}", list(&histogram)));
    if let Some(samples) = samples {
        let mut sorted = samples.to_vec();
        sorted.sort_unstable();
        let middle = sorted.get(sorted.len() / 2).copied().unwrap_or(0);
        let (least, most) = (sorted.first().copied().unwrap_or(0), sorted.last().copied().unwrap_or(0));
        report.json("samples_per_cell", samples).line(
            "samples per cell",
            format!("{} to {}, median {} (claimed)", grouped(least), grouped(most), grouped(middle)),
        );
    }
}

/// How often every value occurs, by value.
fn histogram(values: &[usize]) -> Vec<(usize, usize)> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted.chunk_by(|a, b| a == b).map(|same| (same[0], same.len())).collect()
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
