//! Ways to leave out pairs that certainly are too far apart.

mod every;
mod layer;
mod panels;
mod windows;

pub(super) use self::{every::Every, panels::Panels, windows::Windows};
