//! Certificates of recurrences whose differences overflow.

use crate::common::dataset;
use indelible::{
    Features, Norm, Precision, Radii, Silent,
    certify::{Claim, Verdict, certify},
    network::{Clipping, LayerBuilder, Measure, Model, Pool, PrototypeParts, Prototypes, Schedule},
};

/// The ball around 0.5 M of radius 0.49 M reaches into the step at −0.6 M, which gives the wrong label.
/// Ball and center differ by 1.1 M, which overflows; the step's reach of 0.9 M and the radius do, too,
/// and infinity is no less than infinity.
#[test]
fn infinite_differences_settle_nothing() {
    for precision in [Precision::F32, Precision::F64] {
        let round = |x: f64| precision.round(x);
        let most = precision.largest();
        let mut head = LayerBuilder::new(1);
        head.weight(0, 1.0).bias(0.0);
        let recurrence = Prototypes::new(PrototypeParts {
            precision,
            features: 1,
            clipping: Clipping::AllButFirst(vec![-most]),
            centers: Features::F64(vec![round(-0.6 * most), round(0.5 * most)].into()),
            measure: Measure::Violations,
            radii: vec![round(0.85 * most), round(0.5 * most)],
            tops: vec![2.0, 1.0],
            scales: vec![round(2.0 / (0.05 * most)), round(1.0 / (0.1 * most))],
            accumulators: vec![0, 0],
            pool: Pool::Raise,
            schedule: Schedule::Sequential,
            head: vec![head.finish()],
        })
        .unwrap();
        let data = dataset(1, vec![round(0.5 * most)], vec![0]);
        let claim = Claim {
            model: &Model::Prototypes(recurrence),
            data: &data,
            classes: &[0],
            network_classes: 2,
            norm: Norm::Linf,
            radii: &Radii::Uniform(0.49 * most),
            tie_margin: 0.0,
        };
        let certificate = certify(&claim, &Silent).unwrap();
        assert!(matches!(certificate.verdicts[..], [Verdict::Refuted { predicted: Some(1), .. }]));
    }
}
