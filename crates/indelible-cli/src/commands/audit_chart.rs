//! The picture of `audit`: what was solved, against the distance to the boundary.

use plotters::prelude::*;

use super::drawing::COLOURS;
use crate::failure::Failure;

/// Points of a line, at most.
const GROUPS: usize = 12;

/// An instance as it is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    /// Shares of half the distance to the nearest enemy.
    pub distance: f64,
    /// Whether the answer is `sat`.
    pub is_sat: bool,
    pub solved: bool,
    /// Whether the answer is wrong or its point is none.
    pub wrong: bool,
}

/// Two lines, for either answer: instances in the order of their distance, in groups of
/// about as many each, of which the share that was solved stands at the middle of their
/// distances. Below them a cross for each that was answered wrongly.
pub fn chart(title: &str, marks: &[Mark]) -> Result<String, Failure> {
    let mut text = String::new();
    draw(&mut text, title, marks)?;
    Ok(text)
}

/// The points of a line, by distance.
fn line(marks: &[Mark], is_sat: bool) -> Vec<(f64, f64)> {
    let mut own: Vec<&Mark> = marks.iter().filter(|mark| mark.is_sat == is_sat).collect();
    own.sort_by(|a, b| a.distance.total_cmp(&b.distance));
    let size = own.len().div_ceil(GROUPS).max(1);
    let point = |group: &[&Mark]| {
        let solved = group.iter().filter(|mark| mark.solved).count();
        (group.get(group.len() / 2).map_or(0.0, |mark| mark.distance), solved as f64 / group.len() as f64)
    };
    own.chunks(size).map(point).collect()
}

fn draw(text: &mut String, title: &str, marks: &[Mark]) -> Result<(), Failure> {
    const CROSSES: f64 = -0.05;
    let root = SVGBackend::with_string(text, (760, 520)).into_drawing_area();
    root.fill(&WHITE)?;
    let root = root.titled(title, ("sans-serif", 18))?;
    let most = marks.iter().map(|mark| mark.distance).filter(|d| d.is_finite()).fold(1.0, f64::max);
    let mut chart = ChartBuilder::on(&root)
        .margin(14)
        .x_label_area_size(46)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..most * 1.05, -0.1..1.05)?;
    chart
        .configure_mesh()
        .x_desc("radius, in shares of half the distance to the nearest sample of another class")
        .y_desc("share of instances solved")
        .light_line_style(WHITE)
        .label_style(("sans-serif", 13))
        .axis_desc_style(("sans-serif", 15))
        .y_label_formatter(&|y| if *y < 0.0 { String::new() } else { format!("{y:.1}") })
        .draw()?;
    for (is_sat, colour) in [(false, COLOURS[0]), (true, COLOURS[1])] {
        let points = line(marks, is_sat);
        let count = marks.iter().filter(|mark| mark.is_sat == is_sat).count();
        chart
            .draw_series(LineSeries::new(points.clone(), colour.stroke_width(2)))?
            .label(format!("{}, {count} instances", if is_sat { "sat" } else { "unsat" }))
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        chart.draw_series(points.into_iter().map(|point| Circle::new(point, 3, colour.filled())))?;
    }
    let wrong: Vec<&Mark> = marks.iter().filter(|mark| mark.wrong && mark.distance.is_finite()).collect();
    if !wrong.is_empty() {
        let colour = COLOURS[3];
        let crosses =
            wrong.iter().map(|mark| Cross::new((mark.distance, CROSSES), 5, colour.stroke_width(2)));
        chart
            .draw_series(crosses)?
            .label(format!("answered wrongly, {}", wrong.len()))
            .legend(move |(x, y)| Cross::new((x + 9, y), 5, colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::MiddleRight)
        .label_font(("sans-serif", 14))
        .background_style(WHITE)
        .draw()?;
    Ok(root.present()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(distance: f64, is_sat: bool, solved: bool, wrong: bool) -> Mark {
        Mark { distance, is_sat, solved, wrong }
    }

    #[test]
    fn a_line_holds_every_instance_once() {
        let marks: Vec<Mark> = (0..50u32).map(|i| mark(f64::from(i) / 50.0, false, i < 25, false)).collect();
        let points = line(&marks, false);
        assert_eq!(points.len(), 10);
        assert_eq!(points.iter().map(|(_, share)| share * 5.0).sum::<f64>(), 25.0);
        assert!(points.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 >= pair[1].1));
        assert!(line(&marks, true).is_empty());
    }

    #[test]
    fn wrong_answers_are_crosses() {
        let right = [mark(0.5, false, true, false), mark(1.5, true, true, false)];
        let mut wrong = right.to_vec();
        wrong.push(mark(0.9, true, false, true));
        assert!(!chart("a tool", &right).unwrap().contains("answered wrongly"));
        let svg = chart("a tool", &wrong).unwrap();
        assert!(svg.contains("answered wrongly, 1") && roxmltree::Document::parse(&svg).is_ok());
        for nothing in [&[][..], &[mark(f64::INFINITY, true, false, true)]] {
            assert!(roxmltree::Document::parse(&chart("nothing", nothing).unwrap()).is_ok());
        }
    }
}
