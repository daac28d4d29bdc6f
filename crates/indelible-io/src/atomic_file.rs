//! Files that appear complete or not at all.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    process,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::Error;

/// Files that are being written and have no name of their own yet.
static UNFINISHED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Tells the temporary files of one process apart.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// The set stays sound whatever thread panicked while holding it.
fn unfinished() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes every file that an [`AtomicFile`] of this process has not committed
/// yet. For a handler of Ctrl-C, just before the process ends.
pub fn remove_unfinished() {
    for path in std::mem::take(&mut *unfinished()) {
        // Nobody is left to tell about a file that is already gone.
        let _ = fs::remove_file(path);
    }
}

/// A file that is written beside its target and takes the target's name when
/// it is complete: nobody ever sees half of it.
///
/// Dropping it without [`commit`](Self::commit) removes what was written and
/// leaves the target as it was. A target that is no regular file (`/dev/null`,
/// a pipe) is written to directly.
///
/// Writes are buffered.
#[derive(Debug)]
pub struct AtomicFile {
    target: PathBuf,
    /// Where the bytes go until the commit; `None` once that file is no longer
    /// ours, and for targets that are written directly.
    temporary: Option<PathBuf>,
    writer: BufWriter<File>,
}

impl AtomicFile {
    /// Starts a file that will be called `target`.
    ///
    /// # Errors
    /// When `target` is a directory, or no file can be created beside it.
    pub fn create(target: impl Into<PathBuf>) -> Result<Self, Error> {
        let target = target.into();
        // The name may be a link; what it points to is what must be replaced.
        let place = match fs::metadata(&target) {
            Ok(found) if found.is_dir() => return Err(Error::Directory { path: target }),
            Ok(found) if !found.is_file() => {
                // A device or a pipe, which has no half-written state to hide.
                let file = OpenOptions::new().write(true).open(&target);
                let writer = BufWriter::new(file.map_err(|e| Error::io("write", &target, e))?);
                return Ok(Self { target, temporary: None, writer });
            }
            Ok(_) => fs::canonicalize(&target).map_err(|e| Error::io("write", &target, e))?,
            Err(_) => target.clone(),
        };
        let Some(name) = place.file_name() else {
            let source = io::Error::new(io::ErrorKind::InvalidInput, "the path has no file name");
            return Err(Error::io("write", &target, source));
        };
        loop {
            let mut hidden = OsString::from(".");
            hidden.push(name);
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            hidden.push(format!(".{}-{number}.partial", process::id()));
            let temporary = place.with_file_name(hidden);
            // The lock keeps `remove_unfinished` from missing a file that exists already.
            let mut unfinished = unfinished();
            match File::create_new(&temporary) {
                Ok(file) => {
                    unfinished.insert(temporary.clone());
                    let writer = BufWriter::with_capacity(1 << 18, file);
                    return Ok(Self { target: place, temporary: Some(temporary), writer });
                }
                // Left behind by a killed process that had our number.
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(Error::io("write", &target, e)),
            }
        }
    }

    /// The name the file will have.
    #[must_use]
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Hands all bytes so far to the file system and says which file holds
    /// them until the commit, so that they can be checked before they get the
    /// target's name.
    ///
    /// # Errors
    /// When the bytes cannot be written.
    pub fn flushed(&mut self) -> Result<&Path, Error> {
        self.writer.flush().map_err(|e| Error::io("write", &self.target, e))?;
        Ok(self.temporary.as_deref().unwrap_or(&self.target))
    }

    /// Puts the complete file on the disk and gives it its name, in place of
    /// whatever had that name.
    ///
    /// # Errors
    /// When the last bytes cannot be written or the name cannot be given; the
    /// target is then as it was.
    pub fn commit(mut self) -> Result<(), Error> {
        self.finish().map_err(|e| Error::io("write", &self.target, e))
    }

    /// The steps of a commit, in the order that survives a power cut.
    fn finish(&mut self) -> io::Result<()> {
        self.writer.flush()?;
        let Some(temporary) = &self.temporary else { return Ok(()) };
        self.writer.get_ref().sync_all()?;
        let mut unfinished = unfinished();
        fs::rename(temporary, &self.target)?;
        unfinished.remove(temporary);
        self.temporary = None;
        Ok(())
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl Seek for AtomicFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.writer.seek(to)
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if let Some(temporary) = self.temporary.take() {
            unfinished().remove(&temporary);
            // Nothing can be done about a file that cannot be removed.
            let _ = fs::remove_file(temporary);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn appears_only_when_committed() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("out.bin");
        fs::write(&target, "old").unwrap();

        let mut file = AtomicFile::create(&target).unwrap();
        file.write_all(b"new").unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"old");
        assert_eq!(names(folder.path()).len(), 2);
        file.commit().unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["out.bin"]);

        let mut file = AtomicFile::create(&target).unwrap();
        file.write_all(b"half").unwrap();
        file.flush().unwrap();
        drop(file);
        assert_eq!(fs::read(&target).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["out.bin"]);
    }

    #[test]
    fn two_writers_of_one_target_do_not_mix() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("out");
        let mut one = AtomicFile::create(&target).unwrap();
        let mut two = AtomicFile::create(&target).unwrap();
        one.write_all(b"one").unwrap();
        two.write_all(b"two").unwrap();
        one.commit().unwrap();
        two.commit().unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"two");
        assert_eq!(names(folder.path()), ["out"]);
    }

    #[test]
    fn says_in_one_line_why_it_cannot_write() {
        let folder = tempfile::tempdir().unwrap();
        let error = AtomicFile::create(folder.path()).unwrap_err().to_string();
        assert!(error.contains("is a directory"), "{error}");
        let missing = folder.path().join("no/such/out");
        let error = AtomicFile::create(&missing).unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot write {}: ", missing.display())), "{error}");
        assert!(!error.contains('\n') && !error.contains("partial"), "{error}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_one_clear_line() {
        let mut file = AtomicFile::create("/dev/full").unwrap();
        file.write_all(b"more than fits").unwrap();
        let error = file.commit().unwrap_err().to_string();
        assert!(error.starts_with("cannot write /dev/full: No space left"), "{error}");
        assert!(Path::new("/dev/full").exists());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_keeps_pointing_at_the_new_file() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        fs::write(&real, "old").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let mut file = AtomicFile::create(&link).unwrap();
        file.write_all(b"new").unwrap();
        file.commit().unwrap();
        assert_eq!(fs::read(&real).unwrap(), b"new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }
}
