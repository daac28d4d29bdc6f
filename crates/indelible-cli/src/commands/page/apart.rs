//! How far apart the classes are: distances, closest pairs, equal samples.

use std::collections::BTreeSet;

use indelible::{
    Dataset, Enclosure,
    separation::{ClosePairs, NearestEnemies, Pairs, conflicts, nearest_enemies, pairs_within},
};
use serde_json::{Value, json};

use super::{
    super::{
        enemies_chart::{Words, chart},
        prelude::*,
        separation::{MOST_CONFLICTS, enclosure},
    },
    Drawn, LeftOut, PageArgs, finite, label,
};
use crate::histogram::Histogram;

/// Samples squared times features up to which close pairs of all labels are
/// looked for: 60,000 images of 784 pixels.
pub const MOST_COMPARED: f64 = 3e12;
/// Close pairs that are sorted by distance.
const MOST_SORTED: usize = 100_000;

/// What a search among all pairs costs.
pub fn cost(data: &Dataset) -> f64 {
    let samples = data.samples() as f64;
    samples * samples * data.features() as f64
}

/// Adds the separation: `separation` of the answer, and its chart.
pub fn add(
    args: &PageArgs,
    data: &Given,
    report: &mut Report,
    drawn: &mut Drawn,
    bar: &Bar,
) -> Result<NearestEnemies, Failure> {
    let enemies = nearest_enemies(data, args.norm, bar);
    let found = enemies.separation();
    let equal = if found.distance.lower == 0.0 { conflicts(data, MOST_CONFLICTS) } else { vec![] };
    let histogram = Histogram::new(data, &enemies);
    let conflicting = |pair: &(usize, usize)| object(data, *pair, Enclosure::exact(0.0));
    report.json["separation"] = json!({
        "distance": found.pair.map(|_| enclosure(found.distance)), "exact": found.distance.is_exact(),
        "max_radius": finite(found.distance.lower / 2.0),
        "closest": closest(data, &enemies, args.top), "conflicts": equal.iter().map(conflicting).collect::<Vec<_>>(),
        "more_conflicts": equal.len() == MOST_CONFLICTS, "histogram": histogram.json(),
    });
    let below = match found.pair {
        Some(_) if found.distance.upper == 0.0 => "none: equal samples have different labels".into(),
        Some(_) => format!("every radius below {}", plain(found.distance.lower / 2.0)),
        None => "every radius: all samples have one label".into(),
    };
    report.line("separation", format!("{} in {}", found.distance, args.norm)).line("largest radius", below);
    let units = if data.scaling().is_some() { "of scaled features" } else { "in units of the features" };
    let axis = format!("distance in the {} norm, {units}", args.norm);
    let words = Words {
        title: "Distance to the nearest sample of another class",
        subtitle: &format!("{}, {}", counted(data.samples(), "sample"), counted(data.classes(), "class")),
        axis: &axis,
    };
    drawn.charts.push(("separation", chart(&words, &histogram)?));
    Ok(enemies)
}

/// The closest pairs of different labels, one for each sample, as far as they
/// are each other's nearest enemies or one is the other's.
fn closest(data: &Dataset, enemies: &NearestEnemies, top: usize) -> Vec<Value> {
    let mut order: Vec<(usize, usize)> =
        enemies.indices.iter().enumerate().filter_map(|(i, enemy)| Some((i, (*enemy)?))).collect();
    order.sort_by(|a, b| {
        let of = |i: usize| enemies.distances[i].lower;
        of(a.0).total_cmp(&of(b.0)).then(a.0.cmp(&b.0))
    });
    let mut seen = BTreeSet::new();
    let new = |(i, j): &(usize, usize)| seen.insert((*i.min(j), *i.max(j)));
    let pairs = order.into_iter().filter(new).take(top);
    pairs.map(|(i, j)| object(data, (i.min(j), i.max(j)), enemies.distances[i])).collect()
}

/// A pair, how far apart it is and where it differs most.
fn object(data: &Dataset, (i, j): (usize, usize), distance: Enclosure) -> Value {
    let gap = |feature: usize| (data.value(i, feature) - data.value(j, feature)).abs();
    let most = (0..data.features()).max_by(|&a, &b| gap(a).total_cmp(&gap(b)).then(b.cmp(&a)));
    let name = |feature: usize| data.feature_names().and_then(|names| names.get(feature));
    json!({
        "pair": [i, j], "labels": [label(data, i), label(data, j)], "distance": enclosure(distance),
        "differs": most.map(|feature| json!({
            "feature": feature, "name": name(feature),
            "values": [data.value(i, feature), data.value(j, feature)],
        })),
    })
}

/// Adds pairs that are closer than the largest radius, whatever their labels:
/// `duplicates` of the answer. One of them lies in the ball of the other.
pub fn near_duplicates(
    args: &PageArgs,
    data: &Given,
    enemies: &NearestEnemies,
    report: &mut Report,
    left_out: &mut LeftOut,
    bar: &Bar,
) -> Result<(), Failure> {
    report.json["duplicates"] = Value::Null;
    let half = enemies.separation().distance.lower / 2.0;
    if cost(data) > MOST_COMPARED {
        let why = format!("{} are too many for all pairs", counted(data.samples(), "sample"));
        left_out.note("near-duplicates", why, "indelible separation DATA --within R --all-pairs");
        return Ok(());
    }
    let search = |radius, most| pairs_within(data, args.norm, radius, Pairs::All, most, bar);
    let equal = search(0.0, 0)?.count;
    let ClosePairs { count, mut pairs, .. } = search(finite(half).unwrap_or(0.0), MOST_SORTED)?;
    pairs.sort_by(|a, b| a.distance.lower.total_cmp(&b.distance.lower).then(a.pair.cmp(&b.pair)));
    let shown = pairs.iter().take(args.top).map(|close| object(data, close.pair, close.distance));
    report.json["duplicates"] = json!({
        "equal": equal, "within": finite(half).unwrap_or(0.0), "count": count,
        "pairs": shown.collect::<Vec<_>>(), "sorted": pairs.len(),
    });
    let pairs = |count: u64| format!("{count} pair{}", if count == 1 { "" } else { "s" });
    report.line("equal samples", pairs(equal)).line("near-duplicates", pairs(count));
    Ok(())
}
