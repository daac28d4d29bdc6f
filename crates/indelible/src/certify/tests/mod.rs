//! Attacks on what is certified, far from what the constructions make.

mod altered;
mod hostile;
