//! What is certified of stored forms that somebody changed must be true: at
//! hostile points of the balls, in exact rationals and as executed in many
//! orders, fused or not.

mod by_hand;
mod change;
mod machine;
mod reals;

use dashu_ratio::RBig;

use self::{
    change::{change_max_affine, change_network, change_prototypes, random_data},
    machine::Machine,
    reals::{exact_layers, exact_max_affine, exact_prototypes, margin, points, rational},
};
use super::{Random, rounds};
use crate::{
    Budget, Norm, Precision, Radii, Silent,
    certify::{Claim, Verdict, certify},
    constructions::{Construction, Options},
    network::{Layer, Model, StoredNetwork},
    separation::{nearest_enemies, separation},
};

/// Weights of a dense network at most, or exact arithmetic takes too long.
const MOST_NONZERO: usize = 500;

/// Builds something, changes it, asks for certificates and attacks what they
/// say; gives how many samples were certified, of changed models too.
fn attack(seed: u64) -> (usize, usize) {
    let mut random = Random::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) + 1);
    let data = random_data(&mut random);
    let names = [
        "wide",
        "pipelined",
        "nearest",
        "nearest",
        "lipschitz",
        "yu2024-l1",
        "yu2024-lp",
        "yu2024-lp",
        "yu2024-lp",
        "yu2024-linf",
        "yu2024-lipschitz",
    ];
    let name = random.of(&names);
    let construction = Construction::named(name).unwrap();
    let norm = match random.of(construction.norms) {
        Norm::L2 if construction.every_p && random.chance(2) => {
            Norm::Lp(random.of(&[3.0, 4.0, 1.5, 1.05, 2.75, 30.0]))
        }
        norm => norm,
    };
    let ratio = random.of(&[0.3, 0.9, 0.99, 0.9999]);
    let budget = if random.chance(2) {
        Budget::per_sample(ratio, &nearest_enemies(&data, norm, &Silent))
    } else {
        Budget::from_ratio(ratio, &separation(&data, norm, &Silent))
    };
    let precision = random.of(&[Precision::F32, Precision::F32, Precision::F64]);
    let options = Options { precision, ..Options::default() };
    let Some(mut model) = budget.as_ref().ok().and_then(|budget| {
        let network = construction.build(&data, budget, options).ok()?;
        let dense = random.chance(3) || name == "yu2024-linf" || name == "yu2024-lipschitz";
        if !dense {
            return network.compact().ok();
        }
        let layers: Vec<Layer> = (0..network.depth()).map(|index| network.layer(index)).collect();
        let nonzero: usize = layers.iter().map(Layer::nonzero).sum();
        (nonzero <= MOST_NONZERO).then_some(Model::Layers(StoredNetwork { precision, layers }))
    }) else {
        return (0, 0);
    };
    let changes = random.of(&[0, 1, 1, 2, 3]);
    for _ in 0..changes {
        match &mut model {
            Model::Prototypes(prototypes) => change_prototypes(&mut random, prototypes),
            Model::MaxAffine(scores) => change_max_affine(&mut random, scores),
            Model::Layers(network) => change_network(&mut random, network),
            _ => return (0, 0),
        }
    }
    let asked = random.of(&[norm, norm, norm, Norm::Linf, Norm::L1, Norm::L2, Norm::Lp(1.5), Norm::Lp(3.0)]);
    let factor = random.of(&[1.0, 1.0, 1.0, 0.5, 1e-3, 0.0, 1.2]);
    let radii = match budget.as_ref().map(Budget::radii) {
        Ok(Radii::PerSample(radii)) => Radii::PerSample(radii.iter().map(|r| r * factor).collect()),
        Ok(radii) => Radii::Uniform(radii.smallest() * factor),
        Err(_) => return (0, 0),
    };
    let classes: Vec<usize> = (0..data.classes()).collect();
    let network_classes = data.classes();
    let claim =
        Claim { model: &model, data: &data, classes: &classes, network_classes, norm: asked, radii: &radii };
    let Ok(certificate) = certify(&claim, &Silent) else { return (0, 0) };
    for (sample, verdict) in certificate.verdicts.iter().enumerate() {
        let &Verdict::Certified { margin: least, exact, .. } = verdict else { continue };
        let class = data.labels()[sample];
        let mut only: Option<Vec<RBig>> = None;
        let mut judge = |outputs: Vec<RBig>, point: &[f64], how: &str| {
            let found = margin(&outputs, class, network_classes);
            let context = || {
                format!(
                    "seed {seed}: {name}, {changes} changes, sample {sample} at {point:?} {how}: {model:?}"
                )
            };
            let enough =
                found.is_none_or(|m| m > RBig::ZERO && (least.is_infinite() || m >= rational(least)));
            assert!(enough || outputs.len() == 1 && least == 0.5, "{}: {outputs:?} < {least}", context());
            if exact {
                let known = only.get_or_insert_with(|| outputs.clone());
                assert!(*known == outputs, "{}: not exact", context());
            }
        };
        for point in points(&mut random, &data, sample, radii.of(sample), asked) {
            let exactly: Vec<RBig> = point.iter().map(|v| rational(*v)).collect();
            judge(
                match &model {
                    Model::Prototypes(prototypes) => exact_prototypes(prototypes, &exactly),
                    Model::MaxAffine(scores) => exact_max_affine(scores, &exactly),
                    Model::Layers(network) => exact_layers(&network.layers, exactly),
                    _ => continue,
                },
                &point,
                "in the reals",
            );
            let rounded: Vec<f64> = point.iter().map(|v| precision.round(*v)).collect();
            let ours = model.evaluate(&point).unwrap();
            let mut executed = vec![ours];
            for _ in 0..3 {
                let mut machine = Machine { precision, random: &mut random };
                executed.push(match &model {
                    Model::Prototypes(prototypes) => machine.prototypes(prototypes, &rounded),
                    Model::MaxAffine(scores) => machine.scores(scores, &rounded),
                    Model::Layers(network) => machine.layers(&network.layers, rounded.clone()),
                    _ => continue,
                });
            }
            for outputs in executed {
                // An infinite output is as good as a very large one.
                let finite = |v: &f64| RBig::try_from(v.clamp(f64::MIN, f64::MAX));
                let outputs: Result<Vec<RBig>, _> = outputs.iter().map(finite).collect();
                judge(outputs.expect("a number"), &point, "as executed");
            }
        }
    }
    (certificate.certified, if changes > 0 { certificate.certified } else { 0 })
}

/// `INDELIBLE_FUZZ` multiplies them.
const CASES: usize = 600;

#[test]
fn what_is_certified_of_changed_models_is_true() {
    use rayon::prelude::*;
    let cases = rounds(CASES);
    let (all, changed) =
        (0..cases as u64).into_par_iter().map(attack).reduce(|| (0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    // Both must happen, or nothing was tested.
    assert!(all > cases && changed > cases / 2, "{all} certified, {changed} of changed models");
}
