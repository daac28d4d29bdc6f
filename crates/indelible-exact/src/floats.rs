//! Exact networks in a floating-point format, where every number fits.

use dashu_int::IBig;
use indelible::{
    Precision,
    network::{Layer, LayerBuilder, StoredNetwork},
};

use crate::{
    Error, ExactLayer, ExactNetwork,
    number::{bits, float_down, power},
};

/// Bits of the numbers of binary64.
const MOST_BITS: usize = 53;

impl ExactNetwork {
    /// The same weights in binary32 where that serves, else in binary64: all of
    /// them, and every sum behind the first layer in whatever order, where its neurons
    /// are integers of `place_bits` binary digits, are numbers of the format.
    ///
    /// # Errors
    /// [`Error::NotFloat`] with the number of bits that they need.
    pub fn in_floats(&self, place_bits: usize) -> Result<StoredNetwork, Error> {
        let bits = self.bits_for_floats(place_bits);
        let fits = |precision| match precision {
            Precision::F32 => bits <= 24,
            Precision::F64 => bits <= MOST_BITS,
        };
        for precision in [Precision::F32, Precision::F64] {
            if !fits(precision) {
                continue;
            }
            let layers: Vec<Layer> = (0..self.layers.len()).map(|at| self.float_layer(at)).collect();
            // A power of two out of range is refused here.
            if let Ok(network) = StoredNetwork::new(precision, layers) {
                return Ok(network);
            }
        }
        Err(Error::NotFloat { bits: bits.max(MOST_BITS + 1) })
    }

    /// Bits of the largest number that has to be exact; where weights alone are too
    /// large, theirs.
    fn bits_for_floats(&self, place_bits: usize) -> usize {
        let neurons = || self.layers.iter().flat_map(|layer| &layer.neurons);
        let weights = neurons().flat_map(|neuron| neuron.weights.iter().map(|(_, weight)| bits(weight)));
        let mut needed = weights.chain(neurons().map(|neuron| bits(&neuron.bias))).max().unwrap_or(0);
        let inputs = self.layers.first().map_or(0, |layer| layer.neurons.len());
        let mut largest = vec![power(place_bits); inputs];
        for layer in self.layers.iter().skip(1) {
            // Bounds grow from layer to layer; what is too large stays so.
            if needed > MOST_BITS {
                break;
            }
            let (sums, next) = bounds(layer, &largest);
            needed = needed.max(bits(&sums));
            largest = next;
        }
        needed
    }

    fn float_layer(&self, at: usize) -> Layer {
        let layer = &self.layers[at];
        let exponent = if at == 0 { self.exponent } else { 0 };
        let mut floats = LayerBuilder::new(layer.inputs);
        for neuron in &layer.neurons {
            for (column, weight) in &neuron.weights {
                floats.weight(*column, times_power(float_down(weight), exponent));
            }
            floats.bias(float_down(&neuron.bias));
        }
        floats.finish()
    }
}

/// `x 2^exponent`, infinite where that is not exact.
fn times_power(x: f64, exponent: i64) -> f64 {
    let shift = i32::try_from(exponent.clamp(-2200, 2200)).unwrap_or(0);
    let half = shift / 2;
    let scaled = x * 2.0_f64.powi(half) * 2.0_f64.powi(shift - half);
    if scaled.abs() < f64::MIN_POSITIVE { f64::INFINITY } else { scaled }
}

/// The largest sum of sizes of a neuron of `layer`, whose inputs lie between 0 and
/// `largest`, and the largest value of each neuron behind its ReLU.
fn bounds(layer: &ExactLayer, largest: &[IBig]) -> (IBig, Vec<IBig>) {
    let (mut sums, mut next) = (IBig::ZERO, vec![]);
    for neuron in &layer.neurons {
        let (mut up, mut down) = (IBig::ZERO, IBig::ZERO);
        let terms = neuron.weights.iter().map(|(column, weight)| weight * &largest[*column]);
        for term in terms.chain([neuron.bias.clone()]) {
            if term > IBig::ZERO { up += term } else { down -= term }
        }
        sums = sums.max(&up + down);
        next.push(up);
    }
    (sums, next)
}
