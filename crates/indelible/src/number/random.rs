//! Numbers that look random and are the same on every run and machine: for
//! searches that start somewhere and for tests. Nothing a guarantee rests on.

/// The generator xorshift64* (Vigna, ACM Transactions on Mathematical Software
/// 42(4), 2016), of which the upper 53 bits are given.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A generator that starts from `state`; 0, which would never change, stands
    /// for another state.
    #[must_use]
    pub fn new(state: u64) -> Self {
        Self(if state == 0 { GOLDEN } else { state })
    }

    /// Goes on to the next state.
    fn step(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// 53 random bits.
    #[expect(clippy::should_implement_trait, reason = "there is always a next number")]
    pub fn next(&mut self) -> u64 {
        self.step().wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11
    }

    /// A fair coin: the highest bit of the state itself.
    pub fn coin(&mut self) -> bool {
        self.step() >> 63 == 1
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        #[expect(clippy::cast_possible_truncation, reason = "it is less than `end`")]
        let number = (self.next() % end as u64) as usize;
        number
    }

    /// A number of [0, 1), a multiple of 2^-40.
    pub fn unit(&mut self) -> f64 {
        // 40 bits: exact.
        (self.next() >> 13) as f64 / (1u64 << 40) as f64
    }

    /// One of some values, of which there is at least one.
    pub fn of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())]
    }
}

/// The fraction of the golden ratio, times 2^64.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// The generator `SplitMix64` (Steele, Lea & Flood, OOPSLA 2014). Which cells are
/// found depends on its numbers: with those of another generator the same
/// data would give other files.
#[derive(Clone, Debug)]
pub(crate) struct SplitMix(u64);

impl SplitMix {
    /// A generator that starts from a state that `seed` chooses.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(GOLDEN) ^ 0xD1B5_4A32_D192_ED03)
    }

    /// 64 random bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is below 2^32.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (((self.next() >> 32) * end as u64) >> 32) as usize
    }

    /// A number of [0, 1), a multiple of 2^-53.
    pub(crate) fn unit(&mut self) -> f64 {
        // 53 bits: exact.
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_in_their_ranges_and_the_same_again() {
        let (mut random, mut split) = (Random::new(0), SplitMix::new(0));
        let mut heads = 0;
        for _ in 0..1000 {
            assert!(random.below(7) < 7 && split.below(7) < 7);
            assert!((0.0..1.0).contains(&random.unit()) && (0.0..1.0).contains(&split.unit()));
            assert!(random.next() < 1 << 53 && [3, 4].contains(&random.of(&[3, 4])));
            heads += u32::from(random.coin());
        }
        assert!((400..600).contains(&heads));
        assert_eq!(random.clone().next(), random.next());
    }

    #[test]
    fn split_mix_gives_the_numbers_of_its_definition() {
        // The first numbers of state 1234567, as other implementations give them.
        let mut split = SplitMix(1_234_567);
        assert_eq!(split.next(), 6_457_827_717_110_365_317);
        assert_eq!(split.next(), 3_203_168_211_198_807_973);
    }
}
