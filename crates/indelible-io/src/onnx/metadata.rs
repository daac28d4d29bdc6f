//! What a file says about the network in it.

use indelible::{Norm, Radii};
use serde_json::{from_str, json};

use super::{OnnxError, proto};

const PREFIX: &str = "indelible.";
/// The units of radii that are measured behind a map.
const SCALED: &str = "scaled";

/// What this project writes beside a network, in the metadata of the ONNX
/// file; all absent in files of others.
///
/// It is a claim of the file and no part of a proof: the checker uses the
/// class names to tell which output belongs to which label, and the radii as
/// the question to ask.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata {
    /// Version of the program that wrote the file (`indelible.version`).
    pub version: Option<String>,
    /// Name of the construction (`indelible.construction`).
    pub construction: Option<String>,
    /// Norm of the radii (`indelible.norm`).
    pub norm: Option<Norm>,
    /// The radius (`indelible.radius`) or one per sample, separated by commas
    /// (`indelible.radii`), in shortest decimals that denote the binary64
    /// numbers.
    pub radii: Option<Radii>,
    /// Whether radii are measured behind the map of the features in front of the
    /// network (`indelible.radius_units` is `scaled`) and not in their own units.
    pub scaled: bool,
    /// `ρ` (`indelible.ratio`).
    pub ratio: Option<f64>,
    /// Names of the classes, in the order of logits or of the integers
    /// `1..=L` (`indelible.classes`, a JSON array).
    pub classes: Option<Vec<String>>,
    /// Names of the features (`indelible.features`, a JSON array).
    pub features: Option<Vec<String>>,
    /// For every cell of a network of cells, in its order, how many samples lie
    /// in it with their whole ball (`indelible.samples_per_cell`, a JSON array).
    pub samples_per_cell: Option<Vec<usize>>,
    /// SHA-256 of the dataset (`indelible.dataset`).
    pub dataset: Option<String>,
}

impl Metadata {
    /// The units of the radii: `scaled` behind a map of the features, else `raw`.
    #[must_use]
    pub fn units(&self) -> &'static str {
        if self.scaled { SCALED } else { "raw" }
    }

    /// What a file says of itself that others wrote.
    pub(super) fn of_others(entries: &[proto::Entry]) -> impl Iterator<Item = &proto::Entry> {
        entries.iter().filter(|entry| !entry.key.starts_with(PREFIX))
    }

    pub(super) fn entries(&self) -> Vec<proto::Entry> {
        let radii = match &self.radii {
            Some(Radii::PerSample(radii)) => {
                ("radii", Some(radii.iter().map(f64::to_string).collect::<Vec<_>>().join(",")))
            }
            Some(Radii::Uniform(radius)) => ("radius", Some(radius.to_string())),
            None => ("radius", None),
        };
        let names = |names: &Option<Vec<String>>| names.as_ref().map(|names| json!(names).to_string());
        let entries = [
            ("version", self.version.clone()),
            ("construction", self.construction.clone()),
            ("norm", self.norm.map(|norm| norm.to_string())),
            radii,
            ("radius_units", self.scaled.then(|| SCALED.to_owned())),
            ("ratio", self.ratio.map(|ratio| ratio.to_string())),
            ("classes", names(&self.classes)),
            ("features", names(&self.features)),
            ("samples_per_cell", self.samples_per_cell.as_ref().map(|counts| json!(counts).to_string())),
            ("dataset", self.dataset.clone()),
        ];
        let present = entries.into_iter().filter_map(|(key, value)| Some((key, value?)));
        present.map(|(key, value)| proto::Entry { key: format!("{PREFIX}{key}"), value }).collect()
    }

    pub(super) fn from_entries(entries: &[proto::Entry]) -> Result<Self, OnnxError> {
        let mut metadata = Self::default();
        for proto::Entry { key, value } in entries {
            let bad = || OnnxError::Metadata { key: key.clone(), value: value.chars().take(40).collect() };
            let invalid = |_: serde_json::Error| bad();
            let number =
                |text: &str| text.parse::<f64>().ok().filter(|r| r.is_finite() && *r >= 0.0).ok_or_else(bad);
            match key.strip_prefix(PREFIX) {
                Some("version") => metadata.version = Some(value.clone()),
                Some("construction") => metadata.construction = Some(value.clone()),
                Some("norm") => metadata.norm = Some(value.parse().map_err(|_| bad())?),
                Some("radius") => metadata.radii = Some(Radii::Uniform(number(value)?)),
                Some("radii") => {
                    metadata.radii =
                        Some(Radii::PerSample(value.split(',').map(number).collect::<Result<_, _>>()?));
                }
                Some("radius_units") => {
                    metadata.scaled = if value == SCALED { true } else { return Err(bad()) };
                }
                Some("ratio") => metadata.ratio = Some(number(value)?),
                Some("classes") => metadata.classes = Some(from_str(value).map_err(invalid)?),
                Some("features") => metadata.features = Some(from_str(value).map_err(invalid)?),
                Some("samples_per_cell") => {
                    metadata.samples_per_cell = Some(from_str(value).map_err(invalid)?)
                }
                Some("dataset") => metadata.dataset = Some(value.clone()),
                _ => {}
            }
        }
        Ok(metadata)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_the_way_through_a_file() {
        let metadata = Metadata {
            version: Some("0.1.0".into()),
            construction: Some("yu2024-linf".into()),
            norm: Some(Norm::Linf),
            radii: Some(Radii::PerSample(vec![0.1, f64::from_bits(1), 1e30, 0.0])),
            scaled: true,
            ratio: Some(0.9),
            classes: Some(vec!["a \"quoted\", name".into(), "ß".into()]),
            features: Some(vec!["width".into(), "a,b".into()]),
            samples_per_cell: Some(vec![3, 0, 17]),
            dataset: Some("00ff".into()),
        };
        assert_eq!(Metadata::from_entries(&metadata.entries()).unwrap(), metadata);
    }

    #[test]
    fn nonsense_is_named() {
        let entry = |key: &str, value: &str| proto::Entry { key: key.into(), value: value.into() };
        for bad in [
            entry("indelible.radius", "NaN"),
            entry("indelible.radii", "1,,2"),
            entry("indelible.norm", "l0.5"),
        ] {
            assert!(matches!(Metadata::from_entries(&[bad]), Err(OnnxError::Metadata { .. })));
        }
        assert_eq!(Metadata::from_entries(&[entry("radius", "NaN")]).unwrap(), Metadata::default());
    }
}
