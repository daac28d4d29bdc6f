//! `indelible separation`: how far apart the classes are.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    time::Instant,
};

use clap::Args;
use indelible::{
    Dataset, Enclosure, Norm,
    separation::{
        ClosePairs, NearestEnemies, Neighbour, Pairs, Separation, conflicts, describe_conflicts,
        k_nearest_enemies, nearest_enemies, nearest_enemies_between, pairs_within, separation,
    },
};
use indelible_io::{
    AtomicFile,
    dataset::ReadOptions,
    npy::{Array, Values, write_npz},
};
use serde_json::{Value, json};

use super::{
    enemies_chart::{Words, chart},
    prelude::*,
};
use crate::histogram::Histogram;

/// Pairs of equal samples that are listed.
pub const MOST_CONFLICTS: usize = 10;
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
    /// Write the nearest enemy of every sample: `lower`, `upper` (distance) and `index` (-1: none), as arrays, or as a table where the name ends in .csv
    #[arg(long, value_name = "FILE.npz")]
    per_sample: Option<PathBuf>,
    /// Write the K nearest enemies of every sample, nearest first: arrays of K columns, K rows in a table
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
        let svg = self.start_outputs()?;
        let data = self.data.read(&bar)?;
        match (self.within, &self.against) {
            (Some(radius), _) => self.close_pairs(&data, radius, &bar),
            (None, Some(test)) => self.between(&data, test, svg, &bar),
            (None, None) => self.among(&data, svg, &bar),
        }
    }

    /// The chart's file: a path that cannot be written is refused before any
    /// work is done.
    fn start_outputs(&self) -> Result<Option<AtomicFile>, Failure> {
        let [data, labels] = self.data.files();
        keep_apart(&[data, labels, self.against.as_ref()], &[self.per_sample.as_ref(), self.svg.as_ref()])?;
        ends_in(self.svg.as_ref(), &["svg"], "charts are written as SVG")?;
        ends_in(self.per_sample.as_ref(), &["npz", "csv"], "nearest enemies are written as NPZ or CSV")?;
        require(self.k != Some(0), || "--k is 0; expected 1 or more".into())?;
        if let Some(table) = self.per_sample.as_ref().filter(|table| !is_special(table)) {
            // Dropped at once: only the attempt counts.
            AtomicFile::create(table)?;
        }
        Ok(self.svg.as_ref().map(AtomicFile::create).transpose()?)
    }

    /// Adds the histogram of `enemies` to the answer and writes the files: what
    /// is near each of the samples, and the chart.
    fn show(
        &self,
        report: &mut Report,
        (data, source): (&Dataset, &Path),
        enemies: &NearestEnemies,
        near: Option<Vec<Vec<Neighbour>>>,
        svg: Option<AtomicFile>,
        subtitle: &str,
    ) -> Result<(), Failure> {
        let histogram = Histogram::new(data, enemies);
        report.json["histogram"] = histogram.json();
        if !histogram.rows.is_empty() {
            report
                .line("", "")
                .line("nearest enemy", format!("{}; smallest, median, largest distance", histogram.axis()));
            for (class, bars) in histogram.lines() {
                report.line(format!("  {class}"), bars);
            }
            report.line("", "");
        }
        if let Some(path) = &self.per_sample {
            let (near, k) = (near.unwrap_or_else(|| neighbours(enemies)), self.k.unwrap_or(1));
            if ends_in_csv(path) {
                write_text(AtomicFile::create(path)?, &table(&near, k))?;
            } else {
                write_neighbours(path, &near, k)?;
            }
        }
        let Some(file) = svg else { return Ok(()) };
        let name = source.file_name().map_or_else(|| source.to_string_lossy(), OsStr::to_string_lossy);
        let title = format!("{name}: distance to the nearest sample of another class");
        let units = if self.data.is_scaled() { "of scaled features" } else { "in units of the features" };
        let axis = format!("distance in the {} norm, {units}", self.norm);
        write_text(file, &chart(&Words { title: &title, subtitle, axis: &axis }, &histogram)?)
    }

    /// Enemies within one dataset.
    fn among(&self, data: &Given, svg: Option<AtomicFile>, bar: &Bar) -> Result<(), Failure> {
        let started = Instant::now();
        let near = self.k.map(|k| k_nearest_enemies(data, self.norm, k, bar));
        let enemies = match &near {
            Some(near) => Some(first_of(near, &separation(data, self.norm, bar))),
            None => (!self.bound_only).then(|| nearest_enemies(data, self.norm, bar)),
        };
        let found =
            enemies.as_ref().map_or_else(|| separation(data, self.norm, bar), NearestEnemies::separation);
        let taken = started.elapsed().as_secs_f64();
        let equal = if found.distance.lower == 0.0 { conflicts(data, MOST_CONFLICTS) } else { vec![] };
        let mut report = description(data, &found, &equal);
        if let Some(enemies) = &enemies {
            let subtitle = format!("{}, separation {}", counted(data.samples(), "sample"), found.distance);
            self.show(&mut report, (data, &self.data.path), enemies, near, svg, &subtitle)?;
        }
        report.json["seconds"] = taken.into();
        report.line("time", seconds(taken));
        data.describe(&mut report);
        report.print(self.json)?;
        if found.distance.lower == 0.0 { Err(Failure::no(describe_conflicts(data))) } else { Ok(()) }
    }

    /// From the samples of `test` to those of the dataset.
    fn between(&self, data: &Given, test: &Path, svg: Option<AtomicFile>, bar: &Bar) -> Result<(), Failure> {
        let options = ReadOptions { labels: None, limit: None, ..self.data.options(None)? };
        let queries = Given::read(test, &options, bar)?.behind(data.scaling())?;
        queries.alike(data)?;
        let started = Instant::now();
        let enemies = nearest_enemies_between(&queries, data, self.norm, bar)?;
        let taken = started.elapsed().as_secs_f64();
        let nearest = enemies.nearest();
        let infinite = Enclosure::exact(f64::INFINITY);
        let mut report = Report::new(json!({
            "samples": queries.samples(), "against": data.samples(), "features": data.features(),
            "norm": self.norm.to_string(), "separation": enclosure(nearest.map_or(infinite, |n| n.1)),
            "closest_pair": nearest.map(|(i, _, j)| [i, j]),
        }));
        let from = counted(queries.samples(), "sample");
        let to = format!("{} of {}", counted(data.samples(), "sample"), self.data.path.display());
        report.line("from", format!("{from} of {}", test.display())).line("to", &to).line("norm", self.norm);
        match nearest {
            Some((i, distance, j)) => report
                .line("separation", distance)
                .line("closest pair", format!("sample {} and sample {}", named(&queries, i), named(data, j))),
            None => report.line("separation", "infinite: no two labels differ"),
        };
        self.show(&mut report, (&queries, test), &enemies, None, svg, &format!("{from} to {to}"))?;
        report.json["seconds"] = taken.into();
        report.line("time", seconds(taken));
        queries.describe(&mut report);
        report.json["test"] = report.json["data"].take();
        data.describe(&mut report);
        report.print(self.json)
    }

    /// Pairs closer than a distance.
    fn close_pairs(&self, data: &Given, radius: f64, bar: &Bar) -> Result<(), Failure> {
        let started = Instant::now();
        let which = if self.all_pairs { Pairs::All } else { Pairs::Enemies };
        let ClosePairs { count, pairs, .. } = pairs_within(data, self.norm, radius, which, self.pairs, bar)?;
        let taken = started.elapsed().as_secs_f64();
        let name = |i: usize| &data.class_names()[data.labels()[i]];
        let listed =
            pairs.iter().map(|close| json!({"pair": close.pair, "distance": enclosure(close.distance)}));
        let kind = if self.all_pairs { "pairs of any labels" } else { "pairs of different labels" };
        let mut report = Report::new(json!({
            "samples": data.samples(), "norm": self.norm.to_string(), "within": radius,
            "all_pairs": self.all_pairs, "count": count, "pairs": listed.collect::<Vec<_>>(), "seconds": taken,
        }));
        report
            .line("samples", grouped(data.samples()))
            .line(kind, format!("{count} at {} distance {} or less", self.norm, real(radius)));
        for close in pairs.iter().take(MOST_SHOWN) {
            let (i, j) = close.pair;
            report.line(format!("{i} and {j}"), format!("{} ({}, {})", close.distance, name(i), name(j)));
        }
        report.line("time", seconds(taken));
        data.describe(&mut report);
        report.print(self.json)
    }
}

/// A sample and its label.
fn named(data: &Dataset, sample: usize) -> String {
    format!("{sample} ({})", data.class_names()[data.labels()[sample]])
}

/// The counts, the separation bound and the pair that has it.
fn description(data: &Dataset, found: &Separation, equal: &[(usize, usize)]) -> Report {
    let name = |i: usize| &data.class_names()[data.labels()[i]];
    let (samples, features, classes) = (data.samples(), data.features(), data.classes());
    let radius = found.distance.lower / 2.0;
    let mut report = Report::new(json!({
        "samples": samples, "features": features, "classes": classes, "norm": found.norm.to_string(),
        "separation": enclosure(found.distance), "max_radius": radius, "closest_pair": found.pair,
        "closest_classes": found.pair.map(|(i, j)| [name(i), name(j)]), "conflicts": equal,
    }));
    let counts = [(samples, "sample"), (features, "feature"), (classes, "class")];
    report
        .line("dataset", counts.map(|(count, thing)| counted(count, thing)).join(", "))
        .line("norm", found.norm);
    match found.pair {
        Some((i, j)) => {
            let kind = if found.distance.is_exact() { "exact" } else { "enclosed" };
            let below = if found.distance.upper == 0.0 {
                "none: equal samples have different labels".into()
            } else if radius == 0.0 {
                "none: half the separation is below all numbers of binary64".into()
            } else {
                format!("every radius below {}", plain(radius))
            };
            report
                .line("separation", format!("{} ({kind})", found.distance))
                .line("closest pair", format!("sample {} and sample {}", named(data, i), named(data, j)))
                .line("largest radius", below);
        }
        None => {
            report
                .line("separation", "infinite: all samples have one label")
                .line("largest radius", "every radius");
        }
    }
    report
}

pub fn enclosure(distance: Enclosure) -> Value {
    json!({"lower": distance.lower, "upper": distance.upper})
}

/// Why a network cannot be built from `data`: where equal samples have
/// different labels, which ones.
pub fn or_conflicts(data: &Given, error: indelible::Error) -> Failure {
    match error {
        indelible::Error::NoEnemies => {
            data.one_label("there is no largest radius to take a ratio of; give --radius")
        }
        indelible::Error::Inseparable { .. } => {
            Failure::no(format!("{}; --on-conflict first or drop settles them", describe_conflicts(data)))
        }
        other => other.into(),
    }
}

/// The nearest of each sample's enemies, of which the closest pair is known.
fn first_of(near: &[Vec<Neighbour>], known: &Separation) -> NearestEnemies {
    let none = (Enclosure::exact(f64::INFINITY), None);
    let first = |found: &Vec<Neighbour>| found.first().map_or(none, |n| (n.distance, Some(n.index)));
    let (distances, indices) = near.iter().map(first).unzip();
    NearestEnemies { norm: known.norm, distances, indices, closest: known.pair.map(|(i, _)| i) }
}

fn neighbours(enemies: &NearestEnemies) -> Vec<Vec<Neighbour>> {
    let pairs = enemies.distances.iter().zip(&enemies.indices);
    pairs
        .map(|(&distance, index)| index.map(|index| Neighbour { index, distance }).into_iter().collect())
        .collect()
}

/// The same as `write_neighbours` as a table: `k` rows for each sample.
fn table(near: &[Vec<Neighbour>], k: usize) -> String {
    let mut text = String::from("sample,lower,upper,index\n");
    for (sample, found) in near.iter().enumerate() {
        for place in 0..k {
            let row = match found.get(place) {
                Some(Neighbour { distance, index }) => {
                    format!("{sample},{},{},{index}\n", plain(distance.lower), plain(distance.upper))
                }
                None => format!("{sample},inf,inf,-1\n"),
            };
            text += &row;
        }
    }
    text
}

/// Writes `k` columns; where a sample has fewer enemies the distance is
/// infinite and the index −1. A single column is a vector.
fn write_neighbours(path: &Path, near: &[Vec<Neighbour>], k: usize) -> Result<(), Failure> {
    let entries = || near.iter().flat_map(|found| (0..k).map(|c| found.get(c)));
    let lower: Vec<f64> = entries().map(|n| n.map_or(f64::INFINITY, |n| n.distance.lower)).collect();
    let upper: Vec<f64> = entries().map(|n| n.map_or(f64::INFINITY, |n| n.distance.upper)).collect();
    let index: Vec<i64> =
        entries().map(|n| n.and_then(|n| i64::try_from(n.index).ok()).unwrap_or(-1)).collect();
    let shaped = |values| if k == 1 { Some(Array::vector(values)) } else { Array::matrix(values, k) };
    let arrays =
        [("lower", Values::F64(&lower)), ("upper", Values::F64(&upper)), ("index", Values::I64(&index))];
    let arrays: Vec<(&str, Array<'_>)> =
        arrays.into_iter().filter_map(|(name, values)| Some((name, shaped(values)?))).collect();
    Ok(write_npz(path, &arrays)?)
}
