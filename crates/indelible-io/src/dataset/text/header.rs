//! Whether the first line of a table names the columns or is a sample.

use std::collections::HashSet;

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

    /// Whether some cell comes again.
    fn repeat(&self) -> bool {
        self.distinct() < self.0.len()
    }

    /// Whether cells come twice and more on average.
    fn repeat_all(&self) -> bool {
        self.0.len() >= 4 && 2 * self.distinct() <= self.0.len()
    }

    /// Whether they do so, and differ.
    fn are_classes(&self) -> bool {
        self.repeat_all() && self.distinct() > 1
    }

    /// Whether they come four times and more on average, and differ.
    fn are_frequent(&self) -> bool {
        4 * self.distinct() <= self.0.len() && self.distinct() > 1
    }

    fn are_words(&self, decimal: Decimal) -> bool {
        self.0.iter().all(|cell| number(cell, decimal).is_none())
    }

    fn distinct(&self) -> usize {
        self.0.iter().collect::<HashSet<_>>().len()
    }

    /// Whether they are integers that grow by one.
    fn count_rows(&self) -> bool {
        let counted: Option<Vec<usize>> = self.0.iter().map(|cell| cell.parse().ok()).collect();
        counted.is_some_and(|rows| {
            (rows.len() > 1 || rows.first().is_some_and(|row| *row <= 1))
                && rows.windows(2).all(|pair| pair[0].checked_add(1) == Some(pair[1]))
        })
    }

    /// Whether they are different integers.
    fn number_rows(&self) -> bool {
        self.0.iter().all(|cell| cell.parse::<u64>().is_ok()) && !self.repeat()
    }

    /// Whether there are three or more, all written with decimals.
    fn have_decimals(&self) -> bool {
        self.0.len() >= 3 && self.0.iter().all(|cell| cell.contains(['.', ',', 'e', 'E']))
    }

    /// Whether three numbers or more are all farther from `value` than from each other.
    fn is_far_from(&self, value: f64, decimal: Decimal) -> bool {
        let numbers: Vec<f64> = self.0.iter().filter_map(|cell| number(cell, decimal)).collect();
        let least = numbers.iter().copied().fold(f64::INFINITY, f64::min);
        let most = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        numbers.len() >= 3 && (least - value > most - least || value - most > most - least)
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
    let columns: Vec<Below> = (0..first.len()).map(|column| Below::new(column, below)).collect();
    // A column without a name that counts the rows: the others have names.
    if first.len() > 1
        && first.first().is_some_and(String::is_empty)
        && columns.first().is_some_and(Below::count_rows)
    {
        return Header { names: true, doubtful: false };
    }
    // So does one of different integers, where the others are counted.
    let is_counted = |(at, cell): (usize, &String)| *cell == at.to_string();
    if let [corner, names @ ..] = first
        && corner.is_empty()
        && !names.is_empty()
        && names.iter().enumerate().all(is_counted)
        && columns.first().is_some_and(|column| column.0.len() == below.len() && column.number_rows())
        && below.len() > 1
    {
        return Header { names: true, doubtful: false };
    }
    let features: Vec<usize> = (0..first.len()).filter(|at| Some(*at) != label).collect();
    let values = |row: &[String]| -> Vec<f64> {
        features.iter().filter_map(|&at| number(row.get(at)?, decimal)).collect()
    };
    // Names have points where the numbers below have commas.
    let here: Vec<f64> = features
        .iter()
        .filter_map(|&at| first.get(at).and_then(|cell| number(cell, decimal).or_else(|| cell.parse().ok())))
        .collect();
    let word = label.and_then(|at| first.get(at)).map_or("", String::as_str);
    let labels = label.and_then(|at| columns.get(at));
    let comes_again = labels.is_some_and(|column| column.0.contains(&word));
    // With a point (0.0, 1.0) it takes three to count.
    let counted = |from: usize| {
        let cells = features.iter().filter_map(|&at| first.get(at));
        !features.is_empty() && cells.enumerate().all(|(i, cell)| *cell == (from + i).to_string())
    };
    let written = counted(0) || counted(1);
    let step_of_one = here.len() >= 3 && here.windows(2).all(|pair| pair[1] - pair[0] == 1.0);
    let from_start = here.first().is_some_and(|first| *first == 0.0 || *first == 1.0);
    let counts = written || step_of_one && from_start && here.len() == features.len();
    let step = equal_steps(&here);
    let regular = here.len() >= 3 && here.len() == features.len() && step.is_some();
    if let (Some(_), Some(at)) = (label_rank(word), label) {
        // A column called so behind or between others, or above other labels.
        let is_name = at + 1 < first.len() || counts || regular || !word.eq_ignore_ascii_case("y");
        // Above others that come again it is hardly a label, but for yes and no.
        let doubtful = !is_name && !comes_again && labels.is_some_and(Below::are_classes);
        return Header { names: (is_name || doubtful) && !comes_again, doubtful };
    }
    let found: Vec<f64> = below.iter().flat_map(|row| values(row)).collect();
    let fractions = !found.is_empty()
        && columns.iter().enumerate().all(|(at, column)| {
            Some(at) == label || column.0.iter().filter_map(|c| number(c, decimal)).any(|v| v.fract() != 0.0)
        });
    // The label column has the next number, too, which no label is.
    let next = here.last().map(|last| last + step.unwrap_or(1.0));
    let goes_on_to_label = !comes_again && word.parse().ok() == next;
    let foreign = goes_on_to_label || here.iter().any(|value| !found.contains(value));
    let strange = here.iter().all(|value| !found.contains(value));
    let goes_on =
        !fractions && step.is_some() && below.first().is_some_and(|row| equal_steps(&values(row)) == step);
    // A word that is no label, above labels that come again.
    let is_no_label = number(word, decimal).is_none() && !comes_again && labels.is_some_and(Below::repeat);
    // Three or more that grow, far from all numbers below, as wavelengths are.
    let far = |(at, value): (&usize, &f64)| columns.get(*at).is_some_and(|c| c.is_far_from(*value, decimal));
    // Two that grow by the step from the second to the label's, which no label is.
    let is_pair = here.len() == 2 && features.len() == 2 && step.is_some() && goes_on_to_label;
    let is_outside = here.len() >= 3
        && here.len() == features.len()
        && here.windows(2).all(|pair| pair[0] < pair[1])
        && features.iter().zip(&here).all(far);
    let names = !below.is_empty()
        && !comes_again
        && (counts && is_no_label && (foreign || features.len() >= 3)
            || counts && foreign && !goes_on && (fractions || features.len() >= 3)
            || counts && strange && !goes_on && features.len() == 2 && (label.is_none() || goes_on_to_label)
            || regular && strange && !goes_on && (is_no_label || goes_on_to_label)
            || is_pair && strange && !goes_on && labels.is_some_and(Below::repeat)
            || is_outside && (label.is_none() || labels.is_some_and(Below::repeat)));
    // Integers over numbers that are all written with decimals; counted from 0 with the
    // label's, as frames without names have it, they are names.
    let integers_over_decimals = !features.is_empty()
        && features.iter().all(|&at| {
            first.get(at).is_some_and(|cell| cell.parse::<u64>().is_ok())
                && columns.get(at).is_some_and(Below::have_decimals)
        });
    let is_frame = integers_over_decimals && label.is_some() && first.iter().enumerate().all(is_counted);
    if is_frame && !names {
        return Header { names: true, doubtful: true };
    }
    let doubtful = match names {
        true => {
            let is_plain = written && (label.is_some() || features.len() >= 3);
            !fractions || !(is_plain || regular && is_no_label)
        }
        false => {
            // A word over classes, a number over words or over classes that come often.
            let is_other = number(word, decimal).is_some() && labels.is_some_and(|c| c.are_words(decimal));
            let is_lone = number(word, decimal).is_some()
                && !comes_again
                && strange
                && labels.is_some_and(Below::are_frequent);
            !below.is_empty()
                && (regular && foreign || is_no_label || is_other || is_lone || integers_over_decimals)
        }
    };
    Header { names, doubtful }
}

/// The step by which numbers grow, where it is the same between all of them.
fn equal_steps(values: &[f64]) -> Option<f64> {
    let steps: Vec<f64> = values.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let first = *steps.first().filter(|step| **step > 0.0)?;
    steps.iter().all(|step| (step - first).abs() <= 1e-9 * first).then_some(first)
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
            ",0,1,2\n5,5.1,3.5,1\n2,4.9,3.0,0",
            "0,1\n0.5,0\n0.25,1\n0.75,0",
            "0,1,2,species\n2,0,1,a\n1,2,0,b\n0,1,2,a",
            "0.0,1.0,2.0,3.0\n5.1,3.5,1.4,0\n4.9,3.0,1.5,1",
            "2019,2020,2021,2022\n5.1,3.5,1.4,0\n4.9,3.0,1.5,1",
            "400.5,401.0,401.7,x\n0.1,0.2,0.3,a\n0.2,0.1,0.3,b\n0.2,0.3,0.3,b",
            "1850,1900,2000,1\n7,2,3,0\n2,1,3,2\n2,3,4,2",
            "0,1,2\n7,5,0\n8,6,1\n9,7,1",
            "sex,kind\nm,a\nf,b\nm,a",
            "2018,2019,2020\n5.1,3.5,0\n4.9,3.0,1\n4.7,3.1,1",
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
            "5,6,7\n8,9,10\n1,4,7",
            "5,6,7\n8,9,1\n1,4,2",
            "10,20,30,c\n20,10,30,a\n30,10,20,a",
            "10,20,30,c\n11,21,31,a\n12,22,32,a",
            "False,True,True,c\nTrue,False,True,a\nTrue,True,False,a",
            "5,3,1,c\n4,3,2,a\n6,2,1,a\n5,2,2,b\n5,3,3,b",
        ] {
            assert!(!told(text).names, "{text}");
        }
        let points = ReadOptions { expected_features: Some(2), ..ReadOptions::default() };
        let rows = |cells: [[&str; 2]; 3]| cells.map(|row| row.map(String::from).to_vec());
        for (start, names) in [(["0", "1"], true), (["0.0", "1.0"], false)] {
            let rows = rows([start, ["0.5", "0.7"], ["0.3", "0.2"]]);
            let told = header(&rows[0], &rows[1..], Decimal::Point, &points);
            assert_eq!((told.names, told.doubtful), (names, names), "{start:?}");
        }
        for text in [
            "0.0,1.0,2.0,3\n5.1,3.5,1.4,0\n4.9,3.0,1.5,1",
            "400.5,401.0,401.5,spectrum\n0.1,0.2,0.3,a\n0.2,0.1,0.3,b",
            "5,3,1,c\n4,3,2,a\n6,2,1,a\n5,2,2,b\n5,3,3,b",
            "0,1,2,species\n2,0,1,a\n1,2,0,b\n0,1,2,a",
            "2000,y\n5,a\n7,b\n8,a\n9,b",
            "0.0,1.0,2\n6.5,2,setosa",
            "2018,2019,2020\n5.1,3.5,0\n4.9,3.0,1\n4.7,3.1,1",
            "2018,2020,2021\n5.1,3.5,0\n4.9,3.0,1\n4.7,3.1,0\n5.1,3.5,0\n4.9,3.0,1\n4.7,3.1,1\n4.2,3,1\n4,1,0",
            "1850,1900,2000,kind\n0.5,2,3,a\n2,1,3,b\n2,3,4,b",
        ] {
            assert!(told(text).doubtful, "{text}");
        }
    }
}
