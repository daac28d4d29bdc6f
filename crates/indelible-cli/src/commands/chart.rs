//! The picture of `compare`.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "places in a picture are small"
)]

use std::ops::Range;

use indelible::network::Size;
use plotters::prelude::*;

use super::drawing::{Area, COLOURS};
use crate::failure::Failure;

/// Sizes of one construction.
pub struct Series {
    /// Its position in the registry, which gives the line its colour and style.
    pub position: usize,
    /// Its name.
    pub name: &'static str,
    /// What is wrong where not every sample was certified.
    pub uncertified: Option<String>,
    /// Size for each `1/(1 − ρ)`, and for each number of samples.
    pub sizes: [Vec<(f64, Size)>; 2],
}

/// How long the dashes of a line are and the gaps between, by position in the
/// registry; no gap makes a solid line. Constructions may have the same numbers
/// as one before them, and the line below must be seen.
const DASHES: [(i32, i32); 12] = {
    const SOLID: (i32, i32) = (14, 0);
    const DASHED: (i32, i32) = (8, 6);
    const DOTTED: (i32, i32) = (3, 4);
    [SOLID, SOLID, SOLID, SOLID, SOLID, DASHED, SOLID, DOTTED, DASHED, SOLID, SOLID, SOLID]
};

impl Series {
    fn colour(&self) -> RGBColor {
        COLOURS[self.position % COLOURS.len()]
    }

    /// How the line is drawn: pale unless every sample was certified.
    fn stroke(&self, width: u32) -> ShapeStyle {
        let opacity = if self.uncertified.is_some() { 0.4 } else { 1.0 };
        self.colour().mix(opacity).stroke_width(width)
    }

    fn dashes(&self) -> (i32, i32) {
        DASHES[self.position % DASHES.len()]
    }
}

/// What is drawn of a network.
type Quantity = fn(&Size) -> f64;

const WIDTH: u32 = 1180;
const HEIGHT: u32 = 900;
/// Height of the legend, which all panels share.
const LEGEND: u32 = 44;

/// Four panels: nonzero parameters and the largest parameter, against the
/// ratio, spaced by `1/(1 − ρ)`, and against the number of samples, all on
/// logarithmic scales. Constructions that certified every sample have full
/// circles, others hollow ones and pale lines.
pub fn chart(title: &str, ratio: f64, series: &[Series]) -> Result<String, Failure> {
    let mut text = String::new();
    draw(&mut text, title, ratio, series)?;
    Ok(text)
}

fn draw(text: &mut String, title: &str, ratio: f64, series: &[Series]) -> Result<(), Failure> {
    let root = SVGBackend::with_string(text, (WIDTH, HEIGHT)).into_drawing_area();
    root.fill(&WHITE)?;
    let root = root.titled(title, ("sans-serif", 20))?;
    let (upper, lower) = root.split_vertically(root.dim_in_pixel().1.saturating_sub(LEGEND));
    let panels = upper.split_evenly((2, 2));
    let quantities: [(&str, Quantity); 2] = [
        ("nonzero parameters (count)", |size| size.nonzero as f64),
        ("largest |parameter|", |size| size.max_abs),
    ];
    let axes: [Axis; 2] = [
        ("ρ = radius / largest possible radius, spaced by 1 / (1 − ρ)".into(), |x| {
            short(((1.0 - 1.0 / x) * 1e6).round() / 1e6)
        }),
        (format!("number of samples N, at ρ = {ratio}"), |x| short(*x)),
    ];
    for (row, (name, of)) in quantities.into_iter().enumerate() {
        for (column, axis) in axes.iter().enumerate() {
            let line = |s: &Series| s.sizes[column].iter().map(|(x, size)| (*x, of(size))).collect();
            panel(&panels[2 * row + column], series, series.iter().map(line).collect(), axis, name)?;
        }
    }
    legend(&lower, series)?;
    Ok(root.present()?)
}

/// A horizontal axis: its name and the numbers on it.
type Axis = (String, fn(&f64) -> String);

fn panel(
    area: &Area<'_>,
    series: &[Series],
    lines: Vec<Vec<(f64, f64)>>,
    (horizontal, label): &Axis,
    vertical: &str,
) -> Result<(), Failure> {
    let mut places: Vec<f64> = lines.iter().flatten().map(|p| p.0).collect();
    let xs = range(places.iter().copied(), 1.15);
    let ys = range(lines.iter().flatten().map(|p| p.1), 1.6);
    places.sort_by(f64::total_cmp);
    // Labels closer than this would run into each other.
    let room = (xs.end / xs.start).powf(0.06);
    let mut ticks: Vec<f64> = vec![];
    for tick in places.into_iter().rev() {
        if ticks.last().is_none_or(|last| last / tick >= room) {
            ticks.push(tick);
        }
    }
    let mut chart = ChartBuilder::on(area)
        .margin(14)
        .x_label_area_size(46)
        .y_label_area_size(78)
        .build_cartesian_2d(xs.log_scale().with_key_points(ticks), ys.log_scale())?;
    chart
        .configure_mesh()
        .x_desc(horizontal)
        .y_desc(vertical)
        .light_line_style(WHITE)
        .label_style(("sans-serif", 13))
        .axis_desc_style(("sans-serif", 15))
        .x_label_formatter(label)
        .y_label_formatter(&|y| short(*y))
        .draw()?;
    for (one, line) in series.iter().zip(lines) {
        let places = line.clone();
        match one.dashes() {
            (_, 0) => drop(chart.draw_series(LineSeries::new(line, one.stroke(2)))?),
            (dash, gap) => {
                let (dash, gap) = (dash.unsigned_abs(), gap.unsigned_abs());
                chart.draw_series(DashedLineSeries::new(line, dash, gap, one.stroke(2)))?;
            }
        }
        if one.uncertified.is_some() {
            chart.draw_series(places.iter().map(|p| Circle::new(*p, 4, WHITE.filled())))?;
            chart.draw_series(places.iter().map(|p| Circle::new(*p, 4, one.colour().stroke_width(1))))?;
        } else {
            chart.draw_series(places.iter().map(|p| Circle::new(*p, 3, one.colour().filled())))?;
        }
    }
    Ok(())
}

/// One row with the names of all lines, and below them what was not certified.
fn legend(area: &Area<'_>, series: &[Series]) -> Result<(), Failure> {
    let each = (WIDTH - 40) as i32 / series.len().max(1) as i32;
    let middle = LEGEND as i32 / 2;
    for (index, one) in series.iter().enumerate() {
        let left = 30 + index as i32 * each;
        let (dash, gap) = one.dashes();
        for start in (0..42).step_by((dash + gap).unsigned_abs() as usize) {
            let end = start + dash.min(42 - start);
            let line = [(left + start, middle), (left + end, middle)];
            area.draw(&PathElement::new(line, one.stroke(3)))?;
        }
        area.draw(&Text::new(one.name, (left + 50, middle - 7), ("sans-serif", 15)))?;
        if let Some(why) = &one.uncertified {
            area.draw(&Text::new(why.as_str(), (left + 50, middle + 9), ("sans-serif", 12)))?;
        }
    }
    Ok(())
}

/// The least number on an axis; the largest is its inverse.
const LEAST: f64 = 1e-300;

/// The positive values with room around them.
fn range(values: impl Iterator<Item = f64>, room: f64) -> Range<f64> {
    let (low, high) = values
        .filter(|v| *v > 0.0)
        .fold((f64::INFINITY, 0.0_f64), |(low, high), v| (low.min(v), high.max(v)));
    // An axis without end has no end of numbers on it.
    if low <= high { (low / room).max(LEAST)..(high * room).min(1.0 / LEAST) } else { 1.0..10.0 }
}

/// A number for an axis.
fn short(value: f64) -> String {
    match value {
        v if v != 0.0 && !(1e-9..1e15).contains(&v) => format!("{v:e}"),
        v if v >= 1e9 => format!("{} G", v / 1e9),
        v if v >= 1e6 => format!("{} M", v / 1e6),
        v if v >= 1e4 => format!("{} k", v / 1e3),
        v => format!("{v}"),
    }
}

#[cfg(test)]
mod tests {
    use indelible::constructions::REGISTRY;

    use super::*;

    /// A line of one construction.
    fn series(position: usize, uncertified: Option<&str>) -> Series {
        let size = Size { depth: 2, width: 3, nonzero: 5, all: 9, max_abs: 4.0 };
        let sizes = [vec![(2.0, size), (10.0, size)], vec![(20.0, size), (40.0, size)]];
        Series { position, name: REGISTRY[position].name, uncertified: uncertified.map(String::from), sizes }
    }

    /// How many circles of the picture are filled with each colour.
    fn filled(svg: &str, colour: RGBColor) -> usize {
        let document = roxmltree::Document::parse(svg).unwrap();
        let fill = format!("#{:02X}{:02X}{:02X}", colour.0, colour.1, colour.2);
        document
            .descendants()
            .filter(|n| n.has_tag_name("circle") && n.attribute("fill") == Some(&fill))
            .count()
    }

    #[test]
    fn a_construction_has_one_colour_in_every_chart() {
        let distinct: std::collections::BTreeSet<_> = COLOURS.iter().map(|c| (c.0, c.1, c.2)).collect();
        assert!(distinct.len() == COLOURS.len() && COLOURS.len() >= REGISTRY.len());
        assert!(DASHES.len() >= REGISTRY.len());
        let all: Vec<Series> = (0..REGISTRY.len()).map(|position| series(position, None)).collect();
        let together = chart("all", 0.5, &all).unwrap();
        for (position, colour) in COLOURS.into_iter().enumerate().take(REGISTRY.len()) {
            let alone = chart("one", 0.5, &[series(position, None)]).unwrap();
            for svg in [&together, &alone] {
                assert_eq!(filled(svg, colour), 8);
            }
        }
    }

    #[test]
    fn the_largest_number_has_its_place() {
        let mut one = series(0, None);
        one.sizes.iter_mut().flatten().for_each(|(_, size)| size.max_abs = f64::MAX);
        assert!(chart("one", 0.5, &[one]).unwrap().contains("1e300"));
    }

    #[test]
    fn what_was_not_certified_is_hollow_and_says_so() {
        let all = [series(0, None), series(1, Some("3 of 40 certified"))];
        let svg = chart("two", 0.5, &all).unwrap();
        assert_eq!(filled(&svg, COLOURS[0]), 8);
        assert_eq!(filled(&svg, COLOURS[1]), 0);
        assert!(svg.contains("3 of 40 certified"));
    }
}
