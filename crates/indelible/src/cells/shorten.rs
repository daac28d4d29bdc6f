//! Fewer literals for one cell: two or more of them give way to one that excludes
//! what only they exclude, which greedy choice leaves behind.

use super::{
    bits::{count_again, elements, has, sample},
    grid::Grid,
};

/// Enemies of each literal that others are asked for first.
const ASKED: usize = 64;
/// Literals that are asked for all enemies.
const TRIED: usize = 128;
/// Rounds, while something changes.
const ROUNDS: usize = 4;

/// Exchanges literals of the cell of `seed`, several for one, as long as all of
/// `enemies` are excluded but those `left`. What the cell holds beside its seed is
/// not looked at.
#[inline(always)]
pub(super) fn shorten(
    (grid, seed): (&Grid, usize),
    literals: &mut Vec<u32>,
    [enemies, left]: [&[u64]; 2],
    sampled: &mut Vec<u32>,
) {
    let asked: Vec<u64> = enemies.iter().zip(left).map(|(enemies, left)| enemies & !left).collect();
    for _ in 0..ROUNDS {
        if !round((grid, seed), literals, &asked, sampled) {
            return;
        }
    }
}

/// One round; whether anything changed.
#[inline(always)]
fn round(
    (grid, seed): (&Grid, usize),
    literals: &mut Vec<u32>,
    asked: &[u64],
    sampled: &mut Vec<u32>,
) -> bool {
    let (mut once, mut twice) = (vec![0; asked.len()], vec![0; asked.len()]);
    for &literal in &*literals {
        count_again(grid.excluded(literal), &mut once, &mut twice);
    }
    // Per literal the thresholds that exclude, on the seed's side, some of what only
    // it does, and those that do so for two.
    let matrix = grid.matrix();
    let (above, below) = matrix.row(seed);
    let (mut some, mut several) = (vec![0; matrix.width], vec![0; matrix.width]);
    let mut serving: Vec<(u32, Vec<u64>)> = Vec::with_capacity(literals.len());
    for &literal in &*literals {
        let columns = grid.excluded(literal).iter().zip(&twice).zip(asked);
        let alone: Vec<u64> = columns.map(|((excluded, twice), asked)| excluded & !twice & asked).collect();
        sample(&alone, 0, ASKED, 0.5, sampled);
        let mut serve: Vec<u64> = above.iter().zip(below).map(|(above, below)| above | below).collect();
        for &slot in &*sampled {
            let (a, b) = matrix.row(slot as usize);
            for (k, serve) in serve.iter_mut().enumerate() {
                *serve &= above[k] & b[k] | below[k] & a[k];
            }
        }
        count_again(&serve, &mut some, &mut several);
        serving.push((literal, serve));
    }
    let mut changed = false;
    let promising = elements(&several, 0).take_while(|&threshold| threshold < grid.thresholds());
    for threshold in promising.take(TRIED) {
        let replaced =
            |literal: &u32| serving.iter().any(|(served, serve)| served == literal && has(serve, threshold));
        let kept = || literals.iter().filter(|literal| !replaced(literal));
        if kept().count() + 2 > literals.len() {
            continue;
        }
        let new = grid.literal(seed, threshold);
        once.copy_from_slice(grid.excluded(new));
        for &literal in kept() {
            once.iter_mut().zip(grid.excluded(literal)).for_each(|(once, excluded)| *once |= excluded);
        }
        if asked.iter().zip(&once).all(|(asked, once)| asked & !once == 0) {
            let mut shorter: Vec<u32> = kept().copied().collect();
            shorter.push(new);
            *literals = shorter;
            changed = true;
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Dataset, Features, Norm, Precision, Radii, Silent,
        cells::{balls::Balls, grid::Grid},
        separation::separation,
    };
    use proptest::prelude::*;

    /// Runs `check` with the slot of `seed`, its enemies, and the first literal that
    /// excludes each of them.
    fn with_literals(
        values: &[u8],
        n: usize,
        labels: Vec<usize>,
        seed: usize,
        check: impl Fn((&Grid, usize), &[u64], Vec<u32>),
    ) {
        let names = ["0", "1", "2"].map(String::from).to_vec();
        let data = Dataset::new(Features::integer_codes(values.to_vec().into()), n, labels, names).unwrap();
        let found = separation(&data, Norm::Linf, &Silent);
        if found.pair.is_none() || found.distance.lower == 0.0 {
            return;
        }
        let radii = Radii::Uniform(0.2 * found.distance.lower);
        let balls = Balls { data: &data, radii: &radii, precision: Precision::F32, spread: None };
        let grid = Grid::new(&balls, 0.2 * found.distance.lower, &Silent);
        let slots = elements(&grid.all, 0).find(|slot| grid.sample(*slot) == seed);
        let Some(seed) = slots else { return };
        let mut enemies = grid.all.clone();
        enemies[grid.words_of(grid.class_of(seed))].fill(0);
        let (above, below) = grid.matrix().row(seed);
        let sides: Vec<usize> = (0..grid.thresholds()).filter(|&t| has(above, t) || has(below, t)).collect();
        let mut literals: Vec<u32> = vec![];
        for enemy in elements(&enemies, 0) {
            let first = sides.iter().map(|&t| grid.literal(seed, t)).find(|l| has(grid.excluded(*l), enemy));
            literals.extend(first.filter(|literal| !literals.contains(literal)));
        }
        check((&grid, seed), &enemies, literals);
    }

    /// Enemies that no literal excludes.
    fn left(grid: &Grid, enemies: &[u64], literals: &[u32]) -> Vec<u64> {
        let mut left = enemies.to_vec();
        literals.iter().for_each(|literal| {
            left.iter_mut().zip(grid.excluded(*literal)).for_each(|(left, excluded)| *left &= !excluded);
        });
        left
    }

    #[test]
    fn one_literal_takes_the_place_of_two() {
        // The first two features tell one enemy each from the seed, the third both.
        let values = [0, 0, 0, 9, 0, 9, 0, 9, 9];
        with_literals(&values, 3, vec![0, 1, 1], 0, |(grid, seed), enemies, mut literals| {
            assert_eq!(literals.len(), 2);
            shorten((grid, seed), &mut literals, [enemies, &vec![0; enemies.len()]], &mut vec![]);
            assert_eq!(literals.len(), 1);
            assert!(left(grid, enemies, &literals).iter().all(|word| *word == 0));
        });
    }

    proptest! {
        #[test]
        fn what_was_excluded_stays_excluded(
            values in prop::collection::vec(0u8..9, 8..240),
            n in 1usize..5,
            seed in 0usize..8,
        ) {
            let rows = values.len() / n;
            let labels = values.chunks_exact(n).map(|x| usize::from(x[0] * 5 + x[n - 1]) % 3).collect();
            with_literals(&values[..rows * n], n, labels, seed, |(grid, seed), enemies, mut literals| {
                let (before, open) = (literals.len(), left(grid, enemies, &literals));
                shorten((grid, seed), &mut literals, [enemies, &open], &mut vec![]);
                assert!(literals.len() <= before);
                assert!(left(grid, enemies, &literals).iter().zip(&open).all(|(left, open)| left & !open == 0));
            });
        }
    }
}
