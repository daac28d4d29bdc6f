//! Reading the splitting out of a network that memorizes.

use dashu_ratio::RBig;
use indelible::{network::Network, text::counted};

use super::{SetSystem, reduction::shared};
use crate::{
    Error, ShallowNetwork,
    instance::Demand,
    network::RationalNetwork,
    rational::{absolute, half, is_negative, is_positive},
};

/// A network that memorizes the axis and the elements of some set system, in
/// the form `F = c + relu(u) − relu(v)` that it then must have.
#[derive(Clone, Debug)]
pub struct Memorizer {
    net: RationalNetwork,
    colours: Vec<bool>,
}

impl Memorizer {
    /// Checks, over the rationals, that the network gives every point that all
    /// systems of `m = n − 1` elements share its label, and reads off the
    /// colour of every element.
    ///
    /// # Errors
    /// When the network has not width 2 and at least 2 inputs, or gives one of
    /// these points another label.
    pub fn new(network: &ShallowNetwork) -> Result<Self, Error> {
        let wrong = |what: String| Err(Error::NotDecodable(what));
        let (width, features) = (network.width(), network.inputs());
        if width != 2 || features < 2 {
            return wrong(format!(
                "the network has width {width} and {}; a splitting is read out of width 2 and at least 2 inputs",
                counted(features, "input")
            ));
        }
        let elements = features - 1;
        let net = network.net.clone();
        for (ones, g, label) in shared(elements) {
            meets(&net, point(elements, &ones, g), label)?;
        }
        // The proof shows: one output is positive, the other negative.
        let positive = net.neurons.iter().find(|n| is_positive(&n.output));
        let negative = net.neurons.iter().find(|n| is_negative(&n.output));
        let (Some(up), Some(down)) = (positive, negative) else {
            return wrong("the output weights do not have both signs".into());
        };
        let theta = RBig::from(4) + half() - &net.offset;
        // Colour by which of u ≥ θ and u − v ≥ θ an element violates.
        let mut colours = Vec::with_capacity(elements);
        for element in 1..=elements {
            let x = point(elements, &[element], 1);
            let u = absolute(&up.output) * up.before.at(&x);
            let v = absolute(&down.output) * down.before.at(&x);
            let first = u < theta;
            if !first && u - v >= theta {
                return wrong(format!("element {element} violates neither condition"));
            }
            colours.push(first);
        }
        Ok(Self { net, colours })
    }

    /// The colour of every element.
    #[must_use]
    pub fn colours(&self) -> &[bool] {
        &self.colours
    }

    /// Checks that the network memorizes the sets of `system`, too, and that
    /// the colouring splits them.
    ///
    /// # Errors
    /// When the system has another number of elements, or the network gives
    /// the point of a set another label than 5.
    pub fn check(&self, system: &SetSystem) -> Result<(), Error> {
        let (elements, given) = (self.colours.len(), system.elements());
        if given != elements {
            return Err(Error::NotDecodable(format!(
                "the network takes {}, so it is for {}; the sets have {given}",
                counted(elements + 1, "input"),
                counted(elements, "element")
            )));
        }
        for set in system.sets() {
            meets(&self.net, point(elements, set, 1), 5)?;
        }
        system.check_split(&self.colours).map_err(Error::NotDecodable)
    }
}

/// The splitting that a network which memorizes the dataset of `system`
/// stands for: one colour per element.
///
/// # Errors
/// When the network does not memorize the dataset of the system.
pub fn decode(network: &ShallowNetwork, system: &SetSystem) -> Result<Vec<bool>, Error> {
    let memorizer = Memorizer::new(network)?;
    memorizer.check(system)?;
    Ok(memorizer.colours)
}

/// The point `(Σ e_i, g)`.
fn point(elements: usize, ones: &[usize], g: i8) -> Vec<RBig> {
    let mut x = vec![RBig::ZERO; elements];
    for &element in ones {
        x[element - 1] = RBig::ONE;
    }
    x.push(g.into());
    x
}

/// Whether the network gives the point its label.
fn meets(net: &RationalNetwork, point: Vec<RBig>, label: usize) -> Result<(), Error> {
    let demand = Demand { point, class: label - 1, sample: 0 };
    if demand.met_by(net, 5) {
        return Ok(());
    }
    let value = net.value(&demand.point).to_f64().value();
    let Some((g, elements)) = demand.point.split_last() else { return Ok(()) };
    let ones: Vec<usize> = (1..).zip(elements).filter(|(_, x)| x.is_one()).map(|(i, _)| i).collect();
    Err(Error::NotMemorized(format!(
        "the network does not memorize the data: at elements {ones:?}, g = {g} it says {value}, whose label is not {label}"
    )))
}
