//! Inner loops, one operation per file or folder. Where instruction sets have
//! instructions of their own for an operation, files in its folder use them, and
//! are tested bit for bit against the portable twin; the others are
//! [loops](crate::isa::Loop) that compilers turn into vector instructions.

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod blocks;
pub(super) mod cover;
pub(super) mod dot;
pub(super) mod filter;
pub(super) mod project;
pub(super) mod reals;
pub(super) mod rows;
pub(super) mod sums;
#[cfg(test)]
mod tests;

/// Samples in a panel: they are compared with a query together.
pub(super) const PANEL: usize = 64;
/// Queries that are compared with a panel together.
pub(super) const ROWS: usize = 6;

/// Sums over the codes of queries and samples of a panel.
pub(super) type PanelSums = [[u32; PANEL]; ROWS];

/// What sums are compared with: one that is below the barrier of its query or below that of its
/// sample is of interest.
#[derive(Clone, Copy)]
pub(super) struct Barriers {
    pub(super) queries: [u32; ROWS],
    /// Zeros where pairs are of interest to their queries alone.
    pub(super) samples: [u32; PANEL],
}
