//! Inner products of a sample with some directions, rounded.

use crate::isa::Loop;

/// Products that are summed side by side; lengths are multiples of this.
pub const LANES: usize = 16;

/// Inner products of `x` with the rows of `directions`, into `out`: lane `k`
/// sums the features `k` modulo their number in order, and the lanes are added
/// in order.
pub struct Projection<'a> {
    pub x: &'a [f32],
    pub directions: &'a [f32],
    pub out: &'a mut [f32],
}

/// Directions at a time, which share the reading of the sample.
const TOGETHER: usize = 8;

impl Loop for Projection<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { x, directions, out } = self;
        let width = x.len();
        let mut groups = out.chunks_exact_mut(TOGETHER);
        let mut parts = directions.chunks_exact(TOGETHER * width);
        for (out, directions) in groups.by_ref().zip(parts.by_ref()) {
            out.copy_from_slice(&products::<TOGETHER>(x, directions));
        }
        for (out, direction) in groups.into_remainder().iter_mut().zip(parts.remainder().chunks_exact(width))
        {
            [*out] = products(x, direction);
        }
    }
}

/// Inner products with `D` directions.
#[inline(always)]
fn products<const D: usize>(x: &[f32], directions: &[f32]) -> [f32; D] {
    let blocks = x.as_chunks::<LANES>().0;
    let directions = directions.as_chunks::<LANES>().0;
    let count = blocks.len();
    let rows: [&[[f32; LANES]]; D] = std::array::from_fn(|d| &directions[d * count..(d + 1) * count]);
    let mut lanes = [[0.0f32; LANES]; D];
    for (b, x) in blocks.iter().enumerate() {
        for d in 0..D {
            let row = &rows[d][b];
            for k in 0..LANES {
                lanes[d][k] += x[k] * row[k];
            }
        }
    }
    lanes.map(|lanes| lanes.iter().fold(0.0, |sum, l| sum + l))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Isa;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn all_instruction_sets_agree_with_the_definition(
            blocks in 1usize..5,
            count in 1usize..7,
            values in prop::collection::vec(-1e3f32..1e3, 8 * 5 * LANES),
        ) {
            let width = blocks * LANES;
            let (x, directions) = (&values[..width], &values[width..(count + 1) * width]);
            let mut expected = vec![0.0; count];
            for (out, direction) in expected.iter_mut().zip(directions.chunks(width)) {
                let mut lanes = [0.0f32; LANES];
                for k in 0..width {
                    lanes[k % LANES] += x[k] * direction[k];
                }
                *out = lanes.iter().fold(0.0, |sum, l| sum + l);
            }
            for isa in Isa::available() {
                let mut out = vec![0.0; count];
                isa.run(Projection { x, directions, out: &mut out });
                prop_assert_eq!(&out, &expected, "{:?}", isa);
            }
        }
    }
}
