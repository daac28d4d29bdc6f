//! The question in exact numbers, and the finite point sets that approach it.

use std::cmp::Ordering;

use dashu_ratio::RBig;
use indelible::{Dataset, Norm, Silent, separation::separation};

use crate::{
    Error,
    ball::RationalBall,
    clock::Clock,
    network::RationalNetwork,
    rational::{exact, half, integer},
};

/// One question: samples, radius and labels as exact numbers.
pub(crate) struct Instance {
    pub points: Vec<Vec<RBig>>,
    pub labels: Vec<usize>,
    pub classes: usize,
    pub radius: RBig,
    pub norm: Norm,
}

/// What a search among the networks of some kind ends with.
pub(crate) enum Finding {
    /// A network that meets the demands.
    Network(RationalNetwork),
    /// There is none; already the demands with these indices forbid it.
    Core(Vec<usize>),
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

impl Demand {
    /// Whether `net` gives the point its class.
    pub(crate) fn met_by(&self, net: &RationalNetwork, classes: usize) -> bool {
        let value = net.value(&self.point);
        let (lower, upper) = interval(self.class, classes);
        lower.is_none_or(|l| value > l) && upper.is_none_or(|u| value < u)
    }
}

impl Instance {
    /// The question about `data`.
    ///
    /// # Errors
    /// When the norm is not `linf` or `l1`, or the radius is negative or no
    /// number.
    pub(crate) fn new(data: &Dataset, norm: Norm, radius: f64) -> Result<Self, Error> {
        if !matches!(norm, Norm::Linf | Norm::L1) {
            return Err(Error::BadNorm { given: norm });
        }
        if !(radius.is_finite() && radius >= 0.0) {
            return Err(indelible::Error::BadRadius { given: radius }.into());
        }
        let points = (0..data.samples()).map(|i| data.row(i).into_iter().map(exact).collect()).collect();
        Ok(Self {
            points,
            labels: data.labels().to_vec(),
            classes: data.classes(),
            radius: exact(radius),
            norm,
        })
    }

    /// Number of features.
    pub(crate) fn features(&self) -> usize {
        self.points.first().map_or(0, Vec::len)
    }

    /// The closed ball around a sample.
    pub(crate) fn ball(&self, sample: usize) -> RationalBall<'_> {
        RationalBall { centre: &self.points[sample], radius: &self.radius, norm: self.norm }
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
        net: &RationalNetwork,
        margin: &RBig,
        limit: usize,
        clock: &Clock,
    ) -> Result<Vec<Demand>, Error> {
        let mut found: Vec<(RBig, Demand)> = Vec::new();
        for sample in 0..self.points.len() {
            clock.check()?;
            found.extend(self.extremes(net, sample, clock)?.into_iter().filter(|(slack, _)| slack <= margin));
        }
        found.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.sample.cmp(&b.1.sample)));
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
        net: &RationalNetwork,
        sample: usize,
        clock: &Clock,
    ) -> Result<Option<RBig>, Error> {
        Ok(self.extremes(net, sample, clock)?.into_iter().map(|(slack, _)| slack).min())
    }

    /// The points of a ball where `net` comes closest to each end of the
    /// interval of its class, with the distance that is left, negative outside
    /// the interval.
    fn extremes(
        &self,
        net: &RationalNetwork,
        sample: usize,
        clock: &Clock,
    ) -> Result<Vec<(RBig, Demand)>, Error> {
        let class = self.labels[sample];
        let (lower, upper) = interval(class, self.classes);
        let mut found = Vec::with_capacity(2);
        if let Some(bound) = lower {
            let (value, point) = net.minimum(self.ball(sample), clock)?;
            found.push((value - bound, Demand { point, class, sample }));
        }
        if let Some(bound) = upper {
            let (value, point) = net.maximum(self.ball(sample), clock)?;
            found.push((bound - value, Demand { point, class, sample }));
        }
        Ok(found)
    }

    /// The same violation at a point with fewer digits, where there is one:
    /// the solver's time grows with the digits of the points (a factor of 30
    /// and more for a radius of 0.3), and exact optima lie on kinks of the
    /// network, whose coordinates would grow from round to round.
    fn shorten(&self, demand: Demand, net: &RationalNetwork) -> Demand {
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

/// Two samples of different classes whose balls share a point, and that point.
///
/// No network at all memorizes such a dataset: the point would need both
/// classes.
pub(crate) fn shared_point(instance: &Instance, data: &Dataset) -> Option<[Demand; 2]> {
    // The closest pair is the closest in exact arithmetic, so it decides.
    let (i, j) = separation(data, instance.norm, &Silent).pair?;
    let gap = instance.ball(i).distance(&instance.points[j]);
    (gap <= &instance.radius * RBig::from(2)).then(|| {
        let middle = instance.points[i].iter().zip(&instance.points[j]).map(|(a, b)| (a + b) * half());
        let point: Vec<RBig> = middle.collect();
        [i, j].map(|sample| Demand { point: point.clone(), class: instance.labels[sample], sample })
    })
}
