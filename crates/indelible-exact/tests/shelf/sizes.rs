//! Formulas of sizes and labels on random data of many sizes.

use indelible::{Norm, Silent, separation::separation};
use indelible_exact::{Cuts, Line, Memorizer, SHELF};

use crate::random_data;

const SIZES: [usize; 20] =
    [3, 4, 5, 7, 10, 14, 20, 28, 40, 57, 80, 113, 160, 226, 320, 453, 640, 905, 1280, 2000];

#[test]
fn every_label_is_right_and_every_count_is_the_formula() {
    for (index, samples) in SIZES.into_iter().enumerate() {
        let (n, classes) = (1 + index % 5, 2 + index % 9);
        let data = random_data(samples, n, 1 << 40, classes.min(samples), 7 + index as u64);
        let line = Line::search(&data, Norm::L2, 4, 1).unwrap();
        for memorizer in SHELF.iter().filter(|memorizer| memorizer.is_provable) {
            let plan = memorizer.plan(&data, &line, 0.0, 0).unwrap();
            let own = plan.group(None).unwrap();
            let groups: Vec<Option<usize>> = match own {
                None => vec![None],
                Some(_) if samples > 300 => vec![None],
                Some(_) => {
                    let fit = [1, 2, 3, 5].map(Some).into_iter().filter(|g| plan.group(*g).is_ok());
                    fit.chain([None]).collect()
                }
            };
            for group in groups {
                let network = plan.build(group).unwrap();
                let (size, name) = (network.size(), memorizer.name);
                assert_eq!(size.nonzero, plan.parameters(group).unwrap(), "{name} {samples} {group:?}");
                assert_eq!(size.depth, plan.depth(group).unwrap(), "{name} {samples} {group:?}");
                assert_eq!(network.certified(&data, Norm::L2, 0.0), samples, "{name} {group:?}");
            }
        }
    }
}

#[test]
fn bits_of_the_numbers_are_those_of_the_words() {
    let data = random_data(400, 1, 1 << 40, 10, 3);
    let line = Line::search(&data, Norm::L2, 1, 1).unwrap();
    let cuts = Cuts::new(&line, 0.0).unwrap();
    let vardi = Memorizer::named("vardi2022").unwrap().plan(&data, &line, 0.0, 0).unwrap();
    let size = vardi.build(Some(8)).unwrap().size();
    // The first cut of seven has leading zeros at most; signs take one more.
    let word = 7 * cuts.key_bits();
    assert!((word - 8..=word + 1).contains(&size.bits_per_parameter), "{size:?}, words of {word}");
    assert!(size.bits > size.nonzero && size.bits < size.nonzero * size.bits_per_parameter);
}

#[test]
fn what_is_only_counted_has_the_count_of_its_formula() {
    for (index, samples) in [3, 10, 40, 160].into_iter().enumerate() {
        let data = random_data(samples, 1 + index % 3, 1 << 20, 3, 5 + index as u64);
        let line = Line::search(&data, Norm::L2, 4, 1).unwrap();
        let found = separation(&data, Norm::L2, &Silent).distance.lower;
        let one = Memorizer::named("kim2025-ii").unwrap();
        for share in [0.0, 2.0 / samples as f64, 0.3, 1.0] {
            let radius = share * found / (10.0 * (data.features() as f64).sqrt()) * (1.0 - 1e-9);
            let plan = one.plan(&data, &line, radius, 0).unwrap();
            let (network, size) = (plan.build(None).unwrap(), plan.build(None).unwrap().size());
            assert_eq!(size.nonzero, plan.parameters(None).unwrap(), "{samples} {share}");
            assert_eq!(size.depth, plan.depth(None).unwrap(), "{samples} {share}");
            // One group is a lattice for all samples.
            let right = network.certified(&data, Norm::L2, 0.0);
            assert!(right == samples || share > 0.0, "{right} of {samples}");
        }
        assert!(one.plan(&data, &line, found, 0).is_err());
    }
}
