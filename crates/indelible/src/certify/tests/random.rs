//! The random numbers of all tests here.

/// The generator xorshift64* (Vigna, ACM Transactions on Mathematical Software
/// 42(4), 2016), of which the upper 53 bits are given.
pub(in crate::certify) struct Random(u64);

impl Random {
    /// A generator that starts from `state`, which is not 0.
    pub fn new(state: u64) -> Self {
        Self(state)
    }

    /// 53 random bits.
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// A number of [0, 1), a multiple of 2^-40.
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 13) as f64 / (1u64 << 40) as f64
    }

    /// One of some values.
    pub fn of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())]
    }
}
