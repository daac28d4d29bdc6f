//! Other networks that compute the same function.
//!
//! In real arithmetic the function is the same to the last bit: what is multiplied
//! is multiplied by powers of two, what is split is halved.

use indelible::{
    network::{Layer, LayerBuilder},
    number::random::Random,
};

use super::family::Family;

/// A layer by rows, which can be changed.
#[derive(Clone)]
struct Rows {
    inputs: usize,
    rows: Vec<(Vec<(usize, f64)>, f64)>,
}

impl Rows {
    fn of(layer: &Layer) -> Self {
        Self {
            inputs: layer.inputs(),
            rows: layer.rows().map(|row| (row.terms().collect(), row.bias)).collect(),
        }
    }

    fn identity(width: usize) -> Self {
        Self { inputs: width, rows: (0..width).map(|i| (vec![(i, 1.0)], 0.0)).collect() }
    }

    fn finish(mut self) -> Layer {
        let mut layer = LayerBuilder::new(self.inputs);
        for (terms, bias) in &mut self.rows {
            terms.sort_by_key(|(column, _)| *column);
            terms.iter().for_each(|(column, weight)| {
                layer.weight(*column, *weight);
            });
            layer.bias(*bias);
        }
        layer.finish()
    }

    /// Terms of every row, changed.
    fn map(&mut self, change: impl Fn(&[(usize, f64)]) -> Vec<(usize, f64)>) {
        self.rows.iter_mut().for_each(|(terms, _)| *terms = change(terms));
    }
}

/// The layers, disguised as a family has it; themselves for all others.
pub(super) fn disguised(family: Family, layers: &[Layer], random: &mut Random) -> Vec<Layer> {
    let mut rows: Vec<Rows> = layers.iter().map(Rows::of).collect();
    match family {
        Family::Identity => {
            let at = random.below(rows.len());
            identity(&mut rows, at);
        }
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
    let mut order: Vec<usize> = (0..width).collect();
    for i in (1..width).rev() {
        order.swap(i, random.below(i + 1));
    }
    let mut place = vec![0; width];
    order.iter().enumerate().for_each(|(new, old)| place[*old] = new);
    layer.rows = order.iter().map(|&old| layer.rows[old].clone()).collect();
    next.map(|terms| terms.iter().map(|(column, w)| (place[*column], *w)).collect());
}

/// Factors stay small, so that nothing overflows or becomes subnormal that did not
/// before; neurons for which that is not so are left alone.
fn rescaled(layer: &mut Rows, next: &mut Rows, random: &mut Random) {
    let safe = |w: f64| w == 0.0 || (1e-30..1e30).contains(&w.abs());
    let readable: Vec<bool> = (0..layer.rows.len())
        .map(|i| {
            next.rows
                .iter()
                .flat_map(|(terms, _)| terms)
                .filter(|(column, _)| *column == i)
                .all(|(_, w)| safe(*w))
        })
        .collect();
    let factors: Vec<f64> = (layer.rows.iter().zip(readable))
        .map(|((terms, bias), readable)| {
            let factor = random.of(&[0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0]);
            let fits = readable && safe(*bias) && terms.iter().all(|(_, w)| safe(*w));
            if fits { factor } else { 1.0 }
        })
        .collect();
    for ((terms, bias), factor) in layer.rows.iter_mut().zip(&factors) {
        terms.iter_mut().for_each(|(_, w)| *w *= factor);
        *bias *= factor;
    }
    next.map(|terms| terms.iter().map(|(column, w)| (*column, w / factors[*column])).collect());
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

/// A layer in front that changes nothing: `x = relu(x) − relu(−x)`, or behind a
/// ReLU what it gives.
fn identity(rows: &mut Vec<Rows>, at: usize) {
    let Some(layer) = rows.get_mut(at) else { return };
    let width = layer.inputs;
    let mut new = Rows::identity(width);
    if at == 0 {
        new.rows.extend((0..width).map(|i| (vec![(i, -1.0)], 0.0)));
        layer.inputs = 2 * width;
        layer.map(|terms| {
            terms.iter().flat_map(|(column, w)| [(*column, *w), (column + width, -w)]).collect()
        });
    }
    rows.insert(at, new);
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
    use crate::real_outputs;
    use indelible::{
        Precision,
        network::{Model, StoredNetwork},
    };

    /// The same numbers exactly, at points on and off the kinks.
    #[test]
    fn disguises_compute_the_same() {
        let (mut random, mut changed) = (Random::new(3), 0);
        for trial in 0..40 {
            let widths = [3, 4, 5, 2];
            let layers: Vec<Layer> = widths
                .windows(2)
                .map(|pair| {
                    let mut layer = LayerBuilder::new(pair[0]);
                    for _ in 0..pair[1] {
                        (0..pair[0]).for_each(|c| {
                            layer.weight(c, (random.below(17) as f64 - 8.0) / 4.0);
                        });
                        layer.bias((random.below(17) as f64 - 8.0) / 4.0);
                    }
                    layer.finish()
                })
                .collect();
            let model =
                |layers: Vec<Layer>| Model::Layers(StoredNetwork::new(Precision::F32, layers).unwrap());
            let plain = model(layers.clone());
            for family in [Family::Permuted, Family::Rescaled, Family::Split, Family::Identity, Family::Dead]
            {
                let other = model(disguised(family, &layers, &mut random));
                changed += usize::from(plain.size() != other.size());
                for _ in 0..10 {
                    let x: Vec<f64> = (0..3).map(|_| (random.below(65) as f64 - 32.0) / 8.0).collect();
                    assert_eq!(real_outputs(&plain, &x), real_outputs(&other, &x), "{family}, trial {trial}");
                }
            }
        }
        // Three of five disguises nearly always.
        assert!(changed > 100, "{changed}");
    }
}
