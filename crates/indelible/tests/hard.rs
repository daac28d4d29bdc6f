//! Set systems, the data made of them, and the networks that memorize them.

use indelible::{
    Norm,
    decide::{
        Answer, Config, decide,
        hard::{SetSystem, decode},
    },
};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};

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
    let config = Config { minimise: false, ..Config::default() };
    for _ in 0..300 {
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
    assert!(yes > 50 && no > 50, "{yes} yes, {no} no: the systems are too one-sided");
}
