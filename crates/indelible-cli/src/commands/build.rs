//! `indelible build`: from a dataset to a proved ONNX file.

use std::{path::PathBuf, time::Instant};

use clap::{Args, builder::TypedValueParser};
use indelible::{
    Dataset, Norm, Precision, Radii,
    constructions::{Construction, Options, REGISTRY},
    fit::{FitOptions, Form, Radius},
    network::{Head, Model, Scaling, Size},
    number::div_down,
};
use indelible_io::{FittedFile, fit_to_file};
use serde_json::{Value, json};

use super::{
    certify::{margin_line, smallest_margin},
    inspect::scaling_json,
    prelude::*,
    separation::or_conflicts,
};
use crate::{choice::choice, lipschitz, report};

fn heads() -> impl TypedValueParser<Value = Head> {
    choice([
        ("logits", "One output per class, the largest is the label", Head::Logits),
        ("scalar", "One output, the nearest integer of 1..L is the label", Head::Scalar),
    ])
}

/// A form, or none where the choice is free.
type AnyForm = Option<Form>;

fn forms() -> impl TypedValueParser<Value = AnyForm> {
    choice([
        ("auto", "Dense where small enough to be certified as layers, else compact", None),
        ("dense", "One Gemm per layer", Some(Form::Dense)),
        ("compact", "A Scan over the samples; cells: gathers", Some(Form::Compact)),
    ])
}

pub fn precisions() -> impl TypedValueParser<Value = Precision> {
    choice([("f32", "binary32", Precision::F32), ("f64", "binary64", Precision::F64)])
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
    /// Radius around every sample
    #[arg(long, conflicts_with_all = ["ratio", "per_sample"], value_name = "R", allow_negative_numbers = true)]
    radius: Option<f64>,
    /// Radius as a share of the largest possible one, between 0 and 1
    #[arg(long, default_value_t = 0.9, value_name = "RHO", allow_negative_numbers = true)]
    ratio: f64,
    /// A radius for each sample: the ratio of half the distance to its own nearest enemy
    #[arg(long)]
    per_sample: bool,
    /// What radii are measured in [default: scaled with --scale minmax or standard, else raw]
    #[arg(long, value_parser = units())]
    radius_units: Option<Units>,
    /// Build the construction, one of the sup norm, over directions that tell the balls of any norm apart
    #[arg(long, requires = "construction", conflicts_with = "per_sample")]
    directions: bool,
    /// How outputs become a label
    #[arg(long, value_parser = heads(), default_value = "logits")]
    head: Head,
    /// How the network is written
    #[arg(long, value_parser = forms(), default_value = "auto")]
    form: AnyForm,
    /// Floating-point format of the network
    #[arg(long, value_parser = precisions(), default_value = "f32")]
    precision: Precision,
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

impl BuildArgs {
    pub fn run(self) -> Result<(), Failure> {
        let bar = Bar::default();
        let started = Instant::now();
        // A wrong name should not cost a long computation, nor a slip the data.
        let mut options = self.options()?;
        keep_apart(&self.data.files(), &[Some(&self.output)])?;
        ends_in(Some(&self.output), &["onnx"], "networks are written as ONNX")?;
        require(!(options.certify && is_special(&self.output)), || {
            format!(
                "{} is no regular file: what is proved is read back from where it was written; give a file, or --no-certify",
                self.output.display()
            )
        })?;
        let data = self.data.read_as_it_stands(&bar)?;
        // No ball in raw units is another one behind a map: none is needed then.
        if self.radius_units != Some(Units::Raw) {
            options.scaling = data.scaling().cloned();
        }
        let read = started.elapsed().as_secs_f64();
        let mut built = fit_to_file(&self.output, &data, &options, &bar).map_err(|error| match error {
            indelible_io::Error::Library(error) => or_conflicts(&data, error),
            other => other.into(),
        })?;
        let seconds = &mut built.fitted.seconds;
        seconds.insert(0, ("read", read));
        seconds.push(("total", started.elapsed().as_secs_f64()));
        let mut report = self.report(&data, &built);
        units_of_radius(&data, options.scaling.as_ref(), &built, &mut report);
        data.describe(&mut report);
        report.print(self.json)
    }

    /// What the arguments ask for.
    fn options(&self) -> Result<FitOptions, Failure> {
        let construction = self.construction.as_deref().map(Construction::named).transpose()?;
        require(self.radius_units != Some(Units::Scaled) || self.data.is_scaled(), || {
            "--radius-units scaled, but no feature is scaled; give --scale minmax or --scale standard".into()
        })?;
        Ok(FitOptions {
            construction,
            norm: self.norm,
            radius: match self.radius {
                Some(radius) => Radius::Uniform(radius),
                None if self.per_sample => Radius::PerSample(self.ratio),
                None => Radius::Ratio(self.ratio),
            },
            network: Options { head: self.head, precision: self.precision },
            form: self.form,
            certify: !self.no_certify,
            scaling: None,
            directions: self.directions,
        })
    }

    fn report(&self, data: &Dataset, built: &FittedFile) -> Report {
        let FittedFile { fitted, bytes } = built;
        let radii = fitted.budget.radii();
        let (smallest, largest) = (radii.smallest(), radii.largest());
        let Size { depth, width, nonzero, all, max_abs } = fitted.size;
        let (name, form, norm, samples) = (fitted.construction.name, fitted.form, self.norm, data.samples());
        let certificate = fitted.certificate.as_ref();
        let certified = certificate.map(|certificate| certificate.certified);
        let reason = fitted.reason.as_ref().map(ToString::to_string);
        let file = self.output.display();
        let is_scaled = matches!(fitted.model, Model::Scaled(_));
        let mut report = Report::new(json!({
            "construction": name, "over_directions": self.directions, "reason": reason, "norm": norm.to_string(),
            "radius": smallest, "largest_radius": largest, "per_sample": self.per_sample,
            "ratio": fitted.budget.ratio(),
            "head": self.head.to_string(), "precision": self.precision.to_string(), "form": form.to_string(),
            "depth": depth, "width": width, "parameters": {"nonzero": nonzero, "all": all},
            "max_abs_parameter": max_abs, "lipschitz": lipschitz::object(&fitted.lipschitz),
            "samples": samples, "certified": certified,
            "exact": certificate.map(|certificate| certificate.exact),
            "smallest_margin": certificate.and_then(smallest_margin),
            "file": file.to_string(), "bytes": bytes,
            "seconds": fitted.seconds.iter().copied().collect::<Value>(),
        }));
        let radius = match radii {
            Radii::Uniform(radius) => real(*radius),
            Radii::PerSample(_) => format!("{} to {}, one per sample", real(smallest), real(largest)),
        };
        let ratio = fitted.budget.ratio().map_or(String::new(), |ratio| format!(" (ratio {})", plain(ratio)));
        let certified = certified.map_or("not asked for".into(), |certified| {
            format!("{} of {}", grouped(certified), counted(samples, "sample"))
        });
        let over = if self.directions { " over directions" } else { "" };
        let times = fitted.seconds.iter().map(|(name, taken)| format!("{name} {}", report::seconds(*taken)));
        report
            .known("chosen for", reason)
            .line("construction", format!("{name}{over}, {} head, {}", self.head, self.precision))
            .line("radius", format!("{radius} in {norm}{}{ratio}", of_scaled(is_scaled)))
            .line("network", format!("depth {}, width {}", grouped(depth), grouped(width)))
            .line("parameters", format!("{} nonzero, {} in all", grouped(nonzero), grouped(all)))
            .line("largest parameter", real(max_abs))
            .line("Lipschitz bound", lipschitz::line(&fitted.lipschitz))
            .line("file", format!("{file} ({form}, {})", report::bytes(*bytes)))
            .line("certified", certified)
            .known("smallest margin", certificate.and_then(margin_line))
            .line("time", times.collect::<Vec<_>>().join(", "));
        report
    }
}

/// Says in which units radii are and, where those are scaled, what they come to in
/// the units of each feature.
fn units_of_radius(data: &Dataset, scaling: Option<&Scaling>, built: &FittedFile, report: &mut Report) {
    let Some(scaling) = scaling else {
        report.json["radius_units"] = "raw".into();
        return;
    };
    let radius = built.fitted.budget.radii().smallest();
    let raw: Vec<f64> = scaling.factors().iter().map(|&factor| div_down(radius, factor)).collect();
    let names = data.feature_names();
    let name =
        |feature: usize| names.and_then(|names| names.get(feature)).map_or(feature.to_string(), Clone::clone);
    let end = |best: Option<(usize, &f64)>| {
        best.map_or(String::new(), |(feature, radius)| format!("{} ({})", at_least(*radius), name(feature)))
    };
    let numbered = || raw.iter().enumerate();
    let least = end(numbered().min_by(|a, b| a.1.total_cmp(b.1)));
    let most = end(numbered().max_by(|a, b| a.1.total_cmp(b.1)));
    report.json["radius_units"] = "scaled".into();
    report.json["scaling"] = scaling_json(scaling);
    report.line("in raw units", format!("{least} to {most}"));
    report.json["raw_radii"] = raw.into();
}
