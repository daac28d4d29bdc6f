//! Certificates for a network that was trained elsewhere: its weights, layer by
//! layer, a radius, and a verdict for every sample.
//!
//!     cargo run -p indelible --example certify_foreign

use indelible::{
    Dataset, Error, Features, Norm, Precision, Radii, Silent,
    certify::{Verdict, certify},
    classes::Signature,
    network::{Layer, LayerBuilder, Model, StoredNetwork},
};

/// A layer from the rows of its weight matrix and its biases. A ReLU follows
/// every layer but the last.
fn layer(rows: &[&[f64]], biases: &[f64]) -> Layer {
    let mut layer = LayerBuilder::new(rows[0].len());
    for (row, &bias) in rows.iter().zip(biases) {
        for (column, &weight) in row.iter().enumerate() {
            layer.weight(column, weight);
        }
        layer.bias(bias);
    }
    layer.finish()
}

fn main() -> Result<(), Error> {
    // Somebody's weights, which are what they are in binary32: one logit grows
    // with |x₀ − x₁|, the other is constant.
    let hidden = layer(&[&[1.0, -1.0], &[-1.0, 1.0]], &[0.0, 0.0]);
    let logits = layer(&[&[-1.0, -1.0], &[0.0, 0.0]], &[1.0, 0.0]);
    let model = Model::Layers(StoredNetwork::new(Precision::F32, vec![hidden, logits])?);

    let values = vec![0.0, 0.0, 1.0, 1.5, 3.0, 0.0, 0.0, 1.25, 2.0, 2.0];
    let names = vec!["near".into(), "far".into()];
    let data = Dataset::new(Features::F64(values.into()), 2, vec![0, 0, 1, 1, 1], names)?;

    // The outputs have no names of their own; they are the classes in order.
    let signature = Signature { outputs: model.outputs(), classes: None, features: None, tie_margin: 0.0 };
    let classes = signature.match_classes(&data)?;
    let radii = Radii::Uniform(0.2);
    let certificate = certify(&classes.claim(&model, &data, Norm::Linf, &radii), &Silent)?;
    for (sample, verdict) in certificate.verdicts.iter().enumerate() {
        match verdict {
            Verdict::Certified { margin, .. } => println!("sample {sample}: certified, margin {margin:.3}"),
            Verdict::Refuted { point, .. } => println!("sample {sample}: refuted by {point:?}"),
            _ => println!("sample {sample}: undecided"),
        }
    }
    Ok(())
}
