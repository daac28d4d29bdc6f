//! The picture of `separation`: how far the samples of each class are from
//! their nearest enemies.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "places in a picture are small"
)]

use std::ops::Range;

use plotters::{
    coord::{
        ranged1d::{DefaultFormatting, KeyPointHint, Ranged},
        types::RangedCoordf64,
    },
    prelude::*,
    style::text_anchor::*,
};

use super::drawing::{Area, COLOURS};
use crate::{
    failure::Failure,
    histogram::{BINS, Histogram, Row},
    report::{counted, grouped, plain, real},
};

/// What is written beside the bars.
pub struct Words<'a> {
    /// What the samples are.
    pub title: &'a str,
    /// A line below the title.
    pub subtitle: &'a str,
    /// What the horizontal axis shows, with its unit.
    pub axis: &'a str,
}

/// Classes that get a panel of their own: those that come nearest to others.
const MOST: usize = 24;
/// Characters of a class name, and of a title, that are shown.
const NAME: usize = 22;
const TITLE: usize = 84;

const WIDTH: u32 = 940;
const TOP: u32 = 96;
const PANEL: u32 = 76;
/// Room for what is left of and below the bars.
const LEFT: u32 = 62;
const BOTTOM: u32 = 52;
/// Where the words on the panels begin.
const ASIDE: i32 = 740;

/// One panel of bars per class over a common axis, as SVG.
pub fn chart(words: &Words<'_>, histogram: &Histogram) -> Result<String, Failure> {
    let mut rows: Vec<&Row> = histogram.rows.iter().collect();
    let hidden = rows.len().saturating_sub(MOST);
    if hidden > 0 {
        rows.sort_by(|a, b| a.smallest.total_cmp(&b.smallest));
        rows.truncate(MOST);
    }
    let mut text = String::new();
    draw(&mut text, words, histogram, &rows, hidden)?;
    Ok(text)
}

fn draw(
    text: &mut String,
    words: &Words<'_>,
    histogram: &Histogram,
    rows: &[&Row],
    hidden: usize,
) -> Result<(), Failure> {
    let panels = rows.len().max(1) as u32 * PANEL;
    let root = SVGBackend::with_string(text, (WIDTH, TOP + panels + BOTTOM)).into_drawing_area();
    root.fill(&WHITE)?;
    let middle = WIDTH as i32 / 2;
    let centered = |size: i32| {
        ("sans-serif", size).into_font().into_text_style(&root).pos(Pos::new(HPos::Center, VPos::Top))
    };
    root.draw(&Text::new(shown(words.title, TITLE), (middle, 12), centered(20)))?;
    let more = match hidden {
        0 => String::new(),
        1 => "; 1 more class is farther".into(),
        _ => format!("; {} more classes are farther", grouped(hidden)),
    };
    root.draw(&Text::new(shown(words.subtitle, 2 * TITLE) + &more, (middle, 38), centered(14)))?;
    if rows.is_empty() {
        root.draw(&Text::new("no sample has an enemy", (middle, TOP as i32 + 20), centered(16)))?;
    } else {
        legend(&root, histogram)?;
    }
    for (k, (row, colour)) in rows.iter().zip(COLOURS.into_iter().cycle()).enumerate() {
        let last = k + 1 == rows.len();
        let room = if last { PANEL + BOTTOM } else { PANEL };
        let area = root.clone().shrink((0, TOP + k as u32 * PANEL), (WIDTH, room));
        panel(&area, row, colour, histogram, last.then_some(words.axis))?;
    }
    Ok(root.present()?)
}

/// What bars and lines mean.
fn legend(root: &Area<'_>, histogram: &Histogram) -> Result<(), Failure> {
    let style = ("sans-serif", 13).into_font();
    let y = 68;
    root.draw(&Circle::new((LEFT as i32 + 20, y + 7), 5, COLOURS[0].filled()))?;
    let bins = match histogram.from {
        Some(_) => "bin; the axis is logarithmic".into(),
        None => format!("bin of {}", real(histogram.largest / BINS as f64)),
    };
    let bars = format!("samples per {bins} (a colour per class)");
    root.draw(&Text::new(bars, (LEFT as i32 + 32, y), style.clone()))?;
    let x = WIDTH as i32 / 2 + 60;
    root.draw(&PathElement::new([(x, y), (x, y + 14)], BLACK.stroke_width(2)))?;
    root.draw(&Text::new("median of the class", (x + 10, y), style))?;
    Ok(())
}

/// The bars of one class; `axis` names the horizontal axis below the last one.
fn panel(
    area: &Area<'_>,
    row: &Row,
    colour: RGBColor,
    histogram: &Histogram,
    axis: Option<&str>,
) -> Result<(), Failure> {
    let counts = histogram.bins(row);
    let highest = counts.iter().copied().max().unwrap_or(0).max(1);
    let mut chart = ChartBuilder::on(area)
        .margin_top(8)
        .margin_right(WIDTH - ASIDE as u32 + 16)
        .y_label_area_size(LEFT)
        .x_label_area_size(if axis.is_some() { BOTTOM } else { 0 })
        .build_cartesian_2d(Across(histogram), 0..highest)?;
    let is_logarithmic = histogram.from.is_some();
    let number = |x: &f64| if is_logarithmic { plain(*x) } else { real(*x) };
    let mut mesh = chart.configure_mesh();
    mesh.disable_x_mesh().light_line_style(WHITE).y_labels(2).y_label_formatter(&|count| grouped(*count));
    mesh.label_style(("sans-serif", 12)).axis_desc_style(("sans-serif", 14)).y_desc("samples");
    if let Some(axis) = axis {
        mesh.x_labels(8).x_label_formatter(&number).x_desc(axis);
    }
    mesh.draw()?;
    let edge = |bin: usize| histogram.edge(bin);
    let bars = counts.iter().enumerate().filter(|(_, count)| **count > 0);
    chart.draw_series(
        bars.map(|(bin, &count)| Rectangle::new([(edge(bin), 0), (edge(bin + 1), count)], colour.filled())),
    )?;
    chart.draw_series([PathElement::new([(row.median, 0), (row.median, highest)], BLACK.stroke_width(2))])?;
    let style = ("sans-serif", 13).into_font();
    area.draw(&Circle::new((ASIDE + 6, 21), 5, colour.filled()))?;
    area.draw(&Text::new(shown(&row.class, NAME), (ASIDE + 18, 14), ("sans-serif", 14).into_font()))?;
    area.draw(&Text::new(counted(row.count, "sample"), (ASIDE + 18, 32), style.clone()))?;
    let numbers = format!("from {} to {}", real(row.smallest), real(row.largest));
    area.draw(&Text::new(numbers, (ASIDE + 18, 48), style))?;
    Ok(())
}

/// The horizontal axis, on which distances lie as the bins do.
struct Across<'a>(&'a Histogram);

impl Across<'_> {
    /// Round numbers along a logarithmic axis: powers of ten, no more than
    /// `most`; where there are only one or two, their double and fivefold, too.
    fn powers(from: f64, end: f64, most: usize) -> Vec<f64> {
        let (first, last) = (from.log10().floor() as i32, end.log10().ceil() as i32);
        let of = |factor: u8, power: i32| format!("{factor}e{power}").parse().ok();
        let inside = |number: &f64| (from..=end).contains(number);
        let powers: Vec<f64> = (first..=last).filter_map(|power| of(1, power)).filter(inside).collect();
        if powers.len() > 2 {
            return powers.iter().copied().step_by(powers.len().div_ceil(most.max(1))).collect();
        }
        let all = (first..=last).flat_map(|power| [1, 2, 5].map(|factor| of(factor, power)));
        all.flatten().filter(inside).collect()
    }
}

impl Ranged for Across<'_> {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, distance: &f64, limit: (i32, i32)) -> i32 {
        RangedCoordf64::from(0.0..1.0).map(&self.0.place(*distance), limit)
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        match self.0.from {
            Some(from) => Self::powers(from, self.0.largest, hint.max_num_points()),
            None => RangedCoordf64::from(0.0..self.0.end()).key_points(hint),
        }
    }

    fn range(&self) -> Range<f64> {
        self.0.from.unwrap_or(0.0)..self.0.end()
    }
}

/// The beginning of a text, with characters that XML cannot hold replaced.
fn shown(text: &str, most: usize) -> String {
    let sound = |c: char| if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') { '\u{fffd}' } else { c };
    let mut out: String = text.chars().take(most).map(sound).collect();
    if text.chars().count() > most {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(class: &str, bins: [usize; BINS]) -> Row {
        let count = bins.iter().sum();
        let (class, bins) = (class.into(), bins.to_vec());
        Row { class, count, smallest: 0.25, median: 1.5, largest: 4.0, log_bins: bins.clone(), bins }
    }

    fn drawn(rows: Vec<Row>) -> String {
        let words = Words { title: "a title", subtitle: "of two classes", axis: "distance in pixels" };
        chart(&words, &Histogram { rows, largest: 4.0, from: None }).unwrap()
    }

    /// Heights of the rectangles of a colour.
    fn heights(svg: &str, colour: RGBColor) -> Vec<usize> {
        let document = roxmltree::Document::parse(svg).unwrap();
        let fill = format!("#{:02X}{:02X}{:02X}", colour.0, colour.1, colour.2);
        let filled =
            |n: &roxmltree::Node<'_, '_>| n.has_tag_name("rect") && n.attribute("fill") == Some(&fill);
        let nodes = document.descendants().filter(filled);
        nodes.map(|n| n.attribute("height").unwrap().parse().unwrap()).collect()
    }

    fn texts(svg: &str) -> Vec<String> {
        let document = roxmltree::Document::parse(svg).unwrap();
        let nodes = document.descendants().filter(|n| n.has_tag_name("text"));
        nodes.map(|n| n.text().unwrap_or("").trim().to_owned()).collect()
    }

    #[test]
    fn bars_are_as_high_as_counts() {
        let mut bins = [0; BINS];
        (bins[0], bins[5], bins[6], bins[31]) = (10, 40, 20, 1);
        let svg = drawn(vec![row("a", bins), row("b", [3; BINS])]);
        let first = heights(&svg, COLOURS[0]);
        let full = first[1] as f64;
        assert!(full > 40.0, "{first:?}");
        for (height, count) in first.iter().zip([10.0, 40.0, 20.0, 1.0]) {
            assert!((*height as f64 - full * count / 40.0).abs() <= 1.5, "{first:?}");
        }
        let second = heights(&svg, COLOURS[1]);
        assert_eq!(second.len(), BINS);
        assert!(second.iter().all(|h| *h == second[0]));
    }

    #[test]
    fn everything_is_named() {
        let texts = texts(&drawn(vec![row("cats & <dogs>", [1; BINS]), row("\u{1}\"ß\"", [2; BINS])]));
        for expected in [
            "a title",
            "of two classes",
            "distance in pixels",
            "samples",
            "cats & <dogs>",
            "\u{fffd}\"ß\"",
            "32 samples",
            "64 samples",
            "median of the class",
        ] {
            assert!(texts.iter().any(|t| t == expected), "{expected} in {texts:?}");
        }
    }

    #[test]
    fn a_logarithmic_axis_has_round_numbers() {
        assert_eq!(Across::powers(0.03, 2.5, 8), [0.05, 0.1, 0.2, 0.5, 1.0, 2.0]);
        assert_eq!(Across::powers(0.9, 42.0, 8), [1.0, 2.0, 5.0, 10.0, 20.0]);
        assert_eq!(Across::powers(1e-300, 1e300, 8).len(), 8);
        let words = Words { title: "", subtitle: "", axis: "distance" };
        let rows = vec![row("a", [1; BINS])];
        let svg = chart(&words, &Histogram { rows, largest: 2e6, from: Some(1e-5) }).unwrap();
        let texts = texts(&svg);
        for number in ["1e-5", "0.001", "10", "1000", "100000"] {
            assert!(texts.iter().any(|t| t == number), "{number} in {texts:?}");
        }
        assert!(texts.iter().any(|t| t.contains("logarithmic")), "{texts:?}");
    }

    #[test]
    fn hostile_histograms_are_drawn() {
        assert!(texts(&drawn(vec![])).contains(&"no sample has an enemy".to_owned()));
        let many = drawn((0..1000).map(|k| row(&format!("class {k}"), [usize::MAX / 64; BINS])).collect());
        assert!(texts(&many).iter().any(|t| t.contains("976 more classes are farther")));
        let words = Words { title: &"long ".repeat(99), subtitle: "", axis: "" };
        for largest in [0.0, f64::from_bits(1), 1e-300, 1e300, f64::MAX] {
            let mut row = row("x", [1; BINS]);
            (row.smallest, row.median, row.largest) = (largest, largest, largest);
            let svg = chart(&words, &Histogram { rows: vec![row], largest, from: None }).unwrap();
            assert!(!heights(&svg, COLOURS[0]).is_empty(), "{largest}");
        }
        let tiny = f64::from_bits(1);
        for (from, largest) in [(tiny, f64::MAX), (tiny, 1e-300), (1e300, f64::MAX), (1.0, 40.0)] {
            let mut row = row("x", [1; BINS]);
            (row.smallest, row.median, row.largest) = (0.0, from, largest);
            let svg = chart(&words, &Histogram { rows: vec![row], largest, from: Some(from) }).unwrap();
            assert_eq!(heights(&svg, COLOURS[0]).len(), BINS, "{from} {largest}");
        }
    }
}
