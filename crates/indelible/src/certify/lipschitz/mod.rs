//! How steep the outputs of a stored network are: proved upper bounds, and
//! pairs of points that show a lower one.

mod gradients;
mod lower;
mod upper;

pub use lower::{SteepestPair, steepest_pair};
pub use upper::lipschitz_bound;
