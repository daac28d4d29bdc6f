//! `indelible compare`: all constructions side by side.

use std::path::PathBuf;

use clap::Args;
use indelible::{
    Budget, Dataset, Norm, Precision, Progress,
    constructions::{Construction, Options, REGISTRY},
    fit::{Trial, serving},
    network::Size,
    separation::{Separation, separation},
};
use indelible_io::AtomicFile;
use serde_json::{Value, json};

use super::{
    build::precisions,
    chart::{Series, chart},
    prelude::*,
    separation::or_conflicts,
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
    #[arg(long, value_parser = precisions(), default_value = "f32")]
    precision: Precision,
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
        ends_in(self.csv.as_ref(), &["csv"], "the table is written as CSV")?;
        ends_in(self.svg.as_ref(), &["svg"], "charts are written as SVG")?;
        let data = self.data.read(&bar)?;
        let norm = self.norm;
        let options = Options { precision: self.precision, ..Options::default() };
        serving(&data, norm, false, options.head)?;
        let found = separation(&data, norm, &bar);
        let budget = Budget::from_ratio(self.ratio, &found).map_err(|error| match error {
            indelible::Error::NoEnemies => {
                data.one_label("there is no largest radius to compare at; expected two labels or more")
            }
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
            return Err(Failure::no(reasons(&refused).join("; ")));
        }
        if let Some(path) = &self.csv {
            write_text(AtomicFile::create(path)?, &csv(&rows))?;
        }
        let (samples, features, classes) = (data.samples(), data.features(), data.classes());
        if let Some(path) = &self.svg {
            let title = format!(
                "Constructions on {}: {}, {}, {}, {norm}, {}",
                self.data.path.file_stem().map_or("data".into(), |name| name.to_string_lossy()),
                counted(samples, "sample"),
                counted(features, "feature"),
                counted(classes, "class"),
                self.precision
            );
            let curves = curves(&rows, &data, &found, options, self.ratio, &bar);
            write_text(AtomicFile::create(path)?, &chart(&title, self.ratio, &curves)?)?;
        }
        if !self.json {
            let refused: String = reasons(&refused).iter().map(|line| format!("{line}\n")).collect();
            let counted = format!(
                "N log2 L: {} bits hold any labels of so many samples\n",
                real(information(samples, classes))
            );
            return print(&(table(&rows, samples) + &counted + &refused + &columns(&data.lines(), 0..0)));
        }
        let refused = refused.iter().map(|(name, why)| json!({"name": name, "why": why}));
        let mut report = Report::new(json!({
            "samples": samples, "features": features, "classes": classes, "norm": norm.to_string(),
            "ratio": self.ratio, "radius": budget.radii().smallest(), "precision": self.precision.to_string(),
            "information_bits": information(samples, classes),
            "constructions": rows.iter().map(|row| row_json(row, samples)).collect::<Vec<_>>(),
            "refused": refused.collect::<Vec<_>>(),
        }));
        data.describe(&mut report);
        report.print(true)
    }
}

/// Bits that arbitrary labels need, in any network of any numbers.
fn information(samples: usize, classes: usize) -> f64 {
    samples as f64 * (classes as f64).log2()
}

/// Each reason once, behind the names of those that it holds for.
fn reasons(refused: &[(&str, String)]) -> Vec<String> {
    let first = |&at: &usize| refused[..at].iter().all(|(_, why)| *why != refused[at].1);
    (0..refused.len())
        .filter(first)
        .map(|at| {
            let (_, why) = &refused[at];
            let names = refused.iter().filter(|(_, other)| other == why).map(|(name, _)| *name);
            format!("{}: {why}", names.collect::<Vec<_>>().join(", "))
        })
        .collect()
}

pub fn row_json(row: &Trial, samples: usize) -> Value {
    json!({
        "name": row.construction.name, "depth": row.size.depth, "width": row.size.width,
        "parameters": {"nonzero": row.size.nonzero, "all": row.size.all},
        "bits_per_parameter": row.precision.bits(), "bits": row.bits(),
        "max_abs_parameter": row.size.max_abs, "lipschitz": row.lipschitz.is_finite().then_some(row.lipschitz),
        "certified": row.certified, "samples": samples, "form": row.form.to_string(),
        "seconds": {"build": row.build_seconds, "certify": row.certify_seconds},
    })
}

/// Aligned columns, numbers to the right.
fn table(rows: &[Trial], samples: usize) -> String {
    let head = [
        "construction",
        "depth",
        "width",
        "nonzero",
        "all",
        "bits each",
        "bits in all",
        "max |parameter|",
        "Lipschitz bound",
        "certified",
        "build",
        "certify",
    ];
    let mut lines = vec![head.map(String::from)];
    lines.extend(rows.iter().map(|row| {
        [
            row.construction.name.into(),
            grouped(row.size.depth),
            grouped(row.size.width),
            grouped(row.size.nonzero),
            grouped(row.size.all),
            grouped(row.precision.bits()),
            grouped(row.bits()),
            real(row.size.max_abs),
            real(row.lipschitz),
            format!("{}/{samples}", row.certified),
            seconds(row.build_seconds),
            seconds(row.certify_seconds),
        ]
    }));
    columns(&lines, 1..12)
}

fn csv(rows: &[Trial]) -> String {
    let mut text = String::from(
        "construction,depth,width,nonzero,all,max_abs_parameter,lipschitz,certified,build_seconds,certify_seconds,bits_per_parameter,bits\n",
    );
    for row in rows {
        let Size { depth, width, nonzero, all, max_abs } = row.size;
        text += &format!(
            "{},{depth},{width},{nonzero},{all},{},{},{},{},{},{},{}\n",
            row.construction.name,
            plain(max_abs),
            plain(row.lipschitz),
            row.certified,
            row.build_seconds,
            row.certify_seconds,
            row.precision.bits(),
            row.bits()
        );
    }
    text
}

/// Sizes over ratios and over numbers of samples; `rows` say what was certified.
fn curves(
    rows: &[Trial],
    data: &Dataset,
    found: &Separation,
    options: Options,
    ratio: f64,
    bar: &Bar,
) -> Vec<Series> {
    let uncertified = |name: &str| match rows.iter().find(|row| row.construction.name == name) {
        Some(row) if row.certified == data.samples() => None,
        Some(row) => Some(format!("{} of {} certified", grouped(row.certified), grouped(data.samples()))),
        None => Some(format!("not built at ρ = {}", plain(ratio))),
    };
    let measure = |construction: &Construction, data: &Dataset, found: &Separation, ratio: f64| {
        let budget = Budget::from_ratio(ratio, found).ok()?;
        let serves = construction.serves(data, &budget, options);
        serves.then(|| construction.build(data, &budget, options).ok())?.map(|network| network.size())
    };
    let part = |&every: &usize| {
        // The first samples may all be of one class.
        let part = data.select((0..data.samples()).step_by(every)).ok()?;
        let found = separation(&part, found.norm, bar);
        found.pair.is_some().then_some((part, found))
    };
    let parts: Vec<(Dataset, Separation)> = EVERY.iter().filter_map(part).collect();
    let series = |(position, construction): (usize, &'static Construction)| {
        bar.busy(construction.name);
        let at_ratio = |&rho: &f64| Some((1.0 / (1.0 - rho), measure(construction, data, found, rho)?));
        let of_part = |(part, found): &(Dataset, Separation)| {
            Some((part.samples() as f64, measure(construction, part, found, ratio)?))
        };
        Series {
            position,
            name: construction.name,
            uncertified: uncertified(construction.name),
            sizes: [RATIOS.iter().filter_map(at_ratio).collect(), parts.iter().filter_map(of_part).collect()],
        }
    };
    REGISTRY.iter().enumerate().map(series).filter(|series| !series.sizes[0].is_empty()).collect()
}
