//! Networks that take cuts and labels out of the digits of large numbers.
//!
//! The K runs stand in groups of g neighbours; the last group is filled up with
//! cuts beyond every place. A group has two numbers: `u`, its cuts but for the
//! first, κ digits each, and `w`, its g labels, c digits each, first ones in
//! front.
//!
//! 1. The place `t` (neuron `x` throughout).
//! 2. For the first cut `S_j` of every group but the first, `relu(t − S_j + 1)`
//!    and `relu(t − S_j)`, whose difference is 0 before and 1 behind it.
//! 3. `u` and `w` of the group in which `t` lies: those of the first group, and
//!    for every step the difference of two neighbouring ones.
//! 4. c layers take the first label off `w`.
//! 5. For every further run of the group κ layers take its cut `s` off `u` and
//!    its label `l` off `w`, a digit each: of a number `z < 2^{r+1}` the digit is
//!    `relu(z − 2^r + 1) − relu(z − 2^r)`, and what remains is
//!    `z − 2^r digit`. The cut itself is not put together: the number before, less
//!    the one behind, is `2^rest s`. Two more layers choose:
//!
//! ```text
//! y ← relu(l − 2^c relu(2^rest (s − t))) + relu(y − 2^c relu(2^rest (t − s + 1)))
//! ```
//!
//! The first term is `l` where `t ≥ s` and 0 where `t ≤ s − 1`, the second
//! `y` where `t ≤ s − 1` and 0 where `t ≥ s`.

use dashu_int::IBig;

use crate::{
    Cuts, ExactNetwork,
    builder::{Builder, Sum},
    digits::Digits,
    number::power,
    plan::{OverCuts, Shape},
};

/// Bit extraction of these runs, in groups of as many as `group` says.
pub(crate) fn over(cuts: Cuts, group: fn(&Cuts) -> usize) -> Box<dyn Shape> {
    Box::new(OverCuts { cuts, group: Some(group), build, parameters, depth })
}

/// Digits of a cut as the words hold them: more than those of a label, so that a
/// label is taken off while its cut is.
fn digits(cuts: &Cuts) -> usize {
    cuts.key_bits.max(cuts.label_bits() + 1)
}

/// Nonzero weights and biases with groups of `g`.
///
/// Neighbouring groups with the same labels one by one save two weights each.
pub(crate) fn parameters(cuts: &Cuts, g: usize) -> usize {
    let (n, groups) = (cuts.front(), cuts.runs().div_ceil(g));
    let (kappa, c) = (digits(cuts), cuts.label_bits());
    let count = match g {
        1 => n + 6 * groups - 3,
        2 => n + 8 * groups + 15 * kappa + 16 * c + 2,
        _ => n + 8 * groups + (g - 2) * (16 * kappa + 12 * c + 13) + 15 * kappa + 16 * c + 6,
    };
    let labels = padded_labels(cuts, g);
    let repeats = labels.chunks(g).zip(labels.chunks(g).skip(1)).filter(|(a, b)| a == b).count();
    // The first word is a bias, and the only one that may be 0.
    let empty = usize::from(g == 1 && labels[0] == 0);
    count - 2 * repeats - empty
}

/// Affine layers with groups of `g`.
pub(crate) fn depth(cuts: &Cuts, g: usize) -> usize {
    let behind = match g {
        1 => 4,
        _ => 4 + cuts.label_bits() + (g - 1) * (digits(cuts) + 2),
    };
    cuts.front_layers() + behind
}

/// The labels of all groups: the last is filled up with its last label.
fn padded_labels(cuts: &Cuts, g: usize) -> Vec<usize> {
    let mut labels = cuts.labels.clone();
    let last = labels.last().copied().unwrap_or(1);
    labels.resize(cuts.runs().div_ceil(g) * g, last);
    labels
}

/// Digits put behind each other, each part `digits` long.
fn word<'a>(parts: impl Iterator<Item = &'a IBig>, digits: usize) -> IBig {
    parts.fold(IBig::ZERO, |word, part| (word << digits) + part)
}

/// The numbers `u` and `w` of every group, and the first cuts of all but the
/// first.
struct Words {
    cuts: Vec<IBig>,
    labels: Vec<IBig>,
    first: Vec<IBig>,
}

fn words(cuts: &Cuts, g: usize) -> Words {
    let labels: Vec<IBig> = padded_labels(cuts, g).into_iter().map(IBig::from).collect();
    // Run 0 has no cut before it.
    let mut all = vec![IBig::ZERO];
    all.extend(cuts.cuts.iter().cloned());
    all.resize(labels.len(), cuts.beyond());
    let (kappa, c) = (digits(cuts), cuts.label_bits());
    Words {
        cuts: all.chunks(g).map(|group| word(group[1..].iter(), kappa)).collect(),
        labels: labels.chunks(g).map(|group| word(group.iter(), c)).collect(),
        first: all.chunks(g).skip(1).map(|group| group[0].clone()).collect(),
    }
}

/// The network with groups of `g` runs, `1 ≤ g ≤ K`.
pub(crate) fn build(cuts: &Cuts, g: usize) -> ExactNetwork {
    let mut network = cuts.begin();
    let label = decode(&mut network, cuts, g);
    network.finish(label)
}

/// The label of the key, which is neuron 0 of the layer that was closed last.
pub(crate) fn decode(network: &mut Builder, cuts: &Cuts, g: usize) -> Sum {
    let mut x = Sum::of(0);
    let [u, w] = gather(network, &mut x, &words(cuts, g), g > 1);
    if g == 1 {
        return w;
    }
    let (kappa, c) = (digits(cuts), cuts.label_bits());
    let (mut u, mut w) = (Digits::of(u, (g - 1) * kappa), Digits::of(w, g * c));
    for _ in 0..c {
        network.pass(&mut x);
        network.pass(&mut u.rest);
        w.step(network, true);
        network.close();
    }
    let mut y = w.taken.take().unwrap_or_default();
    for run in 1..g {
        let is_last = run + 1 == g;
        let before = take_cut_and_label(network, &mut x, &mut y, [&mut u, &mut w], kappa, c);
        y = choose(network, &mut x, &y, &before, [&mut u, &mut w], c, is_last);
    }
    y
}

/// Steps 2 and 3: the two numbers of the group; without `u` where it has no digit.
fn gather(network: &mut Builder, x: &mut Sum, words: &Words, has_cuts: bool) -> [Sum; 2] {
    let place = std::mem::take(x);
    if has_cuts {
        *x = Sum::of(network.push(place.clone()));
    }
    let mut steps = vec![];
    for first in &words.first {
        let above = network.push(place.clone().and(&(IBig::ONE - first)));
        let over = network.push(place.clone().and(&-first));
        steps.push(Sum::of(above).plus(&-IBig::ONE, &Sum::of(over)));
    }
    network.close();
    let sum = |numbers: &[IBig]| {
        let first = Sum::number(numbers.first().cloned().unwrap_or_default());
        let differences = numbers.windows(2).map(|pair| &pair[1] - &pair[0]);
        differences.zip(&steps).fold(first, |sum, (difference, step)| sum.plus(&difference, step))
    };
    if has_cuts {
        network.pass(x);
    }
    let u = if has_cuts { Sum::of(network.push(sum(&words.cuts))) } else { Sum::default() };
    let w = Sum::of(network.push(sum(&words.labels)));
    network.close();
    [u, w]
}

/// κ layers: a cut leaves `u`, and a label leaves `w` unless it is the only one
/// in it. Gives what `u` was before.
fn take_cut_and_label(
    network: &mut Builder,
    x: &mut Sum,
    y: &mut Sum,
    [u, w]: [&mut Digits; 2],
    kappa: usize,
    c: usize,
) -> Sum {
    let takes_label = w.left > c;
    w.taken = None;
    let mut before: Option<Sum> = None;
    for digit in 0..kappa {
        network.pass(x);
        network.pass(y);
        if let Some(before) = &mut before {
            network.pass(before);
        }
        let rest = u.step(network, false);
        if before.is_none() {
            before = Some(Sum::of(rest));
        }
        if takes_label && digit < c {
            w.step(network, true);
        } else {
            network.pass(&mut w.rest);
            if let Some(label) = &mut w.taken {
                network.pass(label);
            }
        }
        network.close();
    }
    if !takes_label {
        w.taken = Some(std::mem::take(&mut w.rest));
    }
    before.unwrap_or_default()
}

/// Two layers: the label just taken where the place lies behind the cut just
/// taken, else the label so far.
fn choose(
    network: &mut Builder,
    x: &mut Sum,
    y: &Sum,
    before: &Sum,
    [u, w]: [&mut Digits; 2],
    c: usize,
    is_last: bool,
) -> Sum {
    let (unit, minus) = (power(u.left), -IBig::ONE);
    let place = x.clone();
    let cut = before.clone().plus(&minus, &u.rest);
    let ahead = network.push(cut.clone().plus(&-&unit, &place));
    let behind = network.push(Sum::number(unit.clone()).plus(&unit, &place).plus(&minus, &cut));
    let label = network.push(w.taken.take().unwrap_or_default());
    let so_far = network.push(y.clone());
    let mut carry = |network: &mut Builder| {
        if !is_last {
            network.pass(x);
            network.pass(&mut u.rest);
            network.pass(&mut w.rest);
        }
        network.close();
    };
    carry(network);
    let closing = -power(c);
    let new = network.push(Sum::of(label).plus(&closing, &Sum::of(ahead)));
    let old = network.push(Sum::of(so_far).plus(&closing, &Sum::of(behind)));
    carry(network);
    Sum::of(new).plus(&IBig::ONE, &Sum::of(old))
}
