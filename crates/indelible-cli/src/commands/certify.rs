//! `indelible certify`: proofs about a file.

use std::{path::PathBuf, time::Instant};

use clap::Args;
use indelible::{
    Budget, Dataset, Norm, Radii,
    certify::{Certificate, Verdict, certify},
    classes::Classes,
    separation::nearest_enemies,
};
use indelible_io::{digest, onnx};
use serde_json::{Map, Value, json};

use crate::{
    bar::Bar,
    data::DataArgs,
    failure::Failure,
    report::{Report, grouped, real, seconds},
};

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
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl CertifyArgs {
    pub fn run(self) -> Result<(), Failure> {
        let bar = Bar::default();
        let network = onnx::open(&self.network)?;
        let data = self.data.read(&bar)?;
        let norm = self.norm.or(network.metadata.norm).unwrap_or(Norm::Linf);
        let radii = match (self.radius, self.ratio) {
            (Some(radius), _) => Radii::Uniform(radius),
            (None, Some(ratio)) => {
                let enemies = nearest_enemies(&data, norm, &bar);
                Budget::per_sample(ratio, &enemies)?.radii().clone()
            }
            (None, None) => self.claimed(&network, &data, norm)?,
        };
        if self.per_sample && matches!(radii, Radii::Uniform(_)) {
            return Err(Failure::input(format!(
                "{} claims one radius for all samples; give --ratio",
                self.network.display()
            )));
        }
        let started = Instant::now();
        let classes = network.signature().match_classes(&data)?;
        let certificate = certify(&classes.claim(&network.model, &data, norm, &radii), &bar)?;
        let taken = started.elapsed().as_secs_f64();
        let same = network.metadata.dataset.as_ref().map(|known| *known == digest(&data));
        let mut report = report(&certificate, &data, &radii, &classes, taken);
        report.json("same_dataset", same);
        if same == Some(false) {
            report.line("dataset", "another than the file was built from");
        }
        report.print(self.json);
        if certificate.holds() { Ok(()) } else { Err(Failure::no(String::new())) }
    }

    /// The radii that the metadata of the file claim.
    fn claimed(&self, network: &onnx::Network, data: &Dataset, norm: Norm) -> Result<Radii, Failure> {
        let Some(radii) = network.metadata.radii.clone() else {
            return Err(Failure::input(format!(
                "{} claims no radius of its own; give --radius",
                self.network.display()
            )));
        };
        if network.metadata.norm != Some(norm) {
            let claimed = network.metadata.norm.map_or("no norm".into(), |claimed| claimed.to_string());
            return Err(Failure::input(format!(
                "{} claims radii in {claimed}, not in {norm}; give --radius",
                self.network.display()
            )));
        }
        let same = network.metadata.dataset.as_ref().is_some_and(|known| *known == digest(data));
        if matches!(radii, Radii::PerSample(_)) && !same {
            return Err(Failure::input(format!(
                "{} has one radius for each sample of another dataset; give --radius",
                self.network.display()
            )));
        }
        Ok(radii)
    }
}

fn report(certificate: &Certificate, data: &Dataset, radii: &Radii, classes: &Classes, taken: f64) -> Report {
    let label = |sample: usize| &data.class_names()[data.labels()[sample]];
    let name = |class: &Option<usize>| class.and_then(|class| classes.names.get(class));
    let failures: Vec<Value> = certificate
        .failures()
        .map(|(sample, verdict)| match verdict {
            Verdict::Refuted { point, predicted, engine } => json!({
                "sample": sample, "label": label(sample), "verdict": "refuted",
                "engine": engine.to_string(), "predicted": name(predicted), "point": point,
            }),
            _ => json!({"sample": sample, "label": label(sample), "verdict": "undecided"}),
        })
        .collect();
    let engines: Map<String, Value> =
        certificate.engines().into_iter().map(|(engine, count)| (engine.to_string(), json!(count))).collect();
    let mut report = Report::default();
    report
        .json("samples", certificate.samples)
        .json("certified", certificate.certified)
        .json("refuted", certificate.refuted)
        .json("undecided", certificate.undecided)
        .json("exact", certificate.exact)
        .json("engines", engines)
        .json("radius", radii.smallest())
        .json("per_sample", matches!(radii, Radii::PerSample(_)))
        .json("norm", certificate.norm.to_string())
        .json("arithmetic", format!("real and {}, any order of summation", certificate.precision))
        .json(
            "smallest_margin",
            certificate.smallest_margin.map(|(margin, sample)| json!({"margin": margin, "sample": sample})),
        )
        .json("seconds", taken)
        .json("failures", failures);
    let radius = match radii {
        Radii::Uniform(radius) => real(*radius),
        Radii::PerSample(_) => format!("{} and more, one per sample", real(radii.smallest())),
    };
    report
        .line(
            "certified",
            format!("{} of {} samples", grouped(certificate.certified), grouped(certificate.samples)),
        )
        .line("refuted", grouped(certificate.refuted))
        .line("undecided", grouped(certificate.undecided))
        .line("radius", format!("{radius} in {}", certificate.norm))
        .line(
            "holds for",
            format!(
                "every real point of the ball, and as executed in {}, in any order of summation",
                certificate.precision
            ),
        );
    if let Some((margin, sample)) = certificate.smallest_margin {
        report.line("smallest margin", format!("{} (sample {sample})", real(margin)));
    }
    report.line("time", seconds(taken));
    let (refuted, undecided): (Vec<_>, Vec<_>) =
        certificate.failures().partition(|(_, verdict)| matches!(verdict, Verdict::Refuted { .. }));
    for (sample, verdict) in refuted.into_iter().chain(undecided).take(MOST_LISTED) {
        let what = match verdict {
            Verdict::Refuted { predicted, .. } => {
                format!("refuted: a point of its ball gets {}", name(predicted).map_or("NaN", String::as_str))
            }
            _ => "undecided".into(),
        };
        report.line(&format!("sample {sample} ({})", label(sample)), what);
    }
    let more = (certificate.refuted + certificate.undecided).saturating_sub(MOST_LISTED);
    if more > 0 {
        report.line("", format!("and {} more", grouped(more)));
    }
    report
}
