//! `indelible predict`: labels that a network gives.

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use clap::Args;
use indelible::{
    Dataset, Error, Progress,
    network::{Model, predicted_class},
};
use indelible_io::{
    AtomicFile,
    dataset::Points,
    npy::{Array, Values, write_npy},
    onnx,
};
use serde_json::json;

use super::prelude::*;
/// Arguments of `predict`.
#[derive(Args, Debug)]
pub struct PredictArgs {
    /// Network to evaluate
    #[arg(value_name = "NET.onnx")]
    network: PathBuf,
    #[command(flatten)]
    data: DataArgs,
    /// Write the labels. CSV: a line for each sample with the name of its class. NPY: int64, the class name where all names are integers, else the position among the classes that `inspect` lists; -1 for NaN
    #[arg(short, long, value_name = "FILE.npy|csv")]
    output: Option<PathBuf>,
    /// Write the outputs themselves, one row of float64 per sample
    #[arg(long, value_name = "FILE.npy")]
    outputs: Option<PathBuf>,
    /// The outputs stand for no classes: -o writes them as they are [default: told from the names and labels of network and data]
    #[arg(long)]
    values: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl PredictArgs {
    pub fn run(self) -> Result<(), Failure> {
        let bar = Bar::default();
        let [data, labels] = self.data.files();
        keep_apart(&[Some(&self.network), data, labels], &[self.output.as_ref(), self.outputs.as_ref()])?;
        ends_in(self.output.as_ref(), &["npy", "csv"], "labels are written as NPY or CSV")?;
        ends_in(self.outputs.as_ref(), &["npy"], "outputs are written as NPY")?;
        let network = onnx::open(&self.network)?;
        let points = self.data.read_points(&network, &bar)?;
        let data = points.data();
        if data.features() != network.model.inputs() {
            let (expected, given) = (network.model.inputs(), data.features());
            return Err(Error::InputWidth { expected, given }.into());
        }
        network.signature().match_features(data)?;
        let meaning = if self.values { Meaning::Values } else { Meaning::of(&network, &points)? };
        let started = Instant::now();
        let outputs = outputs(&network.model, data, &bar)?;
        let taken = started.elapsed().as_secs_f64();
        let width = network.model.outputs();
        if let Some(path) = &self.outputs {
            write_npy(path, &rows(&outputs, width))?;
        }
        let mut report = Report::new(json!({
            "samples": data.samples(), "accuracy": null, "correct": null, "seconds": taken,
        }));
        report.line("samples", grouped(data.samples()));
        match meaning {
            Meaning::Classes { names, labels, positions } => {
                let predicted: Vec<_> =
                    outputs.chunks(width).map(|row| predicted_class(row, names.len())).collect();
                match &self.output {
                    Some(path) if is_csv(path) => {
                        let name = |class: &Option<usize>| class.and_then(|class| names.get(class));
                        let cells =
                            predicted.iter().map(|class| name(class).map_or(String::new(), |n| quoted(n)));
                        write_text(AtomicFile::create(path)?, &table("label", cells))?;
                    }
                    Some(path) => write_npy(path, &Array::vector(Values::I64(&numbers(&predicted, &names))))?,
                    None => {}
                }
                accuracy(&predicted, labels.as_deref(), &mut report);
                say_ties(&outputs, &network, &mut report);
                report.json["positions"] = positions.into();
                if positions {
                    report.line(
                        "classes",
                        "nobody names them: a label is the position of the largest output, from 0 (--values takes the outputs as they are)",
                    );
                }
            }
            Meaning::Values => {
                match &self.output {
                    Some(path) if is_csv(path) => {
                        write_text(AtomicFile::create(path)?, &values_table(&outputs, width))?;
                    }
                    Some(path) if width == 1 => write_npy(path, &Array::vector(Values::F64(&outputs)))?,
                    Some(path) => write_npy(path, &rows(&outputs, width))?,
                    None => {}
                }
                say_values(&outputs, width, &mut report);
            }
        }
        report.line("time", seconds(taken));
        describe(&self.data.path, &points, &mut report);
        report.left_out(&network.notes).print(self.json)
    }
}

/// What the outputs stand for.
enum Meaning {
    /// Classes, and the one of each sample, where it is known; whether they are
    /// called by their positions because neither network nor data name them.
    Classes { names: Vec<String>, labels: Option<Vec<usize>>, positions: bool },
    /// Numbers: outputs of a network that names no classes, for data whose labels
    /// are no classes of it.
    Values,
}

impl Meaning {
    fn of(network: &onnx::Network, points: &Points) -> Result<Self, Failure> {
        let (signature, data) = (network.signature(), points.data());
        let unnamed = signature.named_classes()?.is_none();
        let is_number = signature.outputs == 1 && unnamed;
        if points.is_labelled() {
            let are_values = unnamed && are_values(data.class_names());
            return match signature.match_classes(data) {
                Ok(classes) if !(is_number && are_values) => {
                    let labels = data.labels().iter().map(|&label| classes.map[label]).collect();
                    Ok(Self::Classes { names: classes.names, labels: Some(labels), positions: false })
                }
                Err(e) if !is_number && !are_values => Err(e.into()),
                _ => Ok(Self::Values),
            };
        }
        Ok(match signature.named_classes()? {
            Some(names) => Self::Classes { names: names.to_vec(), labels: None, positions: false },
            None if is_number => Self::Values,
            None => {
                let names = (0..signature.outputs).map(|c| c.to_string()).collect();
                Self::Classes { names, labels: None, positions: true }
            }
        })
    }
}

/// Says how many labels what was left out of the file may change.
fn say_ties(outputs: &[f64], network: &onnx::Network, report: &mut Report) {
    let is_tie = |row: &&[f64]| {
        let mut sorted = row.to_vec();
        sorted.sort_by(|a, b| b.total_cmp(a));
        sorted.len() > 1 && network.tie_margin > 0.0 && sorted[0] - sorted[1] <= network.tie_margin
    };
    let ties = outputs.chunks(network.model.outputs()).filter(is_tie).count();
    report.json["ties"] = ties.into();
    if ties > 0 {
        let what = "whose two largest outputs are within 2^-18: what is left out may make them equal, and a runtime give the other label";
        report.line("ties", format!("{} {what}", counted(ties, "sample")));
    }
}

/// Outputs as an array, a row for each sample.
fn rows(outputs: &[f64], width: usize) -> Array<'_> {
    let values = Values::F64(outputs);
    Array::matrix(values, width).unwrap_or_else(|| Array::vector(values))
}

/// One line per sample: its number from 0, and its outputs.
fn values_table(outputs: &[f64], width: usize) -> String {
    let cells = outputs.chunks(width.max(1)).map(|row| {
        let row: Vec<String> = row.iter().map(f64::to_string).collect();
        row.join(",")
    });
    match width {
        1 => table("value", cells),
        _ => {
            let names: Vec<String> = (0..width).map(|output| format!("value{output}")).collect();
            table(&names.join(","), cells)
        }
    }
}

/// Says from where to where the outputs go.
fn say_values(outputs: &[f64], width: usize, report: &mut Report) {
    let [least, most] = outputs
        .iter()
        .fold([f64::INFINITY, f64::NEG_INFINITY], |[least, most], &v| [least.min(v), most.max(v)]);
    report.json["values"] = json!([least, most]);
    let what = match width {
        1 => "one output that stands for no class".to_owned(),
        _ => format!("{width} outputs that stand for no classes"),
    };
    report.line("values", format!("{} to {}: {what}", real(least), real(most)));
}

fn is_csv(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"))
}

/// One line per sample: its number from 0, and a cell.
fn table(column: &str, cells: impl Iterator<Item = String>) -> String {
    let line = |(sample, cell): (usize, String)| format!("{sample},{cell}\n");
    format!("sample,{column}\n") + &cells.enumerate().map(line).collect::<String>()
}

/// A cell of CSV, in quotes where it needs them.
fn quoted(name: &str) -> String {
    let plain = !name.contains([',', '"', '\n', '\r']);
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// Whether names are numbers of which some are no integers.
fn are_values(names: &[String]) -> bool {
    let all = |is: fn(&String) -> bool| names.iter().all(is);
    all(|name| name.parse::<f64>().is_ok()) && !all(|name| name.parse::<i64>().is_ok())
}

/// How many labels are right, where they are known.
fn accuracy(predicted: &[Option<usize>], labels: Option<&[usize]>, report: &mut Report) {
    let Some(labels) = labels else {
        report.line("accuracy", "unknown: the data have no labels");
        return;
    };
    let correct = labels.iter().zip(predicted).filter(|(y, class)| **class == Some(**y)).count();
    let accuracy = correct as f64 / labels.len() as f64;
    report.json["accuracy"] = accuracy.into();
    report.json["correct"] = correct.into();
    report.line("accuracy", format!("{:.2} % ({} right)", 100.0 * accuracy, grouped(correct)));
}

/// The outputs for every sample, row after row.
fn outputs(model: &Model, data: &Dataset, bar: &Bar) -> Result<Vec<f64>, Failure> {
    let evaluator = model.evaluator();
    let samples = data.samples();
    let mut outputs = Vec::with_capacity(samples * model.outputs());
    bar.begin("predict", samples as u64);
    for start in (0..samples).step_by(evaluator.batch()) {
        let end = (start + evaluator.batch()).min(samples);
        outputs.extend(evaluator.evaluate_samples(data, start..end)?);
        bar.advance((end - start) as u64);
    }
    bar.end();
    Ok(outputs)
}

/// Classes as integers: what they are called where that is an integer, else
/// their position.
fn numbers(predicted: &[Option<usize>], names: &[String]) -> Vec<i64> {
    let called: Option<Vec<i64>> = names.iter().map(|name| name.parse().ok()).collect();
    predicted
        .iter()
        .map(|class| match (class, &called) {
            (Some(class), Some(called)) => called[*class],
            (Some(class), None) => i64::try_from(*class).unwrap_or(-1),
            (None, _) => -1,
        })
        .collect()
}
