//! `indelible benchmark`: instances with known answers, laid out as VNN-COMP asks.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process,
};

use clap::Args;
use indelible::network::{Model, StoredNetwork};
use indelible_io::{dataset::ReadOptions, onnx};
use indelible_vnnlib::{
    benchmark::{Benchmark, BenchmarkOptions, Family, Instance, Truth, generate},
    witness_text,
};
use serde_json::{Value, json};

use super::prelude::*;

/// The columns of `ground_truth.csv`.
pub const COLUMNS: &str =
    "onnx,vnnlib,family,construction,status,witness,engines,margin,distance,tolerance_safe";

/// Arguments of `benchmark`.
#[derive(Args, Debug)]
pub struct BenchmarkArgs {
    /// Folder to write; it must not exist, or be a benchmark of this program
    #[arg(value_name = "OUT")]
    output: PathBuf,
    /// Dataset whose samples the networks memorize, as other commands read it
    #[arg(long, value_name = "DATA", default_value = "iris")]
    data: PathBuf,
    /// Chooses samples, radii and disguises
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Number of instances
    #[arg(long, value_name = "K", default_value_t = 192)]
    count: usize,
    /// Families, separated by commas [default: all]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    families: Vec<Family>,
    /// For the family trained: a network of affine layers and ReLUs in place of those that are trained on the data
    #[arg(long, value_name = "FILE.onnx")]
    network: Option<PathBuf>,
    /// Seconds that a verifier gets for each instance
    #[arg(long, value_name = "S", default_value_t = 60)]
    timeout: u32,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// The versions of the format, which hold the same instances.
const VERSIONS: [&str; 2] = ["1.0", "2.0"];

/// What a benchmark consists of.
const WRITTEN: [&str; 6] =
    ["1.0", "2.0", "witnesses", "README.md", "generate_properties.py", "ground_truth.csv"];

impl BenchmarkArgs {
    pub fn run(self) -> Result<(), Failure> {
        let bar = Bar::default();
        require(self.count > 0, || "--count is 0; expected 1 or more".into())?;
        require(self.timeout > 0, || "--timeout is 0; expected 1 or more seconds".into())?;
        let replaced = self.replaced()?;
        let data = Given::read(&self.data, &ReadOptions::default(), &bar)?;
        let families = if self.families.is_empty() { Family::all(&data) } else { self.families.clone() };
        require(self.network.is_none() || families.contains(&Family::Trained), || {
            "--network is given and not used; expected the family trained among --families".into()
        })?;
        let trained = self.network.as_deref().map(layers).transpose()?;
        let options = BenchmarkOptions { seed: self.seed, count: self.count, families, trained };
        let made = generate(&data, &options, &bar)?;
        self.write(&made, &options.families, replaced)?;
        report(&self.output, &made, self.seed).print(self.json)
    }

    /// Whether there is a benchmark already, which is replaced.
    fn replaced(&self) -> Result<bool, Failure> {
        let output = &self.output;
        if !output.exists() {
            return Ok(false);
        }
        let known = fs::read_to_string(output.join("ground_truth.csv"));
        require(known.is_ok_and(|text| text.starts_with(COLUMNS)), || {
            format!(
                "{} exists and is no benchmark of this program; expected a folder to make",
                output.display()
            )
        })?;
        let entries = fs::read_dir(output)
            .map_err(|e| Failure::input(format!("cannot read {}: {e}", output.display())))?;
        let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        let strange = names.into_iter().find(|name| !WRITTEN.contains(&name.as_str()));
        strange.map_or(Ok(true), |name| {
            Err(Failure::input(format!(
                "{} holds {name}, which is no part of a benchmark and would be lost; move it elsewhere",
                output.display()
            )))
        })
    }

    /// Writes all files beside the folder, and gives them its name when they are
    /// complete.
    fn write(&self, made: &Benchmark, families: &[Family], replaced: bool) -> Result<(), Failure> {
        let failed =
            |path: &Path, e: std::io::Error| Failure::input(format!("cannot write {}: {e}", path.display()));
        let name = self.output.file_name().ok_or_else(|| {
            Failure::input(format!("{} is no name of a folder to make", self.output.display()))
        })?;
        let beside = |ending: &str| {
            let hidden = format!(".{}.{}.{ending}", name.to_string_lossy(), process::id());
            self.output.with_file_name(hidden)
        };
        let partial = beside("partial");
        let written = self.write_to(&partial, made, families).and_then(|()| {
            if replaced {
                let old = beside("old");
                fs::rename(&self.output, &old)?;
                fs::rename(&partial, &self.output)?;
                return fs::remove_dir_all(old);
            }
            fs::rename(&partial, &self.output)
        });
        written.map_err(|e| {
            // What could not be written completely goes; what cannot be removed stays.
            let _ = fs::remove_dir_all(&partial);
            failed(&self.output, e)
        })
    }

    fn write_to(&self, folder: &Path, made: &Benchmark, families: &[Family]) -> std::io::Result<()> {
        for version in VERSIONS {
            let folder = folder.join(version);
            fs::create_dir_all(folder.join("onnx"))?;
            fs::create_dir_all(folder.join("vnnlib"))?;
            for (name, bytes) in &made.networks {
                fs::write(folder.join(format!("onnx/{name}.onnx")), bytes)?;
            }
            let mut rows = String::new();
            for instance in &made.instances {
                let text = if version == VERSIONS[0] { &instance.first } else { &instance.second };
                fs::write(folder.join(property(instance)), text)?;
                rows += &format!("{},{},{}\n", onnx_file(instance), property(instance), self.timeout);
            }
            fs::write(folder.join("instances.csv"), rows)?;
        }
        fs::create_dir_all(folder.join("witnesses"))?;
        let mut rows = format!("{COLUMNS}\n");
        for instance in &made.instances {
            if let Truth::Sat(point) = &instance.truth {
                let text = format!("sat\n{}", witness_text(&instance.query, point));
                fs::write(folder.join(witness(instance)), text)?;
            }
            rows += &row(instance);
        }
        fs::write(folder.join("README.md"), self.page(made))?;
        fs::write(folder.join("generate_properties.py"), self.script(families))?;
        fs::write(folder.join("ground_truth.csv"), rows)
    }

    fn page(&self, made: &Benchmark) -> String {
        let (sat, unsat) = counts(made);
        let networks = made.networks.len();
        format!(
            "# A benchmark with known answers\n\n\
             {sat} instances are sat and {unsat} unsat, about {networks} networks. The folders `1.0` and `2.0` hold the \
             same instances in the same order, in VNN-LIB 1.0 and 2.0.\n\n\
             `ground_truth.csv` has the answers: for sat a point in `witnesses`, which meets the constraints in exact \
             arithmetic and as executed in binary32; for unsat a margin by which, at every point of an \
             alternative's box, some other constraint of it fails, in real arithmetic and for every order of \
             floating-point sums. `distance` is the radius of the box in shares of half the distance to the nearest \
             sample of another class: from 1 on, a question about the boxes of both has an answer for every network. Where `tolerance_safe` is `false`, the truth is closer to the boundary than \
             the 1e-4 that witnesses are replayed with.\n\n\
             `python generate_properties.py SEED` writes other instances. `indelible audit . results.csv` compares a \
             tool's results with the answers.\n"
        )
    }

    fn script(&self, families: &[Family]) -> String {
        let names: Vec<&str> = families.iter().map(|family| family.name()).collect();
        let data = self.data.display().to_string();
        let network = self.network.as_ref().map_or_else(String::new, |network| {
            format!("options += [\"--network\", {}]\n", Value::from(network.display().to_string()))
        });
        format!(
            "\"\"\"Rewrites this benchmark: python generate_properties.py SEED\"\"\"\n\n\
             import subprocess\nimport sys\nfrom pathlib import Path\n\n\
             if len(sys.argv) != 2 or not sys.argv[1].isdecimal():\n    \
             sys.exit(\"usage: generate_properties.py SEED, a whole number\")\n\
             here = Path(__file__).resolve().parent\n\
             options = [\"--seed\", sys.argv[1], \"--count\", \"{}\", \"--timeout\", \"{}\"]\n\
             options += [\"--families\", \"{}\", \"--data\", {}]\n{network}\
             subprocess.run([\"indelible\", \"benchmark\", str(here), *options], check=True)\n",
            self.count,
            self.timeout,
            names.join(","),
            Value::from(data),
        )
    }
}

/// The layers of a network that was given.
fn layers(path: &Path) -> Result<StoredNetwork, Failure> {
    match onnx::open(path)?.model {
        Model::Layers(network) => Ok(network),
        _ => Err(Failure::input(format!(
            "{}: no chain of affine layers and ReLUs; expected one, which the memory is put beside",
            path.display()
        ))),
    }
}

fn onnx_file(instance: &Instance) -> String {
    format!("onnx/{}.onnx", instance.network)
}

fn property(instance: &Instance) -> String {
    format!("vnnlib/{}.vnnlib", instance.name)
}

fn witness(instance: &Instance) -> String {
    format!("witnesses/{}.counterexample", instance.name)
}

/// A line of `ground_truth.csv`.
fn row(instance: &Instance) -> String {
    let Instance { family, construction, truth, distance, tolerance_safe, .. } = instance;
    let (point, engines, margin) = match truth {
        Truth::Unsat { margin, engines } => (String::new(), engines.join("+"), margin.to_string()),
        _ => (witness(instance), String::new(), String::new()),
    };
    let status = truth.word();
    format!(
        "{},{},{family},{construction},{status},{point},{engines},{margin},{distance},{tolerance_safe}\n",
        onnx_file(instance),
        property(instance)
    )
}

fn counts(made: &Benchmark) -> (usize, usize) {
    let sat = made.instances.iter().filter(|instance| instance.truth.word() == "sat").count();
    (sat, made.instances.len() - sat)
}

fn report(output: &Path, made: &Benchmark, seed: u64) -> Report {
    let (sat, unsat) = counts(made);
    let mut families = BTreeMap::<&str, usize>::new();
    made.instances.iter().for_each(|instance| *families.entry(instance.family.name()).or_default() += 1);
    let safe = made.instances.iter().filter(|instance| instance.tolerance_safe).count();
    let mut report = Report::new(json!({
        "folder": output.display().to_string(), "seed": seed, "instances": made.instances.len(),
        "networks": made.networks.len(), "sat": sat, "unsat": unsat, "tolerance_safe": safe,
        "left_out": made.left_out, "families": families,
    }));
    report
        .line(
            "instances",
            format!("{}: {} sat, {} unsat", grouped(made.instances.len()), grouped(sat), grouped(unsat)),
        )
        .line("networks", grouped(made.networks.len()))
        .line("families", families.len())
        .line("tolerance safe", grouped(safe))
        .line("left out", format!("{}, whose answer was not shown", grouped(made.left_out)))
        .line("folder", output.display());
    report
}
