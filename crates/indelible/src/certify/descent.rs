//! Points of a ball at which the right label leads least, by projected gradient
//! descent (Madry et al., ICLR 2018) from several starts.

use super::{
    attack::{Attack, BallPoints},
    config::Config,
    matrices::{DenseNetwork, product, product_transposed},
};
use crate::{Error, Norm, number::random::Random};

/// The first step, and the last one, in units of the radius.
const FIRST_STEP: f64 = 0.5;
const LAST_STEP: f64 = 0.01;
/// In the sum norm a step moves one in so many features.
const FEATURES_MOVED: usize = 20;

/// Looks for a point of the ball that gets another label. Gradients are those
/// of plain arithmetic; a point counts once the network as stored gives another
/// label there.
///
/// # Errors
/// When the data do not have as many features as the network reads.
pub(super) fn descend(
    points: &BallPoints<'_>,
    network: &DenseNetwork,
    config: &Config,
) -> Result<Option<Attack>, Error> {
    let n = points.center.len();
    let starts = config.restarts;
    if starts == 0 || points.radius == 0.0 {
        return Ok(None);
    }
    let mut random = Random::new(0x9E37_79B9_7F4A_7C15 ^ points.sample as u64);
    let mut at = Vec::with_capacity(starts * n);
    for start in 0..starts {
        let moved = points.center.iter().map(|x| match start {
            0 => *x,
            _ => x + points.radius * (2.0 * random.unit() - 1.0),
        });
        at.extend(moved);
    }
    at.chunks_mut(n).for_each(|row| points.place(row));
    // Every other start goes for one rival, the others for whichever is nearest.
    let order = rivals(points, &forward(network, &at[..n], 1));
    for step in 0..=config.attack_steps {
        let sums = forward(network, &at, starts);
        let mut gradient = vec![];
        let mut candidates = vec![];
        for (start, outputs) in sums.last().map_or(&[][..], Vec::as_slice).chunks(points.outputs).enumerate()
        {
            let nearest = rival(points, outputs);
            if !lead(points, outputs, nearest).is_some_and(|lead| lead > 0.0) || step == config.attack_steps {
                candidates.extend_from_slice(&at[start * n..(start + 1) * n]);
            }
            let own = order.get(start / 2 % order.len().max(1)).copied();
            let chosen = if start % 2 == 0 { nearest } else { own.or(nearest) };
            push_gradient(points, outputs, chosen, &mut gradient);
        }
        if let Some(found) = points.tried(&candidates)? {
            return Ok(Some(found));
        }
        if step == config.attack_steps {
            break;
        }
        let gradient = backward(network, &sums, gradient, starts);
        let share = f64::from(step) / f64::from(config.attack_steps.max(1));
        let length = points.radius * FIRST_STEP * (LAST_STEP / FIRST_STEP).powf(share);
        for (row, gradient) in at.chunks_mut(n).zip(gradient.chunks(n)) {
            step_down(points, row, gradient, length);
        }
    }
    Ok(None)
}

/// What a label may lose to: another output, or for a scalar head a side.
#[derive(Clone, Copy, Debug)]
enum Rival {
    Output(usize),
    Below,
    Above,
}

/// All rivals, those that are nearest at the center first.
fn rivals(points: &BallPoints<'_>, sums: &[Vec<f64>]) -> Vec<Rival> {
    let outputs = sums.last().map_or(&[][..], Vec::as_slice);
    let all = if points.outputs == 1 {
        let below = (points.class > 0).then_some(Rival::Below);
        let above = (points.class + 1 < points.classes).then_some(Rival::Above);
        below.into_iter().chain(above).collect::<Vec<_>>()
    } else {
        (0..points.outputs).filter(|c| *c != points.class).map(Rival::Output).collect()
    };
    let mut ranked: Vec<(f64, Rival)> =
        all.into_iter().map(|rival| (lead(points, outputs, Some(rival)).unwrap_or(0.0), rival)).collect();
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    ranked.into_iter().map(|(_, rival)| rival).collect()
}

/// The rival that is nearest.
fn rival(points: &BallPoints<'_>, outputs: &[f64]) -> Option<Rival> {
    if let [scalar] = outputs {
        let label = (points.class + 1) as f64;
        let below = points.class > 0 && (*scalar < label || points.class + 1 == points.classes);
        return (points.classes > 1).then_some(if below { Rival::Below } else { Rival::Above });
    }
    let others = (0..outputs.len()).filter(|c| *c != points.class);
    others.max_by(|a, b| outputs[*a].total_cmp(&outputs[*b])).map(Rival::Output)
}

/// By how much the label leads a rival; `None` where there is none.
fn lead(points: &BallPoints<'_>, outputs: &[f64], rival: Option<Rival>) -> Option<f64> {
    let label = (points.class + 1) as f64;
    match rival? {
        Rival::Output(other) => Some(outputs.get(points.class)? - outputs.get(other)?),
        Rival::Below => Some(outputs.first()? - (label - 0.5)),
        Rival::Above => Some(label + 0.5 - outputs.first()?),
    }
}

/// The derivative of the lead by the outputs.
fn push_gradient(points: &BallPoints<'_>, outputs: &[f64], rival: Option<Rival>, gradient: &mut Vec<f64>) {
    gradient.extend((0..outputs.len()).map(|c| match rival {
        Some(Rival::Output(other)) => {
            f64::from(u8::from(c == points.class)) - f64::from(u8::from(c == other))
        }
        Some(Rival::Below) => 1.0,
        Some(Rival::Above) => -1.0,
        None => 0.0,
    }));
}

/// Sums of every layer, row after row.
pub(super) fn forward(network: &DenseNetwork, at: &[f64], rows: usize) -> Vec<Vec<f64>> {
    let mut all: Vec<Vec<f64>> = vec![];
    let mut values = at.to_vec();
    for layer in &network.layers {
        let mut sums = product_transposed(&values, &layer.weights, (rows, layer.inputs, layer.outputs));
        for row in sums.chunks_mut(layer.outputs) {
            row.iter_mut().zip(&layer.biases).for_each(|(sum, bias)| *sum += bias);
        }
        values = sums.iter().map(|sum| sum.max(0.0)).collect();
        all.push(sums);
    }
    all
}

/// Derivatives by the inputs, of derivatives by the outputs.
pub(super) fn backward(
    network: &DenseNetwork,
    sums: &[Vec<f64>],
    mut gradient: Vec<f64>,
    rows: usize,
) -> Vec<f64> {
    for (depth, layer) in network.layers.iter().enumerate().rev() {
        gradient = product(&gradient, &layer.weights, (rows, layer.outputs, layer.inputs));
        if let Some(sums) = depth.checked_sub(1).and_then(|before| sums.get(before)) {
            gradient.iter_mut().zip(sums).filter(|(_, sum)| **sum <= 0.0).for_each(|(g, _)| *g = 0.0);
        }
    }
    gradient
}

/// Moves a point down the gradient, by about `length` in the norm, and back into
/// the ball.
fn step_down(points: &BallPoints<'_>, row: &mut [f64], gradient: &[f64], length: f64) {
    let moved = row.iter_mut().zip(gradient);
    match points.norm {
        Norm::Linf => moved.for_each(|(x, g)| *x -= if *g == 0.0 { 0.0 } else { length * g.signum() }),
        Norm::L1 => {
            let mut sizes: Vec<f64> = gradient.iter().map(|g| g.abs()).collect();
            let few = sizes.len().div_ceil(FEATURES_MOVED);
            let (_, least, _) = sizes.select_nth_unstable_by(few - 1, |a, b| b.total_cmp(a));
            let least = least.max(f64::MIN_POSITIVE);
            let each = length / few as f64;
            moved.filter(|(_, g)| g.abs() >= least).for_each(|(x, g)| *x -= each * g.signum());
        }
        Norm::L2 | Norm::Lp(_) => {
            let size = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
            if size > 0.0 {
                moved.for_each(|(x, g)| *x -= length * g / size);
            }
        }
    }
    points.place(row);
}
