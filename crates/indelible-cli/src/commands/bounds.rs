//! `indelible bounds`: what is necessary and what suffices.

use std::path::PathBuf;

use clap::Args;
use indelible::{
    Budget, Norm,
    bounds::{Accuracy, Kind, Question, Row, measured, needed, table},
    separation::separation,
};
use indelible_io::dataset::ReadOptions;
use serde_json::{Value, json};

use super::{prelude::*, separation::or_conflicts};

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
        let options = ReadOptions { limit: self.limit, ..ReadOptions::default() };
        let data = self.data.as_ref().map(|path| Given::read(path, &options, &bar)).transpose()?;
        let (samples, features, classes) = match &data {
            Some(data) => (data.samples(), data.features(), data.classes()),
            None => [self.samples, self.features, self.classes].map(Option::unwrap_or_default).into(),
        };
        let (norm, ratio) = (self.norm, self.ratio);
        let question = Question { samples, features, classes, norm, ratio };
        let mut rows = table(&question)?;
        if let Some(data) = &data {
            let budget = Budget::from_ratio(self.ratio, &separation(data, norm, &bar)).map_err(|e| match e {
                indelible::Error::NoEnemies => data.one_label(
                    "there is no largest radius to count constructions at; give --samples, --features and --classes instead",
                ),
                other => or_conflicts(data, other),
            })?;
            rows.extend(needed(data, &budget, &bar)?);
            rows.extend(measured(data, &budget)?);
        }
        if !self.json {
            let read = data.as_ref().map_or(vec![], Given::lines);
            return print(&(text(&question, &rows) + &columns(&read, 0..0)));
        }
        let mut report = Report::new(json!({
            "samples": samples, "features": features, "classes": classes, "norm": norm.to_string(),
            "ratio": ratio, "rows": rows.iter().map(object).collect::<Vec<_>>(),
        }));
        if let Some(data) = &data {
            data.describe(&mut report);
        }
        report.print(true)
    }
}

pub fn object(row: &Row) -> Value {
    json!({
        "kind": row.kind.to_string(), "quantity": row.quantity.to_string(), "formula": row.formula,
        "value": row.value, "bits_per_parameter": row.bits_per_parameter,
        "bits": row.bits(), "accuracy": row.accuracy.to_string(), "robust": row.robust,
        "condition": row.condition, "built": row.built, "source": row.source,
    })
}

/// The table for people.
fn text(question: &Question, rows: &[Row]) -> String {
    let head =
        ["", "what", "value", "bits each", "bits in all", "formula", "about", "built", "holds for", "source"];
    let mut lines = vec![head.map(str::to_owned)];
    for row in rows {
        let count = count(row.value);
        lines.push([
            row.kind.to_string(),
            row.quantity.to_string(),
            match row.accuracy {
                Accuracy::Explicit => count,
                _ => format!("~{count}"),
            },
            row.bits_per_parameter.map_or(String::new(), grouped),
            row.bits().map_or(String::new(), self::count),
            row.formula.into(),
            if row.robust { "balls".into() } else { "samples".into() },
            match (row.kind, row.built) {
                (Kind::Necessary | Kind::Needed, _) => String::new(),
                (_, Some(name)) => name.into(),
                (_, None) => "no".into(),
            },
            row.condition.into(),
            row.source.into(),
        ]);
    }
    format!(
        "{}, {}, {}, {}, ratio {}\n{}~ order of growth: hidden constants and logarithms set to 1\n",
        counted(question.samples, "sample"),
        counted(question.features, "feature"),
        counted(question.classes, "label"),
        question.norm,
        plain(question.ratio),
        columns(&lines, 2..5)
    )
}

/// A whole number with its digits in groups, any other with some digits.
fn count(value: f64) -> String {
    if value.fract() != 0.0 || value >= 1e15 {
        return real(value);
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count, and below 10^15")]
    grouped(value as usize)
}
