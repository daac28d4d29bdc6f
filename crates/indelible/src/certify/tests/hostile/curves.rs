//! Sums over stored curves, and roundings of single sums.

use super::{Dyadic, Exact, Machine, Random, SIZES, number, power_of_two, range, rounds};
use crate::{
    Norm, Precision,
    certify::{
        arithmetic::{Interval, IntervalArithmetic, Term, grid, rounding},
        prototypes::CurveSums,
    },
    network::{Arithmetic, PowerCurve},
    number::{add_up, mul_up, sub_down, sub_up},
};

/// Hinges as a foreign file may have them, or teeth, for differences of about
/// the size of `unit`.
fn curve(random: &mut Random, precision: Precision, unit: f64) -> PowerCurve {
    let largest = precision.largest();
    if random.below(3) == 0 {
        let inverse = match random.below(6) {
            0 => any(random, precision).abs(),
            1 => 1.0 / unit,
            _ => (0.2 + 2.0 * random.unit()) / unit,
        };
        let inverse = precision.round(inverse).min(largest);
        return PowerCurve::Sawtooth { inverse, levels: 1 + below_one_of(random, &[3, 12, 60]) };
    }
    let count = 1 + below_one_of(random, &[1, 3, 12, 40]);
    if random.below(4) == 0 {
        return chords(random.of(&[2.0, 2.0, 1.5, 3.0, 7.25]), unit, count, precision);
    }
    let weight = random.of(&[1.0, unit, 1.0 / unit]).min(largest);
    let mut knots: Vec<f64> = vec![];
    let mut weights = vec![];
    for i in 0..count {
        let knot = match random.below(8) {
            0 => 0.0,
            1 => unit * 10.0,
            2 => any(random, precision).abs(),
            3 if i > 0 => knots[random.below(i)],
            _ => unit * i as f64 / count as f64,
        };
        let rise = match random.below(8) {
            0 => 0.0,
            1 => any(random, precision).abs(),
            _ => weight * 2.0 * random.unit(),
        };
        let one = |v: f64| precision.round(v).clamp(0.0, largest);
        knots.push(one(knot));
        weights.push(one(rise));
    }
    for i in (1..count).rev() {
        if random.below(2) == 0 {
            knots.swap(i, random.below(i + 1));
        }
    }
    PowerCurve::Hinges { knots, weights }
}

/// A power as the theorem approximates it, up to `unit`.
fn chords(p: f64, unit: f64, count: usize, precision: Precision) -> PowerCurve {
    let ends: Vec<f64> = (0..=count).map(|i| precision.round(unit * i as f64 / count as f64)).collect();
    let (mut knots, mut weights, mut slope) = (vec![], vec![], 0.0);
    for end in ends.windows(2).filter(|end| end[1] > end[0]) {
        let rise = (end[1].powf(p) - end[0].powf(p)) / (end[1] - end[0]) - slope;
        let weight = precision.round(rise.max(0.0)).min(precision.largest());
        slope += weight;
        knots.push(end[0]);
        weights.push(weight);
    }
    PowerCurve::Hinges { knots, weights }
}

fn any(random: &mut Random, precision: Precision) -> f64 {
    let sizes = random.of(&SIZES);
    number(random, sizes, precision)
}

fn below_one_of(random: &mut Random, counts: &[usize]) -> usize {
    let count = random.of(counts);
    random.below(count)
}

/// `Σ_j φ(|x_j − c_j|)` in some arithmetic, of pairs `(x_j, c_j)`.
fn summed<A: Arithmetic>(arithmetic: &mut A, curve: &PowerCurve, pairs: &[(f64, f64)]) -> A::Number {
    let mut each = vec![];
    for &(x, c) in pairs {
        let (x, c) = (arithmetic.number(x), arithmetic.number(c));
        let difference = arithmetic.minus(&x, &c);
        let size = arithmetic.abs(&difference);
        each.push(curve.evaluate_in(arithmetic, &size));
    }
    arithmetic.sum(&each)
}

/// What is said of a sum from the distance alone holds of every execution, and
/// so does the distance that is said to be enough for a sum.
#[test]
fn sums_over_curves_lie_within_their_bounds() {
    let mut random = Random::new(0x005E_ED0F_C0BB_1E55);
    let (mut bounded, mut enough, mut close) = (0, 0, 0);
    for _ in 0..rounds(20_000) {
        let precision = random.of(&[Precision::F32, Precision::F32, Precision::F64]);
        let (smallest, largest, digits) = range(precision);
        let scale = match random.below(6) {
            0 => smallest + random.below(2 * digits as usize) as i32,
            1 => largest - 8 - random.below(20) as i32,
            2 => random.below((largest - smallest) as usize) as i32 + smallest,
            _ => 0,
        };
        let unit = power_of_two(scale);
        let curve = curve(&mut random, precision, unit);
        let n = 1 + below_one_of(&mut random, &[1, 3, 9, 40]);
        let shift = random.of(&[0.0, 0.0, 1.0, 100.0]);
        let only = random.below(4) == 0;
        let at = random.below(n);
        let differences: Vec<(f64, f64)> = (0..n)
            .map(|j| {
                let t = match random.below(4) {
                    0 => random.of(&[1.0, 1.0, 1.0 + 1e-6, 1.0 + 1e-15]),
                    _ => random.unit() * random.of(&[1.0, 1.0, 0.1, 1e-3]),
                };
                let t = if only && j != at { 0.0 } else { t };
                (precision.round((t + shift) * unit), precision.round(shift * unit))
            })
            .collect();
        if differences.iter().any(|(x, c)| !(x.is_finite() && c.is_finite())) {
            continue;
        }
        let most = differences.iter().map(|&(x, c)| sub_up(x.max(c), x.min(c))).fold(0.0, f64::max);
        let norm = random.of(&[
            Norm::L1,
            Norm::L2,
            Norm::L2,
            Norm::Lp(1.5),
            Norm::Lp(1.0 + 1e-6),
            Norm::Lp(1.05),
            Norm::Lp(3.0),
            Norm::Lp(7.25),
            Norm::Lp(1000.0),
            Norm::Linf,
        ]);
        let reach = most * random.of(&[1.0, 1.0, 1.5, 20.0]);
        let Some(sums) = CurveSums::new(&curve, precision, n, reach, norm) else { continue };
        bounded += 1;
        let enclosures = differences.iter().map(|&(x, c)| {
            let (high, low) = (x.max(c), x.min(c));
            (sub_down(high, low), sub_up(high, low))
        });
        let distance = sums.distance(enclosures);
        let bounds = sums.between(distance.lower, distance.upper);
        let real = summed(&mut Exact, &curve, &differences);
        let context =
            || format!("{curve:?} {precision} {norm} {reach:e} {differences:?} {distance:?} {bounds:?}");
        assert!(real.at_least(bounds.lower), "{}", context());
        assert!(real.negated().at_least(-bounds.upper), "{}", context());
        close += usize::from(bounds.upper < 1.01 * bounds.lower);
        for _ in 0..3 {
            let sum = summed(&mut Machine::new(precision, &mut random), &curve, &differences);
            assert!(bounds.lower <= sum && sum <= bounds.upper, "{sum:e} {}", context());
            // So far away the sum would be larger than it is.
            for more in [precision.next_up(sum), sum * 1.5] {
                if more > sum && more.is_finite() {
                    let needed = sums.distance_for(more);
                    assert!(needed > distance.lower, "{sum:e} {more:e} {needed:e} {}", context());
                    enough += usize::from(needed.is_finite());
                }
            }
        }
    }
    assert!(bounded > 5_000 && enough > 5_000 && close > 500, "{bounded} {enough} {close}");
}

/// Terms of a sum and what is known of them.
struct SomeSum {
    precision: Precision,
    /// Pairs of a weight and a value.
    terms: Vec<(f64, f64)>,
    known: Vec<Term>,
    bias: f64,
}

/// A sum of numbers of all sizes, or of multiples of one power of two; `None`
/// where none came about.
fn some_sum(random: &mut Random) -> Option<SomeSum> {
    let precision = random.of(&[Precision::F32, Precision::F32, Precision::F64]);
    let (smallest, largest, digits) = range(precision);
    let sizes = random.of(&SIZES);
    let (weights, coarse) = (random.below(4), random.below(3) == 0);
    let grain = power_of_two(match random.below(4) {
        0 => smallest + random.below(8) as i32,
        1 => largest - digits - 8,
        _ => -4,
    });
    let bits = random.of(&[3, 8, digits as usize - 2, digits as usize]);
    let value = |random: &mut Random| {
        if coarse {
            let sign = random.of(&[1.0, 1.0, 1.0, -1.0]);
            precision.round(sign * random.below(1 << bits) as f64 * grain)
        } else {
            number(random, sizes, precision)
        }
    };
    let count = 1 + below_one_of(random, &[2, 4, 9]);
    let (mut terms, mut known) = (vec![], vec![]);
    for _ in 0..count {
        let weight = match weights {
            0 => random.of(&[1.0, -1.0]),
            1 => random.of(&[1.0, -1.0, 0.5, 4.0, -0.25, 3.0]),
            _ => number(random, sizes, precision),
        };
        let x = value(random);
        if weight == 0.0 || !x.is_finite() {
            continue;
        }
        let other = value(random);
        let bounds = if random.below(2) == 0 || !other.is_finite() {
            Interval::point(x)
        } else {
            Interval { lower: x.min(other), upper: x.max(other) }
        };
        let step = if coarse { grain.max(grid(precision, bounds)) } else { grid(precision, bounds) };
        terms.push((weight, x));
        known.push(Term { weight, value: bounds, grid: step });
    }
    let bias = if random.below(2) == 0 { 0.0 } else { value(random) };
    (bias.is_finite() && !terms.is_empty()).then_some(SomeSum { precision, terms, known, bias })
}

/// A computed sum is no farther from the exact one than is charged for, and on
/// the grid that is said.
#[test]
fn sums_are_no_farther_off_than_charged() {
    let mut random = Random::new(0x0C4A_46ED_5EED_0001);
    let (mut bounded, mut sharp) = (0, 0);
    for _ in 0..rounds(100_000) {
        let Some(SomeSum { precision, terms, known, bias }) = some_sum(&mut random) else { continue };
        let same = |sign: f64| {
            let parts = known.iter().filter(|t| t.weight * sign > 0.0);
            parts.fold((bias * sign).max(0.0), |sum, t| {
                add_up(sum, mul_up(t.weight.abs(), t.value.upper.max(0.0)))
            })
        };
        // Values behind a ReLU only: else a part may be larger than the whole.
        let behind = known.iter().all(|t| t.value.lower >= 0.0) && random.below(2) == 0;
        let arithmetic = IntervalArithmetic { precision };
        let closer = |sign: f64| behind.then(|| same(sign));
        let Some(bound) = rounding(arithmetic, known.iter().copied(), bias, closer) else { continue };
        bounded += 1;
        sharp += usize::from(bound.slack == 0.0);
        let exactly: Vec<(f64, Dyadic)> = terms.iter().map(|&(w, x)| (w, Dyadic::of(x))).collect();
        let exact = Exact.dot(&Dyadic::of(bias), &exactly);
        for _ in 0..4 {
            let sum = Machine::new(precision, &mut random).dot(&bias, &terms);
            let context = || format!("{precision} {known:?} {bias:e} at {terms:?}: {sum:e} {bound:?}");
            assert!(sum.is_finite() && bound.slack.is_finite(), "{}", context());
            let off = Dyadic::of(sum).minus(&exact).abs();
            assert!(off <= Dyadic::of(bound.slack), "{}", context());
            let steps = sum / bound.grid;
            assert!(steps == steps.round() || steps.is_infinite(), "{}", context());
        }
    }
    assert!(bounded > 30_000 && sharp > 3_000, "{bounded} {sharp}");
}
