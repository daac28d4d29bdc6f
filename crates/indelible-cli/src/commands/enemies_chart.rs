//! The picture of `separation`: how far the samples of each class are from
//! their nearest enemies.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "places in a picture are small"
)]

use plotters::{prelude::*, style::text_anchor::*};

use super::drawing::{Area, COLOURS};
use crate::{
    failure::Failure,
    histogram::{BINS, Histogram, Row},
    report::{grouped, real},
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
    draw(&mut text, words, histogram.largest, &rows, hidden)?;
    Ok(text)
}

fn draw(
    text: &mut String,
    words: &Words<'_>,
    largest: f64,
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
    let more =
        if hidden > 0 { format!("; {} more classes are farther", grouped(hidden)) } else { String::new() };
    root.draw(&Text::new(shown(words.subtitle, 2 * TITLE) + &more, (middle, 38), centered(14)))?;
    if rows.is_empty() {
        root.draw(&Text::new("no sample has an enemy", (middle, TOP as i32 + 20), centered(16)))?;
    } else {
        legend(&root, largest)?;
    }
    for (k, (row, colour)) in rows.iter().zip(COLOURS.into_iter().cycle()).enumerate() {
        let last = k + 1 == rows.len();
        let room = if last { PANEL + BOTTOM } else { PANEL };
        let area = root.clone().shrink((0, TOP + k as u32 * PANEL), (WIDTH, room));
        panel(&area, row, colour, largest, last.then_some(words.axis))?;
    }
    Ok(root.present()?)
}

/// What bars and lines mean.
fn legend(root: &Area<'_>, largest: f64) -> Result<(), Failure> {
    let style = ("sans-serif", 13).into_font();
    let y = 68;
    root.draw(&Circle::new((LEFT as i32 + 20, y + 7), 5, COLOURS[0].filled()))?;
    let bars = format!("samples per bin of {} (a colour per class)", real(largest / BINS as f64));
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
    largest: f64,
    axis: Option<&str>,
) -> Result<(), Failure> {
    // All enemies may be equally far, at distance 0.
    let end = if largest > 0.0 { largest } else { 1.0 };
    let highest = row.bins.iter().copied().max().unwrap_or(0).max(1);
    let mut chart = ChartBuilder::on(area)
        .margin_top(8)
        .margin_right(WIDTH - ASIDE as u32 + 16)
        .y_label_area_size(LEFT)
        .x_label_area_size(if axis.is_some() { BOTTOM } else { 0 })
        .build_cartesian_2d(0.0..end, 0..highest)?;
    let mut mesh = chart.configure_mesh();
    mesh.disable_x_mesh().light_line_style(WHITE).y_labels(2).y_label_formatter(&|count| grouped(*count));
    mesh.label_style(("sans-serif", 12)).axis_desc_style(("sans-serif", 14)).y_desc("samples");
    if let Some(axis) = axis {
        mesh.x_labels(8).x_label_formatter(&|x| real(*x)).x_desc(axis);
    }
    mesh.draw()?;
    let edge = |bin: usize| end * bin as f64 / BINS as f64;
    let bars = row.bins.iter().enumerate().filter(|(_, count)| **count > 0);
    chart.draw_series(
        bars.map(|(bin, &count)| Rectangle::new([(edge(bin), 0), (edge(bin + 1), count)], colour.filled())),
    )?;
    chart.draw_series([PathElement::new([(row.median, 0), (row.median, highest)], BLACK.stroke_width(2))])?;
    let style = ("sans-serif", 13).into_font();
    area.draw(&Circle::new((ASIDE + 6, 21), 5, colour.filled()))?;
    area.draw(&Text::new(shown(&row.class, NAME), (ASIDE + 18, 14), ("sans-serif", 14).into_font()))?;
    area.draw(&Text::new(format!("{} samples", grouped(row.count)), (ASIDE + 18, 32), style.clone()))?;
    let numbers = format!("from {} to {}", real(row.smallest), real(row.largest));
    area.draw(&Text::new(numbers, (ASIDE + 18, 48), style))?;
    Ok(())
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
        Row { class: class.into(), count, smallest: 0.25, median: 1.5, largest: 4.0, bins: bins.to_vec() }
    }

    fn drawn(rows: Vec<Row>) -> String {
        let words = Words { title: "a title", subtitle: "of two classes", axis: "distance in pixels" };
        chart(&words, &Histogram { rows, largest: 4.0 }).unwrap()
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
    fn hostile_histograms_are_drawn() {
        assert!(texts(&drawn(vec![])).contains(&"no sample has an enemy".to_owned()));
        let many = drawn((0..1000).map(|k| row(&format!("class {k}"), [usize::MAX / 64; BINS])).collect());
        assert!(texts(&many).iter().any(|t| t.contains("976 more classes are farther")));
        let words = Words { title: &"long ".repeat(99), subtitle: "", axis: "" };
        for largest in [0.0, f64::from_bits(1), 1e-300, 1e300, f64::MAX] {
            let mut row = row("x", [1; BINS]);
            (row.smallest, row.median, row.largest) = (largest, largest, largest);
            let svg = chart(&words, &Histogram { rows: vec![row], largest }).unwrap();
            assert!(!heights(&svg, COLOURS[0]).is_empty(), "{largest}");
        }
    }
}
