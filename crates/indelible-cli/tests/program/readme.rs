//! The commands that the README shows run on the data that are built in, one after
//! the other.

use std::path::Path;

use crate::common::Workplace;

#[test]
fn the_commands_shown_run_on_iris() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let text = std::fs::read_to_string(page).unwrap();
    let (_, section) = text.split_once("## On your data").unwrap();
    let block = section.split("```").nth(1).unwrap();
    let place = Workplace::new();
    let mut run = 0;
    // A command, two blanks or more, and what it does.
    for line in block.lines().filter_map(|line| line.strip_prefix("indelible ")) {
        let (command, _) = line.split_once("  ").unwrap();
        let done = place.run(&command.replace("DATA", "iris").replace("NET", "net"));
        assert_eq!(done.code, Some(0), "{command}: {}", done.stderr);
        run += 1;
    }
    assert!(run >= 8, "{run}");
}
