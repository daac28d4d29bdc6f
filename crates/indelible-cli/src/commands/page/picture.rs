//! Samples as small grey or coloured pictures, in pure SVG.

use std::{collections::BTreeMap, fmt::Write, str::FromStr};

use indelible::Dataset;
use serde_json::{Value, json};

use super::super::prelude::*;

/// Features from which on samples without column names are taken for images,
/// where they make a square.
const SQUARE_FROM: usize = 64;
/// The largest side of a picture.
const LARGEST: usize = 512;
/// Steps of brightness.
const STEPS: f64 = 31.0;

/// How the features of a sample make an image, row by row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// They make none.
    None,
    /// One number for each pixel, or three in a row.
    Pixels { height: usize, width: usize, channels: usize },
}

impl FromStr for Shape {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self::None);
        }
        let sides: Option<Vec<usize>> = text.split('x').map(|side| side.parse().ok()).collect();
        match sides.as_deref() {
            Some(&[height, width]) => Self::pixels(height, width, 1),
            Some(&[height, width, channels @ (1 | 3)]) => Self::pixels(height, width, channels),
            _ => Err("expected HEIGHTxWIDTH, HEIGHTxWIDTHx3, or none".into()),
        }
    }
}

impl Shape {
    fn pixels(height: usize, width: usize, channels: usize) -> Result<Self, String> {
        if !(1..=LARGEST).contains(&height) || !(1..=LARGEST).contains(&width) {
            return Err(format!("expected sides from 1 to {LARGEST}"));
        }
        Ok(Self::Pixels { height, width, channels })
    }

    /// The shape that was asked for, or that of a square; `None` where samples
    /// are no images.
    pub fn of(asked: Option<Self>, data: &Dataset) -> Result<Option<Self>, Failure> {
        let features = data.features();
        match asked {
            Some(Self::None) => Ok(None),
            Some(shape @ Self::Pixels { height, width, channels }) => {
                require(height * width * channels == features, || {
                    format!(
                        "--image {height}x{width}x{channels} has {}, the samples have {features}",
                        counted(height * width * channels, "number")
                    )
                })?;
                Ok(Some(shape))
            }
            None => {
                let side = features.isqrt();
                let is_square =
                    side * side == features && (SQUARE_FROM..=LARGEST * LARGEST).contains(&features);
                let shape = Self::Pixels { height: side, width: side, channels: 1 };
                Ok((is_square && data.feature_names().is_none()).then_some(shape))
            }
        }
    }
}

/// The pictures of all samples that `answer` names, by their numbers: the keys
/// are texts, as in every JSON object.
pub fn of_all(shape: Shape, data: &Dataset, answer: &Value) -> Value {
    let separation = &answer["separation"];
    let pairs = [&separation["closest"], &separation["conflicts"], &answer["duplicates"]["pairs"]];
    let of_pairs = pairs.into_iter().filter_map(Value::as_array).flatten();
    let mut shown: Vec<usize> =
        of_pairs.filter_map(|object| object["pair"].as_array()).flatten().filter_map(number).collect();
    let lists = [&answer["scores"]["top"], &answer["scores"]["suspected"]];
    for object in lists.into_iter().filter_map(Value::as_array).flatten() {
        shown.extend([&object["sample"], &object["nearest_sample"]].into_iter().filter_map(number));
    }
    shown.sort_unstable();
    shown.dedup();
    let values = || shown.iter().flat_map(|&sample| data.row(sample));
    let range = values().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    shown.iter().map(|&sample| (sample.to_string(), draw(shape, &data.row(sample), range))).collect()
}

fn number(value: &Value) -> Option<usize> {
    usize::try_from(value.as_u64()?).ok()
}

/// One path for each colour: runs of equal pixels are one rectangle. Low is
/// black.
fn draw(shape: Shape, row: &[f64], (low, high): (f64, f64)) -> Value {
    let Shape::Pixels { height, width, channels } = shape else { return Value::Null };
    // Halves: the difference of two numbers may be none of the format.
    let span = high / 2.0 - low / 2.0;
    let level = |value: f64| {
        let share = if span > 0.0 { (value / 2.0 - low / 2.0) / span } else { 0.0 };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 255")]
        let level = ((share.clamp(0.0, 1.0) * STEPS).round() * (255.0 / STEPS)) as u8;
        level
    };
    let colour = |y: usize, x: usize| {
        let at = (y * width + x) * channels;
        let part = |c: usize| row.get(at + c.min(channels - 1)).copied().map_or(0, level);
        [part(0), part(1), part(2)]
    };
    let mut paths = BTreeMap::<[u8; 3], String>::new();
    for y in 0..height {
        let mut x = 0;
        while x < width {
            let this = colour(y, x);
            let run = (x..width).take_while(|&x| colour(y, x) == this).count();
            if this != [0, 0, 0] {
                // Writing to a text cannot fail.
                let _ = write!(paths.entry(this).or_default(), "M{x} {y}h{run}v1h-{run}z");
            }
            x += run;
        }
    }
    let fill = |[r, g, b]: [u8; 3]| format!("#{r:02x}{g:02x}{b:02x}");
    let paths: Vec<Value> = paths.into_iter().map(|(of, d)| json!({"fill": fill(of), "d": d})).collect();
    json!({"height": height, "width": width, "paths": paths})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_read() {
        assert_eq!("none".parse(), Ok(Shape::None));
        assert_eq!("28x20".parse(), Ok(Shape::Pixels { height: 28, width: 20, channels: 1 }));
        assert_eq!("2x2x3".parse(), Ok(Shape::Pixels { height: 2, width: 2, channels: 3 }));
        for wrong in ["", "28", "0x3", "3x0", "2x2x2", "axb", "-1x3", "99999999999x99999999999", "1x1x1x1"] {
            assert!(wrong.parse::<Shape>().is_err(), "{wrong}");
        }
    }

    /// Every pixel is covered by the rectangle of its own colour, and no other.
    #[test]
    fn pictures_have_every_pixel() {
        let shape = Shape::Pixels { height: 2, width: 3, channels: 1 };
        let drawn = draw(shape, &[0.0, 31.0, 31.0, 31.0, 15.0, 0.0], (0.0, 31.0));
        assert_eq!(
            drawn["paths"],
            json!([
                {"fill": "#7b7b7b", "d": "M1 1h1v1h-1z"},
                {"fill": "#ffffff", "d": "M1 0h2v1h-2zM0 1h1v1h-1z"},
            ])
        );
        let wide = draw(shape, &[f64::MAX, f64::MIN, 0.0, 0.0, 0.0, 0.0], (f64::MIN, f64::MAX));
        assert_eq!(wide["paths"][1]["fill"], "#ffffff");
        assert_eq!(draw(shape, &[5.0; 6], (5.0, 5.0))["paths"], json!([]));
    }
}
