//! Words and parentheses: what the text of a query is made of.

use crate::error::Problem;

/// Parentheses that may be open at once. What is read is walked by recursion, and
/// queries that people write have about five.
const DEEPEST: usize = 200;

/// A word, or a list in parentheses.
#[derive(Debug)]
pub(crate) enum Form<'t> {
    Word { text: &'t str, at: usize },
    List { items: Vec<Form<'t>>, at: usize },
}

impl<'t> Form<'t> {
    /// Where it begins.
    pub fn at(&self) -> usize {
        match self {
            Self::Word { at, .. } | Self::List { at, .. } => *at,
        }
    }

    /// The word that it is.
    pub fn word(&self) -> Option<&'t str> {
        match self {
            Self::Word { text, .. } => Some(text),
            Self::List { .. } => None,
        }
    }

    /// The first word of a list, and what follows it.
    pub fn call(&self) -> Option<(&'t str, &[Form<'t>])> {
        let Self::List { items, .. } = self else { return None };
        let (head, rest) = items.split_first()?;
        Some((head.word()?, rest))
    }

    /// How it is named in a message: its beginning.
    pub fn shown(&self) -> String {
        match self {
            Self::Word { text, .. } => shown(text),
            Self::List { items, .. } => match items.first() {
                Some(Self::Word { text, .. }) => format!("'({} …)'", text.escape_debug()),
                _ => "a list".into(),
            },
        }
    }
}

/// A word in quotes, its beginning where it is long.
pub(crate) fn shown(text: &str) -> String {
    const LONGEST: usize = 40;
    let more = if text.chars().nth(LONGEST).is_some() { "…" } else { "" };
    let start: String = text.chars().take(LONGEST).collect();
    format!("'{}{more}'", start.escape_debug())
}

/// Reads the forms of a text one after the other, so that no more than one is
/// held.
#[derive(Debug)]
pub(crate) struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    pub fn new(text: &'t str) -> Self {
        // Some editors begin a file with a mark of its encoding.
        Self { text, at: if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 } }
    }

    /// The next form; `None` at the end.
    pub fn next(&mut self) -> Result<Option<Form<'t>>, Problem> {
        let mut open: Vec<(usize, Vec<Form<'t>>)> = vec![];
        loop {
            self.skip_blanks();
            let at = self.at;
            let Some(c) = self.rest().chars().next() else {
                return match open.last() {
                    None => Ok(None),
                    Some((at, _)) => Err(Problem::new(*at, "this parenthesis is never closed")),
                };
            };
            let form = match c {
                '(' => {
                    if open.len() == DEEPEST {
                        let what = format!("more than {DEEPEST} parentheses are open at once");
                        return Err(Problem::new(at, what));
                    }
                    open.push((at, vec![]));
                    self.at += 1;
                    continue;
                }
                ')' => {
                    self.at += 1;
                    let closed = open.pop();
                    let (at, items) =
                        closed.ok_or_else(|| Problem::new(at, "this parenthesis closes nothing"))?;
                    Form::List { items, at }
                }
                _ => Form::Word { text: self.word()?, at },
            };
            match open.last_mut() {
                Some((_, items)) => items.push(form),
                None => return Ok(Some(form)),
            }
        }
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or("")
    }

    /// Goes past blanks and comments, which begin with a semicolon and end with
    /// the line.
    fn skip_blanks(&mut self) {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if !trimmed.starts_with(';') {
                return;
            }
            self.at += trimmed.find(['\n', '\r']).unwrap_or(trimmed.len());
        }
    }

    /// A word: up to a blank, a parenthesis or a comment. Blanks within brackets
    /// belong to it, as does everything within quotes.
    fn word(&mut self) -> Result<&'t str, Problem> {
        let (start, rest) = (self.at, self.rest());
        if rest.starts_with('|') {
            return Err(Problem::new(start, "words in bars, |…|, are not read"));
        }
        if let Some(quoted) = rest.strip_prefix('"') {
            let end = quoted.find('"').ok_or_else(|| Problem::new(start, "this quote is never closed"))?;
            self.at += end + 2;
            return Ok(rest.get(..end + 2).unwrap_or(rest));
        }
        let mut brackets = false;
        let ends = |c: char| {
            match c {
                '[' => brackets = true,
                ']' => brackets = false,
                '(' | ')' | ';' | '"' | '\n' => return true,
                _ => {}
            }
            c.is_whitespace() && !brackets
        };
        let end = rest.find(ends).unwrap_or(rest.len());
        self.at += end;
        let word = rest.get(..end).unwrap_or(rest);
        // Something stands there that is neither blank nor a parenthesis.
        if word.is_empty() { Err(Problem::new(start, "expected a word or a parenthesis")) } else { Ok(word) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(text: &str) -> Result<Vec<String>, Problem> {
        let mut reader = Reader::new(text);
        let mut forms = vec![];
        while let Some(form) = reader.next()? {
            forms.push(format!("{form:?}"));
        }
        Ok(forms)
    }

    #[test]
    fn words_and_lists() {
        let mut reader = Reader::new("; c (\n(a X[0, 1] \"b (\" (c;x\n)) d");
        let form = reader.next().unwrap().unwrap();
        let (head, rest) = form.call().unwrap();
        assert_eq!((head, rest.len()), ("a", 3));
        assert_eq!(rest[0].word(), Some("X[0, 1]"));
        assert_eq!(rest[1].word(), Some("\"b (\""));
        assert_eq!(reader.next().unwrap().unwrap().word(), Some("d"));
        assert!(reader.next().unwrap().is_none());
    }

    #[test]
    fn what_is_not_closed_is_said() {
        for (text, at) in [("(a (b)", 0), ("a )", 2), ("(a \"b)", 3), (&"(".repeat(1_000_000), DEEPEST)] {
            assert_eq!(all(text).unwrap_err().at, at, "{}", &text[..text.len().min(20)]);
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in r#"[ ()\[\]";\nab0-9.é]{0,60}"#) {
            let _ = all(&text);
        }
    }
}
