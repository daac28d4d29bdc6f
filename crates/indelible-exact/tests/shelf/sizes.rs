//! Formulas of sizes and labels on random data of many sizes.

use indelible::Norm;
use indelible_exact::{Cuts, Line, SHELF};

use crate::random_data;

const SIZES: [usize; 20] =
    [3, 4, 5, 7, 10, 14, 20, 28, 40, 57, 80, 113, 160, 226, 320, 453, 640, 905, 1280, 2000];

#[test]
fn every_label_is_right_and_every_count_is_the_formula() {
    for (index, samples) in SIZES.into_iter().enumerate() {
        let (n, classes) = (1 + index % 5, 2 + index % 9);
        let data = random_data(samples, n, 1 << 40, classes.min(samples), 7 + index as u64);
        let line = Line::search(&data, Norm::L2, 4, 1).unwrap();
        let cuts = Cuts::new(&line, 0.0).unwrap();
        for memorizer in SHELF {
            let own = memorizer.group(&cuts, None).unwrap();
            let groups: Vec<Option<usize>> = match own {
                None => vec![None],
                Some(_) if samples > 300 => vec![None],
                Some(_) => [1, 2, 3, 5].map(|g| Some(g.min(cuts.runs()))).into_iter().chain([None]).collect(),
            };
            for group in groups {
                let network = memorizer.build(&cuts, group).unwrap();
                let (size, name) = (network.size(), memorizer.name);
                assert_eq!(
                    size.nonzero,
                    memorizer.parameters(&cuts, group).unwrap(),
                    "{name} {samples} {group:?}"
                );
                assert_eq!(size.depth, memorizer.depth(&cuts, group).unwrap(), "{name} {samples} {group:?}");
                assert_eq!(network.certified(&data, Norm::L2, 0.0), samples, "{name} {group:?}");
            }
        }
    }
}

#[test]
fn bits_of_the_numbers_are_those_of_the_words() {
    let data = random_data(400, 1, 1 << 40, 10, 3);
    let cuts = Cuts::new(&Line::search(&data, Norm::L2, 1, 1).unwrap(), 0.0).unwrap();
    let vardi = SHELF.iter().find(|memorizer| memorizer.name == "vardi2022").unwrap();
    let size = vardi.build(&cuts, Some(8)).unwrap().size();
    // The first cut of seven has leading zeros at most; signs take one more.
    let word = 7 * cuts.key_bits();
    assert!((word - 8..=word + 1).contains(&size.bits_per_parameter), "{size:?}, words of {word}");
    assert!(size.bits > size.nonzero && size.bits < size.nonzero * size.bits_per_parameter);
}
