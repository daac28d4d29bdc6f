//! A memory for a trained network: it keeps the label of every sample it is given on its
//! whole ball, and stays what it is elsewhere.
//!
//! **Guarantee.** On the ball of every sample that is given memory, all outputs but the
//! right one are lowered by more than they can lead there, in real arithmetic and as executed.
//! On balls of other labels, and wherever no cell of the memory answers, the outputs of the
//! network are left alone to the bit.
//!
//! **Method.** A memory of cells whose indicators are exactly 1 on the balls and exactly
//! 0 on balls of other labels, as [`constructions`](crate::constructions) has them. With
//! `A_a` the sum of the indicators of class `a`, and `M` a power of two above twice the
//! largest difference of outputs on a box around all these balls,
//!
//! ```text
//! y_c = network_c(x) − M Σ_{a ≠ c} A_a
//! ```
//!
//! How far a cell reaches is a matter of its [`Locality`]. The proof is that of
//! [`certify`](crate::certify::certify), about the numbers as stored.
//!
//! **Source.** Ours; what it is for: Feldman & Zhang, NeurIPS 2020; Khandelwal et al., ICLR 2020.

use crate::{
    Budget, Dataset, Error, Precision, Progress, Radii,
    cells::samples_in_cells,
    certify::output_bounds,
    constructions::{Options, ball_indicators, cell_network},
    network::{Cell, CellNetwork, LayerBuilder, Model, NetworkForm, Patched, PrototypeParts, Prototypes},
    number::{add_up, div_up, mul_up, sub_down, sub_up},
};

/// What outputs may be at most, as a share of the largest number of the format.
const ROOM: f64 = 1.0 / 16.0;

/// How far from a ball the memory may still answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Locality {
    /// In a shell around each ball: where `Σ_j max(0, |x_j − x_kj| − μ)` (in the sum norm
    /// `Σ_j |x_j − x_kj| − μ`) is below this width, in the units of the features.
    /// One box of all features per sample, for the sup norm and the sum norm.
    Ball(f64),
    /// In sparse, merged cells, which look at few features and reach as far as
    /// the others go. For every norm.
    Cells,
}

/// A patched network and what it rests on.
#[derive(Clone, Debug)]
pub struct Patch {
    /// The network with its memory.
    pub patched: Patched,
    /// The largest size of an output of the network on all balls, by proved bounds, in
    /// the units of the outputs.
    pub largest_output: f64,
}

/// Gives `network` memory of the samples `chosen` of `data`, on whose balls it is to keep
/// their labels; the balls of all samples stay free of others' memory. `classes` says for
/// each class of the data which output means it.
///
/// # Errors
/// [`Error::Unsuitable`] when nothing is chosen, or for a network with one output, of another
/// form than layers or a graph, or whose outputs have no known bound on the balls;
/// [`Error::NormNotSupported`] when the locality does not serve the norm; [`Error::TooFine`]
/// when the format cannot hold the balls.
pub fn patch(
    network: Model,
    (data, classes): (&Dataset, &[usize]),
    budget: &Budget,
    chosen: &[usize],
    locality: Locality,
    progress: &dyn Progress,
) -> Result<Patch, Error> {
    let (outputs, precision) = (network.outputs(), network.precision());
    if chosen.is_empty() {
        return Err(unsuitable("no sample was chosen to be given memory"));
    }
    if outputs < 2 {
        return Err(unsuitable("the network has one output; expected one for each class"));
    }
    if !matches!(network, Model::Layers(_) | Model::Graph(_)) {
        return Err(unsuitable(
            "the network is a compact form or has a memory already; expected layers or a graph of operators",
        ));
    }
    let (largest_output, lift) = lift(&network, data, budget, precision)?;
    let options = Options { precision, ..Options::default() };
    let memory = match locality {
        Locality::Ball(shell) => {
            let all = ball_indicators(data, budget, precision).map_err(|e| match e {
                // What was asked for is a memory; which construction it takes is our affair.
                Error::NormNotSupported { supported, norm, .. } => {
                    Error::NormNotSupported { construction: "a memory with locality ball", supported, norm }
                }
                other => other,
            })?;
            Model::Prototypes(balls(all, (data, classes, chosen), (shell, outputs))?)
        }
        Locality::Cells => {
            let all = cell_network(data, budget, options, progress)?;
            Model::Cells(needed(&all, (data, classes, chosen), budget, outputs)?)
        }
    };
    Ok(Patch { patched: Patched::new(network, memory, lift)?, largest_output })
}

fn unsuitable(why: &str) -> Error {
    Error::Unsuitable { construction: "a memory", why: why.into() }
}

/// The largest size of an output on all balls, and by how much to lower outputs.
fn lift(network: &Model, data: &Dataset, budget: &Budget, precision: Precision) -> Result<(f64, f64), Error> {
    let n = data.features();
    let (mut lower, mut upper, mut row) = (vec![f64::INFINITY; n], vec![f64::NEG_INFINITY; n], vec![0.0; n]);
    let (mut largest, mut spread) = (0.0, 0.0);
    let mut look = |lower: &[f64], upper: &[f64]| -> Option<()> {
        let bounds = output_bounds(network, lower, upper)?;
        let most = bounds.iter().map(|b| b.upper).fold(f64::NEG_INFINITY, f64::max);
        let least = bounds.iter().map(|b| b.lower).fold(f64::INFINITY, f64::min);
        largest = most.abs().max(least.abs()).max(largest);
        spread = sub_up(most, least).max(spread);
        Some(())
    };
    let mut ball = |sample: usize| -> Vec<(f64, f64)> {
        data.copy_row(sample, &mut row);
        let radius = budget.radii().of(sample);
        row.iter()
            .map(|&x| (precision.round_down(sub_down(x, radius)), precision.round_up(add_up(x, radius))))
            .collect()
    };
    for sample in 0..data.samples() {
        for ((lower, upper), end) in lower.iter_mut().zip(&mut upper).zip(ball(sample)) {
            (*lower, *upper) = (lower.min(end.0), upper.max(end.1));
        }
    }
    // Where bounds on the box around all balls overflow, those on single balls may not.
    if look(&lower, &upper).is_none() {
        let each = |sample| {
            let (lower, upper): (Vec<f64>, Vec<f64>) = ball(sample).into_iter().unzip();
            look(&lower, &upper)
        };
        (0..data.samples())
            .try_for_each(each)
            .ok_or_else(|| unsuitable("no bound of the network's outputs is known on the balls"))?;
    }
    let lift = power_above(add_up(mul_up(2.0, spread), f64::MIN_POSITIVE))
        .filter(|lift| *lift < precision.largest() * ROOM && precision.holds(*lift));
    let lift = lift.ok_or_else(|| unsuitable("its outputs may differ by more than its format holds"))?;
    Ok((largest, lift))
}

/// The least power of two, at least 2⁻¹⁰⁰, that is not below `x`.
fn power_above(x: f64) -> Option<f64> {
    let powers = std::iter::successors(Some(2f64.powi(-100)), |p| Some(p * 2.0));
    powers.take_while(|p| p.is_finite()).find(|p| *p >= x)
}

/// One step for each of the chosen samples, as steep as the shell asks, and its score.
fn balls(
    all: Prototypes,
    (data, classes, chosen): (&Dataset, &[usize], &[usize]),
    (shell, outputs): (f64, usize),
) -> Result<Prototypes, Error> {
    let parts = all.into_parts();
    let precision = parts.precision;
    let of = |values: &[f64]| chosen.iter().map(|&k| values[k]).collect::<Vec<f64>>();
    let steep = precision.round_up(div_up(1.0, shell));
    if !(shell > 0.0 && precision.holds(steep)) {
        let why = format!("it cannot let go within {shell} of a ball");
        return Err(Error::TooFine { precision, why });
    }
    let mut head = LayerBuilder::new(outputs);
    for c in 0..outputs {
        head.weight(c, 1.0).bias(0.0);
    }
    Prototypes::new(PrototypeParts {
        centers: parts.centers.rows(parts.features, chosen.iter().copied()),
        radii: of(&parts.radii),
        tops: of(&parts.tops),
        scales: of(&parts.scales).into_iter().map(|scale| scale.max(steep)).collect(),
        accumulators: chosen.iter().map(|&k| classes[data.labels()[k]]).collect(),
        head: vec![head.finish()],
        ..parts
    })
}

/// The cells that hold the ball of a chosen sample, with the classes of the network.
fn needed(
    all: &CellNetwork,
    (data, classes, chosen): (&Dataset, &[usize], &[usize]),
    budget: &Budget,
    outputs: usize,
) -> Result<CellNetwork, Error> {
    let some = data.select(chosen.iter().copied())?;
    let radii = Radii::PerSample(chosen.iter().map(|&k| budget.radii().of(k)).collect());
    let counts = samples_in_cells(all, &some, budget.norm(), &radii);
    let constraints = all.constraints();
    let cells: Vec<Cell> = (0..all.cells())
        .filter(|&k| counts[k] > 0)
        .map(|k| Cell {
            class: classes[all.classes_of_cells()[k]],
            scale: all.scales()[k],
            constraints: all
                .members_of(k)
                .iter()
                .filter_map(|&t| constraints.get(t as usize).copied())
                .collect(),
        })
        .collect();
    let (precision, head) = (NetworkForm::precision(all), all.head());
    let network = CellNetwork::new(precision, all.coordinates(), outputs, head, &cells)?;
    match all.directions() {
        [] => Ok(network),
        layers => network.with_directions(layers.to_vec()),
    }
}
