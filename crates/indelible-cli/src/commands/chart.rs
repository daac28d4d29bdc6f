//! The picture of `compare`.

use std::ops::Range;

use indelible::network::Size;
use plotters::{coord::Shift, prelude::*};

use crate::failure::Failure;

/// Sizes of one construction.
pub struct Series {
    /// Its name.
    pub name: &'static str,
    /// Size for each ratio.
    pub by_ratio: Vec<(f64, Size)>,
    /// Size for each number of samples.
    pub by_samples: Vec<(f64, Size)>,
}

const COLOURS: [RGBColor; 8] = [
    RGBColor(31, 119, 180),
    RGBColor(255, 127, 14),
    RGBColor(44, 160, 44),
    RGBColor(214, 39, 40),
    RGBColor(148, 103, 189),
    RGBColor(140, 86, 75),
    RGBColor(227, 119, 194),
    RGBColor(23, 23, 23),
];

/// Four panels: nonzero parameters and the largest parameter, against
/// `1/(1 − ρ)` and against the number of samples, all on logarithmic scales.
pub fn chart(title: &str, ratio: f64, series: &[Series]) -> Result<String, Failure> {
    let mut text = String::new();
    draw(&mut text, title, ratio, series)
        .map_err(|error| Failure::input(format!("the chart cannot be drawn: {error}")))?;
    Ok(text)
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Outcome = Result<(), Box<dyn std::error::Error>>;

fn draw(text: &mut String, title: &str, ratio: f64, series: &[Series]) -> Outcome {
    let root = SVGBackend::with_string(text, (1180, 860)).into_drawing_area();
    root.fill(&WHITE)?;
    let root = root.titled(title, ("sans-serif", 22))?;
    let panels = root.split_evenly((2, 2));
    let nonzero = |size: &Size| size.nonzero as f64;
    let largest = |size: &Size| size.max_abs;
    let stretch = |(rho, size): &(f64, Size), of: Quantity| (1.0 / (1.0 - rho), of(size));
    let plain = |(n, size): &(f64, Size), of: Quantity| (*n, of(size));
    let at = format!(" at ρ = {ratio}");
    let quantities = [("nonzero parameters", nonzero as Quantity), ("largest |parameter|", largest)];
    for (row, (name, of)) in quantities.into_iter().enumerate() {
        let lines = series.iter().map(|s| s.by_ratio.iter().map(|p| stretch(p, of)).collect()).collect();
        panel(
            &panels[2 * row],
            series,
            lines,
            (name, "1 / (1 − ρ), ρ = radius over the largest possible one"),
        )?;
        let lines = series.iter().map(|s| s.by_samples.iter().map(|p| plain(p, of)).collect()).collect();
        panel(&panels[2 * row + 1], series, lines, (&format!("{name}{at}"), "number of samples"))?;
    }
    root.present()?;
    Ok(())
}

/// What is drawn of a network.
type Quantity = fn(&Size) -> f64;

fn panel(
    area: &Area<'_>,
    series: &[Series],
    lines: Vec<Vec<(f64, f64)>>,
    (vertical, horizontal): (&str, &str),
) -> Outcome {
    let xs = range(lines.iter().flatten().map(|p| p.0), 1.1);
    let ys = range(lines.iter().flatten().map(|p| p.1), 1.6);
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .x_label_area_size(42)
        .y_label_area_size(74)
        .build_cartesian_2d(xs.log_scale(), ys.log_scale())?;
    chart
        .configure_mesh()
        .x_desc(horizontal)
        .y_desc(vertical)
        .light_line_style(WHITE)
        .label_style(("sans-serif", 13))
        .axis_desc_style(("sans-serif", 15))
        .x_label_formatter(&short)
        .y_label_formatter(&short)
        .draw()?;
    for ((one, line), colour) in series.iter().zip(lines).zip(COLOURS) {
        chart
            .draw_series(LineSeries::new(line.clone(), colour.stroke_width(2)).point_size(3))?
            .label(one.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .label_font(("sans-serif", 13))
        .draw()?;
    Ok(())
}

/// The positive values with room around them.
fn range(values: impl Iterator<Item = f64>, room: f64) -> Range<f64> {
    let (low, high) = values
        .filter(|v| *v > 0.0)
        .fold((f64::INFINITY, 0.0_f64), |(low, high), v| (low.min(v), high.max(v)));
    if low <= high { low / room..high * room } else { 1.0..10.0 }
}

/// A number for an axis.
fn short(value: &f64) -> String {
    match *value {
        v if v >= 1e6 => format!("{} M", v / 1e6),
        v if v >= 1e3 => format!("{} k", v / 1e3),
        v => format!("{v}"),
    }
}
