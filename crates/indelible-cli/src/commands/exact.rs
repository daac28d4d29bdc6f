//! `indelible exact`: memorizers of the literature over exact integers.

use std::{
    ffi::OsStr,
    io::Write,
    path::{Path, PathBuf},
    time::Instant,
};

use clap::Args;
use indelible::{Norm, Progress, Radii};
use indelible_exact::{Cuts, Error, ExactNetwork, Line, Memorizer, Plan, SHELF, read, write};
use indelible_io::{
    AtomicFile, digest,
    onnx::{Metadata, write_dense_behind},
};
use serde_json::{Value, json};

use super::prelude::*;

/// Arguments of `exact`.
#[derive(Args, Debug)]
pub struct ExactArgs {
    #[command(flatten)]
    data: DataArgs,
    /// One construction: zhang2017, park2021, vardi2022, egosi2025, kim2025 or kim2025-ii [default:
    /// all that the size of the data allows]
    #[arg(long, value_name = "NAME")]
    construction: Option<String>,
    /// Runs of one label that share one number [default: as the construction chooses]
    #[arg(long, value_name = "G", requires = "construction")]
    group: Option<usize>,
    /// Norm of the balls: l2, linf or l1
    #[arg(long, default_value_t = Norm::L2)]
    norm: Norm,
    /// Radius of the balls on which the label is to be proved; 0: the samples alone
    #[arg(long, value_name = "R", default_value_t = 0.0, allow_negative_numbers = true)]
    radius: f64,
    /// Random directions that are tried for the line
    #[arg(long, value_name = "K", default_value_t = 64)]
    directions: usize,
    /// Seed of the directions
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Binary digits of a place along the line at least
    #[arg(long, value_name = "BITS", default_value_t = 0)]
    key_bits: usize,
    /// Count, and leave the proof out
    #[arg(long, conflicts_with_all = ["output", "check"])]
    count: bool,
    /// Write the network: a text of integers, or ONNX where binary32 or binary64 holds it
    #[arg(short, long, value_name = "FILE", requires = "construction")]
    output: Option<PathBuf>,
    /// Prove a network that was written as a text, on DATA
    #[arg(long, value_name = "FILE.txt", conflicts_with_all = ["construction", "output", "directions", "seed", "key_bits"])]
    check: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// More than any set of samples needs: no two places are closer.
const MOST_KEY_BITS: usize = 4096;
/// Directions that are searched in minutes.
const MOST_DIRECTIONS: usize = 1 << 20;

impl ExactArgs {
    pub fn run(self) -> Result<(), Failure> {
        let bar = Bar::default();
        let [data, labels] = self.data.files();
        keep_apart(&[data, labels, self.check.as_ref()], &[self.output.as_ref()])?;
        ends_in(self.output.as_ref(), &["txt", "onnx"], "networks are written as text or ONNX")?;
        require(self.key_bits <= MOST_KEY_BITS, || {
            format!("--key-bits is {}; expected {MOST_KEY_BITS} or less", self.key_bits)
        })?;
        require((1..=MOST_DIRECTIONS).contains(&self.directions), || {
            format!("--directions is {}; expected 1 to {MOST_DIRECTIONS}", self.directions)
        })?;
        let named = self.construction.as_deref().map(Memorizer::named).transpose()?;
        if let Some(Memorizer { name, is_provable: false, .. }) = named
            && !self.count
        {
            return Err(Error::OnlyCounted { name }.into());
        }
        let file = self.output.as_ref().map(AtomicFile::create).transpose()?;
        let data = self.data.read(&bar)?;
        if let Some(path) = &self.check {
            return self.check(path, &data, &bar);
        }
        let started = Instant::now();
        bar.busy("looking for a line");
        let line = Line::search(&data, self.norm, self.directions, self.seed).map_err(|e| said(&data, e))?;
        bar.end();
        let mut report = self.report(&data, &line, named.is_none())?;
        report.json["line"]["seconds"] = started.elapsed().as_secs_f64().into();
        let mut rows = vec![];
        let mut last = None;
        let numbers = data.samples().saturating_mul(data.features());
        let (shelf, left): (Vec<&Memorizer>, Vec<&Memorizer>) = match named {
            Some(one) => (vec![one], vec![]),
            None => SHELF.iter().partition(|one| one.is_provable && numbers <= one.most_unnamed),
        };
        for memorizer in shelf {
            let plan = memorizer.plan(&data, &line, self.radius, self.key_bits)?;
            let (row, network) = self.build(memorizer, &data, &plan, &bar)?;
            rows.push(row);
            last = Some((plan, network));
        }
        if !left.is_empty() {
            let names: Vec<&str> = left.iter().map(|one| one.name).collect();
            report.line("by name only", names.join(", "));
        }
        let all_hold = rows.iter().all(|row| row.holds(&data));
        if let (Some(file), Some((plan, network)), true) = (file, last, all_hold) {
            self.write(file, &plan, &network, &data)?;
        }
        report.json["constructions"] = rows.iter().map(Row::object).collect();
        if self.json {
            data.describe(&mut report);
            report.print(true)?;
        } else {
            report.print(false)?;
            print(&(table(&rows, &data) + &columns(&data.lines(), 0..0)))?;
        }
        if all_hold { Ok(()) } else { Err(Failure::no("")) }
    }

    /// What is said of the line, and of its cuts unless they leave no room and only one
    /// construction was asked for, which may not need them.
    fn report(&self, data: &Given, line: &Line, all: bool) -> Result<Report, Failure> {
        let cuts = match Cuts::new(line, self.radius) {
            Ok(cuts) => Some(cuts.with_key_bits(self.key_bits)),
            Err(Error::RadiusTooLarge { .. }) if !all => None,
            Err(error) => return Err(error.into()),
        };
        let (samples, runs) = (data.samples(), line.runs());
        let information = (samples as f64) * (data.classes() as f64).log2();
        let mut report = Report::new(json!({
            "samples": samples, "features": data.features(), "classes": data.classes(),
            "norm": self.norm.to_string(), "radius": self.radius,
            "line": {
                "runs": runs, "largest_radius": line.radius(),
                "radius": cuts.as_ref().map(Cuts::radius),
                "key_bits": cuts.as_ref().map(Cuts::key_bits),
                "label_bits": cuts.as_ref().map(Cuts::label_bits),
            },
            "information_bits": information,
        }));
        report.line(
            "line",
            format!(
                "{}, room for every radius below {} in {}",
                counted(runs, "run"),
                at_least(line.radius()),
                self.norm
            ),
        );
        if let Some(cuts) = cuts {
            report.line(
                "cuts",
                format!(
                    "{} bits a place, {} a label, radius {}",
                    cuts.key_bits(),
                    cuts.label_bits(),
                    at_least(cuts.radius())
                ),
            );
        }
        report.line("N log2 L", format!("{} bits hold any labels of so many samples", real(information)));
        Ok(report)
    }

    fn build(
        &self,
        memorizer: &'static Memorizer,
        data: &Given,
        plan: &Plan,
        bar: &Bar,
    ) -> Result<(Row, ExactNetwork), Failure> {
        let started = Instant::now();
        let group = plan.group(self.group)?;
        let network = plan.build(self.group)?;
        let built = started.elapsed().as_secs_f64();
        let started = Instant::now();
        bar.busy(&format!("proving {}", memorizer.name));
        let certified = (!self.count).then(|| network.certified(data, self.norm, self.radius));
        bar.end();
        let proved = started.elapsed().as_secs_f64();
        let (size, radius, seconds) = (network.size(), plan.radius(), [built, proved]);
        Ok((Row { memorizer, group, size, radius, certified, seconds }, network))
    }

    /// Writes the network, and proves a text once more as it was written.
    fn write(
        &self,
        mut file: AtomicFile,
        plan: &Plan,
        network: &ExactNetwork,
        data: &Given,
    ) -> Result<(), Failure> {
        let path = file.target().to_owned();
        if path.extension().and_then(OsStr::to_str).is_some_and(|ending| ending.eq_ignore_ascii_case("onnx"))
        {
            let floats = network.in_floats(plan.place_bits())?;
            let metadata = Metadata {
                version: Some(env!("CARGO_PKG_VERSION").into()),
                construction: Some(plan.name().into()),
                norm: Some(self.norm),
                radii: Some(Radii::Uniform(self.radius)),
                scaled: data.scaling().is_some(),
                classes: Some(data.class_names().to_vec()),
                features: data.feature_names().map(<[String]>::to_vec),
                dataset: Some(digest(data)),
                ..Metadata::default()
            };
            write_dense_behind(data.scaling(), &floats, &metadata, &mut file)
                .map_err(|e| Failure::input(format!("cannot write {}: {e}", path.display())))?;
            return Ok(file.commit()?);
        }
        let text = write(network, plan.name());
        let (again, _) = read(&text).map_err(|e| Failure::input(format!("{}: {e}", path.display())))?;
        require(again == *network, || format!("{}: the text is not the network", path.display()))?;
        file.write_all(text.as_bytes())
            .map_err(|e| Failure::input(format!("cannot write {}: {e}", path.display())))?;
        Ok(file.commit()?)
    }

    /// Proves a text of somebody.
    fn check(&self, path: &Path, data: &Given, bar: &Bar) -> Result<(), Failure> {
        let text = read_text(path)?;
        let (network, construction) =
            read(&text).map_err(|e| Failure::input(format!("{}: {e}", path.display())))?;
        require(network.inputs() == data.features(), || {
            format!(
                "{} reads {}, {} has {}",
                path.display(),
                counted(network.inputs(), "feature"),
                self.data.path.display(),
                data.features()
            )
        })?;
        require(self.radius >= 0.0 && self.radius.is_finite(), || {
            indelible::Error::BadRadius { given: self.radius }.to_string()
        })?;
        if let Norm::Lp(_) = self.norm {
            return Err(Error::BadNorm { given: self.norm }.into());
        }
        bar.busy("proving");
        let started = Instant::now();
        let certified = network.certified(data, self.norm, self.radius);
        bar.end();
        let (size, samples) = (network.size(), data.samples());
        let mut report = Report::new(json!({
            "file": path.display().to_string(), "construction": construction, "samples": samples,
            "norm": self.norm.to_string(), "radius": self.radius, "certified": certified,
            "parameters": {"nonzero": size.nonzero, "all": size.all}, "depth": size.depth, "width": size.width,
            "bits_per_parameter": size.bits_per_parameter, "bits": size.bits,
            "seconds": started.elapsed().as_secs_f64(),
        }));
        report.line(
            "network",
            format!(
                "{construction} (says the file), depth {}, {} nonzero parameters",
                size.depth,
                grouped(size.nonzero)
            ),
        );
        report.line(
            "bits",
            format!(
                "{} per parameter at most, {} in all",
                grouped(size.bits_per_parameter),
                grouped(size.bits)
            ),
        );
        report.line(
            "certified",
            format!(
                "{} of {}, radius {} in {}",
                grouped(certified),
                grouped(samples),
                plain(self.radius),
                self.norm
            ),
        );
        data.describe(&mut report);
        report.print(self.json)?;
        if certified == samples { Ok(()) } else { Err(Failure::no("")) }
    }
}

/// A construction on the data.
struct Row {
    memorizer: &'static Memorizer,
    group: Option<usize>,
    size: indelible_exact::ExactSize,
    /// The radius that it leaves room for.
    radius: f64,
    /// `None` where it was only counted.
    certified: Option<usize>,
    /// To build and to prove.
    seconds: [f64; 2],
}

impl Row {
    fn holds(&self, data: &Given) -> bool {
        self.certified.is_none_or(|certified| certified == data.samples())
    }

    fn object(&self) -> Value {
        let size = &self.size;
        json!({
            "name": self.memorizer.name, "source": self.memorizer.source, "formula": self.memorizer.formula,
            "group": self.group, "radius": self.radius, "depth": size.depth, "width": size.width,
            "parameters": {"nonzero": size.nonzero, "all": size.all},
            "bits_per_parameter": size.bits_per_parameter, "bits": size.bits, "certified": self.certified,
            "seconds": {"build": self.seconds[0], "certify": self.seconds[1]},
        })
    }
}

fn table(rows: &[Row], data: &Given) -> String {
    let head = [
        "construction",
        "group",
        "depth",
        "width",
        "nonzero",
        "all",
        "bits per parameter",
        "bits in all",
        "certified",
        "seconds",
    ];
    let mut lines = vec![head.map(str::to_owned)];
    for row in rows {
        let size = &row.size;
        lines.push([
            row.memorizer.name.into(),
            row.group.map_or("–".into(), grouped),
            grouped(size.depth),
            grouped(size.width),
            grouped(size.nonzero),
            grouped(size.all),
            grouped(size.bits_per_parameter),
            grouped(size.bits),
            row.certified
                .map_or("not tried".into(), |c| format!("{}/{}", grouped(c), grouped(data.samples()))),
            seconds(row.seconds[0] + row.seconds[1]),
        ]);
    }
    columns(&lines, 1..10)
}

/// Errors that the data explain better.
fn said(data: &Given, error: Error) -> Failure {
    match error {
        Error::Library(indelible::Error::NoEnemies) => {
            data.one_label("there is nothing to tell apart along a line")
        }
        other => other.into(),
    }
}
