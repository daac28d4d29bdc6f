//! The condensed nearest-neighbour rule in the Euclidean norm: the rows of
//! [`nearest`](super::nearest) that balls need, and no others (ours; the idea of leaving
//! out samples is Hart's, IEEE Transactions on Information Theory 1968, where samples
//! and not balls must keep their labels).
//!
//! **Guarantee.** For every budget `μ < λ_2/2`, one radius for all samples or one each:
//! on the ball of sample `i` the score of one stored row of its class exceeds that of
//! every stored row of another. With the scores `s_k(x) = x_k·x − ‖x_k‖²/2` row `a` leads
//! row `b` there by at least `s_a(x_i) − s_b(x_i) − μ_i ‖x_a − x_b‖`. Unlike `nearest` it
//! keeps the radius it was built for, and no more.
//!
//! **Size.** That of `nearest` with `K ≤ N` rows: depth `⌈log₂ K_max⌉ + 2`, width `K`,
//! `(n + 1)K` nonzero parameters in the affine part, less the features that are 0, and
//! fewer than `5K` in the trees of maxima. How large `K` is depends on the data.
//!
//! **Method.** A sample with a row of its own keeps its ball, since every sample of
//! another class is farther than `2μ`. So rows are added for samples that no row keeps
//! yet, those first that seem to keep most of their neighbours, until none is left;
//! then rows go whose samples all have another row that keeps them. The rows that are
//! left only have fewer rivals.
//!
//! **Floating point.** As `nearest`; what rounding may take is asked of every lead.

use crate::{Budget, Dataset, Error, Norm, Progress, Radii, parallel};

use super::{
    AtLeast, BuiltNetwork, Construction, Heads, Options, euclidean::SampleScores, nearest::all_scores,
    yu2024_lipschitz::only_logits,
};

pub(super) const ENTRY: Construction = Construction {
    heads: Heads::Logits,
    largest_unnamed: |_| MOST_UNNAMED,
    at_least: |data, _| AtLeast { nonzero: 1, all: data.features() + 1 },
    ..Construction::new(
        "condensed",
        "the nearest-neighbour rule with the rows that balls need",
        &[Norm::L2],
        build,
    )
};

/// Numbers up to which it is tried without being named.
const MOST_UNNAMED: usize = 1 << 23;
/// Samples that are looked at together.
const BLOCK: usize = 128;
/// Samples of a class that are tried as its next rows.
const TRIED: usize = 256;
/// Which of the tried rows seem to keep a ball, as bits.
type Keeps = [u64; TRIED / 64];
/// Rows that are added at once: so many, or this share of those at hand.
const AT_ONCE: usize = 32;
const GROWTH: usize = 4;
/// A row is added where it keeps at least this share of what the best one keeps.
const WORTH: usize = 8;
/// Rows of other classes that are remembered around a sample.
const REMEMBERED: usize = 128;
/// How often rows are looked for that can go, at most, and the share of rows that
/// must go for another look.
const LOOKS: usize = 4;
const LEAST: usize = 50;
/// Room for the roundings of a distance in binary64.
const ROOM: f64 = 1.0 + 1e-9;

/// Builds the network.
///
/// # Errors
/// [`Error::Unsuitable`] for a scalar head; [`Error::TooFine`] when a number is
/// out of the range of the format.
fn build(
    data: &Dataset,
    budget: &Budget,
    options: Options,
    progress: &dyn Progress,
) -> Result<Box<dyn BuiltNetwork>, Error> {
    only_logits(ENTRY.name, options)?;
    let scores = all_scores(data, budget, options.precision)?.raised();
    let mut rows = Rows::new(&scores, data, budget.radii());
    let reviews = rows.grow(progress)?;
    rows.shrink(reviews, progress)?;
    Ok(Box::new(scores.network(&rows.kept, scores.constant)?))
}

/// A row and its score at some sample.
#[derive(Clone, Copy, Debug)]
struct Scored {
    /// The sample that the row is.
    row: usize,
    score: f64,
}

/// What is known around one sample.
#[derive(Clone, Debug, Default)]
struct Around {
    /// The row of its class with the largest score.
    own: Option<Scored>,
    /// Rows of other classes that are not certainly too far away to matter.
    near: Vec<Scored>,
    /// Whether some of them may lead.
    open: bool,
}

/// What all rows say about one sample: the two best of its class, and whether each
/// keeps the ball.
#[derive(Clone, Copy, Debug)]
struct Review {
    own: [Option<Scored>; 2],
    keeps: [bool; 2],
}

/// The rows that are kept, and what they do for every sample.
struct Rows<'a> {
    scores: &'a SampleScores,
    data: &'a Dataset,
    radii: &'a Radii,
    /// Samples that are rows.
    kept: Vec<usize>,
    is_kept: Vec<bool>,
    around: Vec<Around>,
}

impl<'a> Rows<'a> {
    fn new(scores: &'a SampleScores, data: &'a Dataset, radii: &'a Radii) -> Self {
        let around = vec![Around { open: true, ..Around::default() }; data.samples()];
        Self { scores, data, radii, kept: vec![], is_kept: vec![false; data.samples()], around }
    }

    /// Adds rows until every sample is kept by one; gives what they say in the end.
    fn grow(&mut self, progress: &dyn Progress) -> Result<Vec<Review>, Error> {
        loop {
            progress.begin("rows", self.data.samples() as u64);
            let mut settled = 0;
            loop {
                let open = self.open();
                let now = self.data.samples() - open.iter().map(Vec::len).sum::<usize>();
                progress.advance(now.saturating_sub(settled) as u64);
                settled = settled.max(now);
                if now == self.data.samples() {
                    break;
                }
                let new = self.next(&open)?;
                self.add(&new)?;
            }
            progress.end();
            // What was forgotten around samples is looked at again.
            let reviews = self.reviews(progress)?;
            let mut lost = false;
            for (i, (around, review)) in self.around.iter_mut().zip(&reviews).enumerate() {
                around.open = !review.keeps[0];
                lost |= around.open && !self.is_kept[i];
            }
            if !lost {
                return Ok(reviews);
            }
        }
    }

    /// The samples of each class that no row keeps and that are none.
    fn open(&self) -> Vec<Vec<usize>> {
        let mut open = vec![vec![]; self.data.classes()];
        for (i, around) in self.around.iter().enumerate() {
            if around.open && !self.is_kept[i] {
                open[self.data.labels()[i]].push(i);
            }
        }
        open
    }

    /// The next rows: `open` samples, never none.
    fn next(&self, open: &[Vec<usize>]) -> Result<Vec<usize>, Error> {
        let most = AT_ONCE.max(self.kept.len() / GROWTH);
        let all: usize = open.iter().map(Vec::len).sum();
        let of_class = |own: &Vec<usize>| self.next_of(own, (most * own.len()).div_ceil(all));
        let open: Vec<&Vec<usize>> = open.iter().filter(|own| !own.is_empty()).collect();
        Ok(parallel::try_map(open.len(), |class| of_class(open[class]))?.concat())
    }

    /// The next rows among the open samples `own` of one class: those first that
    /// seem to keep most others.
    fn next_of(&self, own: &[usize], most: usize) -> Result<Vec<usize>, Error> {
        let count = own.len().min(TRIED);
        let tried: Vec<usize> = (0..count).map(|k| own[(k * own.len() + own.len() / 2) / count]).collect();
        let scores = self.scores.scores(&tried, vec![count], self.scores.constant)?;
        let mut keeps: Vec<Keeps> = parallel::flat_map_chunks(own, BLOCK, |samples| {
            let all = scores.scores_of(&self.points(samples));
            let each = |(&i, scores): (&usize, &[f64])| {
                let mut keeps = Keeps::default();
                for (k, (&row, &score)) in tried.iter().zip(scores).enumerate() {
                    let seems = row == i || self.seems(i, Scored { row, score });
                    keeps[k / 64] |= u64::from(seems) << (k % 64);
                }
                keeps
            };
            samples.iter().zip(all.chunks(count)).map(each).collect::<Vec<Keeps>>()
        });
        let has = |keeps: &Keeps, k: usize| keeps[k / 64] >> (k % 64) & 1 == 1;
        let mut gains: Vec<usize> =
            (0..count).map(|k| keeps.iter().filter(|keeps| has(keeps, k)).count()).collect();
        let (mut chosen, mut first) = (vec![], 0);
        while chosen.len() < most {
            let best = gains.iter().copied().enumerate().rev().max_by_key(|(_, gain)| *gain);
            let Some((best, gain)) = best.filter(|(_, gain)| *gain > 0 && gain * WORTH >= first) else {
                break;
            };
            first = first.max(gain);
            chosen.push(tried[best]);
            keeps.retain(|keeps| {
                if has(keeps, best) {
                    gains.iter_mut().enumerate().for_each(|(k, gain)| *gain -= usize::from(has(keeps, k)));
                }
                !has(keeps, best)
            });
        }
        Ok(chosen)
    }

    /// Whether a row seems to keep the ball of sample `i` against the rival that is
    /// nearest now, which is taken to lie at a right angle.
    fn seems(&self, i: usize, own: Scored) -> bool {
        if own.score <= self.radii.of(i) * self.scores.lengths[own.row] {
            return false;
        }
        let nearest = self.around[i].near.iter().max_by(|a, b| a.score.total_cmp(&b.score));
        nearest.is_none_or(|rival| {
            let apart = self.distance(i, own).hypot(self.distance(i, *rival));
            own.score - rival.score > self.radii.of(i) * apart
        })
    }

    /// Adds rows, and looks what they do for every sample.
    fn add(&mut self, new: &[usize]) -> Result<(), Error> {
        let scores = self.scores.scores(new, vec![new.len()], self.scores.constant)?;
        for &row in new {
            self.is_kept[row] = true;
        }
        self.kept.extend(new);
        let mut around = std::mem::take(&mut self.around);
        parallel::each_chunk_mut(&mut around, BLOCK, |block, around| {
            let samples: Vec<usize> = (0..around.len()).map(|k| block * BLOCK + k).collect();
            let all = scores.scores_of(&self.points(&samples));
            for ((&i, around), scores) in samples.iter().zip(around).zip(all.chunks(new.len())) {
                let scored = new.iter().zip(scores).map(|(&row, &score)| Scored { row, score });
                self.meet(i, around, scored);
            }
        });
        self.around = around;
        Ok(())
    }

    /// Sample `i` meets new rows.
    fn meet(&self, i: usize, around: &mut Around, new: impl Iterator<Item = Scored> + Clone) {
        let labels = self.data.labels();
        let known = around.near.len();
        let is_own = |scored: &Scored| labels[scored.row] == labels[i];
        let best = new
            .clone()
            .filter(is_own)
            .chain(around.own)
            .reduce(|a, b| if b.score >= a.score { b } else { a });
        let changed = best.map(|own| own.row) != around.own.map(|own| own.row);
        around.own = best;
        around.near.extend(new.filter(|scored| !is_own(scored)));
        let Some(own) = best else {
            self.forget(around);
            return;
        };
        let from = if changed { 0 } else { known };
        let (mut ball, mut place) = (Ball::new(self, i, own), 0);
        let mut lost = !changed && around.open || !ball.is_above();
        around.near.retain(|rival| {
            place += 1;
            if place > from {
                if ball.is_far(*rival) {
                    return false;
                }
                lost = lost || !ball.leads(*rival);
            }
            true
        });
        around.open = lost;
        self.forget(around);
    }

    /// Keeps the nearest rivals only.
    fn forget(&self, around: &mut Around) {
        if around.near.len() > 2 * REMEMBERED {
            around.near.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.row.cmp(&b.row)));
            around.near.truncate(REMEMBERED);
        }
    }

    /// What all rows say about every sample.
    fn reviews(&self, progress: &dyn Progress) -> Result<Vec<Review>, Error> {
        let scores = self.scores.scores(&self.kept, vec![self.kept.len()], self.scores.constant)?;
        let samples: Vec<usize> = (0..self.data.samples()).collect();
        progress.begin("rivals", samples.len() as u64);
        let of = |samples: &[usize]| {
            let all = scores.scores_of(&self.points(samples));
            progress.advance(samples.len() as u64);
            let each = samples.iter().zip(all.chunks(self.kept.len()));
            each.map(|(&i, scores)| self.review(i, scores)).collect::<Vec<Review>>()
        };
        let reviews = parallel::flat_map_chunks(&samples, BLOCK, of);
        progress.end();
        Ok(reviews)
    }

    fn review(&self, i: usize, scores: &[f64]) -> Review {
        let labels = self.data.labels();
        let all = || self.kept.iter().zip(scores).map(|(&row, &score)| Scored { row, score });
        let mut own: [Option<Scored>; 2] = [None; 2];
        for scored in all().filter(|scored| labels[scored.row] == labels[i]) {
            if own[0].is_none_or(|best| scored.score > best.score) {
                own = [Some(scored), own[0]];
            } else if own[1].is_none_or(|best| scored.score > best.score) {
                own[1] = Some(scored);
            }
        }
        let keeps = own.map(|own| {
            own.is_some_and(|own| {
                let mut ball = Ball::new(self, i, own);
                let mut rivals = all().filter(|rival| labels[rival.row] != labels[i]);
                ball.is_above() && rivals.all(|rival| ball.is_far(rival) || ball.leads(rival))
            })
        });
        Review { own, keeps }
    }

    /// Lets rows go that no sample needs.
    fn shrink(&mut self, mut reviews: Vec<Review>, progress: &dyn Progress) -> Result<(), Error> {
        for look in 1..=LOOKS {
            let mut samples_of = vec![vec![]; self.data.samples()];
            for (i, review) in reviews.iter().enumerate() {
                if let Some(own) = review.own[0] {
                    samples_of[own.row].push(i);
                }
            }
            let mut order = self.kept.clone();
            order.sort_by_key(|&row| (samples_of[row].len(), row));
            let mut needed = vec![false; self.data.samples()];
            let before = self.kept.len();
            for row in order {
                let others = samples_of[row].iter().map(|&i| &reviews[i]);
                let can_go = !needed[row]
                    && others.clone().all(|review| {
                        review.keeps[1] && review.own[1].is_some_and(|other| self.is_kept[other.row])
                    });
                if can_go {
                    self.is_kept[row] = false;
                    others.filter_map(|review| review.own[1]).for_each(|other| needed[other.row] = true);
                }
            }
            self.kept.retain(|&row| self.is_kept[row]);
            if (before - self.kept.len()) * LEAST < before || look == LOOKS {
                break;
            }
            reviews = self.reviews(progress)?;
        }
        Ok(())
    }

    /// The features of some samples.
    fn points(&self, samples: &[usize]) -> Vec<f64> {
        let n = self.data.features();
        let mut points = vec![0.0; n * samples.len()];
        for (point, &i) in points.chunks_exact_mut(n).zip(samples) {
            self.data.copy_row(i, point);
        }
        points
    }

    /// How far sample `i` is from a row, about.
    fn distance(&self, i: usize, scored: Scored) -> f64 {
        let length = self.scores.lengths[i];
        (length * length - 2.0 * (scored.score - self.scores.constant)).max(0.0).sqrt()
    }
}

/// The ball of a sample, and the row that is to lead on it.
struct Ball<'a> {
    rows: &'a Rows<'a>,
    i: usize,
    radius: f64,
    own: Scored,
    distance: f64,
    rounding: f64,
    weights: Vec<f64>,
    other: Vec<f64>,
}

impl<'a> Ball<'a> {
    fn new(rows: &'a Rows<'a>, i: usize, own: Scored) -> Self {
        let n = rows.data.features();
        let (radius, mut weights) = (rows.radii.of(i), vec![0.0; n]);
        rows.scores.rows.copy_row(own.row, &mut weights);
        let rounding = rows.scores.rounding(i, own.row, radius);
        Self { rows, i, radius, own, distance: rows.distance(i, own), rounding, weights, other: vec![0.0; n] }
    }

    /// By how much the own score exceeds that of a rival at the sample, rounding taken
    /// off twice: of these scores and of those that are executed.
    fn lead(&self, rival: Scored) -> f64 {
        let rounding = self.rows.scores.rounding(self.i, rival.row, self.radius);
        self.own.score - rival.score - 2.0 * (self.rounding + rounding)
    }

    /// Whether the row scores above 0 on the ball, where scores are cut off.
    fn is_above(&self) -> bool {
        let lost = self.radius * self.rows.scores.lengths[self.own.row] * ROOM;
        self.own.score - 2.0 * self.rounding > lost
    }

    /// Whether the row leads on the ball by the distances from the sample alone; so
    /// will every row that is closer.
    fn is_far(&self, rival: Scored) -> bool {
        let apart = self.distance + self.rows.distance(self.i, rival);
        self.lead(rival) > self.radius * apart * ROOM
    }

    /// Whether the row leads on the ball.
    fn leads(&mut self, rival: Scored) -> bool {
        self.rows.scores.rows.copy_row(rival.row, &mut self.other);
        let square: f64 = self.weights.iter().zip(&self.other).map(|(a, b)| (a - b) * (a - b)).sum();
        self.lead(rival) > self.radius * square.sqrt() * ROOM
    }
}
