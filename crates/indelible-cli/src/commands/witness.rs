//! `indelible witness`: data on which narrow networks must fail.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use indelible::{Norm, bounds::necessary_width};
use indelible_decide::witness::basis;
use serde_json::json;

use super::{prelude::*, write_dataset};

/// Ratios that are listed unless one is asked for.
const RATIOS: [f64; 7] = [0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999];

#[derive(Clone, Copy, Debug, ValueEnum)]
enum KindArg {
    /// The origin with label 1, the unit vectors with label 2
    Basis,
}

/// Arguments of `witness`.
#[derive(Args, Debug)]
pub struct WitnessArgs {
    /// Which witness
    #[arg(long, value_enum)]
    kind: KindArg,
    /// Number of features, n
    #[arg(long, value_name = "n")]
    features: usize,
    /// Number of samples, N
    #[arg(long, value_name = "N")]
    samples: usize,
    /// The ratio 2μ/λ whose necessary width is asked for [default: several]
    #[arg(long, value_name = "RHO", allow_negative_numbers = true)]
    ratio: Option<f64>,
    /// Write the dataset
    #[arg(short, long, value_name = "DATA.npz")]
    output: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl WitnessArgs {
    pub fn run(self) -> Result<(), Failure> {
        let KindArg::Basis = self.kind;
        ends_in(self.output.as_ref(), &["npz"], "the dataset is written as NPZ")?;
        let data = basis(self.features, self.samples)?;
        let ratios = self.ratio.map_or(RATIOS.to_vec(), |ratio| vec![ratio]);
        let mut report = Report::new(json!({
            "kind": "basis", "samples": self.samples, "features": self.features, "separation": 1.0,
        }));
        let (samples, features) = (counted(self.samples, "sample"), counted(self.features, "feature"));
        report.line("dataset", format!("{samples}, {features}, separation 1"));
        let mut widths = Vec::new();
        for norm in [Norm::Linf, Norm::L2, Norm::L1] {
            let mut texts = Vec::new();
            for &ratio in &ratios {
                let width = necessary_width(norm, ratio, self.samples, self.features)?;
                widths.push(
                    json!({"norm": norm.to_string(), "ratio": ratio, "radius": ratio / 2.0, "width": width}),
                );
                texts.push(format!("{width} at {}", plain(ratio)));
            }
            report.line(format!("width for {norm}"), texts.join(", "));
        }
        report.json["necessary_width"] = widths.into();
        if let Some(path) = &self.output {
            write_dataset(&data, path)?;
            report.json["file"] = path.display().to_string().into();
            report.line("file", path.display());
        }
        report.print(self.json)
    }
}
