//! `indelible separation`: how far apart the classes are.

use std::{
    io::Write,
    path::{Path, PathBuf},
    time::Instant,
};

use clap::Args;
use indelible::{
    Dataset, Enclosure, Norm,
    separation::{
        ClosePairs, NearestEnemies, Neighbour, Pairs, Separation, conflicts, k_nearest_enemies,
        nearest_enemies, nearest_enemies_between, pairs_within, separation,
    },
};
use indelible_io::{
    AtomicFile,
    dataset::{ReadOptions, read},
    npy::{Array, Values, write_npz},
};
use serde_json::{Value, json};

use super::enemies_chart::{Words, chart};
use crate::{
    bar::Bar,
    data::DataArgs,
    failure::Failure,
    histogram::Histogram,
    paths::keep_apart,
    report::{Report, grouped, real, seconds},
};

/// Pairs of equal samples that are listed.
const MOST_CONFLICTS: usize = 10;
/// Close pairs that are shown to people.
const MOST_SHOWN: usize = 10;

/// Arguments of `separation`.
#[derive(Args, Debug)]
pub struct SeparationArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Norm of the distances: linf, l1, l2, or lP for a real P > 1, like l1.5
    #[arg(long, default_value = "linf")]
    norm: Norm,
    /// Only the separation bound, without the nearest enemy of every sample: faster
    #[arg(long, conflicts_with_all = ["per_sample", "against", "within", "svg"])]
    bound_only: bool,
    /// Write the nearest enemy of every sample: arrays `lower`, `upper` (distance) and `index` (-1: none)
    #[arg(long, value_name = "FILE.npz")]
    per_sample: Option<PathBuf>,
    /// Write the K nearest enemies of every sample, nearest first: arrays of K columns
    #[arg(long, value_name = "K", requires = "per_sample", conflicts_with_all = ["against", "within"])]
    k: Option<usize>,
    /// Measure from each sample of TEST to the nearest sample of DATA with another label
    #[arg(long, value_name = "TEST")]
    against: Option<PathBuf>,
    /// Count the pairs at distance R or less
    #[arg(long, value_name = "R", conflicts_with_all = ["against", "per_sample"], allow_negative_numbers = true)]
    within: Option<f64>,
    /// Draw the nearest-enemy distances of every class as a chart
    #[arg(long, value_name = "FILE.svg", conflicts_with = "within")]
    svg: Option<PathBuf>,
    /// With --within: count pairs of equal labels too (near-duplicates)
    #[arg(long, requires = "within")]
    all_pairs: bool,
    /// With --within: list at most this many pairs
    #[arg(long, value_name = "M", default_value_t = 1000)]
    pairs: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl SeparationArgs {
    pub fn run(self) -> Result<(), Failure> {
        let bar = Bar::default();
        let outputs = self.outputs()?;
        let data = self.data.read(&bar)?;
        if let Some(radius) = self.within {
            return self.close_pairs(&data, radius, &bar);
        }
        if let Some(test) = &self.against {
            return self.between(&data, test, outputs, &bar);
        }
        self.among(&data, outputs, &bar)
    }

    /// Files that will be written: a path that cannot be is refused before any
    /// work is done.
    fn outputs(&self) -> Result<Outputs, Failure> {
        let [data, labels] = self.data.files();
        keep_apart(&[data, labels, self.against.as_ref()], &[self.per_sample.as_ref(), self.svg.as_ref()])?;
        if self.k == Some(0) {
            return Err(Failure::input("--k is 0; expected 1 or more".into()));
        }
        if let Some(table) = &self.per_sample
            && !table.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir())
        {
            // Dropped at once: only the attempt counts.
            AtomicFile::create(table)?;
        }
        let svg = self.svg.as_ref().map(AtomicFile::create).transpose()?;
        Ok(Outputs { per_sample: self.per_sample.clone(), svg })
    }

    /// What the chart says of itself.
    fn draw(&self, subtitle: &str, data: &Path, histogram: &Histogram) -> Result<String, Failure> {
        let name =
            data.file_name().map_or_else(|| data.display().to_string(), |n| n.to_string_lossy().into());
        chart(
            &Words {
                title: &format!("{name}: distance to the nearest sample of another class"),
                subtitle,
                axis: &format!("distance in the {} norm, in units of the features", self.norm),
            },
            histogram,
        )
    }

    /// Enemies within one dataset.
    fn among(&self, data: &Dataset, outputs: Outputs, bar: &Bar) -> Result<(), Failure> {
        let started = Instant::now();
        let near = self.k.map(|k| k_nearest_enemies(data, self.norm, k, bar));
        let enemies = match &near {
            Some(near) => Some(first_of(near, self.norm)),
            None => (!self.bound_only).then(|| nearest_enemies(data, self.norm, bar)),
        };
        let found = match &enemies {
            Some(enemies) => closest(enemies),
            None => separation(data, self.norm, bar),
        };
        let taken = started.elapsed().as_secs_f64();
        let equal = if found.distance.lower == 0.0 { conflicts(data, MOST_CONFLICTS) } else { vec![] };
        let mut report = Report::default();
        describe(&mut report, data, &found, &equal);
        if let Some(enemies) = &enemies {
            let histogram = Histogram::new(data, enemies);
            show_histogram(&mut report, &histogram);
            let subtitle = format!("{} samples, separation {}", grouped(data.samples()), found.distance);
            let near = near.unwrap_or_else(|| neighbours(enemies));
            outputs
                .write(&near, self.k.unwrap_or(1), || self.draw(&subtitle, &self.data.path, &histogram))?;
        }
        report.json("seconds", taken).line("time", seconds(taken)).print(self.json);
        if found.distance.lower == 0.0 {
            return Err(Failure::no(conflict_message(data, &equal)));
        }
        Ok(())
    }

    /// From the samples of `test` to those of the dataset.
    fn between(&self, data: &Dataset, test: &Path, outputs: Outputs, bar: &Bar) -> Result<(), Failure> {
        let queries = read(test, &ReadOptions { labels: None, limit: None, ..self.data.options(None) })?;
        let started = Instant::now();
        let enemies = nearest_enemies_between(&queries, data, self.norm, bar)?;
        let taken = started.elapsed().as_secs_f64();
        let nearest = nearest(&enemies);
        let mut report = Report::default();
        report
            .json("samples", queries.samples())
            .json("against", data.samples())
            .json("features", data.features())
            .json("norm", self.norm.to_string())
            .json("separation", enclosure(nearest.map_or(Enclosure::exact(f64::INFINITY), |n| n.1)))
            .json("closest_pair", nearest.map(|(i, _, j)| json!([i, j])))
            .line("from", format!("{} samples of {}", grouped(queries.samples()), test.display()))
            .line("to", format!("{} samples of {}", grouped(data.samples()), self.data.path.display()))
            .line("norm", self.norm);
        match nearest {
            Some((i, distance, j)) => report.line("separation", distance).line(
                "closest pair",
                format!(
                    "sample {i} ({}) and sample {j} ({})",
                    queries.class_names()[queries.labels()[i]],
                    data.class_names()[data.labels()[j]]
                ),
            ),
            None => report.line("separation", "infinite: no two labels differ"),
        };
        let histogram = Histogram::new(&queries, &enemies);
        show_histogram(&mut report, &histogram);
        let from = format!("{} samples", grouped(queries.samples()));
        let to = format!("{} samples of {}", grouped(data.samples()), self.data.path.display());
        outputs
            .write(&neighbours(&enemies), 1, || self.draw(&format!("{from} to {to}"), test, &histogram))?;
        report.json("seconds", taken).line("time", seconds(taken)).print(self.json);
        Ok(())
    }

    /// Pairs closer than a distance.
    fn close_pairs(&self, data: &Dataset, radius: f64, bar: &Bar) -> Result<(), Failure> {
        let started = Instant::now();
        let which = if self.all_pairs { Pairs::All } else { Pairs::Enemies };
        let ClosePairs { count, pairs, .. } = pairs_within(data, self.norm, radius, which, self.pairs, bar)?;
        let taken = started.elapsed().as_secs_f64();
        let name = |i: usize| &data.class_names()[data.labels()[i]];
        let listed: Vec<Value> = pairs
            .iter()
            .map(|close| json!({"pair": close.pair, "distance": enclosure(close.distance)}))
            .collect();
        let kind = if self.all_pairs { "pairs of any labels" } else { "pairs of different labels" };
        let mut report = Report::default();
        report
            .json("samples", data.samples())
            .json("norm", self.norm.to_string())
            .json("within", radius)
            .json("all_pairs", self.all_pairs)
            .json("count", count)
            .json("pairs", listed)
            .json("seconds", taken)
            .line("samples", grouped(data.samples()))
            .line(kind, format!("{count} at {} distance {} or less", self.norm, real(radius)));
        for close in pairs.iter().take(MOST_SHOWN) {
            let (i, j) = close.pair;
            report.line(&format!("{i} and {j}"), format!("{} ({}, {})", close.distance, name(i), name(j)));
        }
        report.line("time", seconds(taken)).print(self.json);
        Ok(())
    }
}

/// The files that are asked for.
struct Outputs {
    per_sample: Option<PathBuf>,
    svg: Option<AtomicFile>,
}

impl Outputs {
    fn write(
        self,
        near: &[Vec<Neighbour>],
        k: usize,
        draw: impl FnOnce() -> Result<String, Failure>,
    ) -> Result<(), Failure> {
        if let Some(path) = &self.per_sample {
            write_neighbours(path, near, k)?;
        }
        if let Some(mut file) = self.svg {
            let target = file.target().display().to_string();
            let failed = |e| Failure::input(format!("cannot write {target}: {e}"));
            file.write_all(draw()?.as_bytes()).map_err(failed)?;
            file.commit()?;
        }
        Ok(())
    }
}

/// The counts, the separation bound and the pair that has it.
fn describe(report: &mut Report, data: &Dataset, found: &Separation, equal: &[(usize, usize)]) {
    let name = |i: usize| &data.class_names()[data.labels()[i]];
    let radius = found.distance.lower / 2.0;
    report
        .json("samples", data.samples())
        .json("features", data.features())
        .json("classes", data.classes())
        .json("norm", found.norm.to_string())
        .json("separation", enclosure(found.distance))
        .json("max_radius", radius)
        .json("closest_pair", found.pair.map(|(i, j)| json!([i, j])))
        .json("closest_classes", found.pair.map(|(i, j)| json!([name(i), name(j)])))
        .json("conflicts", equal.iter().map(|(i, j)| json!([i, j])).collect::<Vec<_>>())
        .line(
            "dataset",
            format!(
                "{} samples, {} features, {} classes",
                grouped(data.samples()),
                grouped(data.features()),
                grouped(data.classes())
            ),
        )
        .line("norm", found.norm);
    match found.pair {
        Some((i, j)) => {
            let kind = if found.distance.is_exact() { "exact" } else { "enclosed" };
            report
                .line("separation", format!("{} ({kind})", found.distance))
                .line("closest pair", format!("sample {i} ({}) and sample {j} ({})", name(i), name(j)))
                .line("largest radius", format!("every radius below {radius}"));
        }
        None => {
            report
                .line("separation", "infinite: all samples have one label")
                .line("largest radius", "every radius");
        }
    }
}

fn show_histogram(report: &mut Report, histogram: &Histogram) {
    report.json("histogram", histogram.json());
    if histogram.rows.is_empty() {
        return;
    }
    report.line("", "").line(
        "nearest enemy",
        format!("from 0 to {}; smallest, median, largest distance", real(histogram.largest)),
    );
    for (class, bars) in histogram.lines() {
        report.line(&format!("  {class}"), bars);
    }
    report.line("", "");
}

fn enclosure(distance: Enclosure) -> Value {
    json!({"lower": distance.lower, "upper": distance.upper})
}

/// The query that comes nearest, its distance, and what it comes near.
fn nearest(enemies: &NearestEnemies) -> Option<(usize, Enclosure, usize)> {
    (0..enemies.distances.len())
        .filter_map(|i| Some((i, enemies.distances[i], enemies.indices[i]?)))
        .min_by(|a, b| a.1.lower.total_cmp(&b.1.lower).then(a.0.cmp(&b.0)))
}

/// The separation bound from the nearest enemies of all samples.
fn closest(enemies: &NearestEnemies) -> Separation {
    let none = Separation { norm: enemies.norm, distance: Enclosure::exact(f64::INFINITY), pair: None };
    nearest(enemies).map_or(none, |(i, distance, j)| Separation {
        norm: enemies.norm,
        distance,
        pair: Some((i.min(j), i.max(j))),
    })
}

/// Why a network cannot be built from `data`: where equal samples have
/// different labels, which ones.
pub fn or_conflicts(data: &Dataset, error: indelible::Error) -> Failure {
    match error {
        indelible::Error::Inseparable { .. } => {
            Failure::no(conflict_message(data, &conflicts(data, MOST_CONFLICTS)))
        }
        other => other.into(),
    }
}

/// The one line about equal samples with different labels.
fn conflict_message(data: &Dataset, equal: &[(usize, usize)]) -> String {
    let name = |i: usize| &data.class_names()[data.labels()[i]];
    let pairs: Vec<String> =
        equal.iter().map(|&(i, j)| format!("{i} ({}) and {j} ({})", name(i), name(j))).collect();
    let more = if equal.len() == MOST_CONFLICTS { ", and possibly more" } else { "" };
    format!(
        "no network can memorize these data: equal samples have different labels: {}{more}",
        pairs.join("; ")
    )
}

/// The nearest of each sample's enemies.
fn first_of(near: &[Vec<Neighbour>], norm: Norm) -> NearestEnemies {
    let first = |found: &Vec<Neighbour>| found.first().copied();
    NearestEnemies {
        norm,
        distances: near
            .iter()
            .map(|found| first(found).map_or(Enclosure::exact(f64::INFINITY), |n| n.distance))
            .collect(),
        indices: near.iter().map(|found| first(found).map(|n| n.index)).collect(),
    }
}

fn neighbours(enemies: &NearestEnemies) -> Vec<Vec<Neighbour>> {
    enemies
        .distances
        .iter()
        .zip(&enemies.indices)
        .map(|(&distance, index)| index.map(|index| Neighbour { index, distance }).into_iter().collect())
        .collect()
}

/// Writes `k` columns; where a sample has fewer enemies the distance is
/// infinite and the index −1. A single column is a vector.
fn write_neighbours(path: &Path, near: &[Vec<Neighbour>], k: usize) -> Result<(), Failure> {
    let column = |value: &dyn Fn(&Neighbour) -> f64| -> Vec<f64> {
        near.iter().flat_map(|found| (0..k).map(|c| found.get(c).map_or(f64::INFINITY, value))).collect()
    };
    let (lower, upper) = (column(&|n| n.distance.lower), column(&|n| n.distance.upper));
    let index: Vec<i64> = near
        .iter()
        .flat_map(|found| {
            (0..k).map(|c| found.get(c).and_then(|n| i64::try_from(n.index).ok()).unwrap_or(-1))
        })
        .collect();
    let shaped = |values| if k == 1 { Some(Array::vector(values)) } else { Array::matrix(values, k) };
    let arrays = [
        ("lower", shaped(Values::F64(&lower))),
        ("upper", shaped(Values::F64(&upper))),
        ("index", shaped(Values::I64(&index))),
    ];
    let arrays: Vec<(&str, Array<'_>)> =
        arrays.into_iter().filter_map(|(name, array)| Some((name, array?))).collect();
    Ok(write_npz(path, &arrays)?)
}
