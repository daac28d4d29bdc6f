//! `indelible certify`: proofs about a file.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use clap::Args;
use indelible::{
    Dataset, Radii,
    certify::{Certificate, Config, Effort, Verdict, certify_each, radii_at_ratio},
    network::Model,
};
use indelible_io::digest;
use serde_json::{Value, json};

use super::{
    asked::{Asked, AskedArgs},
    prelude::*,
    verdicts::{Found, Output, Subject, engine, margin, word},
};
use crate::interrupt::at_interrupt;

/// Failures that are listed for people.
const MOST_LISTED: usize = 5;

/// Arguments of `certify`.
#[derive(Args, Debug)]
pub struct CertifyArgs {
    #[command(flatten)]
    asked: AskedArgs,
    /// Radius around every sample [default: what the file claims]
    #[arg(long, value_name = "R", conflicts_with_all = ["per_sample", "ratio"], allow_negative_numbers = true)]
    radius: Option<f64>,
    /// A radius for each sample: what the file claims, or the ratio of half the distance to its own nearest enemy
    #[arg(long)]
    per_sample: bool,
    /// With --per-sample: share of half the distance to the nearest enemy, between 0 and 1
    #[arg(long, value_name = "RHO", requires = "per_sample", allow_negative_numbers = true)]
    ratio: Option<f64>,
    /// Write the counterexamples: points `X`, claimed labels `y`, `predicted`, `sample`, `distance`, as arrays, or as a table where the name ends in .csv
    #[arg(short, long, value_name = "FILE.npz")]
    output: Option<PathBuf>,
    /// Print one JSON object per sample as soon as it has its verdict, one a line, and the answer as the last line
    #[arg(long, conflicts_with = "json")]
    jsonl: bool,
}

impl CertifyArgs {
    pub fn run(self) -> Result<(), Failure> {
        let bar = Bar::default();
        let output = self.output.as_ref();
        ends_in(output, &["npz", "csv"], "counterexamples are written as NPZ or CSV")?;
        let Asked { network, data, norm, config } = self.asked.read(Config::default(), &[output], &bar)?;
        let is_scaled = network.model.has_scaled_balls();
        let radii = match (self.radius, self.ratio) {
            (Some(radius), _) => Radii::Uniform(radius),
            (None, Some(ratio)) => radii_at_ratio(&network.model, &data, norm, ratio, &bar)?,
            (None, None) if !is_scaled && matches!(network.model, Model::Scaled(_)) => {
                return Err(Failure::input(format!(
                    "{} claims radii of scaled features; give --radius R, or --per-sample --ratio RHO, in the units of the features",
                    self.asked.file()
                )));
            }
            (None, None) => network
                .claimed_radii(&data, norm)
                .map_err(|source| indelible_io::Error::Onnx { path: self.asked.network().clone(), source })?,
        };
        require(!self.per_sample || matches!(radii, Radii::PerSample(_)), || {
            format!("{} claims one radius for all samples; give --ratio", self.asked.file())
        })?;
        let started = Instant::now();
        let classes = network.signature().match_classes(&data)?;
        let output = output.map(|path| into(path, &network.model, &data));
        let found = Arc::new(Found::new(data.samples(), self.jsonl, output));
        let kept = Arc::clone(&found);
        at_interrupt(move || kept.interrupted());
        let claim = classes.claim(&network.model, &data, norm, &radii);
        let subject = Subject { claim: &claim, classes: &classes };
        let tell =
            |sample: usize, verdict: &Verdict, effort: Effort| found.note(&subject, sample, verdict, effort);
        let certificate = certify_each(&claim, &config, &bar, &tell)?;
        let taken = started.elapsed().as_secs_f64();
        let same = network.metadata.dataset.as_ref().map(|known| *known == digest(&data));
        let mut report = report(&certificate, &subject, &radii, (is_scaled, taken), &network.notes);
        if !self.jsonl {
            each(&certificate, &subject, &mut report);
        }
        report.json["same_dataset"] = same.into();
        if same == Some(false) {
            report.line("dataset", "another than the file was built from");
        }
        if let Some((count, path)) = found.finish()? {
            report.json["file"] = path.display().to_string().into();
            report.line("file", format!("{}: {}", path.display(), counted(count, "counterexample")));
        }
        data.describe(&mut report);
        report.left_out(&network.notes).print(self.asked.json || self.jsonl)?;
        if certificate.holds() { Ok(()) } else { Err(Failure::no("")) }
    }
}

/// Where counterexamples to a model are written.
fn into(path: &Path, model: &Model, data: &Dataset) -> Output {
    let numbered = || (0..data.features()).map(|feature| format!("x{feature}")).collect();
    Output {
        path: path.to_owned(),
        precision: model.precision(),
        features: data.feature_names().map_or_else(numbered, <[String]>::to_vec),
    }
}

/// Adds what is known of every sample.
fn each(certificate: &Certificate, subject: &Subject<'_>, report: &mut Report) {
    let Certificate { verdicts, efforts, .. } = certificate;
    let failures =
        certificate.failures().map(|(sample, verdict)| subject.object(sample, verdict, efforts[sample]));
    report.json["failures"] = failures.collect();
    report.json["sample_verdicts"] = verdicts.iter().map(word).collect();
    report.json["sample_engines"] = verdicts.iter().map(engine).collect();
    report.json["sample_margins"] = verdicts.iter().map(margin).collect();
    report.json["sample_seconds"] = efforts.iter().map(|effort| effort.seconds).collect();
    report.json["sample_branches"] = efforts.iter().map(|effort| effort.branches).collect();
}

fn report(
    certificate: &Certificate,
    subject: &Subject<'_>,
    radii: &Radii,
    (is_scaled, taken): (bool, f64),
    notes: &[String],
) -> Report {
    let engines = certificate.engines().into_iter().map(|(engine, count)| (engine.to_string(), count));
    let Certificate { samples, certified, refuted, misclassified, undecided, norm, precision, .. } =
        *certificate;
    // Probabilities of a Softmax may be equal where the logits are not.
    let rounded = notes.iter().any(|note| note.contains("but for rounding"));
    let mut report = Report::new(json!({
        "samples": samples, "certified": certified, "refuted": refuted, "misclassified": misclassified,
        "undecided": undecided,
        "exact": certificate.exact,
        "engines": engines.collect::<Value>(),
        "radius": radii.smallest(), "per_sample": matches!(radii, Radii::PerSample(_)),
        "norm": norm.to_string(), "radius_units": if is_scaled { "scaled" } else { "raw" },
        "arithmetic": format!(
            "real and {precision}, any order of summation{}", if rounded { ", before what is left out" } else { "" }
        ),
        "smallest_margin": smallest_margin(certificate),
        "seconds": taken,
    }));
    let radius = match radii {
        Radii::Uniform(radius) => real(*radius),
        Radii::PerSample(_) => format!("{} and more, one per sample", real(radii.smallest())),
    };
    report
        .line("certified", format!("{} of {}", grouped(certified), counted(samples, "sample")))
        .line("refuted", grouped(refuted))
        .line("misclassified", grouped(misclassified))
        .line("undecided", grouped(undecided))
        .line("radius", format!("{radius} in {norm}{}", of_scaled(is_scaled)))
        .line(
            "holds for",
            format!(
                "every real point of the ball, and as executed in {precision}, in any order of summation{}",
                if rounded { ", before what is left out below" } else { "" }
            ),
        )
        .known("smallest margin", margin_line(certificate))
        .line("time", seconds(taken));
    let (first, last): (Vec<_>, Vec<_>) =
        certificate.failures().partition(|(_, verdict)| matches!(verdict, Verdict::Refuted { .. }));
    for (sample, verdict) in first.into_iter().chain(last).take(MOST_LISTED) {
        let what = match verdict {
            Verdict::Refuted { predicted, .. } => {
                format!("refuted: a point of its ball gets {}", subject.name(*predicted))
            }
            Verdict::Misclassified { predicted } => {
                format!("misclassified: it gets {}", subject.name(*predicted))
            }
            _ => "undecided".into(),
        };
        report.line(format!("sample {sample} ({})", subject.label(sample)), what);
    }
    let more = (samples - certified).saturating_sub(MOST_LISTED);
    if more > 0 {
        report.line("", format!("and {} more", grouped(more)));
    }
    report
}

/// The smallest margin and the sample that has it.
pub fn smallest_margin(certificate: &Certificate) -> Option<Value> {
    certificate.smallest_margin.map(|(margin, sample)| json!({"margin": margin, "sample": sample}))
}

/// The same for people.
pub fn margin_line(certificate: &Certificate) -> Option<String> {
    certificate.smallest_margin.map(|(margin, sample)| format!("{} (sample {sample})", real(margin)))
}
