//! `indelible explain`: why a network of cells gives a sample its label, in
//! words.

use std::path::PathBuf;

use clap::Args;
use indelible::{
    Dataset, Error, Radii,
    cells::{BallsOfCells, ConstraintReason, Explanation, OpenedCells, sign},
    network::{Constraint, Layer, Side},
};
use indelible_io::onnx;
use serde_json::{Value, json};

use super::prelude::*;
/// Enemies of each constraint that are named.
const EXAMPLES: usize = 3;
/// Features of a direction that are named.
const LARGEST: usize = 4;

/// Arguments of `explain`.
#[derive(Args, Debug)]
pub struct ExplainArgs {
    /// Network of cells
    #[arg(value_name = "NET.onnx")]
    network: PathBuf,
    #[command(flatten)]
    data: DataArgs,
    /// Sample to explain, counted from 0
    #[arg(long, value_name = "I")]
    sample: usize,
    /// Names of the features, one per line [default: those in the file, then those of the data]
    #[arg(long, value_name = "FILE")]
    feature_names: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl ExplainArgs {
    pub fn run(self) -> Result<(), Failure> {
        let bar = Bar::default();
        let network = onnx::open(&self.network)?;
        let data = self.data.read_for(&network, &bar)?;
        let metadata = &network.metadata;
        let claimed = metadata.radii.as_ref().map(|radii| (radii, metadata.norm));
        let opened = OpenedCells::new(&network.model, claimed, &data).map_err(|e| match e {
            Error::NotCells => Failure::input(format!("{}: {e}", self.network.display())),
            e => e.into(),
        })?;
        let (cells, samples) = (opened.cells(), data.samples());
        require(self.sample < samples, || {
            format!("--sample is {}; expected 0 to {}", self.sample, samples - 1)
        })?;
        let (layers, balls) = (cells.directions(), opened.balls()?);
        let is_scaled = network.model.has_scaled_balls();
        let mut names = self.names(&network, &data)?;
        if is_scaled && !layers.is_empty() {
            names.iter_mut().for_each(|name| name.insert_str(0, "scaled "));
        }
        let names = if layers.is_empty() { names } else { direction_names(layers, &names) };
        let classes = network.signature().match_classes(&data)?;
        // The simplest reason: cells stand in the order of their constraints.
        let Some(explanation) = balls.explain(cells, &classes.map, self.sample) else {
            return Err(Failure::no(format!(
                "no cell of its class holds the ball of sample {}: the network does not recognise it",
                self.sample
            )));
        };
        let units = if is_scaled { "scaled" } else { "raw" };
        let mut report = self.report(&data, (opened.radii(), units), &balls, &explanation, &names);
        data.describe(&mut report);
        report.print(self.json)
    }

    /// One name per feature.
    fn names(&self, network: &onnx::Network, data: &Dataset) -> Result<Vec<String>, Failure> {
        let n = data.features();
        let given = match &self.feature_names {
            Some(path) => {
                let names: Vec<String> = read_text(path)?.lines().map(str::to_string).collect();
                require(names.len() == n, || {
                    format!(
                        "{} names {} and the data have {n}",
                        path.display(),
                        counted(names.len(), "feature")
                    )
                })?;
                Some(names)
            }
            None => network.metadata.features.clone().filter(|names| names.len() == n),
        };
        Ok(given
            .or_else(|| data.feature_names().map(<[String]>::to_vec))
            .unwrap_or_else(|| (0..n).map(|f| default_name(f, n)).collect()))
    }

    fn report(
        &self,
        data: &Dataset,
        (radii, units): (&Radii, &str),
        balls: &BallsOfCells<'_>,
        explanation: &Explanation,
        names: &[String],
    ) -> Report {
        let Explanation { cell, cells, samples_in_cell: held, reasons } = explanation;
        let (cell, cells, held) = (*cell, *cells, *held);
        let label = |sample: usize| &data.class_names()[data.labels()[sample]];
        let (sample, radius) = (self.sample, radii.of(self.sample));
        let enemies = data.labels().iter().filter(|&&y| y != data.labels()[sample]).count();
        let mut listed: Vec<Value> = vec![];
        let mut report = Report::new(json!({
            "sample": sample, "label": label(sample), "radius": radius, "radius_units": units, "cell": cell, "cells": cells,
            "samples_in_cell": held, "enemies": enemies,
        }));
        report
            .line("sample", format!("{sample}, label {}", label(sample)))
            .line(
                "recognised by",
                format!(
                    "cell {cell} ({}); it holds {} of the label",
                    if cells == 1 { "the only one".into() } else { format!("one of {}", grouped(cells)) },
                    if held == 1 { "one sample".into() } else { counted(held, "sample") }
                ),
            )
            .line(
                "that is",
                format!(
                    "every point within {} of it{} satisfies all of these",
                    real(radius),
                    if units == "scaled" { ", in scaled features," } else { "" }
                ),
            );
        for ConstraintReason { constraint, value: here, excluded, nearest } in reasons {
            let Constraint { feature, side, threshold } = *constraint;
            let value = |i: usize| balls.value(feature, i);
            let examples = || excluded.iter().take(EXAMPLES);
            let example = |&i: &usize| json!({"sample": i, "label": label(i), "value": value(i)});
            listed.push(json!({
                "feature": feature, "name": names[feature], "side": symbol(side), "threshold": threshold,
                "value": here, "excludes": excluded.len(),
                "examples": examples().map(example).collect::<Vec<_>>(),
            }));
            let examples: Vec<String> =
                examples().map(|&i| format!("{i} ({}, {})", label(i), real(value(i)))).collect();
            let such =
                if examples.is_empty() { String::new() } else { format!(", as {}", examples.join(", ")) };
            report.line(
                &names[feature],
                format!(
                    "{} {} (here {}): excludes {} of {} of other labels{such}",
                    symbol(side),
                    shown(threshold, side, *nearest),
                    real(*here),
                    grouped(excluded.len()),
                    counted(enemies, "sample"),
                ),
            );
        }
        report.json["constraints"] = listed.into();
        report
    }
}

/// Directions in words: their largest weights on features. Of two layers the
/// weights are those of the product, rounded.
fn direction_names(layers: &[Layer], names: &[String]) -> Vec<String> {
    let count = layers.last().map_or(0, Layer::outputs);
    let words = |direction: usize| {
        let mut weights: Vec<(usize, f64)> = vec![(direction, 1.0)];
        for layer in layers.iter().rev() {
            let mut sums = vec![0.0; layer.inputs()];
            for (neuron, weight) in weights {
                layer.row(neuron).terms().for_each(|(column, w)| sums[column] += weight * w);
            }
            weights = sums.into_iter().enumerate().filter(|(_, w)| *w != 0.0).collect();
        }
        weights.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0)));
        let number = |w: f64| if layers.len() > 1 { format!("{w:+.3}") } else { format!("{w:+}") };
        let largest = weights.iter().take(LARGEST).map(|&(f, w)| format!("{} {}", number(w), names[f]));
        let rest = match weights.len().saturating_sub(LARGEST) {
            0 => String::new(),
            more => format!(" and {} more", grouped(more)),
        };
        format!("direction {direction} ({}{rest})", largest.collect::<Vec<_>>().join(" "))
    };
    (0..count).map(words).collect()
}

/// A threshold in as few digits, at least six, as leave what is said of it
/// true: all that meets it meets the number shown, and `nearest` does not.
fn shown(threshold: f64, side: Side, nearest: f64) -> String {
    for (digits, places) in (5..17).zip(5..) {
        let text = format!("{threshold:.digits$e}");
        let Some((Ok(rounded), Ok(exponent))) =
            text.split_once('e').map(|(_, exponent)| (text.parse::<f64>(), exponent.parse::<i32>()))
        else {
            break;
        };
        let sign = sign(side);
        for candidate in [rounded, rounded - sign * 10f64.powi(exponent - places)] {
            let Ok(candidate) = format!("{candidate:.digits$e}").parse::<f64>() else { continue };
            if sign * nearest < sign * candidate && sign * candidate <= sign * threshold {
                return plain(candidate);
            }
        }
    }
    plain(threshold)
}

fn symbol(side: Side) -> &'static str {
    match side {
        Side::AtLeast => ">=",
        Side::AtMost => "<=",
    }
}

/// "pixel row, column" where the features could be a square image.
fn default_name(feature: usize, features: usize) -> String {
    let side = features.isqrt();
    if side > 4 && side * side == features {
        format!("feature {feature} (pixel {}, {})", feature / side, feature % side)
    } else {
        format!("feature {feature}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_shown_in_digits_that_keep_what_is_said_true() {
        let far = [f64::NEG_INFINITY, f64::INFINITY];
        assert_eq!(shown(0.737_254_9, Side::AtLeast, far[0]), "0.737254");
        assert_eq!(shown(0.737_254_9, Side::AtMost, far[1]), "0.737255");
        assert_eq!(shown(0.25, Side::AtLeast, far[0]), "0.25");
        assert_eq!(shown(-1e-9, Side::AtMost, far[1]), "-1e-9");
        // Six digits would include the enemy.
        assert_eq!(shown(0.737_254_9, Side::AtLeast, 0.737_254_5), "0.7372549");
        let above = 1.0f64.next_up();
        assert_eq!(shown(above, Side::AtLeast, 1.0), "1.0000000000000002");
    }
}
