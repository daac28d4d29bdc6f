//! Texts and floats.

use indelible::{Norm, network::evaluate};
use indelible_exact::{Error, Line, Memorizer, SHELF, read, write};

use crate::random_data;

#[test]
fn a_text_is_read_as_it_was_written_and_a_damaged_one_is_refused() {
    let data = random_data(25, 2, 1 << 20, 4, 9);
    let line = Line::search(&data, Norm::L2, 4, 1).unwrap();
    for memorizer in SHELF {
        let network = memorizer.plan(&data, &line, 0.0, 0).unwrap().build(None).unwrap();
        let text = write(&network, memorizer.name);
        assert_eq!(read(&text).unwrap(), (network, memorizer.name.to_owned()));
        let lines: Vec<&str> = text.lines().collect();
        for gone in 0..lines.len() {
            let damaged: Vec<&str> =
                lines.iter().enumerate().filter(|(at, _)| *at != gone).map(|(_, line)| *line).collect();
            assert!(read(&damaged.join("\n")).is_err(), "{} without line {}", memorizer.name, gone + 1);
        }
        for (from, to) in
            [(" 0:", " 00:"), ("layers ", "layers 9"), ("end", "ende"), (" 0:", " 0:0"), ("1", "٣")]
        {
            assert!(read(&text.replacen(from, to, 1)).is_err(), "{from} as {to}");
        }
    }
    let huge = "indelible exact network 1\nconstruction a\nexponent 0\nlayers 18446744073709551615\n";
    assert!(matches!(read(huge), Err(Error::BadText { line: 5, .. })));
    assert!(matches!(read(""), Err(Error::BadText { line: 1, .. })));
}

#[test]
fn what_fits_a_format_means_the_same_there() {
    let data = random_data(20, 1, 1 << 16, 2, 4);
    let line = Line::search(&data, Norm::L2, 4, 1).unwrap();
    let stored = |name, group| {
        let plan = Memorizer::named(name).unwrap().plan(&data, &line, 0.0, 0).unwrap();
        plan.build(group).unwrap().in_floats(plan.place_bits())
    };
    for (name, group) in [("zhang2017", None), ("vardi2022", Some(1)), ("egosi2025", None)] {
        let floats = stored(name, group).unwrap();
        for (i, label) in data.labels().iter().enumerate() {
            let outputs = evaluate(&floats, &data.row(i)).unwrap();
            assert_eq!(outputs, [(label + 1) as f64], "{name}");
        }
    }
    assert!(matches!(stored("vardi2022", Some(line.runs())), Err(Error::NotFloat { bits }) if bits > 53));
}
