//! How a text writes its cells: encoding, line ends, separator, fractions.

use std::io::Read;

use csv::{ReaderBuilder, Terminator};

use super::{
    bare,
    plain::{Form, Plain},
};
use crate::dataset::{Decimal, Delimiter, ReadOptions, source::unmarked_utf16, table::is_missing};

/// Lines that are looked at.
const LINES: usize = 64;

/// How characters become bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Utf8,
    Utf16 { big_endian: bool },
}

impl Encoding {
    /// The encoding that the first bytes name, and how many of them do so.
    pub(super) fn of(start: &[u8]) -> (Self, usize) {
        match start {
            [0xef, 0xbb, 0xbf, ..] => (Self::Utf8, 3),
            [0xff, 0xfe, ..] => (Self::Utf16 { big_endian: false }, 2),
            [0xfe, 0xff, ..] => (Self::Utf16 { big_endian: true }, 2),
            _ => (unmarked_utf16(start).map_or(Self::Utf8, |big_endian| Self::Utf16 { big_endian }), 0),
        }
    }
}

/// How a table is written, and its first lines.
pub(super) struct Dialect {
    pub(super) form: Form,
    /// Bytes before the text, those of a line that names the separator among them.
    pub(super) mark: usize,
    /// That line.
    pub(super) separator_line: Option<String>,
    pub(super) decimal: Decimal,
    /// A number that is read with a decimal comma, where all numbers with a comma could
    /// as well have separated thousands.
    pub(super) thousands: Option<String>,
    /// Whether the lines have more than one cell.
    pub(super) separated: bool,
    /// The first lines, without comments and blank lines.
    pub(super) lines: Vec<String>,
    /// Their cells.
    pub(super) preview: Vec<Vec<String>>,
    /// The cells of the comment before the first line, where it has as many.
    pub(super) commented: Option<Vec<String>>,
}

impl Dialect {
    /// What the first bytes of a file show; `cut` says whether it goes on.
    pub(super) fn of(start: &[u8], cut: bool, options: &ReadOptions) -> Self {
        let (encoding, mark) = Encoding::of(start);
        let comma = Delimiter::Character(b',');
        let mut form = Form { encoding, comments: false, delimiter: comma };
        let named = named_separator(&text(start.get(mark..).unwrap_or_default(), form));
        let (separator_line, named) = named.unzip();
        // The end of that line stays, so that lines keep their numbers.
        let unit = if encoding == Encoding::Utf8 { 1 } else { 2 };
        let mark = mark + separator_line.as_ref().map_or(0, |line: &String| line.len() * unit);
        let start = start.get(mark..).unwrap_or_default();
        let raw = text(start, form);
        let (comment, is_table) = first_comment(&raw);
        form.comments = !is_table;
        let clean = text(start, form);
        let mut lines = lines_of(&clean);
        if cut && lines.len() > 1 {
            lines.pop();
        }
        lines.retain(|line| !line.trim_ascii().is_empty());
        lines.truncate(LINES);
        let found = delimiter(&lines);
        form.delimiter = options.delimiter.or(named).or(found).unwrap_or(comma);
        let preview = cells(&lines, form);
        let decimal = options.decimal.unwrap_or_else(|| decimal(&preview));
        let thousands =
            thousands(&preview).filter(|_| options.decimal.is_none() && decimal == Decimal::Comma);
        let separated = preview.first().is_some_and(|first| first.len() > 1);
        let commented = comment.and_then(|line| cells(&[line], form).pop());
        let commented =
            commented.filter(|names| separated && preview.first().is_some_and(|f| f.len() == names.len()));
        let lines = lines.into_iter().map(String::from).collect();
        Self { form, mark, separator_line, decimal, thousands, separated, lines, preview, commented }
    }
}

/// The lines of a text; one within quotes goes on behind its end.
fn lines_of(text: &str) -> Vec<&str> {
    let (mut lines, mut start, mut quoted, mut last) = (vec![], 0, false, '\n');
    for (at, c) in text.char_indices() {
        // Quotes within a cell are characters like others, but for two within quotes.
        let opens = matches!(last, '\n' | ',' | ';' | '\t' | '|' | ' ' | '"');
        match c {
            '"' if quoted || opens => quoted = !quoted,
            '\n' if !quoted => {
                lines.push(text.get(start..at).unwrap_or_default().trim_end_matches('\r'));
                start = at + 1;
            }
            _ => {}
        }
        last = c;
    }
    let rest = text.get(start..).unwrap_or_default();
    // Quotes that are not closed say nothing about lines.
    if quoted {
        lines.extend(rest.lines())
    } else if !rest.is_empty() {
        lines.push(rest)
    }
    lines
}

/// A first line `sep=;`, as Excel reads and some programs write it, and the separator
/// that it names.
fn named_separator(text: &str) -> Option<(String, Delimiter)> {
    let line = text.split(['\n', '\r']).next().filter(|line| line.is_ascii())?;
    let inside = line.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(line);
    let (key, sign) = inside.split_at_checked(4).filter(|(_, sign)| sign.len() == 1)?;
    key.eq_ignore_ascii_case("sep=").then(|| Some((line.to_owned(), sign.parse().ok()?)))?
}

/// The text of the first bytes; what is no text any more is left out.
fn text(start: &[u8], form: Form) -> String {
    let mut bytes = Vec::new();
    // The end may be cut within a character.
    let _ = Plain::new(start, form).read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The last line of the comments that come first, without its sign, and whether
/// the sign is the first cell of a table instead.
fn first_comment(text: &str) -> (Option<&str>, bool) {
    let mut last = None;
    for line in text.lines().map(str::trim_ascii).filter(|line| !line.is_empty()) {
        let Some(rest) = line.strip_prefix('#') else { break };
        if rest.starts_with([',', ';', '|', '\t']) {
            return (None, true);
        }
        last = Some(rest.trim_ascii());
    }
    (last, false)
}

/// The trimmed cells of lines.
fn cells(lines: &[&str], form: Form) -> Vec<Vec<String>> {
    let separated = text(lines.join("\n").as_bytes(), Form { encoding: Encoding::Utf8, ..form });
    let separator = match form.delimiter {
        Delimiter::Character(byte) => byte,
        Delimiter::Blanks => b' ',
    };
    let mut reader = ReaderBuilder::new()
        .delimiter(separator)
        .has_headers(false)
        .flexible(true)
        .terminator(Terminator::Any(b'\n'))
        .from_reader(separated.as_bytes());
    let rows = reader.records().filter_map(Result::ok);
    let plain = |cell: &str| String::from_utf8_lossy(bare(cell.as_bytes())).into_owned();
    rows.map(|row| row.iter().map(plain).collect())
        .filter(|row: &Vec<String>| !(row.len() == 1 && row.iter().all(String::is_empty)))
        .collect()
}

/// How often `delimiter` stands outside of quotes.
fn count(line: &str, delimiter: Delimiter) -> usize {
    let mut quoted = false;
    match delimiter {
        Delimiter::Character(delimiter) => {
            let outside = |b: &u8| {
                quoted ^= *b == b'"';
                !quoted && *b == delimiter
            };
            line.bytes().filter(outside).count()
        }
        Delimiter::Blanks => {
            let outside = |c: char| {
                quoted ^= c == '"';
                !quoted && (c == ' ' || c == '\t')
            };
            line.trim_ascii().split(outside).filter(|part| !part.is_empty()).count().saturating_sub(1)
        }
    }
}

/// The delimiter that the first line holds most of. One that every line holds as
/// often as the first goes before one that comes and goes, and a semicolon before
/// as many commas, which may be decimal commas. Blanks separate where nothing
/// else does. Commas do not where all that they separate is digits of numbers
/// which something else keeps apart.
fn delimiter(lines: &[&str]) -> Option<Delimiter> {
    let rank = |delimiter: Delimiter| {
        let first = lines.first().map_or(0, |line| count(line, delimiter));
        (first > 0, lines.iter().all(|line| count(line, delimiter) == first), first)
    };
    // The last of equals wins.
    let characters = [b'|', b',', b';', b'\t'].map(Delimiter::Character);
    let best = characters.into_iter().max_by_key(|&d| rank(d)).filter(|&d| rank(d).0);
    let comma = Delimiter::Character(b',');
    let others = [b'\t', b';', b'|'].map(Delimiter::Character).into_iter().chain([Delimiter::Blanks]);
    match best {
        Some(best) if best == comma => {
            let keeps = |row: &Vec<String>| row.iter().any(|cell| is_decimal(cell, ','));
            let found = others.into_iter().find(|&d| {
                let rows = rows_of_numbers(lines, d, |cell| number(cell, Decimal::Comma).is_some());
                rows.is_some_and(|rows| rows.iter().any(keeps))
            });
            Some(found.unwrap_or(comma))
        }
        // Blanks, among them a tab here and there.
        Some(best) if best == Delimiter::Character(b'\t') => {
            let is_number = |cell: &str| {
                is_missing(cell)
                    || [Decimal::Comma, Decimal::Point].iter().any(|&d| number(cell, d).is_some())
            };
            let suits = |d: &Delimiter| rows_of_numbers(lines, *d, is_number).is_some();
            Some([best, Delimiter::Blanks].into_iter().find(suits).unwrap_or(best))
        }
        Some(best) => Some(best),
        None => {
            let data = lines.get(1..).filter(|data| !data.is_empty()).unwrap_or(lines);
            let first = data.first().map_or(0, |line| count(line, Delimiter::Blanks));
            let alike = first > 0 && data.iter().all(|line| count(line, Delimiter::Blanks) == first);
            alike.then_some(Delimiter::Blanks)
        }
    }
}

/// The lines below the first, where `delimiter` splits them into as many cells each, of
/// which all but one are numbers.
fn rows_of_numbers(
    lines: &[&str],
    delimiter: Delimiter,
    is_number: impl Fn(&str) -> bool,
) -> Option<Vec<Vec<String>>> {
    let data = lines.get(1..).filter(|data| !data.is_empty()).unwrap_or(lines);
    let first = data.first().map_or(0, |line| count(line, delimiter));
    if first == 0 || !data.iter().all(|line| count(line, delimiter) == first) {
        return None;
    }
    let form = Form { encoding: Encoding::Utf8, comments: false, delimiter };
    let rows = cells(data, form);
    let numbers = |row: &Vec<String>| row.iter().filter(|cell| !is_number(cell)).count() <= 1;
    rows.iter().all(numbers).then_some(rows)
}

/// Whether a cell is a number whose fraction stands behind `sign`.
fn is_decimal(cell: &str, sign: char) -> bool {
    cell.split_once(sign).is_some_and(|(_, fraction)| fraction.starts_with(|c: char| c.is_ascii_digit()))
        && number(cell, if sign == ',' { Decimal::Comma } else { Decimal::Point }).is_some()
}

/// A comma where some number has one and none has a point. The first of several lines may
/// be names, which are written with points whatever the numbers are.
fn decimal(preview: &[Vec<String>]) -> Decimal {
    let any = |rows: &[Vec<String>], sign| rows.iter().flatten().any(|cell| is_decimal(cell, sign));
    let below = preview.get(1..).filter(|rows| !rows.is_empty()).unwrap_or(preview);
    if any(preview, ',') && !any(below, '.') { Decimal::Comma } else { Decimal::Point }
}

/// One of the numbers with a comma, where all of them are written as thousands are:
/// one to three digits, the first of which is not 0, and three behind every comma.
fn thousands(preview: &[Vec<String>]) -> Option<String> {
    let grouped = |cell: &str| {
        let mut groups = cell.trim_start_matches(['+', '-']).split(',');
        let digits = |group: &str| group.bytes().all(|b| b.is_ascii_digit());
        let first = groups.next().unwrap_or("");
        (1..=3).contains(&first.len())
            && digits(first)
            && !first.starts_with('0')
            && groups.all(|group| group.len() == 3 && digits(group))
    };
    let mut commas = preview.iter().flatten().filter(|cell| is_decimal(cell, ',')).peekable();
    let first = commas.peek().map(ToString::to_string);
    first.filter(|_| commas.all(|cell| grouped(cell)))
}

/// The number in a cell, which may be infinite or NaN; truth values are 0 and 1, as
/// in arrays.
pub(super) fn number(cell: &str, decimal: Decimal) -> Option<f64> {
    let number = match decimal {
        Decimal::Point => cell.parse().ok(),
        Decimal::Comma if cell.contains('.') => None,
        Decimal::Comma if cell.contains(',') => cell.replacen(',', ".", 1).parse().ok(),
        Decimal::Comma => cell.parse().ok(),
    };
    let is = |word: &str| cell.eq_ignore_ascii_case(word);
    number.or_else(|| if is("true") { Some(1.0) } else { is("false").then_some(0.0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> (Delimiter, Decimal) {
        let dialect = Dialect::of(text.as_bytes(), false, &ReadOptions::default());
        (dialect.form.delimiter, dialect.decimal)
    }

    #[test]
    fn the_delimiter_is_what_the_first_line_holds_most_of() {
        let character = |text: &str| match found(text).0 {
            Delimiter::Character(byte) => char::from(byte),
            Delimiter::Blanks => ' ',
        };
        assert_eq!(character("1,2,3\n4;5;6;7;8"), ',');
        assert_eq!(character("1,5;2,5;a"), ';');
        assert_eq!(character("a\tb,c\td\n"), '\t');
        assert_eq!(character("\"a;b;c\",d\n"), ',');
        assert_eq!(character("1,2,a\n3,4,;;;b\n5,6,;"), ',');
        assert_eq!(character("1\t2\ta,,,b\n3\t4\tc\n"), '\t');
        assert_eq!(character("1"), ',');
        assert_eq!(character("1|2|a\n3|4|b\n"), '|');
        assert_eq!(character("1 2  a\n 3 4 b\n"), ' ');
        assert_eq!(character("1, 2, a\n3, 4, b\n"), ',');
        assert_eq!(character("New York\nRome\n"), ',');
        // Lines within quotes are one line.
        assert_eq!(character("\"a\n(cm)\";b;label\n1;2;x\n"), ';');
        assert_eq!(character("\"a, b\n\"\"c\"\"\";d\n1;2\n"), ';');
        assert_eq!(character("\"a \"\"b\"\"\n\"\"c\"\"\"\td\n1\t2\n"), '\t');
        // Blanks with a tab here and there; cells of a table with tabs may be empty.
        assert_eq!(character("1.5  2\tx\n3  4.5\ty\n"), ' ');
        assert_eq!(character("1\t2\tx\n3\t\t4\ty\n5\t6\tx\n"), ' ');
        assert_eq!(character("a\tb\tc\n1\t\tx y\n3\t4\tz w\n"), '\t');
        assert_eq!(character("18.0  8  307.0\t\"chevrolet chevelle\"\n15.0  8  350.0\t\"buick\"\n"), ' ');
    }

    #[test]
    fn a_decimal_comma_is_told_from_a_separator() {
        let semicolon = Delimiter::Character(b';');
        assert_eq!(found("1,5;2;a\n"), (semicolon, Decimal::Comma));
        assert_eq!(found("1.5;2;a\n"), (semicolon, Decimal::Point));
        assert_eq!(found("5,5;1;a\n5;2;b\n"), (semicolon, Decimal::Comma));
        assert_eq!(found("0.0;1.0;label\n1,5;2;a\n"), (semicolon, Decimal::Comma));
        assert_eq!(found("1,55;3,4;5,6\n2,5;1,5;1,5\n"), (semicolon, Decimal::Comma));
        assert_eq!(found("5,1 3,5 a\n1,0 2,5 b\n"), (Delimiter::Blanks, Decimal::Comma));
        assert_eq!(found("\"5,1\",\"3,5\",a\n").1, Decimal::Comma);
        assert_eq!(found("5,1,a\n6,2,b\n"), (Delimiter::Character(b','), Decimal::Point));
        assert_eq!(number("1,5", Decimal::Comma), Some(1.5));
        assert_eq!(number("1.5", Decimal::Comma), None);
        assert_eq!(number("1,2,3", Decimal::Comma), None);
    }

    #[test]
    fn a_first_line_may_name_the_separator() {
        let dialect = |text: &[u8]| Dialect::of(text, false, &ReadOptions::default());
        for (text, delimiter, mark) in [
            ("sep=;\n1,5;2\n3;4\n", b';', 5),
            ("\"SEP=|\"\r\n1;5|2\r\n", b'|', 7),
            ("\u{feff}sep=\t\r1,2\t3\r", b'\t', 8),
        ] {
            let found = dialect(text.as_bytes());
            assert_eq!((found.form.delimiter, found.mark), (Delimiter::Character(delimiter), mark), "{text}");
            assert_eq!(found.preview[0].len(), 2);
        }
        let wide: Vec<u8> = "sep=^\n1^2\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(dialect(&wide).form.delimiter, Delimiter::Character(b'^'));
        for text in ["sep=,,\n1,2\n", "sep;=\n1;2\n", "\nsep=;\n1,2\n"] {
            assert_eq!(dialect(text.as_bytes()).separator_line, None);
        }
    }

    #[test]
    fn a_comment_before_the_first_line_may_name_the_columns() {
        let commented = |text: &str| Dialect::of(text.as_bytes(), false, &ReadOptions::default()).commented;
        assert_eq!(commented("# a,b,label\n1,2,x\n"), Some(["a", "b", "label"].map(String::from).to_vec()));
        assert_eq!(commented("# a table of two columns\n1,2,x\n"), None);
        assert_eq!(commented("1,2,x\n# a,b,label\n"), None);
        let table = Dialect::of(b"#,a,label\n1,2,x\n", false, &ReadOptions::default());
        assert!(!table.form.comments);
    }
}
