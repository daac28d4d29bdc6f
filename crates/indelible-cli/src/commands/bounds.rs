//! `indelible bounds`: what is necessary and what suffices.

use std::path::PathBuf;

use clap::Args;
use indelible::{
    Budget, Norm,
    bounds::{Accuracy, Kind, Question, Row, measured, table},
    separation::separation,
};
use indelible_io::dataset::{ReadOptions, read};
use serde_json::{Value, json};

use crate::{
    bar::Bar,
    failure::Failure,
    report::{Report, grouped, print, real},
};

/// Arguments of `bounds`.
#[derive(Args, Debug)]
pub struct BoundsArgs {
    /// Dataset, whose numbers are taken and on which our constructions are counted
    #[arg(value_name = "DATA", conflicts_with_all = ["samples", "features", "classes"])]
    data: Option<PathBuf>,
    /// Number of samples, N
    #[arg(long, value_name = "N", required_unless_present = "data")]
    samples: Option<usize>,
    /// Number of features, n
    #[arg(long, value_name = "n", required_unless_present = "data")]
    features: Option<usize>,
    /// Number of labels, L
    #[arg(long, value_name = "L", required_unless_present = "data")]
    classes: Option<usize>,
    /// Take only the first N samples of DATA
    #[arg(long, value_name = "N", requires = "data")]
    limit: Option<usize>,
    /// Norm of the balls
    #[arg(long, default_value_t = Norm::Linf)]
    norm: Norm,
    /// The ratio 2μ/λ
    #[arg(long, value_name = "RHO", default_value_t = 0.9, allow_negative_numbers = true)]
    ratio: f64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl BoundsArgs {
    pub fn run(self) -> Result<(), Failure> {
        let bar = Bar::default();
        let norm = self.norm;
        let options = ReadOptions { limit: self.limit, ..ReadOptions::default() };
        let data = self.data.as_ref().map(|path| read(path, &options)).transpose()?;
        let question = match &data {
            Some(data) => Question {
                samples: data.samples(),
                features: data.features(),
                classes: data.classes(),
                norm,
                ratio: self.ratio,
            },
            None => Question {
                samples: self.samples.unwrap_or_default(),
                features: self.features.unwrap_or_default(),
                classes: self.classes.unwrap_or_default(),
                norm,
                ratio: self.ratio,
            },
        };
        let mut rows = table(&question)?;
        if let Some(data) = &data {
            let budget = Budget::from_ratio(self.ratio, &separation(data, norm, &bar))?;
            rows.extend(measured(data, &budget)?);
        }
        if self.json {
            let mut report = Report::default();
            report
                .json("samples", question.samples)
                .json("features", question.features)
                .json("classes", question.classes)
                .json("norm", question.norm.to_string())
                .json("ratio", question.ratio)
                .json("rows", rows.iter().map(object).collect::<Vec<_>>());
            report.print(true);
        } else {
            print(&text(&question, &rows));
        }
        Ok(())
    }
}

fn object(row: &Row) -> Value {
    json!({
        "kind": row.kind.to_string(),
        "quantity": row.quantity.to_string(),
        "formula": row.formula,
        "value": row.value,
        "accuracy": row.accuracy.to_string(),
        "robust": row.robust,
        "condition": row.condition,
        "built": row.built,
        "source": row.source,
    })
}

/// The table for people: columns as wide as their longest entry.
fn text(question: &Question, rows: &[Row]) -> String {
    let head = ["", "what", "value", "formula", "about", "built", "holds for", "source"];
    let mut lines = vec![head.map(str::to_owned)];
    for row in rows {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count, and below 10^15"
        )]
        let count = if row.value.fract() == 0.0 && row.value < 1e15 {
            grouped(row.value as usize)
        } else {
            real(row.value)
        };
        lines.push([
            row.kind.to_string(),
            row.quantity.to_string(),
            match row.accuracy {
                Accuracy::Explicit => count,
                _ => format!("~{count}"),
            },
            row.formula.into(),
            if row.robust { "balls".into() } else { "samples".into() },
            match (row.kind, row.built) {
                (Kind::Necessary, _) => String::new(),
                (_, Some(name)) => name.into(),
                (_, None) => "no".into(),
            },
            row.condition.into(),
            row.source.into(),
        ]);
    }
    let mut widths = [0; 8];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut out = format!(
        "{} samples, {} features, {} labels, {}, ratio {}\n",
        grouped(question.samples),
        grouped(question.features),
        question.classes,
        question.norm,
        question.ratio
    );
    for line in &lines {
        let cells: Vec<String> = line
            .iter()
            .zip(widths)
            .enumerate()
            .map(
                |(column, (cell, width))| {
                    if column == 2 { format!("{cell:>width$}") } else { format!("{cell:width$}") }
                },
            )
            .collect();
        out += cells.join("  ").trim_end();
        out.push('\n');
    }
    out += "~ order of growth: hidden constants and logarithms set to 1\n";
    out
}
