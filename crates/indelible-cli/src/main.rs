//! The program `indelible`: from a labelled dataset to a proved network.
//!
//! Exit codes: 0 done; 1 the program ran and the answer is no; 2 the input
//! cannot be used; 3 time ran out; 130 interrupted.

mod bar;
mod choice;
mod commands;
mod data;
mod failure;
mod histogram;
mod interrupt;
mod lipschitz;
mod paths;
mod report;

use std::process::ExitCode;

use clap::{Parser, error::ErrorKind};

use commands::Program;
use failure::Failure;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.exit(),
    }
}

fn run() -> Result<(), Failure> {
    // The standard of VNN-LIB asks a solver for its name in this way.
    if std::env::args_os().skip(1).eq(["--name"]) {
        return report::print("Indelible\n");
    }
    let program = match Program::try_parse() {
        Ok(program) => program,
        Err(e)
            if matches!(
                e.kind(),
                ErrorKind::DisplayHelp
                    | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
                    | ErrorKind::DisplayVersion
            ) =>
        {
            return report::print(&e.render().to_string());
        }
        Err(e) => {
            // The first paragraph says what is wrong, a tip what may have been
            // meant; the rest repeats the usage.
            let text = e.render().to_string();
            let paragraph: Vec<&str> =
                text.lines().take_while(|line| !line.is_empty()).map(str::trim).collect();
            let tips = text.lines().filter_map(|line| line.trim().strip_prefix("tip: "));
            let meant = tips.filter(|tip| tip.contains("similar"));
            let line = std::iter::once(paragraph.join(" "))
                .chain(meant.map(str::to_owned))
                .collect::<Vec<_>>()
                .join("; ")
                .replace("invalid float literal", "expected a number")
                .replace("invalid digit found in string", "expected a whole number");
            return Err(Failure::input(line.trim_start_matches("error: ")));
        }
    };
    // A file is complete or not there: what is being written goes before we do.
    ctrlc::set_handler(|| {
        interrupt::say_last_words();
        indelible_io::remove_unfinished();
        std::process::exit(130);
    })
    .map_err(|e| Failure::input(format!("cannot listen for Ctrl-C: {e}")))?;
    program.run()
}
