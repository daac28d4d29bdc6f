//! Binary digits of a number, one a layer.

use dashu_int::IBig;

use crate::{
    builder::{Builder, Sum},
    number::power,
};

/// Takes digits off a number, one a layer.
pub(crate) struct Digits {
    /// What is left.
    pub rest: Sum,
    /// How many digits that has.
    pub left: usize,
    /// The digits taken off so far, as a number.
    pub taken: Option<Sum>,
}

impl Digits {
    pub fn of(rest: Sum, left: usize) -> Self {
        Self { rest, left, taken: None }
    }

    /// Adds the neurons of one digit to the open layer; `keep` puts the digits
    /// together. Gives the neuron of what the number was before.
    pub fn step(&mut self, network: &mut Builder, keep: bool) -> usize {
        let rest = network.push(self.rest.clone());
        let digit = self.digit(network, keep);
        self.rest = Sum::of(rest).plus(&-power(self.left), &digit);
        rest
    }

    /// The same where what is left is of no use; digits are put together.
    pub fn last(&mut self, network: &mut Builder) {
        self.digit(network, true);
    }

    /// The digit itself.
    fn digit(&mut self, network: &mut Builder, keep: bool) -> Sum {
        self.left -= 1;
        let (place, minus) = (power(self.left), -IBig::ONE);
        let kept = self.taken.take().filter(|_| keep).map(|taken| network.push(taken));
        let above = network.push(self.rest.clone().and(&(IBig::ONE - &place)));
        let over = network.push(std::mem::take(&mut self.rest).and(&-&place));
        let digit = Sum::of(above).plus(&minus, &Sum::of(over));
        self.taken = keep.then(|| match kept {
            Some(kept) => digit.clone().plus(&IBig::from(2), &Sum::of(kept)),
            None => digit.clone(),
        });
        digit
    }
}
