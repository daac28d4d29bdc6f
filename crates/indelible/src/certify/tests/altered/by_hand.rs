//! Models in which a bound that looks right is wrong.

use crate::{
    Dataset, Features, Norm, Precision, Radii, Silent,
    certify::{Claim, certify},
    network::{LayerBuilder, MaxAffine, Measure, Model, Pool, PowerCurve, Prototypes},
};

/// One step per center with these tops, read by a scalar.
fn scalar_prototypes(centers: Vec<f32>, tops: Vec<f64>, scale: f64, pool: Pool) -> Model {
    let steps = tops.len();
    let mut head = LayerBuilder::new(1);
    head.weight(0, 1.0).bias(0.0);
    Model::Prototypes(Prototypes {
        precision: Precision::F32,
        features: 1,
        minima: None,
        centers: Features::F32(centers.into()),
        measure: Measure::Sum,
        radii: vec![0.0; steps],
        tops,
        scales: vec![scale; steps],
        accumulators: vec![0; steps],
        pool,
        head: vec![head.finish()],
    })
}

fn certified(model: &Model, x: f64, classes: usize, class: usize) -> usize {
    let names = (0..classes).map(|c| c.to_string()).collect();
    let data = Dataset::new(Features::F64(vec![x].into()), 1, vec![class], names).unwrap();
    let map: Vec<usize> = (0..classes).collect();
    let radii = Radii::Uniform(0.0);
    let (network_classes, norm) = (classes, Norm::Linf);
    let claim = Claim { model, data: &data, classes: &map, network_classes, norm, radii: &radii };
    certify(&claim, &Silent).unwrap().certified
}

#[test]
fn levels_that_add_up_exceed_their_tops() {
    // Twice the label 2 is label 4.
    let twice = |pool| scalar_prototypes(vec![0.0, 0.0, 9.0], vec![2.0, 2.0, 1.0], 1.0, pool);
    assert_eq!(certified(&twice(Pool::Sum), 0.0, 4, 1), 0);
    assert_eq!(certified(&twice(Pool::Sum), 0.0, 4, 3), 1);
    assert_eq!(certified(&twice(Pool::Max), 0.0, 4, 1), 1);
}

/// Each top up to the largest is a label, and comparing all with all would take
/// hours.
#[test]
fn a_label_in_the_millions_takes_no_longer() {
    let model = scalar_prototypes(vec![0.0, 9.0], vec![1.0, 4e6], 1e6, Pool::Max);
    assert_eq!(certified(&model, 0.0, 2, 0), 1);
}

#[test]
fn differences_that_overflow_are_not_small() {
    // In the reals the level is 10 − 10⁻³⁸ · 6 · 10³⁸ = 4; the difference overflows and gives 0.
    let scale = f64::from(1e-38f32);
    let model = scalar_prototypes(vec![-3e38], vec![10.0], scale, Pool::Max);
    assert_eq!(certified(&model, f64::from(3e38f32), 5, 3), 0);
    let model = scalar_prototypes(vec![-1e38], vec![10.0], scale, Pool::Max);
    assert_eq!(certified(&model, f64::from(5e37f32), 10, 8), 0);
}

#[test]
fn numbers_that_are_none_prove_nothing() {
    for bad in [f64::NAN, f64::INFINITY, 0.1] {
        let model = scalar_prototypes(vec![0.0, 9.0], vec![2.0, bad], 1.0, Pool::Max);
        assert_eq!(certified(&model, 0.0, 4, 1), 0, "{bad}");
        let model = scalar_prototypes(vec![0.0, 9.0], vec![2.0, 1.0], bad, Pool::Max);
        assert_eq!(certified(&model, 0.0, 4, 1), 0, "{bad}");
    }
}

fn scores(rows: Vec<f32>, biases: Vec<f64>) -> Model {
    let ends = (1..=biases.len()).collect();
    let rows = Features::F32(rows.into());
    Model::MaxAffine(MaxAffine { precision: Precision::F32, features: 1, rows, biases, ends })
}

#[test]
fn a_rounded_subnormal_input_counts_by_its_weight() {
    // The sample lies halfway between 0 and the smallest number; rounded to even it is 0.
    let half = f64::from_bits(0x36a0_0000_0000_0000) / 2.0;
    let bias = f64::from(f32::from_bits(1) * 0.25e38);
    let model = scores(vec![1e38, 0.0], vec![0.0, bias]);
    assert_eq!(certified(&model, half, 2, 0), 0);
    let nan = scores(vec![1.0, 0.0], vec![1.0, f64::NAN]);
    assert_eq!(certified(&nan, 1.0, 2, 0), 0);
}

#[test]
fn inputs_beyond_the_format_and_sums_that_overflow_prove_nothing() {
    assert_eq!(certified(&scores(vec![1e-30, 0.0], vec![1.0, 0.5]), 1e39, 2, 0), 0);
    // 3 · 10³⁸ and as much again overflow before −3 · 10³⁸ is added, in some order.
    let large = f64::from(3e38f32);
    assert_eq!(certified(&scores(vec![1.0, 0.0], vec![large, large / 2.0]), large, 2, 0), 0);
    assert_eq!(certified(&scores(vec![1.0, 0.0], vec![1.0, 1.0]), 4.0, 2, 0), 1);
}

/// A step per center and class, the distance measured by a curve.
fn curved_prototypes(
    precision: Precision,
    centers: Features,
    curve: PowerCurve,
    tops: Vec<f64>,
    scales: Vec<f64>,
) -> Model {
    let steps = tops.len();
    let mut head = LayerBuilder::new(steps);
    for class in 0..steps {
        head.weight(class, 1.0).bias(0.0);
    }
    Model::Prototypes(Prototypes {
        precision,
        features: 1,
        minima: None,
        centers,
        measure: Measure::Power(curve),
        radii: vec![0.0; steps],
        tops,
        scales,
        accumulators: (0..steps).collect(),
        pool: Pool::Max,
        head: vec![head.finish()],
    })
}

/// The square of `inverse` is no binary64 number: the curve is near 0 where
/// the samples are, and the step of the other class is not silent.
#[test]
fn teeth_whose_scale_underflows_silence_nothing() {
    for inverse in [1e-163, 1e-200, 1e-308] {
        let curve = PowerCurve::Sawtooth { inverse, levels: 30 };
        let centers = Features::F64(vec![0.0, 1e155].into());
        let model = curved_prototypes(Precision::F64, centers, curve, vec![1.0, 2.0], vec![1e3; 2]);
        let outputs = model.evaluate(&[0.0]).unwrap();
        assert!(outputs[1] > outputs[0]);
        assert_eq!(certified(&model, 0.0, 2, 0), 0, "{inverse}");
    }
}

/// Forty products of a tenth of the smallest number and more are 0 each, while
/// in the reals one difference behind the cut is enough.
#[test]
fn products_that_underflow_behind_the_cut_silence_nothing() {
    let tiny = f64::from(f32::from_bits(1));
    let cut = (4.0 * tiny).sqrt();
    let weight = f64::from((0.1 * tiny / cut) as f32);
    let curve = PowerCurve::Hinges { knots: vec![0.0; 40], weights: vec![weight; 40] };
    let centers = Features::F32(vec![0.0, (4.6 * cut) as f32].into());
    let tops = [1e-6f32, 1.1e-6].map(f64::from).to_vec();
    let model = curved_prototypes(Precision::F32, centers, curve, tops, vec![0.0, f64::from(3e38f32)]);
    let outputs = model.evaluate(&[0.0]).unwrap();
    assert!(outputs[1] > outputs[0]);
    assert_eq!(certified(&model, 0.0, 2, 0), 0);
}
