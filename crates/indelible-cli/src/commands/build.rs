//! `indelible build`: from a dataset to a proved ONNX file.

use std::{path::PathBuf, time::Instant};

use clap::{Args, ValueEnum};
use indelible::{
    Dataset, Norm, Precision, Radii,
    constructions::{Construction, Options, REGISTRY},
    fit::{FitOptions, Form, Radius},
    network::{Head, Size},
};
use indelible_io::{FittedFile, fit_to_file};
use serde_json::json;

use super::separation::or_conflicts;
use crate::{
    bar::Bar,
    data::DataArgs,
    failure::Failure,
    lipschitz,
    paths::keep_apart,
    report::{self, Report, grouped, real},
};

#[derive(Clone, Copy, Debug, ValueEnum)]
enum HeadArg {
    /// One output per class, the largest is the label
    Logits,
    /// One output, the nearest integer of 1..L is the label
    Scalar,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
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

impl BuildArgs {
    pub fn run(self) -> Result<(), Failure> {
        let bar = Bar::default();
        let started = Instant::now();
        // A wrong name should not cost a long computation, nor a slip the data.
        let options = self.options()?;
        keep_apart(&self.data.files(), &[Some(&self.output)])?;
        if options.certify && self.output.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir()) {
            return Err(Failure::input(format!(
                "{} is no regular file: what is proved is read back from where it was written; give a file, or --no-certify",
                self.output.display()
            )));
        }
        let data = self.data.read(&bar)?;
        let read = started.elapsed().as_secs_f64();
        let mut built = fit_to_file(&self.output, &data, &options, &bar).map_err(|error| match error {
            indelible_io::Error::Library(error) => or_conflicts(&data, error),
            other => other.into(),
        })?;
        let seconds = &mut built.fitted.seconds;
        seconds.insert(0, ("read", read));
        seconds.push(("total", started.elapsed().as_secs_f64()));
        self.report(&data, &options, &built).print(self.json);
        Ok(())
    }

    /// What the arguments ask for.
    fn options(&self) -> Result<FitOptions, Failure> {
        let construction = self.construction.as_deref().map(Construction::named).transpose()?;
        Ok(FitOptions {
            construction,
            norm: self.norm,
            radius: match self.radius {
                Some(radius) => Radius::Uniform(radius),
                None if self.per_sample => Radius::PerSample(self.ratio),
                None => Radius::Ratio(self.ratio),
            },
            network: Options {
                head: match self.head {
                    HeadArg::Logits => Head::Logits,
                    HeadArg::Scalar => Head::Scalar,
                },
                precision: self.precision.into(),
            },
            form: match self.form {
                FormArg::Auto => None,
                FormArg::Dense => Some(Form::Dense),
                FormArg::Compact => Some(Form::Compact),
            },
            certify: !self.no_certify,
        })
    }

    fn report(&self, data: &Dataset, options: &FitOptions, built: &FittedFile) -> Report {
        let FittedFile { fitted, bytes } = built;
        let radii = fitted.budget.radii();
        let (smallest, largest) = (radii.smallest(), radii.largest());
        let Options { head, precision } = options.network;
        let Size { depth, width, nonzero, all, max_abs } = fitted.size;
        let (name, form) = (fitted.construction.name, fitted.form);
        let seconds: serde_json::Map<String, serde_json::Value> =
            fitted.seconds.iter().map(|(name, value)| ((*name).to_string(), json!(value))).collect();
        let certificate = fitted.certificate.as_ref();
        let certified = certificate.map(|certificate| certificate.certified);
        let margin = certificate.and_then(|certificate| certificate.smallest_margin);
        let reason = fitted.reason.as_ref().map(ToString::to_string);
        let file = self.output.display();
        let mut report = Report::default();
        report
            .json("construction", name)
            .json("reason", reason.clone())
            .json("norm", self.norm.to_string())
            .json("radius", smallest)
            .json("largest_radius", largest)
            .json("per_sample", self.per_sample)
            .json("ratio", fitted.budget.ratio())
            .json("head", head.to_string())
            .json("precision", precision.to_string())
            .json("form", form.to_string())
            .json("depth", depth)
            .json("width", width)
            .json("parameters", json!({"nonzero": nonzero, "all": all}))
            .json("max_abs_parameter", max_abs)
            .json("lipschitz", lipschitz::object(&fitted.lipschitz))
            .json("samples", data.samples())
            .json("certified", certified)
            .json("exact", certificate.map(|certificate| certificate.exact))
            .json(
                "smallest_margin",
                margin.map(|(margin, sample)| json!({"margin": margin, "sample": sample})),
            )
            .json("file", file.to_string())
            .json("bytes", *bytes)
            .json("seconds", seconds);
        let radius = match radii {
            Radii::Uniform(radius) => real(*radius),
            Radii::PerSample(_) => format!("{} to {}, one per sample", real(smallest), real(largest)),
        };
        let ratio = fitted.budget.ratio().map_or(String::new(), |ratio| format!(" (ratio {ratio})"));
        let times: Vec<String> = fitted
            .seconds
            .iter()
            .map(|(name, value)| format!("{name} {}", report::seconds(*value)))
            .collect();
        if let Some(reason) = reason {
            report.line("chosen for", reason);
        }
        report
            .line("construction", format!("{name}, {head} head, {precision}"))
            .line("radius", format!("{radius} in {}{ratio}", self.norm))
            .line("network", format!("depth {}, width {}", grouped(depth), grouped(width)))
            .line("parameters", format!("{} nonzero, {} in all", grouped(nonzero), grouped(all)))
            .line("largest parameter", real(max_abs))
            .line("Lipschitz bound", lipschitz::line(&fitted.lipschitz))
            .line("file", format!("{file} ({form}, {})", report::bytes(*bytes)))
            .line(
                "certified",
                match certified {
                    Some(certified) => {
                        format!("{} of {} samples", grouped(certified), grouped(data.samples()))
                    }
                    None => "not asked for".into(),
                },
            );
        if let Some((margin, sample)) = margin {
            report.line("smallest margin", format!("{} (sample {sample})", real(margin)));
        }
        report.line("time", times.join(", "));
        report
    }
}
