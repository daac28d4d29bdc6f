//! Which vector instructions this processor has, for the loops of cells: how
//! they are found and how inputs are put through them. Separation asks for more.

/// Instruction sets that loops of cells are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Isa {
    /// 512-bit vectors: F, BW and DQ.
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
    pub fn available() -> Vec<Self> {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
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
    pub fn best() -> Self {
        Self::available().first().copied().unwrap_or(Self::Portable)
    }
}
