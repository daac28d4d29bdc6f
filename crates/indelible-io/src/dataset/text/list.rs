//! Lists of labels.

use std::io::{BufRead, BufReader};

use super::{Dialect, Rows, bad_cell, dialect::number, plain, plain::Plain, skip, utf8};
use crate::{
    DataError,
    dataset::{
        Delimiter, ReadOptions,
        contents::read_failed,
        labels::LabelSet,
        source::{START, Source},
        table::{is_nameless, label_rank},
    },
};

/// Reads a list of one label per line; a first line that is called as columns of labels
/// are names it. A column before the labels that counts the lines is left out.
pub(in crate::dataset) fn read_labels(mut source: Source) -> Result<LabelSet, DataError> {
    let dialect = Dialect::of(&source.start, source.start.len() >= START, &ReadOptions::default());
    if let Some(named) = is_numbered(&dialect) {
        return read_numbered(source, &dialect, named);
    }
    if let Some(columns) = columns(&dialect) {
        let what = format!("a table of {columns} columns as labels");
        return Err(DataError::unsupported(what, "one label per line, in quotes where it holds a separator"));
    }
    skip(&mut source, dialect.mark)?;
    let contents = source.contents("list of labels");
    let form = plain::Form { comments: false, delimiter: Delimiter::Character(b','), ..dialect.form };
    let mut reader = BufReader::new(Plain::new(contents.reader, form));
    let mut labels = LabelSet::of_lines(vec![]);
    let mut blank = None;
    let mut bytes = Vec::new();
    for line in 1u64.. {
        bytes.clear();
        if reader.read_until(b'\n', &mut bytes).map_err(|e| read_failed(contents.packing, e))? == 0 {
            break;
        }
        let text = utf8(bytes.trim_ascii()).map_err(|what| bad_cell(line, 0, what))?;
        match (text, blank) {
            // Blank lines are fine at the end.
            ("", _) => blank = blank.or(Some(line)),
            (_, Some(blank)) => return Err(bad_cell(blank, 0, "the label is empty".into())),
            (text, None) => {
                let label = unquoted(text);
                if line > 1 || label_rank(&label).is_none() {
                    labels.push_word(&label);
                }
            }
        }
    }
    Ok(labels)
}

/// The text within quotes around a whole line, where there are any.
fn unquoted(line: &str) -> String {
    let inside = line.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match inside.map(|inside| (inside.replace("\"\"", ""), inside)) {
        Some((rest, inside)) if !rest.contains('"') => inside.replace("\"\"", "\"").trim().to_owned(),
        _ => line.to_owned(),
    }
}

/// The number of cells of every line, where it is the same above 1. What stands before a
/// blank separates no cells of a list: `Rome, Italy`.
fn columns(dialect: &Dialect) -> Option<usize> {
    let columns = dialect.preview.first().map(Vec::len).filter(|columns| *columns > 1)?;
    let Delimiter::Character(delimiter) = dialect.form.delimiter else { return None };
    let before_blank = [char::from(delimiter), ' '].iter().collect::<String>();
    let separates = !dialect.lines.iter().any(|line| line.contains(&before_blank));
    (separates && dialect.preview.iter().all(|row| row.len() == columns)).then_some(columns)
}

/// Where there are two columns of which the first counts the lines: whether the first line
/// names them.
fn is_numbered(dialect: &Dialect) -> Option<bool> {
    let first = dialect.preview.first().and_then(|row| row.first())?;
    let nameless = is_nameless(first);
    let named = nameless || number(first, dialect.decimal).is_none();
    let rows = dialect.preview.get(usize::from(named)..).unwrap_or_default();
    let numbers: Vec<Option<u64>> = rows.iter().map(|row| row.first()?.parse().ok()).collect();
    let counts = dialect.preview.iter().all(|row| row.len() == 2)
        && (nameless || numbers.len() > 1)
        && numbers.iter().all(Option::is_some)
        && numbers.windows(2).all(|pair| pair[1] == pair[0].and_then(|number| number.checked_add(1)));
    counts.then_some(named)
}

/// Reads such a list, as `Series.to_csv` writes it.
fn read_numbered(mut source: Source, dialect: &Dialect, named: bool) -> Result<LabelSet, DataError> {
    let mut rows = Rows::new(&mut source, dialect, false)?;
    let mut labels =
        LabelSet::of_lines(vec!["the first column of the labels, which counts the lines".into()]);
    let mut is_name = named;
    while rows.advance()? {
        rows.has_cells(2)?;
        if !std::mem::take(&mut is_name) {
            let label = rows.label(1).map_err(|what| bad_cell(rows.line(), 1, what))?;
            labels.push_word(&label);
        }
    }
    Ok(labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_around_a_line_are_none_of_the_label() {
        for (line, label) in [
            ("\"a\"", "a"),
            ("\"say \"\"so\"\"\"", "say \"so\""),
            ("\" a \"", "a"),
            ("\"a\" or \"b\"", "\"a\" or \"b\""),
            ("5\"", "5\""),
            ("\"", "\""),
        ] {
            assert_eq!(unquoted(line), label);
        }
    }

    #[test]
    fn a_column_that_counts_the_lines_is_told() {
        let told = |text: &str| is_numbered(&Dialect::of(text.as_bytes(), false, &ReadOptions::default()));
        for text in [
            ",0\n0,1\n1,0\n",
            "0,a\n1,b\n2,a\n",
            ",species\n5,a\n",
            "Unnamed: 0;y\n1;a\n2;b\n",
            "id,y\n1,a\n2,b\n",
        ] {
            assert!(told(text).is_some(), "{text}");
        }
        for text in ["0,1\n", "1,0\n1,1\n", "a\nb\n", "0,a,b\n1,a,b\n", "x, y\nz\n", "0\n1\n", "a,b\n1,c\n"] {
            assert!(told(text).is_none(), "{text}");
        }
        let table = |text: &str| columns(&Dialect::of(text.as_bytes(), false, &ReadOptions::default()));
        assert_eq!(table("id,y\n7,a\n3,b\n"), Some(2));
        for text in
            ["a\nb\n", "x, y\nz\n", "\"a, b\"\nc\n", "New York\nLos Angeles\n", "Rome, IT\nParis, FR\n"]
        {
            assert_eq!(table(text), None, "{text}");
        }
    }
}
