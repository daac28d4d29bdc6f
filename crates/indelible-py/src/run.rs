//! Long work beside Python: without the GIL, on threads of its own, with an ear
//! for Ctrl-C.

use std::{
    any::Any,
    panic::{self, AssertUnwindSafe},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use indelible::Progress;
use pyo3::{exceptions::PyRuntimeError, prelude::*};
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::failure::Failure;

/// How often Python is asked whether Ctrl-C was pressed, and told how far work is.
const TICK: Duration = Duration::from_millis(50);

/// How long interrupted work may take to notice that. What has not noticed it by
/// then ends unseen, at the next step that it reports.
const PATIENCE: Duration = Duration::from_millis(500);

/// Stack of a thread, in bytes: what the first thread of a program has.
const STACK: usize = 8 << 20;

/// How a call is to be run: the number of threads, and who is told how far it is,
/// with a name, units done and units in all (0: unknown).
#[derive(FromPyObject)]
pub struct Run(usize, Option<Py<PyAny>>);

impl Run {
    /// Does `work` while other threads of Python go on.
    ///
    /// Threads are started for each call: those of a process from which this one
    /// was forked are not there.
    ///
    /// # Errors
    /// What `work` fails with, `KeyboardInterrupt`, or what the one who is told
    /// raises.
    pub fn go<T: Send + 'static>(
        self,
        py: Python<'_>,
        work: impl FnOnce(&dyn Progress) -> Result<T, Failure> + Send + 'static,
    ) -> PyResult<T> {
        let pool = self.pool()?;
        let watch = Arc::new(Watch::default());
        let watched = Arc::clone(&watch);
        let (send, receive) = mpsc::channel();
        let receive = Mutex::new(receive);
        thread::Builder::new().spawn(move || {
            let result = panic::catch_unwind(AssertUnwindSafe(|| pool.install(|| work(&*watched))));
            // Nobody waits for work that was given up.
            let _ = send.send(result);
        })?;
        let wait = |limit| py.detach(|| lock(&receive).recv_timeout(limit));
        loop {
            match wait(TICK) {
                Ok(Ok(result)) => return result.map_err(PyErr::from),
                Ok(Err(panic)) => return Err(broken(&*panic)),
                Err(RecvTimeoutError::Disconnected) => return Err(broken(&())),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if let Err(stop) = py.check_signals().and_then(|()| self.tell(py, &watch)) {
                watch.cancelled.store(true, Ordering::Relaxed);
                let _ = wait(PATIENCE);
                return Err(stop);
            }
        }
    }

    fn pool(&self) -> PyResult<ThreadPool> {
        let pool = ThreadPoolBuilder::new().num_threads(self.0).stack_size(STACK).build();
        pool.map_err(|e| PyRuntimeError::new_err(format!("cannot start {} threads: {e}", self.0)))
    }

    fn tell(&self, py: Python<'_>, watch: &Watch) -> PyResult<()> {
        let Some(report) = &self.1 else { return Ok(()) };
        let (what, total) = lock(&watch.stage).clone();
        if what.is_empty() {
            return Ok(());
        }
        report.call1(py, (what, watch.done.load(Ordering::Relaxed), total)).map(|_| ())
    }
}

/// What work says of itself, and whether it is to stop.
#[derive(Default)]
struct Watch {
    cancelled: AtomicBool,
    done: AtomicU64,
    /// The name of what is being done and how many units it has; 0: unknown.
    stage: Mutex<(String, u64)>,
}

/// What the unwinding of interrupted work carries.
struct Cancelled;

impl Watch {
    /// Leaves the work, however deep in it this is called, when it is to stop.
    fn stop_if_cancelled(&self) {
        if self.cancelled.load(Ordering::Relaxed) {
            panic::resume_unwind(Box::new(Cancelled));
        }
    }

    fn enter(&self, what: &str, total: u64) {
        self.stop_if_cancelled();
        self.done.store(0, Ordering::Relaxed);
        *lock(&self.stage) = (what.to_owned(), total);
    }
}

impl Progress for Watch {
    fn begin(&self, what: &str, total: u64) {
        self.enter(what, total);
    }

    fn advance(&self, units: u64) {
        self.stop_if_cancelled();
        self.done.fetch_add(units, Ordering::Relaxed);
    }

    fn end(&self) {
        self.stop_if_cancelled();
    }

    fn busy(&self, what: &str) {
        self.enter(what, 0);
    }
}

/// What a panic says; nobody holds a lock while it could panic.
fn broken(panic: &(dyn Any + Send)) -> PyErr {
    let said = panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
    PyRuntimeError::new_err(format!(
        "indelible itself failed, which is a mistake in it: {}",
        said.unwrap_or("without a word")
    ))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
