//! Other networks that compute the same function.
//!
//! In real arithmetic the function is the same to the last bit: what is multiplied
//! is multiplied by powers of two, what is split is halved.

use indelible::{Precision, network::Layer, number::random::Random};
use indelible_io::onnx::ResidualBlock;

use super::family::Family;
use crate::rows::{Rows, identity};

/// The layers, disguised as a family has it; themselves for all others.
pub(super) fn disguised(family: Family, layers: &[Layer], random: &mut Random) -> Vec<Layer> {
    let mut rows = Rows::all(layers);
    match family {
        Family::Identity => {
            let at = random.below(rows.len());
            identity(&mut rows, at);
        }
        Family::Mixed => mixed(&mut rows, random),
        Family::Permuted | Family::Rescaled | Family::Split | Family::Dead => {
            for at in 1..rows.len() {
                let (before, after) = rows.split_at_mut(at);
                let Some((layer, next)) = before.last_mut().zip(after.first_mut()) else { break };
                match family {
                    Family::Permuted => permuted(layer, next, random),
                    Family::Rescaled => rescaled(layer, next, random),
                    Family::Split => split(layer, next, random),
                    _ => dead(layer, next, at == 1, random),
                }
            }
        }
        _ => {}
    }
    rows.into_iter().map(Rows::finish).collect()
}

fn permuted(layer: &mut Rows, next: &mut Rows, random: &mut Random) {
    let width = layer.rows.len();
    let order = shuffled(width, random);
    let mut place = vec![0; width];
    order.iter().enumerate().for_each(|(new, old)| place[*old] = new);
    layer.rows = order.iter().map(|&old| layer.rows[old].clone()).collect();
    next.map(|terms| terms.iter().map(|(column, w)| (place[*column], *w)).collect());
}

/// The numbers below `count`, in some order.
fn shuffled(count: usize, random: &mut Random) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    for i in (1..count).rev() {
        order.swap(i, random.below(i + 1));
    }
    order
}

/// A weight that is far from where the format ends.
fn is_usual(w: f64) -> bool {
    w == 0.0 || (1e-30..1e30).contains(&w.abs())
}

/// For each neuron whether what reads it is far from where the format ends.
fn usual_readers(next: &Rows) -> Vec<bool> {
    let mut usual = vec![true; next.inputs];
    for (column, w) in next.rows.iter().flat_map(|(terms, _)| terms) {
        if let Some(usual) = usual.get_mut(*column) {
            *usual &= is_usual(*w);
        }
    }
    usual
}

/// Factors stay small, so that nothing overflows or becomes subnormal that did not
/// before; neurons for which that is not so are left alone.
fn rescaled(layer: &mut Rows, next: &mut Rows, random: &mut Random) {
    let factors: Vec<f64> = (layer.rows.iter().zip(usual_readers(next)))
        .map(|((terms, bias), readable)| {
            let factor = random.of(&[0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0]);
            let fits = readable && is_usual(*bias) && terms.iter().all(|(_, w)| is_usual(*w));
            if fits { factor } else { 1.0 }
        })
        .collect();
    for ((terms, bias), factor) in layer.rows.iter_mut().zip(&factors) {
        terms.iter_mut().for_each(|(_, w)| *w *= factor);
        *bias *= factor;
    }
    next.map(|terms| terms.iter().map(|(column, w)| (*column, w / factors[*column])).collect());
}

/// Behind every hidden layer a block `h ↦ h + V relu(U h)` that multiplies each neuron by
/// a power of two, with what reads it divided: `U` puts them in another order, `V` in the
/// first one again, times 1, 3 or −1/2.
pub(super) fn residual(layers: &[Layer], random: &mut Random) -> (Vec<Layer>, Vec<Option<ResidualBlock>>) {
    let mut rows = Rows::all(layers);
    let mut blocks = vec![];
    for at in 1..rows.len() {
        let (before, after) = rows.split_at_mut(at);
        let Some((layer, next)) = before.last_mut().zip(after.first_mut()) else { break };
        let width = layer.rows.len();
        let order = shuffled(width, random);
        let mut inner = Rows::identity(width);
        inner.map(|terms| terms.iter().map(|(column, w)| (order[*column], *w)).collect());
        let mut outer = Rows { inputs: width, rows: vec![(vec![], 0.0); width] };
        let mut factors = vec![1.0; width];
        let usual = usual_readers(next);
        for (place, &neuron) in order.iter().enumerate() {
            let added = random.of(&[1.0, 3.0, -0.5]);
            if usual[neuron] {
                outer.rows[neuron].0.push((place, added));
                factors[neuron] = 1.0 + added;
            }
        }
        next.map(|terms| terms.iter().map(|(column, w)| (*column, w / factors[*column])).collect());
        blocks.push(Some(ResidualBlock { inner: inner.finish(), outer: outer.finish() }));
    }
    (rows.into_iter().map(Rows::finish).collect(), blocks)
}

/// Partners that are tried for an input that is to be mixed.
const PARTNERS: usize = 16;

/// A layer in front that turns pairs of inputs into their sums and differences, twice
/// what an orthogonal map gives, and weights that undo that. Pairs are mixed where the
/// weights stay exact.
fn mixed(rows: &mut Vec<Rows>, random: &mut Random) {
    let Some(layer) = rows.first_mut() else { return };
    let inputs = layer.inputs;
    let mut columns = vec![vec![0.0; layer.rows.len()]; inputs];
    for (row, (terms, _)) in layer.rows.iter().enumerate() {
        terms.iter().for_each(|(column, w)| columns[*column][row] = *w);
    }
    let mut front = Rows::identity(inputs);
    let mut open = shuffled(inputs, random);
    while let Some(i) = open.pop() {
        let mut partners = (0..open.len()).rev().take(PARTNERS);
        let Some(at) = partners.find(|&at| is_mixable(&columns[i], &columns[open[at]])) else { continue };
        let j = open.swap_remove(at);
        front.rows[i].0 = vec![(i, 1.0), (j, 1.0)];
        front.rows[j].0 = vec![(i, 1.0), (j, -1.0)];
        let (a, b) = (std::mem::take(&mut columns[i]), std::mem::take(&mut columns[j]));
        columns[i] = a.iter().zip(&b).map(|(a, b)| (a + b) / 2.0).collect();
        columns[j] = a.iter().zip(&b).map(|(a, b)| (a - b) / 2.0).collect();
    }
    for (row, (terms, _)) in layer.rows.iter_mut().enumerate() {
        *terms = columns.iter().map(|column| column[row]).enumerate().filter(|(_, w)| *w != 0.0).collect();
    }
    layer.of_difference();
    rows.insert(0, front.with_negative());
}

/// Whether half the sums and half the differences of weights are exact, and some weight
/// is not 0.
fn is_mixable(a: &[f64], b: &[f64]) -> bool {
    let exact = |(a, b): (&f64, &f64)| {
        let (sum, difference) = (a + b, a - b);
        let is_exact = sum - a == *b && sum - b == *a && a - difference == *b && difference + b == *a;
        is_exact && [sum / 2.0, difference / 2.0].iter().all(|w| is_usual(*w) && Precision::F32.holds(*w))
    };
    a.iter().chain(b).any(|w| *w != 0.0) && a.iter().zip(b).all(exact)
}

fn split(layer: &mut Rows, next: &mut Rows, random: &mut Random) {
    let width = layer.rows.len();
    let mut copy = vec![None; width];
    for (i, copy) in copy.iter_mut().enumerate() {
        if random.coin() {
            *copy = Some(layer.rows.len());
            layer.rows.push(layer.rows[i].clone());
        }
    }
    next.inputs = layer.rows.len();
    next.map(|terms| {
        let shared = terms.iter().flat_map(|(column, w)| match copy[*column] {
            // Half of a number that is not subnormal is exact.
            Some(copy) if w.abs() > 1e-30 => vec![(*column, w / 2.0), (copy, w / 2.0)],
            _ => vec![(*column, *w)],
        });
        shared.collect()
    });
}

/// Neurons that are 0 everywhere behind a ReLU, and on all data of a usual size in
/// the first layer.
fn dead(layer: &mut Rows, next: &mut Rows, is_first: bool, random: &mut Random) {
    let width = layer.rows.len();
    let count = 1 + width / 4;
    for _ in 0..count {
        let terms = (0..layer.inputs).map(|column| {
            let size = (1 + random.below(8)) as f64 / 8.0;
            (column, if is_first && random.coin() { size } else { -size })
        });
        let terms = terms.collect();
        layer.rows.push((terms, if is_first { -65_536.0 } else { -1.0 }));
    }
    next.inputs = layer.rows.len();
    for (terms, _) in &mut next.rows {
        terms.extend((width..width + count).map(|column| (column, (random.below(33) as f64 - 16.0) / 4.0)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        real_outputs,
        rows::{Ending, together},
    };
    use bytes::Bytes;
    use indelible::network::{LayerBuilder, Model, StoredNetwork};
    use indelible_io::onnx::{Metadata, read, write_convolutions, write_residual};

    fn random_layers(widths: &[usize], random: &mut Random) -> Vec<Layer> {
        let mut layers = vec![];
        for pair in widths.windows(2) {
            let mut layer = LayerBuilder::new(pair[0]);
            for _ in 0..pair[1] {
                (0..pair[0]).for_each(|c| {
                    layer.weight(c, (random.below(17) as f64 - 8.0) / 4.0);
                });
                layer.bias((random.below(17) as f64 - 8.0) / 4.0);
            }
            layers.push(layer.finish());
        }
        layers
    }

    fn model(layers: Vec<Layer>) -> Model {
        Model::Layers(StoredNetwork::new(Precision::F32, layers).unwrap())
    }

    fn point(random: &mut Random) -> Vec<f64> {
        (0..3).map(|_| (random.below(65) as f64 - 32.0) / 8.0).collect()
    }

    /// The same numbers exactly, at points on and off the kinks.
    #[test]
    fn disguises_compute_the_same() {
        let (mut random, mut changed) = (Random::new(3), 0);
        for trial in 0..40 {
            let layers = random_layers(&[3, 4, 5, 2], &mut random);
            let plain = model(layers.clone());
            let families = [
                Family::Permuted,
                Family::Rescaled,
                Family::Split,
                Family::Identity,
                Family::Dead,
                Family::Mixed,
            ];
            for family in families {
                let other = model(disguised(family, &layers, &mut random));
                changed += usize::from(plain.size() != other.size());
                for _ in 0..10 {
                    let x = point(&mut random);
                    assert_eq!(real_outputs(&plain, &x), real_outputs(&other, &x), "{family}, trial {trial}");
                }
            }
        }
        // Four of six disguises nearly always.
        assert!(changed > 140, "{changed}");
    }

    /// Files with other operators, too.
    #[test]
    fn other_operators_compute_the_same() {
        let mut random = Random::new(7);
        for trial in 0..20 {
            let layers = random_layers([&[3, 4, 5, 2][..], &[3, 2], &[3, 6, 2]][trial % 3], &mut random);
            let network = StoredNetwork::new(Precision::F32, layers.clone()).unwrap();
            let (mut convolutions, mut blocks) = (vec![], vec![]);
            write_convolutions(&network, &Metadata::default(), &mut convolutions).unwrap();
            let (changed, inserted) = residual(&layers, &mut random);
            let changed = StoredNetwork::new(Precision::F32, changed).unwrap();
            write_residual(&changed, &inserted, &Metadata::default(), &mut blocks).unwrap();
            let plain = model(layers);
            for file in [convolutions, blocks] {
                let other = read(Bytes::from(file)).unwrap().model;
                for _ in 0..10 {
                    let x = point(&mut random);
                    assert_eq!(real_outputs(&plain, &x), real_outputs(&other, &x), "trial {trial}");
                }
            }
        }
    }

    /// Two networks of any depths side by side.
    #[test]
    fn networks_together_compute_what_each_does() {
        let mut random = Random::new(11);
        for trial in 0..20 {
            let widths: [&[usize]; 4] = [&[3, 2], &[3, 4, 2], &[3, 4, 5, 2], &[3, 1, 2]];
            let a = random_layers(widths[random.below(4)], &mut random);
            let b = random_layers(widths[random.below(4)], &mut random);
            let both = model(together(&a, &b, Ending::Both));
            let sum = model(together(&a, &b, Ending::Sum(4.0)));
            let (a, b) = (model(a), model(b));
            for _ in 0..10 {
                let x = point(&mut random);
                let (a, b) = (a.evaluate(&x).unwrap(), b.evaluate(&x).unwrap());
                assert_eq!(both.evaluate(&x).unwrap(), [a.clone(), b.clone()].concat(), "trial {trial}");
                let expected: Vec<f64> = a.iter().zip(&b).map(|(a, b)| 4.0 * a + b).collect();
                assert_eq!(sum.evaluate(&x).unwrap(), expected, "trial {trial}");
            }
        }
    }
}
