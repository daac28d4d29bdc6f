//! Ways to leave out pairs that certainly are too far apart.

mod every;
mod panels;
mod stage;
mod tile;
mod windows;

pub(super) use self::{every::Every, panels::Panels, windows::Windows};
