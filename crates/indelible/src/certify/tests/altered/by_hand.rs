//! Models in which a bound that looks right is wrong.

use crate::{
    Dataset, Features, Norm, Precision, Radii, Silent,
    certify::{Claim, certify},
    network::{
        Clipping, LayerBuilder, MaxAffine, Measure, Model, Pool, PowerCurve, PrototypeParts, Prototypes,
        Schedule,
    },
};

/// One step per center with these tops and scales, no radius, and an
/// accumulator of its own if there is more than one output.
fn parts(
    precision: Precision,
    (centers, tops, scales): (Features, Vec<f64>, Vec<f64>),
    measure: Measure,
    pool: Pool,
    outputs: usize,
) -> PrototypeParts {
    let steps = tops.len();
    let mut head = LayerBuilder::new(outputs);
    for output in 0..outputs {
        head.weight(output, 1.0).bias(0.0);
    }
    PrototypeParts {
        precision,
        features: 1,
        clipping: Clipping::None,
        centers,
        measure,
        radii: vec![0.0; steps],
        tops,
        scales,
        accumulators: (0..steps).map(|k| if outputs == 1 { 0 } else { k }).collect(),
        pool,
        schedule: Schedule::Pipelined,
        head: vec![head.finish()],
    }
}

/// One step per center with these tops, read by a scalar.
fn scalar_parts(centers: Vec<f32>, tops: Vec<f64>, scale: f64, pool: Pool) -> PrototypeParts {
    let scales = vec![scale; tops.len()];
    parts(Precision::F32, (Features::F32(centers.into()), tops, scales), Measure::Sum, pool, 1)
}

fn scalar_prototypes(centers: Vec<f32>, tops: Vec<f64>, scale: f64, pool: Pool) -> Model {
    Model::Prototypes(Prototypes::new(scalar_parts(centers, tops, scale, pool)).unwrap())
}

fn certified(model: &Model, x: f64, classes: usize, class: usize) -> usize {
    let names = (0..classes).map(|c| c.to_string()).collect();
    let data = Dataset::new(Features::F64(vec![x].into()), 1, vec![class], names).unwrap();
    let map: Vec<usize> = (0..classes).collect();
    let radii = Radii::Uniform(0.0);
    let (network_classes, norm) = (classes, Norm::Linf);
    let claim =
        Claim { model, data: &data, classes: &map, network_classes, norm, radii: &radii, tie_margin: 0.0 };
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
fn numbers_that_are_none_make_no_form() {
    for bad in [f64::NAN, f64::INFINITY, 0.1] {
        let bad_top = scalar_parts(vec![0.0, 9.0], vec![2.0, bad], 1.0, Pool::Max);
        assert!(Prototypes::new(bad_top).is_err(), "{bad}");
        let bad_scale = scalar_parts(vec![0.0, 9.0], vec![2.0, 1.0], bad, Pool::Max);
        assert!(Prototypes::new(bad_scale).is_err(), "{bad}");
    }
}

fn scores(rows: Vec<f32>, biases: Vec<f64>) -> Model {
    let ends = (1..=biases.len()).collect();
    let rows = Features::F32(rows.into());
    Model::MaxAffine(MaxAffine::new(Precision::F32, 1, rows, biases, ends).unwrap())
}

#[test]
fn a_rounded_subnormal_input_counts_by_its_weight() {
    // The sample lies halfway between 0 and the smallest number; rounded to even it is 0.
    let half = f64::from_bits(0x36a0_0000_0000_0000) / 2.0;
    let bias = f64::from(f32::from_bits(1) * 0.25e38);
    let model = scores(vec![1e38, 0.0], vec![0.0, bias]);
    assert_eq!(certified(&model, half, 2, 0), 0);
    let rows = Features::F32(vec![1.0, 0.0].into());
    assert!(MaxAffine::new(Precision::F32, 1, rows, vec![1.0, f64::NAN], vec![1, 2]).is_err());
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
    let parts = parts(precision, (centers, tops, scales), Measure::Power(curve), Pool::Max, steps);
    Model::Prototypes(Prototypes::new(parts).unwrap())
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
