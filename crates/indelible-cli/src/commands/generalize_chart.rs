//! The picture of `generalize`.

use plotters::{coord::types::RangedCoordf64, prelude::*};

use super::{
    drawing::{Area, COLOURS},
    generalize_answer::{Answer, AtSize, Kind, Row},
};
use crate::{
    failure::Failure,
    report::{grouped, real},
};

const SIZE: (u32, u32) = (980, 560);
/// Width of a second panel.
const PANEL: u32 = 620;
/// Width of the legend.
const LEGEND: u32 = 240;
/// Places between which curves are drawn as lines.
const PLACES: u32 = 300;
/// Colours of networks that were given; constructions have theirs in every chart.
const GIVEN: [RGBColor; 5] = [
    RGBColor(0, 92, 49),
    RGBColor(153, 0, 0),
    RGBColor(219, 0, 182),
    RGBColor(0, 51, 160),
    RGBColor(116, 10, 255),
];
const RULES: [RGBColor; 2] = [RGBColor(90, 90, 90), RGBColor(160, 160, 160)];

type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

fn colour(kind: Kind) -> RGBColor {
    match kind {
        Kind::Construction(position) => COLOURS[position % COLOURS.len()],
        Kind::Network(number) => GIVEN[number % GIVEN.len()],
        Kind::Rule(number) => RULES[number % RULES.len()],
    }
}

/// Robust accuracy over the radius, certified as full lines and not attacked as dashed
/// ones; beside it, with several sizes, accuracy and certified accuracy over the size of
/// the training set.
pub fn chart(title: &str, answer: &Answer) -> Result<String, Failure> {
    let mut text = String::new();
    draw(&mut text, title, answer)?;
    Ok(text)
}

fn draw(text: &mut String, title: &str, answer: &Answer) -> Result<(), Failure> {
    let has_sizes = answer.sizes.len() > 1;
    let width = SIZE.0 + if has_sizes { PANEL } else { 0 };
    let root = SVGBackend::with_string(text, (width, SIZE.1)).into_drawing_area();
    root.fill(&WHITE)?;
    let root = root.titled(title, ("sans-serif", 19))?;
    let (panels, keys) = root.split_horizontally(width - LEGEND);
    let rows = answer.sizes.last().map_or(&[][..], |at| at.rows.as_slice());
    if has_sizes {
        let (left, right) = panels.split_horizontally(width - LEGEND - PANEL);
        over_radius(&left, rows, answer)?;
        over_size(&right, rows, answer)?;
    } else {
        over_radius(&panels, rows, answer)?;
    }
    legend(&keys, rows, has_sizes)?;
    Ok(root.present()?)
}

/// An empty panel between two ends.
fn panel<'a, 'b>(
    area: &'a Area<'b>,
    [least, most]: [f64; 2],
    (horizontal, label): (&str, &dyn Fn(&f64) -> String),
) -> Result<Chart<'a, 'b>, Failure> {
    let mut chart = ChartBuilder::on(area)
        .margin(14)
        .x_label_area_size(46)
        .y_label_area_size(56)
        .build_cartesian_2d(least..most, 0.0..1.0)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_desc(horizontal)
        .y_desc("share of test samples")
        .x_label_formatter(&label)
        .label_style(("sans-serif", 13))
        .axis_desc_style(("sans-serif", 15))
        .draw()?;
    Ok(chart)
}

fn over_radius(area: &Area<'_>, rows: &[Row], answer: &Answer) -> Result<(), Failure> {
    let largest = answer.radii.iter().copied().fold(0.0, f64::max);
    let end = if largest > 0.0 { (1.04 * largest).min(f64::MAX) } else { 1.0 };
    let mut chart = panel(area, [0.0, end], (&answer.axis(), &|x| real(*x)))?;
    let places: Vec<f64> = (0..=PLACES).map(|i| end * (f64::from(i) / f64::from(PLACES))).collect();
    for row in rows {
        let colour = colour(row.kind);
        let Some(curves) = &row.curves else {
            chart.draw_series([Circle::new((0.0, row.accuracy), 4, colour.filled())])?;
            continue;
        };
        let line = |which: usize| places.iter().map(|r| (*r, curves.at(*r)[which])).collect::<Vec<_>>();
        chart.draw_series(DashedLineSeries::new(line(1), 5, 4, colour.stroke_width(1)))?;
        chart.draw_series(LineSeries::new(line(0), colour.stroke_width(2)))?;
    }
    if answer.radius > 0.0 && answer.radius < end {
        let built = [(answer.radius, 0.0), (answer.radius, 1.0)];
        chart.draw_series(DashedLineSeries::new(built, 2, 4, BLACK.stroke_width(1)))?;
    }
    Ok(())
}

/// Sizes stand side by side.
fn over_size(area: &Area<'_>, rows: &[Row], answer: &Answer) -> Result<(), Failure> {
    let places = || (0u32..).map(f64::from).zip(&answer.sizes);
    let last = places().map(|(place, _)| place).fold(0.0, f64::max);
    let near = |x: &f64| {
        let found = places().find(|(place, _)| (place - x).abs() < 1e-6);
        found.map_or(String::new(), |(_, at)| grouped(at.samples))
    };
    let axis = format!("training samples; certified within {}", real(answer.radius));
    let mut chart = panel(area, [-0.2, last + 0.2], (&axis, &near))?;
    for row in rows {
        let colour = colour(row.kind);
        let at = |which: fn(&Row, f64) -> Option<f64>| {
            let of = |(place, at): (f64, &AtSize)| {
                let found = at.rows.iter().find(|other| other.kind == row.kind)?;
                Some((place, which(found, answer.radius)?))
            };
            places().filter_map(of).collect::<Vec<_>>()
        };
        let accuracy = at(|row, _| Some(row.accuracy));
        let certified = at(|row, radius| row.curves.as_ref().map(|curves| curves.at(radius)[0]));
        chart.draw_series(accuracy.iter().map(|p| Circle::new(*p, 3, colour.filled())))?;
        chart.draw_series(DashedLineSeries::new(accuracy, 2, 3, colour.stroke_width(2)))?;
        chart.draw_series(certified.iter().map(|p| Circle::new(*p, 3, colour.filled())))?;
        chart.draw_series(LineSeries::new(certified, colour.stroke_width(2)))?;
    }
    Ok(())
}

/// The names beside their lines, and what kinds of lines there are.
fn legend(area: &Area<'_>, rows: &[Row], has_sizes: bool) -> Result<(), Failure> {
    let style = ("sans-serif", 14);
    let mut y = 20;
    let mut entry = |words: &str, colour: RGBColor, dash: i32| -> Result<(), Failure> {
        let step = if dash == 0 { 26 } else { dash + 4 };
        for start in (0..26).step_by(step.unsigned_abs() as usize) {
            let end = 10 + if dash == 0 { 26 } else { (start + dash).min(26) };
            area.draw(&PathElement::new([(10 + start, y), (end, y)], colour.stroke_width(2)))?;
        }
        area.draw(&Text::new(words.to_owned(), (44, y - 7), style))?;
        y += 22;
        Ok(())
    };
    for row in rows {
        let name = std::path::Path::new(&row.name)
            .file_name()
            .map_or(row.name.clone().into(), |n| n.to_string_lossy());
        entry(&name, colour(row.kind), 0)?;
    }
    entry("certified: at least", BLACK, 0)?;
    entry("not attacked: at most", BLACK, 5)?;
    if has_sizes {
        entry("right: panel of sizes", BLACK, 2)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use indelible::{Norm, certify::RobustRadius};

    use super::*;
    use crate::commands::robustness_chart::Curves;

    #[test]
    fn pictures_show_every_row() {
        let mut answer = Answer::new(Norm::L2, false, (0.5, None), vec![0.25, 1.0]);
        let found = |certified| RobustRadius { correct: true, certified, attacked: f64::INFINITY };
        for size in [10, 100] {
            for (name, kind) in
                [("1-NN", Kind::Rule(0)), ("nearest", Kind::Construction(2)), ("a/b.onnx", Kind::Network(0))]
            {
                let curves = Curves::new(&[found(0.3), found(0.7)]);
                answer.note(size, Row::new(name, kind, curves, Instant::now()));
            }
            answer.note(size, Row::of_labels("5-NN".into(), Kind::Rule(1), &[true, false], Instant::now()));
            let svg = chart("a & b", &answer).unwrap();
            let document = roxmltree::Document::parse(&svg).unwrap();
            let words: Vec<&str> = document.descendants().filter_map(|n| n.text()).map(str::trim).collect();
            for word in ["a & b", "1-NN", "5-NN", "nearest", "b.onnx", "radius in l2", "certified: at least"]
            {
                assert!(words.contains(&word), "{word}");
            }
            assert_eq!(words.iter().any(|word| word.starts_with("training samples")), size == 100);
            assert!(!svg.contains("NaN"));
        }
    }
}
