//! The whole line on data in memory: dataset, network, certificate, labels.
//!
//!     cargo run -p indelible --example whole_line

use indelible::{
    Dataset, Error, Features, Silent,
    fit::{FitOptions, Radius, fit},
    network::predicted_class,
};

fn main() -> Result<(), Error> {
    // Six samples of two features, row after row, and a label for each.
    let values = vec![0.0, 0.0, 1.0, 3.0, 2.0, 1.0, 5.0, 5.0, 3.0, 0.0, 4.0, 4.0];
    let names = vec!["low".into(), "high".into()];
    let data = Dataset::new(Features::F64(values.into()), 2, vec![0, 1, 0, 1, 0, 1], names)?;

    // Nine tenths of the largest radius that any network can keep; of the
    // constructions that serve, the one with the fewest nonzero parameters.
    let options = FitOptions { radius: Radius::Ratio(0.9), ..FitOptions::default() };
    let fitted = fit(&data, &options, &Silent)?;
    let radius = fitted.budget.radii().smallest();
    println!("{} at radius {radius} in {}", fitted.construction.name, options.norm);
    println!("depth {}, {} nonzero parameters", fitted.size.depth, fitted.size.nonzero);
    if let Some(reason) = &fitted.reason {
        println!("chosen for {reason}");
    }

    // The proof: every point within the radius of a sample gets its label.
    if let Some(certificate) = &fitted.certificate {
        println!("{} of {} samples certified", certificate.certified, certificate.samples);
    }

    // What the network says about a point near the last sample.
    let outputs = fitted.model.evaluate(&[4.0 - radius, 4.0 + radius])?;
    let class = predicted_class(&outputs, fitted.classes.names.len());
    println!("a point at the edge: {}", class.map_or("no number", |class| &fitted.classes.names[class]));
    Ok(())
}
