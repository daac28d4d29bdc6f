//! `indelible robustness`: the largest radius of each sample.

use std::{path::PathBuf, time::Instant};

use clap::Args;
use indelible::{
    Norm, Radii,
    certify::{Config, RobustRadius, robust_radii},
    network::Model,
};
use indelible_io::{
    AtomicFile,
    npy::{Array, Values, write_npz},
    onnx,
};
use serde_json::{Value, json};

use super::{prelude::*, search::SearchArgs};

/// Parts of a ball that are looked at for one question, unless asked otherwise:
/// every sample is asked about many times.
const BRANCHES: usize = 64;
/// Points of the curve for people.
const MOST_LINES: usize = 10;

/// Arguments of `robustness`.
#[derive(Args, Debug)]
pub struct RobustnessArgs {
    /// Network to look at
    #[arg(value_name = "NET.onnx")]
    network: PathBuf,
    #[command(flatten)]
    data: DataArgs,
    /// Norm of the radii: linf, l1, l2, or lP for a real P > 1, like l1.5 [default: what the file claims, else linf]
    #[arg(long)]
    norm: Option<Norm>,
    /// Questions about each sample: with more, the two radii come closer
    #[arg(long, value_name = "N", default_value_t = 16)]
    rounds: usize,
    #[command(flatten)]
    search: SearchArgs,
    /// Write a row per sample: FILE.csv, or FILE.npz
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl RobustnessArgs {
    pub fn run(self) -> Result<(), Failure> {
        let bar = Bar::default();
        let config = self.search.config(Config { branches: BRANCHES, ..Config::default() })?;
        let kind = self.output.as_ref().map(|path| path.extension().and_then(|e| e.to_str()).unwrap_or(""));
        require(kind.is_none_or(|kind| ["csv", "npz"].contains(&kind)), || {
            let given = self.output.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
            format!("-o {given} is no .csv and no .npz file; expected a name that ends in one of them")
        })?;
        let [data_file, labels] = self.data.files();
        keep_apart(&[data_file, labels, Some(&self.network)], &[self.output.as_ref()])?;
        let network = onnx::open(&self.network)?;
        let data = self.data.read_for(&network, &bar)?;
        let norm = self.norm.or(network.metadata.norm).unwrap_or(Norm::Linf);
        let started = Instant::now();
        let classes = network.signature().match_classes(&data)?;
        let radii = Radii::Uniform(0.0);
        let claim = classes.claim(&network.model, &data, norm, &radii);
        let found = robust_radii(&claim, &config, self.rounds, &bar)?;
        if let (Some(output), Some(kind)) = (&self.output, kind) {
            if kind == "csv" {
                write_text(AtomicFile::create(output)?, &csv(&found))?;
            } else {
                let column = |value: fn(&RobustRadius) -> f64| found.iter().map(value).collect::<Vec<f64>>();
                let (certified, attacked) = (column(|r| r.certified), column(|r| r.attacked));
                let correct: Vec<i64> = found.iter().map(|r| i64::from(r.correct)).collect();
                let arrays = [
                    ("certified", Array::vector(Values::F64(&certified))),
                    ("attacked", Array::vector(Values::F64(&attacked))),
                    ("correct", Array::vector(Values::I64(&correct))),
                ];
                write_npz(output, &arrays)?;
            }
        }
        report(&found, norm, matches!(network.model, Model::Scaled(_)), started.elapsed().as_secs_f64())
            .print(self.json)
    }
}

/// One line per sample.
fn csv(found: &[RobustRadius]) -> String {
    let line = |(sample, r): (usize, &RobustRadius)| {
        format!("{sample},{},{},{}\n", u8::from(r.correct), r.certified, r.attacked)
    };
    "sample,correct,certified,attacked\n".to_owned() + &found.iter().enumerate().map(line).collect::<String>()
}

/// Share of samples that keep their label within `radius`: certified, and not
/// attacked.
fn accuracy(found: &[RobustRadius], radius: f64) -> (f64, f64) {
    let share = |keeps: &dyn Fn(&RobustRadius) -> bool| {
        found.iter().filter(|r| r.correct && keeps(r)).count() as f64 / found.len().max(1) as f64
    };
    (share(&|r| r.certified >= radius), share(&|r| r.attacked > radius))
}

fn report(found: &[RobustRadius], norm: Norm, is_scaled: bool, taken: f64) -> Report {
    let mut radii: Vec<f64> = found.iter().filter(|r| r.correct).map(|r| r.certified).collect();
    radii.sort_by(f64::total_cmp);
    let largest = radii.last().copied().unwrap_or(0.0);
    let step = largest / MOST_LINES as f64;
    let places: Vec<f64> = (0..=MOST_LINES).map(|i| step * i as f64).collect();
    let curve: Vec<Value> = places
        .iter()
        .map(|radius| {
            let (certified, attacked) = accuracy(found, *radius);
            json!({"radius": radius, "certified": certified, "attacked": attacked})
        })
        .collect();
    let finite = |value: f64| value.is_finite().then_some(value);
    let correct = found.iter().filter(|r| r.correct).count();
    let (clean, _) = accuracy(found, 0.0);
    let mut report = Report::new(json!({
        "samples": found.len(), "correct": correct, "clean_accuracy": clean, "norm": norm.to_string(), "radius_units": if is_scaled { "scaled" } else { "raw" },
        "curve": curve,
        "certified": found.iter().map(|r| r.certified).collect::<Vec<f64>>(),
        "attacked": found.iter().map(|r| finite(r.attacked)).collect::<Vec<_>>(),
        "seconds": taken,
    }));
    report
        .line("clean accuracy", format!("{clean:.4} ({} of {})", grouped(correct), grouped(found.len())))
        .line("norm", format!("{norm}{}", of_scaled(is_scaled)))
        .line("median certified radius", real(radii.get(radii.len() / 2).copied().unwrap_or(0.0)));
    for radius in places.iter().skip(1) {
        let (certified, attacked) = accuracy(found, *radius);
        report.line(
            format!("within {}", real(*radius)),
            format!("{certified:.4} certified, {attacked:.4} not attacked"),
        );
    }
    report.line("time", seconds(taken));
    report
}
