//! Whether the first line of a table names the columns or is a sample.

use super::dialect::number;
use crate::dataset::{
    Decimal, ReadOptions,
    table::{is_missing, label_column, label_rank},
};

/// What the first line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Whether it names the columns.
    pub(super) names: bool,
    /// Whether it could be the other just as well.
    pub(super) doubtful: bool,
}

/// The cells of a column below the first line, without those that are missing.
struct Below<'a>(Vec<&'a str>);

impl<'a> Below<'a> {
    fn new(column: usize, rows: &'a [Vec<String>]) -> Self {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(String::as_str);
        Self(cells.filter(|cell| !is_missing(cell)).collect())
    }

    fn are_numbers(&self, decimal: Decimal) -> bool {
        !self.0.is_empty() && self.0.iter().all(|cell| number(cell, decimal).is_some())
    }

    fn repeat(&self) -> bool {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        sorted.windows(2).any(|pair| pair[0] == pair[1])
    }
}

/// Tells names from a sample, by what the lines below are.
pub(super) fn header(
    first: &[String],
    below: &[Vec<String>],
    decimal: Decimal,
    options: &ReadOptions,
) -> Header {
    let sure = |names| Header { names, doubtful: false };
    if let Some(given) = options.header {
        return sure(given);
    }
    // A decimal comma makes no word.
    let is_number = |text: &str| [Decimal::Point, Decimal::Comma].iter().any(|&d| number(text, d).is_some());
    let is_word = |text: &str| !is_number(text) && !is_missing(text);
    if let Some(given) = &options.label_column
        && !is_number(given)
    {
        // Only a header can hold it; where it does not, the caller says so.
        return sure(first.contains(given) || first.iter().any(|cell| is_word(cell)));
    }
    let asked = options.drop.iter().chain(&options.features).filter(|given| !is_number(given));
    if asked.clone().next().is_some() {
        return sure(
            asked.into_iter().any(|given| first.contains(given)) || first.iter().any(|c| is_word(c)),
        );
    }
    let label = label_column(first.len(), first, &|_| true, options).ok().flatten();
    let columns: Vec<Below> = (0..first.len()).map(|column| Below::new(column, below)).collect();
    let cells = || first.iter().map(String::as_str).zip(&columns).enumerate();
    // A word above numbers names them.
    if cells().any(|(_, (cell, column))| is_word(cell) && column.are_numbers(decimal)) {
        return sure(true);
    }
    // A word that comes again is a value.
    let words = || cells().filter(|(at, (cell, _))| Some(*at) != label && is_word(cell));
    if words().any(|(_, (cell, column))| column.0.contains(&cell)) {
        return sure(false);
    }
    if words().next().is_some() {
        return Header { names: true, doubtful: !below.is_empty() && !words().any(|(_, (_, c))| c.repeat()) };
    }
    numbers(first, below, label, decimal)
}

/// Tells names that are numbers from a sample.
fn numbers(first: &[String], below: &[Vec<String>], label: Option<usize>, decimal: Decimal) -> Header {
    let sure = |names| Header { names, doubtful: false };
    let columns: Vec<Below> = (0..first.len()).map(|column| Below::new(column, below)).collect();
    // A column without a name that counts the rows: the others have names.
    let counts_rows = |column: &Below| {
        let counted = column.0.iter().filter_map(|cell| cell.parse::<usize>().ok());
        column.0.len() > 1
            && counted.clone().count() == column.0.len()
            && counted.clone().zip(counted.skip(1)).all(|(a, b)| a + 1 == b)
    };
    if first.len() > 1
        && first.first().is_some_and(String::is_empty)
        && columns.first().is_some_and(counts_rows)
    {
        return sure(true);
    }
    let features: Vec<usize> = (0..first.len()).filter(|at| Some(*at) != label).collect();
    let values = |row: &[String]| -> Vec<f64> {
        features.iter().filter_map(|&at| number(row.get(at)?, decimal)).collect()
    };
    let here = values(first);
    let word = label.and_then(|at| first.get(at)).map_or("", String::as_str);
    let comes_again = label.and_then(|at| columns.get(at)).is_some_and(|column| column.0.contains(&word));
    let counted = |from: usize| {
        let cells = features.iter().filter_map(|&at| first.get(at));
        !features.is_empty() && cells.enumerate().all(|(i, cell)| *cell == (from + i).to_string())
    };
    let counts = counted(0) || counted(1);
    let regular = here.len() >= 3 && here.len() == features.len() && equidistant(&here);
    if let (Some(_), Some(at)) = (label_rank(word), label) {
        // A column called so behind or between others, or above other labels.
        let is_name = at + 1 < first.len() || counts || regular || !word.eq_ignore_ascii_case("y");
        return sure(is_name && !comes_again);
    }
    // Numbers that count the columns, where the samples have other numbers.
    let found: Vec<f64> = below.iter().flat_map(|row| values(row)).collect();
    let fractions = !found.is_empty()
        && columns.iter().enumerate().all(|(at, column)| {
            Some(at) == label || column.0.iter().filter_map(|c| number(c, decimal)).any(|v| v.fract() != 0.0)
        });
    // The label column has a number, too, which no label is.
    let goes_on_to_label = !comes_again && word == (features.len() + usize::from(counted(1))).to_string();
    let foreign = goes_on_to_label || here.iter().any(|value| !found.contains(value));
    let goes_on = below.first().is_some_and(|row| equidistant(&values(row)) && !fractions);
    // A word that is no label, above labels that come again.
    let is_no_label =
        number(word, decimal).is_none() && label.and_then(|at| columns.get(at)).is_some_and(Below::repeat);
    let strange = here.iter().all(|value| !found.contains(value));
    let names = !below.is_empty()
        && foreign
        && !comes_again
        && (counts && (is_no_label || !goes_on && (fractions || features.len() >= 3))
            || regular && strange && is_no_label && !goes_on);
    let doubtful = if names { !fractions } else { regular && foreign && !below.is_empty() };
    Header { names, doubtful }
}

/// Whether numbers grow by the same step, not 0.
fn equidistant(values: &[f64]) -> bool {
    let steps: Vec<f64> = values.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let first = steps.first().copied().unwrap_or(0.0);
    first > 0.0 && steps.iter().all(|step| (step - first).abs() <= 1e-9 * first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Header {
        let row = |line: &str| line.split(',').map(String::from).collect::<Vec<String>>();
        let rows: Vec<Vec<String>> = text.split('\n').map(row).collect();
        header(&rows[0], &rows[1..], Decimal::Point, &ReadOptions::default())
    }

    #[test]
    fn headers_are_told_from_samples_by_a_single_line() {
        for line in
            ["a,b,label", "label,pixel0,pixel1", "label,0,1", "0,1,2,y", "1,2,target", "a,1,b", ",a,b"]
        {
            assert!(told(line).names, "{line}");
        }
        for line in ["5.1,3.5,setosa", "1,0.5,2", "3,4,y", "NA,1,a", "nan,1,2", "1,,a", "1,?,x"] {
            assert!(!told(line).names, "{line}");
        }
    }

    #[test]
    fn headers_are_told_from_samples_by_the_lines_below() {
        for text in [
            "0,1,2,species\n5.1,3.5,1.4,setosa\n4.9,3,1.4,setosa\n7,3.2,4.7,versicolor",
            "0,1,species\n5.1,3.5,setosa\n4.9,3,versicolor",
            "0,1,2,3\n5.1,3.5,1.4,0\n4.9,3.0,1.5,1",
            "0,1,2,3\n0,12,5,0\n1,9,13,1\n0,2,8,1",
            "2019,2020,2021,label\n5.1,3.5,1.4,a\n4.9,3.0,1.5,b",
            "2019,2020,2021,species\n5.1,3.5,1.4,a\n4.9,3.0,1.5,b\n5.0,3.1,1.5,a",
            "400.5,401.0,401.5,class\n0.1,0.2,0.3,a\n0.2,0.1,0.3,b",
            ",0,1,2\n0,5.1,3.5,1\n1,4.9,3.0,0",
            "sex,kind\nm,a\nf,b\nm,a",
            "1,2,kind\n1,2,3\n4,5,6",
        ] {
            assert!(told(text).names, "{text}");
        }
        for text in [
            "0,1,yes\n1,0,no",
            "0,1,yes\n1,0,no\n1,1,no\n0,0,no",
            "0,1,2,a\n1,2,0,b\n2,0,1,a",
            "0,1,2,3\n4,5,6,7\n8,9,10,11",
            "842302,M,17.99,0.1\n842517,M,20.57,0.2\n8510426,B,13.54,0.3",
            "1,2,y\n3,1,n\n2,2,y",
            "5.1,3.5,setosa\n4.9,3.0,setosa",
            "1,2,x\n3,4,y",
            "10,20,30,c\n20,10,30,a\n30,10,20,a",
            "10,20,30,c\n11,21,31,a\n12,22,32,a",
        ] {
            assert!(!told(text).names, "{text}");
        }
        assert!(told("400.5,401.0,401.5,spectrum\n0.1,0.2,0.3,a\n0.2,0.1,0.3,b").doubtful);
    }
}
