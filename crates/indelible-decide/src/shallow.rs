//! A depth-2 network in floats, and the proof that these floats memorize.

use dashu_ratio::RBig;
use indelible::{
    Dataset, Norm, Precision,
    network::{Layer, LayerBuilder, Network},
    text::counted,
};

use crate::{
    Error,
    affine::{AffineFunction, Neuron},
    clock::Clock,
    instance::Instance,
    network::RationalNetwork,
    rational::{absolute, all_exact, exact},
};

/// A network of depth 2 with scalar head, as it is stored:
/// `F(x) = offset + Σ_i outputs_i relu(weights_i·x + biases_i)`; the label is
/// the integer of `1..=L` nearest to `F(x)`.
#[derive(Clone, Debug, PartialEq)]
pub struct ShallowNetwork {
    precision: Precision,
    /// All its numbers are floats of the precision.
    pub(crate) net: RationalNetwork,
}

impl ShallowNetwork {
    /// The network with one row of `n` weights, one bias and one output weight
    /// per hidden neuron, and the bias `offset` of the output.
    ///
    /// # Errors
    /// When there is no neuron or no input, rows differ in length, biases or
    /// output weights are not as many as rows, or `precision` does not hold a
    /// number.
    pub fn new(
        precision: Precision,
        weights: Vec<Vec<f64>>,
        biases: Vec<f64>,
        outputs: Vec<f64>,
        offset: f64,
    ) -> Result<Self, Error> {
        let bad = |what: String| Err(Error::BadNetwork(what));
        let (width, inputs) = (weights.len(), weights.first().map_or(0, Vec::len));
        if inputs == 0 {
            return bad(format!("{width} hidden neurons and {inputs} inputs; expected at least one of each"));
        }
        if biases.len() != width || outputs.len() != width {
            let (biases, outputs) = (biases.len(), outputs.len());
            return bad(format!(
                "{biases} biases and {outputs} output weights; expected one of each for every one of {width} neurons"
            ));
        }
        if let Some(neuron) = weights.iter().position(|row| row.len() != inputs) {
            let given = weights[neuron].len();
            return bad(format!("neuron {neuron} has {given} weights; expected {inputs}, as neuron 0 has"));
        }
        let numbers = || weights.iter().flatten().chain(&biases).chain(&outputs).chain([&offset]);
        if let Some(number) = numbers().find(|v| !precision.holds(**v)) {
            return bad(format!("{number} is no finite number of {precision}"));
        }
        let parts = weights.iter().zip(biases).zip(outputs);
        let neurons = parts.map(|((weights, bias), output)| Neuron {
            output: exact(output),
            before: AffineFunction { gradient: all_exact(weights), constant: exact(bias) },
        });
        Ok(Self { precision, net: RationalNetwork { neurons: neurons.collect(), offset: exact(offset) } })
    }

    /// Number of hidden neurons.
    #[must_use]
    pub fn width(&self) -> usize {
        self.net.neurons.len()
    }

    /// `F(x)`, evaluated in binary64.
    #[must_use]
    pub fn evaluate(&self, x: &[f64]) -> f64 {
        let terms = self.net.neurons.iter().map(|neuron| {
            let products = neuron.before.gradient.iter().zip(x).map(|(w, x)| float(w) * x);
            let u = products.sum::<f64>() + float(&neuron.before.constant);
            float(&neuron.output) * u.max(0.0)
        });
        terms.sum::<f64>() + float(&self.net.offset)
    }

    /// The depth-2 network with scalar head that another network is.
    ///
    /// # Errors
    /// When it has another depth or more than one output, no hidden neuron or
    /// no input, or a number that its format does not hold.
    pub fn from_network(network: &dyn Network) -> Result<Self, Error> {
        let (depth, outputs) = (network.depth(), network.outputs());
        if depth != 2 || outputs != 1 {
            let what = format!(
                "the network has depth {depth} and {}; expected depth 2 and a scalar head",
                counted(outputs, "output")
            );
            return Err(Error::NotDecodable(what));
        }
        let dense = |layer: &Layer| -> Vec<Vec<f64>> {
            let mut rows = vec![vec![0.0; layer.inputs()]; layer.outputs()];
            for (weights, row) in rows.iter_mut().zip(layer.rows()) {
                for (&column, &weight) in row.columns.iter().zip(row.weights) {
                    weights[column] += weight;
                }
            }
            rows
        };
        let (hidden, output) = (network.layer(0), network.layer(1));
        Self::new(
            network.precision(),
            dense(&hidden),
            hidden.biases().to_vec(),
            dense(&output).pop().unwrap_or_default(),
            output.biases().first().copied().unwrap_or_default(),
        )
    }

    /// Whether the network memorizes `data` with `radius` in `norm`: every real
    /// point of every closed ball gets its label, decided exactly, and so does
    /// the network as executed in its format, in any order of summation. Class
    /// `c` of the data is the integer `c + 1`.
    ///
    /// # Errors
    /// When the norm is not `linf` or `l1`, the radius is negative or no
    /// number, or the data do not fit the network.
    pub fn memorizes(&self, data: &Dataset, norm: Norm, radius: f64) -> Result<bool, Error> {
        let instance = Instance::new(data, norm, radius, Clock::start(None))?;
        if self.inputs() != data.features() {
            let (expected, given) = (self.inputs(), data.features());
            return Err(indelible::Error::InputWidth { expected, given }.into());
        }
        self.memorizes_as_executed(&instance)
    }

    /// The network rounded to the coarsest format in which it still memorizes:
    /// over the reals, exactly, and as executed in that format in any order of
    /// summation, with or without fused multiply-add. `None` when no format
    /// does.
    pub(crate) fn storing(net: &RationalNetwork, instance: &Instance<'_>) -> Result<Option<Self>, Error> {
        for precision in [Precision::F32, Precision::F64] {
            let Some(net) = net.rounded(precision) else { continue };
            let stored = Self { precision, net };
            if stored.memorizes_as_executed(instance)? {
                return Ok(Some(stored));
            }
        }
        Ok(None)
    }

    /// Whether on every ball the margin is larger than any rounding error.
    fn memorizes_as_executed(&self, instance: &Instance<'_>) -> Result<bool, Error> {
        // A sample that the format cannot hold would be rounded on its way in.
        if !instance.data.fits(self.precision) {
            return Ok(false);
        }
        for (sample, centre) in instance.points.iter().enumerate() {
            instance.clock.check()?;
            let Some(error) = self.execution_error(centre, &instance.radius) else {
                return Ok(false);
            };
            if instance.extremes(&self.net, sample)?.iter().any(|(margin, _)| *margin <= error) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A bound on `|F̂(x) − F(x)|` over a ball, where `F̂` is the network executed
    /// in `precision`; `None` where a sum may overflow.
    ///
    /// A sum of `k` terms whose products are rounded has an error of at most
    /// `γ_k Σ |terms|`, `γ_k = k u / (1 − k u)`, in any order (Higham, *Accuracy and
    /// Stability of Numerical Algorithms*, 2002, section 3.1), plus half the
    /// smallest subnormal per product that underflows.
    fn execution_error(&self, centre: &[RBig], radius: &RBig) -> Option<RBig> {
        let (precision, net) = (self.precision, &self.net);
        let unit = exact(precision.unit_roundoff());
        let tiny = exact(precision.smallest_subnormal());
        let gamma = |terms: usize| {
            let ku = RBig::from(terms) * &unit;
            let rest = RBig::ONE - &ku;
            (rest > RBig::ZERO).then(|| ku / rest)
        };
        let largest = exact(precision.largest()) / RBig::from(2);
        let inner = gamma(centre.len() + 1)?;
        let underflow = RBig::from(centre.len()) * &tiny;
        let mut size = absolute(&net.offset);
        let mut error = RBig::ZERO;
        for neuron in &net.neurons {
            let mut terms = absolute(&neuron.before.constant);
            for (w, c) in neuron.before.gradient.iter().zip(centre) {
                if !w.is_zero() {
                    terms += absolute(w) * (absolute(c) + radius);
                }
            }
            if terms > largest {
                return None;
            }
            let before = &inner * &terms + &underflow;
            let weight = absolute(&neuron.output);
            size += &weight * (terms + &before);
            error += weight * before;
        }
        if size > largest {
            return None;
        }
        let outer = gamma(net.neurons.len() + 1)?;
        Some(error + outer * size + RBig::from(net.neurons.len()) * tiny)
    }
}

impl Network for ShallowNetwork {
    fn precision(&self) -> Precision {
        self.precision
    }

    fn inputs(&self) -> usize {
        self.net.neurons.first().map_or(0, |neuron| neuron.before.gradient.len())
    }

    fn outputs(&self) -> usize {
        1
    }

    fn depth(&self) -> usize {
        2
    }

    fn layer(&self, index: usize) -> Layer {
        let mut layer = LayerBuilder::new(if index == 0 { self.inputs() } else { self.width() });
        let mut row = |weights: &mut dyn Iterator<Item = &RBig>, bias: &RBig| {
            for (column, weight) in weights.enumerate() {
                layer.weight(column, float(weight));
            }
            layer.bias(float(bias));
        };
        if index == 0 {
            for Neuron { before, .. } in &self.net.neurons {
                row(&mut before.gradient.iter(), &before.constant);
            }
        } else {
            row(&mut self.net.neurons.iter().map(|neuron| &neuron.output), &self.net.offset);
        }
        layer.finish()
    }
}

/// The float that a number of a stored network is.
fn float(value: &RBig) -> f64 {
    value.to_f64().value()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(weights: &[&[f64]], biases: &[f64], outputs: &[f64], offset: f64) -> String {
        let weights = weights.iter().map(|row| row.to_vec()).collect();
        ShallowNetwork::new(Precision::F32, weights, biases.to_vec(), outputs.to_vec(), offset)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn only_a_network_can_be_asked_about() {
        assert!(complaint(&[], &[], &[], 1.0).contains("0 hidden neurons and 0 inputs"));
        assert!(complaint(&[&[]], &[0.0], &[1.0], 1.0).contains("1 hidden neurons and 0 inputs"));
        let (one, two): (&[f64], &[f64]) = (&[1.0], &[1.0, 2.0]);
        assert!(complaint(&[one], two, one, 0.0).contains("2 biases and 1 output weights"));
        assert!(complaint(&[one], one, two, 0.0).contains("1 biases and 2 output weights"));
        assert!(complaint(&[two, one], two, two, 0.0).contains("neuron 1 has 1 weights; expected 2"));
        assert!(complaint(&[two], one, one, f64::NAN).contains("NaN is no finite number of f32"));
        assert!(complaint(&[&[0.1]], one, one, 0.0).contains("0.1 is no finite number of f32"));
        assert!(complaint(&[one], &[f64::INFINITY], one, 0.0).contains("inf is no finite number"));
    }
}
