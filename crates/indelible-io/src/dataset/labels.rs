//! From labels as they come to class indices and names.

use std::collections::{BTreeSet, HashMap};

use super::table::{Value, is_missing};

/// More classes than this in a file's own word are taken for a mistake: names
/// for them would fill the memory.
const MOST_CLASSES: u64 = 1 << 20;

/// What a file says about its classes, beyond the labels that occur.
pub(super) enum Declared {
    /// Their names, in order.
    Names(Vec<String>),
    /// Their number.
    Count(u64),
}

/// One label per sample, as it came.
#[derive(Default)]
pub(super) struct LabelSet {
    integers: HashMap<i128, usize>,
    words: HashMap<String, usize>,
    /// What each distinct label is called, in the order of appearance.
    names: Vec<String>,
    /// For each sample an index into `names`.
    indices: Vec<usize>,
    /// What of a list was left out; `None` where they are no list of lines.
    pub(super) left_out: Option<Vec<String>>,
}

impl LabelSet {
    /// None yet, of a list of lines of which this is left out.
    pub(super) fn of_lines(left_out: Vec<String>) -> Self {
        Self { left_out: Some(left_out), ..Self::default() }
    }

    /// Number of samples.
    pub(super) fn len(&self) -> usize {
        self.indices.len()
    }

    /// Adds the label of the next sample.
    ///
    /// # Errors
    /// When it is NaN or infinite.
    pub(super) fn push(&mut self, label: Value<'_>) -> Result<(), String> {
        match label {
            Value::Integer(label) => self.push_integer(label),
            Value::Text(label) if label.trim().is_empty() => {
                return Err(format!("the label of sample {} is empty", self.len()));
            }
            Value::Text(label) => self.push_word(label.trim()),
            Value::Single(label) => return self.push_real(label.into()),
            Value::Double(label) => return self.push_real(label),
        }
        Ok(())
    }

    fn push_integer(&mut self, label: i128) {
        let names = &mut self.names;
        let index = *self.integers.entry(label).or_insert_with(|| {
            names.push(label.to_string());
            names.len() - 1
        });
        self.indices.push(index);
    }

    /// An integer where the number is one.
    fn push_real(&mut self, label: f64) -> Result<(), String> {
        if let Some(whole) = whole(label) {
            self.push_integer(whole);
        } else if label.is_finite() {
            self.push_word(&label.to_string());
        } else {
            let sample = self.len();
            return Err(format!(
                "the label of sample {sample} is {label}; expected a finite number or a word"
            ));
        }
        Ok(())
    }

    /// Adds the label of the next sample.
    pub(super) fn push_word(&mut self, label: &str) {
        let new = self.names.len();
        let index = self.words.get(label).copied().unwrap_or(new);
        if index == new {
            self.words.insert(label.to_owned(), new);
            self.names.push(label.to_owned());
        }
        self.indices.push(index);
    }

    /// Takes the first label of a list away where it names the others rather than a
    /// class: a word that does not come again, above numbers or where there is one label
    /// more than `samples`.
    pub(super) fn take_name(&mut self, samples: usize) {
        let over_numbers = numbers(self.names.get(1..).unwrap_or_default()).is_some()
            && self.names.len() > 1
            && !self.names.first().is_some_and(|name| is_missing(name));
        if self.len() != samples + 1 && !over_numbers {
            return;
        }
        let Some(left_out) = &mut self.left_out else { return };
        let Some(name) = self.names.first().filter(|name| name.parse::<f64>().is_err()) else { return };
        if self.indices.first() == Some(&0) && self.indices.iter().skip(1).all(|&index| index > 0) {
            left_out.push(format!("the first line '{}' of the labels", name.escape_debug()));
            self.names.remove(0);
            self.indices.remove(0);
            self.indices.iter_mut().for_each(|index| *index -= 1);
            // Nobody adds labels behind the last.
            self.words.clear();
            self.integers.clear();
        }
    }

    /// A class index for every sample, and the names of the classes: integers
    /// in their order, everything else byte by byte.
    ///
    /// # Errors
    /// When a label contradicts what the file declares.
    pub(super) fn into_classes(
        mut self,
        declared: Option<Declared>,
    ) -> Result<(Vec<usize>, Vec<String>), String> {
        // Among numbers these are no words.
        let (doubtful, others): (Vec<_>, Vec<_>) =
            self.names.iter().cloned().partition(|name| is_missing(name) || is_infinite(name));
        if let Some(label) = doubtful.first().filter(|_| !others.is_empty() && numbers(&others).is_some()) {
            let what = if is_missing(label) { "stands for a value that is missing" } else { "is infinite" };
            return Err(format!("the label '{label}' {what}; the others are numbers"));
        }
        if let Some(names) = booleans(&self.names).or_else(|| numbers(&self.names)) {
            self.names = names;
        }
        let integers: Option<Vec<i128>> = self.names.iter().map(|name| integer(name)).collect();
        let by_position = matches!(declared, Some(Declared::Names(_)));
        let classes = match declared {
            None => in_order(&self.names, integers.as_deref()),
            Some(Declared::Names(names)) => names,
            Some(Declared::Count(count)) => counted(count, &self.names, integers.as_deref())?,
        };
        let place: HashMap<&str, usize> = classes.iter().enumerate().map(|(i, c)| (c.as_str(), i)).collect();
        if place.len() < classes.len() {
            return Err("'class_names' holds a name twice".into());
        }
        let mut class_of: Vec<_> = self.names.iter().map(|name| place.get(name.as_str()).copied()).collect();
        if let Some(integers) = integers.filter(|_| by_position && class_of.contains(&None)) {
            let first = i128::from(integers.contains(&(classes.len() as i128)));
            let position =
                |label: &i128| usize::try_from(label - first).ok().filter(|at| *at < classes.len());
            class_of = integers.iter().map(position).collect();
        }
        Ok((self.through(&class_of)?, classes))
    }

    /// The class of every sample, given that of every distinct label.
    fn through(&self, class_of: &[Option<usize>]) -> Result<Vec<usize>, String> {
        let class = |(sample, &index): (usize, &usize)| {
            class_of.get(index).copied().flatten().ok_or_else(|| {
                let label = self.names.get(index).map_or("", String::as_str).escape_debug();
                let problem = "is none of the classes that the file declares";
                format!("the label '{label}' of sample {sample} {problem}")
            })
        };
        self.indices.iter().enumerate().map(class).collect()
    }
}

fn is_infinite(name: &str) -> bool {
    name.parse().is_ok_and(f64::is_infinite)
}

/// `0` and `1` where all names are `false` and `true`, in any case: what the same
/// labels are in arrays and in Parquet.
fn booleans(names: &[String]) -> Option<Vec<String>> {
    let boolean = |name: &String| match name.to_ascii_lowercase().as_str() {
        "false" => Some("0".to_owned()),
        "true" => Some("1".to_owned()),
        _ => None,
    };
    names.iter().map(boolean).collect()
}

/// One text for every number where all names are numbers: `7` for `7.0`, `+7` and
/// `7e0`, `0.5` for `5e-1`. Digits with zeros before them (`007`) are left as they
/// are: they are a code rather than a number.
fn numbers(names: &[String]) -> Option<Vec<String>> {
    let canonical = |name: &String| {
        let unsigned = name.trim_start_matches(['+', '-']);
        if unsigned.len() > 1 && unsigned.starts_with('0') && unsigned.bytes().all(|b| b.is_ascii_digit()) {
            return Some(name.clone());
        }
        if let Some(whole) = integer(name) {
            return Some(whole.to_string());
        }
        let value: f64 = name.parse().ok().filter(|v: &f64| v.is_finite())?;
        Some(whole(value).map_or_else(|| value.to_string(), |whole| whole.to_string()))
    };
    names.iter().map(canonical).collect()
}

/// The integer that a number is.
#[expect(clippy::cast_possible_truncation, reason = "an integer below 2^100 is an i128")]
fn whole(value: f64) -> Option<i128> {
    (value.trunc() == value && value.abs() < 1e30).then_some(value as i128)
}

/// The text of a number without a fraction of zeros.
fn without_fraction(text: &str) -> &str {
    match text.split_once('.') {
        Some((whole, fraction)) if fraction.bytes().all(|b| b == b'0') => whole,
        _ => text,
    }
}

/// The integer that a text denotes: `7`, `-7`, `7.0`.
fn integer(text: &str) -> Option<i128> {
    without_fraction(text).parse().ok()
}

/// The distinct names in order.
fn in_order(names: &[String], integers: Option<&[i128]>) -> Vec<String> {
    match integers {
        // Two texts of one integer (7 and 07) are two classes, side by side.
        Some(integers) => {
            let distinct: BTreeSet<(i128, &String)> = integers.iter().copied().zip(names).collect();
            distinct.into_iter().map(|(_, name)| name.clone()).collect()
        }
        None => names.iter().collect::<BTreeSet<_>>().into_iter().cloned().collect(),
    }
}

/// The names of `count` classes that are numbered from 0 or 1.
fn counted(count: u64, names: &[String], integers: Option<&[i128]>) -> Result<Vec<String>, String> {
    if count == 0 || count > MOST_CLASSES {
        return Err(format!("'classes' is {count}; expected 1 to {MOST_CLASSES}"));
    }
    let Some(integers) = integers else {
        let word = names.iter().find(|name| integer(name).is_none()).map_or("", String::as_str);
        let word = word.escape_debug();
        return Err(format!(
            "'classes' needs integer labels, but there is the label '{word}'; give 'class_names'"
        ));
    };
    let first = u64::from(!integers.contains(&0));
    Ok((first..first + count).map(|label| label.to_string()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(labels: &[&str]) -> LabelSet {
        let mut set = LabelSet::default();
        labels.iter().for_each(|label| set.push_word(label));
        set
    }

    fn integers(labels: &[i128]) -> LabelSet {
        let mut set = LabelSet::default();
        labels.iter().for_each(|&label| set.push_integer(label));
        set
    }

    fn classes(set: LabelSet) -> (Vec<usize>, Vec<String>) {
        set.into_classes(None).unwrap()
    }

    #[test]
    fn integers_are_ordered_as_numbers_and_words_as_bytes() {
        let (indices, names) = classes(integers(&[10, 9, -1, 10]));
        assert_eq!((indices, names), (vec![2, 1, 0, 2], vec!["-1".into(), "9".into(), "10".into()]));
        let (indices, names) = classes(words(&["10", "9", "-1"]));
        assert_eq!((indices, names), (vec![2, 1, 0], vec!["-1".into(), "9".into(), "10".into()]));
        let (indices, names) = classes(words(&["b", "10", "9", "B"]));
        assert_eq!((indices, names), (vec![3, 0, 1, 2], ["10", "9", "B", "b"].map(String::from).to_vec()));
    }

    #[test]
    fn numbers_without_fraction_are_integers() {
        let mut set = LabelSet::default();
        for label in [1.0, -0.0, 2.0, 1.0] {
            set.push_real(label).unwrap();
        }
        assert_eq!(classes(set), (vec![1, 0, 2, 1], ["0", "1", "2"].map(String::from).to_vec()));
        let (indices, names) = classes(words(&["2.0", "1", "1.00"]));
        assert_eq!((indices, names), (vec![1, 0, 0], ["1", "2"].map(String::from).to_vec()));
        assert_eq!(classes(words(&["2.0", "1.5"])).1, ["1.5", "2"]);
        // The words keep their text where one of them is no number.
        assert_eq!(classes(words(&["2.0", "1.5", "a"])).1, ["1.5", "2.0", "a"]);
        // So do different texts of one integer.
        assert_eq!(classes(words(&["01", "1"])).1, ["01", "1"]);
        let mut set = LabelSet::default();
        assert!(set.push_real(f64::NAN).unwrap_err().contains("sample 0 is NaN"));
        assert!(set.push_real(f64::INFINITY).is_err());
    }

    #[test]
    fn one_number_is_one_class_however_it_is_written() {
        let set = words(&["1.000000e+00", "1", "+1", "-1.0", "1e0", "-0"]);
        assert_eq!(classes(set), (vec![2, 2, 2, 0, 2, 1], ["-1", "0", "1"].map(String::from).to_vec()));
        assert_eq!(classes(words(&["5e-1", "0.50", ".5"])), (vec![0; 3], vec!["0.5".to_owned()]));
        let mut set = LabelSet::default();
        for label in [0.5, 1.0, 2.5] {
            set.push_real(label).unwrap();
        }
        assert_eq!(classes(set).1, classes(words(&["0.5", "1", "2.50"])).1);
        assert_eq!(classes(words(&["007", "7"])).1, ["007", "7"]);
    }

    #[test]
    fn booleans_are_the_numbers_that_arrays_have() {
        for (no, yes) in [("False", "True"), ("FALSE", "TRUE"), ("false", "true")] {
            assert_eq!(classes(words(&[yes, no, yes])), classes(integers(&[1, 0, 1])));
        }
        assert_eq!(classes(words(&["True", "1"])).1, ["1", "True"]);
        assert_eq!(classes(words(&["True", "maybe"])).1, ["True", "maybe"]);
    }

    #[test]
    fn what_is_no_label_among_numbers_is_refused() {
        for (label, said) in
            [("nan", "missing"), ("", "missing"), ("inf", "infinite"), ("-Infinity", "infinite")]
        {
            let found = words(&["1.0", label, "1"]).into_classes(None);
            assert!(found.is_err_and(|what| what.contains(said)), "{label}");
            assert_eq!(classes(words(&["a", label])).1.len(), 2);
        }
    }

    #[test]
    fn a_name_of_the_labels_is_a_word_that_does_not_come_again() {
        let mut set = LabelSet { left_out: Some(vec![]), ..words(&["species", "b", "a", "b"]) };
        set.take_name(3);
        assert!(set.left_out.as_ref().is_some_and(|left_out| left_out[0].contains("'species'")));
        assert_eq!((set.len(), classes(set)), (3, (vec![1, 0, 1], ["a", "b"].map(String::from).to_vec())));
        for labels in [&["b", "a", "b"][..], &["7", "0", "1"], &[]] {
            let mut set = LabelSet { left_out: Some(vec![]), ..words(labels) };
            set.take_name(2);
            assert_eq!((set.len(), set.left_out), (labels.len(), Some(vec![])));
        }
        // Above numbers it is one however many there are.
        for (labels, left) in
            [(&["kind", "1", "0.5"][..], 2), (&["?", "1", "0"], 3), (&["kind", "a", "b"], 3)]
        {
            let mut set = LabelSet { left_out: Some(vec![]), ..words(labels) };
            set.take_name(3);
            assert_eq!(set.len(), left, "{labels:?}");
        }
        // Of an array it is a label like others.
        let mut set = words(&["species", "b"]);
        set.take_name(1);
        assert_eq!(set.len(), 2);
    }

    #[test]
    fn strings_lose_the_blanks_around_them() {
        let mut set = LabelSet::default();
        for label in ["a ", " a", "a"] {
            set.push(Value::Text(label)).unwrap();
        }
        assert_eq!(classes(set), (vec![0; 3], vec!["a".to_owned()]));
        assert!(LabelSet::default().push(Value::Text(" ")).is_err());
    }

    #[test]
    fn a_declared_count_adds_the_classes_that_do_not_occur() {
        let (indices, names) = integers(&[5, 1, 2]).into_classes(Some(Declared::Count(5))).unwrap();
        assert_eq!((indices, names), (vec![4, 0, 1], ["1", "2", "3", "4", "5"].map(String::from).to_vec()));
        let (indices, names) = integers(&[2, 0]).into_classes(Some(Declared::Count(4))).unwrap();
        assert_eq!((indices, names), (vec![2, 0], ["0", "1", "2", "3"].map(String::from).to_vec()));
        for (set, count) in [
            (integers(&[0, 4]), 4),
            (integers(&[6]), 5),
            (integers(&[-1]), 5),
            (words(&["a"]), 1),
            (integers(&[1]), 0),
        ] {
            assert!(set.into_classes(Some(Declared::Count(count))).is_err());
        }
        assert!(integers(&[1]).into_classes(Some(Declared::Count(1 << 60))).unwrap_err().contains("1048576"));
    }

    #[test]
    fn declared_names_are_met_by_name_or_by_position() {
        let names = |names: &[&str]| Some(Declared::Names(names.iter().map(|&n| n.into()).collect()));
        let take = |set: LabelSet, declared| set.into_classes(declared).map(|(indices, _)| indices);
        assert_eq!(take(words(&["b", "a"]), names(&["b", "c", "a"])), Ok(vec![0, 2]));
        assert_eq!(take(integers(&[2, 0]), names(&["b", "c", "a"])), Ok(vec![2, 0]));
        assert_eq!(take(integers(&[3, 1]), names(&["b", "c", "a"])), Ok(vec![2, 0]));
        assert_eq!(take(integers(&[5, 3]), names(&["3", "4", "5"])), Ok(vec![2, 0]));
        assert!(take(integers(&[3, 0]), names(&["b", "c", "a"])).unwrap_err().contains("'0' of sample 1"));
        assert!(take(words(&["d"]), names(&["b", "c", "a"])).is_err());
        assert!(take(words(&["a"]), names(&["a", "a"])).is_err());
    }
}
