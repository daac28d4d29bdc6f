//! Set systems, the data made of them, and the networks that memorize them.

use indelible::{
    Norm, Precision,
    network::{Network, Row},
};
use indelible_decide::{
    Answer, Config, ShallowNetwork, decide,
    hard::{Cnf, SetSystem, decode},
};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};

/// How often to try what is tried `usual` times by default; `INDELIBLE_FUZZ`
/// multiplies it.
fn rounds(usual: usize) -> usize {
    usual * std::env::var("INDELIBLE_FUZZ").ok().and_then(|n| n.parse().ok()).unwrap_or(1)
}

/// A splitting found by trying all, where there is one.
fn brute_force(system: &SetSystem) -> Option<Vec<bool>> {
    let m = system.elements();
    (0..1_usize << m)
        .map(|code| (0..m).map(|i| code >> i & 1 == 1).collect::<Vec<bool>>())
        .find(|colours| system.unsplit(colours).is_none())
}

/// Systems of up to `elements` elements, about as often splittable as not.
fn systems(elements: usize) -> impl Strategy<Value = SetSystem> {
    (2..=elements).prop_flat_map(|m| {
        let set = prop::collection::btree_set(1..=m, 2..=3.min(m));
        prop::collection::vec(set, 1..=5 * m / 2).prop_map(move |sets| {
            let sets = sets.into_iter().map(|s| s.into_iter().collect()).collect();
            SetSystem::new(m, sets).expect("elements in range, sizes 2 and 3")
        })
    })
}

#[test]
fn yes_exactly_when_the_sets_can_be_split() {
    let mut runner = TestRunner::deterministic();
    let strategy = systems(10);
    let (mut yes, mut no) = (0, 0);
    let config = Config::default().minimise(false);
    let rounds = rounds(100);
    for _ in 0..rounds {
        let system = strategy.new_tree(&mut runner).expect("a system").current();
        let data = system.dataset().expect("a small dataset");
        let decision = decide(&data, Norm::Linf, 0.0, 2, &config).expect("z3 answers");
        match (decision.answer, brute_force(&system)) {
            (Answer::Yes(Some(network)), Some(_)) => {
                decode(&network, &system).expect("a splitting");
                yes += 1;
            }
            (Answer::No(_), None) => no += 1,
            (answer, splitting) => panic!("{system:?}: {answer:?}, but brute force says {splitting:?}"),
        }
    }
    assert!(yes > rounds / 6 && no > rounds / 6, "{yes} yes, {no} no: the systems are too one-sided");
}

#[test]
fn networks_of_splittings_memorize_robustly_and_decode() {
    let mut runner = TestRunner::deterministic();
    let strategy = systems(8);
    let mut split = 0;
    for _ in 0..60 {
        let system = strategy.new_tree(&mut runner).expect("a system").current();
        let data = system.dataset().expect("a small dataset");
        let Some(colours) = brute_force(&system) else {
            continue;
        };
        split += 1;
        let network = system.network(&colours).expect("a splitting");
        // A little below the bound: 1/(100 m) is rounded to binary64.
        let radius = 0.999 / (100.0 * system.elements() as f64);
        assert!(network.memorizes(&data, Norm::Linf, radius).expect("a question"));
        assert!(!network.memorizes(&data, Norm::Linf, 0.5).expect("a question"));
        let decoded = decode(&network, &system).expect("it memorizes");
        assert_eq!(system.unsplit(&decoded), None);
    }
    assert!(split > 15, "only {split} systems could be split");
}

#[test]
fn robustly_for_the_radius_of_the_theorem() {
    let system =
        SetSystem::new(5, vec![vec![1, 2, 3], vec![3, 4, 5], vec![1, 5], vec![2, 4]]).expect("a system");
    let data = system.dataset().expect("a small dataset");
    let decision = decide(&data, Norm::Linf, 0.002, 2, &Config::default()).expect("z3 answers");
    let Answer::Yes(Some(network)) = decision.answer else { panic!("{decision:?}") };
    assert!(network.memorizes(&data, Norm::Linf, 0.002).expect("a question"));
    decode(&network, &system).expect("a splitting");
    // Three pairwise different elements need three colours.
    let odd = SetSystem::new(3, vec![vec![1, 2], vec![2, 3], vec![1, 3]]).expect("a system");
    let data = odd.dataset().expect("a small dataset");
    let decision = decide(&data, Norm::L1, 0.002, 2, &Config::default()).expect("z3 answers");
    let Answer::No(proof) = decision.answer else { panic!("{decision:?}") };
    proof.check(&data, &Config::default()).expect("confirmed");
}

#[test]
fn formulas_are_satisfied_exactly_when_trying_all_assignments_says_so() {
    let mut runner = TestRunner::deterministic();
    let literal = (1i64..=5, any::<bool>()).prop_map(|(v, sign)| if sign { v } else { -v });
    let clause = prop::collection::btree_set(literal, 2..=3);
    let formula = prop::collection::vec(clause, 3..16);
    let config = Config::default().minimise(false);
    let (mut yes, mut no) = (0, 0);
    let rounds = rounds(30);
    for _ in 0..rounds {
        let clauses = formula.new_tree(&mut runner).expect("clauses").current();
        let mut text = format!("p cnf 5 {}\n", clauses.len());
        for clause in &clauses {
            let words: Vec<String> = clause.iter().map(ToString::to_string).collect();
            text += &format!("{} 0\n", words.join(" "));
        }
        let cnf = Cnf::parse(&text).expect("its own text");
        let system = cnf.set_system().expect("variables");
        let satisfiable = (0..32_usize)
            .any(|code| cnf.violated(&(0..5).map(|i| code >> i & 1 == 1).collect::<Vec<bool>>()).is_none());
        let decision =
            decide(&system.dataset().expect("data"), Norm::Linf, 0.0, 2, &config).expect("z3 answers");
        match decision.answer {
            Answer::Yes(Some(network)) => {
                assert!(satisfiable, "{text}");
                let colours = decode(&network, &system).expect("a splitting");
                assert_eq!(cnf.violated(&cnf.assignment(&colours)), None);
                yes += 1;
            }
            Answer::No(_) => {
                assert!(!satisfiable, "{text}");
                no += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(yes > rounds / 4 && no > rounds / 12, "{yes} yes, {no} no");
}

#[test]
fn networks_that_do_not_memorize_are_not_decoded() {
    let system = SetSystem::new(3, vec![vec![1, 2, 3], vec![1, 2]]).expect("a system");
    let network = system.network(&[true, false, true]).expect("a splitting");
    let other = SetSystem::new(3, vec![vec![1, 3]]).expect("a system");
    assert!(system.network(&[true, true, false]).is_err());
    assert!(system.network(&[true, false]).is_err());
    // (1, 3) is of one colour: the network cannot have its point right.
    let text = decode(&network, &other).expect_err("not split").to_string();
    assert!(text.contains("does not memorize the data: at elements [1, 3]"), "{text}");
    let larger = SetSystem::new(4, vec![vec![1, 4]]).expect("a system");
    assert!(decode(&network, &larger).is_err());
    // A convex network, one of width 3, one that misses a point of the axis.
    let (hidden, output) = (network.layer(0), network.layer(1));
    let weights: Vec<Vec<f64>> = hidden.rows().map(|row| dense(&row, 4)).collect();
    let [biases, outputs] = [hidden.biases().to_vec(), dense(&output.row(0), 2)];
    let altered = |weights: &[Vec<f64>], biases: &[f64], outputs: &[f64], offset: f64| {
        ShallowNetwork::new(Precision::F32, weights.to_vec(), biases.to_vec(), outputs.to_vec(), offset)
            .expect("a network")
    };
    assert_eq!(altered(&weights, &biases, &outputs, 2.0), network);
    let convex = altered(&weights, &biases, &[1.0, 1.0], 2.0);
    assert!(decode(&convex, &system).is_err());
    let wide = altered(
        &[&weights[..], &[vec![0.0; 4]]].concat(),
        &[&biases[..], &[0.0]].concat(),
        &[&outputs[..], &[0.0]].concat(),
        2.0,
    );
    assert!(decode(&wide, &system).expect_err("width 3").to_string().contains("width 3"));
    let shifted = altered(&weights, &biases, &outputs, 3.0);
    assert!(decode(&shifted, &system).is_err());
}

/// The weights of a neuron that reads `inputs` numbers.
fn dense(row: &Row<'_>, inputs: usize) -> Vec<f64> {
    let mut weights = vec![0.0; inputs];
    for (&column, &weight) in row.columns.iter().zip(row.weights) {
        weights[column] = weight;
    }
    weights
}
