//! What prototypes compute, in any arithmetic.

use super::{Measure, Pool, Prototypes};
use crate::network::{Arithmetic, PowerCurve, layer::through};

impl Prototypes {
    /// The outputs at one point `x`, `n` numbers, as `arithmetic` has them.
    pub fn evaluate_in<A: Arithmetic>(&self, arithmetic: &mut A, x: &[A::Number]) -> Vec<A::Number> {
        let clipped: Option<Vec<A::Number>> = self.clipping.minima().map(|minima| {
            x.iter()
                .zip(minima)
                .map(|(x, &m)| {
                    let m = arithmetic.number(m);
                    arithmetic.max(x, &m)
                })
                .collect()
        });
        let zero = arithmetic.number(0.0);
        let mut pools = vec![vec![zero]; self.accumulator_count()];
        let (mut center, mut each) = (vec![0.0; x.len()], Vec::with_capacity(x.len()));
        for k in 0..self.steps() {
            self.copy_center(k, &mut center);
            let x = clipped.as_deref().filter(|_| self.clipping.before(k).is_some()).unwrap_or(x);
            let measured = self.measured(arithmetic, k, x.iter().zip(&center), &mut each);
            let top = arithmetic.number(self.tops[k]);
            let height = arithmetic.dot(&top, &[(-self.scales[k], measured)]);
            let level = arithmetic.relu(&height);
            let pool = &mut pools[self.accumulators[k]];
            match self.pool {
                Pool::Max => pool[0] = arithmetic.max(&pool[0], &level),
                Pool::Raise => {
                    let lift = arithmetic.minus(&level, &pool[0]);
                    let increment = arithmetic.relu(&lift);
                    pool[0] = arithmetic.sum(&[pool[0].clone(), increment]);
                }
                Pool::Sum => pool.push(level),
            }
        }
        let accumulators = pools.iter().map(|pool| arithmetic.sum(pool)).collect();
        through(arithmetic, &self.head, accumulators)
    }

    /// `E_k` for pairs of an input and a coordinate of the center; `each` is
    /// room for one number per feature.
    fn measured<'a, A: Arithmetic>(
        &self,
        arithmetic: &mut A,
        k: usize,
        pairs: impl Iterator<Item = (&'a A::Number, &'a f64)>,
        each: &mut Vec<A::Number>,
    ) -> A::Number
    where
        A::Number: 'a,
    {
        let measure = &self.measure;
        let radius = arithmetic.number(self.radii[k]);
        let beyond = |arithmetic: &mut A, distance: &A::Number| {
            let excess = arithmetic.minus(distance, &radius);
            arithmetic.relu(&excess)
        };
        each.clear();
        for (x, &c) in pairs {
            let c = arithmetic.number(c);
            let difference = arithmetic.minus(x, &c);
            let size = arithmetic.abs(&difference);
            each.push(match measure {
                Measure::Largest | Measure::Sum => size,
                Measure::Violations => beyond(arithmetic, &size),
                Measure::Power(curve) => curve.evaluate_in(arithmetic, &size),
            });
        }
        match measure {
            Measure::Violations => arithmetic.sum(each),
            Measure::Largest => {
                let zero = arithmetic.number(0.0);
                let largest = each.iter().fold(zero, |largest, size| arithmetic.max(&largest, size));
                beyond(arithmetic, &largest)
            }
            Measure::Sum | Measure::Power(_) => {
                let sum = arithmetic.sum(each);
                beyond(arithmetic, &sum)
            }
        }
    }
}

impl PowerCurve {
    /// `φ(t)` as `arithmetic` has it.
    pub fn evaluate_in<A: Arithmetic>(&self, arithmetic: &mut A, t: &A::Number) -> A::Number {
        match self {
            Self::Hinges { knots, weights } => {
                let hinges: Vec<(f64, A::Number)> = knots
                    .iter()
                    .zip(weights)
                    .map(|(&knot, &weight)| {
                        let knot = arithmetic.number(knot);
                        let beyond = arithmetic.minus(t, &knot);
                        (weight, arithmetic.relu(&beyond))
                    })
                    .collect();
                let zero = arithmetic.number(0.0);
                arithmetic.dot(&zero, &hinges)
            }
            Self::Sawtooth { inverse, levels } => {
                let (zero, two) = (arithmetic.number(0.0), arithmetic.number(2.0));
                let mut g = arithmetic.dot(&zero, &[(*inverse, t.clone())]);
                let mut value = g.clone();
                for level in 1..=*levels {
                    let rising = arithmetic.sum(&[g.clone(), g]);
                    let falling = arithmetic.minus(&two, &rising);
                    let tooth = arithmetic.min(&rising, &falling);
                    g = arithmetic.relu(&tooth);
                    value = arithmetic.dot(&value, &[(-Self::share(level), tooth)]);
                }
                arithmetic.relu(&value)
            }
        }
    }
}
