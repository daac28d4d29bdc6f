//! Which vector instructions this processor has: the one place that asks.
//!
//! Loops and kernels have a version for each set that pays and one for any
//! processor, which gives the same bits. With the environment variable
//! `INDELIBLE_PORTABLE` (set to something other than `0`) only that one is
//! used, in programs as in tests: what is tested then is what runs on
//! processors of other kinds.

#[cfg(target_arch = "aarch64")]
pub(crate) mod neon;

use std::sync::LazyLock;

/// Instruction sets that code is compiled for; the larger ones hold the smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Isa {
    /// 512-bit vectors of bytes that are permuted and multiplied: VBMI and VNNI.
    #[cfg(target_arch = "x86_64")]
    Avx512Bytes,
    /// 512-bit vectors: F, BW and DQ.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// 256-bit vectors.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// 128-bit vectors of Arm, with products of bytes that are summed by fours.
    #[cfg(target_arch = "aarch64")]
    NeonProducts,
    /// 128-bit vectors of Arm.
    #[cfg(target_arch = "aarch64")]
    Neon,
    /// Any processor.
    Portable,
}

/// The instruction sets to be used, best first.
static DETECTED: LazyLock<Vec<Isa>> = LazyLock::new(|| {
    let portable = std::env::var_os("INDELIBLE_PORTABLE").is_some_and(|v| !v.is_empty() && v != "0");
    let mut all = if portable { Vec::new() } else { detect() };
    all.push(Isa::Portable);
    all
});

/// The sets of vector instructions that this processor has, best first.
#[cfg(target_arch = "x86_64")]
fn detect() -> Vec<Isa> {
    let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt");
    let avx512 = avx2
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq");
    let bytes = avx512 && is_x86_feature_detected!("avx512vbmi") && is_x86_feature_detected!("avx512vnni");
    let all = [(bytes, Isa::Avx512Bytes), (avx512, Isa::Avx512), (avx2, Isa::Avx2)];
    all.into_iter().filter_map(|(has, isa)| has.then_some(isa)).collect()
}

/// The sets of vector instructions that this processor has, best first.
#[cfg(target_arch = "aarch64")]
fn detect() -> Vec<Isa> {
    use std::arch::is_aarch64_feature_detected;
    // Kernels take the first byte of a vector for the lowest one of a number.
    let neon = cfg!(target_endian = "little") && is_aarch64_feature_detected!("neon");
    let products = neon && is_aarch64_feature_detected!("dotprod");
    let all = [(products, Isa::NeonProducts), (neon, Isa::Neon)];
    all.into_iter().filter_map(|(has, isa)| has.then_some(isa)).collect()
}

/// The sets of vector instructions that code is compiled for here: none.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn detect() -> Vec<Isa> {
    Vec::new()
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
    /// The instruction sets that may be used, best first.
    #[cfg(test)]
    pub fn available() -> Vec<Self> {
        DETECTED.clone()
    }

    /// The best one.
    pub fn best() -> Self {
        DETECTED.first().copied().unwrap_or(Self::Portable)
    }

    /// Runs `body` as compiled for this instruction set.
    #[inline]
    pub fn run<L: Loop>(self, body: L) -> L::Output {
        match self {
            // SAFETY: the value exists only where the processor has the set.
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Bytes | Self::Avx512 => unsafe { avx512(body) },
            // SAFETY: likewise.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => unsafe { avx2(body) },
            // All code for this architecture is compiled for its vectors.
            #[cfg(target_arch = "aarch64")]
            Self::NeonProducts | Self::Neon => body.run(),
            Self::Portable => body.run(),
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx2,popcnt")]
fn avx512<L: Loop>(body: L) -> L::Output {
    body.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,popcnt")]
fn avx2<L: Loop>(body: L) -> L::Output {
    body.run()
}
