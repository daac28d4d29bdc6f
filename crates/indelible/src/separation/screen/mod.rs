//! Ways to leave out pairs that certainly are too far apart.

mod layer;
mod panels;
mod windows;

pub(super) use self::{panels::Panels, windows::Windows};
