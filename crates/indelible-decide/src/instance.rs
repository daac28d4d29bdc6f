//! The question in exact numbers, and the finite point sets that approach it.

use std::cmp::Ordering;

use dashu_ratio::RBig;

use indelible::{Dataset, Norm, Precision, Silent, separation::separation};

use crate::{
    Error,
    ball::{Ball, Candidate},
    clock::Clock,
    rational::{exact, half, integer, nearest},
};

/// Samples, radius and labels as exact numbers.
pub(crate) struct Task {
    pub points: Vec<Vec<RBig>>,
    pub labels: Vec<usize>,
    pub classes: usize,
    pub radius: RBig,
    pub norm: Norm,
}

/// A point that must get a class: it lies in the ball of `sample`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Demand {
    pub point: Vec<RBig>,
    pub class: usize,
    pub sample: usize,
}

/// The open interval of outputs that the scalar head reads as class `class`
/// of `classes`: the integer `class + 1` is the nearest of `1..=classes`.
pub(crate) fn interval(class: usize, classes: usize) -> (Option<RBig>, Option<RBig>) {
    let lower = (class > 0).then(|| integer(class) + half());
    let upper = (class + 1 < classes).then(|| integer(class + 1) + half());
    (lower, upper)
}

/// By how much `value` misses the open interval of a class: positive outside,
/// 0 on the boundary, negative inside (minus the margin).
fn excess(value: &RBig, class: usize, classes: usize) -> Option<RBig> {
    let (lower, upper) = interval(class, classes);
    let below = lower.map(|l| l - value);
    let above = upper.map(|u| value - u);
    below.into_iter().chain(above).max()
}

impl Demand {
    /// Whether `net` gives the point its class.
    pub(crate) fn met_by(&self, net: &Candidate, classes: usize) -> bool {
        excess(&net.value(&self.point), self.class, classes).is_none_or(|e| e < RBig::ZERO)
    }
}

impl Task {
    /// Reads the dataset.
    pub(crate) fn new(data: &Dataset, norm: Norm, radius: f64) -> Self {
        let points = (0..data.samples()).map(|i| data.row(i).into_iter().map(exact).collect()).collect();
        Self { points, labels: data.labels().to_vec(), classes: data.classes(), radius: exact(radius), norm }
    }

    /// Number of features.
    pub(crate) fn features(&self) -> usize {
        self.points.first().map_or(0, Vec::len)
    }

    /// The closed ball around a sample.
    pub(crate) fn ball(&self, sample: usize) -> Ball<'_> {
        Ball { centre: &self.points[sample], radius: &self.radius, norm: self.norm }
    }

    /// The sample itself as a demand.
    pub(crate) fn centre(&self, sample: usize) -> Demand {
        Demand { point: self.points[sample].clone(), class: self.labels[sample], sample }
    }

    /// Points of the balls where the margin of `net` is at most `margin`: for
    /// every ball the worst one on each side, the worst ball first, at most
    /// `limit`. With margin 0, empty exactly when `net` memorizes the dataset
    /// with this radius.
    ///
    /// # Errors
    /// When the clock runs out.
    pub(crate) fn violations(
        &self,
        net: &Candidate,
        margin: &RBig,
        limit: usize,
        clock: &Clock,
    ) -> Result<Vec<Demand>, Error> {
        let mut found: Vec<(RBig, Demand)> = Vec::new();
        for sample in 0..self.points.len() {
            clock.check()?;
            let class = self.labels[sample];
            let (lower, upper) = interval(class, self.classes);
            let ball = self.ball(sample);
            if let Some(bound) = lower {
                let (value, point) = net.minimum(ball, clock)?;
                if value <= &bound + margin {
                    found.push((bound - value, Demand { point, class, sample }));
                }
            }
            if let Some(bound) = upper {
                let (value, point) = net.maximum(ball, clock)?;
                if value >= &bound - margin {
                    found.push((value - bound, Demand { point, class, sample }));
                }
            }
        }
        found.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.sample.cmp(&b.1.sample)));
        found.truncate(limit);
        Ok(found.into_iter().map(|(_, demand)| self.shorten(demand, net)).collect())
    }

    /// The smallest distance of any output on a ball from the boundary of its
    /// class: positive exactly when `net` memorizes. `None` with one class.
    ///
    /// # Errors
    /// When the clock runs out.
    pub(crate) fn margin(
        &self,
        net: &Candidate,
        sample: usize,
        clock: &Clock,
    ) -> Result<Option<RBig>, Error> {
        let (lower, upper) = interval(self.labels[sample], self.classes);
        let ball = self.ball(sample);
        let below = match lower {
            Some(bound) => Some(net.minimum(ball, clock)?.0 - bound),
            None => None,
        };
        let above = match upper {
            Some(bound) => Some(bound - net.maximum(ball, clock)?.0),
            None => None,
        };
        Ok(below.into_iter().chain(above).min())
    }

    /// The same violation at a point with fewer digits, where there is one:
    /// the solver's time grows with the digits of the points (a factor of 30
    /// and more for a radius of 0.3), and exact optima lie on kinks of the
    /// network, whose coordinates would grow from round to round.
    fn shorten(&self, demand: Demand, net: &Candidate) -> Demand {
        if self.radius.is_zero() {
            return demand;
        }
        let ball = self.ball(demand.sample);
        for bits in [8, 16, 32] {
            let grid = grid(&self.radius, bits);
            let coordinates = demand.point.iter().zip(ball.centre);
            let point = coordinates.map(|(x, c)| towards(x, c, &grid)).collect();
            let short = Demand { point, ..demand.clone() };
            if !short.met_by(net, self.classes) {
                return short;
            }
        }
        demand
    }
}

/// A power of two between `radius/2^(bits+1)` and `radius/2^bits`.
fn grid(radius: &RBig, bits: usize) -> RBig {
    let two = RBig::from(2);
    let mut grid = RBig::ONE;
    while grid > *radius {
        grid /= &two;
    }
    while &grid * &two <= *radius {
        grid *= &two;
    }
    grid / RBig::from(dashu_int::UBig::ONE << bits)
}

/// `x`, moved towards `centre` to the next multiple of `grid`, but not beyond
/// `centre`: no distance from the centre grows, so balls are not left.
fn towards(x: &RBig, centre: &RBig, grid: &RBig) -> RBig {
    let steps = x / grid;
    match x.cmp(centre) {
        Ordering::Less => (RBig::from(steps.ceil()) * grid).min(centre.clone()),
        Ordering::Equal => centre.clone(),
        Ordering::Greater => (RBig::from(steps.floor()) * grid).max(centre.clone()),
    }
}

/// The candidate with every parameter rounded to `precision`, where all are
/// finite.
pub(crate) fn rounded(net: &Candidate, precision: Precision) -> Option<Candidate> {
    let round = |value: &RBig| nearest(value, precision).map(exact);
    let mut short = net.clone();
    short.offset = round(&net.offset)?;
    for neuron in &mut short.neurons {
        neuron.bias = round(&neuron.bias)?;
        for w in neuron.weights.iter_mut().chain([&mut neuron.output]) {
            *w = round(w)?;
        }
    }
    Some(short)
}

/// The candidate in short numbers, where they still meet every demand.
pub(crate) fn simplified<'a>(
    net: Candidate,
    demands: impl IntoIterator<Item = &'a Demand> + Clone,
    classes: usize,
) -> Candidate {
    for precision in [Precision::F32, Precision::F64] {
        if let Some(short) = rounded(&net, precision)
            && demands.clone().into_iter().all(|d| d.met_by(&short, classes))
        {
            return short;
        }
    }
    net
}

/// Two samples of different classes whose balls share a point, and that point.
///
/// No network at all memorizes such a dataset: the point would need both
/// classes.
pub(crate) fn shared_point(task: &Task, data: &Dataset) -> Option<[Demand; 2]> {
    // The closest pair is the closest in exact arithmetic, so it decides.
    let (i, j) = separation(data, task.norm, &Silent).pair?;
    let gap = task.ball(i).distance(&task.points[j]);
    (gap <= &task.radius * RBig::from(2)).then(|| {
        let middle = task.points[i].iter().zip(&task.points[j]).map(|(a, b)| (a + b) * half());
        let point: Vec<RBig> = middle.collect();
        [i, j].map(|sample| Demand { point: point.clone(), class: task.labels[sample], sample })
    })
}
