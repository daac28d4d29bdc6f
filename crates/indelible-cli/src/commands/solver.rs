//! What verifiers say: in a file of results, or asked one by one.

use std::{
    collections::BTreeMap,
    io::Read,
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use indelible::Progress;
use indelible_io::read_text;

use super::{audit::stem, prelude::*};
use crate::interrupt::at_interrupt;

/// Bytes of an answer that are read.
const LONGEST: u64 = 1 << 28;
/// Seconds that a verifier gets beyond its limit before it is ended.
const GRACE: u64 = 10;
/// How often it is looked whether a verifier has ended.
const PAUSE: Duration = Duration::from_millis(10);

/// What a verifier said about an instance.
#[derive(Debug)]
pub struct Claim {
    /// Its answer, in small letters.
    pub answer: String,
    /// The point that it gave.
    pub point: Option<String>,
    /// What it took.
    pub seconds: Option<f64>,
}

/// Claims by the names of network and property.
pub type Claims = BTreeMap<(String, String), Claim>;

/// Reads results of the competition: category, network, property, time to prepare,
/// result, time to run; points lie in `folder`.
pub fn results(text: &str, path: &Path, folder: Option<&Path>) -> Result<Claims, Failure> {
    let mut claims = Claims::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let cells: Vec<&str> = line.split(',').map(|cell| cell.trim().trim_matches('"')).collect();
        let [_, network, property, _, answer, seconds, ..] = cells[..] else {
            let (count, line) = (counted(cells.len(), "cell"), number + 1);
            return Err(Failure::input(format!(
                "{}: line {line} has {count}; expected category, network, property, time to prepare, result, time to run",
                path.display()
            )));
        };
        let names = (stem(network), stem(property));
        let point = folder.and_then(|folder| {
            let name = format!("{}_{}.counterexample", names.0, names.1);
            let places = [folder.join(&name), folder.join(format!("{name}.gz"))];
            places.into_iter().find(|place| place.is_file())
        });
        let point = point.map(|place| read_text(&place, LONGEST)).transpose()?;
        let claim = Claim { answer: answer.to_lowercase(), point, seconds: seconds.parse().ok() };
        if claims.insert(names, claim).is_some() {
            let line = number + 1;
            return Err(Failure::input(format!(
                "{}: line {line} is about an instance of an earlier one",
                path.display()
            )));
        }
    }
    Ok(claims)
}

/// A verifier with the command line of VNN-LIB 2.0.
#[derive(Debug)]
pub struct Solver<'a> {
    program: &'a str,
    arguments: Vec<&'a str>,
}

impl<'a> Solver<'a> {
    /// The verifier that a command starts: a program and its first arguments.
    pub fn new(command: &'a str) -> Result<Self, Failure> {
        let mut words = command.split_whitespace();
        let program = words.next().ok_or_else(|| Failure::input("--solver is empty; expected a command"))?;
        Ok(Self { program, arguments: words.collect() })
    }

    /// What it says about instances, which lie in `folder`.
    pub fn run(
        &self,
        folder: &Path,
        instances: &[(&str, &str)],
        timeout: Option<u64>,
        progress: &dyn Progress,
    ) -> Result<Claims, Failure> {
        let limits = limits(folder)?;
        progress.begin("instances", instances.len() as u64);
        let mut claims = Claims::new();
        for (onnx, vnnlib) in instances {
            let limit = timeout.or_else(|| limits.get(&stem(vnnlib)).copied()).unwrap_or(60);
            let claim = self.ask(&folder.join(onnx), &folder.join(vnnlib), limit)?;
            claims.insert((stem(onnx), stem(vnnlib)), claim);
            progress.advance(1);
        }
        progress.end();
        Ok(claims)
    }

    fn ask(&self, onnx: &Path, vnnlib: &Path, limit: u64) -> Result<Claim, Failure> {
        let failed = |e| Failure::input(format!("cannot run {}: {e}", self.program));
        let started = Instant::now();
        let mut command = Command::new(self.program);
        // A group of its own, so that what it starts can be ended with it.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command
            .args(&self.arguments)
            .arg("verify")
            .arg(vnnlib)
            .arg("--network")
            .arg(format!("N={}", onnx.display()))
            .args(["--timeout", &limit.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed)?;
        let (output, group) = (child.stdout.take(), child.id());
        at_interrupt(move || end_group(group));
        let (sender, receiver) = mpsc::channel();
        // What it prints is read while it runs, or it would wait for a reader.
        thread::spawn(move || {
            let mut text = vec![];
            let read = output.map(|output| output.take(LONGEST).read_to_end(&mut text));
            let text = read.is_some_and(|read| read.is_ok()).then_some(text);
            // Nobody may wait for it any more.
            let _ = sender.send(text.map(|text| String::from_utf8_lossy(&text).into_owned()));
        });
        let in_time = wait(&mut child, Duration::from_secs(limit.saturating_add(GRACE))).map_err(failed)?;
        let seconds = started.elapsed().as_secs_f64();
        // What outlives it may hold its output open.
        end_group(group);
        at_interrupt(|| {});
        let text = receiver.recv_timeout(Duration::from_secs(GRACE)).ok().flatten().unwrap_or_default();
        let answer = text.split_whitespace().next().unwrap_or("error").to_lowercase();
        let is_late = !in_time || seconds > limit as f64 + 1.0;
        let point =
            (answer == "sat").then(|| text.split_once(char::is_whitespace).map(|(_, rest)| rest.to_owned()));
        let answer = if is_late { "timeout".into() } else { answer };
        Ok(Claim { answer, point: Some(point.flatten().unwrap_or_default()), seconds: Some(seconds) })
    }
}

/// Ends what a verifier has started and not ended.
fn end_group(group: u32) {
    #[cfg(unix)]
    // Where there is nothing left to end it says so, to nobody.
    let _ = Command::new("sh")
        .args(["-c", "kill -s KILL -- -$0", &group.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    #[cfg(not(unix))]
    let _ = group;
}

/// Whether a process ended by itself within a time; if not, it is ended.
fn wait(child: &mut Child, limit: Duration) -> std::io::Result<bool> {
    let started = Instant::now();
    while child.try_wait()?.is_none() {
        if started.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Ok(false);
        }
        thread::sleep(PAUSE);
    }
    Ok(true)
}

/// The seconds for each property, as `instances.csv` has them.
fn limits(folder: &Path) -> Result<BTreeMap<String, u64>, Failure> {
    let text = read_text(&folder.join("instances.csv"), LONGEST)?;
    let row = |line: &str| {
        let mut cells = line.split(',').skip(1);
        Some((stem(cells.next()?), cells.next()?.trim().parse().ok()?))
    };
    Ok(text.lines().filter_map(row).collect())
}
