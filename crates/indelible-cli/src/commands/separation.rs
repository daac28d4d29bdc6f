//! `indelible separation`: how far apart the classes are.

use std::{path::PathBuf, time::Instant};

use clap::Args;
use indelible::{
    Dataset, Norm,
    separation::{NearestEnemies, Separation, conflicts, nearest_enemies, separation},
};
use indelible_io::npy::{Array, Values, write_npz};
use serde_json::json;

use crate::{
    bar::Bar,
    data::DataArgs,
    failure::Failure,
    report::{Report, real, seconds},
};

/// Pairs of equal samples that are listed.
pub const MOST_CONFLICTS: usize = 10;

/// Arguments of `separation`.
#[derive(Args, Debug)]
pub struct SeparationArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Norm of the distances: linf, l1, l2, or lP for a real P > 1, like l1.5
    #[arg(long, default_value = "linf")]
    norm: Norm,
    /// Write the nearest enemy of every sample: arrays `lower`, `upper` (distance) and `index` (-1: none)
    #[arg(long, value_name = "FILE.npz")]
    per_sample: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl SeparationArgs {
    pub fn run(self) -> Result<(), Failure> {
        let bar = Bar::default();
        let data = self.data.read(&bar)?;
        let started = Instant::now();
        let norm = self.norm;
        let enemies = self.per_sample.is_some().then(|| nearest_enemies(&data, norm, &bar));
        let found = match &enemies {
            Some(enemies) => closest(enemies),
            None => separation(&data, norm, &bar),
        };
        let taken = started.elapsed().as_secs_f64();
        let equal = if found.distance.lower == 0.0 { conflicts(&data, MOST_CONFLICTS) } else { vec![] };
        self.report(&data, &found, &equal, taken).print(self.json);
        if found.distance.lower == 0.0 {
            return Err(Failure::no(conflict_message(&data, &equal)));
        }
        match (&self.per_sample, &enemies) {
            (Some(path), Some(enemies)) => write_enemies(path, enemies),
            _ => Ok(()),
        }
    }

    fn report(&self, data: &Dataset, found: &Separation, equal: &[(usize, usize)], taken: f64) -> Report {
        let name = |i: usize| &data.class_names()[data.labels()[i]];
        let radius = found.distance.lower / 2.0;
        let mut report = Report::default();
        report
            .json("samples", data.samples())
            .json("features", data.features())
            .json("classes", data.classes())
            .json("norm", found.norm.to_string())
            .json("separation", json!({"lower": found.distance.lower, "upper": found.distance.upper}))
            .json("max_radius", radius)
            .json("closest_pair", found.pair.map(|(i, j)| json!([i, j])))
            .json("closest_classes", found.pair.map(|(i, j)| json!([name(i), name(j)])))
            .json("conflicts", equal.iter().map(|(i, j)| json!([i, j])).collect::<Vec<_>>())
            .json("seconds", taken);
        report
            .line(
                "dataset",
                format!(
                    "{} samples, {} features, {} classes",
                    data.samples(),
                    data.features(),
                    data.classes()
                ),
            )
            .line("norm", found.norm);
        match found.pair {
            Some((i, j)) => {
                let kind = if found.distance.is_exact() { "exact" } else { "enclosed" };
                report
                    .line("separation", format!("{} ({kind})", found.distance))
                    .line("closest pair", format!("sample {i} ({}) and sample {j} ({})", name(i), name(j)))
                    .line("largest radius", format!("every radius below {}", real(radius)));
            }
            None => {
                report
                    .line("separation", "infinite: all samples have one label")
                    .line("largest radius", "every radius");
            }
        }
        report.line("time", seconds(taken));
        report
    }
}

/// The separation bound from the nearest enemies of all samples.
fn closest(enemies: &NearestEnemies) -> Separation {
    let first = (0..enemies.distances.len())
        .min_by(|&a, &b| enemies.distances[a].lower.total_cmp(&enemies.distances[b].lower).then(a.cmp(&b)));
    let pair = first.and_then(|i| enemies.indices[i].map(|j| (i.min(j), i.max(j))));
    let distance = first.map_or(indelible::Enclosure::exact(f64::INFINITY), |i| enemies.distances[i]);
    Separation { norm: enemies.norm, distance, pair }
}

/// The one line about equal samples with different labels.
pub fn conflict_message(data: &Dataset, equal: &[(usize, usize)]) -> String {
    let name = |i: usize| &data.class_names()[data.labels()[i]];
    let pairs: Vec<String> =
        equal.iter().map(|&(i, j)| format!("{i} ({}) and {j} ({})", name(i), name(j))).collect();
    let more = if equal.len() == MOST_CONFLICTS { ", and possibly more" } else { "" };
    format!(
        "no network can memorize these data: equal samples have different labels: {}{more}",
        pairs.join("; ")
    )
}

fn write_enemies(path: &std::path::Path, enemies: &NearestEnemies) -> Result<(), Failure> {
    let lower: Vec<f64> = enemies.distances.iter().map(|d| d.lower).collect();
    let upper: Vec<f64> = enemies.distances.iter().map(|d| d.upper).collect();
    let index: Vec<i64> =
        enemies.indices.iter().map(|j| j.and_then(|j| i64::try_from(j).ok()).unwrap_or(-1)).collect();
    write_npz(
        path,
        &[
            ("lower", Array::vector(Values::F64(&lower))),
            ("upper", Array::vector(Values::F64(&upper))),
            ("index", Array::vector(Values::I64(&index))),
        ],
    )?;
    Ok(())
}
