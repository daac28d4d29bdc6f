//! What `generalize` has measured, as a table and as JSON.

use std::time::Instant;

use indelible::{Norm, network::Size};
use serde_json::{Value, json};

use super::{prelude::*, robustness_chart::Curves};

/// What was measured, and its number among those of its kind; of a construction its
/// position in the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Construction(usize),
    Network(usize),
    Rule(usize),
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Construction(_) => "construction",
            Self::Network(_) => "network",
            Self::Rule(_) => "rule",
        }
    }
}

/// What one network, or rule, does on the test samples.
pub struct Row {
    pub name: String,
    pub kind: Kind,
    /// Of the network; none for a rule.
    pub parameters: Option<Size>,
    /// Share of the test samples that are right.
    pub accuracy: f64,
    /// Shares over the radius; none for the rule of several neighbours.
    pub curves: Option<Curves>,
    /// What was left out of a file.
    pub notes: Vec<String>,
    /// Building, proving and measuring.
    pub seconds: f64,
}

impl Row {
    pub fn new(name: impl Into<String>, kind: Kind, curves: Curves, started: Instant) -> Self {
        Self {
            name: name.into(),
            kind,
            parameters: None,
            accuracy: curves.clean(),
            curves: Some(curves),
            notes: vec![],
            seconds: started.elapsed().as_secs_f64(),
        }
    }

    /// Of a rule of which the labels alone are known.
    pub fn of_labels(name: String, kind: Kind, right: &[bool], started: Instant) -> Self {
        let accuracy = right.iter().filter(|right| **right).count() as f64 / right.len().max(1) as f64;
        let seconds = started.elapsed().as_secs_f64();
        Self { name, kind, parameters: None, accuracy, curves: None, notes: vec![], seconds }
    }

    fn json(&self, radii: &[f64]) -> Value {
        let at = |curves: &Curves, radius: f64| {
            let [certified, attacked] = curves.at(radius);
            json!({"radius": radius, "certified": certified, "attacked": attacked})
        };
        let curve = |curves: &Curves| radii.iter().map(|&radius| at(curves, radius)).collect::<Value>();
        json!({
            "name": self.name, "kind": self.kind.name(), "accuracy": self.accuracy,
            "parameters": self.parameters.map(|size| json!({"nonzero": size.nonzero, "all": size.all})),
            "median_certified": self.curves.as_ref().map(Curves::median_certified),
            "curve": self.curves.as_ref().map(curve), "left_out": self.notes, "seconds": self.seconds,
        })
    }

    fn cells(&self, radii: &[f64]) -> Vec<String> {
        let parameters = self.parameters.map_or(String::new(), |size| grouped(size.nonzero));
        let at = |&radius: &f64| match &self.curves {
            Some(curves) => {
                let [certified, attacked] = curves.at(radius);
                format!("{certified:.4}-{attacked:.4}")
            }
            None => String::new(),
        };
        let first = [self.name.clone(), parameters, format!("{:.4}", self.accuracy)];
        first.into_iter().chain(radii.iter().map(at)).collect()
    }
}

/// What was measured beside a training set of one size.
pub struct AtSize {
    pub samples: usize,
    pub rows: Vec<Row>,
    /// Constructions that could not be built, and why.
    refused: Vec<[String; 2]>,
}

impl AtSize {
    fn json(&self, radii: &[f64]) -> Value {
        let refused = self.refused.iter().map(|[name, why]| json!({"name": name, "why": why}));
        json!({
            "samples": self.samples, "rows": self.rows.iter().map(|row| row.json(radii)).collect::<Value>(),
            "refused": refused.collect::<Value>(),
        })
    }

    fn table(&self, radii: &[f64]) -> String {
        let head = ["".to_owned(), "nonzero".to_owned(), "accuracy".to_owned()];
        let within = radii.iter().map(|radius| format!("within {}", real(*radius)));
        let mut lines: Vec<Vec<String>> = vec![head.into_iter().chain(within).collect()];
        lines.extend(self.rows.iter().map(|row| row.cells(radii)));
        let refused: String = self.refused.iter().map(|[name, why]| format!("{name}: {why}\n")).collect();
        format!("\n{}\n{}{refused}", counted(self.samples, "training sample"), columns(&lines, 1..usize::MAX))
    }
}

/// All that was measured.
pub struct Answer {
    norm: Norm,
    is_scaled: bool,
    /// That constructions are built for.
    pub radius: f64,
    ratio: Option<f64>,
    pub radii: Vec<f64>,
    /// Test samples that are looked at, of how many.
    pub samples: (usize, usize),
    /// Smallest training set first, the whole one last.
    pub sizes: Vec<AtSize>,
    /// Of the whole, once all is measured.
    pub seconds: Option<f64>,
}

impl Answer {
    pub fn new(norm: Norm, is_scaled: bool, (radius, ratio): (f64, Option<f64>), radii: Vec<f64>) -> Self {
        Self { norm, is_scaled, radius, ratio, radii, samples: (0, 0), sizes: vec![], seconds: None }
    }

    fn of_size(&mut self, samples: usize) -> &mut AtSize {
        let known = self.sizes.iter().position(|at| at.samples == samples);
        let place = known.unwrap_or(self.sizes.len());
        if known.is_none() {
            self.sizes.push(AtSize { samples, rows: vec![], refused: vec![] });
        }
        &mut self.sizes[place]
    }

    /// Keeps what was measured beside so many training samples.
    pub fn note(&mut self, samples: usize, row: Row) {
        self.of_size(samples).rows.push(row);
    }

    /// Keeps why a construction could not be built from so many.
    pub fn refuse(&mut self, name: &str, samples: usize, why: &str) {
        self.of_size(samples).refused.push([name.to_owned(), why.to_owned()]);
    }

    /// How many networks and rules have been measured.
    pub fn measured(&self) -> usize {
        self.sizes.iter().map(|at| at.rows.len()).sum()
    }

    /// The radius in words.
    pub fn axis(&self) -> String {
        format!("radius in {}{}", self.norm, of_scaled(self.is_scaled))
    }

    /// All of it as JSON, and what stands above the tables.
    pub fn report(&self) -> Report {
        let (looked_at, all) = self.samples;
        let mut report = Report::new(json!({
            "norm": self.norm.to_string(), "radius": self.radius, "ratio": self.ratio,
            "radius_units": if self.is_scaled { "scaled" } else { "raw" }, "radii": self.radii,
            "samples": looked_at, "sizes": self.sizes.iter().map(|at| at.json(&self.radii)).collect::<Value>(),
            "complete": self.seconds.is_some(), "seconds": self.seconds,
        }));
        let ratio = self.ratio.map_or(String::new(), |ratio| format!(" (ratio {})", real(ratio)));
        report
            .line(
                "built for",
                format!("{} in {}{}{ratio}", real(self.radius), self.norm, of_scaled(self.is_scaled)),
            )
            .line("test samples", format!("{} of {}", grouped(looked_at), grouped(all)))
            .line("shares", "certified at least - not attacked at most")
            .known("time", self.seconds.map(seconds));
        report
    }

    /// What is printed.
    pub fn text(&self, report: &Report, as_json: bool) -> String {
        let tables = |at: &AtSize| at.table(&self.radii);
        let below: String = if as_json { String::new() } else { self.sizes.iter().map(tables).collect() };
        report.text(as_json) + &below
    }
}
