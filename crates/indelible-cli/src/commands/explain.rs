//! `indelible explain`: why a network of cells gives a sample its label, in
//! words.

use std::path::PathBuf;

use clap::Args;
use indelible::{
    Dataset, Norm, Radii,
    network::{CellNetwork, Constraint, Model, Network, Side},
    number::{add_up, sub_down},
};
use indelible_io::onnx;
use serde_json::{Value, json};

use crate::{
    bar::Bar,
    data::DataArgs,
    failure::Failure,
    report::{Report, grouped, real},
};

/// Enemies of each constraint that are named.
const EXAMPLES: usize = 3;

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
    features: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
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
        let data = self.data.read(&bar)?;
        if data.features() != cells.inputs() {
            let (expected, given) = (cells.inputs(), data.features());
            return Err(indelible::Error::InputWidth { expected, given }.into());
        }
        if self.sample >= data.samples() {
            return Err(Failure::input(format!(
                "--sample is {}; expected 0 to {}",
                self.sample,
                data.samples() - 1
            )));
        }
        let radii = match &network.metadata.radii {
            Some(Radii::Uniform(radius)) if network.metadata.norm == Some(Norm::Linf) => {
                Radii::Uniform(*radius)
            }
            Some(Radii::PerSample(radii))
                if radii.len() == data.samples() && network.metadata.norm == Some(Norm::Linf) =>
            {
                Radii::PerSample(radii.clone())
            }
            _ => Radii::Uniform(0.0),
        };
        let names = self.names(&network, &data)?;
        let classes = network.signature().match_classes(&data)?;
        let class = classes.map[data.labels()[self.sample]];
        let found: Vec<usize> = (0..cells.cells())
            .filter(|&k| cells.classes_of_cells()[k] == class && holds(cells, k, &data, &radii, self.sample))
            .collect();
        // The simplest reason: cells stand in the order of their constraints.
        let Some(&cell) = found.first() else {
            return Err(Failure::no(format!(
                "no cell of its class holds the ball of sample {}: the network does not recognise it",
                self.sample
            )));
        };
        let reasons = reasons(cells, cell, &data, &radii, self.sample);
        let held = (0..data.samples())
            .filter(|&i| classes.map[data.labels()[i]] == class && holds(cells, cell, &data, &radii, i))
            .count();
        self.report(&data, &radii, (cell, found.len(), held), &reasons, &names).print(self.json);
        Ok(())
    }

    /// One name per feature.
    fn names(&self, network: &onnx::Network, data: &Dataset) -> Result<Vec<String>, Failure> {
        let n = data.features();
        let given = match &self.features {
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|e| Failure::input(format!("cannot read {}: {e}", path.display())))?;
                let names: Vec<String> = text.lines().map(str::to_string).collect();
                if names.len() != n {
                    return Err(Failure::input(format!(
                        "{} names {} features and the data have {n}",
                        path.display(),
                        names.len()
                    )));
                }
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
        radii: &Radii,
        (cell, cells, held): (usize, usize, usize),
        reasons: &[Reason],
        names: &[String],
    ) -> Report {
        let label = |sample: usize| &data.class_names()[data.labels()[sample]];
        let radius = radii.of(self.sample);
        let listed: Vec<Value> = reasons
            .iter()
            .map(|reason| {
                json!({
                    "feature": reason.constraint.feature,
                    "name": names[reason.constraint.feature],
                    "side": symbol(reason.constraint.side),
                    "threshold": reason.constraint.threshold,
                    "value": data.value(self.sample, reason.constraint.feature),
                    "excludes": reason.enemies.len(),
                    "examples": reason.enemies.iter().take(EXAMPLES)
                        .map(|&i| json!({"sample": i, "label": label(i),
                            "value": data.value(i, reason.constraint.feature)}))
                        .collect::<Vec<_>>(),
                })
            })
            .collect();
        let enemies = data.labels().iter().filter(|&&y| y != data.labels()[self.sample]).count();
        let mut report = Report::default();
        report
            .json("sample", self.sample)
            .json("label", label(self.sample).as_str())
            .json("radius", radius)
            .json("cell", cell)
            .json("cells", cells)
            .json("samples_in_cell", held)
            .json("enemies", enemies)
            .json("constraints", listed);
        report
            .line("sample", format!("{}, label {}", self.sample, label(self.sample)))
            .line(
                "recognised by",
                format!(
                    "cell {cell} ({}); it holds {} of the label",
                    if cells == 1 { "the only one".into() } else { format!("one of {}", grouped(cells)) },
                    if held == 1 { "one sample".into() } else { format!("{} samples", grouped(held)) }
                ),
            )
            .line("that is", format!("every point within {} of it satisfies all of these", real(radius)));
        for reason in reasons {
            let Constraint { feature, side, threshold } = reason.constraint;
            let examples: Vec<String> = reason
                .enemies
                .iter()
                .take(EXAMPLES)
                .map(|&i| format!("{i} ({}, {})", label(i), real(data.value(i, feature))))
                .collect();
            let what =
                if examples.is_empty() { String::new() } else { format!(", as {}", examples.join(", ")) };
            report.line(
                &names[feature],
                format!(
                    "{} {} (here {}): excludes {} of {} samples of other labels{what}",
                    symbol(side),
                    shown(threshold, side, reason.nearest(data, radii)),
                    real(data.value(self.sample, feature)),
                    grouped(reason.enemies.len()),
                    grouped(enemies),
                ),
            );
        }
        report
    }
}

impl Reason {
    /// The end of an excluded ball that is nearest to the threshold.
    fn nearest(&self, data: &Dataset, radii: &Radii) -> f64 {
        let ends = self.enemies.iter().map(|&i| {
            let (x, radius) = (data.value(i, self.constraint.feature), radii.of(i));
            match self.constraint.side {
                Side::AtLeast => add_up(x, radius),
                Side::AtMost => sub_down(x, radius),
            }
        });
        match self.constraint.side {
            Side::AtLeast => ends.fold(f64::NEG_INFINITY, f64::max),
            Side::AtMost => ends.fold(f64::INFINITY, f64::min),
        }
    }
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
        let unit = 10f64.powi(exponent - places);
        let outward = match side {
            Side::AtLeast => rounded - unit,
            Side::AtMost => rounded + unit,
        };
        for candidate in [rounded, outward] {
            let text = format!("{candidate:.digits$e}");
            let Ok(candidate) = text.parse::<f64>() else { continue };
            let is_true = match side {
                Side::AtLeast => nearest < candidate && candidate <= threshold,
                Side::AtMost => threshold <= candidate && candidate < nearest,
            };
            if is_true {
                return plain(candidate);
            }
        }
    }
    plain(threshold)
}

/// A number in the fewest digits that mean it.
fn plain(value: f64) -> String {
    if value == 0.0 || (1e-3..1e6).contains(&value.abs()) { format!("{value}") } else { format!("{value:e}") }
}

/// The constraints of a cell and whom each excludes.
fn reasons(cells: &CellNetwork, cell: usize, data: &Dataset, radii: &Radii, sample: usize) -> Vec<Reason> {
    let label = data.labels()[sample];
    let mut reasons: Vec<Reason> = cells
        .members_of(cell)
        .iter()
        .map(|&t| {
            let constraint = cells.constraints()[t as usize];
            let enemies = (0..data.samples())
                .filter(|&i| data.labels()[i] != label)
                .filter(|&i| {
                    let (x, radius) = (data.value(i, constraint.feature), radii.of(i));
                    match constraint.side {
                        Side::AtLeast => add_up(x, radius) < constraint.threshold,
                        Side::AtMost => sub_down(x, radius) > constraint.threshold,
                    }
                })
                .collect();
            Reason { constraint, enemies }
        })
        .collect();
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.enemies.len()));
    reasons
}

/// Whether the whole ball of a sample lies in a cell.
fn holds(cells: &CellNetwork, cell: usize, data: &Dataset, radii: &Radii, sample: usize) -> bool {
    let radius = radii.of(sample);
    cells.members_of(cell).iter().all(|&t| {
        let c = cells.constraints()[t as usize];
        let x = data.value(sample, c.feature);
        match c.side {
            Side::AtLeast => sub_down(x, radius) >= c.threshold,
            Side::AtMost => add_up(x, radius) <= c.threshold,
        }
    })
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
