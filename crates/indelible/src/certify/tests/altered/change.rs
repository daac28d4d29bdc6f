//! Random data, and numbers of a stored form put in place of others.

use crate::{
    Dataset, Features, Precision,
    network::{
        Cell, CellNetwork, Clipping, Layer, LayerBuilder, MaxAffine, Measure, Model, NetworkForm, Pool,
        PowerCurve, Projected, Prototypes, Row, StoredNetwork,
    },
    number::random::Random,
};

/// Random samples, on a grid half of the time so that ties and shared values
/// occur, at several scales.
pub(super) fn random_data(random: &mut Random) -> Dataset {
    let samples = 2 + random.below(6);
    let most = random.of(&[4, 4, 4, 14]);
    let n = 1 + random.below(most);
    let scale = random.of(&[1.0, 1.0, 1.0, 0.25, 1e-3, 2f64.powi(-140), 2f64.powi(-72), 1e-30, 1e18, 1e30]);
    let shift = random.of(&[0.0, 0.0, -4.0, 1000.0, 16_777_210.0]);
    let grid = random.below(2) == 0;
    let coordinate = |random: &mut Random| {
        let value = if grid { random.below(9) as f64 } else { 8.0 * random.unit() };
        let value = scale * (value + shift);
        if random.below(2) == 0 { f64::from(value as f32) } else { value }
    };
    let values: Vec<f64> = (0..samples * n).map(|_| coordinate(random)).collect();
    let classes = 2 + random.below(2);
    let labels = (0..samples).map(|_| random.below(classes)).collect();
    let names = (0..classes).map(|c| c.to_string()).collect();
    let features = if random.below(4) == 0 {
        Features::integer_codes((0..samples * n).map(|_| random.below(6) as u8).collect::<Vec<_>>().into())
    } else {
        Features::F64(values.into())
    };
    Dataset::new(features, n, labels, names).unwrap()
}

/// Another number in place of `value`.
fn changed(random: &mut Random, value: f64, precision: Precision) -> f64 {
    let largest = precision.largest();
    let tiny = precision.smallest_subnormal();
    let other = match random.below(8) {
        0 => value * random.of(&[-1.0, 0.0, 0.5, 0.9, 0.999, 1.001, 1.1, 2.0, 1e3, 1e-3]),
        1 | 2 => return (0..random.of(&[1, 2, 5, 40])).fold(value, |v, _| precision.next_up(v)),
        3 | 4 => return -(0..random.of(&[1, 2, 5, 40])).fold(-value, |v, _| precision.next_up(v)),
        5 => value + random.of(&[-1.0, 1.0, 1e-6, -1e-6, 0.25]),
        6 => random.of(&[0.0, -0.0, 1.0, tiny, -tiny, 8.0 * tiny]),
        _ => random.of(&[largest, -largest, largest / 3.0, f64::INFINITY, f64::NAN, 1e30]),
    };
    precision.round(other)
}

fn change_rows(random: &mut Random, rows: &Features, precision: Precision) -> Features {
    let mut values: Vec<f64> = (0..rows.len()).map(|at| rows.at(at)).collect();
    let at = random.below(values.len());
    values[at] = match random.below(3) {
        0 => values[random.below(values.len())],
        _ => changed(random, values[at], precision),
    };
    match precision {
        Precision::F32 => Features::F32(values.iter().map(|v| *v as f32).collect::<Vec<_>>().into()),
        Precision::F64 => Features::F64(values.into()),
    }
}

fn change_layer(random: &mut Random, layer: &Layer, precision: Precision) -> Layer {
    let row_of = random.below(layer.outputs());
    let column = random.below(layer.inputs() + 1);
    let mut other = LayerBuilder::new(layer.inputs());
    for (index, row) in layer.rows().enumerate() {
        let mut bias = row.bias;
        for (&c, &w) in row.columns.iter().zip(row.weights) {
            let here = index == row_of && c == column;
            other.weight(c, if here { changed(random, w, precision) } else { w });
        }
        if index == row_of && column == layer.inputs() {
            bias = changed(random, bias, precision);
        }
        other.bias(bias);
    }
    other.finish()
}

/// The same for directions in front of maxima of scores.
pub(super) fn change_projected(random: &mut Random, projected: &Projected) -> Option<Projected> {
    let (mut directions, mut inner) = (projected.directions().to_vec(), projected.inner().clone());
    if random.below(2) == 0 {
        let at = random.below(directions.len());
        directions[at] = change_layer(random, &directions[at], inner.precision());
    } else if let Model::MaxAffine(scores) = &inner {
        inner = Model::MaxAffine(change_max_affine(random, scores)?);
    }
    Projected::new(directions, inner).ok()
}

/// `None` where the change leaves no network of the form.
pub(super) fn change_prototypes(random: &mut Random, prototypes: Prototypes) -> Option<Prototypes> {
    let count = prototypes.accumulator_count();
    let mut parts = prototypes.into_parts();
    let (precision, step) = (parts.precision, random.below(parts.tops.len()));
    match random.below(11) {
        0 => parts.radii[step] = changed(random, parts.radii[step], precision),
        1 => parts.tops[step] = changed(random, parts.tops[step], precision),
        2 => parts.scales[step] = changed(random, parts.scales[step], precision),
        3 => parts.centers = change_rows(random, &parts.centers, precision),
        4 => parts.accumulators[step] = random.below(count),
        5 => parts.pool = random.of(&[Pool::Max, Pool::Raise, Pool::Sum]),
        6 => change_measure(random, &mut parts.measure, precision),
        7 => {
            let at = random.below(parts.head.len());
            parts.head[at] = change_layer(random, &parts.head[at], precision);
        }
        8 => {
            let at = random.below(parts.features);
            if let Clipping::All(minima) = &mut parts.clipping {
                minima[at] = changed(random, minima[at], precision);
            }
        }
        9 => {
            parts.clipping = match parts.clipping {
                Clipping::All(minima) if random.below(2) == 0 => Clipping::AllButFirst(minima),
                _ => Clipping::None,
            };
        }
        _ => {
            let all = random.of(&[0.0, 0.5, 0.9, 0.99, 1.01, 2.0]);
            for scale in &mut parts.scales {
                *scale = precision.round(*scale * all);
            }
        }
    }
    Prototypes::new(parts).ok()
}

fn change_measure(random: &mut Random, measure: &mut Measure, precision: Precision) {
    let positive = |random: &mut Random, v: f64| changed(random, v, precision).abs();
    match measure {
        Measure::Power(PowerCurve::Hinges { knots, weights }) => {
            let (at, other) = (random.below(knots.len()), random.below(knots.len()));
            match random.below(5) {
                0 => knots[at] = positive(random, knots[at]),
                1 => weights[at] = positive(random, weights[at]),
                // Any order will do.
                2 => {
                    knots.swap(at, other);
                    weights.swap(at, other);
                }
                3 => {
                    knots.push(knots[at]);
                    weights.push(random.of(&[0.0, weights[other], precision.smallest_subnormal()]));
                }
                _ => {
                    let all = random.of(&[0.5, 0.75, 1.0, 1.25, 2.0]);
                    for weight in weights {
                        *weight = precision.round(*weight * all);
                    }
                }
            }
        }
        Measure::Power(PowerCurve::Sawtooth { inverse, levels }) => {
            if random.below(2) == 0 {
                *inverse = positive(random, *inverse);
            } else {
                *levels = 1 + random.below(12);
            }
        }
        other => {
            *other = match random.below(4) {
                0 => Measure::Largest,
                1 => Measure::Sum,
                2 => Measure::Violations,
                _ => Measure::Power(PowerCurve::Hinges { knots: vec![0.0], weights: vec![1.0] }),
            }
        }
    }
}

/// `None` where the change leaves no network of the form.
pub(super) fn change_network(random: &mut Random, network: &StoredNetwork) -> Option<StoredNetwork> {
    let (precision, mut layers) = (network.precision(), network.layers().to_vec());
    let at = random.below(layers.len());
    layers[at] = change_layer(random, &layers[at], precision);
    StoredNetwork::new(precision, layers).ok()
}

/// `None` where the change leaves no network of the form.
pub(super) fn change_max_affine(random: &mut Random, scores: &MaxAffine) -> Option<MaxAffine> {
    let precision = scores.precision();
    let (mut rows, mut biases) = (scores.rows().clone(), scores.biases().to_vec());
    let mut ends = scores.ends().to_vec();
    let mut origin = scores.origin().map(<[f64]>::to_vec);
    let row = random.below(biases.len());
    match random.below(5) {
        0 => biases[row] = changed(random, biases[row], precision),
        1 => {
            let all = random.of(&[-1.0, -0.1, -1e-3, 0.1, 10.0]);
            for bias in &mut biases {
                *bias = precision.round(*bias + all);
            }
        }
        2 => {
            let at = random.below(ends.len());
            if at + 1 < ends.len() {
                ends[at] = random.below(biases.len() + 1);
            }
        }
        3 => rows = change_rows(random, &rows, precision),
        _ => {
            let origin = origin.get_or_insert_with(|| vec![0.0; scores.inputs()]);
            let at = random.below(origin.len());
            origin[at] = changed(random, origin[at], Precision::F32);
        }
    }
    let changed = MaxAffine::new(precision, scores.inputs(), rows, biases, ends).ok()?;
    match origin {
        Some(origin) => changed.with_origin(origin).ok(),
        None => Some(changed),
    }
}

/// `None` where the change leaves no network of the form.
pub(super) fn change_cells(random: &mut Random, network: &CellNetwork) -> Option<CellNetwork> {
    let (precision, coordinates) = (network.precision(), network.coordinates());
    let mut cells: Vec<Cell> = (0..network.cells())
        .map(|k| Cell {
            class: network.classes_of_cells()[k],
            scale: network.scales()[k],
            constraints: network.members_of(k).iter().map(|&t| network.constraints()[t as usize]).collect(),
        })
        .collect();
    let mut directions = network.directions().to_vec();
    if directions.len() == 1 && random.below(2) == 0 {
        directions = behind_features(random, &directions[0], precision);
    }
    let at = random.below(cells.len());
    let constraint = random.below(cells[at].constraints.len());
    let constraint = &mut cells[at].constraints[constraint];
    let layers = directions.len();
    match (random.below(6), directions.as_mut_slice()) {
        (0, _) => constraint.feature = random.below(coordinates),
        (1, _) => constraint.threshold = changed(random, constraint.threshold, precision),
        (2, _) => cells[at].scale = changed(random, cells[at].scale, precision),
        (_, []) => cells[at].class = random.below(network.classes()),
        (_, all) => {
            let layer = &mut all[random.below(layers)];
            *layer = change_layer(random, layer, precision);
        }
    }
    let changed = CellNetwork::new(precision, coordinates, network.classes(), network.head(), &cells).ok()?;
    if layers == 0 { Some(changed) } else { changed.with_directions(directions).ok() }
}

/// The same directions behind a layer that passes the features on, shifted.
fn behind_features(random: &mut Random, layer: &Layer, precision: Precision) -> Vec<Layer> {
    let shift = random.of(&[4.0, 16.0, 1024.0]);
    let mut front = LayerBuilder::new(layer.inputs());
    (0..layer.inputs()).for_each(|feature| {
        front.weight(feature, 1.0).bias(shift);
    });
    let unshifted = |row: Row<'_>| precision.round(row.bias - shift * row.weights.iter().sum::<f64>());
    let biases = layer.rows().map(unshifted).collect();
    vec![front.finish(), layer.clone().with_biases(biases)]
}
