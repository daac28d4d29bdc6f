//! `indelible predict`: labels that a network gives.

use std::{path::PathBuf, time::Instant};

use clap::Args;
use indelible::{
    Dataset, Error, Progress,
    network::{Model, predicted_class},
};
use indelible_io::{
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
    /// Write the labels: int64, the class name where all names are integers, else the position among the classes that `inspect` lists; -1 for NaN
    #[arg(short, long, value_name = "FILE.npy")]
    output: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl PredictArgs {
    pub fn run(self) -> Result<(), Failure> {
        let bar = Bar::default();
        let [data, labels] = self.data.files();
        keep_apart(&[Some(&self.network), data, labels], &[self.output.as_ref()])?;
        ends_in(self.output.as_ref(), &["npy"], "labels are written as NPY")?;
        let network = onnx::open(&self.network)?;
        let points = self.data.read_points(network.model.inputs(), &bar)?;
        let (data, signature) = (points.data(), network.signature());
        if data.features() != network.model.inputs() {
            let (expected, given) = (network.model.inputs(), data.features());
            return Err(Error::InputWidth { expected, given }.into());
        }
        signature.match_features(data)?;
        let (names, labels) = if points.is_labelled() {
            let classes = signature.match_classes(data)?;
            let labels: Vec<usize> = data.labels().iter().map(|&label| classes.map[label]).collect();
            (classes.names, Some(labels))
        } else {
            let names = match (signature.named_classes()?, signature.outputs) {
                (Some(names), _) => names.to_vec(),
                (None, 1) => {
                    return Err(Failure::input(
                        "the network has a scalar output and does not name its classes, and the data have no labels: nobody knows how many there are",
                    ));
                }
                (None, count) => (0..count).map(|c| c.to_string()).collect(),
            };
            (names, None)
        };
        let started = Instant::now();
        let predicted = predicted_classes(&network.model, data, names.len(), &bar)?;
        let taken = started.elapsed().as_secs_f64();
        if let Some(path) = &self.output {
            write_npy(path, &Array::vector(Values::I64(&numbers(&predicted, &names))))?;
        }
        let correct = labels
            .map(|labels| labels.iter().zip(&predicted).filter(|(y, class)| **class == Some(**y)).count());
        let accuracy = correct.map(|correct| correct as f64 / data.samples() as f64);
        let said = match (accuracy, correct) {
            (Some(accuracy), Some(correct)) => {
                format!("{:.2} % ({} right)", 100.0 * accuracy, grouped(correct))
            }
            _ => "unknown: the data have no labels".into(),
        };
        let mut report = Report::new(json!({
            "samples": data.samples(), "accuracy": accuracy, "correct": correct, "seconds": taken,
        }));
        report.line("samples", grouped(data.samples())).line("accuracy", said).line("time", seconds(taken));
        describe(&self.data.path, &points, &mut report);
        report.print(self.json)
    }
}

/// The class, out of `classes`, that `model` gives each sample; `None` for NaN.
fn predicted_classes(
    model: &Model,
    data: &Dataset,
    classes: usize,
    bar: &Bar,
) -> Result<Vec<Option<usize>>, Failure> {
    let evaluator = model.evaluator();
    let samples = data.samples();
    let mut predicted = Vec::with_capacity(samples);
    bar.begin("predict", samples as u64);
    for start in (0..samples).step_by(evaluator.batch()) {
        let end = (start + evaluator.batch()).min(samples);
        let outputs = evaluator.evaluate_samples(data, start..end)?;
        predicted.extend(outputs.chunks(model.outputs()).map(|row| predicted_class(row, classes)));
        bar.advance((end - start) as u64);
    }
    bar.end();
    Ok(predicted)
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
