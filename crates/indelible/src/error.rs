//! What can go wrong in the library.

use crate::{
    norm::Norm,
    number::Precision,
    text::{counted, plain},
};

/// An error of the library; its text says what was given, what was expected
/// and where.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A dataset without samples or without features.
    #[error("the dataset is empty: {} of {}; at least one of each is needed", counted(*samples, "sample"), counted(*features, "feature"))]
    EmptyDataset {
        /// Number of samples given.
        samples: usize,
        /// Number of features given.
        features: usize,
    },
    /// Features and labels do not belong together.
    #[error("{} for {} in rows of {features}; expected one label per row", counted(*labels, "label"), counted(*values, "value"))]
    CountMismatch {
        /// Number of stored values.
        values: usize,
        /// Values per row.
        features: usize,
        /// Number of labels.
        labels: usize,
    },
    /// A feature that is no real number.
    #[error("sample {sample}, feature {feature} is {value}; every feature must be a finite number")]
    NotFinite {
        /// Row of the value, from 0.
        sample: usize,
        /// Column of the value, from 0.
        feature: usize,
        /// The value.
        value: f64,
    },
    /// The table of values of 8-bit codes is unusable.
    #[error("the table of values for 8-bit codes must hold 256 finite, strictly increasing numbers")]
    BadLevels,
    /// A label that names no class.
    #[error("sample {sample} has label {label}; expected less than the number of classes, {classes}")]
    UnknownClass {
        /// Row of the label, from 0.
        sample: usize,
        /// The label.
        label: usize,
        /// Number of classes.
        classes: usize,
    },
    /// Feature names that do not match the features.
    #[error("{} for {}; expected one per feature", counted(*names, "feature name"), counted(*features, "feature"))]
    FeatureNames {
        /// Number of names.
        names: usize,
        /// Number of features.
        features: usize,
    },
    /// A word that is no norm.
    #[error("unknown norm '{given}'; expected linf, l1, l2 or lp with a number p from 1 to 1000, as in l1.5")]
    UnknownNorm {
        /// The word.
        given: String,
    },
    /// A ratio outside (0, 1).
    #[error("the ratio is {}; expected a number between 0 and 1, both excluded", plain(*given))]
    BadRatio {
        /// The ratio.
        given: f64,
    },
    /// A share of the samples outside (0, 1].
    #[error("the share is {}; expected a number above 0 and up to 1", plain(*given))]
    BadShare {
        /// The share.
        given: f64,
    },
    /// Too few neighbours to look at.
    #[error("{} to look at; expected 2 or more", counted(*given, "neighbour"))]
    TooFewNeighbours {
        /// How many.
        given: usize,
    },
    /// A first layer without neurons.
    #[error("the width is 0; expected 1 or more")]
    BadWidth,
    /// A radius that is negative or no number.
    #[error("the radius is {}; expected a finite number, 0 or more", plain(*given))]
    BadRadius {
        /// The radius.
        given: f64,
    },
    /// A ratio of an infinite separation.
    #[error(
        "all samples have one label, so the classes are infinitely far apart and a ratio of that distance is no radius; give --radius"
    )]
    NoEnemies,
    /// Equal points with different labels.
    #[error("no network can memorize this dataset: samples {} and {} are equal but have different labels", pair.0, pair.1)]
    Inseparable {
        /// Two such samples.
        pair: (usize, usize),
    },
    /// A radius that no network can reach.
    #[error(
        "radius {} is too large: samples {} and {} have different labels at {norm} distance {}, so the largest possible radius is just below {}", plain(*radius), pair.0, pair.1, plain(*distance), plain(*largest)
    )]
    RadiusTooLarge {
        /// The radius asked for.
        radius: f64,
        /// The norm.
        norm: Norm,
        /// Lower bound of the separation.
        distance: f64,
        /// Half of it: every radius below is possible.
        largest: f64,
        /// The closest pair of enemies.
        pair: (usize, usize),
    },
    /// The format is too coarse for what was asked.
    #[error("{precision} cannot hold this network: {why}{hint}", hint = if *precision == Precision::F32 { "; try --precision f64 or a smaller radius" } else { "; try a smaller radius" })]
    TooFine {
        /// The format.
        precision: Precision,
        /// What does not fit.
        why: String,
    },
    /// A word that is no construction.
    #[error("unknown construction '{given}'; expected one of: {known}")]
    UnknownConstruction {
        /// The word.
        given: String,
        /// What there is.
        known: String,
    },
    /// A construction that was not made for this.
    #[error("{construction} cannot be built for this: {why}")]
    Unsuitable {
        /// The construction.
        construction: &'static str,
        /// What was asked and what it can do.
        why: String,
    },
    /// A construction that does not serve the norm.
    #[error("{construction} serves {supported}; {norm} was given")]
    NormNotSupported {
        /// The construction.
        construction: &'static str,
        /// The norms it serves.
        supported: String,
        /// The norm given.
        norm: Norm,
    },
    /// A question that no construction serves.
    #[error("no construction serves {norm} with {radii} and this head ({head}); the norms served are {served}", radii = if *per_sample { "a radius for each sample" } else { "one radius" })]
    NoConstruction {
        /// The norm asked for.
        norm: Norm,
        /// Whether one radius for each sample was asked for.
        per_sample: bool,
        /// The head asked for, `logits` or `scalar`.
        head: String,
        /// The norms that there are constructions for.
        served: String,
    },
    /// A network that was built and could not be proved.
    #[error(
        "only {certified} of {} could be certified in {precision}; nothing was written; try {}a smaller radius",
        counted(*samples, "sample"),
        if *precision == Precision::F32 { "--precision f64 or " } else { "" }
    )]
    NotCertified {
        /// Samples that were certified.
        certified: usize,
        /// All samples.
        samples: usize,
        /// The format.
        precision: Precision,
    },
    /// A stored form whose parts do not belong together.
    #[error("no network of {form}: {why}")]
    BadForm {
        /// The form: `layers`, `cells`, `prototypes`, `max-affine`, `graph` or `scaled features`.
        form: &'static str,
        /// What is wrong.
        why: String,
    },
    /// A network that is none of cells, of which none says why a sample gets its label.
    #[error("the network is none of cells with logits; build one with --construction cells")]
    NotCells,
    /// Inputs of a length that the network does not take.
    #[error("the network takes {}; the data have {given}", counted(*expected, "feature"))]
    InputWidth {
        /// What the network takes.
        expected: usize,
        /// What was given.
        given: usize,
    },

    /// Classes that do not match the data.
    #[error("{} of the network for {} of the data; expected one for each", counted(*given, "class"), counted(*classes, "class"))]
    ClassMap {
        /// Classes of the data.
        classes: usize,
        /// Entries given.
        given: usize,
    },
    /// A sample is to get a class that a scalar output cannot mean.
    #[error("class {class} of a network with {}; expected one of them, counted from 0", counted(*classes, "class"))]
    ClassRange {
        /// The class of the network that a sample is to get.
        class: usize,
        /// Classes of the network.
        classes: usize,
    },
    /// Radii that do not match the data.
    #[error("the number of radii is {radii} for {}; expected one per sample", counted(*samples, "sample"))]
    RadiusCount {
        /// Number of samples.
        samples: usize,
        /// Number of radii.
        radii: usize,
    },
    /// A range of valid inputs that holds no number.
    #[error(
        "the range of valid inputs{} is {} to {}; expected two numbers, the first not above the second",
        feature.map_or(String::new(), |feature| format!(" of feature {feature}")), plain(*lower), plain(*upper)
    )]
    BadRange {
        /// The feature, from 0; `None` for all.
        feature: Option<usize>,
        /// Where it begins.
        lower: f64,
        /// Where it ends.
        upper: f64,
    },
    /// Ranges that do not match the data.
    #[error("{} of valid inputs for {}; expected one per feature", counted(*ranges, "range"), counted(*features, "feature"))]
    RangeCount {
        /// Number of features.
        features: usize,
        /// Number of ranges.
        ranges: usize,
    },
    /// A sample that is no valid input.
    #[error(
        "sample {sample}, feature {feature} is {}; the range of valid inputs is {} to {}",
        plain(*value), plain(*lower), plain(*upper)
    )]
    OutOfRange {
        /// Row of the value, from 0.
        sample: usize,
        /// Column of the value, from 0.
        feature: usize,
        /// The value.
        value: f64,
        /// Where the range of the feature begins.
        lower: f64,
        /// Where it ends.
        upper: f64,
    },
    /// Two datasets that live in different spaces.
    #[error("the first dataset has {} and the second {base}; distances need equally many", counted(*queries, "feature"))]
    FeatureMismatch {
        /// Features of the first dataset.
        queries: usize,
        /// Features of the second.
        base: usize,
    },
    /// Two datasets with the same features in another order.
    #[error(
        "the two datasets have the same features in another order: feature {feature} is '{query}' in one and '{base}' in the other"
    )]
    FeatureOrder {
        /// The first feature that differs, from 0.
        feature: usize,
        /// Its name in the first dataset.
        query: String,
        /// That in the second.
        base: String,
    },
    /// Classes or features of a network and of data that do not match.
    #[error(transparent)]
    Classes(#[from] ClassError),
}

/// Why the classes or features of a network and a dataset do not match.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClassError {
    /// A network with another number of logits than names.
    #[error("the file names {}, but its network has {}", counted(*names, "class"), counted(*outputs, "output"))]
    NameCount {
        /// Number of names.
        names: usize,
        /// Number of outputs.
        outputs: usize,
    },
    /// Two classes of one name.
    #[error("the file names two classes '{name}'")]
    NamedTwice {
        /// The name.
        name: String,
    },
    /// Features in another order.
    #[error(
        "the data have the features of the network in another order: feature {feature} is '{given}'; expected '{expected}'"
    )]
    FeatureOrder {
        /// The first feature that differs, from 0.
        feature: usize,
        /// What the data have there.
        given: String,
        /// What the network has there.
        expected: String,
    },
    /// Classes without names that cannot be told by their number.
    #[error("the network has {} without names and the data have {classes}: {names}", counted(*outputs, "class"))]
    Nameless {
        /// Number of outputs.
        outputs: usize,
        /// Classes of the data.
        classes: usize,
        /// Their names.
        names: String,
    },
    /// A label that no output without a name stands for.
    #[error(
        "the network does not name its classes, so that its outputs mean the labels {first} to {last}; the data have {label}{}",
        if *first == 1 { "; one output is read as a label: a classifier by a threshold needs two, such as -z and z" } else { "" }
    )]
    NumberOutOfRange {
        /// The smallest label of the network.
        first: usize,
        /// The largest.
        last: usize,
        /// A label of the data.
        label: i64,
    },
    /// A class of the data that the network does not have.
    #[error("the network knows no class '{class}' of the data; it knows {known}")]
    Unknown {
        /// The class.
        class: String,
        /// What there is.
        known: String,
    },
}
