//! Sums of functions of single features, bounded over balls.
//!
//! A neuron that depends on one feature only is a piecewise linear curve in
//! it. A sum `Σ_j φ_j(x_j)` of such curves is bounded over an `l_p` ball by
//! Lagrange's duality: for every `λ ≥ 0`
//!
//! ```text
//! max over ‖δ‖_p ≤ μ of Σ_j φ_j(x_j + δ_j)  ≤  λ μ^p + Σ_j max_t (φ_j(x_j + t) − λ|t|^p),
//! ```
//!
//! so any λ gives a proof and the best is searched for. For `‖x − c‖_1` and
//! the Euclidean distance from a center the bound is tight.

use std::sync::Arc;

use crate::Norm;

/// A piecewise linear function of one real number.
#[derive(Clone, Debug)]
pub(super) struct Curve {
    pub feature: usize,
    /// Breakpoints, increasing, at least one, with values.
    points: Vec<(f64, f64)>,
    /// Slopes before the first and after the last point.
    ends: (f64, f64),
    /// How far the computed value, from any point of any ball, may lie from
    /// the curve at the real point.
    pub error: f64,
}

/// Curves with more points are not followed.
const MOST_POINTS: usize = 5000;

impl Curve {
    /// The feature itself, read with an error.
    pub fn identity(feature: usize, error: f64) -> Self {
        Self { feature, points: vec![(0.0, 0.0)], ends: (1.0, 1.0), error }
    }

    pub fn at(&self, t: f64) -> f64 {
        let next = self.points.partition_point(|(at, _)| *at <= t);
        match (next.checked_sub(1).and_then(|i| self.points.get(i)), self.points.get(next)) {
            (Some(&(a, va)), Some(&(b, vb))) => va + (vb - va) * ((t - a) / (b - a)),
            (Some(&(a, va)), None) => va + self.ends.1 * (t - a),
            (None, Some(&(b, vb))) => vb + self.ends.0 * (t - b),
            (None, None) => 0.0,
        }
    }

    /// `Σ w_i f_i + bias` of curves of one feature; `None` when it has too
    /// many points.
    pub fn sum(terms: &[(f64, Arc<Self>)], bias: f64, error: f64) -> Option<Self> {
        let feature = terms.first()?.1.feature;
        let mut places: Vec<f64> = terms.iter().flat_map(|(_, f)| f.points.iter().map(|p| p.0)).collect();
        places.sort_by(f64::total_cmp);
        places.dedup();
        if places.len() > MOST_POINTS {
            return None;
        }
        let points = places
            .into_iter()
            .map(|t| (t, terms.iter().map(|(w, f)| w * f.at(t)).sum::<f64>() + bias))
            .collect();
        let end = |pick: fn(&Self) -> f64| terms.iter().map(|(w, f)| w * pick(f)).sum();
        let ends = (end(|f| f.ends.0), end(|f| f.ends.1));
        Some(Self { feature, points, ends, error })
    }

    /// The curve with its negative part cut off. Crossings are rounded, which
    /// moves values by a few units of the size of the piece; `slack` is added
    /// to the error for it.
    pub fn relu(&self, slack: f64) -> Self {
        let mut points: Vec<(f64, f64)> = vec![];
        let (first, last) = (self.points[0], self.points[self.points.len() - 1]);
        if first.1 * self.ends.0 > 0.0 {
            points.push((first.0 - first.1 / self.ends.0, 0.0));
        }
        for (i, &(t, v)) in self.points.iter().enumerate() {
            if let Some(&(s, w)) = i.checked_sub(1).and_then(|before| self.points.get(before))
                && v * w < 0.0
            {
                points.push((s + (t - s) * (w / (w - v)), 0.0));
            }
            points.push((t, v.max(0.0)));
        }
        if last.1 * self.ends.1 < 0.0 {
            points.push((last.0 - last.1 / self.ends.1, 0.0));
        }
        points.dedup_by(|b, a| a.0 >= b.0);
        // Far out only a rising end stays.
        let left = if self.ends.0 < 0.0 || (self.ends.0 == 0.0 && first.1 > 0.0) { self.ends.0 } else { 0.0 };
        let right = if self.ends.1 > 0.0 { self.ends.1 } else { 0.0 };
        Self { feature: self.feature, points, ends: (left, right), error: self.error + slack }
    }

    /// Whether no value is negative.
    pub fn is_positive(&self) -> bool {
        self.points.iter().all(|(_, v)| *v >= 0.0) && self.ends.0 <= 0.0 && self.ends.1 >= 0.0
    }

    /// The largest size of the curve on `[a, b]`, and of its slope anywhere.
    pub fn sizes(&self, a: f64, b: f64) -> (f64, f64) {
        let inner = self.points.iter().filter(|(t, _)| a < *t && *t < b).map(|(_, v)| v.abs());
        let size = inner.fold(self.at(a).abs().max(self.at(b).abs()), f64::max);
        let slopes = self.points.windows(2).map(|w| ((w[1].1 - w[0].1) / (w[1].0 - w[0].0)).abs());
        (size, slopes.fold(self.ends.0.abs().max(self.ends.1.abs()), f64::max))
    }
}

/// The curves of one feature with their weights.
struct Feature<'a> {
    terms: Vec<(f64, &'a Curve)>,
    center: f64,
    /// Where a piece may end, relative to the center, with both ends and 0.
    places: Vec<f64>,
}

impl Feature<'_> {
    fn at(&self, t: f64) -> f64 {
        self.terms.iter().map(|(w, f)| w * f.at(self.center + t)).sum()
    }

    /// `max_t φ(x + t) − λ|t|^p` on the pieces.
    fn best(&self, values: &[f64], lambda: f64, norm: Norm) -> f64 {
        let cost = |t: f64| match norm {
            Norm::Linf => 0.0,
            Norm::L1 => lambda * t.abs(),
            Norm::L2 => lambda * t * t,
        };
        let mut best = f64::NEG_INFINITY;
        for (i, (&t, &v)) in self.places.iter().zip(values).enumerate() {
            best = best.max(v - cost(t));
            if norm == Norm::L2
                && lambda > 0.0
                && let (Some(&s), Some(&w)) = (self.places.get(i + 1), values.get(i + 1))
                && s > t
            {
                let slope = (w - v) / (s - t);
                let inner = (slope / (2.0 * lambda)).clamp(t, s);
                best = best.max(v + slope * (inner - t) - cost(inner));
            }
        }
        best
    }
}

/// An upper bound of `Σ w_i f_i` over the ball around `x`, errors of curves
/// not counted.
pub(super) fn upper(terms: &[(f64, Arc<Curve>)], x: &[f64], radius: f64, norm: Norm) -> f64 {
    let mut sorted: Vec<(f64, &Curve)> = terms.iter().map(|(w, f)| (*w, f.as_ref())).collect();
    sorted.sort_by_key(|(_, f)| f.feature);
    let features: Vec<Feature<'_>> = sorted
        .chunk_by(|a, b| a.1.feature == b.1.feature)
        .map(|same| {
            let center = x[same[0].1.feature];
            let inner = same.iter().flat_map(|(_, f)| f.points.iter().map(|p| p.0 - center));
            let mut places: Vec<f64> = inner.filter(|t| t.abs() < radius).collect();
            places.extend([-radius, 0.0, radius]);
            places.sort_by(f64::total_cmp);
            places.dedup();
            Feature { terms: same.to_vec(), center, places }
        })
        .collect();
    let values: Vec<Vec<f64>> =
        features.iter().map(|f| f.places.iter().map(|t| f.at(*t)).collect()).collect();
    let size: f64 = values.iter().map(|v| v.iter().fold(0.0, |m: f64, v| m.max(v.abs()))).sum();
    let budget = match norm {
        Norm::L2 => radius * radius,
        _ => radius,
    };
    let dual = |lambda: f64| {
        lambda * budget + features.iter().zip(&values).map(|(f, v)| f.best(v, lambda, norm)).sum::<f64>()
    };
    let steepest = features
        .iter()
        .zip(&values)
        .flat_map(|(f, v)| f.places.windows(2).zip(v.windows(2)))
        .map(|(t, v)| ((v[1] - v[0]) / (t[1] - t[0])).abs())
        .filter(|slope| slope.is_finite())
        .fold(0.0, f64::max);
    let mut best = dual(0.0);
    if norm != Norm::Linf && radius > 0.0 && steepest > 0.0 {
        let unit = if norm == Norm::L2 { steepest / radius } else { steepest };
        best = best.min(dual(unit));
        // The dual is convex in λ: a search by thirds, on a logarithmic scale.
        let (mut low, mut high) = (-30.0_f64, 10.0_f64);
        for _ in 0..40 {
            let (a, b) = (low + (high - low) / 3.0, high - (high - low) / 3.0);
            let (va, vb) = (dual(unit * a.exp2()), dual(unit * b.exp2()));
            best = best.min(va).min(vb);
            if va <= vb { high = b } else { low = a }
        }
    }
    // Every step above is rounded a few times, in proportion to these sizes.
    let terms = terms.len() as f64 + 16.0;
    best + (terms * f64::EPSILON) * 4.0 * (size + best.abs()) + f64::MIN_POSITIVE
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both bounds.
    fn bounds(terms: &[(f64, Arc<Curve>)], x: &[f64], radius: f64, norm: Norm) -> (f64, f64) {
        let negated: Vec<_> = terms.iter().map(|(w, f)| (-w, Arc::clone(f))).collect();
        (-upper(&negated, x, radius, norm), upper(terms, x, radius, norm))
    }

    fn distance(c: f64, feature: usize, power: i32) -> Vec<(f64, Arc<Curve>)> {
        let side = |sign: f64, at: f64| {
            let x = Arc::new(Curve::identity(feature, 0.0));
            Arc::new(Curve::sum(&[(sign, x)], -sign * c - at, 0.0).unwrap().relu(0.0))
        };
        if power == 1 {
            return vec![(1.0, side(1.0, 0.0)), (1.0, side(-1.0, 0.0))];
        }
        // t² by hinges every 0.01.
        (0..400)
            .flat_map(|i| {
                let weight = if i == 0 { 0.01 } else { 0.02 };
                [(weight, side(1.0, 0.01 * f64::from(i))), (weight, side(-1.0, 0.01 * f64::from(i)))]
            })
            .collect()
    }

    #[test]
    fn distances_are_bounded_tightly() {
        let (x, c) = ([0.3, -0.7, 1.1], [0.5, 0.4, 1.0]);
        let sum: Vec<_> = (0..3).flat_map(|j| distance(c[j], j, 1)).collect();
        let d: f64 = x.iter().zip(&c).map(|(a, b)| (a - b).abs()).sum();
        let found = bounds(&sum, &x, 0.25, Norm::L1);
        assert!((found.0 - (d - 0.25)).abs() < 1e-9 && (found.1 - (d + 0.25)).abs() < 1e-9);
        let squares: Vec<_> = (0..3).flat_map(|j| distance(c[j], j, 2)).collect();
        let d = x.iter().zip(&c).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt();
        let found = bounds(&squares, &x, 0.25, Norm::L2);
        // Hinges every 0.01 are off by at most 2.5e-5 each.
        assert!((found.0 - (d - 0.25).powi(2)).abs() < 2e-4, "{found:?}");
        assert!((found.1 - (d + 0.25).powi(2)).abs() < 2e-4, "{found:?}");
    }
}
