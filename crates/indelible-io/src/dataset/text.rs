//! CSV tables, and lists of labels.

use std::io::{BufRead, BufReader, Chain, Read};

use csv::{ByteRecord, ReaderBuilder, Terminator};
use indelible::Features;

use super::{
    Loaded, ReadOptions,
    contents::read_failed,
    labels::LabelSet,
    source::Source,
    table::{Table, label_column, label_rank},
};
use crate::DataError;

/// What Excel puts before a text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = &[0xef, 0xbb, 0xbf];

/// The lines of a table.
struct Rows<'a> {
    packing: Option<&'static str>,
    /// A line feed after the last line makes all lines count alike.
    reader: csv::Reader<Chain<&'a mut dyn Read, &'static [u8]>>,
    record: ByteRecord,
    /// The line that the record starts on, from 1.
    line: u64,
}

impl<'a> Rows<'a> {
    fn new(source: &'a mut Source) -> Result<Self, DataError> {
        let delimiter = delimiter(&source.start);
        skip_mark(source)?;
        let contents = source.contents("CSV");
        let end: &'static [u8] = b"\n";
        let reader = ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .terminator(Terminator::Any(b'\n'))
            .from_reader(contents.reader.chain(end));
        Ok(Self { packing: contents.packing, reader, record: ByteRecord::new(), line: 0 })
    }

    /// Goes to the next line that is not blank; `false` after the last.
    fn advance(&mut self) -> Result<bool, DataError> {
        loop {
            let more = self.reader.read_byte_record(&mut self.record).map_err(|e| match e.into_kind() {
                csv::ErrorKind::Io(e) => read_failed(self.packing, e),
                other => DataError::malformed("CSV", format!("{other:?}")),
            })?;
            // The reader stands behind the record; its own count of the start
            // is wrong after blank lines.
            let inside = self.record.as_slice().iter().filter(|&&b| b == b'\n').count() as u64;
            self.line = self.reader.position().line().saturating_sub(1 + inside);
            self.record.trim();
            let blank = self.record.len() == 1 && self.record.get(0).is_some_and(<[u8]>::is_empty);
            if !(more && blank) {
                return Ok(more);
            }
        }
    }

    /// The text of a cell.
    fn text(&self, column: usize) -> Result<&str, String> {
        let bytes = self.record.get(column).unwrap_or_default();
        std::str::from_utf8(bytes)
            .map_err(|_| format!("'{}' is not UTF-8", bytes.escape_ascii().to_string().escape_debug()))
    }

    /// The number in a cell.
    fn number(&self, column: usize) -> Result<f64, String> {
        let text = self.text(column)?;
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(value),
            Ok(_) => Err(format!("'{text}' is not a finite binary64 number")),
            Err(_) if text.is_empty() => Err("the cell is empty; expected a number".into()),
            Err(_) => Err(format!("'{}' is not a number", text.escape_debug())),
        }
    }
}

/// An error in column `column` of a line, of which no names are known.
fn bad_cell(line: u64, column: usize, what: String) -> DataError {
    DataError::Cell { row: format!("line {line}"), column: column + 1, name: None, what }
}

/// Reads a CSV table.
pub(super) fn read(mut source: Source, options: &ReadOptions) -> Result<Loaded, DataError> {
    let mut rows = Rows::new(&mut source)?;
    if !rows.advance()? {
        return Err(DataError::Empty);
    }
    let text = |at| rows.text(at).map(str::to_owned).map_err(|what| bad_cell(rows.line, at, what));
    let first: Vec<String> = (0..rows.record.len()).map(text).collect::<Result<_, _>>()?;
    let columns = first.len();
    let header = is_header(&first, options);
    let mut table = Table::new(columns, if header { first } else { vec![] }, options)?;
    let mut more = !header || rows.advance()?;

    let mut values = Vec::new();
    while more {
        let (line, found) = (rows.line, rows.record.len());
        if found != columns {
            return Err(DataError::Ragged { line, found, expected: columns });
        }
        let bad = |table: &Table, at, what| table.bad_cell(format!("line {line}"), at, what);
        if table.wanted(1) > 0 {
            for column in table.features() {
                values.push(rows.number(column).map_err(|what| bad(&table, column, what))?);
            }
        }
        if let Some(column) = table.label {
            match rows.text(column) {
                Ok("") => return Err(bad(&table, column, "the label is empty".into())),
                Ok(text) => table.labels.push_word(text),
                Err(what) => return Err(bad(&table, column, what)),
            }
        }
        table.samples += 1;
        more = rows.advance()?;
    }
    Ok(table.finish(Features::F64(values.into())))
}

/// Reads a list of one label per line; a first line `label`, `class`, `target`
/// or `y` names it.
pub(super) fn read_labels(mut source: Source) -> Result<LabelSet, DataError> {
    skip_mark(&mut source)?;
    let contents = source.contents("list of labels");
    let mut reader = BufReader::new(contents.reader);
    let mut labels = LabelSet::default();
    let mut blank = None;
    let mut bytes = Vec::new();
    for line in 1u64.. {
        bytes.clear();
        if reader.read_until(b'\n', &mut bytes).map_err(|e| read_failed(contents.packing, e))? == 0 {
            break;
        }
        let text = std::str::from_utf8(bytes.trim_ascii()).map_err(|_| {
            bad_cell(line, 0, format!("'{}' is not UTF-8", bytes.trim_ascii().escape_ascii()))
        })?;
        match (text, blank) {
            // Blank lines are fine at the end.
            ("", _) => blank = blank.or(Some(line)),
            (_, Some(blank)) => return Err(bad_cell(blank, 0, "the label is empty".into())),
            (name, None) if line == 1 && label_rank(name).is_some() => {}
            (label, None) => labels.push_word(label),
        }
    }
    Ok(labels)
}

/// Passes the mark that some programs put before a text.
fn skip_mark(source: &mut Source) -> Result<(), DataError> {
    if source.start.starts_with(BYTE_ORDER_MARK) {
        source.contents("text").header(&mut [0; BYTE_ORDER_MARK.len()])?;
    }
    Ok(())
}

/// The delimiter that the first line holds most of: a comma, a semicolon or a
/// tab. One that every line holds as often as the first goes before one that
/// comes and goes, and a semicolon before as many commas, which may be decimal
/// commas.
fn delimiter(start: &[u8]) -> u8 {
    // The last line may be cut.
    let end = start.iter().rposition(|&b| b == b'\n').unwrap_or(start.len());
    let lines = start.get(..end).unwrap_or_default().split(|&b| b == b'\n');
    let lines: Vec<&[u8]> = lines.filter(|line| !line.trim_ascii().is_empty()).collect();
    let rank = |delimiter: u8| {
        let count = |line: &&[u8]| {
            let mut quoted = false;
            let outside = |b: &&u8| {
                quoted ^= **b == b'"';
                !quoted && **b == delimiter
            };
            line.iter().filter(outside).count()
        };
        let first = lines.first().map_or(0, count);
        (first > 0, lines.iter().all(|line| count(line) == first), first)
    };
    // The last of equals wins.
    [b',', b';', b'\t'].into_iter().max_by_key(|&d| rank(d)).filter(|&d| rank(d).0).unwrap_or(b',')
}

/// Whether a first line names the columns rather than being a sample.
///
/// It does if a cell outside the label column is neither a number nor a sign
/// for a missing one. Where all those cells are numbers, it still does if a
/// cell is called like a label column, unless that cell can be the label of a
/// sample: the last one, behind numbers that do not just count the columns.
fn is_header(first: &[String], options: &ReadOptions) -> bool {
    if let Some(given) = options.header {
        return given;
    }
    let number = |text: &str| text.parse::<f64>().is_ok();
    if let Some(given) = &options.label_column
        && !number(given)
    {
        // Only a header can hold it; where it does not, the caller says so.
        return first.contains(given) || first.iter().any(|cell| !number(cell) && !is_missing(cell));
    }
    let label = label_column(first.len(), first, options).ok().flatten();
    let cells = first.iter().enumerate().filter(|(column, _)| Some(*column) != label);
    let features: Vec<&String> = cells.map(|(_, cell)| cell).collect();
    if features.iter().any(|cell| !number(cell) && !is_missing(cell)) {
        return true;
    }
    let named = label.filter(|&column| first.get(column).is_some_and(|name| label_rank(name).is_some()));
    let counted = |from: usize| {
        !features.is_empty() && features.iter().enumerate().all(|(i, cell)| **cell == (from + i).to_string())
    };
    named.is_some_and(|column| column + 1 < first.len() || counted(0) || counted(1))
}

/// Whether a cell stands for a number that is not there.
fn is_missing(cell: &str) -> bool {
    ["", "-", "?", "na", "n/a", "nan", "null", "none", "nil"]
        .iter()
        .any(|sign| sign.eq_ignore_ascii_case(cell))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(line: &str) -> bool {
        let cells: Vec<String> = line.split(',').map(String::from).collect();
        is_header(&cells, &ReadOptions::default())
    }

    #[test]
    fn headers_are_told_from_samples() {
        for line in
            ["a,b,label", "label,pixel0,pixel1", "label,0,1", "0,1,2,y", "1,2,target", "a,1,b", ",a,b"]
        {
            assert!(header(line), "{line}");
        }
        for line in ["5.1,3.5,setosa", "1,0.5,2", "3,4,y", "NA,1,a", "nan,1,2", "1,,a", "1,?,x"] {
            assert!(!header(line), "{line}");
        }
    }

    #[test]
    fn the_delimiter_is_what_the_first_line_holds_most_of() {
        assert_eq!(delimiter(b"1,2,3\n4;5;6;7;8"), b',');
        assert_eq!(delimiter(b"1,5;2,5;a"), b';');
        assert_eq!(delimiter(b"a\tb,c\td\n"), b'\t');
        assert_eq!(delimiter(b"\"a;b;c\",d\n"), b',');
        assert_eq!(delimiter(b"1,2,a\n3,4,;;;b\n5,6,;"), b',');
        assert_eq!(delimiter(b"1\t2\ta,,,b\n3\t4\tc\n"), b'\t');
        assert_eq!(delimiter(b"1"), b',');
    }
}
