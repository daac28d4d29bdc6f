//! `indelible build`: from a dataset to a proved ONNX file.

use std::{
    io::Write,
    path::{Path, PathBuf},
    time::Instant,
};

use clap::{Args, ValueEnum};
use indelible::{
    Budget, Dataset, Error, Norm, Precision, Radii,
    cells::samples_in_cells,
    certify::Certificate,
    constructions::{Construction, Options, REGISTRY},
    network::{Head, Model, Size},
    separation::{conflicts, nearest_enemies, separation},
};
use indelible_io::{
    AtomicFile, digest,
    onnx::{self, Metadata, write_compact, write_dense},
};
use serde_json::json;

use super::{
    candidates::{Candidate, Candidates, serving},
    certify::certify_file,
    separation::{MOST_CONFLICTS, conflict_message},
};
use crate::{
    bar::Bar,
    data::DataArgs,
    failure::Failure,
    paths::keep_apart,
    report::{self, Report, grouped, real},
    steepness::Steepness,
};

/// Largest dense file that `auto` writes, and of cells, which have few weights
/// that are not 0.
const LARGEST_DENSE: u64 = 512 << 20;
const LARGEST_DENSE_CELLS: u64 = 1 << 20;
/// Samples times nonzero parameters up to which `auto` proves layers before the
/// compact form: what intervals leave open is followed back through them, at
/// 10⁵ to 10⁷ such pairs a second.
pub const MOST_LAYERED: usize = 1 << 20;
/// Where ONNX files end.
const LARGEST_FILE: u64 = (1 << 31) - 1;

/// Constructions whose Lipschitz constant is known exactly.
const STEEP: [&str; 3] = ["lipschitz", "yu2024-lipschitz", "nearest"];

#[derive(Clone, Copy, Debug, ValueEnum)]
enum HeadArg {
    /// One output per class, the largest is the label
    Logits,
    /// One output, the nearest integer of 1..L is the label
    Scalar,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum FormArg {
    /// Dense where small enough to be certified as layers, else compact
    Auto,
    /// One Gemm per layer
    Dense,
    /// A Scan over the samples; cells: gathers
    Compact,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum PrecisionArg {
    /// binary32
    F32,
    /// binary64
    F64,
}

impl From<PrecisionArg> for Precision {
    fn from(precision: PrecisionArg) -> Self {
        match precision {
            PrecisionArg::F32 => Self::F32,
            PrecisionArg::F64 => Self::F64,
        }
    }
}

/// Arguments of `build`.
#[derive(Args, Debug)]
pub struct BuildArgs {
    #[command(flatten)]
    data: DataArgs,
    /// File to write
    #[arg(short, long, value_name = "NET.onnx")]
    output: PathBuf,
    #[arg(long, value_name = "NAME", help = construction_help())]
    construction: Option<String>,
    /// Norm of the radius: linf, l1, l2, or lP for a real P > 1, like l1.5
    #[arg(long, default_value = "linf")]
    norm: Norm,
    /// Radius around every sample, in the units of the features
    #[arg(long, conflicts_with_all = ["ratio", "per_sample"], value_name = "R", allow_negative_numbers = true)]
    radius: Option<f64>,
    /// Radius as a share of the largest possible one, between 0 and 1
    #[arg(long, default_value_t = 0.9, value_name = "RHO", allow_negative_numbers = true)]
    ratio: f64,
    /// A radius for each sample: the ratio of half the distance to its own nearest enemy
    #[arg(long)]
    per_sample: bool,
    /// How outputs become a label
    #[arg(long, value_enum, default_value_t = HeadArg::Logits)]
    head: HeadArg,
    /// How the network is written
    #[arg(long, value_enum, default_value_t = FormArg::Auto)]
    form: FormArg,
    /// Floating-point format of the network
    #[arg(long, value_enum, default_value_t = PrecisionArg::F32)]
    precision: PrecisionArg,
    /// Write without proof
    #[arg(long)]
    no_certify: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// All names, as `--help` lists them.
fn construction_help() -> String {
    let names: Vec<&str> = REGISTRY.iter().map(|construction| construction.name).collect();
    format!(
        "Construction to use: {} [default: the one with the fewest nonzero parameters that certifies]",
        names.join(", ")
    )
}

/// What a build did, for reports.
pub struct Built {
    pub construction: &'static str,
    /// Why it was chosen, where the choice was free.
    pub reason: Option<String>,
    pub steepness: Steepness,
    pub budget: Budget,
    pub size: Size,
    pub form: &'static str,
    pub bytes: u64,
    pub certificate: Option<Certificate>,
    seconds: Vec<(&'static str, f64)>,
}

/// What `demo` and `build` ask for.
pub struct Order<'a> {
    pub output: &'a Path,
    /// `None` leaves the choice to `build`.
    pub construction: Option<&'a str>,
    pub norm: Norm,
    pub radius: Option<f64>,
    pub ratio: f64,
    pub per_sample: bool,
    pub options: Options,
    dense: Option<bool>,
    certify: bool,
}

impl<'a> Order<'a> {
    /// The theorem's network at `ratio`, written to `output`.
    pub fn new(output: &'a Path, ratio: f64) -> Self {
        Self {
            output,
            construction: Some("yu2024-linf"),
            norm: Norm::Linf,
            radius: None,
            ratio,
            per_sample: false,
            options: Options::default(),
            dense: None,
            certify: true,
        }
    }
}

impl BuildArgs {
    pub fn run(self) -> Result<(), Failure> {
        let bar = Bar::default();
        let started = Instant::now();
        // A wrong name should not cost a long computation, nor a slip the data.
        self.construction.as_deref().map(Construction::named).transpose()?;
        keep_apart(&self.data.files(), &[Some(&self.output)])?;
        if !self.no_certify && self.output.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir()) {
            return Err(Failure::input(format!(
                "{} is no regular file: what is proved is read back from where it was written; give a file, or --no-certify",
                self.output.display()
            )));
        }
        let data = self.data.read(&bar)?;
        let read = started.elapsed().as_secs_f64();
        let order = Order {
            construction: self.construction.as_deref(),
            norm: self.norm,
            radius: self.radius,
            per_sample: self.per_sample,
            options: Options {
                head: match self.head {
                    HeadArg::Logits => Head::Logits,
                    HeadArg::Scalar => Head::Scalar,
                },
                precision: self.precision.into(),
            },
            dense: match self.form {
                FormArg::Auto => None,
                form => Some(form == FormArg::Dense),
            },
            certify: !self.no_certify,
            ..Order::new(&self.output, self.ratio)
        };
        let mut built = build(&data, &order, &bar)?;
        built.seconds.insert(0, ("read", read));
        built.seconds.push(("total", started.elapsed().as_secs_f64()));
        report(&data, &order, &built).print(self.json);
        Ok(())
    }
}

/// Measures, builds, writes beside the target, certifies what was written, and
/// only then gives it the target's name.
pub fn build(data: &Dataset, order: &Order<'_>, bar: &Bar) -> Result<Built, Failure> {
    let mut seconds: Vec<(&'static str, f64)> = Vec::new();
    let mut clock = Instant::now();
    // Several constructions may be written and certified; their times add up.
    let mut lap = |name, clock: &mut Instant| {
        let taken = clock.elapsed().as_secs_f64();
        match seconds.iter_mut().find(|(known, _)| *known == name) {
            Some((_, total)) => *total += taken,
            None => seconds.push((name, taken)),
        }
        *clock = Instant::now();
    };
    // What cannot be built or written should not cost a long computation.
    let entries = match order.construction {
        Some(name) => {
            let construction = Construction::named(name)?;
            construction.serves_norm(order.norm)?;
            vec![construction]
        }
        None => serving(data, order.norm, order.per_sample, order.options.head)?,
    };
    let mut spare = Some(AtomicFile::create(order.output)?);
    let budget = budget(data, order, bar).map_err(|error| match error {
        Error::Inseparable { .. } => Failure::no(conflict_message(data, &conflicts(data, MOST_CONFLICTS))),
        other => other.into(),
    })?;
    lap("separation", &mut clock);
    let metadata = Metadata {
        version: Some(env!("CARGO_PKG_VERSION").into()),
        construction: None,
        norm: Some(order.norm),
        radii: Some(budget.radii().clone()),
        ratio: budget.ratio(),
        classes: Some(data.class_names().to_vec()),
        features: data.feature_names().map(<[String]>::to_vec),
        samples_per_cell: None,
        dataset: Some(digest(data)),
    };
    let mut candidates = Candidates::new(&entries, data, &budget, order.options);
    let (mut passed, mut failed) = (vec![], None);
    bar.busy("building");
    while let Some(candidate) = candidates.next() {
        lap("build", &mut clock);
        let name = candidate.construction.name;
        for dense in forms(&candidate, order, data.samples()) {
            let mut file = match spare.take() {
                Some(file) => file,
                None => AtomicFile::create(order.output)?,
            };
            bar.busy("writing");
            let (form, size) = match write(&candidate, data, &budget, order, dense, &metadata, &mut file) {
                Ok(written) => written,
                Err(failure) => {
                    failed.get_or_insert(failure);
                    continue;
                }
            };
            let written = file.flushed()?.to_path_buf();
            let bytes = std::fs::metadata(&written).map_or(0, |found| found.len());
            lap("write", &mut clock);
            let read = onnx::open(&written)?;
            let certificate = match order.certify {
                true => Some(certify_file(&read, data, order.norm, budget.radii(), bar)?),
                false => None,
            };
            if let Some(certificate) = certificate.as_ref().filter(|certificate| !certificate.holds()) {
                lap("certify", &mut clock);
                failed.get_or_insert(Failure::no(format!(
                    "only {} of {} samples could be certified in {}; nothing was written; try --precision f64 or a smaller radius",
                    certificate.certified, certificate.samples, order.options.precision
                )));
                continue;
            }
            let around = STEEP.contains(&name).then_some(data);
            let steepness = Steepness::of(&read.model, order.norm, around)?;
            if order.certify {
                lap("certify", &mut clock);
            }
            file.commit()?;
            let free = order.construction.is_none();
            let reason = free.then(|| candidates.reason(&passed, order.certify));
            return Ok(Built {
                construction: name,
                reason,
                steepness,
                budget,
                size,
                form,
                bytes,
                certificate,
                seconds,
            });
        }
        passed.push(name);
        bar.busy("building");
    }
    let refusal = candidates.refusal().map(Failure::from);
    // Candidates end without a failure only where there was none to try.
    Err(failed.or(refusal).unwrap_or_else(|| Failure::input("there is no construction to try".into())))
}

/// The forms to try, dense or not: where the choice is free, the compact one
/// after a small dense one, of which intervals may prove less.
fn forms(candidate: &Candidate, order: &Order<'_>, samples: usize) -> Vec<bool> {
    let construction = candidate.construction;
    let largest = if construction.name == "cells" { LARGEST_DENSE_CELLS } else { LARGEST_DENSE };
    let small = || {
        (!order.certify || candidate.is_within(MOST_LAYERED / samples))
            && candidate.dense_bytes(largest).is_ok()
    };
    match order.dense {
        Some(dense) => vec![dense],
        None if small() => vec![true, false],
        None => vec![false],
    }
}

/// Writes a network in one form; gives the form's name and the size of what
/// was written.
fn write(
    candidate: &Candidate,
    data: &Dataset,
    budget: &Budget,
    order: &Order<'_>,
    dense: bool,
    metadata: &Metadata,
    file: &mut dyn Write,
) -> Result<(&'static str, Size), Failure> {
    let name = candidate.construction.name;
    let mut metadata = Metadata { construction: Some(name.into()), ..metadata.clone() };
    let cannot_write = |source| Failure::input(format!("cannot write {}: {source}", order.output.display()));
    if dense {
        // Said before the work, not after it.
        if let Err(least) = candidate.dense_bytes(LARGEST_FILE) {
            return Err(Failure::input(format!(
                "the dense form of {name} would take {} or more, and ONNX files end at 2 GiB; use --form compact or fewer samples",
                report::bytes(least)
            )));
        }
        write_dense(candidate.network.as_ref(), &metadata, file).map_err(cannot_write)?;
        return Ok(("dense", candidate.size()));
    }
    let compact = candidate.network.compact()?;
    if let Model::Cells(cells) = &compact {
        metadata.samples_per_cell = Some(samples_in_cells(cells, data, budget.radii()));
    }
    write_compact(&compact, &metadata, file).map_err(cannot_write)?;
    // What is reported of a compact file is what it holds.
    Ok(("compact", compact.size()))
}

fn budget(data: &Dataset, order: &Order<'_>, bar: &Bar) -> Result<Budget, Error> {
    if order.per_sample {
        return Budget::per_sample(order.ratio, &nearest_enemies(data, order.norm, bar));
    }
    let found = separation(data, order.norm, bar);
    match order.radius {
        Some(radius) => Budget::uniform(radius, &found),
        None => Budget::from_ratio(order.ratio, &found),
    }
}

fn report(data: &Dataset, order: &Order<'_>, built: &Built) -> Report {
    let radii = built.budget.radii();
    let largest = match radii {
        Radii::Uniform(radius) => *radius,
        Radii::PerSample(radii) => radii.iter().copied().fold(0.0, f64::max),
    };
    let seconds: serde_json::Map<String, serde_json::Value> =
        built.seconds.iter().map(|(name, value)| ((*name).to_string(), json!(value))).collect();
    let certified = built.certificate.as_ref().map(|certificate| certificate.certified);
    let margin = built.certificate.as_ref().and_then(|certificate| certificate.smallest_margin);
    let mut report = Report::default();
    report
        .json("construction", built.construction)
        .json("reason", built.reason.clone())
        .json("norm", order.norm.to_string())
        .json("radius", radii.smallest())
        .json("largest_radius", largest)
        .json("per_sample", order.per_sample)
        .json("ratio", built.budget.ratio())
        .json("head", order.options.head.to_string())
        .json("precision", order.options.precision.to_string())
        .json("form", built.form)
        .json("depth", built.size.depth)
        .json("width", built.size.width)
        .json("parameters", json!({"nonzero": built.size.nonzero, "all": built.size.all}))
        .json("max_abs_parameter", built.size.max_abs)
        .json("lipschitz", built.steepness.json())
        .json("samples", data.samples())
        .json("certified", certified)
        .json("exact", built.certificate.as_ref().map(|certificate| certificate.exact))
        .json("smallest_margin", margin.map(|(margin, sample)| json!({"margin": margin, "sample": sample})))
        .json("file", order.output.display().to_string())
        .json("bytes", built.bytes)
        .json("seconds", seconds);
    let radius = match radii {
        Radii::Uniform(radius) => real(*radius),
        Radii::PerSample(_) => format!("{} to {}, one per sample", real(radii.smallest()), real(largest)),
    };
    let ratio = built.budget.ratio().map_or(String::new(), |ratio| format!(" (ratio {ratio})"));
    let times: Vec<String> =
        built.seconds.iter().map(|(name, value)| format!("{name} {}", report::seconds(*value))).collect();
    if let Some(reason) = &built.reason {
        report.line("chosen for", reason);
    }
    report
        .line(
            "construction",
            format!("{}, {} head, {}", built.construction, order.options.head, order.options.precision),
        )
        .line("radius", format!("{radius} in {}{ratio}", order.norm))
        .line("network", format!("depth {}, width {}", grouped(built.size.depth), grouped(built.size.width)))
        .line(
            "parameters",
            format!("{} nonzero, {} in all", grouped(built.size.nonzero), grouped(built.size.all)),
        )
        .line("largest parameter", real(built.size.max_abs))
        .line("Lipschitz bound", built.steepness.line())
        .line("file", format!("{} ({}, {})", order.output.display(), built.form, report::bytes(built.bytes)))
        .line(
            "certified",
            match certified {
                Some(certified) => format!("{} of {} samples", grouped(certified), grouped(data.samples())),
                None => "not asked for".into(),
            },
        );
    if let Some((margin, sample)) = margin {
        report.line("smallest margin", format!("{} (sample {sample})", real(margin)));
    }
    report.line("time", times.join(", "));
    report
}
