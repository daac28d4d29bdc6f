//! `indelible compare`: all constructions side by side.

use std::{io::Write, path::PathBuf};

use clap::Args;
use indelible::{
    Budget, Dataset, Features, Norm, Progress,
    constructions::{Construction, Options, REGISTRY},
    fit::{Trial, serving},
    network::Size,
    separation::{Separation, separation},
};
use indelible_io::AtomicFile;
use serde_json::{Value, json};

use super::{
    build::PrecisionArg,
    chart::{Series, chart},
    separation::or_conflicts,
};
use crate::{
    bar::Bar,
    data::DataArgs,
    failure::Failure,
    paths::keep_apart,
    report::{grouped, print, real, seconds},
};

/// Ratios of the chart.
const RATIOS: [f64; 9] = [0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.97, 0.99, 0.999];
/// Of the samples the chart takes every sixteenth, every eighth and so on.
const EVERY: [usize; 5] = [16, 8, 4, 2, 1];

/// Arguments of `compare`.
#[derive(Args, Debug)]
pub struct CompareArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Norm of the radius: linf, l1, l2, or lP for a real P > 1, like l1.5
    #[arg(long, default_value = "linf")]
    norm: Norm,
    /// Radius as a share of the largest possible one, between 0 and 1
    #[arg(long, default_value_t = 0.9, value_name = "RHO", allow_negative_numbers = true)]
    ratio: f64,
    /// Floating-point format of the networks
    #[arg(long, value_enum, default_value_t = PrecisionArg::F32)]
    precision: PrecisionArg,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Write the table as CSV
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Draw parameters and the largest of them against the ratio and the number of samples
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

impl CompareArgs {
    pub fn run(self) -> Result<(), Failure> {
        let bar = Bar::default();
        keep_apart(&self.data.files(), &[self.csv.as_ref(), self.svg.as_ref()])?;
        let data = self.data.read(&bar)?;
        let norm = self.norm;
        let options = Options { precision: self.precision.into(), ..Options::default() };
        serving(&data, norm, false, options.head)?;
        let found = separation(&data, norm, &bar);
        let budget = Budget::from_ratio(self.ratio, &found).map_err(|error| match error {
            indelible::Error::NoEnemies => Failure::input(
                "all samples have one label, so there is no largest radius to compare at; expected two labels or more".into(),
            ),
            other => or_conflicts(&data, other),
        })?;
        let (mut rows, mut refused) = (vec![], vec![]);
        for construction in REGISTRY.iter().filter(|construction| construction.serves_norm(norm).is_ok()) {
            match Trial::of(construction, &data, &budget, options, &bar) {
                Ok(row) => rows.push(row),
                Err(indelible::Error::Unsuitable { why, .. }) => refused.push((construction.name, why)),
                Err(error) => refused.push((construction.name, error.to_string())),
            }
        }
        if rows.is_empty() {
            let why: Vec<String> = refused.iter().map(|(name, why)| format!("{name}: {why}")).collect();
            return Err(Failure::no(why.join("; ")));
        }
        if let Some(path) = &self.csv {
            write_whole(path, &csv(&rows))?;
        }
        if let Some(path) = &self.svg {
            let title = format!(
                "Constructions on {}: {} samples, {} features, {} classes, {norm}, {}",
                self.data.path.file_stem().map_or("data".into(), |name| name.to_string_lossy()),
                grouped(data.samples()),
                data.features(),
                data.classes(),
                options.precision
            );
            write_whole(
                path,
                &chart(&title, self.ratio, &curves(&data, &found, options, self.ratio, &bar))?,
            )?;
        }
        if self.json {
            let answer = json!({
                "samples": data.samples(), "features": data.features(), "classes": data.classes(),
                "norm": norm.to_string(), "ratio": self.ratio, "radius": budget.radii().smallest(),
                "precision": options.precision.to_string(),
                "constructions": rows.iter().map(|row| row_json(row, data.samples())).collect::<Vec<_>>(),
                "refused": refused.iter().map(|(name, why)| json!({"name": name, "why": why})).collect::<Vec<_>>(),
            });
            print(&format!("{answer}\n"));
        } else {
            print(&table(&rows, data.samples()));
            for (name, why) in refused {
                print(&format!("{name}: {why}\n"));
            }
        }
        Ok(())
    }
}

fn row_json(row: &Trial, samples: usize) -> Value {
    json!({
        "name": row.construction.name, "depth": row.size.depth, "width": row.size.width,
        "parameters": {"nonzero": row.size.nonzero, "all": row.size.all},
        "max_abs_parameter": row.size.max_abs, "lipschitz": row.lipschitz.is_finite().then_some(row.lipschitz),
        "certified": row.certified, "samples": samples, "form": row.form.to_string(),
        "seconds": {"build": row.build_seconds, "certify": row.certify_seconds},
    })
}

const COLUMNS: [&str; 10] = [
    "construction",
    "depth",
    "width",
    "nonzero",
    "all",
    "max |parameter|",
    "Lipschitz bound",
    "certified",
    "build",
    "certify",
];

/// Aligned columns, numbers to the right.
fn table(rows: &[Trial], samples: usize) -> String {
    let mut cells: Vec<[String; 10]> = vec![COLUMNS.map(String::from)];
    cells.extend(rows.iter().map(|row| {
        [
            row.construction.name.into(),
            grouped(row.size.depth),
            grouped(row.size.width),
            grouped(row.size.nonzero),
            grouped(row.size.all),
            real(row.size.max_abs),
            real(row.lipschitz),
            format!("{}/{samples}", row.certified),
            seconds(row.build_seconds),
            seconds(row.certify_seconds),
        ]
    }));
    let widths: Vec<usize> =
        (0..10).map(|c| cells.iter().map(|row| row[c].chars().count()).max().unwrap_or(0)).collect();
    cells
        .iter()
        .map(|row| {
            let line: Vec<String> = row
                .iter()
                .zip(&widths)
                .enumerate()
                .map(
                    |(c, (cell, &width))| {
                        if c == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
                    },
                )
                .collect();
            line.join("  ") + "\n"
        })
        .collect()
}

fn csv(rows: &[Trial]) -> String {
    let mut text = String::from(
        "construction,depth,width,nonzero,all,max_abs_parameter,lipschitz,certified,build_seconds,certify_seconds\n",
    );
    for row in rows {
        let Size { depth, width, nonzero, all, max_abs } = row.size;
        text += &format!(
            "{},{depth},{width},{nonzero},{all},{max_abs},{},{},{},{}\n",
            row.construction.name, row.lipschitz, row.certified, row.build_seconds, row.certify_seconds
        );
    }
    text
}

fn write_whole(path: &std::path::Path, text: &str) -> Result<(), Failure> {
    let mut file = AtomicFile::create(path)?;
    file.write_all(text.as_bytes())
        .map_err(|e| Failure::input(format!("cannot write {}: {e}", path.display())))?;
    file.commit()?;
    Ok(())
}

/// Every `every`-th sample: the first ones may all be of one class.
fn thinned(data: &Dataset, every: usize) -> Result<Dataset, indelible::Error> {
    let chosen = || (0..data.samples()).step_by(every);
    let n = data.features();
    let features = match data.storage() {
        Features::Coded { codes, levels } => {
            let codes: Vec<u8> = chosen().flat_map(|i| codes[i * n..(i + 1) * n].iter().copied()).collect();
            Features::Coded { codes: codes.into(), levels: levels.clone() }
        }
        _ => Features::F64(chosen().flat_map(|i| data.row(i)).collect::<Vec<_>>().into()),
    };
    let labels = chosen().map(|i| data.labels()[i]).collect();
    Dataset::new(features, n, labels, data.class_names().to_vec())
}

/// Sizes over ratios and over numbers of samples.
fn curves(data: &Dataset, found: &Separation, options: Options, ratio: f64, bar: &Bar) -> Vec<Series> {
    let measure = |construction: &Construction, data: &Dataset, found: &Separation, ratio: f64| {
        let budget = Budget::from_ratio(ratio, found).ok()?;
        if !construction.serves(data, &budget, options) {
            return None;
        }
        Some(construction.build(data, &budget, options).ok()?.size())
    };
    let parts: Vec<(Dataset, Separation)> = EVERY
        .iter()
        .filter_map(|&every| thinned(data, every).ok())
        .map(|part| {
            let found = separation(&part, found.norm, bar);
            (part, found)
        })
        .filter(|(_, found)| found.pair.is_some())
        .collect();
    REGISTRY
        .iter()
        .enumerate()
        .map(|(position, construction)| {
            bar.busy(construction.name);
            Series {
                position,
                name: construction.name,
                by_ratio: RATIOS
                    .iter()
                    .filter_map(|&rho| Some((rho, measure(construction, data, found, rho)?)))
                    .collect(),
                by_samples: parts
                    .iter()
                    .filter_map(|(part, found)| {
                        Some((part.samples() as f64, measure(construction, part, found, ratio)?))
                    })
                    .collect(),
            }
        })
        .filter(|series| !series.by_ratio.is_empty())
        .collect()
}
