//! ReLU networks with integer weights and their size.

use dashu_int::IBig;
use indelible::{Norm, number::sqrt_up};

use crate::{
    Error,
    number::{bits, float_up},
};

/// One neuron: integer weights of the neurons that it reads, without zeros, in
/// increasing order, and a bias.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Neuron {
    /// Columns with their weights.
    pub weights: Vec<(usize, IBig)>,
    /// The bias.
    pub bias: IBig,
}

/// An affine layer by rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExactLayer {
    /// How many values it reads.
    pub inputs: usize,
    /// Its rows.
    pub neurons: Vec<Neuron>,
}

/// A ReLU network whose weights and biases are integers, those of its first
/// layer's weights times one power of two; a ReLU stands between each two layers.
/// The output is one number, the label from 1 on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExactNetwork {
    pub(crate) exponent: i64,
    pub(crate) layers: Vec<ExactLayer>,
}

/// How large an exact network is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExactSize {
    /// Affine layers.
    pub depth: usize,
    /// Neurons of the largest hidden layer.
    pub width: usize,
    /// Weights and biases that are not 0.
    pub nonzero: usize,
    /// All entries of the dense matrices and bias vectors.
    pub all: usize,
    /// Binary digits of the largest weight or bias in size, and one for its sign;
    /// in the first layer without the common power of two.
    pub bits_per_parameter: usize,
    /// The digits of every weight and bias that is not 0, and one each for signs.
    pub bits: usize,
}

impl ExactNetwork {
    /// The network of these layers; the weights of the first are times
    /// `2^exponent`.
    ///
    /// # Errors
    /// [`indelible::Error::BadForm`] when there is no layer, one reads another
    /// number of values than the one before it gives, a column is out of range
    /// or out of order, a weight is 0, there is not one output, or the exponent
    /// is beyond ±[`Self::LARGEST_EXPONENT`].
    pub fn new(exponent: i64, layers: Vec<ExactLayer>) -> Result<Self, Error> {
        let bad = |why: String| Err(indelible::Error::BadForm { form: "exact network", why }.into());
        if exponent.unsigned_abs() > Self::LARGEST_EXPONENT {
            return bad(format!(
                "its exponent is {exponent}; expected {} at most in size",
                Self::LARGEST_EXPONENT
            ));
        }
        let mut gets = layers.first().map_or(0, |layer| layer.inputs);
        for (index, layer) in layers.iter().enumerate() {
            if layer.inputs != gets || gets == 0 {
                return bad(format!("layer {} reads {} values but gets {gets}", index + 1, layer.inputs));
            }
            for neuron in &layer.neurons {
                let columns: Vec<usize> = neuron.weights.iter().map(|(column, _)| *column).collect();
                let sorted = columns.windows(2).all(|pair| pair[0] < pair[1]);
                if !sorted || columns.last().is_some_and(|last| *last >= gets) {
                    return bad(format!("layer {} has columns out of order or range", index + 1));
                }
                if neuron.weights.iter().any(|(_, weight)| *weight == IBig::ZERO) {
                    return bad(format!("layer {} has a weight of 0", index + 1));
                }
            }
            gets = layer.neurons.len();
        }
        if gets != 1 || layers.is_empty() {
            return bad(format!("it has {gets} outputs; expected 1"));
        }
        Ok(Self { exponent, layers })
    }

    /// The largest exponent of the first layer in size: more than what the
    /// smallest and largest binary64 numbers differ by.
    pub const LARGEST_EXPONENT: u64 = 4096;

    /// Number of features it reads.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.layers.first().map_or(0, |layer| layer.inputs)
    }

    /// The affine layers, first to last.
    #[must_use]
    pub fn layers(&self) -> &[ExactLayer] {
        &self.layers
    }

    /// The power of two that the weights of the first layer are multiplied by.
    #[must_use]
    pub fn exponent(&self) -> i64 {
        self.exponent
    }

    /// Its size.
    #[must_use]
    pub fn size(&self) -> ExactSize {
        let hidden = &self.layers[..self.layers.len().saturating_sub(1)];
        let mut size = ExactSize {
            depth: self.layers.len(),
            width: hidden.iter().map(|layer| layer.neurons.len()).max().unwrap_or(0),
            nonzero: 0,
            all: 0,
            bits_per_parameter: 0,
            bits: 0,
        };
        for layer in &self.layers {
            size.all += layer.neurons.len() * (layer.inputs + 1);
            for neuron in &layer.neurons {
                let biases = std::iter::once(&neuron.bias).filter(|bias| **bias != IBig::ZERO);
                for number in neuron.weights.iter().map(|(_, weight)| weight).chain(biases) {
                    let digits = bits(number) + 1;
                    size.nonzero += 1;
                    size.bits += digits;
                    size.bits_per_parameter = size.bits_per_parameter.max(digits);
                }
            }
        }
        size
    }
}

/// An upper bound of the dual norm of a row, without its power of two; infinite
/// where none is known.
pub(crate) fn dual_norm_up(weights: &[(usize, IBig)], norm: Norm) -> f64 {
    let sizes = weights.iter().map(|(_, w)| if *w < IBig::ZERO { -w } else { w.clone() });
    match norm {
        Norm::L1 => float_up(&sizes.max().unwrap_or(IBig::ZERO)),
        Norm::L2 => sqrt_up(float_up(&sizes.map(|w| &w * &w).fold(IBig::ZERO, |a, b| a + b))),
        Norm::Linf => float_up(&sizes.fold(IBig::ZERO, |a, b| a + b)),
        Norm::Lp(_) => f64::INFINITY,
    }
}
