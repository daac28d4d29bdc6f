//! Networks at the ends of what bounds can say: sums at the last integer of a
//! format, sums that overflow, more features than an error bound takes, a single
//! logit, thousands of layers.

use crate::{
    Dataset, Error, Features, Norm, Precision, Radii, Silent,
    certify::{Claim, Verdict, attack, certify, lipschitz_bound},
    network::{
        Cell, CellNetwork, Clipping, Constraint, Head, Layer, LayerBuilder, Measure, Model, Pool,
        PrototypeParts, Prototypes, Schedule, Side, StoredNetwork,
    },
};

/// A layer from rows of weights and a bias each.
fn layer(inputs: usize, rows: &[(&[(usize, f64)], f64)]) -> Layer {
    let mut layer = LayerBuilder::new(inputs);
    for (weights, bias) in rows {
        weights.iter().for_each(|&(column, weight)| {
            layer.weight(column, weight);
        });
        layer.bias(*bias);
    }
    layer.finish()
}

/// What is said of one sample that is to get class `class` of `classes`.
fn asked(
    model: &Model,
    x: Vec<f64>,
    class: usize,
    classes: usize,
    norm: Norm,
    radius: f64,
) -> Result<Verdict, Error> {
    let features = x.len();
    let data = Dataset::new(Features::F64(x.into()), features, vec![0], vec!["a".into()])?;
    let radii = Radii::Uniform(radius);
    let claim = Claim {
        model,
        data: &data,
        classes: &[class],
        network_classes: classes,
        norm,
        radii: &radii,
        tie_margin: 0.0,
    };
    assert_eq!(attack(&claim, 0).is_err(), certify(&claim, &Silent).is_err());
    Ok(certify(&claim, &Silent)?.verdicts.swap_remove(0))
}

fn is_certified(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Certified { .. })
}

/// Added to 2^53 one by one, four ones are lost; together they are not, and then
/// the other logit is the smaller one.
#[test]
fn integers_end_where_the_format_rounds_them() {
    for (precision, most) in [(Precision::F64, 2f64.powi(53)), (Precision::F32, 2f64.powi(24))] {
        let own = [(0, most), (1, 1.0), (2, 1.0), (3, 1.0), (4, 1.0)];
        let model = layer(5, &[(&own, 0.0), (&[], most + 2.0)]);
        let model = Model::Layers(StoredNetwork::new(precision, vec![model]).unwrap());
        let verdict = asked(&model, vec![1.0; 5], 1, 2, Norm::Linf, 0.0).unwrap();
        assert!(!is_certified(&verdict), "{verdict:?}");
    }
}

/// Products of the bounds overflow, the numbers of the network do not.
#[test]
fn what_overflows_proves_nothing() {
    let big = 2f64.powi(900);
    let mut first: Vec<(usize, f64)> = (1..17).map(|j| (j, -big)).collect();
    first.insert(0, (0, big));
    let layers = vec![
        layer(17, &[(&first, 0.0), (&[(1, 1.0)], 0.0)]),
        layer(2, &[(&[(0, 2f64.powi(120))], 0.0), (&[(1, 2f64.powi(985))], 0.0)]),
    ];
    let model = Model::Layers(StoredNetwork::new(Precision::F64, layers).unwrap());
    let mut x = vec![1.0; 17];
    x[0] = 16.0 + 2f64.powi(-40);
    for norm in [Norm::Linf, Norm::L2, Norm::L1] {
        let verdict = asked(&model, x.clone(), 0, 2, norm, 0.0).unwrap();
        assert!(!is_certified(&verdict), "{norm} {verdict:?}");
    }
}

/// A sum of six million binary32 numbers may be off by three quarters of itself.
#[test]
fn features_beyond_the_error_bound_prove_nothing() {
    let n = 6_000_000;
    let mut head = LayerBuilder::new(2);
    for class in 0..2 {
        head.weight(class, 1.0).bias(0.0);
    }
    let mut centers = vec![0f32; 2 * n];
    centers[n] = 1.0;
    let prototypes = Prototypes::new(PrototypeParts {
        precision: Precision::F32,
        features: n,
        clipping: Clipping::None,
        centers: Features::F32(centers.into()),
        measure: Measure::Sum,
        radii: vec![10.0; 2],
        tops: vec![1.0, 2.0],
        scales: vec![1.0; 2],
        accumulators: vec![0, 1],
        pool: Pool::Max,
        schedule: Schedule::Pipelined,
        head: vec![head.finish()],
    });
    let model = Model::Prototypes(prototypes.unwrap());
    let verdict = asked(&model, vec![0.0; n], 0, 2, Norm::L1, 0.0).unwrap();
    assert!(!is_certified(&verdict), "{verdict:?}");
}

/// A single logit counts cells, and is read as a label.
#[test]
fn a_single_logit_of_cells_is_no_label() {
    let constraint = |side, threshold| Constraint { feature: 0, side, threshold };
    let cell = |threshold: f64| Cell {
        class: 0,
        scale: 1.0,
        constraints: vec![constraint(Side::AtLeast, -threshold), constraint(Side::AtMost, threshold)],
    };
    let network = CellNetwork::new(Precision::F32, 1, 1, Head::Logits, &[cell(1.0), cell(2.0)]).unwrap();
    let model = Model::Cells(network);
    assert!(!is_certified(&asked(&model, vec![0.0], 0, 3, Norm::Linf, 0.1).unwrap()));
    assert!(is_certified(&asked(&model, vec![0.0], 0, 1, Norm::Linf, 0.1).unwrap()));
}

#[test]
fn classes_that_a_scalar_cannot_mean_are_refused() {
    let model = layer(1, &[(&[], 6.0)]);
    let model = Model::Layers(StoredNetwork::new(Precision::F64, vec![model]).unwrap());
    for classes in [0, 2, 5] {
        let refused = asked(&model, vec![0.0], 5, classes, Norm::Linf, 0.0);
        assert!(matches!(refused, Err(Error::ClassRange { class: 5, .. })), "{refused:?}");
    }
    assert!(is_certified(&asked(&model, vec![0.0], 5, 6, Norm::Linf, 0.0).unwrap()));
}

/// Bounds go down one level per layer; the stack of a thread holds a few thousand.
#[test]
fn thousands_of_layers_fit_on_the_stack() {
    let depth = 12_000;
    let rows = [[(0, 1.0), (1, 1e-6)], [(0, 1e-6), (1, 1.0)]];
    let layers = (0..depth).map(|_| layer(2, &[(&rows[0], 0.0), (&rows[1], 0.0)])).collect();
    let model = Model::Layers(StoredNetwork::new(Precision::F64, layers).unwrap());
    assert!(lipschitz_bound(&model, Norm::Linf) >= 1.0);
    asked(&model, vec![1.0, 0.5], 0, 2, Norm::Linf, 0.1).unwrap();
}

/// Two layers of moving sums of eight, one behind the other, and whether the mean of the
/// 64 numbers is above 1: with all of them at 1.5 that is so within 0.5 and at no larger radius. Linear bounds
/// know it, and what they leave undecided is attacked, without a limit in time.
#[test]
fn chains_that_mix_twice_are_asked_of_linear_bounds() {
    const N: usize = 64;
    let moving = || {
        let mut layer = LayerBuilder::new(N);
        for start in 0..N {
            (0..8).for_each(|at| {
                layer.weight((start + at) % N, 1.0 / 8.0);
            });
            layer.bias(0.0);
        }
        layer.finish()
    };
    let mean: Vec<(usize, f64)> = (0..N).map(|at| (at, 1.0 / N as f64)).collect();
    // Large enough that no other engine is asked.
    let hidden = (0..10).map(|_| moving());
    let layers: Vec<Layer> = hidden.chain([layer(N, &[(&mean, 0.0), (&[], 1.0)])]).collect();
    let model = Model::Layers(StoredNetwork::new(Precision::F64, layers).unwrap());
    for (radius, holds) in [(0.49, true), (0.51, false)] {
        let verdict = asked(&model, vec![1.5; N], 0, 2, Norm::Linf, radius).unwrap();
        match verdict {
            Verdict::Certified { .. } => assert!(holds, "{verdict:?}"),
            Verdict::Refuted { .. } => assert!(!holds, "{verdict:?}"),
            _ => panic!("{radius}: {verdict:?}"),
        }
    }
}
