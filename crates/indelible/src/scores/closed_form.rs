//! What a point's neighbours say, in closed form.

/// Chances over random subsets of the training set in which every sample is with
/// the same probability `s`, independently of the others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chances {
    /// `s`.
    share: f64,
    /// `1 − s`, rounded.
    absent: f64,
}

impl Chances {
    /// Those of a share from 0 to 1, 0 excluded.
    pub(super) fn new(share: f64) -> Self {
        Self { share, absent: 1.0 - share }
    }

    /// For a point whose neighbours, nearest first, have the right label or not:
    /// `P[right]`, and into `out` what each of them changes of it by being there.
    ///
    /// Let `q_k = P[right | the first k are absent]`. The first that is there
    /// answers, so `q_k = s r_k + (1 − s) q_{k+1}`, and neighbour `k` matters when
    /// all before it are absent: `(1 − s)^k (r_k − q_{k+1})`. Where the list ends
    /// nothing is right.
    pub(super) fn influences(self, right: &[bool], out: &mut Vec<f64>) -> f64 {
        out.clear();
        let mut later = 0.0;
        for &right in right.iter().rev() {
            out.push(f64::from(u8::from(right)) - later);
            // A mean of numbers from 0 to 1; rounding does not lead out of there.
            later = (if right { self.share } else { 0.0 } + self.absent * later).min(1.0);
        }
        out.reverse();
        let mut reached = 1.0;
        for value in out.iter_mut() {
            *value *= reached;
            reached *= self.absent;
        }
        later
    }

    /// The probability of every label that occurs among neighbours, nearest first:
    /// into `out`, in the order in which labels come.
    pub(super) fn labels(self, labels: impl Iterator<Item = usize>, out: &mut Vec<(usize, f64)>) {
        out.clear();
        let mut weight = self.share;
        for label in labels {
            match out.iter_mut().find(|(known, _)| *known == label) {
                Some((_, sum)) => *sum += weight,
                None => out.push((label, weight)),
            }
            weight *= self.absent;
        }
    }
}
