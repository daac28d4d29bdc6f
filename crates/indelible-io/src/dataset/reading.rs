//! What was read and what was not, for people and for `--json`.

use indelible::{Dataset, text::counted};

use super::table::is_missing;

/// Classes are counted against samples from this many samples on.
const FEW: usize = 20;

/// What a reader understood, so that nothing is misread in silence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reading {
    /// The format and its details: "CSV, separator ';', decimal comma, header".
    pub format: String,
    /// Where the labels come from: "column 'species'", "array 'y'", the name of a
    /// file; `None` where there are none.
    pub labels: Option<String>,
    /// The index from 0 of the column that holds the labels, where one of this file does.
    pub label_column: Option<usize>,
    /// What the file holds beside the samples: columns, arrays, comments.
    pub left_out: Vec<String>,
    /// What was done to the numbers; `None`: they are as they stand in the file.
    pub scaling: Option<String>,
    /// What may be a mistake.
    pub warnings: Vec<String>,
}

impl Reading {
    /// A file of `format`.
    pub(super) fn of(format: impl Into<String>) -> Self {
        Self { format: format.into(), ..Self::default() }
    }

    /// Adds what was done to the numbers.
    pub(super) fn add_scaling(&mut self, what: String) {
        self.scaling = Some(match self.scaling.take() {
            Some(scaling) => format!("{scaling}; {what}"),
            None => what,
        });
    }

    /// Adds what the labels themselves make doubtful.
    pub(super) fn doubt_labels(&mut self, data: &Dataset) {
        let Some(labels) = &self.labels else { return };
        let (classes, samples) = (data.classes(), data.samples());
        let names = data.class_names();
        if let Some(name) = names.iter().find(|name| is_missing(name)) {
            self.warnings.push(format!(
                "the label '{name}' ({labels}) was taken for a class, and may stand for a label that is missing"
            ));
        }
        let is_fraction =
            |name: &String| name.parse::<f64>().is_ok_and(|v| v.is_finite() && v.fract() != 0.0);
        let counts = format!("{} for {}", counted(classes, "class"), counted(samples, "sample"));
        if classes == 1 && samples > 1 && labels.starts_with("column ") {
            self.warnings
                .push(format!("all labels ({labels}) are the same; --label-column names another column"));
        }
        if let Some(fraction) = names.iter().find(|name| is_fraction(name)) {
            self.warnings.push(format!(
                "the labels ({labels}) look continuous: '{fraction}' is no integer, {counts}; --label-column names another column"
            ));
        } else if samples >= FEW && classes > samples / 2 {
            self.warnings.push(format!(
                "the labels ({labels}) hardly repeat: {counts}; --label-column names another column"
            ));
        }
    }
}
