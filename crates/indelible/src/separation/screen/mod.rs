//! Ways to leave out pairs that certainly are too far apart.

mod windows;

pub(super) use windows::Windows;
