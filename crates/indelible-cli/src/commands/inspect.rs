//! `indelible inspect`: what is in a file.

use std::path::PathBuf;

use clap::Args;
use indelible::{
    Norm, Radii,
    fit::Lipschitz,
    network::{CellNetwork, Layer, Model, Patched, Scaling, Size},
};
use indelible_io::{
    dataset::{ReadOptions, Scale},
    onnx::{self, Metadata},
};
use serde_json::{Value, json};

use super::{patch::reach_of, prelude::*};
use crate::lipschitz;

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
        let norm = self.norm.or(metadata.norm).unwrap_or(Norm::Linf);
        let mapped = matches!(network.model, Model::Scaled(_));
        let scale = if mapped { Scale::None } else { Scale::default() };
        let options = ReadOptions { scale, ..ReadOptions::default() };
        let read = |path: &PathBuf| Given::read(path, &options, &Bar::default());
        let data = self.data.as_ref().map(read).transpose()?;
        let found = Lipschitz::of(&network.model, norm, data.as_deref())?;
        let Size { depth, width, nonzero, all, max_abs } = network.model.size();
        let (inputs, outputs) = (network.model.inputs(), network.model.outputs());
        let precision = network.model.precision();
        let mut report = Report::new(json!({
            "depth": depth, "width": width, "inputs": inputs, "outputs": outputs,
            "parameters": {"nonzero": nonzero, "all": all}, "max_abs_parameter": max_abs,
            "lipschitz": lipschitz::object(&found), "form": network.form(),
            "precision": precision.to_string(), "metadata": metadata_json(metadata),
        }));
        report
            .line("inputs", grouped(inputs))
            .line("outputs", grouped(outputs))
            .line("depth", grouped(depth))
            .line("width", grouped(width))
            .line("parameters", format!("{} nonzero, {} in all", grouped(nonzero), grouped(all)))
            .line("largest parameter", real(max_abs))
            .line("Lipschitz bound", lipschitz::line(&found))
            .line("form", format!("{}, {precision}", network.form()));
        let behind = match &network.model {
            Model::Scaled(scaled) => {
                report.json["scaling"] = scaling_json(scaled.scaling());
                let numbers = grouped(2 * inputs);
                report.line("scaling", format!("(x - offset) * factor of every feature, {numbers} numbers"));
                scaled.inner()
            }
            model => model,
        };
        match behind {
            Model::Cells(cells) => describe(cells, metadata.samples_per_cell.as_deref(), &mut report),
            Model::Projected(projected) => directions(projected.directions(), &mut report),
            Model::Patched(patched) => memory(patched, &mut report),
            _ => {}
        }
        claims(metadata, &mut report);
        if let Some(data) = &data {
            data.describe(&mut report);
        }
        report.left_out(&network.notes).print(self.json)
    }
}

/// What was put beside a network.
fn memory(patched: &Patched, report: &mut Report) {
    let Size { depth, width, nonzero, all, .. } = patched.memory().size();
    let (kind, cells) = reach_of(patched);
    report.json["memory"] = json!({
        "locality": kind, "cells": cells, "lift": patched.lift(), "depth": depth, "width": width,
        "parameters": {"nonzero": nonzero, "all": all},
    });
    report.line(
        "memory",
        format!("{} ({kind}), {} parameters nonzero", counted(cells, "cell"), grouped(nonzero)),
    );
    report.line("others lowered by", real(patched.lift()));
}

/// How many directions there are in front of a network, where there are some.
fn directions(layers: &[Layer], report: &mut Report) {
    let Some(layer) = layers.last() else { return };
    let weights = |layer: &Layer| layer.rows().map(|row| row.weights.len()).sum::<usize>();
    let all: usize = layers.iter().map(weights).sum();
    let dimensions = (layers.len() > 1).then(|| layer.inputs());
    report.json["directions"] = json!({"count": layer.outputs(), "nonzero": all, "dimensions": dimensions});
    let among = dimensions.map_or(String::new(), |k| format!(" among {k} dimensions"));
    report
        .line("directions", format!("{}{among}, {} weights in all", grouped(layer.outputs()), grouped(all)));
}

/// Cells, constraints, and how many of each; `samples` is what the file claims
/// about the balls in every cell.
fn describe(cells: &CellNetwork, samples: Option<&[usize]>, report: &mut Report) {
    let per_cell = histogram((0..cells.cells()).map(|k| cells.members_of(k).len()));
    let mut of_class = vec![0usize; cells.classes()];
    for &class in cells.classes_of_cells() {
        of_class[class] += 1;
    }
    let (all, distinct) = (cells.memberships(), cells.constraints().len());
    report.json["cells"] = cells.cells().into();
    report.json["cells_of_classes"] = of_class.into();
    report.json["constraints"] = all.into();
    report.json["distinct_constraints"] = distinct.into();
    report.json["constraints_per_cell"] = json!(per_cell);
    let list = per_cell.iter().map(|(value, times)| format!("{value}: {}", grouped(*times)));
    directions(cells.directions(), report);
    report
        .line("cells", grouped(cells.cells()))
        .line("constraints", format!("{}, {} of them distinct", grouped(all), grouped(distinct)))
        .line("per cell", format!("constraints: cells  {}", list.collect::<Vec<_>>().join(", ")));
    if let Some(samples) = samples {
        let mut sorted = samples.to_vec();
        sorted.sort_unstable();
        let at = |place: Option<&usize>| grouped(place.copied().unwrap_or(0));
        let (least, most, middle) = (at(sorted.first()), at(sorted.last()), at(sorted.get(sorted.len() / 2)));
        report.json["samples_per_cell"] = samples.into();
        report.line("samples per cell", format!("{least} to {most}, median {middle} (claimed)"));
    }
}

/// How often every value occurs, by value.
fn histogram(values: impl Iterator<Item = usize>) -> Vec<(usize, usize)> {
    let mut sorted: Vec<usize> = values.collect();
    sorted.sort_unstable();
    sorted.chunk_by(|a, b| a == b).map(|same| (same[0], same.len())).collect()
}

fn metadata_json(metadata: &Metadata) -> Value {
    json!({
        "version": metadata.version, "construction": metadata.construction,
        "norm": metadata.norm.map(|norm| norm.to_string()),
        "radius": metadata.radii.as_ref().map(Radii::smallest),
        "per_sample": matches!(metadata.radii, Some(Radii::PerSample(_))), "radius_units": metadata.units(),
        "ratio": metadata.ratio, "classes": metadata.classes, "dataset": metadata.dataset,
    })
}

/// The map in front of a network, as docs/json.md says.
pub fn scaling_json(scaling: &Scaling) -> Value {
    json!({"offsets": scaling.offsets(), "factors": scaling.factors()})
}

/// What the file claims, where it claims anything.
fn claims(metadata: &Metadata, report: &mut Report) {
    let radius = metadata.radii.as_ref().map(|radii| match radii {
        Radii::Uniform(radius) => real(*radius),
        Radii::PerSample(all) => {
            format!("{} and more, for {}", real(radii.smallest()), counted(all.len(), "sample"))
        }
    });
    let units = if metadata.scaled { ", of scaled features" } else { "" };
    let norm = metadata.norm.map_or(String::new(), |norm| format!(" in {norm}{units}"));
    report
        .known("construction", metadata.construction.as_ref())
        .known("claimed radius", radius.map(|radius| format!("{radius}{norm}")))
        .known("classes", metadata.classes.as_ref().map(|names| names.join(", ")))
        .known("dataset", metadata.dataset.as_ref().map(|digest| format!("SHA-256 {digest}")))
        .known("written by", metadata.version.as_ref().map(|version| format!("indelible {version}")));
}
