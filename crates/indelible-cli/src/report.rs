//! Answers: one JSON object, or aligned lines for people.

use std::{
    fmt::Display,
    io::{ErrorKind, Write},
};

pub use indelible::text::{bytes, counted, grouped, plain};
use serde_json::Value;

use crate::failure::Failure;

/// Writes to stdout. A reader that has gone away is no error; an answer that
/// cannot be written is.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::input(format!("cannot write the answer to standard output: {e}")))
        }
        _ => Ok(()),
    }
}

/// An answer: one JSON object, and lines for people.
#[derive(Debug)]
pub struct Report {
    /// What `--json` prints.
    pub json: Value,
    lines: Vec<[String; 2]>,
}

impl Report {
    /// Begins with these keys and no lines.
    pub fn new(json: Value) -> Self {
        Self { json, lines: vec![] }
    }

    /// Adds a line for people.
    pub fn line(&mut self, name: impl Into<String>, value: impl Display) -> &mut Self {
        self.lines.push([name.into(), value.to_string()]);
        self
    }

    /// Adds a line where there is a value.
    pub fn known(&mut self, name: &str, value: Option<impl Display>) -> &mut Self {
        match value {
            Some(value) => self.line(name, value),
            None => self,
        }
    }

    /// Says what of a network's file was left out.
    pub fn left_out(&mut self, notes: &[String]) -> &mut Self {
        if !notes.is_empty() {
            self.json["left_out"] = notes.into();
        }
        notes.iter().fold(self, |report, note| report.line("left out", note))
    }

    /// One or the other.
    pub fn text(&self, as_json: bool) -> String {
        if as_json { format!("{}\n", self.json) } else { columns(&self.lines, 0..0) }
    }

    /// Prints one or the other.
    pub fn print(&self, as_json: bool) -> Result<(), Failure> {
        print(&self.text(as_json))
    }
}

/// Lines of columns as wide as their longest entry, those of `right` set to the
/// right.
pub fn columns<L: AsRef<[String]>>(lines: &[L], right: std::ops::Range<usize>) -> String {
    let mut widths: Vec<usize> = vec![];
    for (column, cell) in lines.iter().flat_map(|line| line.as_ref().iter().enumerate()) {
        widths.resize(widths.len().max(column + 1), 0);
        widths[column] = widths[column].max(cell.chars().count());
    }
    let aligned = |line: &L| {
        let cells = line.as_ref().iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            if right.contains(&column) { format!("{cell:>width$}") } else { format!("{cell:width$}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    lines.iter().map(aligned).collect()
}

/// A duration in seconds.
pub fn seconds(value: f64) -> String {
    if value < 0.1 { format!("{:.1} ms", value * 1e3) } else { format!("{value:.2} s") }
}

/// A bound from below for people: six significant digits, none of them rounded up.
pub fn at_least(value: f64) -> String {
    let text = real(value);
    if text.parse().is_ok_and(|shown: f64| shown <= value) { text } else { real(value - 1e-5 * value.abs()) }
}

/// A bound from above for people, not rounded down.
pub fn at_most(value: f64) -> String {
    let text = real(value);
    if text.parse().is_ok_and(|shown: f64| shown >= value) { text } else { real(value + 1e-5 * value.abs()) }
}

/// A real number for people: six significant digits.
pub fn real(value: f64) -> String {
    if value == 0.0 || (1e-3..1e6).contains(&value.abs()) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 8")]
        let digits = if value == 0.0 { 0 } else { (5.0 - value.abs().log10().floor()).max(0.0) as usize };
        let text = format!("{value:.digits$}");
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
    } else {
        format!("{value:.5e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!(real(0.1), "0.1");
        assert_eq!(real(0.737_254_9), "0.737255");
        assert_eq!(real(1.0), "1");
        assert_eq!(real(123_456.7), "123457");
        assert_eq!(real(1e-9), "1.00000e-9");
    }
}
