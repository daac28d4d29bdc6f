//! Systems of sets of two or three elements, and their text form.

use std::{collections::BTreeSet, fmt::Display};

use indelible::text::counted;

use crate::{Error, error::clip};

/// The most elements a system may have: its dataset has as many features.
const MOST_ELEMENTS: usize = 100_000;

/// Sets of two or three of the elements `1..=m`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetSystem {
    elements: usize,
    sets: Vec<Vec<usize>>,
}

impl SetSystem {
    /// A system over the elements `1..=elements`. A set that occurs twice is
    /// kept once.
    ///
    /// # Errors
    /// When there is no element, an element is out of range, or a set has
    /// another size than 2 or 3.
    pub fn new(elements: usize, sets: Vec<Vec<usize>>) -> Result<Self, Error> {
        if elements == 0 || elements > MOST_ELEMENTS {
            return Err(Error::BadSetSystem(format!(
                "{}; expected 1 to {MOST_ELEMENTS}",
                counted(elements, "element")
            )));
        }
        let mut unique = BTreeSet::new();
        let mut kept = Vec::new();
        for (index, set) in sets.into_iter().enumerate() {
            let bad = |what: String| Error::BadSetSystem(format!("set {}: {what}", index + 1));
            let set = checked(set, elements).map_err(bad)?;
            if unique.insert(set.clone()) {
                kept.push(set);
            }
        }
        Ok(Self { elements, sets: kept })
    }

    /// Reads one set per line: elements from 1, separated by blanks. Empty
    /// lines and lines that begin with `#` are skipped. Without `elements`
    /// there are as many as the largest one named.
    ///
    /// # Errors
    /// With the line: when something is no number, an element is out of range,
    /// a set has another size than 2 or 3, or there is no set at all.
    pub fn parse(text: &str, elements: Option<usize>) -> Result<Self, Error> {
        let most = elements.unwrap_or(MOST_ELEMENTS);
        let mut sets = Vec::new();
        for (index, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.trim_start().starts_with('#') {
                continue;
            }
            let syntax = |what: String| Error::Syntax { line: index + 1, what };
            let mut set = Vec::new();
            for word in line.split_whitespace() {
                let element: i64 = word
                    .parse()
                    .map_err(|_| syntax(format!("'{}' is no element; expected a number", clip(word))))?;
                let inside = usize::try_from(element).ok().filter(|e| (1..=most).contains(e));
                set.push(inside.ok_or_else(|| syntax(out_of_range(element, most)))?);
            }
            sets.push(checked(set, most).map_err(syntax)?);
        }
        if sets.is_empty() {
            return Err(Error::BadSetSystem("the file holds no set".into()));
        }
        let largest = sets.iter().flatten().copied().max();
        Self::new(elements.or(largest).unwrap_or_default(), sets)
    }

    /// Number of elements, `m`.
    #[must_use]
    pub fn elements(&self) -> usize {
        self.elements
    }

    /// The sets: elements from 1, ascending.
    #[must_use]
    pub fn sets(&self) -> &[Vec<usize>] {
        &self.sets
    }

    /// The first set that `colours` (one per element) leaves in one colour;
    /// `None` when the colouring splits every set.
    #[must_use]
    pub fn unsplit(&self, colours: &[bool]) -> Option<&[usize]> {
        let colour = |element: usize| colours.get(element - 1).copied().unwrap_or_default();
        let mut sets = self.sets.iter().map(Vec::as_slice);
        sets.find(|set| set.windows(2).all(|pair| colour(pair[0]) == colour(pair[1])))
    }

    /// Says which set `colours` does not split.
    pub(super) fn check_split(&self, colours: &[bool]) -> Result<(), String> {
        let complaint = |set: &[usize]| format!("the colouring leaves the set {set:?} in one colour");
        self.unsplit(colours).map(complaint).map_or(Ok(()), Err)
    }
}

fn out_of_range(element: impl Display, most: usize) -> String {
    format!("element {element} is out of range; expected 1 to {most}")
}

/// The set in ascending order, each element once, or what is wrong with it.
fn checked(mut set: Vec<usize>, elements: usize) -> Result<Vec<usize>, String> {
    set.sort_unstable();
    set.dedup();
    if let Some(element) = set.iter().find(|e| !(1..=elements).contains(*e)) {
        return Err(out_of_range(element, elements));
    }
    if !(2..=3).contains(&set.len()) {
        return Err(format!("a set of {}; expected 2 or 3", counted(set.len(), "element")));
    }
    Ok(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(text: &str, elements: Option<usize>) -> String {
        SetSystem::parse(text, elements).unwrap_err().to_string()
    }

    #[test]
    fn reads_sets_and_skips_comments() {
        let system = SetSystem::parse("# a triangle\n1 2\n\n3 2 2\r\n 1\t3\n2 1\n", None).unwrap();
        assert_eq!(system.elements(), 3);
        assert_eq!(system.sets(), [vec![1, 2], vec![2, 3], vec![1, 3]]);
        assert_eq!(system.unsplit(&[true, false, true]), Some(&[1, 3][..]));
        assert_eq!(SetSystem::parse("1 2", Some(9)).unwrap().elements(), 9);
    }

    #[test]
    fn complains_with_the_line() {
        assert_eq!(complaint("1 2\n7", None), "line 2: a set of 1 element; expected 2 or 3");
        assert_eq!(complaint("1 2 3 4", None), "line 1: a set of 4 elements; expected 2 or 3");
        assert_eq!(complaint("1 1", None), "line 1: a set of 1 element; expected 2 or 3");
        assert_eq!(complaint("0 1", None), "line 1: element 0 is out of range; expected 1 to 100000");
        assert_eq!(complaint("-3 1", Some(4)), "line 1: element -3 is out of range; expected 1 to 4");
        assert_eq!(complaint("1 5", Some(4)), "line 1: element 5 is out of range; expected 1 to 4");
        assert_eq!(complaint("1 x", None), "line 1: 'x' is no element; expected a number");
        assert_eq!(complaint("\n#\n", None), "the file holds no set");
    }
}
