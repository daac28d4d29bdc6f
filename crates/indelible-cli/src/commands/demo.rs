//! `indelible demo`: the whole line on Fisher's Iris data.

use std::path::Path;

use clap::Args;
use indelible::{
    Dataset, Norm, Radii,
    certify::{Claim, attack},
    network::{Model, evaluate, predicted_class},
    separation::separation,
};
use indelible_io::{dataset, onnx};
use serde_json::json;

use super::build::{Built, Order, build};
use crate::{
    bar::Bar,
    classes::match_classes,
    failure::Failure,
    report::{Report, bytes, grouped, real},
};

/// Where the network is left.
const FILE: &str = "iris.onnx";
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
        let data = dataset::read(Path::new("iris"), &dataset::ReadOptions::default())?;
        let found = separation(&data, Norm::Linf, &bar);
        let built = build(&data, &Order::new(Path::new(FILE), RATIO), &bar)?;
        let network = onnx::open(Path::new(FILE))?;
        let classes = match_classes(&network, &data)?;
        let claim = Claim {
            model: &network.model,
            data: &data,
            classes: &classes.map,
            network_classes: classes.names.len(),
            norm: Norm::Linf,
            radii: built.budget.radii(),
        };
        let mut inside = 0;
        for sample in 0..data.samples() {
            inside += usize::from(attack(&claim, sample)?.is_some());
        }
        let radius = built.budget.radii().smallest();
        let outside =
            found.pair.map(|pair| closest_attack(&claim, pair, radius, found.distance.upper)).transpose()?;
        report(&data, &built, &network.model, found.distance.lower, inside, outside.flatten())
            .print(self.json);
        Ok(())
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
    built: &Built,
    model: &Model,
    separation: f64,
    inside: usize,
    outside: Option<Outside>,
) -> Report {
    let Radii::Uniform(radius) = *built.budget.radii() else { return Report::default() };
    let certified = built.certificate.as_ref().map_or(0, |certificate| certificate.certified);
    let name = |class: usize| data.class_names()[class].clone();
    let mut report = Report::default();
    report
        .json("samples", data.samples())
        .json("features", data.features())
        .json("classes", data.class_names())
        .json("separation", separation)
        .json("radius", radius)
        .json("ratio", RATIO)
        .json("depth", built.size.depth)
        .json("width", built.size.width)
        .json("parameters", json!({"nonzero": built.size.nonzero, "all": built.size.all}))
        .json("certified", certified)
        .json("attacks_inside", inside)
        .json(
            "attack_outside",
            outside.as_ref().map(|o| {
                json!({"sample": o.sample, "distance": o.distance,
                       "label": name(data.labels()[o.sample]), "predicted": name(o.predicted)})
            }),
        )
        .json("file", FILE)
        .json("bytes", built.bytes);
    report
        .line(
            "dataset",
            format!(
                "Iris: {} flowers, {} features in cm, {} species",
                data.samples(),
                data.features(),
                data.classes()
            ),
        )
        .line(
            "separation",
            format!("{} cm in linf: two flowers of different species are never closer", real(separation)),
        )
        .line("radius", format!("{} cm, {RATIO} of the largest possible", real(radius)))
        .line(
            "network",
            format!(
                "depth {}, width {}, {} nonzero parameters, {}",
                built.size.depth,
                built.size.width,
                grouped(built.size.nonzero),
                model.precision()
            ),
        )
        .line(
            "certified",
            format!("{certified} of {} flowers, every point within the radius", data.samples()),
        )
        .line(
            "attacks inside",
            if inside == 0 { "none succeeds".into() } else { format!("{inside} succeed") },
        )
        .line(
            "attack outside",
            outside.map_or("none found".into(), |o| {
                format!(
                    "flower {} moved by {} cm ({:.3} of the radius): {} becomes {}",
                    o.sample,
                    real(o.distance),
                    o.distance / radius,
                    name(data.labels()[o.sample]),
                    name(o.predicted)
                )
            }),
        )
        .line("file", format!("{FILE} ({}): open it in any ONNX runtime or verifier", bytes(built.bytes)));
    report
}
