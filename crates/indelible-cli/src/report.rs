//! Answers: one JSON object, or aligned lines for people.

use std::io::{ErrorKind, Write};

pub use indelible::text::{bytes, grouped};
use serde_json::{Map, Value};

/// Writes to stdout. A reader that has gone away is no error; an answer that
/// cannot be written is, and ends the program.
pub fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => {
            eprintln!("indelible: cannot write the answer to standard output: {e}");
            indelible_io::remove_unfinished();
            std::process::exit(2);
        }
        _ => {}
    }
}

/// An answer that is built line by line.
#[derive(Debug, Default)]
pub struct Report {
    json: Map<String, Value>,
    lines: Vec<(String, String)>,
}

impl Report {
    /// Adds a value under a key of the JSON object.
    pub fn json(&mut self, key: &str, value: impl Into<Value>) -> &mut Self {
        self.json.insert(key.into(), value.into());
        self
    }

    /// Adds a line for people.
    pub fn line(&mut self, name: &str, value: impl std::fmt::Display) -> &mut Self {
        self.lines.push((name.into(), value.to_string()));
        self
    }

    /// Prints one or the other.
    pub fn print(&self, as_json: bool) {
        if as_json {
            print(&format!("{}\n", Value::Object(self.json.clone())));
            return;
        }
        let width = self.lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        let text: String = self
            .lines
            .iter()
            .map(|(name, value)| format!("{name:width$}  {value}").trim_end().to_owned() + "\n")
            .collect();
        print(&text);
    }
}

/// A duration in seconds.
pub fn seconds(value: f64) -> String {
    if value < 0.1 { format!("{:.1} ms", value * 1e3) } else { format!("{value:.2} s") }
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
