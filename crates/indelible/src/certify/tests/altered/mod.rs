//! What is certified of stored forms that somebody changed must be true: at
//! hostile points of the balls, in exact arithmetic and as executed in many
//! orders, fused or not.

mod by_hand;
mod change;
mod points;

use self::{
    change::{
        change_cells, change_max_affine, change_network, change_projected, change_prototypes, random_data,
    },
    points::points,
};
use super::{Dyadic, Exact, Machine, Random, rounds};
use crate::{
    Budget, Dataset, Norm, Precision, Radii, Silent,
    certify::{Claim, Verdict, certify},
    constructions::{Construction, Options},
    network::{Layer, Model, StoredNetwork},
    separation::{nearest_enemies, separation},
};

/// Weights of a dense network at most, or exact arithmetic takes too long.
const MOST_NONZERO: usize = 500;

/// A model that somebody changed and what is asked about it.
struct Case {
    /// The construction that built it, and how often it was changed.
    built_by: &'static str,
    changes: usize,
    model: Model,
    data: Dataset,
    norm: Norm,
    radii: Radii,
}

/// Builds something and changes it; `None` where that cannot be built.
fn case(random: &mut Random) -> Option<Case> {
    let data = random_data(random);
    let built_by = random.of(&[
        "wide",
        "li2022",
        "li2022",
        "pipelined",
        "nearest",
        "nearest",
        "projected",
        "projected",
        "lipschitz",
        "cells",
        "cells",
        "yu2024-l1",
        "yu2024-lp",
        "yu2024-lp",
        "yu2024-lp",
        "yu2024-linf",
        "yu2024-lipschitz",
    ]);
    let construction = Construction::named(built_by).unwrap();
    let norm = match random.of(construction.norms) {
        Norm::L2 if construction.every_p && random.below(2) == 0 => {
            Norm::Lp(random.of(&[3.0, 4.0, 1.5, 1.05, 2.75, 30.0]))
        }
        norm => norm,
    };
    let ratio = random.of(&[0.3, 0.9, 0.99, 0.9999]);
    let budget = if random.below(2) == 0 {
        Budget::per_sample(ratio, &nearest_enemies(&data, norm, &Silent))
    } else {
        Budget::from_ratio(ratio, &separation(&data, norm, &Silent))
    };
    let precision = random.of(&[Precision::F32, Precision::F32, Precision::F64]);
    let options = Options { precision, ..Options::default() };
    let budget = budget.ok()?;
    let network = construction.build(&data, &budget, options).ok()?;
    let model = if random.below(3) > 0 {
        network.compact().ok()?
    } else {
        let network = StoredNetwork::of(network.as_ref());
        let nonzero: usize = network.layers().iter().map(Layer::nonzero).sum();
        (nonzero <= MOST_NONZERO).then_some(Model::Layers(network))?
    };
    let (model, changes) = changed(random, model);
    let norm = random.of(&[norm, norm, norm, Norm::Linf, Norm::L1, Norm::L2, Norm::Lp(1.5), Norm::Lp(3.0)]);
    let factor = random.of(&[1.0, 1.0, 1.0, 0.5, 1e-3, 0.0, 1.2]);
    let radii = match budget.radii() {
        Radii::PerSample(radii) => Radii::PerSample(radii.iter().map(|r| r * factor).collect()),
        radii @ Radii::Uniform(_) => Radii::Uniform(radii.smallest() * factor),
    };
    Some(Case { built_by, changes, model, data, norm, radii })
}

/// Changes a model a few times, and says how often.
fn changed(random: &mut Random, mut model: Model) -> (Model, usize) {
    let mut changes = 0;
    for _ in 0..random.of(&[0, 1, 1, 2, 3]) {
        let changed = match model.clone() {
            Model::Prototypes(prototypes) => change_prototypes(random, prototypes).map(Model::Prototypes),
            Model::MaxAffine(scores) => change_max_affine(random, &scores).map(Model::MaxAffine),
            Model::Layers(network) => change_network(random, &network).map(Model::Layers),
            Model::Cells(cells) => change_cells(random, &cells).map(Model::Cells),
            Model::Projected(projected) => change_projected(random, &projected).map(Model::Projected),
            // No construction makes one.
            Model::Graph(_) | Model::Scaled(_) | Model::Patched(_) => None,
        };
        // What is no network of the form any more cannot be asked about.
        if let Some(changed) = changed {
            model = changed;
            changes += 1;
        }
    }
    (model, changes)
}

/// What a verdict says of the outputs on a ball.
struct Certified {
    class: usize,
    classes: usize,
    margin: f64,
    /// The outputs at the first point, where they are said to be constant.
    exact: bool,
    only: Option<Vec<Dyadic>>,
}

impl Certified {
    /// Whether outputs at one more point are as the verdict says.
    fn holds_at(&mut self, outputs: Vec<Dyadic>) -> bool {
        let found = self.margin_of(&outputs);
        let zero = Dyadic::of(0.0);
        let enough = found.is_none_or(|m| m > zero && (self.margin.is_infinite() || m.at_least(self.margin)));
        let enough = enough || outputs.len() == 1 && self.margin == 0.5;
        enough && (!self.exact || *self.only.get_or_insert_with(|| outputs.clone()) == outputs)
    }

    /// The margin of the class, as a verdict means it.
    fn margin_of(&self, outputs: &[Dyadic]) -> Option<Dyadic> {
        let (class, half) = (self.class, Dyadic::of(0.5));
        if let [scalar] = outputs {
            let off = scalar.minus(&Dyadic::of((class + 1) as f64));
            let below = (class > 0).then(|| off.plus(&half));
            let above = (class + 1 < self.classes).then(|| half.minus(&off));
            return below.into_iter().chain(above).min();
        }
        let others = outputs.iter().enumerate().filter(|(c, _)| *c != class);
        others.map(|(_, other)| outputs[class].minus(other)).min()
    }
}

/// Asks for certificates of a changed model and attacks what they say; gives
/// how many samples were certified, and how many of them of models that were
/// changed indeed.
fn attack(seed: u64) -> (usize, usize) {
    let mut random = Random::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) + 1);
    let Some(Case { built_by, changes, model, data, norm, radii }) = case(&mut random) else { return (0, 0) };
    let (classes, precision) = ((0..data.classes()).collect::<Vec<usize>>(), model.precision());
    let network_classes = data.classes();
    let claim = Claim {
        model: &model,
        data: &data,
        classes: &classes,
        network_classes,
        norm,
        radii: &radii,
        tie_margin: 0.0,
    };
    let Ok(certificate) = certify(&claim, &Silent) else { return (0, 0) };
    for (sample, verdict) in certificate.verdicts.iter().enumerate() {
        let &Verdict::Certified { margin, exact, .. } = verdict else { continue };
        let class = data.labels()[sample];
        let mut said = Certified { class, classes: network_classes, margin, exact, only: None };
        for point in points(&mut random, &data, sample, radii.of(sample), norm) {
            let exactly: Vec<Dyadic> = point.iter().map(|v| Dyadic::of(*v)).collect();
            let mut all = vec![model.evaluate_in(&mut Exact, &exactly)];
            let rounded: Vec<f64> = point.iter().map(|v| precision.round(*v)).collect();
            let mut executed = vec![model.evaluate(&point).unwrap()];
            for _ in 0..3 {
                executed.push(model.evaluate_in(&mut Machine::new(precision, &mut random), &rounded));
            }
            // An infinite output is as good as a very large one.
            let finite = |v: &f64| Dyadic::of(v.clamp(f64::MIN, f64::MAX));
            all.extend(executed.iter().map(|outputs| outputs.iter().map(finite).collect()));
            for outputs in all {
                assert!(
                    said.holds_at(outputs.clone()),
                    "seed {seed}: {built_by}, {changes} changes, sample {sample} at {point:?}: {outputs:?}, said {verdict:?}: {model:?}"
                );
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
