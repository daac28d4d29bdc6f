//! `indelible predict`: labels that a network gives.

use std::{ops::Range, path::PathBuf, time::Instant};

use clap::Args;
use indelible::{
    Dataset, Error, Progress,
    network::{CellEvaluator, Model, RecurrenceEvaluator, predicted_class},
};
use indelible_io::{
    npy::{Array, Values, write_npy},
    onnx,
};
use rayon::prelude::*;

use crate::{
    bar::Bar,
    data::DataArgs,
    failure::Failure,
    paths::keep_apart,
    report::{Report, grouped, seconds},
};

/// Samples that are evaluated at once.
const BATCH: usize = 2048;
/// The same for cells, which read the samples where they are.
const CELL_BATCH: usize = 16 * BATCH;

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
                        "the network has a scalar output and does not name its classes, and the data have no labels: nobody knows how many there are".into(),
                    ));
                }
                (None, count) => (0..count).map(|c| c.to_string()).collect(),
            };
            (names, None)
        };
        let evaluator = Evaluator::new(&network.model, data);
        let started = Instant::now();
        let predicted = evaluator.classes(data.samples(), names.len(), &bar)?;
        let taken = started.elapsed().as_secs_f64();
        if let Some(path) = &self.output {
            let written = numbers(&predicted, &names);
            write_npy(path, &Array::vector(Values::I64(&written)))?;
        }
        let correct = labels.map(|labels| {
            labels.iter().zip(&predicted).filter(|(label, class)| **class == Some(**label)).count()
        });
        let accuracy = correct.map(|correct| correct as f64 / data.samples() as f64);
        let mut report = Report::default();
        report
            .json("samples", data.samples())
            .json("accuracy", accuracy)
            .json("correct", correct)
            .json("seconds", taken);
        report.line("samples", grouped(data.samples())).line(
            "accuracy",
            match (accuracy, correct) {
                (Some(accuracy), Some(correct)) => {
                    format!("{:.2} % ({} right)", 100.0 * accuracy, grouped(correct))
                }
                _ => "unknown: the data have no labels".into(),
            },
        );
        report.line("time", seconds(taken));
        report.print(self.json);
        Ok(())
    }
}

/// Gives the outputs for a range of samples.
type Evaluate<'a> = Box<dyn Fn(Range<usize>) -> Result<Vec<f64>, Error> + 'a>;

/// A network prepared for the samples of a dataset.
struct Evaluator<'a> {
    evaluate: Evaluate<'a>,
    /// Values per sample.
    outputs: usize,
    /// Samples that are evaluated at once.
    batch: usize,
}

impl<'a> Evaluator<'a> {
    fn new(model: &'a Model, data: &'a Dataset) -> Self {
        let (evaluate, batch): (Evaluate<'_>, _) = match model {
            Model::Recurrence(recurrence) => {
                let evaluator = RecurrenceEvaluator::new(recurrence);
                (Box::new(move |samples| evaluator.evaluate(&rows(data, samples))), BATCH)
            }
            Model::Cells(cells) => {
                let evaluator = CellEvaluator::new(cells);
                (Box::new(move |samples| evaluator.evaluate_samples(data, samples)), CELL_BATCH)
            }
            _ => (Box::new(|samples| model.evaluate(&rows(data, samples))), BATCH),
        };
        Self { evaluate, outputs: model.outputs(), batch }
    }

    /// The class, out of `classes`, of each of the `samples`; `None` for NaN.
    fn classes(&self, samples: usize, classes: usize, bar: &Bar) -> Result<Vec<Option<usize>>, Failure> {
        let mut predicted = Vec::with_capacity(samples);
        bar.begin("predict", samples as u64);
        for start in (0..samples).step_by(self.batch) {
            let end = (start + self.batch).min(samples);
            let outputs = (self.evaluate)(start..end)?;
            predicted.extend(outputs.chunks(self.outputs).map(|row| predicted_class(row, classes)));
            bar.advance((end - start) as u64);
        }
        bar.end();
        Ok(predicted)
    }
}

/// The features of some samples, row after row.
fn rows(data: &Dataset, samples: Range<usize>) -> Vec<f64> {
    let mut rows = vec![0.0; samples.len() * data.features()];
    rows.par_chunks_mut(data.features()).zip(samples).for_each(|(row, sample)| data.copy_row(sample, row));
    rows
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
