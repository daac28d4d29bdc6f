//! What could mean two things: told apart by what stands beside it, or refused.

use crate::common::*;
use indelible_io::dataset::{Categorical, Decimal, Missing, ReadOptions, read as read_with, read_labelled};

#[test]
fn truth_values_are_numbers_as_in_arrays() {
    let folder = Folder::new();
    let (data, _) =
        told(&folder, "a,smoker,label\n1.5,True,x\n2,False,y\n3,TRUE,x\n", &ReadOptions::default());
    assert_eq!(values(&data), [1.5, 1.0, 2.0, 0.0, 3.0, 1.0]);
    let (data, reading) =
        told(&folder, "true,1.5,x\nfalse,2,y\n", &with(|o| o.categorical = Categorical::OneHot));
    assert_eq!(values(&data), [1.0, 1.5, 0.0, 2.0]);
    assert!(reading.format.contains("no header"), "{reading:?}");
}

/// What could be thousands or a decimal comma, a second line of names, a missing
/// label among numbers: refused, not guessed.
#[test]
fn what_could_be_two_things_is_refused() {
    let folder = Folder::new();
    let refused = |text: &str, options: &ReadOptions| {
        read_labelled(&folder.put("t.csv", text), options).unwrap_err().to_string()
    };
    let plain = ReadOptions::default();
    let thousands = "a,b,label\n\"1,234\",5,x\n\"12,500\",6,y\n";
    let message = refused(thousands, &plain);
    assert!(message.contains("'1,234' between commas") && message.contains("--decimal ,"), "{message}");
    let (data, _) = told(&folder, thousands, &with(|o| o.decimal = Some(Decimal::Comma)));
    assert_eq!(values(&data), [1.234, 5.0, 12.5, 6.0]);
    // No thousands are written like this.
    for text in ["a,b,label\n\"0,234\",5,x\n\"1,5\",6,y\n", "a;b;label\n1,234;5;x\n2,345;6;y\n"] {
        let (_, reading) = told(&folder, text, &plain);
        assert!(reading.format.contains("decimal comma"), "{reading:?}");
    }
    let message = refused(",a,a\n,0,1\n0,1.5,2\n1,2.5,1\n", &plain);
    assert!(message.contains("second line of names"), "{message}");
    let message = refused("a,label\n1,0\n2,1\n3,NaN\n", &plain);
    assert!(message.contains("the label 'NaN' stands for a value that is missing"), "{message}");
    // A word among words may well be a class, and is doubtful.
    let (data, reading) = told(&folder, "a,label\n1,none\n2,mild\n3,none\n", &plain);
    assert_eq!(names(&data), ["none", "mild", "none"]);
    assert!(reading.warnings.iter().any(|w| w.contains("'none'")), "{reading:?}");
    // A name of two columns names neither.
    let twice = "a,a,label\n1,2,x\n3,4,y\n";
    let message = refused(twice, &with(|o| o.drop = vec!["a".into()]));
    assert!(message.contains("the name 'a' of two columns (0 and 1)"), "{message}");
    let (data, _) = told(&folder, twice, &with(|o| o.drop = vec!["1".into()]));
    assert_eq!(values(&data), [1.0, 3.0]);
}

#[test]
fn utf16_needs_no_mark() {
    let folder = Folder::new();
    let text = "a,b,label\n1.5,2,caf\u{e9}\n3,4,\u{442}\u{435}\n";
    for big_endian in [false, true] {
        let bytes: Vec<u8> = text
            .encode_utf16()
            .flat_map(|unit| if big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() })
            .collect();
        let (data, reading) = told(&folder, bytes, &ReadOptions::default());
        assert_eq!(
            (values(&data), names(&data)),
            (vec![1.5, 2.0, 3.0, 4.0], vec!["caf\u{e9}", "\u{442}\u{435}"])
        );
        assert!(reading.format.contains("UTF-16"), "{reading:?}");
    }
}

#[test]
fn missing_values_are_spelled_in_many_ways() {
    let folder = Folder::new();
    for word in ["<NA>", "#N/A", "#N/A N/A", "-nan", "-1.#IND", "1.#QNAN", "NULL", "n/a", "NaN", "?", "nil"] {
        let text = format!("a,b,label\n1,2,x\n3,{word},y\n5,6,y\n");
        let (data, _) = told(&folder, &text, &with(|o| o.missing = Missing::Drop));
        assert_eq!(values(&data), [1.0, 2.0, 5.0, 6.0], "{word}");
        let refused = read_with(&folder.put("t.csv", text), &ReadOptions::default());
        assert!(refused.unwrap_err().to_string().contains("line 3, column 2 (b)"), "{word}");
    }
}

/// Quotes that are never closed swallow the lines behind them.
#[test]
fn quotes_must_be_closed() {
    let folder = Folder::new();
    let refused = |text: &str| {
        let path = folder.put("t.csv", text);
        read_labelled(&path, &ReadOptions::default()).unwrap_err().to_string()
    };
    for (text, line) in [
        ("a,b,label\n1,2,x\n3,4,\"y\n5,6,x\n", "line 3"),
        ("a,b,label\n1,2,x\n3,4,\"y", "line 3"),
        ("a,b,label\n1,\"2,x\n3,4,y\n5,6,x\n", "line 2"),
    ] {
        let message = refused(text);
        assert!(message.contains("never closed") && message.contains(line), "{text:?}: {message}");
    }
    // Names and labels with ends of lines, in quotes that are closed.
    let text = "\"a\n(cm)\";\"b; c\";label\n1;2;\"x\ny\"\n3;4;\"say \"\"so\"\"\"\n";
    let (data, reading) = told(&folder, text, &ReadOptions::default());
    assert_eq!(values(&data), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(names(&data), ["x\ny", "say \"so\""]);
    assert_eq!(data.feature_names().unwrap(), ["a\n(cm)", "b; c"]);
    assert!(reading.format.contains("separator ';', header"), "{reading:?}");
    // Behind blanks they are no quotes of CSV, and around a cell none of it.
    let text = "a, \"b\", label\n1, \"2\", \"x\"\n3, 4, \"y\"\n";
    let (data, _) = told(&folder, text, &ReadOptions::default());
    assert_eq!((values(&data), names(&data)), (vec![1.0, 2.0, 3.0, 4.0], vec!["x", "y"]));
    let (data, _) = told(&folder, "a,label\n1,\"\"\"x\"\"\"\n2,y\n", &ReadOptions::default());
    assert_eq!(names(&data), ["\"x\"", "y"]);
}

/// Lists of labels as pandas and R write them.
#[test]
fn lists_of_labels() {
    let folder = Folder::new();
    let samples = folder.put("x.csv", "1,5\n2,6\n3,7\n");
    let read = |text: &str| {
        let labels = Some(folder.put("y.csv", text));
        read_labelled(&samples, &ReadOptions { labels, ..ReadOptions::default() })
    };
    for text in [
        "b\na\nb\n",
        "\"b\"\n\"a\"\n\"b\"\n",
        "y\nb\na\nb\n",
        "species\nb\na\nb\n",
        "# made by hand\nb\na\nb",
        ",species\n0,b\n1,a\n2,b\n",
        "0,b\n1,a\n2,b\n",
        "Unnamed: 0;y\n5;b\n6;a\n7;b\n",
        "\"\",\"x\"\n\"1\",\"b\"\n\"2\",\"a\"\n\"3\",\"b\"\n",
        "id,species\r7,b\r8,a\r9,b\r",
    ] {
        let data = read(text).unwrap();
        assert_eq!(names(data.data()), ["b", "a", "b"], "{text:?}");
        let said = data.reading().left_out.len();
        let plain = text.starts_with(['b', 'y', '"']) && !text.starts_with("\"\"");
        assert_eq!(said, usize::from(!plain), "{text:?} {:?}", data.reading());
    }
    let data = read("Rome, IT\nParis, FR\nRome, IT\n").unwrap();
    assert_eq!(names(data.data()), ["Rome, IT", "Paris, FR", "Rome, IT"]);
    for (text, said) in [
        ("b\na\nb\na\n", "4 labels for 3 samples"),
        ("0\n1\n0\n1\n", "4 labels for 3 samples"),
        (",y\n0,b\n1,\n2,b\n", "the label is empty"),
        ("id,y\n7,b\n3,a\n4,b\n", "a table of 2 columns as labels"),
    ] {
        assert!(read(text).is_err_and(|e| e.to_string().contains(said)), "{text:?}");
    }
}

/// A name above numbers is no class, also where the samples have a line too many.
#[test]
fn a_name_above_labels_that_are_numbers() {
    let folder = Folder::new();
    let labels = folder.put("y.csv", "kind\n1\n0\n1\n");
    let read = |text: &str| {
        let options = ReadOptions { labels: Some(labels.clone()), ..ReadOptions::default() };
        read_labelled(&folder.put("x.csv", text), &options)
    };
    let data = read("0,1\n1.5,2\n3,4\n5,6\n").unwrap();
    assert_eq!((names(data.data()), data.reading().warnings.len()), (vec!["1", "0", "1"], 1));
    let message = read("4,1\n1.5,2\n3,4\n5,6\n").unwrap_err().to_string();
    assert!(message.contains("3 labels for 4 samples"), "{message}");
}

/// What ends a line for pandas, R and Excel does so here, mixed or not.
#[test]
fn line_ends_may_be_mixed() {
    let folder = Folder::new();
    for text in [
        "a,b,label\r1,2,x\n3,4,y\r\n5,6,x\r",
        "a,b,label\n1,2,x\r3,4,y\n5,6,x\n",
        "#made by hand\ra,b,label\r1,2,x\r\n\r3,4,y\n5,6,x",
        "a b label\r1 2 x\n3 4 y\r5 6 x\n",
    ] {
        let (data, _) = told(&folder, text, &ReadOptions::default());
        assert_eq!((values(&data), names(&data)), (vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], vec!["x", "y", "x"]));
    }
    let path = folder.put("t.csv", "a,b,label\r1,2,x\n3,z,y\r5,6,x\n");
    let message = read_labelled(&path, &ReadOptions::default()).unwrap_err().to_string();
    assert!(message.contains("line 3, column 2 (b): 'z'"), "{message}");
}

#[test]
fn a_first_line_may_name_the_separator() {
    let folder = Folder::new();
    for text in
        ["sep=;\na;b;label\n1,5;2;x\n3;4;y\n", "\u{feff}\"sep=^\"\r\na^b^label\r\n1,5^2^x\r\n3^4^y\r\n"]
    {
        let (data, reading) = told(&folder, text, &ReadOptions::default());
        assert_eq!((values(&data), names(&data)), (vec![1.5, 2.0, 3.0, 4.0], vec!["x", "y"]));
        assert!(reading.left_out[0].contains("sep="), "{reading:?}");
    }
    let path = folder.put("t.csv", "sep=;\na;b;label\n1;z;x\n3;4;y\n");
    let message = read_labelled(&path, &ReadOptions::default()).unwrap_err().to_string();
    assert!(message.contains("line 3, column 2 (b): 'z'"), "{message}");
}

/// Excel writes a separator for every cell that was ever touched, right of the table
/// and below it.
#[test]
fn separators_at_the_end_of_all_lines_add_no_columns() {
    let folder = Folder::new();
    for text in [
        "a;b;kind;;;\n1,5;2;x;;;\n3;4;y;;;\n",
        "a,b,kind,\r\n1.5,2,x,\r\n3,4,y,\r\n",
        "a\tb\tkind\t\t\n1.5\t2\tx\t\t\n3\t4\ty\t\t\n",
        // Lines may end with fewer.
        "a,b,kind,,,\n1.5,2,x\n3,4,y,\n",
        "a,b,kind\n1.5,2,x,,\n3,4,y,\n",
        "sep=;\na;b;kind;;\n1,5;2;x;;\n3;4;y;;\n",
        "1.5,2,x,,,\n3,4,y,,,\n",
    ] {
        let (data, _) = told(&folder, text, &ReadOptions::default());
        assert_eq!((values(&data), names(&data)), (vec![1.5, 2.0, 3.0, 4.0], vec!["x", "y"]), "{text:?}");
    }
    // What is named, or filled in one line, is a column, whose other cells are missing.
    for text in ["a,b,kind,c,\n1,2,x,,\n3,4,y,5,\n", "a,b,kind,,\n1,2,x,,\n3,4,y,5,\n"] {
        let path = folder.put("t.csv", text);
        let message = read_labelled(&path, &ReadOptions::default()).unwrap_err().to_string();
        assert!(!message.contains('\n') && message.contains("line"), "{text:?}: {message}");
    }
}

#[test]
fn infinite_labels_among_numbers_are_refused() {
    let folder = Folder::new();
    let path = folder.put("t.csv", "a,label\n1,1.0\n2,inf\n3,1\n");
    let message = read_labelled(&path, &ReadOptions::default()).unwrap_err().to_string();
    assert!(message.contains("the label 'inf' is infinite"), "{message}");
}
