//! What can be built, what was, and what is proved of it.

use indelible::{
    Budget, Error, Radii,
    bounds::{Question, table},
    certify::{Config, robust_radii},
    constructions::{Options, REGISTRY},
    fit::{FitOptions, Fitted, Form, Radius, Trial},
    separation::{NearestEnemies, describe_conflicts},
};
use indelible_io::{FittedFile, fit_to_bytes, fit_to_file};
use serde_json::{Value, json};

use super::{
    super::{
        bounds,
        certify::smallest_margin,
        compare::row_json,
        prelude::*,
        robustness_chart::{Curves, chart},
    },
    Drawn, LeftOut, PageArgs, finite,
};
use crate::lipschitz;

/// Samples times features up to which all constructions are built.
const MOST_TRIED: usize = 1 << 21;
/// Nonzero parameters, over all points that are tried on the way, up to which
/// a robustness curve is drawn.
const MOST_CURVED: f64 = 1e11;
/// Samples of the curve, questions about each, and how hard they are attacked.
const CURVE_SAMPLES: usize = 200;
const ROUNDS: usize = 10;
const ATTACK_STEPS: u32 = 10;
/// Places of the curve in the table.
const PLACES: usize = 10;

/// Adds `compare`, `bounds`, `built` and `robustness` to the answer.
pub fn add(
    args: &PageArgs,
    data: &Given,
    enemies: &NearestEnemies,
    report: &mut Report,
    (drawn, left_out): (&mut Drawn, &mut LeftOut),
    bar: &Bar,
) -> Result<(), Failure> {
    for part in ["compare", "bounds", "robustness"] {
        report.json[part] = Value::Null;
    }
    let budget = match Budget::from_ratio(args.ratio, &enemies.separation()) {
        Ok(budget) => budget,
        Err(error) => {
            let why = match error {
                Error::Inseparable { .. } => describe_conflicts(data),
                Error::NoEnemies => "all samples have one label: there is nothing to tell apart".into(),
                other => other.to_string(),
            };
            report.line("network", &why);
            report.json["built"] = json!({"why": why});
            return Ok(());
        }
    };
    report.json["bounds"] = bound_rows(args, data)?;
    report.json["compare"] = compared(data, &budget, left_out, bar);
    let options = FitOptions {
        norm: args.norm,
        radius: Radius::Ratio(args.ratio),
        scaling: data.scaling().cloned(),
        ..FitOptions::default()
    };
    let built = match &args.network {
        Some(path) => fit_to_file(path, data.as_it_stands(), &options, bar),
        None => fit_to_bytes(data.as_it_stands(), &options, bar).map(|built| FittedFile {
            bytes: built.bytes.len().try_into().unwrap_or(u64::MAX),
            fitted: built.fitted,
        }),
    };
    let built = match built {
        Ok(built) => built,
        Err(indelible_io::Error::Library(error)) => {
            let why = error.to_string();
            report.line("network", &why);
            report.json["built"] = json!({"why": why});
            return Ok(());
        }
        Err(other) => return Err(other.into()),
    };
    describe_built(args, data, &built, report);
    curve(args, data, &built.fitted, report, (drawn, left_out), bar)
}

/// What is necessary and what suffices.
fn bound_rows(args: &PageArgs, data: &Given) -> Result<Value, Failure> {
    let (samples, features, classes) = (data.samples(), data.features(), data.classes());
    let question = Question { samples, features, classes, norm: args.norm, ratio: args.ratio };
    Ok(table(&question)?.iter().map(bounds::object).collect())
}

/// Every construction that serves, built and certified.
fn compared(data: &Given, budget: &Budget, left_out: &mut LeftOut, bar: &Bar) -> Value {
    let size = data.samples().saturating_mul(data.features());
    if size > MOST_TRIED {
        let why = format!("{} numbers are too many to build every construction", grouped(size));
        left_out.note("all constructions side by side", why, "indelible compare DATA");
        return Value::Null;
    }
    let (mut rows, mut refused) = (vec![], vec![]);
    for construction in REGISTRY {
        let tried = construction
            .serves_norm(budget.norm())
            .and_then(|()| Trial::of(construction, data, budget, Options::default(), bar));
        match tried {
            Ok(row) => {
                let mut row = row_json(&row, data.samples());
                // Times differ from run to run, and the page does not.
                if let Some(row) = row.as_object_mut() {
                    row.remove("seconds");
                }
                rows.push(row);
            }
            Err(Error::Unsuitable { why, .. }) => {
                refused.push(json!({"name": construction.name, "why": why}))
            }
            Err(error) => refused.push(json!({"name": construction.name, "why": error.to_string()})),
        }
    }
    json!({"constructions": rows, "refused": refused})
}

/// The network and its certificate.
fn describe_built(args: &PageArgs, data: &Given, built: &FittedFile, report: &mut Report) {
    let fitted = &built.fitted;
    let radius = fitted.budget.radii().smallest();
    let certificate = fitted.certificate.as_ref();
    let certified = certificate.map_or(0, |certificate| certificate.certified);
    report.json["built"] = json!({
        "construction": fitted.construction.name, "source": fitted.construction.source,
        "reason": fitted.reason.as_ref().map(ToString::to_string),
        "radius": radius, "norm": args.norm.to_string(), "scaled": data.scaling().is_some(),
        "form": fitted.form.to_string(), "precision": fitted.model.precision().to_string(),
        "depth": fitted.size.depth, "width": fitted.size.width,
        "parameters": {"nonzero": fitted.size.nonzero, "all": fitted.size.all},
        "max_abs_parameter": fitted.size.max_abs, "lipschitz": lipschitz::object(&fitted.lipschitz),
        "samples": data.samples(), "certified": certified, "exact": certificate.map(|found| found.exact),
        "smallest_margin": certificate.and_then(smallest_margin), "bytes": built.bytes,
        "file": args.network.as_ref().map(|path| path.display().to_string()),
    });
    let of = format!("{} of {}", grouped(certified), counted(data.samples(), "sample"));
    report
        .line(
            "network",
            format!("{}, {} nonzero parameters", fitted.construction.name, grouped(fitted.size.nonzero)),
        )
        .line(
            "certified",
            format!(
                "{of} within {} in {}{}",
                at_least(radius),
                args.norm,
                of_scaled(data.scaling().is_some())
            ),
        );
}

/// The largest radius of some samples: `robustness` of the answer, and its chart.
fn curve(
    args: &PageArgs,
    data: &Given,
    fitted: &Fitted,
    report: &mut Report,
    (drawn, left_out): (&mut Drawn, &mut LeftOut),
    bar: &Bar,
) -> Result<(), Failure> {
    let held = match fitted.form {
        Form::Dense => fitted.size.all,
        Form::Compact => fitted.size.nonzero,
    };
    let count = data.samples().min(CURVE_SAMPLES);
    let points = count * ROUNDS * usize::try_from(ATTACK_STEPS).unwrap_or(usize::MAX);
    if held as f64 * points as f64 > MOST_CURVED {
        let why = format!("{} parameters are too many to look for each sample's radius", grouped(held));
        left_out.note("robustness curve", why, "indelible robustness NET.onnx DATA --svg CURVE.svg");
        return Ok(());
    }
    let every = data.samples().div_ceil(count.max(1)).max(1);
    let some = data.as_it_stands().select((0..data.samples()).step_by(every))?;
    let radii = Radii::Uniform(0.0);
    let claim = fitted.classes.claim(&fitted.model, &some, args.norm, &radii);
    let config = Config { restarts: 1, attack_steps: ATTACK_STEPS, branches: 1, ..Config::default() };
    let found = robust_radii(&claim, &config, ROUNDS, bar)?;
    let curves = Curves::new(&found);
    // As far as the truth may lie.
    let largest =
        found.iter().map(|r| r.attacked).filter(|r| r.is_finite()).fold(curves.largest_certified(), f64::max);
    let place = |i: usize| {
        let radius = at_least(largest * i as f64 / PLACES as f64).parse().unwrap_or(0.0);
        let [certified, attacked] = curves.at(radius);
        json!({"radius": radius, "certified": certified, "attacked": attacked})
    };
    report.json["robustness"] = json!({
        "samples": found.len(), "every": every, "clean_accuracy": curves.clean(),
        "median_certified": curves.median_certified(), "curve": (0..=PLACES).map(place).collect::<Vec<_>>(),
    });
    report.line("median certified radius", at_least(finite(curves.median_certified()).unwrap_or(0.0)));
    let axis = format!("radius in {}{}", args.norm, of_scaled(data.scaling().is_some()));
    drawn.charts.push(("robustness", chart("Robust accuracy of the network", &axis, &curves)?));
    Ok(())
}
