//! `indelible decide`: does a small network exist?

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use indelible::{
    Dataset, Norm, Radii,
    network::{Model, Network},
};
use indelible_decide::{Answer, Config, Decision, Refutation, ShallowNetwork, decide, smallest_width};
use indelible_io::{
    AtomicFile, digest,
    onnx::{self, Metadata, write_dense},
};
use serde_json::json;

use super::prelude::*;
/// Points of a refutation that are listed for people.
const MOST_POINTS: usize = 20;

/// `--width`: a number, else the smallest that suffices.
type Width = Option<usize>;

/// Arguments of `decide`.
#[derive(Args, Debug)]
pub struct DecideArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Hidden neurons, or `auto`: the smallest number that suffices
    #[arg(long, value_name = "W", value_parser = width, required_unless_present = "check")]
    width: Option<Width>,
    /// Radius of the balls; 0 is plain memorization
    #[arg(long, value_name = "R", required_unless_present = "check", allow_hyphen_values = true)]
    radius: Option<f64>,
    /// Norm of the balls: linf or l1
    #[arg(long, default_value_t = Norm::Linf)]
    norm: Norm,
    /// Give up after this many seconds (exit code 3)
    #[arg(long, value_name = "S", value_parser = limit, default_value = "3600")]
    timeout: Duration,
    /// Write the network when the answer is yes
    #[arg(short, long, value_name = "NET.onnx")]
    output: Option<PathBuf>,
    /// Write the refutation when the answer is no
    #[arg(long, value_name = "FILE")]
    proof: Option<PathBuf>,
    /// Check a refutation that --proof wrote instead of deciding
    #[arg(long, value_name = "FILE", conflicts_with_all = ["width", "radius", "output", "proof"])]
    check: Option<PathBuf>,
    /// The SMT solver
    #[arg(long, value_name = "PROGRAM", default_value = "z3")]
    solver: String,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

fn width(text: &str) -> Result<Width, String> {
    if text == "auto" {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| "expected a number or auto".to_owned())
}

fn limit(text: &str) -> Result<Duration, String> {
    let seconds: Option<f64> = text.parse().ok();
    seconds
        .and_then(|s| Duration::try_from_secs_f64(s).ok())
        .ok_or_else(|| "expected a number of seconds, 0 or more".to_owned())
}

impl DecideArgs {
    pub fn run(self) -> Result<(), Failure> {
        let bar = Bar::default();
        let [data, labels] = self.data.files();
        keep_apart(&[data, labels, self.check.as_ref()], &[self.output.as_ref(), self.proof.as_ref()])?;
        ends_in(self.output.as_ref(), &["onnx"], "networks are written as ONNX")?;
        require(!self.data.is_scaled(), || {
            "--scale minmax and standard are for separation, compare and build; a network that `decide` finds reads features as they stand".into()
        })?;
        let data = self.data.read(&bar)?;
        let config = Config::default().solver(&self.solver).timeout(Some(self.timeout));
        if let Some(path) = &self.check {
            return check(path, &data, &config, self.json);
        }
        let (Some(width), Some(radius)) = (self.width, self.radius) else { return Ok(()) };
        let norm = self.norm;
        let decisions = match width {
            Some(width) => vec![decide(&data, norm, radius, width, &config)?],
            None => smallest_width(&data, norm, radius, &config)?,
        };
        let Some(last) = decisions.last() else { return Ok(()) };
        let file = match (&last.answer, &self.output) {
            (Answer::Yes(Some(network)), Some(path)) => Some(write(network, path, &data, norm, radius)?),
            (Answer::Yes(None), Some(_)) => {
                return Err(Failure::no(format!(
                    "a network of width {} memorizes the data, but neither binary32 nor binary64 was found to hold one; try a smaller radius",
                    last.width
                )));
            }
            _ => None,
        };
        if let (Answer::No(proof), Some(path)) = (&last.answer, &self.proof) {
            write_text(AtomicFile::create(path)?, &proof.to_string())?;
        }
        let mut report = self.report(&data, radius, &decisions, last, file);
        data.describe(&mut report);
        report.print(self.json)?;
        match &last.answer {
            Answer::Unknown { .. } if self.json => Err(Failure::open("")),
            Answer::Unknown { reason } => Err(Failure::open(format!("width {}: {reason}", last.width))),
            _ => Ok(()),
        }
    }

    fn report(
        &self,
        data: &Dataset,
        radius: f64,
        decisions: &[Decision],
        last: &Decision,
        file: Option<&Path>,
    ) -> Report {
        let taken: f64 = decisions.iter().map(|d| d.elapsed.as_secs_f64()).sum();
        let rounds: usize = decisions.iter().map(|d| d.rounds).sum();
        let word = match last.answer {
            Answer::Yes(_) => "yes",
            Answer::No(_) => "no",
            Answer::Unknown { .. } => "unknown",
        };
        let norm = self.norm.to_string();
        let mut report = Report::new(json!({
            "answer": word, "width": last.width, "seconds": taken, "norm": norm, "radius": radius,
            "samples": data.samples(), "features": data.features(), "classes": data.classes(),
            "rounds": rounds,
        }));
        report
            .line("answer", word)
            .line("width", last.width)
            .line("radius", format!("{} ({norm})", plain(radius)))
            .line("networks checked", rounds);
        match &last.answer {
            Answer::Yes(network) => {
                let precision = network.as_ref().map(|n| n.precision().to_string());
                report.json["precision"] = json!(precision);
                report.json["file"] = json!(file.map(|path| path.display().to_string()));
                report.line(
                    "network",
                    match (precision, file) {
                        (Some(p), Some(path)) => format!("{} ({p}), checked exactly", path.display()),
                        (Some(p), None) => format!("{p}, checked exactly; -o writes it"),
                        (None, _) => "exists, but no format was found to hold one".into(),
                    },
                );
            }
            Answer::No(proof) => {
                let name = |class: usize| data.class_names().get(class).map_or("", String::as_str);
                let points = proof
                    .points()
                    .map(|(sample, class, x)| json!({"sample": sample, "class": name(class), "point": x}));
                report.json["points"] = points.collect();
                let these = if proof.len() == 1 { "this" } else { "these" };
                let these = format!("{these} {}", counted(proof.len(), "point"));
                report.line("refutation", format!("no such network gets {these} right:"));
                for (sample, class, x) in proof.points().take(MOST_POINTS) {
                    report.line("", format!("sample {sample}, class {}: ({})", name(class), x.join(", ")));
                }
                if proof.len() > MOST_POINTS {
                    report.line("", format!("and {} more; --proof writes all", proof.len() - MOST_POINTS));
                }
            }
            Answer::Unknown { reason } => report.json["reason"] = json!(reason),
        }
        report.line("time", seconds(taken));
        report
    }
}

/// Writes the network, reads it back and checks exactly what was read.
fn write<'a>(
    network: &ShallowNetwork,
    path: &'a Path,
    data: &Dataset,
    norm: Norm,
    radius: f64,
) -> Result<&'a Path, Failure> {
    let metadata = Metadata {
        version: Some(env!("CARGO_PKG_VERSION").into()),
        construction: Some("decide".into()),
        norm: Some(norm),
        radii: Some(Radii::Uniform(radius)),
        classes: Some(data.class_names().to_vec()),
        dataset: Some(digest(data)),
        ..Metadata::default()
    };
    let mut file = AtomicFile::create(path)?;
    write_dense(network, &metadata, &mut file)
        .map_err(|source| Failure::input(format!("cannot write {}: {source}", path.display())))?;
    let written = onnx::open(file.flushed()?)?;
    let holds = match &written.model {
        Model::Layers(layers) => ShallowNetwork::from_network(layers)?.memorizes(data, norm, radius)?,
        _ => false,
    };
    if !holds {
        return Err(Failure::no("the file written did not pass the exact check; nothing was kept"));
    }
    file.commit()?;
    Ok(path)
}

fn check(path: &Path, data: &Given, config: &Config, as_json: bool) -> Result<(), Failure> {
    let text = read_text(path)?;
    let proof = Refutation::parse(&text).map_err(|e| Failure::input(format!("{}: {e}", path.display())))?;
    proof.check(data, config)?;
    let (width, norm, radius, points) = (proof.width(), proof.norm(), proof.radius(), proof.len());
    let mut report = Report::new(json!({
        "answer": "no", "confirmed": true, "width": width, "norm": norm.to_string(), "radius": radius,
        "points": points,
    }));
    let (radius, points) = (plain(radius), counted(points, "point"));
    let no =
        format!("no network of depth 2 and width {width} memorizes the data with {norm} radius {radius}");
    report.line("confirmed", format!("{no} ({points})"));
    data.describe(&mut report);
    report.print(as_json)
}
