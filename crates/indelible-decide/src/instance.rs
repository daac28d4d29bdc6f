//! The question in exact numbers, and the finite point sets that approach it.

use std::cmp::Ordering;

use dashu_ratio::RBig;
use indelible::{Dataset, Norm, Silent, separation::separation};

use crate::{
    Error,
    ball::RationalBall,
    clock::Clock,
    network::RationalNetwork,
    rational::{all_exact, exact, half},
};

/// Counterexamples found per round.
const BATCH: usize = 16;

/// One question, samples and radius as exact numbers, and the time for it:
/// what takes long fails when the clock runs out.
pub(crate) struct Instance<'a> {
    pub data: &'a Dataset,
    pub points: Vec<Vec<RBig>>,
    pub radius: RBig,
    pub norm: Norm,
    pub clock: Clock,
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
    let lower = (class > 0).then(|| RBig::from(class) + half());
    let upper = (class + 1 < classes).then(|| RBig::from(class + 1) + half());
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

impl<'a> Instance<'a> {
    /// The question about `data`.
    ///
    /// # Errors
    /// When the norm is not `linf` or `l1`, or the radius is negative or no
    /// number.
    pub(crate) fn new(data: &'a Dataset, norm: Norm, radius: f64, clock: Clock) -> Result<Self, Error> {
        if !matches!(norm, Norm::Linf | Norm::L1) {
            return Err(Error::BadNorm { given: norm });
        }
        if !(radius.is_finite() && radius >= 0.0) {
            return Err(indelible::Error::BadRadius { given: radius }.into());
        }
        let points = (0..data.samples()).map(|i| all_exact(&data.row(i))).collect();
        Ok(Self { data, points, radius: exact(radius), norm, clock })
    }

    /// The closed ball around a sample.
    pub(crate) fn ball(&self, sample: usize) -> RationalBall<'_> {
        RationalBall { centre: &self.points[sample], radius: &self.radius, norm: self.norm }
    }

    /// The point must get the class of `sample`.
    pub(crate) fn demand(&self, point: Vec<RBig>, sample: usize) -> Demand {
        Demand { point, class: self.data.labels()[sample], sample }
    }

    /// Points of the balls where the margin of `net` is at most `margin`: for
    /// every ball the worst one on each side, the worst ball first, at most
    /// [`BATCH`]. With margin 0, empty exactly when `net` memorizes the dataset
    /// with this radius.
    pub(crate) fn violations(&self, net: &RationalNetwork, margin: &RBig) -> Result<Vec<Demand>, Error> {
        let mut found = Vec::new();
        for sample in 0..self.points.len() {
            self.clock.check()?;
            found.extend(self.extremes(net, sample)?.into_iter().filter(|(slack, _)| slack <= margin));
        }
        found.sort_by(|(a, x), (b, y)| (a, x.sample).cmp(&(b, y.sample)));
        found.truncate(BATCH);
        Ok(found.into_iter().map(|(_, demand)| self.shorten(demand, net)).collect())
    }

    /// The points of a ball where `net` comes closest to each end of the
    /// interval of its class, with the distance that is left, negative outside
    /// the interval: `net` memorizes exactly when all are positive.
    pub(crate) fn extremes(
        &self,
        net: &RationalNetwork,
        sample: usize,
    ) -> Result<Vec<(RBig, Demand)>, Error> {
        let ball = self.ball(sample);
        let (lower, upper) = interval(self.data.labels()[sample], self.data.classes());
        let mut found = Vec::with_capacity(2);
        if let Some(bound) = lower {
            let (value, point) = net.minimum(ball, &self.clock)?;
            found.push((value - bound, self.demand(point, sample)));
        }
        if let Some(bound) = upper {
            let (value, point) = net.maximum(ball, &self.clock)?;
            found.push((bound - value, self.demand(point, sample)));
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
            if !short.met_by(net, self.data.classes()) {
                return short;
            }
        }
        demand
    }

    /// Two samples of different classes whose balls share a point, and that
    /// point.
    ///
    /// No network at all memorizes such a dataset: the point would need both
    /// classes.
    pub(crate) fn shared_point(&self) -> Option<[Demand; 2]> {
        // The closest pair is the closest in exact arithmetic, so it decides.
        let (i, j) = separation(self.data, self.norm, &Silent).pair?;
        let (first, second) = (&self.points[i], &self.points[j]);
        (self.ball(i).distance(second) <= &self.radius * RBig::from(2)).then(|| {
            let middle: Vec<RBig> = first.iter().zip(second).map(|(a, b)| (a + b) * half()).collect();
            [i, j].map(|sample| self.demand(middle.clone(), sample))
        })
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
