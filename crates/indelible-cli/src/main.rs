//! The program `indelible`.
fn main() {}
