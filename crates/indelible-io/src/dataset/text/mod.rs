//! CSV tables, svmlight, and lists of labels.

mod dialect;
mod header;
mod list;
mod plain;
mod svmlight;

use std::io::Read;

use csv::{ByteRecord, ReaderBuilder, Terminator};
use indelible::{Features, text::counted};

use super::{
    Categorical, Decimal, Delimiter, Loaded, Missing, ReadOptions,
    contents::read_failed,
    onehot::Vocabularies,
    reading::Reading,
    source::{START, Source},
    table::{Table, is_missing, is_nameless},
};
use crate::DataError;
use dialect::{Dialect, Encoding, number};
use header::{Header, header};
pub(super) use list::read_labels;
use plain::Plain;

/// Bytes that are split into cells at once.
const BUFFER: usize = 1 << 16;

/// The lines of a table.
struct Rows<'a> {
    packing: Option<&'static str>,
    reader: csv::Reader<Plain<&'a mut dyn Read>>,
    decimal: Decimal,
    /// Whether a number may be missing.
    missing: bool,
    record: ByteRecord,
    /// The line of the last record in which quotes may be open at the end of the text.
    opened: u64,
}

impl<'a> Rows<'a> {
    fn new(source: &'a mut Source, dialect: &Dialect, missing: bool) -> Result<Self, DataError> {
        skip(source, dialect.mark)?;
        let contents = source.contents("CSV");
        let separator = match dialect.form.delimiter {
            Delimiter::Character(byte) => byte,
            Delimiter::Blanks => b' ',
        };
        let reader = ReaderBuilder::new()
            .delimiter(separator)
            .has_headers(false)
            .flexible(true)
            .terminator(Terminator::Any(b'\n'))
            .buffer_capacity(BUFFER)
            .from_reader(Plain::new(contents.reader, dialect.form));
        let (packing, decimal) = (contents.packing, dialect.decimal);
        Ok(Self { packing, reader, decimal, missing, record: ByteRecord::new(), opened: 0 })
    }

    /// Goes to the next line that is not blank; `false` after the last.
    fn advance(&mut self) -> Result<bool, DataError> {
        loop {
            let more = self.reader.read_byte_record(&mut self.record).map_err(|e| match e.into_kind() {
                csv::ErrorKind::Io(e) => read_failed(self.packing, e),
                other => DataError::malformed("CSV", format!("{other:?}")),
            })?;
            if self.reader.get_ref().is_open() {
                if !more {
                    return Err(never_closed(self.opened));
                }
                // No end of a line follows the last record.
                self.opened = self.line() + 1;
            }
            let blank = self.record.len() == 1 && self.cell(0).is_empty();
            if !(more && blank) {
                return Ok(more);
            }
        }
    }

    /// The line that the record starts on, from 1.
    fn line(&self) -> u64 {
        // The reader stands behind the record; its own count of the start is wrong
        // after blank lines.
        let inside = self.record.as_slice().iter().filter(|&&b| b == b'\n').count() as u64;
        self.reader.position().line().saturating_sub(1 + inside)
    }

    /// That a line has this many cells, but for separators at its end.
    fn has_cells(&self, columns: usize) -> Result<(), DataError> {
        let found = self.record.len();
        if found >= columns && (columns..found).all(|at| self.cell(at).is_empty()) {
            return Ok(());
        }
        if self.reader.get_ref().is_open() && self.record.as_slice().contains(&b'\n') {
            return Err(never_closed(self.line() + 1));
        }
        Err(DataError::Ragged { line: self.line(), found, expected: columns })
    }

    /// The bytes of a cell, without blanks around it.
    fn cell(&self, column: usize) -> &[u8] {
        bare(self.record.get(column).unwrap_or_default())
    }

    /// The text of a cell.
    fn text(&self, column: usize) -> Result<&str, String> {
        utf8(self.cell(column))
    }

    /// All cells.
    fn texts(&self) -> Result<Vec<String>, DataError> {
        let text = |at| self.text(at).map(str::to_owned).map_err(|what| bad_cell(self.line(), at, what));
        (0..self.record.len()).map(text).collect()
    }

    /// The number in a cell; NaN where it may be missing and is.
    fn number(&self, column: usize) -> Result<f64, String> {
        let cell = self.cell(column);
        if let Some(value) = digits(cell) {
            return Ok(value);
        }
        let text = std::str::from_utf8(cell).or_else(|_| self.text(column))?;
        match number(text, self.decimal) {
            // No number stands for one that is missing.
            Some(value) if value.is_finite() => Ok(value),
            _ if self.missing && is_missing(text) => Ok(f64::NAN),
            Some(_) => Err(format!("'{text}' is not a finite binary64 number")),
            None if text.is_empty() => Err("the cell is empty; expected a number".into()),
            None if self.decimal == Decimal::Comma && number(text, Decimal::Point).is_some() => {
                Err(format!("'{text}' is not a number with a decimal comma (--decimal . reads points)"))
            }
            None if number(text, Decimal::Comma).is_some() => {
                Err(format!("'{text}' is not a number with a decimal point (--decimal , reads commas)"))
            }
            None => Err(format!("'{}' is not a number", text.escape_debug())),
        }
    }

    /// The number in a cell, or the one that stands for its word.
    fn value(&self, position: usize, column: usize, words: &mut Vocabularies) -> Result<f64, String> {
        if !words.has(position) {
            return self.number(column);
        }
        match self.text(column)? {
            text if is_missing(text) && self.missing => Ok(f64::NAN),
            text if is_missing(text) => Err(format!("'{text}' stands for a value that is missing")),
            text => words.code(position, text),
        }
    }

    /// The label in a cell; a number is written with a point.
    fn label(&self, column: usize) -> Result<std::borrow::Cow<'_, str>, String> {
        match self.text(column)? {
            "" => Err("the label is empty".into()),
            text if self.decimal == Decimal::Comma && number(text, Decimal::Comma).is_some() => {
                Ok(text.replacen(',', ".", 1).into())
            }
            text => Ok(text.into()),
        }
    }
}

/// A cell without the blanks around it, and without quotes behind blanks, which are
/// characters like others to a reader of CSV.
fn bare(cell: &[u8]) -> &[u8] {
    match (cell.first(), cell.trim_ascii()) {
        (Some(b' ' | b'\t'), [b'"', inside @ .., b'"']) if !inside.contains(&b'"') => inside.trim_ascii(),
        (_, trimmed) => trimmed,
    }
}

/// The number that a few digits are, which binary64 holds exactly; most cells of
/// images and counts are no more than this.
fn digits(cell: &[u8]) -> Option<f64> {
    if !(1..=9).contains(&cell.len()) {
        return None;
    }
    let digit = |byte: &u8| Some(u32::from(*byte)).filter(|_| byte.is_ascii_digit()).map(|byte| byte - 48);
    cell.iter().try_fold(0u32, |number, byte| Some(10 * number + digit(byte)?)).map(f64::from)
}

/// Quotes that open in a line and go on to the end of the text.
fn never_closed(line: u64) -> DataError {
    DataError::malformed("CSV", format!("the quotes that open in line {line} are never closed"))
}

/// An error in column `column` of a line, of which no names are known.
fn bad_cell(line: u64, column: usize, what: String) -> DataError {
    DataError::Cell { row: format!("line {line}"), column: column + 1, name: None, what }
}

/// Reads a table, or a file of svmlight.
pub(super) fn read(source: Source, options: &ReadOptions) -> Result<Loaded, DataError> {
    let dialect = Dialect::of(&source.start, source.start.len() >= START, options);
    if dialect.preview.is_empty() {
        return Err(DataError::Empty);
    }
    if let Some(cell) = &dialect.thousands
        && dialect.form.delimiter == Delimiter::Character(b',')
    {
        let what = format!("the number '{cell}' between commas, which may have a decimal comma or thousands");
        let expected = "--decimal , for the first, or numbers without separators of thousands";
        return Err(DataError::unsupported(what, expected));
    }
    if options.delimiter.is_none() && svmlight::is_so(&dialect.lines) {
        return svmlight::read(source, &dialect, options);
    }
    if options.delimiter.is_none() && svmlight::lacks_labels(&dialect.lines) {
        let what = "index:value as of svmlight where its label belongs";
        return Err(DataError::unsupported(what, "LABEL INDEX:VALUE …, a number as the label of every line"));
    }
    read_table(source, &dialect, options)
}

/// The names of the columns, whether the first line is used up by them, and what
/// is to be said about that.
struct Start {
    names: Vec<String>,
    columns: usize,
    named: bool,
    words: &'static str,
    doubtful: bool,
}

impl Start {
    fn new(first: &[String], dialect: &Dialect, options: &ReadOptions) -> Self {
        let below = dialect.preview.get(1..).unwrap_or_default();
        let ends_empty = |row: &Vec<String>| row.len() > 1 && row.last().is_some_and(String::is_empty);
        // Every line ends with separators, one or, as Excel writes them, more.
        let filled =
            |row: &[String]| row.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
        let longest = below.iter().map(|row| filled(row)).max().unwrap_or(first.len());
        let columns = filled(first).max(longest).max(1).min(first.len());
        let first = first.get(..columns).unwrap_or_default();
        if let Some(names) = dialect.commented.as_ref().filter(|_| options.header.is_none()) {
            let over = header(names, &dialect.preview, dialect.decimal, options);
            if over.names && !over.doubtful && !header(first, below, dialect.decimal, options).names {
                let words = "header in a comment";
                return Self { names: names.clone(), columns, named: false, words, doubtful: false };
            }
        }
        let Header { names: named, doubtful } = header(first, below, dialect.decimal, options);
        let mut start = Self { names: vec![], columns, named, words: "no header", doubtful };
        if named {
            start.names = first.to_vec();
            start.words = "header";
            // One name less than there are cells: the first ones count or name the rows.
            let longer = |row: &Vec<String>| row.len() == columns + 1 && !ends_empty(row);
            if !below.is_empty() && below.iter().all(longer) {
                start.names.insert(0, String::new());
                start.columns += 1;
            }
        }
        start
    }
}

fn read_table(mut source: Source, dialect: &Dialect, options: &ReadOptions) -> Result<Loaded, DataError> {
    let mut rows = Rows::new(&mut source, dialect, options.missing != Missing::Refuse)?;
    if !rows.advance()? {
        return Err(DataError::Empty);
    }
    let first = rows.texts()?;
    let start = Start::new(&first, dialect, options);
    let columns = start.columns;
    let index: Vec<usize> =
        start.names.iter().take_while(|name| is_nameless(name)).enumerate().map(|(at, _)| at).collect();
    if columns == 1 && !dialect.separated && options.labels.is_none() && options.expected_features.is_none() {
        let line = first.first().map_or("", String::as_str).escape_debug().to_string();
        return Err(DataError::NoSeparator { line: line.chars().take(60).collect() });
    }
    let numbered = |row: &Vec<String>| row.first().is_some_and(|cell| !cell.is_empty());
    if start.named
        && !index.is_empty()
        && let [second, below @ ..] = dialect.preview.get(1..).unwrap_or_default()
        && !below.is_empty()
        && !numbered(second)
        && below.iter().all(numbered)
    {
        let what = "a table whose second line has no number of its row, as a second line of names has none";
        return Err(DataError::unsupported(what, "one line of names above the samples"));
    }
    let mut table = Table::new(columns, start.names, &index, options)?;
    table.reading.format = describe(dialect, start.words, columns);
    if start.doubtful {
        let (taken, other) = if start.named { ("names", "--no-header") } else { ("a sample", "--header") };
        table.reading.warnings.push(format!(
            "the first line was taken for {taken}, and could be the other; {other} says otherwise"
        ));
    }
    if let Some(cell) = &dialect.thousands {
        table.reading.warnings.push(format!(
            "the comma in '{cell}', and in all numbers, was taken for a decimal comma, and could separate \
             thousands; --decimal says otherwise"
        ));
    }
    let mut more = !start.named || rows.advance()?;
    let mut words = words(&table, dialect, start.named, options);
    let mut values = Vec::new();
    while more {
        rows.has_cells(columns)?;
        let bad = |table: &Table, at, what| table.bad_cell(format!("line {}", rows.line()), at, what);
        if table.wanted(1) > 0 {
            for (position, &column) in table.features.iter().enumerate() {
                values.push(
                    rows.value(position, column, &mut words)
                        .map_err(|what| bad(&table, column, what + &hint(&rows, column, &table, dialect)))?,
                );
            }
        }
        if let Some(column) = table.label {
            let label = rows.label(column).map_err(|what| bad(&table, column, what))?;
            table.labels.push_word(&label);
        }
        table.samples += 1;
        more = rows.advance()?;
    }
    let line = dialect.separator_line.iter().map(|line| format!("the first line '{}'", line.escape_debug()));
    table.reading.left_out.extend(line);
    let comments = rows.reader.get_ref().comments;
    if comments > 0 {
        table.reading.left_out.push(format!("{} of comments (#)", counted(comments, "line")));
    }
    match words.any() {
        true => table.finish_words(&values, &words),
        false => Ok(table.finish(Features::F64(values.into()))),
    }
}

/// The columns of features that hold words, where these are asked for: those
/// with a word among the first lines.
fn words(table: &Table, dialect: &Dialect, named: bool, options: &ReadOptions) -> Vocabularies {
    let samples = dialect.preview.get(usize::from(named)..).unwrap_or_default();
    let is_word = |cell: &String| number(cell, dialect.decimal).is_none() && !is_missing(cell);
    Vocabularies::new(table.features.iter().map(|&column| {
        options.categorical == Categorical::OneHot
            && samples.iter().any(|row| row.get(column).is_some_and(is_word))
    }))
}

/// The format in words.
fn describe(dialect: &Dialect, header: &str, columns: usize) -> String {
    let mut parts = vec!["CSV".to_owned()];
    if columns > 1 {
        parts.push(format!("separator {}", dialect.form.delimiter));
    }
    if dialect.decimal == Decimal::Comma {
        parts.push("decimal comma".into());
    }
    if dialect.form.encoding != Encoding::Utf8 {
        parts.push("UTF-16".into());
    }
    parts.push(header.into());
    parts.join(", ")
}

/// What would help with a cell that is no number: where every cell of the column
/// is a word, it may be the labels.
fn hint(rows: &Rows, column: usize, table: &Table, dialect: &Dialect) -> String {
    let below = dialect.preview.get(1..).unwrap_or_default();
    let is_word = |row: &Vec<String>| {
        row.get(column).is_some_and(|cell| number(cell, rows.decimal).is_none() && !is_missing(cell))
    };
    if below.is_empty() || !below.iter().all(is_word) {
        return String::new();
    }
    let name = table.name(column);
    match table.is_label_given() {
        false => format!(
            ", nor is any cell of the column: --label-column {name} takes it for the labels, --drop {name} leaves it out"
        ),
        true => format!(
            ", nor is any cell of the column: --drop {name} leaves it out, --categorical onehot makes features of its words"
        ),
    }
}

/// Passes the mark that some programs put before a text, and a line that names the separator.
fn skip(source: &mut Source, mark: usize) -> Result<(), DataError> {
    source.contents("text").header(&mut vec![0; mark])
}

/// The text that bytes are.
fn utf8(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|_| {
        let shown = bytes.get(..40).unwrap_or(bytes).escape_ascii();
        format!("'{shown}' is not UTF-8; where the file is Latin-1 or Windows-1252, iconv -f CP1252 -t UTF-8 or pandas.read_csv(encoding='cp1252') reads it")
    })
}

/// A file of svmlight in words.
fn sparse() -> Reading {
    Reading { labels: Some("the first number of every line".into()), ..Reading::of("svmlight (libsvm)") }
}
