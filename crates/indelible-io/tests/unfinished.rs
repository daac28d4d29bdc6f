//! What a handler of Ctrl-C cleans up; alone in its process, since it cleans
//! up after everybody.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::{fs, io::Write};

use indelible_io::{AtomicFile, remove_unfinished};

#[test]
fn unfinished_files_are_removed_and_finished_ones_stay() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let mut done = AtomicFile::create(path("done")).unwrap();
    done.write_all(b"done").unwrap();
    done.commit().unwrap();
    let mut open = AtomicFile::create(path("open")).unwrap();
    open.write_all(b"half").unwrap();
    open.flush().unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);

    remove_unfinished();
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["done"]);
    // Whoever still writes gets an error, not a file.
    let error = open.commit().unwrap_err().to_string();
    assert!(error.contains("cannot write") && error.contains("open"), "{error}");
    assert!(!path("open").exists());
}
