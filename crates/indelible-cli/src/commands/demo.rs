//! `indelible demo`: the whole line on Fisher's Iris data.

use std::{fs::File, io::Read, path::Path};

use clap::Args;
use indelible::{
    Dataset, Norm,
    certify::{Claim, attack},
    constructions::REGISTRY,
    fit::{FitOptions, Radius},
    network::{Model, Size, evaluate, predicted_class},
    separation::separation,
};
use indelible_io::{FittedFile, dataset, fit_to_file};
use serde_json::json;

use super::prelude::*;

/// Where the network is left.
const FILE: &str = "iris.onnx";
/// How files of this program say who wrote them, close to their start.
const OURS: &[u8] = b"indelible";
const LOOKED_AT: u64 = 64;
/// Share of the largest possible radius.
const RATIO: f64 = 0.9;
/// Distances that are tried outside the ball.
const STEPS: usize = 4000;

/// Arguments of `demo`.
#[derive(Args, Debug)]
pub struct DemoArgs {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// A point outside a ball that gets another label.
struct Outside {
    sample: usize,
    distance: f64,
    predicted: usize,
}

impl DemoArgs {
    pub fn run(self) -> Result<(), Failure> {
        let bar = Bar::default();
        let mut earlier = vec![];
        if let Ok(file) = File::open(FILE) {
            file.take(LOOKED_AT)
                .read_to_end(&mut earlier)
                .map_err(|e| Failure::input(format!("{FILE}: {e}")))?;
        }
        let is_ours = earlier.windows(OURS.len()).any(|start| start == OURS);
        require(earlier.is_empty() || is_ours, || {
            format!("{FILE} would be written, but is there already and not from here: move it away")
        })?;
        let data = dataset::read(Path::new("iris"), &dataset::ReadOptions::default())?;
        let found = separation(&data, Norm::Linf, &bar);
        let options = FitOptions {
            construction: REGISTRY.first(),
            radius: Radius::Ratio(RATIO),
            ..FitOptions::default()
        };
        let built = fit_to_file(Path::new(FILE), &data, &options, &bar)?;
        let fitted = &built.fitted;
        let radii = fitted.budget.radii();
        let claim = fitted.classes.claim(&fitted.model, &data, Norm::Linf, radii);
        let mut inside = 0;
        for sample in 0..data.samples() {
            inside += usize::from(attack(&claim, sample)?.is_some());
        }
        let (separation, radius) = (found.distance, radii.smallest());
        let outside =
            found.pair.map(|pair| closest_attack(&claim, pair, radius, separation.upper)).transpose()?;
        report(&data, &built, separation.lower, inside, outside.flatten()).print(self.json)
    }
}

/// Walks from each of the two closest enemies towards the other, beyond its
/// ball, and returns the nearest point found that gets another label.
fn closest_attack(
    claim: &Claim<'_>,
    (i, j): (usize, usize),
    radius: f64,
    separation: f64,
) -> Result<Option<Outside>, Failure> {
    let Model::Layers(network) = claim.model else { return Ok(None) };
    let (a, b) = (claim.data.row(i), claim.data.row(j));
    for step in 1..=STEPS {
        let distance = radius + (separation - radius) * step as f64 / STEPS as f64;
        for (sample, from, to) in [(i, &a, &b), (j, &b, &a)] {
            let point: Vec<f64> =
                from.iter().zip(to).map(|(x, y)| x + (y - x).clamp(-distance, distance)).collect();
            let class = claim.classes[claim.data.labels()[sample]];
            match predicted_class(&evaluate(network, &point)?, claim.network_classes) {
                Some(predicted) if predicted != class => {
                    return Ok(Some(Outside { sample, distance, predicted }));
                }
                _ => {}
            }
        }
    }
    Ok(None)
}

fn report(
    data: &Dataset,
    built: &FittedFile,
    separation: f64,
    inside: usize,
    outside: Option<Outside>,
) -> Report {
    let FittedFile { fitted, bytes: size } = built;
    let radius = fitted.budget.radii().smallest();
    let certified = fitted.certificate.as_ref().map_or(0, |certificate| certificate.certified);
    let name = |class: usize| &data.class_names()[class];
    let Size { depth, width, nonzero, all, .. } = fitted.size;
    let precision = fitted.model.precision();
    let escape = outside.as_ref().map(|o| {
        json!({"sample": o.sample, "distance": o.distance,
               "label": name(data.labels()[o.sample]), "predicted": name(o.predicted)})
    });
    let mut report = Report::new(json!({
        "samples": data.samples(), "features": data.features(), "classes": data.class_names(),
        "separation": separation, "radius": radius, "ratio": RATIO, "depth": depth, "width": width,
        "parameters": {"nonzero": nonzero, "all": all}, "certified": certified,
        "attacks_inside": inside, "attack_outside": escape, "file": FILE, "bytes": size,
    }));
    let (samples, features, classes) = (data.samples(), data.features(), data.classes());
    let nonzero = grouped(nonzero);
    let inside = if inside == 0 { "none succeeds".into() } else { format!("{inside} succeed") };
    let outside = outside.map_or("none found".into(), |o| {
        format!(
            "flower {} moved by {} cm ({:.3} of the radius): {} becomes {}",
            o.sample,
            real(o.distance),
            o.distance / radius,
            name(data.labels()[o.sample]),
            name(o.predicted)
        )
    });
    let separation =
        format!("{} cm in linf: two flowers of different species are never closer", real(separation));
    report
        .line("dataset", format!("Iris: {samples} flowers, {features} features in cm, {classes} species"))
        .line("separation", separation)
        .line("radius", format!("{} cm, {RATIO} of the largest possible", real(radius)))
        .line("network", format!("depth {depth}, width {width}, {nonzero} nonzero parameters, {precision}"))
        .line("certified", format!("{certified} of {samples} flowers, every point within the radius"))
        .line("attacks inside", inside)
        .line("attack outside", outside)
        .line("file", format!("{FILE} ({}): open it in any ONNX runtime or verifier", bytes(*size)));
    report
}
