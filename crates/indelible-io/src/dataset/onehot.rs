//! Words as features: one feature for each word of a column, 1 where a sample has
//! it and 0 elsewhere.

use std::collections::HashMap;

use indelible::text::counted;

use crate::DataError;

/// More words than these in one column are names of samples rather than
/// categories.
const MOST_WORDS: usize = 256;

/// The words of one column.
#[derive(Default)]
struct Vocabulary {
    codes: HashMap<String, usize>,
    /// In the order of appearance.
    words: Vec<String>,
}

/// The words of every column of features that holds words.
pub(super) struct Vocabularies(Vec<Option<Vocabulary>>);

/// What becomes of the columns: values, names of features, what to say.
pub(super) struct Expanded {
    pub(super) values: Vec<f64>,
    pub(super) names: Vec<String>,
    pub(super) said: Vec<String>,
}

impl Vocabularies {
    /// Which columns of features hold words.
    pub(super) fn new(words: impl IntoIterator<Item = bool>) -> Self {
        Self(words.into_iter().map(|words| words.then(Vocabulary::default)).collect())
    }

    /// Whether any column holds words.
    pub(super) fn any(&self) -> bool {
        self.0.iter().any(Option::is_some)
    }

    /// Whether the column at this position among the features holds words.
    pub(super) fn has(&self, position: usize) -> bool {
        self.0.get(position).is_some_and(Option::is_some)
    }

    /// The number that stands for a word until all are known.
    ///
    /// # Errors
    /// When there are too many.
    pub(super) fn code(&mut self, position: usize, word: &str) -> Result<f64, String> {
        let Some(Some(Vocabulary { codes, words })) = self.0.get_mut(position) else {
            return Err(format!("'{}' is not a number", word.escape_debug()));
        };
        let word = word.trim();
        if word.is_empty() {
            return Err("the cell is empty; expected a word".into());
        }
        if let Some(&code) = codes.get(word) {
            return Ok(code as f64);
        }
        if words.len() == MOST_WORDS {
            return Err(format!(
                "the column has more than {MOST_WORDS} different words; --drop leaves it out"
            ));
        }
        codes.insert(word.to_owned(), words.len());
        words.push(word.to_owned());
        Ok((words.len() - 1) as f64)
    }

    /// The values with a feature for every word, in the order of bytes; a word
    /// that is missing (NaN) is missing in all of them.
    ///
    /// # Errors
    /// When there are too many for any memory.
    pub(super) fn expand(
        &self,
        values: &[f64],
        name: impl Fn(usize) -> String,
    ) -> Result<Expanded, DataError> {
        let (mut names, mut said) = (Vec::new(), Vec::new());
        // For every column the codes in the order of their words.
        let mut orders: Vec<Option<Vec<f64>>> = Vec::new();
        for (position, vocabulary) in self.0.iter().enumerate() {
            let name = name(position);
            let Some(Vocabulary { words, .. }) = vocabulary else {
                names.push(name);
                orders.push(None);
                continue;
            };
            let mut sorted: Vec<(&String, usize)> = words.iter().zip(0..).collect();
            sorted.sort();
            names.extend(sorted.iter().map(|(word, _)| format!("{name}={word}")));
            said.push(format!(
                "column {name} is one feature for each of its {}, 0 or 1: samples that differ in it are 1 apart in linf",
                counted(sorted.len(), "word")
            ));
            orders.push(Some(sorted.into_iter().map(|(_, code)| code as f64).collect()));
        }
        let rows = values.len().checked_div(self.0.len()).unwrap_or(0);
        if rows.checked_mul(names.len()).and_then(|count| count.checked_mul(size_of::<f64>())).is_none() {
            return Err(DataError::unsupported(
                "a table of more values than any memory holds",
                "fewer words",
            ));
        }
        let mut expanded = Vec::with_capacity(rows * names.len());
        for row in values.chunks_exact(self.0.len().max(1)) {
            for (&value, order) in row.iter().zip(&orders) {
                let Some(order) = order else {
                    expanded.push(value);
                    continue;
                };
                let entry = |code: &f64| if value.is_nan() { value } else { f64::from(*code == value) };
                expanded.extend(order.iter().map(entry));
            }
        }
        Ok(Expanded { values: expanded, names, said })
    }
}
