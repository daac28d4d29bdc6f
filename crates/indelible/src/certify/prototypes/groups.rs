//! Steps in groups, one of which is to recognise a sample.

use crate::{
    network::{Pool, Prototypes},
    number::whole,
};

/// Steps of one group are of one class: that of their accumulator, or the one
/// that their top stands for where there is but one accumulator.
pub(super) struct Groups {
    /// The group of every step.
    pub of_steps: Vec<usize>,
    /// Where groups are tops, the classes that occur, increasing.
    tops: Option<Vec<usize>>,
    /// Whether there is more than one accumulator.
    several: bool,
}

impl Groups {
    pub fn new(prototypes: &Prototypes) -> Self {
        let tops = &prototypes.tops;
        let several = prototypes.accumulator_count() > 1;
        let alike = tops.windows(2).all(|pair| pair[0] == pair[1]);
        if several || prototypes.pool == Pool::Sum || alike {
            let of_steps = prototypes.accumulators.to_vec();
            return Self { of_steps, tops: None, several };
        }
        let mut classes: Vec<usize> = tops.iter().filter_map(|&top| class_of_top(top)).collect();
        classes.sort_unstable();
        classes.dedup();
        // Tops that stand for no class are a group of their own, behind the others.
        let none = classes.len();
        let group = |top: f64| class_of_top(top).and_then(|class| classes.binary_search(&class).ok());
        let of_steps = tops.iter().map(|&top| group(top).unwrap_or(none)).collect();
        Self { of_steps, tops: Some(classes), several }
    }

    /// Whether groups are tops.
    pub fn by_top(&self) -> bool {
        self.tops.is_some()
    }

    /// The group that is to recognise samples of `class`; `None` where there is
    /// none, or where all steps are of one group and a sample may be on either
    /// side of them.
    pub fn of_class(&self, class: usize) -> Option<usize> {
        match &self.tops {
            Some(classes) => classes.binary_search(&class).ok(),
            None => self.several.then_some(class),
        }
    }
}

/// The class that a top stands for, if it does.
fn class_of_top(top: f64) -> Option<usize> {
    (top >= 1.0 && is_small_integer(top)).then(|| whole(top) - 1)
}

/// Whether `x` is an integer from 0 up to 2²², so that it is even in the last
/// place of both formats.
pub(super) fn is_small_integer(x: f64) -> bool {
    (0.0..f64::from(1 << 22)).contains(&x) && x.fract() == 0.0
}
