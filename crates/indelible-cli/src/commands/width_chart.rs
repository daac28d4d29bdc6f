//! The picture of `width`: which ratio a first layer reaches, and which it
//! cannot.

use indelible::width::WidthBounds;
use plotters::prelude::*;

use super::drawing::COLOURS;
use crate::failure::Failure;

/// What is drawn of a width.
type Value = fn(&WidthBounds) -> f64;

/// Two lines over the width, on a logarithmic axis: what was reached, and what
/// is impossible.
pub fn chart(title: &str, bounds: &[WidthBounds]) -> Result<String, Failure> {
    let mut text = String::new();
    draw(&mut text, title, bounds)?;
    Ok(text)
}

fn draw(text: &mut String, title: &str, bounds: &[WidthBounds]) -> Result<(), Failure> {
    let root = SVGBackend::with_string(text, (760, 520)).into_drawing_area();
    root.fill(&WHITE)?;
    let root = root.titled(title, ("sans-serif", 18))?;
    let mut order: Vec<&WidthBounds> = bounds.iter().collect();
    order.sort_by_key(|found| found.width);
    let at = |found: &&WidthBounds| found.width as f64;
    let most = order.last().map_or(1.0, at);
    let ticks: Vec<f64> = order.iter().map(at).collect();
    let mut chart = ChartBuilder::on(&root)
        .margin(14)
        .x_label_area_size(46)
        .y_label_area_size(60)
        .build_cartesian_2d((0.9..most * 1.1).log_scale().with_key_points(ticks), 0.0..1.05)?;
    chart
        .configure_mesh()
        .x_desc("neurons of the first layer, m")
        .y_desc("ratio ρ = 2μ/λ")
        .light_line_style(WHITE)
        .label_style(("sans-serif", 13))
        .axis_desc_style(("sans-serif", 15))
        .x_label_formatter(&|x| format!("{x}"))
        .y_label_formatter(&|y| format!("{y:.1}"))
        .draw()?;
    let lines: [(&str, Value); 2] = [
        ("reached by a projection that was found", |found| found.reached),
        ("impossible from here on", |found| found.impossible),
    ];
    for ((name, of), colour) in lines.into_iter().zip(COLOURS) {
        let points: Vec<(f64, f64)> = order.iter().map(|found| (at(found), of(found))).collect();
        chart
            .draw_series(LineSeries::new(points.clone(), colour.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        chart.draw_series(points.into_iter().map(|point| Circle::new(point, 3, colour.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .label_font(("sans-serif", 14))
        .background_style(WHITE)
        .draw()?;
    Ok(root.present()?)
}
