//! Exact networks as texts; `docs/exact.md` has the format.

use std::fmt::Write as _;

use dashu_int::IBig;

use crate::{Error, ExactLayer, ExactNetwork, Neuron};

/// The first line.
const HEAD: &str = "indelible exact network 1";
/// A number has this many characters at most: more than any network that fits
/// into memory needs, less than what would take minutes to read.
const LONGEST: usize = 1 << 20;

/// The text of `network`, which was made by `construction`.
#[must_use]
pub fn write(network: &ExactNetwork, construction: &str) -> String {
    let mut text = format!(
        "{HEAD}\nconstruction {construction}\nexponent {}\nlayers {}\n",
        network.exponent,
        network.layers.len()
    );
    for layer in &network.layers {
        // Writing to a string does not fail.
        let _ = writeln!(text, "layer {} {}", layer.inputs, layer.neurons.len());
        for neuron in &layer.neurons {
            let _ = write!(text, "{}", neuron.bias);
            for (column, weight) in &neuron.weights {
                let _ = write!(text, " {column}:{weight}");
            }
            text.push('\n');
        }
    }
    text.push_str("end\n");
    text
}

/// The network in `text` and the name of its construction, which is a claim of the
/// file.
///
/// # Errors
/// [`Error::BadText`] with the line, [`indelible::Error::BadForm`] when the layers
/// do not fit each other.
pub fn read(text: &str) -> Result<(ExactNetwork, String), Error> {
    let mut lines = Lines { lines: text.lines(), at: 0 };
    lines.take(HEAD, |line| (line == HEAD).then_some(()))?;
    let construction = lines.take("construction NAME", |line| {
        line.strip_prefix("construction ").filter(|name| !name.is_empty()).map(str::to_owned)
    })?;
    let exponent = lines.take("exponent E", |line| number(line.strip_prefix("exponent ")?))?;
    let depth: usize = lines.take("layers D", |line| number(line.strip_prefix("layers ")?))?;
    let mut layers = vec![];
    for _ in 0..depth {
        let (inputs, neurons) = lines.take("layer INPUTS NEURONS", |line| {
            let (inputs, neurons) = line.strip_prefix("layer ")?.split_once(' ')?;
            Some((number(inputs)?, number::<usize>(neurons)?))
        })?;
        // Memory is taken for what is there, not for what is promised.
        let mut rows = vec![];
        for _ in 0..neurons {
            rows.push(lines.take("BIAS COLUMN:WEIGHT …, integers", neuron)?);
        }
        layers.push(ExactLayer { inputs, neurons: rows });
    }
    lines.take("end", |line| (line == "end").then_some(()))?;
    if lines.lines.next().is_some() {
        return Err(Error::BadText { line: lines.at + 1, why: "expected nothing behind 'end'".into() });
    }
    Ok((ExactNetwork::new(exponent, layers)?, construction))
}

/// The lines of a text, counted.
struct Lines<'a> {
    lines: std::str::Lines<'a>,
    at: usize,
}

impl<'a> Lines<'a> {
    fn take<T>(&mut self, expected: &str, parse: impl FnOnce(&'a str) -> Option<T>) -> Result<T, Error> {
        self.at += 1;
        let line = self.lines.next();
        line.and_then(parse).ok_or_else(|| {
            let given = line.map_or("the end of the file".into(), |line| {
                let start: String = line.chars().take(40).collect();
                format!("'{start}'")
            });
            Error::BadText { line: self.at, why: format!("found {given}; expected '{expected}'") }
        })
    }
}

fn neuron(line: &str) -> Option<Neuron> {
    let mut words = line.split(' ');
    let bias = integer(words.next()?)?;
    let weight = |word: &str| {
        let (column, weight) = word.split_once(':')?;
        Some((number(column)?, integer(weight)?))
    };
    Some(Neuron { weights: words.map(weight).collect::<Option<_>>()?, bias })
}

/// A number as `write` has it: no sign of plus, no zeros in front.
fn number<T: std::str::FromStr + ToString>(word: &str) -> Option<T> {
    word.parse().ok().filter(|number: &T| number.to_string() == word)
}

fn integer(word: &str) -> Option<IBig> {
    let digits = word.strip_prefix('-').unwrap_or(word);
    let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    let is_plain = digits == "0" && digits.len() == word.len() || !digits.starts_with('0');
    if !is_number || !is_plain || word.len() > LONGEST {
        return None;
    }
    word.parse().ok()
}
