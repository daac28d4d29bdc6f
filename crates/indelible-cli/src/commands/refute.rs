//! `indelible refute`: pairs that a narrow first layer cannot tell apart.

use std::{path::PathBuf, time::Instant};

use clap::Args;
use indelible::{Norm, network::Model};
use indelible_decide::{Collision, find_collision};
use indelible_io::{
    npy::{Array, Values, write_npz},
    onnx,
};
use serde_json::json;

use super::prelude::*;
/// Arguments of `refute`.
#[derive(Args, Debug)]
pub struct RefuteArgs {
    /// Network of Gemm, MatMul, Add and Relu
    #[arg(value_name = "NET.onnx")]
    network: PathBuf,
    #[command(flatten)]
    data: DataArgs,
    /// Radius of the balls
    #[arg(long, value_name = "R", allow_hyphen_values = true)]
    radius: f64,
    /// Norm of the balls
    #[arg(long, default_value_t = Norm::Linf)]
    norm: Norm,
    /// Write the two points: `X` and `y`, the labels they should get as positions among the classes
    #[arg(short, long, value_name = "FILE.npz")]
    output: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl RefuteArgs {
    pub fn run(self) -> Result<(), Failure> {
        let bar = Bar::default();
        let [data, labels] = self.data.files();
        keep_apart(&[Some(&self.network), data, labels], &[self.output.as_ref()])?;
        ends_in(self.output.as_ref(), &["npz"], "the two points are written as NPZ")?;
        let network = onnx::open(&self.network)?;
        let data = self.data.read_for(&network, &bar)?;
        let Model::Layers(layers) = &network.model else {
            return Err(Failure::input(format!(
                "{} holds a network in compact form; refute takes layers of Gemm, MatMul, Add and Relu",
                self.network.display()
            )));
        };
        let classes = network.signature().match_classes(&data)?;
        let started = Instant::now();
        let (radius, count) = (self.radius, classes.names.len());
        let found = find_collision(layers, &data, &classes.map, count, self.norm, radius, &bar)?;
        let taken = started.elapsed().as_secs_f64();
        let mut report = Report::new(json!({
            "refuted": found.is_some(), "norm": self.norm.to_string(), "radius": radius, "seconds": taken,
        }));
        let Some(Collision { samples, points, predicted, wrong, .. }) = found else {
            report.line("answer", "not refuted").line("time", seconds(taken));
            data.describe(&mut report);
            return report.print(self.json);
        };
        let wanted = samples.map(|sample| &classes.names[classes.map[data.labels()[sample]]]);
        let said = predicted.map(|class| class.map_or("NaN", |c| classes.names[c].as_str()));
        report.json["samples"] = json!(samples);
        report.json["labels"] = json!(wanted);
        report.json["predicted"] = json!(said);
        report.json["misclassified"] = wrong.into();
        report.json["points"] = json!(points);
        report.line("answer", "refuted").line("samples", format!("{} and {}", samples[0], samples[1]));
        for (k, ((sample, wanted), said)) in samples.into_iter().zip(wanted).zip(said).enumerate() {
            let verdict = if k == wrong { ": wrong" } else { "" };
            report.line(
                format!("point {}", k + 1),
                format!("in the ball of sample {sample}, label {wanted}; the network says {said}{verdict}"),
            );
        }
        let values = points.concat();
        let matrix = Array::matrix(Values::F64(&values), data.features());
        if let (Some(path), Some(matrix)) = (&self.output, matrix) {
            let y: Vec<i64> =
                samples.iter().map(|&s| i64::try_from(data.labels()[s]).unwrap_or(-1)).collect();
            write_npz(path, &[("X", matrix), ("y", Array::vector(Values::I64(&y)))])?;
            report.json["file"] = path.display().to_string().into();
            report.line("file", path.display());
        }
        report.line("time", seconds(taken));
        data.describe(&mut report);
        report.print(self.json)
    }
}
