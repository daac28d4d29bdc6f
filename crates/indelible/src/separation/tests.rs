//! Every instruction set and number of threads finds the same, to the bit, and
//! the same as a search that leaves out nothing.

mod integers;

use super::{
    Closest, Nearest, Within,
    dispatch::dispatch,
    k_nearest_enemies,
    metric::Metric,
    nearest_enemies,
    relation::{Pairs, Relation},
    search::{Collector, Pruner, Search},
};
use crate::{Dataset, Enclosure, Features, Norm, Progress, Silent, isa::Isa, number::random::Random};
use std::{
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
};

/// Leaves out nothing: every distance is taken.
struct Plain<'a, M> {
    metric: &'a M,
    relation: Relation<'a>,
}

impl<M: Metric> Pruner<M> for Plain<'_, M> {
    type Block = Range<usize>;

    fn block_size(&self) -> usize {
        512
    }

    fn block(&self, base: Range<usize>) -> Range<usize> {
        base
    }

    fn scan(&self, block: &Range<usize>, queries: Range<usize>, collector: &mut impl Collector<M>) {
        let Relation { queries: labels, base, pairs, .. } = self.relation;
        let counts = |i: usize, j: usize| pairs == Pairs::All || labels[i] != base[j];
        for i in queries {
            for j in block.start.max(self.relation.start(i))..block.end {
                if counts(i, j)
                    && let Some(distance) = self.metric.within(i, j, collector.limit(i))
                {
                    collector.take(i, j, distance);
                }
            }
        }
    }
}

/// Runs a search without pruning.
struct Unpruned<T>(T);

impl<T: Search> Search for Unpruned<T> {
    type Output = T::Output;

    fn run<M: Metric, S: Pruner<M>>(self, metric: &M, _: &S, relation: &Relation) -> T::Output {
        self.0.run(metric, &Plain { metric, relation: *relation }, relation)
    }
}

/// All that can be asked of a dataset.
#[derive(Debug, PartialEq)]
struct Answers {
    closest: Option<(Enclosure, usize, usize)>,
    /// For which each pair is looked at once.
    nearest: Vec<Option<super::Neighbour>>,
    two_nearest: Vec<Option<super::Neighbour>>,
    within: (u64, Vec<(usize, usize, Enclosure)>),
}

fn answers(data: &Dataset, norm: Norm, isa: Option<Isa>) -> Answers {
    fn run<T: Search>(
        data: &Dataset,
        relation: &Relation,
        norm: Norm,
        isa: Option<Isa>,
        search: T,
    ) -> T::Output {
        match isa {
            Some(isa) => dispatch(isa, (data, data), relation, norm, search),
            None => dispatch(Isa::Portable, (data, data), relation, norm, Unpruned(search)),
        }
    }
    let progress = &Silent;
    let closest = run(data, &Relation::once(data, Pairs::Enemies), norm, isa, Closest(progress));
    let radius = closest.map_or(1.0, |(d, ..)| d.upper * 1.05).min(f64::MAX);
    let nearest = |per_query| run(data, &Relation::within(data), norm, isa, Nearest { per_query, progress });
    Answers {
        closest,
        nearest: nearest(1),
        two_nearest: nearest(2),
        within: run(data, &Relation::once(data, Pairs::All), norm, isa, Within { radius, keep: 5, progress }),
    }
}

fn dataset(features: Features, width: usize, labels: Vec<usize>) -> Dataset {
    let classes = labels.iter().max().map_or(1, |m| m + 1);
    Dataset::new(features, width, labels, (0..classes).map(|c| c.to_string()).collect()).expect("sound data")
}

const NORMS: [Norm; 5] = [Norm::Linf, Norm::L1, Norm::L2, Norm::Lp(3.0), Norm::Lp(1.5)];

/// Compares all paths on a dataset.
fn check(name: &str, data: &Dataset) {
    check_in(&NORMS, name, data);
}

/// Compares all paths on a dataset in some norms.
fn check_in(norms: &[Norm], name: &str, data: &Dataset) {
    for &norm in norms {
        let expected = answers(data, norm, None);
        for (k, isa) in Isa::available().into_iter().enumerate() {
            // The best set with two numbers of threads, the others with one more.
            for &threads in if k == 0 { &[1, 2][..] } else { &[3] } {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
                let found = pool.install(|| answers(data, norm, Some(isa)));
                assert_eq!(found, expected, "{name}, {norm}, {isa:?}, {threads} threads");
            }
        }
    }
}

/// Small stand-ins for images: dark, with a bright blob per class.
fn images(samples: usize, width: usize, classes: usize) -> (Vec<u8>, Vec<usize>) {
    let mut random = Random::new(7);
    let labels: Vec<usize> = (0..samples).map(|_| random.below(classes)).collect();
    let mut codes = Vec::new();
    for &y in &labels {
        let center = (y * 7 + random.below(5)) % width;
        for f in 0..width {
            let bright = 255usize.saturating_sub(60 * f.abs_diff(center));
            codes.push(if bright == 0 { 0 } else { bright.saturating_sub(random.below(40)) as u8 });
        }
    }
    (codes, labels)
}

#[test]
fn images_of_several_blocks() {
    // More than a block of windows; more than a tile, and no multiple of one.
    let (codes, labels) = images(1300, 24, 10);
    let set = |features: Features| dataset(features, 24, labels.clone());
    check_in(&NORMS[..3], "unit codes", &set(Features::unit_codes(codes.clone().into())));
    check_in(&NORMS[..3], "integer codes", &set(Features::integer_codes(codes.clone().into())));
    let gamma: Vec<f64> = (0..256).map(|k| (f64::from(k) / 255.0).powf(2.2) + 1e-9 * f64::from(k)).collect();
    check_in(
        &NORMS[..3],
        "gamma levels",
        &set(Features::Coded { codes: codes.clone().into(), levels: gamma.into() }),
    );
    let singles: Vec<f32> = codes.iter().map(|&c| f32::from(c) / 255.0).collect();
    check_in(&NORMS[..3], "singles", &set(Features::F32(singles.into())));
    // Powers are slow without pruning.
    let head = set(Features::unit_codes(codes.into())).head(700).expect("samples");
    check_in(&NORMS[3..], "powers", &head);
}

#[test]
fn more_than_a_block_of_panels() {
    let (codes, labels) = images(6400, 9, 3);
    let data = dataset(Features::unit_codes(codes.into()), 9, labels);
    for norm in [Norm::L1, Norm::L2] {
        assert_eq!(answers(&data, norm, Some(Isa::best())), answers(&data, norm, None), "{norm}");
    }
}

#[test]
fn hostile_sets() {
    let mut random = Random::new(3);
    let two = |samples: usize| (0..samples).map(|i| i % 2).collect::<Vec<_>>();
    // All points equally far from each other, in every norm.
    let simplex: Vec<u8> = (0..90 * 90).map(|k| if k / 90 == k % 90 { 255 } else { 0 }).collect();
    check("simplex", &dataset(Features::unit_codes(simplex.clone().into()), 90, two(90)));
    let reals: Vec<f64> = simplex.iter().map(|&c| f64::from(c) * 0.1).collect();
    check("simplex of reals", &dataset(Features::F64(reals.into()), 90, two(90)));
    // Equal in all but one feature.
    let mut one = vec![0.3f32; 300 * 50];
    for (i, row) in one.chunks_mut(50).enumerate() {
        row[37] = (i * 7919 % 300) as f32 * 0.01;
    }
    check("one feature", &dataset(Features::F32(one.into()), 50, two(300)));
    // A single enemy.
    let codes: Vec<u8> = (0..500 * 12).map(|_| random.below(256) as u8).collect();
    let labels = (0..500).map(|i| usize::from(i == 321)).collect();
    check("one enemy", &dataset(Features::unit_codes(codes.clone().into()), 12, labels));
    // A thousand classes; one class.
    let labels = (0..500).map(|i| i * 2 % 1000).collect();
    check("thousand classes", &dataset(Features::unit_codes(codes.clone().into()), 12, labels));
    check("one class", &dataset(Features::unit_codes(codes.into()), 12, vec![0; 500]));
    // Clusters of duplicates, with and without conflicts.
    let points: Vec<f32> = (0..8 * 20).map(|_| random.unit() as f32 + 0.1).collect();
    let clusters: Vec<f32> = (0..400).flat_map(|i| points[i % 8 * 20..(i % 8 + 1) * 20].to_vec()).collect();
    check(
        "clusters",
        &dataset(Features::F32(clusters.clone().into()), 20, (0..400).map(|i| i % 8 % 3).collect()),
    );
    check("conflicts", &dataset(Features::F32(clusters.into()), 20, (0..400).map(|i| i % 3).collect()));
    // Denormals, huge numbers, and both; one outlier.
    for (name, low, high) in [("denormal", 1e-44, 1e-43), ("huge", 1e37, 3e38), ("both", 1e-44, 3e38)] {
        let mut next = || random.below(1000) as f32 / 1000.0;
        let values: Vec<f32> =
            (0..200 * 7).map(|k| if k % 2 == 0 { low * next() } else { high * (next() - 0.5) }).collect();
        check(name, &dataset(Features::F32(values.into()), 7, two(200)));
    }
    for scale in [1e-310, 1e-160, 1e160, 1e308] {
        let values: Vec<f64> =
            (0..200 * 7).map(|_| (random.below(2001) as f64 / 1000.0 - 1.0) * scale).collect();
        check("doubles", &dataset(Features::F64(values.into()), 7, two(200)));
    }
    let mut outlier: Vec<f64> = (0..300 * 9).map(|_| random.below(1000) as f64 / 7.0).collect();
    outlier[1234] = 1e12;
    check("outlier", &dataset(Features::F64(outlier.into()), 9, two(300)));
}

#[test]
fn one_enemy_of_many() {
    // So few pairs that all are looked at, in more than one block; with ties.
    let mut random = Random::new(13);
    let codes: Vec<u8> = (0..4200 * 3).map(|_| random.below(16) as u8).collect();
    let reals: Vec<f64> = codes.iter().map(|&c| f64::from(c) * 0.1).collect();
    for odd in [0, 4150] {
        let labels: Vec<usize> = (0..4200).map(|i| usize::from(i == odd)).collect();
        for features in [Features::unit_codes(codes.clone().into()), Features::F64(reals.clone().into())] {
            let data = dataset(features, 3, labels.clone());
            for norm in NORMS {
                for isa in Isa::available() {
                    let (once, both) = (Relation::once(&data, Pairs::Enemies), Relation::within(&data));
                    let found = dispatch(isa, (&data, &data), &once, norm, Closest(&Silent));
                    let closest = Unpruned(Closest(&Silent));
                    let expected = dispatch(Isa::Portable, (&data, &data), &once, norm, closest);
                    assert_eq!(found, expected, "{norm} {isa:?}");
                    let search = || Nearest { per_query: 2, progress: &Silent };
                    let found = dispatch(isa, (&data, &data), &both, norm, search());
                    let plain = Unpruned(search());
                    let expected = dispatch(Isa::Portable, (&data, &data), &both, norm, plain);
                    assert_eq!(found, expected, "{norm} {isa:?}");
                }
            }
        }
    }
}

/// Samples that depend on few hidden numbers, as codes.
fn waves(samples: usize, width: usize) -> Vec<u8> {
    let mut random = Random::new(5);
    let mut codes = Vec::new();
    for _ in 0..samples {
        let hidden: Vec<f64> = (0..6).map(|_| random.below(1000) as f64 / 1000.0 - 0.5).collect();
        for f in 0..width {
            let wave = |k: usize| hidden[k] * (f as f64 * 0.02 * (k + 1) as f64).sin();
            codes.push((128.0 + 60.0 * (0..6).map(wave).sum::<f64>() + random.below(7) as f64) as u8);
        }
    }
    codes
}

#[test]
fn sets_that_are_sketched() {
    let (samples, width) = (1600, 200);
    let labels: Vec<usize> = (0..samples).map(|i| i * 7 % 5).collect();
    let set = |features: Features| dataset(features, width, labels.clone());
    let norms = [Norm::L1, Norm::L2];
    let codes = waves(samples, width);
    check_in(&norms, "waves", &set(Features::unit_codes(codes.clone().into())));
    // One sample far away, whose sketch is coarse.
    let mut reals: Vec<f32> = codes.iter().map(|&c| f32::from(c) * 1e-3).collect();
    reals[700 * width..701 * width].fill(1e4);
    check_in(&norms, "waves and an outlier", &set(Features::F32(reals.into())));
    // Where all pairs count, sketches tell the few samples that they are judged
    // by apart, as these have twins, but not others: they are given up.
    let mut random = Random::new(9);
    let centers: Vec<f64> = (0..samples / 2 * width).map(|_| random.below(1001) as f64 - 500.0).collect();
    let twins: Vec<f64> = centers.iter().copied().chain(centers.iter().map(|x| x + 0.01)).collect();
    let labels = (0..samples).map(|i| i % (samples / 2) % 2).collect();
    check_in(&norms, "twins", &dataset(Features::F64(twins.into()), width, labels));
}

#[test]
fn sketches_between_sets() {
    let width = 200;
    let all = waves(2000, width);
    let (base, queries) = all.split_at(1600 * width);
    // Every sample several times, under its own label and others: what is
    // nearest is a tie.
    let again = all[..400 * width].repeat(4);
    for (base, queries) in [(base, queries), (&again, &again[..300 * width])] {
        let set = |codes: &[u8]| {
            let labels = (0..codes.len() / width).map(|i| i % 3).collect();
            dataset(Features::unit_codes(codes.to_vec().into()), width, labels)
        };
        let (base, queries) = (set(base), set(queries));
        let relation = Relation::between(queries.labels(), &base);
        for norm in [Norm::L1, Norm::L2] {
            let search = || Nearest { per_query: 1, progress: &Silent };
            let plain = Unpruned(search());
            let expected = dispatch(Isa::Portable, (&queries, &base), &relation, norm, plain);
            for isa in Isa::available() {
                let found = dispatch(isa, (&queries, &base), &relation, norm, search());
                assert_eq!(found, expected, "{norm} {isa:?}");
            }
        }
    }
}

#[test]
fn wide_rows() {
    // More features than are quantized or than a pool of windows holds.
    let width = 33_000;
    let mut random = Random::new(11);
    let codes: Vec<u8> = (0..24 * width).map(|_| random.below(256) as u8).collect();
    let data = dataset(Features::integer_codes(codes.into()), width, (0..24).map(|i| i % 2).collect());
    for norm in [Norm::Linf, Norm::L1, Norm::L2] {
        for isa in Isa::available() {
            assert_eq!(answers(&data, norm, Some(isa)), answers(&data, norm, None), "{norm} {isa:?}");
        }
    }
}

/// Counts what it is told.
#[derive(Default)]
struct Counter {
    total: AtomicU64,
    done: AtomicU64,
    ended: AtomicU64,
}

impl Progress for Counter {
    fn begin(&self, _: &str, total: u64) {
        self.total.fetch_add(total, Ordering::Relaxed);
    }
    fn advance(&self, units: u64) {
        self.done.fetch_add(units, Ordering::Relaxed);
    }
    fn end(&self) {
        self.ended.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn progress_reaches_its_total() {
    let (codes, labels) = images(1500, 10, 4);
    let data = dataset(Features::unit_codes(codes.into()), 10, labels);
    for norm in NORMS {
        let counter = Counter::default();
        assert!(super::separation(&data, norm, &counter).pair.is_some());
        assert_eq!(super::nearest_enemies(&data, norm, &counter).indices.len(), 1500);
        let close = super::pairs_within(&data, norm, 0.5, Pairs::All, 3, &counter);
        assert!(close.is_ok());
        assert_eq!(counter.done.into_inner(), counter.total.into_inner());
        assert_eq!(counter.ended.into_inner(), 3);
    }
}

/// In sorted data the nearest enemies stand beside a sample: before it, where both sides are as near.
#[test]
fn sorted_data_have_their_neighbours_beside_them() {
    let samples = 3000;
    let values: Vec<f64> = (0..samples).map(|i| i as f64).collect();
    let data = dataset(Features::F64(values.into()), 1, (0..samples).map(|i| i % 3).collect());
    for norm in NORMS {
        let near = nearest_enemies(&data, norm, &Silent);
        let two = k_nearest_enemies(&data, norm, 2, &Silent);
        for (i, pair) in two.iter().enumerate() {
            let expected = if i == 0 { 1 } else { i - 1 };
            assert_eq!(near.indices[i], Some(expected), "{norm}, {i}");
            assert!(near.distances[i].lower <= 1.0 && near.distances[i].upper >= 1.0);
            let second = match i {
                0 => 2,
                i if i + 1 == samples => i - 2,
                i => i + 1,
            };
            let found: Vec<usize> = pair.iter().map(|n| n.index).collect();
            assert_eq!(found, [expected, second], "{norm}, {i}");
        }
    }
}
