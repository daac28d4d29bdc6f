//! Inner loops, one operation per folder and one instruction set per file;
//! every one is tested bit for bit against its portable twin.

pub(super) mod cover;
pub(super) mod dot;
pub(super) mod lut;
pub(super) mod powers;
pub(super) mod project;
pub(super) mod reals;
pub(super) mod rows;
pub(super) mod sad;
pub(super) mod sift;

/// Samples in a panel: they are compared with a query together.
pub(super) const PANEL: usize = 64;
/// Queries that are compared with a panel together.
pub(super) const ROWS: usize = 6;

/// Distances of queries and samples of a panel.
pub(super) type Values = [[u32; PANEL]; ROWS];

/// Instruction sets that kernels exist for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Isa {
    /// 512-bit vectors: F, BW, VBMI and VNNI.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// 256-bit vectors.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Any processor.
    Portable,
}

impl Isa {
    /// The instruction sets that this processor has, best first.
    pub(super) fn available() -> Vec<Self> {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vbmi")
                && is_x86_feature_detected!("avx512vnni")
                && is_x86_feature_detected!("avx2")
            {
                all.push(Self::Avx512);
            }
            if is_x86_feature_detected!("avx2") {
                all.push(Self::Avx2);
            }
        }
        all.push(Self::Portable);
        all
    }

    /// The best one.
    pub(super) fn best() -> Self {
        Self::available().first().copied().unwrap_or(Self::Portable)
    }
}
