//! `indelible generalize`: robust accuracy on a test set.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use clap::Args;
use indelible::{
    Budget, Dataset, Norm, Precision, Progress, Radii,
    certify::Config,
    classes::Signature,
    constructions::{Construction, Options, REGISTRY},
    fit::{FitOptions, Radius, fit, serving},
    generalization::HeldOut,
    network::{Head, Model, Scaling},
    number::random::Random,
    separation::separation,
};
use indelible_io::{AtomicFile, dataset::ReadOptions, onnx};

use super::{
    asked::EffortArgs,
    generalize_answer::{Answer, Kind, Row},
    generalize_chart::chart,
    prelude::*,
    robustness_chart::Curves,
    separation::or_conflicts,
};
use crate::interrupt::at_interrupt;

/// Parts of a ball that are looked at for one question, unless asked otherwise: balls as a
/// whole, because every sample of every network is asked about many times.
const BRANCHES: usize = 0;
/// Radii that are shown unless others are asked for, as shares of the one that is built for.
const SHARES: [f64; 6] = [0.25, 0.5, 0.75, 1.0, 1.5, 2.0];
/// Test samples by default: so many that those times the numbers of the training set stay below
/// this, within limits.
const WORK: usize = 1 << 32;
const FEW: usize = 100;
const MANY: usize = 1000;

/// Arguments of `generalize`.
#[derive(Args, Debug)]
pub struct GeneralizeArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Held-out samples, with features and classes of the same names as DATA, which is trained on
    #[arg(value_name = "TEST")]
    test: PathBuf,
    /// Norm of the radius: linf, l1, l2, or lP for a real P > 1, like l1.5
    #[arg(long, default_value = "linf")]
    norm: Norm,
    /// Radius that constructions are built for
    #[arg(long, conflicts_with = "ratio", value_name = "R", allow_negative_numbers = true)]
    radius: Option<f64>,
    /// The same as a share of the largest possible one, between 0 and 1
    #[arg(long, default_value_t = 0.9, value_name = "RHO", allow_negative_numbers = true)]
    ratio: f64,
    /// Constructions to build, or `none` [default: all that serve the norm and the labels]
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    constructions: Vec<String>,
    /// Networks of others, or patched ones, to measure beside them
    #[arg(long, value_name = "NET.onnx", num_args = 1..)]
    network: Vec<PathBuf>,
    /// Radii to list and to draw up to [default: shares from 1/4 to 2 of the one that is built for]
    #[arg(long, value_name = "R,…", value_delimiter = ',', allow_negative_numbers = true)]
    radii: Vec<f64>,
    /// Neighbours that vote, in the rule of k nearest neighbours
    #[arg(long, value_name = "K", default_value_t = 5)]
    neighbours: usize,
    /// Build from so many samples of DATA as well, each part of the next
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    sizes: Vec<usize>,
    /// Which samples those are
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Test samples to look at, spread evenly [default: 100 to 1000, fewer where DATA is large]
    #[arg(long, value_name = "N")]
    samples: Option<usize>,
    /// Questions about each sample, besides those within --radii: with more, curves come closer
    #[arg(long, value_name = "N", default_value_t = 6)]
    rounds: usize,
    #[command(flatten)]
    effort: EffortArgs,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Draw robust accuracy over the radius and, with --sizes, over the size of the training set
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// Samples as they stand in a file, and behind the map of the features where there is one.
struct Samples {
    raw: Dataset,
    scaled: Option<Dataset>,
}

impl Samples {
    fn new(raw: Dataset, scaling: Option<&Scaling>) -> Result<Self, Failure> {
        let scaled = scaling.map(|scaling| scaling.images(&raw, Precision::F64)).transpose()?;
        Ok(Self { raw, scaled })
    }

    /// As distances are measured.
    fn measured(&self) -> &Dataset {
        self.scaled.as_ref().unwrap_or(&self.raw)
    }
}

/// What all networks are measured with.
struct Task<'a> {
    args: &'a GeneralizeArgs,
    constructions: Vec<&'static Construction>,
    networks: Vec<(String, onnx::Network)>,
    scaling: Option<&'a Scaling>,
    test: Samples,
    radius: f64,
    config: Config,
    answer: Arc<Mutex<Answer>>,
    bar: &'a Bar,
}

impl GeneralizeArgs {
    pub fn run(self) -> Result<(), Failure> {
        let (bar, started) = (Bar::default(), Instant::now());
        let config = self.check()?;
        let data = self.data.read_as_it_stands(&bar)?;
        let points = self.read_test(&bar)?;
        points.alike(&data)?;
        if data.labels().windows(2).all(|pair| pair[0] == pair[1]) {
            return Err(data.one_label("there is nothing to tell apart; expected two labels or more"));
        }
        let scaling = data.scaling();
        let networks = self.networks(scaling)?;
        let train = Samples::new(data.as_it_stands().clone(), scaling)?;
        let test = Samples::new(self.chosen(points.as_it_stands(), &train)?, scaling)?;
        let sizes = self.sizes(train.raw.samples())?;
        // What does not fit should not cost a long computation.
        let classes = train.raw.class_names();
        Signature { outputs: classes.len(), classes: Some(classes), features: None, tie_margin: 0.0 }
            .match_classes(&test.raw)?;
        for (_, network) in &networks {
            let (expected, given) = (network.model.inputs(), test.raw.features());
            require(expected == given, || indelible::Error::InputWidth { expected, given }.to_string())?;
            network.signature().match_classes(&test.raw)?;
        }
        let apart = separation(train.measured(), self.norm, &bar);
        let asked = match self.radius {
            Some(radius) => Budget::uniform(radius, &apart),
            None => Budget::from_ratio(self.ratio, &apart),
        };
        let budget = asked.map_err(|error| or_conflicts(&data, error))?;
        let radius = budget.radii().smallest();
        let radii = match self.radii.as_slice() {
            [] => SHARES.map(|share| share * radius).to_vec(),
            given => given.to_vec(),
        };
        let mut answer = Answer::new(self.norm, scaling.is_some(), (radius, budget.ratio()), radii);
        answer.samples = (test.raw.samples(), points.samples());
        let answer = Arc::new(Mutex::new(answer));
        let (kept, json) = (Arc::clone(&answer), self.json);
        at_interrupt(move || interrupted(&kept, json));
        let config = Config { domain: self.effort.domain(&test.raw)?, ..config };
        let constructions = self.chosen_constructions(&train.raw)?;
        let task = Task {
            args: &self,
            constructions,
            networks,
            scaling,
            test,
            radius,
            config,
            answer: Arc::clone(&answer),
            bar: &bar,
        };
        let order = shuffled(train.raw.samples(), self.seed);
        for size in sizes {
            let mut part = order[..size].to_vec();
            part.sort_unstable();
            task.at_size(&Samples::new(train.raw.select(part.into_iter())?, scaling)?)?;
        }
        task.at_size(&train)?;
        task.given(&train)?;
        let mut answer = answer.lock().unwrap_or_else(PoisonError::into_inner);
        answer.seconds = Some(started.elapsed().as_secs_f64());
        self.finish(&answer, &data, &points)
    }

    /// Refuses what cannot be asked; gives how much is tried.
    fn check(&self) -> Result<Config, Failure> {
        let [file, labels] = self.data.files();
        let clip = self.effort.clip_file();
        let inputs: Vec<Option<&PathBuf>> =
            [file, labels, Some(&self.test), clip].into_iter().chain(self.network.iter().map(Some)).collect();
        keep_apart(&inputs, &[self.svg.as_ref()])?;
        ends_in(self.svg.as_ref(), &["svg"], "the chart is written as SVG")?;
        for (name, value) in [("--rounds", self.rounds), ("--neighbours", self.neighbours)] {
            require(value > 0, || format!("{name} is 0; expected 1 or more"))?;
        }
        require(self.samples != Some(0), || "--samples is 0; expected 1 or more".into())?;
        let bad = self.radii.iter().find(|radius| !(radius.is_finite() && **radius >= 0.0));
        bad.map_or(Ok(()), |&given| Err(Failure::from(indelible::Error::BadRadius { given })))?;
        for name in self.named() {
            Construction::named(name)?.serves_norm(self.norm)?;
        }
        self.effort.config(Config { branches: BRANCHES, ..Config::default() })
    }

    /// The names of constructions that were given.
    fn named(&self) -> impl Iterator<Item = &String> {
        self.constructions.iter().filter(|name| *name != "none")
    }

    fn chosen_constructions(&self, data: &Dataset) -> Result<Vec<&'static Construction>, Failure> {
        if self.constructions.is_empty() {
            return Ok(serving(data, self.norm, false, Head::Logits)?);
        }
        Ok(self.named().map(|name| Construction::named(name)).collect::<Result<_, _>>()?)
    }

    fn read_test(&self, bar: &Bar) -> Result<Given, Failure> {
        let options = ReadOptions { labels: None, limit: None, ..self.data.options(None)? };
        Given::read(&self.test, &options, bar)
    }

    /// The networks of others, whose balls are measured as those of the constructions.
    fn networks(&self, scaling: Option<&Scaling>) -> Result<Vec<(String, onnx::Network)>, Failure> {
        let open = |path: &PathBuf| {
            let (name, network) = (path.display().to_string(), onnx::open(path)?);
            let own = match &network.model {
                Model::Scaled(scaled) => Some(scaled.scaling()),
                _ => None,
            };
            require(own == scaling, || match (own, scaling) {
                (Some(_), None) => {
                    format!("{name} scales its features; give the --scale that it was built with")
                }
                (None, _) => format!("{name} reads features as they stand; leave --scale out"),
                _ => format!("{name} scales its features in another way; radii would not be the same"),
            })?;
            Ok((name, network))
        };
        self.network.iter().map(open).collect()
    }

    /// The test samples that are looked at.
    fn chosen(&self, points: &Dataset, train: &Samples) -> Result<Dataset, Failure> {
        let count = points.samples();
        let usual = (WORK / train.raw.storage().len().max(1)).clamp(FEW, MANY);
        let most = self.samples.unwrap_or(usual).min(count);
        Ok(points.select((0..most).map(|i| i * count / most))?)
    }

    /// The sizes of parts of the training set, smallest first.
    fn sizes(&self, samples: usize) -> Result<Vec<usize>, Failure> {
        let mut sizes = self.sizes.clone();
        sizes.sort_unstable();
        sizes.dedup();
        let bad = sizes.iter().find(|size| !(1..=samples).contains(*size));
        if let Some(bad) = bad {
            return Err(Failure::input(format!(
                "--sizes has {bad}; expected numbers from 1 to {}",
                grouped(samples)
            )));
        }
        sizes.retain(|size| *size < samples);
        Ok(sizes)
    }

    fn finish(&self, answer: &Answer, data: &Given, points: &Given) -> Result<(), Failure> {
        let mut report = answer.report();
        if let Some(svg) = &self.svg {
            let title = format!(
                "{} of {} samples of {}; built from {}",
                grouped(answer.samples.0),
                grouped(answer.samples.1),
                stem(&self.test),
                stem(&self.data.path)
            );
            write_text(AtomicFile::create(svg)?, &chart(&title, answer)?)?;
            report.json["svg"] = svg.display().to_string().into();
            report.line("chart", svg.display());
        }
        points.describe(&mut report);
        report.json["test"] = report.json["data"].take();
        data.describe(&mut report);
        print(&answer.text(&report, self.json))
    }
}

/// What a file is called in a title.
fn stem(path: &Path) -> String {
    path.file_stem().map_or("data".into(), |name| name.to_string_lossy().into_owned())
}

/// Says what is known so far.
fn interrupted(kept: &Mutex<Answer>, json: bool) {
    let answer = kept.lock().unwrap_or_else(PoisonError::into_inner);
    let what = counted(answer.measured(), "network");
    let said = print(&answer.text(&answer.report(), json));
    let words = match said {
        Ok(()) => format!("interrupted: {what} measured so far"),
        Err(failure) => format!("interrupted: {}", failure.message()),
    };
    Failure::no(words).exit();
}

/// The numbers below `count` in an order that depends on the seed alone.
fn shuffled(count: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    let mut random = Random::new(seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    for end in (2..=count).rev() {
        order.swap(end - 1, random.below(end));
    }
    order
}

impl Task<'_> {
    fn answer(&self) -> MutexGuard<'_, Answer> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what was measured beside this many training samples.
    fn note(&self, size: usize, row: Row) {
        self.answer().note(size, row);
    }

    /// What learns from these samples.
    fn at_size(&self, train: &Samples) -> Result<(), Failure> {
        let held_out = self.held_out(train)?;
        let (bar, size) = (self.bar, train.raw.samples());
        let started = Instant::now();
        let rule = Curves::new(&held_out.nearest_rule(bar)?);
        self.note(size, Row::new("1-NN", Kind::Rule(0), rule, started));
        let started = Instant::now();
        let right = held_out.k_nearest(self.args.neighbours, bar)?;
        let name = format!("{}-NN", self.args.neighbours);
        self.note(size, Row::of_labels(name, Kind::Rule(1), &right, started));
        for &construction in &self.constructions {
            let started = Instant::now();
            bar.busy(construction.name);
            let built = fit(&train.raw, &self.options(construction), bar);
            bar.end();
            let measured = built.map_err(Failure::from).and_then(|fitted| {
                let classes = Some(fitted.classes.names.as_slice());
                let signature =
                    Signature { outputs: fitted.model.outputs(), classes, features: None, tie_margin: 0.0 };
                Ok((self.curves(&held_out, train, &fitted.model, signature)?, fitted.size))
            });
            match measured {
                Ok((curves, parameters)) => {
                    let position = REGISTRY.iter().position(|entry| entry.name == construction.name);
                    let kind = Kind::Construction(position.unwrap_or(0));
                    let row = Row::new(construction.name, kind, curves, started);
                    self.note(size, Row { parameters: Some(parameters), ..row });
                }
                Err(failure) => self.answer().refuse(construction.name, size, failure.message()),
            }
        }
        Ok(())
    }

    /// The networks that were given.
    fn given(&self, train: &Samples) -> Result<(), Failure> {
        if self.networks.is_empty() {
            return Ok(());
        }
        let held_out = self.held_out(train)?;
        for (number, (name, network)) in self.networks.iter().enumerate() {
            let started = Instant::now();
            let curves = self.curves(&held_out, train, &network.model, network.signature())?;
            let row = Row::new(name.as_str(), Kind::Network(number), curves, started);
            let parameters = Some(network.model.size());
            self.note(train.raw.samples(), Row { parameters, notes: network.notes.clone(), ..row });
        }
        Ok(())
    }

    fn held_out<'a>(&'a self, train: &'a Samples) -> Result<HeldOut<'a>, Failure> {
        Ok(HeldOut::new(train.measured(), self.test.measured(), self.args.norm, self.bar)?)
    }

    fn options(&self, construction: &'static Construction) -> FitOptions {
        FitOptions {
            construction: Some(construction),
            norm: self.args.norm,
            radius: Radius::Uniform(self.radius),
            network: Options::default(),
            scaling: self.scaling.cloned(),
            ..FitOptions::default()
        }
    }

    /// Robust accuracy of a network on the test samples.
    fn curves(
        &self,
        held_out: &HeldOut<'_>,
        train: &Samples,
        model: &Model,
        signature: Signature<'_>,
    ) -> Result<Curves, Failure> {
        let (test, zero) = (&self.test.raw, Radii::Uniform(0.0));
        let classes = signature.match_classes(test)?;
        let claim = classes.claim(model, test, self.args.norm, &zero);
        let radii = self.answer().radii.clone();
        let asked = (self.args.rounds, radii.as_slice());
        let found = held_out.network(&claim, &train.raw, &self.config, asked, self.bar)?;
        Ok(Curves::new(&found))
    }
}
