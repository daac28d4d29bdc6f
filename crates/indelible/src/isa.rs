//! Which vector instructions this processor has, for the loops of cells and of
//! evaluation. Separation asks for more.

/// Instruction sets that loops are compiled for.
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

/// A loop that compilers turn into vector instructions by themselves. Numbers
/// come out the same with every instruction set: none of them fuses or reorders
/// what is written.
pub(crate) trait Loop {
    /// What it gives.
    type Output;

    /// Runs it; always inlined, so that it is compiled for each set.
    fn run(self) -> Self::Output;
}

impl Isa {
    /// Runs `body` as compiled for this instruction set.
    pub fn run<L: Loop>(self, body: L) -> L::Output {
        match self {
            // SAFETY: the value exists only where the processor has the set.
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => unsafe { avx512(body) },
            // SAFETY: likewise.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => unsafe { avx2(body) },
            Self::Portable => body.run(),
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq")]
fn avx512<L: Loop>(body: L) -> L::Output {
    body.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2<L: Loop>(body: L) -> L::Output {
    body.run()
}
