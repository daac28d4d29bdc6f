//! `indelible robustness`: the largest radius of each sample.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use clap::Args;
use indelible::{
    Norm, Radii,
    certify::{Config, RobustRadius, robust_radii_each},
};
use indelible_io::{
    AtomicFile,
    npy::{Array, Values, write_npz},
};
use serde_json::{Value, json};

use super::{
    asked::{Asked, AskedArgs},
    prelude::*,
    robustness_chart::{Curves, chart},
};
use crate::interrupt::at_interrupt;

/// Parts of a ball that are looked at for one question, unless asked otherwise:
/// every sample is asked about many times.
const BRANCHES: usize = 64;
/// Points of the curve for people.
const MOST_LINES: usize = 10;

/// Arguments of `robustness`.
#[derive(Args, Debug)]
pub struct RobustnessArgs {
    #[command(flatten)]
    asked: AskedArgs,
    /// Questions about each sample: with more, the two radii come closer
    #[arg(long, value_name = "N", default_value_t = 16)]
    rounds: usize,
    /// Write a row per sample: FILE.csv, or FILE.npz
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Draw robust accuracy over the radius: certified, and not attacked
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

impl RobustnessArgs {
    pub fn run(self) -> Result<(), Failure> {
        let bar = Bar::default();
        let [output, svg] = [self.output.as_ref(), self.svg.as_ref()];
        ends_in(output, &["npz", "csv"], "radii are written as NPZ or CSV")?;
        ends_in(svg, &["svg"], "the chart is written as SVG")?;
        require(self.rounds > 0, || "--rounds is 0; expected 1 or more".into())?;
        let config = Config { branches: BRANCHES, ..Config::default() };
        let Asked { network, data, norm, config } = self.asked.read(config, &[output, svg], &bar)?;
        let started = Instant::now();
        let classes = network.signature().match_classes(&data)?;
        let radii = Radii::Uniform(0.0);
        let claim = classes.claim(&network.model, &data, norm, &radii);
        let kept = Arc::new(Kept { output: self.output.clone(), found: Mutex::default() });
        let keeper = Arc::clone(&kept);
        at_interrupt(move || keeper.interrupted());
        let found = robust_radii_each(&claim, &config, self.rounds, &bar, &|found| kept.keep(found))?;
        let taken = started.elapsed().as_secs_f64();
        let is_scaled = network.model.has_scaled_balls();
        let mut report = report(&found, norm, is_scaled, taken);
        if let Some(output) = output {
            write(output, &found)?;
            report.json["file"] = output.display().to_string().into();
        }
        if let Some(svg) = svg {
            let title = format!("{} on {}", self.asked.file(), self.asked.data_file());
            let axis = format!("radius in {norm}{}", of_scaled(is_scaled));
            write_text(AtomicFile::create(svg)?, &chart(&title, &axis, &Curves::new(&found))?)?;
            report.json["svg"] = svg.display().to_string().into();
            report.line("chart", svg.display());
        }
        data.describe(&mut report);
        report.left_out(&network.notes).print(self.asked.json)
    }
}

/// What is known after some of the questions.
struct Kept {
    output: Option<PathBuf>,
    found: Mutex<Vec<RobustRadius>>,
}

impl Kept {
    fn keep(&self, found: &[RobustRadius]) {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = found.to_vec();
    }

    /// Says what there is and writes it: every radius is one that was certified
    /// or attacked.
    fn interrupted(&self) {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let words = match &self.output {
            _ if found.is_empty() => "interrupted: no radius is known yet".into(),
            None => "interrupted: with -o the radii known so far would have been written".into(),
            Some(path) => match write(path, &found) {
                Ok(()) => format!("interrupted: the radii known so far are in {}", path.display()),
                Err(failure) => format!("interrupted: {}", failure.message()),
            },
        };
        Failure::no(words).exit();
    }
}

/// Writes a row per sample: a table where the name ends in .csv, else arrays.
fn write(output: &Path, found: &[RobustRadius]) -> Result<(), Failure> {
    if ends_in_csv(output) {
        return write_text(AtomicFile::create(output)?, &csv(found));
    }
    let column = |value: fn(&RobustRadius) -> f64| found.iter().map(value).collect::<Vec<f64>>();
    let (certified, attacked) = (column(|r| r.certified), column(|r| r.attacked));
    let correct: Vec<i64> = found.iter().map(|r| i64::from(r.correct)).collect();
    let arrays = [
        ("certified", Array::vector(Values::F64(&certified))),
        ("attacked", Array::vector(Values::F64(&attacked))),
        ("correct", Array::vector(Values::I64(&correct))),
    ];
    Ok(write_npz(output, &arrays)?)
}

/// One line per sample.
fn csv(found: &[RobustRadius]) -> String {
    let line = |(sample, r): (usize, &RobustRadius)| {
        format!("{sample},{},{},{}\n", u8::from(r.correct), plain(r.certified), plain(r.attacked))
    };
    "sample,correct,certified,attacked\n".to_owned() + &found.iter().enumerate().map(line).collect::<String>()
}

fn report(found: &[RobustRadius], norm: Norm, is_scaled: bool, taken: f64) -> Report {
    let curves = Curves::new(found);
    let step = curves.largest_certified() / MOST_LINES as f64;
    // Places that people read as they are; none where nothing was certified.
    let shown = |place: f64| at_least(place).parse().unwrap_or(place);
    let mut places: Vec<f64> = (0..=MOST_LINES).map(|i| shown(step * i as f64)).collect();
    places.dedup();
    let curve: Vec<Value> = places
        .iter()
        .map(|radius| {
            let [certified, attacked] = curves.at(*radius);
            json!({"radius": radius, "certified": certified, "attacked": attacked})
        })
        .collect();
    let finite = |value: f64| value.is_finite().then_some(value);
    let correct = found.iter().filter(|r| r.correct).count();
    let clean = curves.clean();
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
        .line("median certified radius", at_least(curves.median_certified()));
    for radius in places.iter().skip(1) {
        let [certified, attacked] = curves.at(*radius);
        report.line(
            format!("within {}", real(*radius)),
            format!("{certified:.4} certified, {attacked:.4} not attacked"),
        );
    }
    report.line("time", seconds(taken));
    report
}
