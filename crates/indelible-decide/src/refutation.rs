//! Finitely many points that no network of a width memorizes: the proof of
//! *no*, as text that a second run can check.
//!
//! ```text
//! indelible-refutation 1
//! width 2
//! norm linf
//! radius 0.5
//! classes 5
//! point SAMPLE CLASS X1 X2 …
//! ```
//!
//! Samples count from 0, classes from 1; coordinates are exact integers or
//! fractions `p/q`. The check has two parts: every point lies in the ball of
//! its sample and carries that sample's class (arithmetic, done here), and no
//! network of the width gives all of them their class (the solver again, or a
//! linear program at width 1).

use std::{fmt, str::FromStr};

use dashu_ratio::RBig;
use indelible::{Dataset, Features, Norm, text::counted};

use crate::{
    Config, Error,
    clock::Clock,
    config::check_width,
    error::clip,
    instance::{Demand, Instance},
    point_solver::PointSolver,
    rational,
};

/// The first line of the text form.
const HEADER: &str = "indelible-refutation 1";

/// The most classes of which a dataset is made.
const MOST_CLASSES: usize = 1 << 20;

/// A proof that no network of depth 2, `width` hidden neurons and scalar head
/// memorizes a dataset with a radius.
#[derive(Clone, Debug, PartialEq)]
pub struct Refutation {
    width: usize,
    norm: Norm,
    radius: f64,
    classes: usize,
    demands: Vec<Demand>,
}

impl Refutation {
    pub(crate) fn new(instance: &Instance<'_>, width: usize, radius: f64, demands: Vec<Demand>) -> Self {
        Self { width, norm: instance.norm, radius, classes: instance.data.classes(), demands }
    }

    /// The width.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// The norm of the balls.
    #[must_use]
    pub fn norm(&self) -> Norm {
        self.norm
    }

    /// The radius of the balls.
    #[must_use]
    pub fn radius(&self) -> f64 {
        self.radius
    }

    /// The number of labels of the scalar head, `L`.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Number of points.
    #[must_use]
    pub fn len(&self) -> usize {
        self.demands.len()
    }

    /// Whether there are no points (then nothing is refuted).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.demands.is_empty()
    }

    /// For every point the sample in whose ball it lies.
    pub fn samples(&self) -> impl Iterator<Item = usize> + '_ {
        self.demands.iter().map(|d| d.sample)
    }

    /// The points: sample, class (from 0) and the exact coordinates, written as
    /// integers or fractions `p/q`.
    pub fn points(&self) -> impl Iterator<Item = (usize, usize, Vec<String>)> + '_ {
        let text = |d: &Demand| d.point.iter().map(ToString::to_string).collect();
        self.demands.iter().map(move |d| (d.sample, d.class, text(d)))
    }

    /// The points as a dataset, classes named 1 to `L`: deciding it with
    /// radius 0 asks the same question. `None` where a coordinate is no
    /// binary64 number, there are no points, or a text promised more than 2²⁰
    /// classes.
    #[must_use]
    pub fn dataset(&self) -> Option<Dataset> {
        let features = self.demands.first()?.point.len();
        let values = self.demands.iter().flat_map(|d| &d.point);
        let values: Option<Vec<f64>> = values.map(|x| f64::try_from(x.clone()).ok()).collect();
        let labels = self.demands.iter().map(|d| d.class).collect();
        let classes = Some(self.classes).filter(|&classes| classes <= MOST_CLASSES)?;
        let names = (1..=classes).map(|label| label.to_string()).collect();
        Dataset::new(Features::F64(values?.into()), features, labels, names).ok()
    }

    /// Checks the proof against the dataset it is about.
    ///
    /// # Errors
    /// When a point lies outside the ball of its sample or has another class,
    /// the points are not about this dataset, a network of the width meets all
    /// of them, or the solver is missing, fails or needs too long.
    pub fn check(&self, data: &Dataset, config: &Config) -> Result<(), Error> {
        let wrong = |what: String| Err(Error::BadRefutation(what));
        let clock = Clock::start(config.timeout);
        check_width(self.width)?;
        let instance = Instance::new(data, self.norm, self.radius, clock)?;
        let (classes, given) = (self.classes, data.classes());
        if given != classes {
            return wrong(format!("it is about {}; the data have {given}", counted(classes, "class")));
        }
        for (number, demand) in (1..).zip(&self.demands) {
            if demand.sample >= data.samples() || demand.point.len() != data.features() {
                return wrong(format!("point {number} is not about these data"));
            }
            if demand.class != data.labels()[demand.sample] {
                return wrong(format!("point {number} has not the class of its sample"));
            }
            if !instance.ball(demand.sample).contains(&demand.point) {
                return wrong(format!("point {number} lies outside the ball of its sample"));
            }
        }
        let mut solver = PointSolver::new(self.width, &instance, &config.solver);
        solver.demands.clone_from(&self.demands);
        let all: Vec<usize> = (0..self.demands.len()).collect();
        if all.is_empty() || solver.impossible(&all)?.is_none() {
            return wrong(format!("a network of width {} gives all its points their class", self.width));
        }
        Ok(())
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// With the line, when something is not as the format says.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut lines = (1..).zip(text.lines());
        // The line and the value of the next field.
        let mut field = |name: &str| {
            let (line, text) = lines.next().unwrap_or((1, ""));
            text.strip_prefix(name).map(|value| (line, value.trim())).ok_or_else(|| Error::Syntax {
                line,
                what: format!("'{}' where '{}' was expected", clip(text), name.trim()),
            })
        };
        let version = field(HEADER)?;
        if !version.1.is_empty() {
            return Err(unreadable(version, "end of the first line"));
        }
        let width = number(field("width ")?, "width")?;
        let norm = field("norm ")?.1.parse::<Norm>()?;
        let radius = number(field("radius ")?, "radius")?;
        let classes: usize = number(field("classes ")?, "number of classes")?;
        let mut demands: Vec<Demand> = Vec::new();
        for (line, text) in lines {
            let syntax = |what: &str| Error::Syntax { line, what: what.into() };
            let mut words = text.split_whitespace();
            if words.next() != Some("point") {
                return Err(syntax("expected 'point SAMPLE CLASS X1 X2 …'"));
            }
            let mut number = || words.next().and_then(|w| w.parse::<usize>().ok());
            let (sample, class) = (number(), number().filter(|c| (1..=classes).contains(c)));
            let (Some(sample), Some(class)) = (sample, class) else {
                return Err(syntax("expected a sample (from 0) and a class (from 1) after 'point'"));
            };
            let point: Option<Vec<RBig>> = words.map(rational::parse).collect();
            let point = point.ok_or_else(|| syntax("a coordinate is no integer and no fraction p/q"))?;
            if demands.first().is_some_and(|first| first.point.len() != point.len()) {
                return Err(syntax("not as many coordinates as the first point has"));
            }
            demands.push(Demand { point, class: class - 1, sample });
        }
        Ok(Self { width, norm, radius, classes, demands })
    }
}

/// The number in the value of a line.
fn number<T: FromStr>(value: (usize, &str), what: &str) -> Result<T, Error> {
    value.1.parse().map_err(|_| unreadable(value, what))
}

fn unreadable((line, value): (usize, &str), expected: &str) -> Error {
    Error::Syntax { line, what: format!("'{}' is no {expected}", clip(value)) }
}

impl fmt::Display for Refutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}\nwidth {}\nnorm {}\nradius {}", self.width, self.norm, self.radius)?;
        writeln!(f, "classes {}", self.classes)?;
        for demand in &self.demands {
            let coordinates: String = demand.point.iter().map(|x| format!(" {x}")).collect();
            writeln!(f, "point {} {}{coordinates}", demand.sample, demand.class + 1)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_brings_it_down() {
        let head = |classes: &str| format!("{HEADER}\nwidth 1\nnorm linf\nradius 0\nclasses {classes}\n");
        for zero in ["1/0", "0/0", "-3/-0", "1/00", "/", "1/", "1/2/3"] {
            let text = format!("{}point 0 1 {zero} {zero}\n", head("2"));
            let complaint = Refutation::parse(&text).unwrap_err().to_string();
            assert_eq!(complaint, "line 6: a coordinate is no integer and no fraction p/q");
        }
        let huge = format!("{}point 0 1 1/3\n", head(&usize::MAX.to_string()));
        assert!(Refutation::parse(&huge).unwrap().dataset().is_none());
        assert!(Refutation::parse(&head("0")).unwrap().dataset().is_none());
        let sound = format!("{}point 0 1 1/4\npoint 7 2 -3\n", head("3"));
        let data = Refutation::parse(&sound).unwrap().dataset().unwrap();
        assert_eq!((data.row(0), data.row(1), data.classes()), (vec![0.25], vec![-3.0], 3));
    }
}
