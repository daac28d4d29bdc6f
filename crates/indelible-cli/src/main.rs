//! The program `indelible`: from a labelled dataset to a proved network.
//!
//! Exit codes: 0 done; 1 the program ran and the answer is no; 2 the input
//! cannot be used; 3 time ran out; 130 interrupted.

mod bar;
mod commands;
mod data;
mod failure;
mod histogram;
mod lipschitz;
mod paths;
mod report;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, error::ErrorKind};

use commands::Program;
use failure::Failure;

fn main() -> ExitCode {
    let parsed = Program::command().try_get_matches().and_then(|m| Program::from_arg_matches(&m));
    let program = match parsed {
        Ok(program) => program,
        Err(e) if matches!(e.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            report::print(&e.render().to_string());
            return ExitCode::SUCCESS;
        }
        Err(e) => {
            // The first paragraph says what is wrong; the rest repeats the usage.
            let text = e.render().to_string();
            let paragraph: Vec<&str> =
                text.lines().take_while(|line| !line.is_empty()).map(str::trim).collect();
            let line = paragraph
                .join(" ")
                .replace("invalid float literal", "expected a number")
                .replace("invalid digit found in string", "expected a whole number");
            return Failure::input(line.trim_start_matches("error: ").to_string()).exit();
        }
    };
    // A file is complete or not there: what is being written goes before we do.
    let handler = ctrlc::set_handler(|| {
        indelible_io::remove_unfinished();
        std::process::exit(130);
    });
    if let Err(e) = handler {
        return Failure::input(format!("cannot listen for Ctrl-C: {e}")).exit();
    }
    match program.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.exit(),
    }
}
