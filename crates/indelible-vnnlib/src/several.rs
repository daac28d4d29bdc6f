//! Queries about several networks, asked of one that computes what all of them do.
//!
//! Inputs of different networks that a query says to be equal become one input, so that
//! bounds of differences of outputs are bounds of one function.

use std::collections::BTreeMap;

use dashu_ratio::RBig;
use indelible::{
    Precision, Progress,
    network::{Model, StoredNetwork},
};

use crate::{
    decide::{Answer, Decision, Limits, Side, confirmed, decide, tensors_of},
    error::QueryError,
    query::{Constraint, Kinship, NetworkDeclaration, Query, Role, Tensor, Variable, Version},
    rows::{Ending, Rows, joined},
};

/// Decides `query` about one model for each of its networks, in their order; for a network
/// that is equal to another one, that one's model.
///
/// A witness has the inputs and the outputs of one network after those of another.
///
/// # Errors
/// [`QueryError::Unfit`] as for [`decide()`]; for several networks also where one is no
/// chain of affine layers and ReLUs, where their formats differ, and where a network is
/// said to be isomorphic to another one, which is not looked at.
pub fn decide_all(
    query: &Query,
    models: &[&Model],
    limits: &Limits,
    progress: &dyn Progress,
) -> Result<Decision, QueryError> {
    if models.len() != query.networks.len() {
        return Err(QueryError::Unfit(format!(
            "the query is about {} networks, and {} were given",
            query.networks.len(),
            models.len()
        )));
    }
    if let [model] = models {
        return decide(query, model, limits, progress);
    }
    let joint = Joint::new(query, models)?;
    let mut decision = decide(&joint.query, &joint.model, limits, progress)?;
    if let Answer::Sat(witness) = &decision.answer {
        let point: Vec<f64> =
            joint.inputs.iter().flatten().filter_map(|input| witness.inputs.get(*input).copied()).collect();
        // What one network computes for all is computed again by each.
        let found = confirmed(query, &joint.sides, &point);
        decision.answer = found.map_or_else(
            || Answer::Unknown { why: "a point was found and could not be checked".into() },
            Answer::Sat,
        );
    }
    Ok(decision)
}

/// All networks as one.
struct Joint<'m> {
    sides: Vec<Side<'m>>,
    /// For each network, which input of the one each of its inputs is.
    inputs: Vec<Vec<usize>>,
    model: Model,
    query: Query,
}

impl<'m> Joint<'m> {
    fn new(query: &Query, models: &[&'m Model]) -> Result<Self, QueryError> {
        let mut sides = vec![];
        let mut layers: Vec<Vec<Rows>> = vec![];
        for (network, &model) in models.iter().enumerate() {
            let NetworkDeclaration { name, kinship, .. } = &query.networks[network];
            let unfit = |why: &str| QueryError::Unfit(format!("network {name}: {why}"));
            if matches!(kinship, Some((Kinship::Isomorphic, _))) {
                return Err(unfit("whether it is isomorphic to another one is not looked at here"));
            }
            sides.push(Side {
                model,
                places: tensors_of(query, network, model).map_err(|e| unfit(&e.to_string()))?,
            });
            let Model::Layers(stored) = model else {
                return Err(unfit(
                    "no chain of affine layers and ReLUs; with several networks, only these are decided",
                ));
            };
            if model.precision() != models[0].precision() {
                return Err(unfit("it computes in another format than the first network"));
            }
            layers.push(Rows::all(stored.layers()));
        }
        let precision = models.first().map_or(Precision::F32, |model| model.precision());
        let (inputs, count) = shared_inputs(query, &sides);
        for (own, inputs) in layers.iter_mut().zip(&inputs) {
            if let Some(first) = own.first_mut() {
                first.map(|terms| terms.iter().map(|(column, w)| (inputs[*column], *w)).collect());
                first.inputs = count;
            }
        }
        let all = layers.into_iter().reduce(|all, own| joined(all, own, Ending::Both)).unwrap_or_default();
        let all = all.into_iter().map(Rows::finish).collect();
        let model =
            Model::Layers(StoredNetwork::new(precision, all).map_err(|e| QueryError::Unfit(e.to_string()))?);
        let query = asked(query, &sides, (&inputs, count), model.outputs());
        Ok(Self { sides, inputs, model, query })
    }
}

/// For each network, which of how many inputs each of its own is: the same for inputs of
/// different networks that constraints outside alternatives say to be equal.
fn shared_inputs(query: &Query, sides: &[Side<'_>]) -> (Vec<Vec<usize>>, usize) {
    let starts: Vec<usize> = sides
        .iter()
        .scan(0, |next, side| {
            let start = *next;
            *next += side.model.inputs();
            Some(start)
        })
        .collect();
    let count: usize = sides.iter().map(|side| side.model.inputs()).sum();
    let network_of = |place: usize| starts.iter().rposition(|start| *start <= place);
    let place = |v: &Variable| {
        let side = sides.iter().position(|side| side.places[0] == v.tensor)?;
        Some(starts[side] + v.element)
    };
    // Inputs that are one, by the least of them.
    let mut classes: BTreeMap<usize, Vec<usize>> = (0..count).map(|i| (i, vec![i])).collect();
    let mut class_of: Vec<usize> = (0..count).collect();
    for (v, w) in equalities(&query.common) {
        let Some((v, w)) = place(&v).zip(place(&w)) else { continue };
        let (v, w) = (class_of[v].min(class_of[w]), class_of[v].max(class_of[w]));
        let Some((one, other)) = classes.get(&v).zip(classes.get(&w)).filter(|_| v != w) else { continue };
        // Two inputs of one network stay two: their weights could not be added exactly.
        if one.iter().any(|i| other.iter().any(|j| network_of(*i) == network_of(*j))) {
            continue;
        }
        let moved = classes.remove(&w).unwrap_or_default();
        moved.iter().for_each(|i| class_of[*i] = v);
        classes.entry(v).or_default().extend(moved);
    }
    let numbers: BTreeMap<usize, usize> =
        classes.keys().enumerate().map(|(number, least)| (*least, number)).collect();
    let number = |place: usize| numbers.get(&class_of[place]).copied().unwrap_or(0);
    let inputs = sides
        .iter()
        .zip(&starts)
        .map(|(side, start)| (0..side.model.inputs()).map(|i| number(start + i)).collect());
    (inputs.collect(), numbers.len())
}

/// Pairs of variables that constraints say to be equal.
fn equalities(constraints: &[Constraint]) -> Vec<(Variable, Variable)> {
    // Pairs `(v, w)` with v at most w.
    let below: std::collections::BTreeSet<(Variable, Variable)> = constraints
        .iter()
        .filter(|constraint| constraint.bound.is_zero() && !constraint.strict)
        .filter_map(|constraint| {
            let mut terms = constraint.terms.iter();
            match (terms.next(), terms.next(), terms.next()) {
                (Some((v, a)), Some((w, b)), None) if *a == -b.clone() => {
                    Some(if *a > RBig::ZERO { (*v, *w) } else { (*w, *v) })
                }
                _ => None,
            }
        })
        .collect();
    below.iter().filter(|(v, w)| v < w && below.contains(&(*w, *v))).copied().collect()
}

/// The same query about one network.
fn asked(
    query: &Query,
    sides: &[Side<'_>],
    (inputs, count): (&[Vec<usize>], usize),
    outputs: usize,
) -> Query {
    let mut starts = vec![0];
    for side in sides {
        starts.push(starts.last().copied().unwrap_or(0) + side.model.outputs());
    }
    let moved = |v: &Variable| {
        let side = sides.iter().position(|side| side.places.contains(&v.tensor))?;
        Some(if sides[side].places[0] == v.tensor {
            Variable { tensor: 0, element: *inputs[side].get(v.element)? }
        } else {
            Variable { tensor: 1, element: starts[side] + v.element }
        })
    };
    let changed = |constraint: &Constraint| {
        let mut terms = BTreeMap::<Variable, RBig>::new();
        for (v, a) in &constraint.terms {
            // All variables belong to inputs and outputs, or the query was refused.
            if let Some(v) = moved(v) {
                *terms.entry(v).or_default() += a;
            }
        }
        terms.retain(|_, a| !a.is_zero());
        Constraint { terms, ..constraint.clone() }
    };
    // What holds for all, without what holds always; nothing where something never does.
    let all = |constraints: &[Constraint]| {
        let changed: Vec<Constraint> = constraints.iter().map(changed).collect();
        let is_possible = changed.iter().all(|constraint| constraint.constant() != Some(false));
        is_possible.then(|| changed.into_iter().filter(|c| c.constant().is_none()).collect::<Vec<_>>())
    };
    let common = all(&query.common);
    let alternatives = if common.is_some() {
        query.alternatives.iter().filter_map(|constraints| all(constraints)).collect()
    } else {
        vec![]
    };
    let tensor = |name: &str, role, len| Tensor {
        name: name.into(),
        role,
        element: "real".into(),
        shape: vec![len],
        onnx_name: None,
    };
    Query {
        version: Version::V2,
        networks: vec![NetworkDeclaration { name: "all".into(), kinship: None, tensors: vec![0, 1] }],
        tensors: vec![tensor("X", Role::Input, count), tensor("Y", Role::Output, outputs)],
        common: common.unwrap_or_default(),
        alternatives,
    }
}

#[cfg(test)]
mod tests {
    use indelible::{Silent, network::LayerBuilder, number::random::Random};

    use super::*;
    use crate::{parse, real_outputs, witness_text};

    fn network(widths: &[usize], precision: Precision, random: &mut Random) -> Model {
        let mut layers = vec![];
        for pair in widths.windows(2) {
            let mut layer = LayerBuilder::new(pair[0]);
            for _ in 0..pair[1] {
                (0..pair[0]).for_each(|c| {
                    layer.weight(c, (random.below(17) as f64 - 8.0) / 8.0);
                });
                layer.bias((random.below(17) as f64 - 8.0) / 8.0);
            }
            layers.push(layer.finish());
        }
        Model::Layers(StoredNetwork::new(precision, layers).unwrap())
    }

    const DECLARED: &str = "(vnnlib-version <2.0>)\n\
        (declare-network f (declare-input A float32 [2]) (declare-output B float32 [2]))\n\
        (declare-network g KIN (declare-input C float32 [1,2]) (declare-output D float32 [2]))\n\
        (assert (== A[0] C[0,0]))(assert (<= (- A[1] C[0,1]) 0))(assert (>= A[1] C[0,1]))\n\
        (assert (and (>= A[0] -1) (<= C[0,0] 1) (>= A[1] -1) (<= A[1] 1)))\n";

    fn text(kin: &str, more: &str) -> String {
        DECLARED.replace("KIN", kin) + more
    }

    fn answered(text: &str, models: &[&Model]) -> Result<Answer, QueryError> {
        let limits = Limits { parts: 2000, timeout: None };
        decide_all(&parse(text).unwrap(), models, &limits, &Silent).map(|decision| decision.answer)
    }

    /// What two networks compute at the same points refutes no `unsat` and confirms
    /// every `sat`.
    #[test]
    fn differences_of_two_networks() {
        let (mut random, mut kinds) = (Random::new(5), [0; 2]);
        for trial in 0..40 {
            let depths: [&[usize]; 3] = [&[2, 2], &[2, 3, 2], &[2, 3, 3, 2]];
            let f = network(depths[random.below(3)], Precision::F32, &mut random);
            let g = network(depths[random.below(3)], Precision::F32, &mut random);
            let least = random.of(&["0.5", "1.5", "2.5", "4"]);
            let asked = text("", &format!("(assert (>= (- B[0] D[0]) {least}))(assert (>= D[1] B[1]))"));
            let real = |x: &[f64]| {
                let value = |model: &Model| real_outputs(model, x).unwrap().into_iter().map(|[y, _]| y);
                (value(&f).collect::<Vec<_>>(), value(&g).collect::<Vec<_>>())
            };
            let bound = crate::number::parse(least).unwrap();
            let holds = |x: &[f64]| {
                let (b, d) = real(x);
                &b[0] - &d[0] >= bound && d[1] >= b[1]
            };
            match answered(&asked, &[&f, &g]).unwrap() {
                Answer::Sat(witness) => {
                    kinds[0] += 1;
                    assert_eq!(witness.inputs[..2], witness.inputs[2..], "trial {trial}");
                    assert!(holds(&witness.inputs[..2]) && witness.inputs.iter().all(|x| x.abs() <= 1.0));
                    let printed = witness_text(&parse(&asked).unwrap(), &witness);
                    let names: Vec<&str> = printed.lines().filter(|line| line.contains('[')).collect();
                    assert_eq!(names, ["A float32 [2]", "B float32 [2]", "C float32 [1,2]", "D float32 [2]"]);
                }
                Answer::Unsat { margin, .. } => {
                    kinds[1] += 1;
                    assert!(margin > 0.0);
                    for _ in 0..200 {
                        let x = [(); 2].map(|()| random.unit() * 2.0 - 1.0).map(|x| Precision::F32.round(x));
                        assert!(!holds(&x), "trial {trial}");
                    }
                }
                _ => {}
            }
        }
        assert!(kinds[0] > 5 && kinds[1] > 5, "{kinds:?}");
    }

    /// A network is never above itself, and may be where the inputs are others.
    #[test]
    fn the_same_network_twice() {
        let f = network(&[2, 4, 2], Precision::F32, &mut Random::new(9));
        let above = "(assert (>= B[0] (+ D[0] 0.01)))";
        let answer = answered(&text("(equal-to f)", above), &[&f, &f]).unwrap();
        assert!(matches!(answer, Answer::Unsat { .. }), "{answer:?}");
        let apart =
            text("(equal-to f)", above).replace("(== A[0] C[0,0])", "(and (<= A[0] 1) (>= C[0,0] -1))");
        if let Answer::Sat(witness) = answered(&apart, &[&f, &f]).unwrap() {
            assert!(witness.outputs[0] >= witness.outputs[2] + 0.009);
        } else {
            panic!("other inputs give other outputs");
        }
        // Two inputs of one network that are equal.
        let same = text("(equal-to f)", above) + "(assert (== A[0] A[1]))";
        assert!(matches!(answered(&same, &[&f, &f]).unwrap(), Answer::Unsat { .. }));
        // Equal and not equal.
        let never = text("(equal-to f)", "(assert (< A[0] C[0,0]))");
        assert!(matches!(answered(&never, &[&f, &f]).unwrap(), Answer::Unsat { .. }));
    }

    #[test]
    fn what_is_refused() {
        let mut random = Random::new(3);
        let f = network(&[2, 3, 2], Precision::F32, &mut random);
        let other = network(&[2, 3, 2], Precision::F64, &mut random);
        let narrow = network(&[1, 2], Precision::F32, &mut random);
        let refused = |kin: &str, models: &[&Model]| {
            answered(&text(kin, "(assert (>= B[0] D[0]))"), models).unwrap_err().to_string()
        };
        assert!(refused("(isomorphic-to f)", &[&f, &f]).contains("isomorphic"));
        assert!(refused("", &[&f]).contains("2 networks, and 1"));
        assert!(
            refused("", &[&f, &other]).contains("network g: D is")
                || refused("", &[&f, &other]).contains("network g: C is")
        );
        assert!(refused("", &[&f, &narrow]).contains("network g: the input of the query has 2 elements"));
    }
}
