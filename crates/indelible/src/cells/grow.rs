//! Growing one cell around a seed.
//!
//! Literals are added one after the other, each the one that excludes most
//! enemies for the wanted balls that it loses, until no enemy is left. Counts
//! are taken on samples of both; whenever the sampled enemies have become few,
//! the whole sets are brought up to date and sampled anew. Then literals that
//! are not needed go, and single ones are exchanged for better ones.

use crate::{
    isa::{Isa, Loop},
    number::random::SplitMix,
};

use super::{
    balls::Balls,
    bits::{count_again, elements, has, keep, remove, sample, size, size_of_both},
    draft::Draft,
    grid::Grid,
    kernel::{Which, count},
    off_grid::separate,
    shorten::shorten,
};

/// Enemies and wanted balls that literals are counted on. On MNIST samples
/// between 256 and 2,048 give sizes within 2 % of each other.
const ENEMIES: usize = 512;
/// The same over directions, which have several times the thresholds.
const ENEMIES_OF_IMAGES: usize = 256;
const WANTED: usize = 256;
/// The sampled enemies shrink by this factor before they are drawn anew.
const SHRINK: usize = 16;
/// Enemies that a literal alone excludes, at most, for it to be exchanged.
const EXCHANGED: usize = 4096;
/// Enemies that literals are asked for first.
const ASKED: usize = 128;
/// Rounds of exchanges.
const ROUNDS: usize = 2;

/// What is to be grown.
#[derive(Clone, Copy)]
pub(super) struct Growth<'a> {
    pub balls: &'a Balls<'a>,
    pub grid: &'a Grid,
    /// Slot of the ball that the cell must hold.
    pub seed: usize,
    /// Slots that it must exclude.
    pub enemies: &'a [u64],
    /// Slots that it should hold.
    pub wanted: &'a [u64],
    /// How little a lost ball weighs: large values give the shortest cover.
    pub carelessness: f32,
}

/// Memory that growing needs, made once per thread.
pub(super) struct Scratch {
    isa: Isa,
    excluded: Counts,
    lost: Counts,
    left: Vec<u64>,
    inside: Vec<u64>,
    once: Vec<u64>,
    twice: Vec<u64>,
    enemies: Vec<u32>,
    wanted: Vec<u32>,
    /// `ln(k + 0.3)`.
    logarithms: Vec<f32>,
}

/// Per threshold how many balls of a list that shrinks [`count`] names.
struct Counts {
    which: Which,
    of_list: Vec<u16>,
    of_gone: Vec<u16>,
    gone: Vec<u32>,
}

impl Counts {
    fn new(which: Which, grid: &Grid) -> Self {
        let counts = vec![0; grid.matrix().width * 64];
        Self { which, of_list: counts.clone(), of_gone: counts, gone: vec![] }
    }

    /// Counts a list.
    fn take(&mut self, isa: Isa, growth: Growth<'_>, list: &[u32]) {
        if list.is_empty() {
            self.of_list.fill(0);
        } else {
            count(isa, growth.grid.matrix(), growth.seed, list, self.which, &mut self.of_list);
        }
    }

    /// Removes from a list that was counted what `keeps` does not keep. Of what
    /// is kept and what goes, the shorter is counted.
    fn retain(&mut self, isa: Isa, growth: Growth<'_>, list: &mut Vec<u32>, keeps: impl Fn(u32) -> bool) {
        self.gone.clear();
        list.retain(|&slot| {
            let kept = keeps(slot);
            if !kept {
                self.gone.push(slot);
            }
            kept
        });
        if self.gone.len() >= list.len() {
            self.take(isa, growth, list);
        } else if !self.gone.is_empty() {
            count(isa, growth.grid.matrix(), growth.seed, &self.gone, self.which, &mut self.of_gone);
            self.of_list.iter_mut().zip(&self.of_gone).for_each(|(count, gone)| *count -= gone);
        }
    }
}

impl Scratch {
    pub fn new(grid: &Grid) -> Self {
        Self {
            isa: Isa::best(),
            excluded: Counts::new(Which::Excluded, grid),
            lost: Counts::new(Which::Lost, grid),
            left: vec![0; grid.words()],
            inside: vec![],
            once: vec![0; grid.words()],
            twice: vec![0; grid.words()],
            enemies: vec![],
            wanted: vec![],
            logarithms: (0..=ENEMIES.max(WANTED)).map(|k| (k as f32 + 0.3).ln()).collect(),
        }
    }
}

/// A cell around the seed of `growth`; `None` when some enemy stays closer than
/// the grid's slack in every feature.
pub(super) fn grow(
    growth: Growth<'_>,
    exchange: bool,
    random: &mut SplitMix,
    scratch: &mut Scratch,
) -> Option<Draft> {
    scratch.isa.run(Grow { growth, exchange, random, scratch })
}

/// What [`grow`] does, with the vector instructions of this processor.
struct Grow<'a, 's> {
    growth: Growth<'a>,
    exchange: bool,
    random: &'s mut SplitMix,
    scratch: &'s mut Scratch,
}

impl Loop for Grow<'_, '_> {
    type Output = Option<Draft>;

    #[inline(always)]
    fn run(self) -> Option<Draft> {
        let Self { growth, exchange, random, scratch } = self;
        let Growth { balls, grid, seed, enemies, wanted, .. } = growth;
        let class = grid.class_of(seed);
        let words = grid.words_of(class);
        scratch.left.copy_from_slice(enemies);
        scratch.inside.clear();
        scratch.inside.extend_from_slice(&wanted[words.clone()]);
        let mut literals = add_literals(growth, random, scratch);
        let off_grid = if scratch.left.iter().all(|&word| word == 0) {
            vec![]
        } else {
            let left = elements(&scratch.left, 0).map(|slot| grid.sample(slot)).collect();
            separate(balls, grid.sample(seed), left, grid.slack)?
        };
        leave_out(growth, &mut literals, off_grid.len(), scratch);
        // Of MNIST in the sup norm the network would be 0.4 % larger.
        if !exchange && balls.spread.is_some() {
            let Scratch { left, enemies, .. } = &mut *scratch;
            shorten((grid, seed), &mut literals, [growth.enemies, left], enemies);
            leave_out(growth, &mut literals, off_grid.len(), scratch);
        }
        if exchange && off_grid.is_empty() {
            for _ in 0..ROUNDS {
                if !exchange_literals(growth, &mut literals, random, scratch) {
                    break;
                }
            }
        }
        let mut candidate = Draft { class, seed, literals, off_grid, slack: grid.slack, covered: 0 };
        candidate.count(balls, grid, wanted);
        Some(candidate)
    }
}

/// Adds literals until no enemy is left, or none that the grid can exclude.
/// `scratch.left` and `scratch.inside` follow.
#[inline(always)]
fn add_literals(growth: Growth<'_>, random: &mut SplitMix, scratch: &mut Scratch) -> Vec<u32> {
    let Growth { grid, seed, .. } = growth;
    let words = grid.words_of(grid.class_of(seed));
    let mut literals: Vec<u32> = Vec::new();
    let most = if growth.balls.spread.is_some() { ENEMIES_OF_IMAGES } else { ENEMIES };
    loop {
        let total = sample(&scratch.left, 0, most, random.unit(), &mut scratch.enemies);
        if total == 0 {
            return literals;
        }
        sample(&scratch.inside, words.start, WANTED, random.unit(), &mut scratch.wanted);
        let whole = scratch.enemies.len() == total;
        let (start, before) = (scratch.enemies.len(), literals.len());
        let mut stuck = false;
        take_counts(growth, scratch);
        while !scratch.enemies.is_empty() {
            let Some(threshold) = best_threshold(growth, scratch) else {
                stuck = whole || literals.len() == before;
                break;
            };
            let literal = grid.literal(seed, threshold);
            literals.push(literal);
            let (excluded, inside) = (grid.excluded(literal), grid.inside(literal));
            let Scratch { isa, enemies, wanted, .. } = scratch;
            scratch.excluded.retain(*isa, growth, enemies, |slot| !has(excluded, slot as usize));
            if scratch.enemies.is_empty() || !whole && scratch.enemies.len() * SHRINK < start {
                break;
            }
            scratch.lost.retain(*isa, growth, wanted, |slot| has(inside, slot as usize));
        }
        for &literal in &literals[before..] {
            remove(&mut scratch.left, grid.excluded(literal));
            keep(&mut scratch.inside, &grid.inside(literal)[words.clone()]);
        }
        if stuck {
            return literals;
        }
    }
}

/// Counts, for every threshold, sampled enemies excluded and wanted balls lost.
#[inline(always)]
fn take_counts(growth: Growth<'_>, scratch: &mut Scratch) {
    scratch.excluded.take(scratch.isa, growth, &scratch.enemies);
    scratch.lost.take(scratch.isa, growth, &scratch.wanted);
}

/// The threshold that shrinks the sampled enemies most, in logarithms, per
/// shrinking of the sampled wanted balls; the first of equally good ones.
#[inline(always)]
fn best_threshold(growth: Growth<'_>, scratch: &Scratch) -> Option<usize> {
    let (enemies, wanted) = (scratch.enemies.len(), scratch.wanted.len());
    let logarithms = &scratch.logarithms;
    let shrunk = |size: usize| logarithms[..=size].iter().rev().map(move |left| logarithms[size] - left);
    let won: Vec<f32> = shrunk(enemies).collect();
    let paid: Vec<f32> = shrunk(wanted).map(|paid| paid + growth.carelessness).collect();
    let mut best = None;
    // A literal that excludes nothing wins 0.
    let mut most = 0.0;
    let counts = scratch.excluded.of_list.iter().zip(&scratch.lost.of_list).take(growth.grid.thresholds());
    for (threshold, (&excluded, &lost)) in counts.enumerate() {
        let score = won[usize::from(excluded)] / paid[usize::from(lost)];
        if score > most {
            (most, best) = (score, Some(threshold));
        }
    }
    best
}

/// Drops, one after the other, a literal without which all enemies are still
/// excluded, first the one that loses most wanted balls.
#[inline(always)]
fn leave_out(growth: Growth<'_>, literals: &mut Vec<u32>, off_grid: usize, scratch: &mut Scratch) {
    let Growth { grid, seed, enemies, wanted, .. } = growth;
    let words = grid.words_of(grid.class_of(seed));
    while literals.len() + off_grid > 1 {
        scratch.once.fill(0);
        scratch.twice.fill(0);
        for &literal in &*literals {
            count_again(grid.excluded(literal), &mut scratch.once, &mut scratch.twice);
        }
        let alone = |literal: u32| {
            (grid.excluded(literal).iter().zip(&scratch.twice).zip(enemies).zip(&scratch.left))
                .any(|(((excluded, twice), enemies), left)| excluded & !twice & enemies & !left != 0)
        };
        let keeps = |literal: u32| size_of_both(&grid.inside(literal)[words.clone()], &wanted[words.clone()]);
        let worst = (0..literals.len())
            .filter(|&position| !alone(literals[position]))
            .min_by_key(|&position| (keeps(literals[position]), position));
        match worst {
            Some(position) => literals.remove(position),
            None => return,
        };
    }
}

/// Exchanges single literals for others that exclude what only they exclude
/// and keep more wanted balls. Returns whether anything changed.
#[inline(always)]
fn exchange_literals(
    growth: Growth<'_>,
    literals: &mut Vec<u32>,
    random: &mut SplitMix,
    scratch: &mut Scratch,
) -> bool {
    let Growth { grid, seed, enemies, wanted, .. } = growth;
    let words = grid.words_of(grid.class_of(seed));
    let mut changed = false;
    let mut position = 0;
    while position < literals.len() {
        scratch.once.copy_from_slice(enemies);
        scratch.inside.clear();
        scratch.inside.extend_from_slice(&wanted[words.clone()]);
        for (_, &literal) in literals.iter().enumerate().filter(|(other, _)| *other != position) {
            remove(&mut scratch.once, grid.excluded(literal));
            keep(&mut scratch.inside, &grid.inside(literal)[words.clone()]);
        }
        let alone = size(&scratch.once);
        if alone == 0 && literals.len() > 1 {
            literals.remove(position);
            changed = true;
            continue;
        }
        let start = random.unit();
        if (1..=EXCHANGED).contains(&alone)
            && let Some(literal) = better(growth, literals[position], start, scratch)
        {
            literals[position] = literal;
            changed = true;
        }
        position += 1;
    }
    changed
}

/// The literal that excludes all of `scratch.once`, as `literal` does, and loses
/// fewest of a sample of `scratch.inside`, if it keeps more of these than `literal`.
/// Those that exclude a few of the enemies are asked for all of them.
#[inline(always)]
fn better(growth: Growth<'_>, literal: u32, start: f64, scratch: &mut Scratch) -> Option<u32> {
    let Growth { grid, seed, .. } = growth;
    let words = grid.words_of(grid.class_of(seed));
    let kept = |literal: u32, inside: &[u64]| size_of_both(&grid.inside(literal)[words.clone()], inside);
    let now = kept(literal, &scratch.inside);
    let most = sample(&scratch.inside, words.start, WANTED, start, &mut scratch.wanted);
    if now >= most {
        return None;
    }
    sample(&scratch.once, 0, ASKED, 0.5, &mut scratch.enemies);
    scratch.excluded.take(scratch.isa, growth, &scratch.enemies);
    let all = scratch.enemies.len();
    let excludes = |t: &usize| usize::from(scratch.excluded.of_list[*t]) == all;
    let mut promising: Vec<usize> = (0..grid.thresholds()).filter(excludes).collect();
    if promising.iter().all(|&t| grid.literal(seed, t) == literal) {
        return None;
    }
    scratch.lost.take(scratch.isa, growth, &scratch.wanted);
    promising.sort_by_key(|&t| (scratch.lost.of_list[t], t));
    let once = &scratch.once;
    let best = promising.into_iter().map(|t| grid.literal(seed, t)).find(|&literal| {
        grid.excluded(literal).iter().zip(once).all(|(excluded, enemies)| enemies & !excluded == 0)
    });
    best.filter(|&literal| kept(literal, &scratch.inside) > now)
}
