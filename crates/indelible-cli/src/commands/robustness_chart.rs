//! Robust accuracy over the radius, and its picture.

use indelible::certify::RobustRadius;
use plotters::prelude::*;

use super::drawing::COLOURS;
use crate::{failure::Failure, report::real};

/// Shares of samples that keep their label on the whole ball, as functions of
/// its radius: at least, and at most.
pub struct Curves {
    samples: usize,
    /// Radii above 0 that were certified, in increasing order.
    certified: Vec<f64>,
    /// Of the samples that are right themselves, in increasing order.
    attacked: Vec<f64>,
}

impl Curves {
    pub fn new(found: &[RobustRadius]) -> Self {
        let right = || found.iter().filter(|r| r.correct);
        let (mut certified, mut attacked): (Vec<f64>, Vec<f64>) =
            right().map(|r| (r.certified, r.attacked)).unzip();
        certified.retain(|radius| *radius > 0.0);
        certified.sort_by(f64::total_cmp);
        attacked.sort_by(f64::total_cmp);
        Self { samples: found.len(), certified, attacked }
    }

    fn share(&self, count: usize) -> f64 {
        count as f64 / self.samples.max(1) as f64
    }

    /// Share of samples that are right themselves.
    pub fn clean(&self) -> f64 {
        self.share(self.attacked.len())
    }

    /// Shares of samples that are certified within `radius`, and that are not
    /// attacked there.
    pub fn at(&self, radius: f64) -> [f64; 2] {
        let less = self.certified.partition_point(|r| *r < radius);
        let broken = self.attacked.partition_point(|r| *r <= radius);
        [self.share(self.certified.len() - less), self.share(self.attacked.len() - broken)]
    }

    /// The largest certified radius, 0 where there is none.
    pub fn largest_certified(&self) -> f64 {
        self.certified.last().copied().unwrap_or(0.0)
    }

    /// The certified radius in the middle of the samples that are right themselves.
    pub fn median_certified(&self) -> f64 {
        let none = self.attacked.len() - self.certified.len();
        let place = (self.attacked.len() / 2).checked_sub(none);
        place.and_then(|place| self.certified.get(place)).copied().unwrap_or(0.0)
    }

    /// Where the picture ends.
    fn end(&self) -> f64 {
        let attacked = self.attacked.iter().copied().filter(|r| r.is_finite());
        let largest = attacked.fold(self.largest_certified(), f64::max);
        if largest > 0.0 { 1.02 * largest } else { 1.0 }
    }
}

const SIZE: (u32, u32) = (860, 520);
/// Places between which the curves are drawn as lines.
const PLACES: u32 = 400;

/// Both curves as SVG; between them lies the truth.
pub fn chart(title: &str, axis: &str, curves: &Curves) -> Result<String, Failure> {
    let mut text = String::new();
    draw(&mut text, title, axis, curves)?;
    Ok(text)
}

fn draw(text: &mut String, title: &str, axis: &str, curves: &Curves) -> Result<(), Failure> {
    let root = SVGBackend::with_string(text, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let end = curves.end().min(f64::MAX);
    let mut chart = ChartBuilder::on(&root)
        .margin(16)
        .caption(title, ("sans-serif", 18))
        .x_label_area_size(46)
        .y_label_area_size(62)
        .build_cartesian_2d(0.0..end, 0.0..1.0)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_desc(axis)
        .y_desc("robust accuracy")
        .x_label_formatter(&|x| real(*x))
        .label_style(("sans-serif", 13))
        .axis_desc_style(("sans-serif", 15))
        .draw()?;
    let places: Vec<f64> = (0..=PLACES).map(|i| end * (f64::from(i) / f64::from(PLACES))).collect();
    let line = |which: usize| places.iter().map(|r| (*r, curves.at(*r)[which])).collect::<Vec<_>>();
    let ([certified, attacked], clean) = ([line(0), line(1)], curves.clean());
    let below =
        |line: &[(f64, f64)]| line.iter().copied().chain([(end, 0.0), (0.0, 0.0)]).collect::<Vec<_>>();
    chart.draw_series([
        Polygon::new(below(&attacked), COLOURS[1].mix(0.12)),
        Polygon::new(below(&certified), COLOURS[0].mix(0.18)),
    ])?;
    let key = |colour: RGBColor| {
        move |(x, y): (i32, i32)| PathElement::new([(x, y), (x + 22, y)], colour.stroke_width(3))
    };
    let level = [(0.0, clean), (end, clean)];
    chart
        .draw_series(DashedLineSeries::new(level, 6, 5, BLACK.stroke_width(1)))?
        .label(format!("clean accuracy, {}", real(clean)))
        .legend(key(BLACK));
    for (series, words, colour) in
        [(attacked, "not attacked: at most", COLOURS[1]), (certified, "certified: at least", COLOURS[0])]
    {
        chart.draw_series(LineSeries::new(series, colour.stroke_width(2)))?.label(words).legend(key(colour));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .label_font(("sans-serif", 14))
        .draw()?;
    Ok(root.present()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found() -> [RobustRadius; 4] {
        let known = |certified, attacked| RobustRadius { correct: true, certified, attacked };
        let wrong = RobustRadius { correct: false, certified: 0.0, attacked: 0.0 };
        [known(0.5, 0.75), known(0.25, f64::INFINITY), known(0.0, 0.1), wrong]
    }

    #[test]
    fn curves_count_samples() {
        let curves = Curves::new(&found());
        assert_eq!((curves.clean(), curves.largest_certified()), (0.75, 0.5));
        for (radius, shares) in [
            (0.0, [0.5, 0.75]),
            (0.1, [0.5, 0.5]),
            (0.5, [0.25, 0.5]),
            (0.51, [0.0, 0.5]),
            (0.75, [0.0, 0.25]),
        ] {
            assert_eq!(curves.at(radius), shares, "{radius}");
        }
        assert_eq!(Curves::new(&[]).at(0.0), [0.0, 0.0]);
    }

    #[test]
    fn pictures_are_well_formed() {
        for found in [&found()[..], &found()[3..], &[]] {
            let svg = chart("a & b", "radius in linf", &Curves::new(found)).unwrap();
            let document = roxmltree::Document::parse(&svg).unwrap();
            let words: String = document.descendants().filter_map(|n| n.text()).collect();
            for word in ["certified: at least", "not attacked", "clean accuracy", "a & b", "radius in linf"] {
                assert!(words.contains(word), "{word}");
            }
            assert!(!svg.contains("NaN"));
        }
    }
}
