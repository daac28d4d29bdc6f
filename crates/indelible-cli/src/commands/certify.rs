//! `indelible certify`: proofs about a file.

use std::{path::PathBuf, time::Instant};

use clap::Args;
use indelible::{
    Budget, Dataset, Norm, Precision, Radii,
    certify::{Certificate, Config, Verdict, certify_with},
    classes::Classes,
    network::Model,
    separation::nearest_enemies,
};
use indelible_io::{digest, onnx};
use serde_json::{Value, json};

use super::{prelude::*, search::SearchArgs};

/// Failures that are listed for people.
const MOST_LISTED: usize = 5;

/// Arguments of `certify`.
#[derive(Args, Debug)]
pub struct CertifyArgs {
    /// Network to check
    #[arg(value_name = "NET.onnx")]
    network: PathBuf,
    #[command(flatten)]
    data: DataArgs,
    /// Norm of the radius: linf, l1, l2, or lP for a real P > 1, like l1.5 [default: what the file claims, else linf]
    #[arg(long)]
    norm: Option<Norm>,
    /// Radius around every sample [default: what the file claims]
    #[arg(long, value_name = "R", conflicts_with_all = ["per_sample", "ratio"], allow_negative_numbers = true)]
    radius: Option<f64>,
    /// A radius for each sample: what the file claims, or the ratio of half the distance to its own nearest enemy
    #[arg(long)]
    per_sample: bool,
    /// With --per-sample: share of half the distance to the nearest enemy, between 0 and 1
    #[arg(long, value_name = "RHO", requires = "per_sample", allow_negative_numbers = true)]
    ratio: Option<f64>,
    /// What radii are measured in [default: scaled where the network scales its features, else raw]
    #[arg(long, value_parser = units())]
    radius_units: Option<Units>,
    #[command(flatten)]
    search: SearchArgs,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl CertifyArgs {
    pub fn run(self) -> Result<(), Failure> {
        let bar = Bar::default();
        let config = self.search.config(Config::default())?;
        let network = onnx::open(&self.network)?;
        self.check_units(&network)?;
        let data = self.data.read_for(&network, &bar)?;
        let norm = self.norm.or(network.metadata.norm).unwrap_or(Norm::Linf);
        let radii = match (self.radius, self.ratio) {
            (Some(radius), _) => Radii::Uniform(radius),
            (None, Some(ratio)) => {
                let images = match &network.model {
                    Model::Scaled(scaled) => Some(scaled.scaling().images(&data, Precision::F64)?),
                    _ => None,
                };
                let measured = images.as_ref().unwrap_or(&data);
                Budget::per_sample(ratio, &nearest_enemies(measured, norm, &bar))?.radii().clone()
            }
            (None, None) => network
                .claimed_radii(&data, norm)
                .map_err(|source| indelible_io::Error::Onnx { path: self.network.clone(), source })?,
        };
        require(!self.per_sample || matches!(radii, Radii::PerSample(_)), || {
            format!("{} claims one radius for all samples; give --ratio", self.network.display())
        })?;
        let (started, mapped) = (Instant::now(), matches!(network.model, Model::Scaled(_)));
        let classes = network.signature().match_classes(&data)?;
        let certificate = certify_with(&classes.claim(&network.model, &data, norm, &radii), &config, &bar)?;
        let taken = started.elapsed().as_secs_f64();
        let same = network.metadata.dataset.as_ref().map(|known| *known == digest(&data));
        let mut report = report(&certificate, &data, &radii, &classes, (mapped, taken));
        report.json["same_dataset"] = same.into();
        if same == Some(false) {
            report.line("dataset", "another than the file was built from");
        }
        data.describe(&mut report);
        report.left_out(&network.notes).print(self.json)?;
        if certificate.holds() { Ok(()) } else { Err(Failure::no("")) }
    }

    /// That radii are measured as the network has them.
    fn check_units(&self, network: &onnx::Network) -> Result<(), Failure> {
        let (file, mapped) = (self.network.display(), matches!(network.model, Model::Scaled(_)));
        match self.radius_units {
            Some(Units::Raw) if mapped => Err(Failure::input(format!(
                "{file} scales its features, so its balls are measured behind that map; raw radii are not proved for it: build without --scale, or leave --radius-units out"
            ))),
            Some(Units::Scaled) if !mapped => Err(Failure::input(format!(
                "--radius-units scaled, but {file} has no map of its features; leave it out"
            ))),
            _ => Ok(()),
        }
    }
}

fn report(
    certificate: &Certificate,
    data: &Dataset,
    radii: &Radii,
    classes: &Classes,
    (is_scaled, taken): (bool, f64),
) -> Report {
    let label = |sample: usize| &data.class_names()[data.labels()[sample]];
    let name = |class: &Option<usize>| class.and_then(|class| classes.names.get(class));
    let failures: Vec<Value> = certificate
        .failures()
        .map(|(sample, verdict)| match verdict {
            Verdict::Refuted { point, predicted, engine } => json!({
                "sample": sample, "label": label(sample), "verdict": "refuted",
                "engine": engine.to_string(), "predicted": name(predicted), "point": point,
            }),
            Verdict::Misclassified { predicted } => json!({
                "sample": sample, "label": label(sample), "verdict": "misclassified", "predicted": name(predicted),
            }),
            _ => json!({"sample": sample, "label": label(sample), "verdict": "undecided"}),
        })
        .collect();
    let engines = certificate.engines().into_iter().map(|(engine, count)| (engine.to_string(), count));
    let Certificate { samples, certified, refuted, misclassified, undecided, norm, precision, .. } =
        *certificate;
    let mut report = Report::new(json!({
        "samples": samples, "certified": certified, "refuted": refuted, "misclassified": misclassified,
        "undecided": undecided,
        "exact": certificate.exact,
        "engines": engines.collect::<Value>(),
        "radius": radii.smallest(), "per_sample": matches!(radii, Radii::PerSample(_)),
        "norm": norm.to_string(), "radius_units": if is_scaled { "scaled" } else { "raw" },
        "arithmetic": format!("real and {precision}, any order of summation"),
        "smallest_margin": smallest_margin(certificate),
        "seconds": taken,
        "sample_seconds": certificate.efforts.iter().map(|effort| effort.seconds).collect::<Value>(),
        "sample_branches": certificate.efforts.iter().map(|effort| effort.branches).collect::<Value>(),
        "failures": failures,
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
                "every real point of the ball, and as executed in {precision}, in any order of summation"
            ),
        )
        .known("smallest margin", margin_line(certificate))
        .line("time", seconds(taken));
    let (first, last): (Vec<_>, Vec<_>) =
        certificate.failures().partition(|(_, verdict)| matches!(verdict, Verdict::Refuted { .. }));
    for (sample, verdict) in first.into_iter().chain(last).take(MOST_LISTED) {
        let what = match verdict {
            Verdict::Refuted { predicted, .. } => {
                format!("refuted: a point of its ball gets {}", name(predicted).map_or("NaN", String::as_str))
            }
            Verdict::Misclassified { predicted } => {
                format!("misclassified: it gets {}", name(predicted).map_or("NaN", String::as_str))
            }
            _ => "undecided".into(),
        };
        report.line(format!("sample {sample} ({})", label(sample)), what);
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
