//! `indelible patch`: memory for somebody's network.

use std::{fs, path::PathBuf, time::Instant};

use clap::{Args, builder::TypedValueParser};
use indelible::{
    Budget, Dataset, Norm, Progress, Radii,
    certify::{Certificate, Config, Verdict, certify_with},
    classes::Classes,
    network::{Evaluator, Model, Patched, predicted_class},
    patch::{Locality, Patch, patch},
    separation::separation,
};
use indelible_io::{AtomicFile, dataset::ReadOptions, digest, onnx};
use serde_json::json;

use super::{
    certify::{margin_line, smallest_margin},
    prelude::*,
    separation::or_conflicts,
};
use crate::choice::choice;

/// A shell is this part of the radius, unless something else is asked for.
const SHELL: f64 = 0.25;
/// How often samples join those that have memory because they lost what proved them.
const ROUNDS: usize = 3;

/// Which samples get memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Only {
    Failing,
    All,
}

fn only() -> impl TypedValueParser<Value = Only> {
    choice([
        ("failing", "Those that are not certified without it", Only::Failing),
        ("all", "All of them, without looking", Only::All),
    ])
}

/// How far the memory reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Ball,
    Cells,
}

impl Reach {
    /// The name by which it is asked for.
    fn name(self) -> &'static str {
        match self {
            Self::Ball => "ball",
            Self::Cells => "cells",
        }
    }
}

fn reach() -> impl TypedValueParser<Value = Reach> {
    let ball = "Nothing beyond a shell around each ball; norms linf and l1";
    let cells = "Sparse, merged cells: far smaller, and reach further; all norms";
    choice([(Reach::Ball, ball), (Reach::Cells, cells)].map(|(reach, help)| (reach.name(), help, reach)))
}

/// How far a memory reaches, by name, and how many cells it has.
pub fn reach_of(patched: &Patched) -> (&'static str, usize) {
    match patched.memory() {
        Model::Cells(cells) => (Reach::Cells.name(), cells.cells()),
        Model::Prototypes(balls) => (Reach::Ball.name(), balls.steps()),
        _ => ("other", 0),
    }
}

/// Arguments of `patch`.
#[derive(Args, Debug)]
pub struct PatchArgs {
    /// Network to patch
    #[arg(value_name = "NET.onnx")]
    network: PathBuf,
    #[command(flatten)]
    data: DataArgs,
    /// File to write
    #[arg(short, long, value_name = "PATCHED.onnx")]
    output: PathBuf,
    /// Norm of the radius: linf, l1, l2, or lP for a real P > 1, like l1.5
    #[arg(long, default_value = "linf")]
    norm: Norm,
    /// Radius around every sample
    #[arg(long, value_name = "R", allow_negative_numbers = true)]
    radius: f64,
    /// Samples that get memory
    #[arg(long, value_parser = only(), default_value = "failing")]
    only: Only,
    /// How far around each ball outputs may change
    #[arg(long, value_parser = reach(), default_value = "ball")]
    locality: Reach,
    /// With --locality ball: width of the shell in which the memory lets go, in the units of the features [default: a quarter of the radius, for radius 0 an eighth of the distance between classes]
    #[arg(long, value_name = "W", allow_negative_numbers = true)]
    shell: Option<f64>,
    /// Parts of a ball to look at before its sample counts as not certified, for dense layers
    #[arg(long, value_name = "N", default_value_t = 0)]
    branches: usize,
    /// Held-out samples: accuracy before and after, and how many of them the memory touches
    #[arg(long, value_name = "TEST")]
    test: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What is patched, and how it is proved.
struct Task<'a> {
    data: &'a Dataset,
    classes: &'a Classes,
    budget: &'a Budget,
    config: Config,
    bar: &'a Bar,
}

impl Task<'_> {
    fn certify(&self, model: &Model) -> Result<Certificate, Failure> {
        let claim = self.classes.claim(model, self.data, self.budget.norm(), self.budget.radii());
        Ok(certify_with(&claim, &self.config, self.bar)?)
    }
}

/// A patched network that was written, read again and proved.
struct Written {
    model: Model,
    certificate: Certificate,
    chosen: Vec<usize>,
    largest_output: f64,
    bytes: u64,
}

/// How long each kind of work took.
struct Laps {
    since: Instant,
    seconds: serde_json::Map<String, serde_json::Value>,
}

impl Laps {
    fn lap(&mut self, name: &str) {
        let taken = self.since.elapsed().as_secs_f64();
        let before = self.seconds.get(name).and_then(serde_json::Value::as_f64).unwrap_or(0.0);
        self.seconds.insert(name.into(), (before + taken).into());
        self.since = Instant::now();
    }
}

impl PatchArgs {
    pub fn run(self) -> Result<(), Failure> {
        let (bar, started) = (Bar::default(), Instant::now());
        let mut laps = Laps { since: started, seconds: serde_json::Map::new() };
        self.check_files()?;
        let network = onnx::open(&self.network)?;
        let data = self.data.read_for(&network, &bar)?;
        let held_out = self.test.as_ref().map(|test| self.read_test(test, &network, &bar)).transpose()?;
        let classes = network.signature().match_classes(&data)?;
        laps.lap("read");
        let apart = separation(&data, self.norm, &bar);
        let budget = Budget::uniform(self.radius, &apart).map_err(|e| or_conflicts(&data, e))?;
        let locality = self.locality(budget.clearance(0))?;
        laps.lap("separation");
        let config = Config { branches: self.branches, ..Config::default() };
        let task = Task { data: &data, classes: &classes, budget: &budget, config, bar: &bar };
        let chosen = match self.only {
            Only::All => (0..data.samples()).collect(),
            Only::Failing => failing(&task.certify(&network.model)?),
        };
        laps.lap("look");
        if chosen.is_empty() {
            return Err(Failure::no(format!(
                "{} is certified for all {} already; nothing was written",
                self.network.display(),
                counted(data.samples(), "sample")
            )));
        }
        // More may be given memory than had no proof.
        let already = (self.only == Only::Failing).then_some(data.samples() - chosen.len());
        let mut file = None;
        let written = self.written(&network, &task, (chosen, locality), &mut file, &mut laps)?;
        if let Some(file) = file {
            file.commit()?;
        }
        let mut report = self.report(&written, locality, already, &data)?;
        if let Some((points, classes)) = &held_out {
            self.held_out(&mut report, points, &written.model, classes)?;
            laps.lap("test");
        }
        laps.seconds.insert("total".into(), started.elapsed().as_secs_f64().into());
        report.json["seconds"] = laps.seconds.into();
        report.line("time", seconds(started.elapsed().as_secs_f64()));
        data.describe(&mut report);
        report.print(self.json)
    }

    fn check_files(&self) -> Result<(), Failure> {
        let [file, labels] = self.data.files();
        let inputs = [file, labels, Some(&self.network), self.test.as_ref()];
        keep_apart(&inputs, &[Some(&self.output)])?;
        ends_in(Some(&self.output), &["onnx"], "networks are written as ONNX")?;
        require(!is_special(&self.output), || {
            format!("{} is no regular file: what is proved is read back from there", self.output.display())
        })
    }

    /// Held-out samples, and which of the network's classes theirs are.
    fn read_test(
        &self,
        test: &std::path::Path,
        network: &onnx::Network,
        bar: &Bar,
    ) -> Result<(Given, Classes), Failure> {
        let options = ReadOptions { labels: None, limit: None, ..self.data.options(None)? };
        let points = Given::read(test, &options, bar)?;
        let (expected, given) = (network.model.inputs(), points.features());
        if expected != given {
            return Err(indelible::Error::InputWidth { expected, given }.into());
        }
        let classes = network.signature().match_classes(&points)?;
        Ok((points, classes))
    }

    /// How far the memory may reach; `clearance` is what enemies' balls leave around one.
    fn locality(&self, clearance: f64) -> Result<Locality, Failure> {
        if self.locality == Reach::Cells {
            require(self.shell.is_none(), || {
                "--shell belongs to --locality ball; cells reach as far as the others go".into()
            })?;
            return Ok(Locality::Cells);
        }
        let of_distance = if clearance.is_finite() { clearance / 8.0 } else { 1.0 };
        let usual = if self.radius > 0.0 { SHELL * self.radius } else { of_distance };
        let shell = self.shell.unwrap_or(usual);
        require(shell > 0.0 && shell.is_finite(), || {
            format!("--shell is {}; expected a number above 0", plain(shell))
        })?;
        Ok(Locality::Ball(shell))
    }

    /// Writes the network with memory of the chosen samples into `kept`, and proves what was
    /// written, read again from there.
    fn written(
        &self,
        network: &onnx::Network,
        task: &Task<'_>,
        (mut chosen, locality): (Vec<usize>, Locality),
        kept: &mut Option<AtomicFile>,
        laps: &mut Laps,
    ) -> Result<Written, Failure> {
        let metadata = onnx::Metadata {
            version: Some(env!("CARGO_PKG_VERSION").into()),
            construction: Some("patch".into()),
            norm: Some(self.norm),
            radii: Some(Radii::Uniform(self.radius)),
            classes: network.metadata.classes.clone(),
            features: network.metadata.features.clone(),
            dataset: Some(digest(task.data)),
            ..Default::default()
        };
        for _ in 0..ROUNDS {
            *kept = None;
            task.bar.busy("building");
            let built = (task.data, &task.classes.map[..]);
            let Patch { patched, largest_output } =
                patch(network.model.clone(), built, task.budget, &chosen, locality, task.bar)?;
            task.bar.end();
            laps.lap("build");
            let mut file = AtomicFile::create(&self.output)?;
            onnx::write_patched(&self.network, &patched, &metadata, &mut file)?;
            let path = file.flushed()?;
            let bytes = fs::metadata(path).map_or(0, |found| found.len());
            let model = onnx::open(path)?.model;
            require(is_in(&network.model, &model), || {
                format!("{} is not read the same with a memory; nothing was written", self.network.display())
            })?;
            laps.lap("write");
            let certificate = task.certify(&model)?;
            laps.lap("certify");
            let more: Vec<usize> = failing(&certificate);
            if more.is_empty() {
                *kept = Some(file);
                return Ok(Written { model, certificate, chosen, largest_output, bytes });
            }
            let before = chosen.len();
            chosen.extend(more);
            chosen.sort_unstable();
            chosen.dedup();
            if chosen.len() == before {
                break;
            }
        }
        Err(Failure::no(format!(
            "not all of {} could be certified with their memory; nothing was written; try a smaller radius",
            counted(task.data.samples(), "sample")
        )))
    }

    fn report(
        &self,
        written: &Written,
        locality: Locality,
        already: Option<usize>,
        data: &Dataset,
    ) -> Result<Report, Failure> {
        let Written { model, certificate, chosen, largest_output, bytes: size } = written;
        let patched = memory_of(model)?;
        let (added, lift) = (patched.memory().size(), patched.lift());
        let shell = if let Locality::Ball(shell) = locality { Some(shell) } else { None };
        let (name, cells) = reach_of(patched);
        let mut report = Report::new(json!({
            "samples": data.samples(), "already_certified": already, "patched": chosen.len(),
            "certified": certificate.certified, "smallest_margin": smallest_margin(certificate),
            "norm": self.norm.to_string(), "radius": self.radius, "locality": name, "shell": shell,
            "cells": cells, "parameters": {"nonzero": added.nonzero, "all": added.all},
            "largest_output": largest_output, "lift": lift,
            "file": self.output.display().to_string(), "bytes": size,
        }));
        let reach = shell.map_or(String::new(), |shell| format!(", shell {}", real(shell)));
        report
            .line("samples", grouped(data.samples()))
            .known("certified before", already.map(grouped))
            .line("given memory", format!("{}, in {}", grouped(chosen.len()), counted(cells, "cell")))
            .line("radius", format!("{} in {}", real(self.radius), self.norm))
            .line("locality", format!("{name}{reach}"))
            .line("outputs", format!("at most {} in size on all balls (proved)", real(*largest_output)))
            .line("others lowered by", real(lift))
            .line("parameters added", format!("{} nonzero", grouped(added.nonzero)))
            .line(
                "certified",
                format!("{} of {}", grouped(certificate.certified), counted(data.samples(), "sample")),
            )
            .known("smallest margin", margin_line(certificate))
            .line("file", format!("{}, {}", self.output.display(), bytes(*size)));
        Ok(report)
    }

    /// Accuracy on held-out samples before and after, how many of them the memory touches,
    /// and how many labels it changes.
    fn held_out(
        &self,
        report: &mut Report,
        points: &Given,
        model: &Model,
        classes: &Classes,
    ) -> Result<(), Failure> {
        let patched = memory_of(model)?;
        let (before, after) = (patched.network().evaluator(), model.evaluator());
        let memory = patched.memory().evaluator();
        let (count, outputs) = (points.samples(), model.outputs());
        let (mut right, mut changed, mut touched) = ([0usize; 2], 0usize, 0usize);
        let step = memory.batch().min(before.batch()).max(1);
        for start in (0..count).step_by(step) {
            let range = start..count.min(start + step);
            let labels = |evaluator: &dyn Evaluator| -> Result<Vec<Option<usize>>, Failure> {
                let all = evaluator.evaluate_samples(points, range.clone())?;
                Ok(all.chunks(outputs).map(|row| predicted_class(row, outputs)).collect())
            };
            let pairs = [labels(before.as_ref())?, labels(after.as_ref())?];
            let own: Vec<Option<usize>> =
                range.clone().map(|i| classes.map.get(points.labels()[i]).copied()).collect();
            for (right, found) in right.iter_mut().zip(&pairs) {
                *right += found.iter().zip(&own).filter(|(found, own)| found == own).count();
            }
            changed += pairs[0].iter().zip(&pairs[1]).filter(|(a, b)| a != b).count();
            let scores = memory.evaluate_samples(points, range.clone())?;
            touched += scores.chunks(outputs).filter(|row| row.iter().any(|v| *v != 0.0)).count();
        }
        let share = |part: usize| part as f64 / count as f64;
        report.json["test"] = json!({
            "samples": count, "accuracy": {"before": share(right[0]), "after": share(right[1])},
            "touched": touched, "changed": changed,
        });
        report
            .line("test accuracy", format!("{:.4} before, {:.4} after", share(right[0]), share(right[1])))
            .line("touched", format!("{} of {}", grouped(touched), counted(count, "held-out sample")))
            .line("labels changed", grouped(changed));
        Ok(())
    }
}

/// The patched network that was read.
fn memory_of(model: &Model) -> Result<&Patched, Failure> {
    match model {
        Model::Patched(patched) => Ok(patched),
        _ => Err(Failure::input("the file that was written has no memory")),
    }
}

/// Whether `patched` holds the very network that was patched.
fn is_in(network: &Model, patched: &Model) -> bool {
    let Model::Patched(patched) = patched else { return false };
    match (network, patched.network()) {
        (Model::Layers(one), Model::Layers(other)) => one == other,
        (Model::Graph(one), Model::Graph(other)) => one == other,
        _ => false,
    }
}

/// The samples that are not certified.
fn failing(certificate: &Certificate) -> Vec<usize> {
    let certified = |verdict: &Verdict| matches!(verdict, Verdict::Certified { .. });
    let all = certificate.verdicts.iter().enumerate();
    all.filter(|(_, verdict)| !certified(verdict)).map(|(sample, _)| sample).collect()
}
