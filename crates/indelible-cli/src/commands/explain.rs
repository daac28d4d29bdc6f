//! `indelible explain`: why a network of cells gives a sample its label, in
//! words.

use std::path::PathBuf;

use clap::Args;
use indelible::{
    Dataset, Norm, Radii,
    network::{BallImage, CellNetwork, Constraint, Layer, Model, Network, Row, Side},
    number::{add_up, sub_down},
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

/// The balls, and their images where the network looks along directions.
struct Balls<'a> {
    data: &'a Dataset,
    radii: &'a Radii,
    image: Option<BallImage<'a>>,
}

impl Balls<'_> {
    /// What a constraint is on: the value of a feature, or the image under a
    /// direction.
    fn value(&self, feature: usize, sample: usize) -> f64 {
        match &self.image {
            Some(image) => image.of(feature, &self.data.row(sample), 0.0).center,
            None => self.data.value(sample, feature),
        }
    }

    /// The ends of a sample's ball along what a constraint is on, with its sign.
    fn ends(&self, constraint: Constraint, sample: usize) -> (f64, f64) {
        let radius = self.radii.of(sample);
        if let Some(image) = &self.image {
            let (lower, upper) = image.ends(constraint.feature, &self.data.row(sample), radius);
            return match constraint.side {
                Side::AtLeast => (lower, upper),
                Side::AtMost => (-upper, -lower),
            };
        }
        let x = sign(constraint.side) * self.data.value(sample, constraint.feature);
        (sub_down(x, radius), add_up(x, radius))
    }
}

/// A constraint of the cell and the enemies whose whole ball violates it.
struct Reason {
    constraint: Constraint,
    enemies: Vec<usize>,
}

impl ExplainArgs {
    pub fn run(self) -> Result<(), Failure> {
        let bar = Bar::default();
        let network = onnx::open(&self.network)?;
        require(!matches!(network.model, Model::Scaled(_)), || {
            format!(
                "{} scales its features; `explain` reads networks of cells without such a map",
                self.network.display()
            )
        })?;
        let recognised;
        let cells = match &network.model {
            Model::Cells(cells) => Some(cells),
            Model::Layers(layers) => {
                recognised = CellNetwork::from_layers(layers);
                recognised.as_ref()
            }
            _ => None,
        };
        let Some(cells) = cells else {
            return Err(Failure::input(format!(
                "{} is no network of cells with logits; build one with --construction cells",
                self.network.display()
            )));
        };
        let data = self.data.read_for(&network, &bar)?;
        let (expected, given, samples) = (cells.inputs(), data.features(), data.samples());
        if given != expected {
            return Err(indelible::Error::InputWidth { expected, given }.into());
        }
        require(self.sample < samples, || {
            format!("--sample is {}; expected 0 to {}", self.sample, samples - 1)
        })?;
        let image = cells.directions().map(|layer| {
            BallImage::new(layer, cells.precision(), network.metadata.norm.unwrap_or(Norm::Linf))
        });
        let radii = match &network.metadata.radii {
            // Features alone see only boxes.
            _ if image.is_none() && network.metadata.norm != Some(Norm::Linf) => Radii::Uniform(0.0),
            Some(Radii::PerSample(radii)) if radii.len() != samples => Radii::Uniform(0.0),
            Some(radii) => radii.clone(),
            None => Radii::Uniform(0.0),
        };
        let balls = Balls { data: &data, radii: &radii, image };
        let names = self.names(&network, &data)?;
        let names = cells.directions().map_or(names.clone(), |layer| direction_names(layer, &names));
        let classes = network.signature().match_classes(&data)?;
        let class = classes.map[data.labels()[self.sample]];
        let holds = |k: usize, i: usize| {
            cells.classes_of_cells()[k] == class
                && classes.map[data.labels()[i]] == class
                && constraints(cells, k).all(|c| balls.ends(c, i).0 >= sign(c.side) * c.threshold)
        };
        let found: Vec<usize> = (0..cells.cells()).filter(|&k| holds(k, self.sample)).collect();
        // The simplest reason: cells stand in the order of their constraints.
        let Some(&cell) = found.first() else {
            return Err(Failure::no(format!(
                "no cell of its class holds the ball of sample {}: the network does not recognise it",
                self.sample
            )));
        };
        let reasons = reasons(cells, cell, &balls, self.sample);
        let held = (0..samples).filter(|&i| holds(cell, i)).count();
        let mut report = self.report(&balls, (cell, found.len(), held), &reasons, &names);
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
        balls: &Balls<'_>,
        (cell, cells, held): (usize, usize, usize),
        reasons: &[Reason],
        names: &[String],
    ) -> Report {
        let Balls { data, radii, .. } = *balls;
        let label = |sample: usize| &data.class_names()[data.labels()[sample]];
        let (sample, radius) = (self.sample, radii.of(self.sample));
        let enemies = data.labels().iter().filter(|&&y| y != data.labels()[sample]).count();
        let mut listed: Vec<Value> = vec![];
        let mut report = Report::new(json!({
            "sample": sample, "label": label(sample), "radius": radius, "cell": cell, "cells": cells,
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
            .line("that is", format!("every point within {} of it satisfies all of these", real(radius)));
        for Reason { constraint, enemies: excluded } in reasons {
            let Constraint { feature, side, threshold } = *constraint;
            let value = |i: usize| balls.value(feature, i);
            let examples = || excluded.iter().take(EXAMPLES);
            let example = |&i: &usize| json!({"sample": i, "label": label(i), "value": value(i)});
            listed.push(json!({
                "feature": feature, "name": names[feature], "side": symbol(side), "threshold": threshold,
                "value": value(sample), "excludes": excluded.len(),
                "examples": examples().map(example).collect::<Vec<_>>(),
            }));
            let examples: Vec<String> =
                examples().map(|&i| format!("{i} ({}, {})", label(i), real(value(i)))).collect();
            let such =
                if examples.is_empty() { String::new() } else { format!(", as {}", examples.join(", ")) };
            // The end of an excluded ball that is nearest to the threshold.
            let nearest =
                excluded.iter().map(|&i| balls.ends(*constraint, i).1).fold(f64::NEG_INFINITY, f64::max);
            report.line(
                &names[feature],
                format!(
                    "{} {} (here {}): excludes {} of {} of other labels{such}",
                    symbol(side),
                    shown(threshold, side, sign(side) * nearest),
                    real(value(sample)),
                    grouped(excluded.len()),
                    counted(enemies, "sample"),
                ),
            );
        }
        report.json["constraints"] = listed.into();
        report
    }
}

/// 1 for constraints from below, −1 for those from above: with this factor on
/// both sides, a constraint is always one from below.
fn sign(side: Side) -> f64 {
    match side {
        Side::AtLeast => 1.0,
        Side::AtMost => -1.0,
    }
}

/// A direction in words: its largest weights and their features.
fn direction_names(layer: &Layer, names: &[String]) -> Vec<String> {
    let words = |(direction, row): (usize, Row<'_>)| {
        let mut terms: Vec<(usize, f64)> = row.terms().collect();
        terms.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0)));
        let largest = terms.iter().take(LARGEST).map(|&(f, w)| format!("{w:+} {}", names[f]));
        let rest = match terms.len().saturating_sub(LARGEST) {
            0 => String::new(),
            more => format!(" and {} more", grouped(more)),
        };
        format!("direction {direction} ({}{rest})", largest.collect::<Vec<_>>().join(" "))
    };
    layer.rows().enumerate().map(words).collect()
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

fn constraints(cells: &CellNetwork, cell: usize) -> impl Iterator<Item = Constraint> {
    cells.members_of(cell).iter().map(|&t| cells.constraints()[t as usize])
}

/// The constraints of a cell and whom each excludes, most first.
fn reasons(cells: &CellNetwork, cell: usize, balls: &Balls<'_>, sample: usize) -> Vec<Reason> {
    let labels = balls.data.labels();
    let reason = |constraint: Constraint| {
        let threshold = sign(constraint.side) * constraint.threshold;
        let is_excluded = |&i: &usize| labels[i] != labels[sample] && balls.ends(constraint, i).1 < threshold;
        Reason { constraint, enemies: (0..labels.len()).filter(is_excluded).collect() }
    };
    let mut reasons: Vec<Reason> = constraints(cells, cell).map(reason).collect();
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.enemies.len()));
    reasons
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
