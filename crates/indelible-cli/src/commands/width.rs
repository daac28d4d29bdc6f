//! `indelible width`: how wide the first layer must be.

use std::{ffi::OsStr, path::PathBuf, time::Instant};

use clap::Args;
use indelible::{
    Dataset, Norm,
    width::{WidthBounds, WidthCurve, width_bounds},
};
use indelible_io::{
    AtomicFile,
    npy::{Array, Values, write_npz},
};
use serde_json::{Value, json};

use super::{prelude::*, separation::or_conflicts, width_chart::chart};

/// Arguments of `width`.
#[derive(Args, Debug)]
pub struct WidthArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Neurons of the first layer, several separated by commas [default: 1, 2, 3, 5, 8, 12, 20, 32, 50, … up to the number of features]
    #[arg(long, value_name = "M,…", value_delimiter = ',')]
    widths: Vec<usize>,
    /// Norm of the balls: l2 is the one that is served
    #[arg(long, default_value_t = Norm::L2)]
    norm: Norm,
    /// Write what was found for the one width asked for: `P`, by rows, and `pairs` with their `weights`
    #[arg(short, long, value_name = "FILE.npz", requires = "widths")]
    output: Option<PathBuf>,
    /// Draw both bounds against the width
    #[arg(long, value_name = "FILE.svg")]
    svg: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Widths that are looked at unasked: all share of the separation is kept well
/// before the last of them on most data.
const USUAL: [usize; 16] = [1, 2, 3, 5, 8, 12, 20, 32, 50, 80, 120, 200, 320, 500, 800, 1200];
/// Once a projection keeps this share, wider ones are not looked at unasked.
const ENOUGH: f64 = 0.99;

impl WidthArgs {
    pub fn run(self) -> Result<(), Failure> {
        let bar = Bar::default();
        let [data, labels] = self.data.files();
        keep_apart(&[data, labels], &[self.output.as_ref(), self.svg.as_ref()])?;
        ends_in(self.output.as_ref(), &["npz"], "projections are written as NPZ")?;
        ends_in(self.svg.as_ref(), &["svg"], "charts are written as SVG")?;
        require(self.norm == Norm::L2, || {
            format!(
                "--norm is {}; expected l2: in other norms no bounds of the width are known here",
                self.norm
            )
        })?;
        require(!self.widths.contains(&0), || "--widths holds 0; expected 1 or more".into())?;
        require(self.output.is_none() || self.widths.len() == 1, || {
            format!("-o with {}; expected one of --widths", counted(self.widths.len(), "width"))
        })?;
        let svg = self.svg.as_ref().map(AtomicFile::create).transpose()?;
        let data = self.data.read(&bar)?;
        let started = Instant::now();
        let curve = self.curve(&data, &bar)?;
        let taken = started.elapsed().as_secs_f64();
        if let (Some(path), [found]) = (&self.output, &curve.bounds[..]) {
            write(path, &data, found)?;
        }
        if let Some(file) = svg {
            let title = {
                let name = self
                    .data
                    .path
                    .file_name()
                    .map_or_else(|| self.data.path.to_string_lossy(), OsStr::to_string_lossy);
                format!("{name}: what a first layer of m neurons allows, l2")
            };
            write_text(file, &chart(&title, &curve.bounds)?)?;
        }
        let mut report = Report::new(json!({
            "norm": self.norm.to_string(),
            "separation": {"lower": curve.separation.lower, "upper": curve.separation.upper},
            "widths": curve.bounds.iter().map(object).collect::<Vec<_>>(),
            "seconds": taken,
        }));
        report.line("separation", format!("{} in {}", curve.separation, self.norm));
        for found in &curve.bounds {
            report.line(format!("width {}", found.width), words(found));
        }
        report.line("time", seconds(taken));
        data.describe(&mut report);
        report.print(self.json)
    }

    /// The bounds for the widths asked for, or for the usual ones up to where
    /// nearly all of the separation is kept.
    fn curve(&self, data: &Given, bar: &Bar) -> Result<WidthCurve, Failure> {
        let unasked = self.widths.is_empty();
        let usual = || USUAL.into_iter().filter(|&width| width < data.features()).chain([data.features()]);
        let widths: Vec<usize> = if unasked { usual().collect() } else { self.widths.clone() };
        let enough = |found: &WidthBounds| unasked && found.reached >= ENOUGH;
        let curve = width_bounds(data, &widths, enough, bar);
        curve.map_err(|e| match e {
            indelible::Error::NoEnemies => data.one_label("a first layer of any width tells them apart"),
            other => or_conflicts(data, other),
        })
    }
}

fn object(found: &WidthBounds) -> Value {
    json!({"width": found.width, "reached": found.reached, "impossible": found.impossible})
}

/// What is known about a width, for people.
fn words(found: &WidthBounds) -> String {
    let above = match found.impossible {
        1.0 => "no upper bound shown".to_string(),
        bound => format!("impossible from {} on", at_most(bound)),
    };
    format!("reached below {}, {above}", at_least(found.reached))
}

/// `P` of shape width × features, `pairs` of shape K × 2, `weights` of length K.
fn write(path: &std::path::Path, data: &Dataset, found: &WidthBounds) -> Result<(), Failure> {
    let index = |i: usize| i64::try_from(i).unwrap_or(-1);
    let pairs: Vec<i64> = found.refutation.pairs.iter().flat_map(|&(i, j)| [index(i), index(j)]).collect();
    let rows = Array::matrix(Values::F64(found.projection.rows()), data.features());
    let (Some(rows), Some(pairs)) = (rows, Array::matrix(Values::I64(&pairs), 2)) else {
        return Err(Failure::input("the projection has no rows"));
    };
    let weights = Array::vector(Values::F64(&found.refutation.weights));
    Ok(write_npz(path, &[("P", rows), ("pairs", pairs), ("weights", weights)])?)
}
