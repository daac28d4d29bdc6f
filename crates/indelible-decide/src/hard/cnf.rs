//! NAE-3SAT in DIMACS form.

use super::SetSystem;
use crate::{Error, error::clip};

/// Clauses of two or three literals, not all of which may be equal.
///
/// A literal is a variable `1..=V` or its negative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cnf {
    variables: usize,
    clauses: Vec<Vec<i64>>,
}

/// What a header looks like.
const EXPECTED: &str = "expected 'p cnf VARIABLES CLAUSES'";

/// The most variables: each becomes two elements.
const MOST_VARIABLES: usize = 50_000;

impl Cnf {
    /// Reads DIMACS: `c` comments, one line `p cnf VARIABLES CLAUSES`, then
    /// literals, each clause ended by 0. Literals that occur twice in a clause
    /// count once.
    ///
    /// # Errors
    /// With the line: when the header is missing or unreadable, something is no
    /// literal, a variable is out of range, a clause has another size than 2 or
    /// 3, the last clause has no 0, or the clauses are not as many as promised.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut header: Option<(usize, usize)> = None;
        let mut clauses = Vec::new();
        let mut clause: Vec<i64> = Vec::new();
        let mut last = 0;
        for (index, line) in text.lines().enumerate() {
            last = index + 1;
            let syntax = |what: String| Error::Syntax { line: index + 1, what };
            let trimmed = line.trim();
            if trimmed.is_empty() || trimmed == "c" || trimmed.starts_with("c ") {
                continue;
            }
            // Some collections end a file with a line of a per cent sign.
            if trimmed == "%" {
                break;
            }
            if trimmed.starts_with('p') {
                if header.is_some() {
                    return Err(syntax("a second header; expected one 'p cnf' line".into()));
                }
                header = Some(read_header(trimmed).map_err(syntax)?);
                continue;
            }
            let Some((variables, _)) = header else {
                return Err(syntax(format!("'{}' before the header; {EXPECTED}", clip(trimmed))));
            };
            for word in trimmed.split_whitespace() {
                let literal: i64 = word
                    .parse()
                    .map_err(|_| syntax(format!("'{}' is no literal; expected a number", clip(word))))?;
                if literal == 0 {
                    clauses.push(checked(std::mem::take(&mut clause)).map_err(syntax)?);
                    continue;
                }
                if variable(literal) > variables {
                    return Err(syntax(format!(
                        "literal {literal} is out of range; the header promises {variables} variables"
                    )));
                }
                clause.push(literal);
            }
        }
        let end = |what: String| Error::Syntax { line: last.max(1), what };
        let Some((variables, promised)) = header else {
            return Err(end(format!("no header; {EXPECTED}")));
        };
        if !clause.is_empty() {
            return Err(end("the last clause has no end; expected a 0".into()));
        }
        if clauses.len() != promised {
            return Err(end(format!("{} clauses; the header promises {promised}", clauses.len())));
        }
        Ok(Self { variables, clauses })
    }

    /// Number of variables, `V`.
    #[must_use]
    pub fn variables(&self) -> usize {
        self.variables
    }

    /// The clauses.
    #[must_use]
    pub fn clauses(&self) -> &[Vec<i64>] {
        &self.clauses
    }

    /// The set system over the `2V` literals: `v` is element `2v − 1` and `¬v`
    /// element `2v`; a pair `{v, ¬v}` for every variable and a set for every
    /// clause.
    ///
    /// # Errors
    /// When there is no variable.
    pub fn set_system(&self) -> Result<SetSystem, Error> {
        let pairs = (1..=self.variables).map(|v| vec![2 * v - 1, 2 * v]);
        let clauses = self.clauses.iter().map(|c| c.iter().map(|&l| element(l)).collect());
        SetSystem::new(2 * self.variables, pairs.chain(clauses).collect())
    }

    /// The assignment that a splitting of [`set_system`](Self::set_system)
    /// stands for: variable `v` is true when its element has colour `true`.
    #[must_use]
    pub fn assignment(&self, colours: &[bool]) -> Vec<bool> {
        colours.iter().copied().step_by(2).take(self.variables).collect()
    }

    /// The first clause (counted from 0) whose literals are all true or all
    /// false; `None` when there is none.
    #[must_use]
    pub fn violated(&self, assignment: &[bool]) -> Option<usize> {
        let value = |literal: i64| {
            assignment.get(variable(literal) - 1).copied().unwrap_or_default() == (literal > 0)
        };
        self.clauses.iter().position(|c| c.windows(2).all(|pair| value(pair[0]) == value(pair[1])))
    }
}

/// The variable of a literal.
fn variable(literal: i64) -> usize {
    usize::try_from(literal.unsigned_abs()).unwrap_or(usize::MAX)
}

/// The element of a literal.
fn element(literal: i64) -> usize {
    2 * variable(literal) - usize::from(literal > 0)
}

/// The numbers of a line `p cnf VARIABLES CLAUSES`.
fn read_header(line: &str) -> Result<(usize, usize), String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let numbers = match words[..] {
        ["p", "cnf", variables, clauses] => variables.parse().ok().zip(clauses.parse().ok()),
        _ => None,
    };
    let (variables, clauses) = numbers.ok_or_else(|| format!("'{}' is no header; {EXPECTED}", clip(line)))?;
    if !(1..=MOST_VARIABLES).contains(&variables) {
        return Err(format!("{variables} variables; expected 1 to {MOST_VARIABLES}"));
    }
    Ok((variables, clauses))
}

/// The clause with each literal once, or what is wrong with it.
fn checked(mut clause: Vec<i64>) -> Result<Vec<i64>, String> {
    clause.sort_unstable();
    clause.dedup();
    if (2..=3).contains(&clause.len()) {
        Ok(clause)
    } else {
        Err(format!("a clause of {} different literals; expected 2 or 3", clause.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(text: &str) -> String {
        Cnf::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn reads_dimacs() {
        let cnf = Cnf::parse("c hello\np cnf 3 2\n1 -2\n3 0 2 -3 2 0\n%\n0\n").unwrap();
        assert_eq!(cnf.clauses(), [vec![-2, 1, 3], vec![-3, 2]]);
        assert_eq!(cnf.violated(&[true, false, true]), Some(0));
        assert_eq!(cnf.violated(&[true, true, true]), None);
        let sets = cnf.set_system().unwrap();
        assert_eq!(sets.elements(), 6);
        assert_eq!(sets.sets().last(), Some(&vec![3, 6]));
        assert_eq!(cnf.assignment(&[true, false, true, false, true, false]), [true; 3]);
    }

    #[test]
    fn complains_with_the_line() {
        assert_eq!(
            complaint("1 2 0"),
            "line 1: '1 2 0' before the header; expected 'p cnf VARIABLES CLAUSES'"
        );
        assert_eq!(
            complaint("p cnf x 2"),
            "line 1: 'p cnf x 2' is no header; expected 'p cnf VARIABLES CLAUSES'"
        );
        assert_eq!(complaint("p cnf 2 1\n1 0"), "line 2: a clause of 1 different literals; expected 2 or 3");
        assert_eq!(
            complaint("p cnf 4 1\n1 2 3 4 0"),
            "line 2: a clause of 4 different literals; expected 2 or 3"
        );
        assert_eq!(
            complaint("p cnf 2 1\n1 3 0"),
            "line 2: literal 3 is out of range; the header promises 2 variables"
        );
        assert_eq!(complaint("p cnf 2 1\n1 z 0"), "line 2: 'z' is no literal; expected a number");
        assert_eq!(complaint("p cnf 2 1\n1 2"), "line 2: the last clause has no end; expected a 0");
        assert_eq!(complaint("p cnf 2 2\n1 2 0"), "line 2: 1 clauses; the header promises 2");
        assert_eq!(complaint(""), "line 1: no header; expected 'p cnf VARIABLES CLAUSES'");
        assert_eq!(
            complaint("p cnf 99999999999999999999 1"),
            "line 1: 'p cnf 99999999999999999999 1' is no header; expected 'p cnf VARIABLES CLAUSES'"
        );
        assert_eq!(
            complaint("p cnf 2 1\n-9223372036854775808 1 0").split(';').next(),
            Some("line 2: literal -9223372036854775808 is out of range")
        );
    }
}
