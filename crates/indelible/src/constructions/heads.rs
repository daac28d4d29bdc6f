//! Output layers that several constructions share.

use crate::network::{Head, Layer, LayerBuilder};

/// Reads the running label `F`: the scalar itself, or `−|F − c|` for every
/// class `c`, by way of `F` and `relu(F − c)`.
pub(super) fn running_label(head: Head, classes: usize) -> Vec<Layer> {
    let mut label = LayerBuilder::new(1);
    label.weight(0, 1.0).bias(0.0);
    if head == Head::Scalar {
        return vec![label.finish()];
    }
    let mut logits = LayerBuilder::new(classes + 1);
    for c in 1..=classes {
        label.weight(0, 1.0).bias(-(c as f64));
        logits.weight(0, 1.0).weight(c, -2.0).bias(-(c as f64));
    }
    vec![label.finish(), logits.finish()]
}

/// Every score plus `shift`.
pub(super) fn shifted(scores: usize, shift: f64) -> Vec<Layer> {
    let mut layer = LayerBuilder::new(scores);
    for c in 0..scores {
        layer.weight(c, 1.0).bias(shift);
    }
    vec![layer.finish()]
}

/// From one score `s ≥ 0` that tells class `positive` of two: with `F = s − 1`
/// the logits `±F`, or the scalar `1.5 ± F/2`, whose nearest integer is the
/// label.
pub(super) fn sign(head: Head, positive: usize) -> Vec<Layer> {
    let mut layer = LayerBuilder::new(1);
    let towards = |class: usize| if class == positive { 1.0 } else { -1.0 };
    match head {
        Head::Scalar => {
            layer.weight(0, 0.5 * towards(1)).bias(1.5 - 0.5 * towards(1));
        }
        Head::Logits => {
            for class in 0..2 {
                layer.weight(0, towards(class)).bias(-towards(class));
            }
        }
    }
    vec![layer.finish()]
}
