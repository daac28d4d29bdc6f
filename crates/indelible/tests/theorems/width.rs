//! Widths of the first layer: bounds from below and from above against what is
//! known exactly.

use indelible::{
    Dataset, Features, Silent,
    number::random::Random,
    width::{Refutation, width_bounds},
};

fn data(values: Vec<f64>, features: usize, labels: Vec<usize>) -> Dataset {
    let classes = labels.iter().max().unwrap() + 1;
    let names = (0..classes).map(|c| c.to_string()).collect();
    Dataset::new(Features::F64(values.into()), features, labels, names).unwrap()
}

/// The origin against the unit vectors: every pair that counts is 1 apart.
fn basis(features: usize) -> Dataset {
    let mut values = vec![0.0; (features + 1) * features];
    (0..features).for_each(|i| values[(i + 1) * features + i] = 1.0);
    data(values, features, (0..=features).map(|i| usize::from(i > 0)).collect())
}

#[test]
fn the_basis_allows_what_the_bound_of_its_theorem_says() {
    // ρ² ≤ m/min(N − 1, n), and frames of equal lengths attain it.
    for (features, width) in [(4, 1), (4, 2), (8, 3), (8, 7), (12, 5)] {
        let data = basis(features);
        let found = &width_bounds(&data, &[width], |_| false, &Silent).unwrap().bounds[0];
        let exact = (width as f64 / features as f64).sqrt();
        assert!(found.reached <= exact && exact <= found.impossible, "{found:?}");
        // Weights that are searched for may stay behind; even ones show the bound itself.
        let pairs: Vec<(usize, usize)> = (1..=features).map(|i| (0, i)).collect();
        let even = Refutation { weights: vec![1.0; features], pairs }.largest_distance(&data, width);
        assert!(exact <= even && even < exact * (1.0 + 1e-6), "{features}, {width}: {even}");
        assert!(found.reached > exact * 0.99, "{features}, {width}: {found:?}");
    }
}

#[test]
fn as_many_neurons_as_features_keep_everything() {
    let found = &width_bounds(&basis(5), &[5, 9], |_| false, &Silent).unwrap();
    for bounds in &found.bounds {
        assert!(bounds.reached > 1.0 - 1e-9 && bounds.impossible == 1.0, "{bounds:?}");
    }
}

/// The share of the separation that is kept along a direction, at most a step
/// away from the best of all directions of the plane, and what the step may hide.
fn best_direction(data: &Dataset, separation: f64) -> (f64, f64) {
    const STEPS: usize = 20_000;
    let labels = data.labels();
    let mut differences = vec![];
    for i in 0..data.samples() {
        for j in 0..i {
            if labels[i] != labels[j] {
                let (a, b) = (data.row(i), data.row(j));
                differences.push([a[0] - b[0], a[1] - b[1]]);
            }
        }
    }
    let longest = differences.iter().map(|d| d[0].hypot(d[1])).fold(0.0, f64::max);
    let kept = |step: usize| {
        let (sine, cosine) = (std::f64::consts::PI * step as f64 / STEPS as f64).sin_cos();
        differences.iter().map(|d| (cosine * d[0] + sine * d[1]).abs()).fold(f64::INFINITY, f64::min)
    };
    let best = (0..STEPS).map(kept).fold(0.0, f64::max);
    (best / separation, std::f64::consts::PI / STEPS as f64 * longest / separation)
}

#[test]
fn in_the_plane_bounds_enclose_the_best_of_all_directions() {
    let mut random = Random::new(9);
    let mut good = 0;
    for case in 0..30 {
        let samples = 3 + random.below(8);
        let values = (0..2 * samples).map(|_| random.below(64) as f64).collect();
        let labels = (0..samples).map(|i| if i < 2 { i } else { random.below(2) }).collect();
        let data = data(values, 2, labels);
        let Ok(curve) = width_bounds(&data, &[1], |_| false, &Silent) else { continue };
        let (exact, slack) = best_direction(&data, curve.separation.upper);
        let found = &curve.bounds[0];
        assert!(found.reached <= exact + slack + 1e-9, "{case}: {found:?}, {exact}");
        assert!(found.impossible >= exact - 1e-9, "{case}: {found:?}, {exact}");
        good += usize::from(found.reached >= 0.9 * exact);
    }
    // Directions are found by steps uphill, mostly the best.
    assert!(good >= 15, "{good}");
}

#[test]
fn a_bound_of_eigenvalues_is_that_of_the_closed_form() {
    let mut random = Random::new(4);
    for _ in 0..50 {
        let mut number = || random.below(200) as f64 - 100.0;
        let differences: Vec<[f64; 2]> = (0..3).map(|_| [number(), number()]).collect();
        let mut values = vec![0.0, 0.0];
        differences.iter().for_each(|d| values.extend(d));
        let data = data(values, 2, vec![0, 1, 1, 1]);
        let weights: Vec<f64> = (0..3).map(|_| 1.0 + random.below(4) as f64).collect();
        let total: f64 = weights.iter().sum();
        let entry = |a: usize, b: usize| {
            differences.iter().zip(&weights).map(|(d, w)| w * d[a] * d[b]).sum::<f64>() / total
        };
        let (a, b, d) = (entry(0, 0), entry(0, 1), entry(1, 1));
        let largest = f64::midpoint(a, d) + (((a - d) / 2.0).powi(2) + b * b).sqrt();
        let refutation = Refutation { pairs: vec![(0, 1), (0, 2), (3, 0)], weights };
        let bound = refutation.largest_distance(&data, 1);
        let exact = largest.sqrt();
        assert!(bound >= exact * (1.0 - 1e-12) && bound <= exact * (1.0 + 1e-6) + 1e-9, "{bound} {exact}");
    }
}

#[test]
fn what_is_no_refutation_shows_nothing() {
    let data = basis(3);
    let of = |pairs: &[(usize, usize)], weights: &[f64]| {
        Refutation { pairs: pairs.to_vec(), weights: weights.to_vec() }.largest_distance(&data, 1)
    };
    assert!(of(&[(0, 1), (0, 2), (0, 3)], &[1.0; 3]) < 0.58);
    for (pairs, weights) in [
        (&[(1, 2)][..], &[1.0][..]),
        (&[(0, 4)], &[1.0]),
        (&[(0, 1)], &[f64::NAN]),
        (&[(0, 1)], &[-1.0]),
        (&[(0, 1)], &[0.0]),
        (&[(0, 1)], &[f64::INFINITY]),
        (&[(0, 1)], &[1.0, 1.0]),
        (&[], &[]),
    ] {
        assert_eq!(of(pairs, weights), f64::INFINITY, "{pairs:?} {weights:?}");
    }
}
