//! Turns a panic in somebody else's parser into an error.

use std::{
    cell::Cell,
    panic::{self, AssertUnwindSafe},
    sync::Once,
};

use crate::DataError;

thread_local! {
    /// Whether a panic of this thread is caught and reported as an error.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Done once the hook knows about [`GUARDED`].
static HOOK: Once = Once::new();

/// Runs `read`, a parser of `format` that is known to panic on some damaged
/// files; a panic becomes an error and prints nothing.
///
/// What `read` had in its hands is lost with the panic, so that no broken
/// state is seen. Panics of other threads are reported as before.
pub(super) fn guarded<T>(
    format: &'static str,
    read: impl FnOnce() -> Result<T, DataError>,
) -> Result<T, DataError> {
    HOOK.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !GUARDED.get() {
                report(panic);
            }
        }));
    });
    GUARDED.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(read));
    GUARDED.set(false);
    result.unwrap_or_else(|_| Err(DataError::malformed(format, "its parts contradict each other")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_and_the_next_one_is_a_panic_again() {
        assert_eq!(guarded("Parquet", || Ok(7)).unwrap(), 7);
        let error = guarded::<()>("Parquet", || panic!("inside")).unwrap_err().to_string();
        assert_eq!(error, "bad Parquet: its parts contradict each other");
        assert!(panic::catch_unwind(|| panic!("outside")).is_err());
        assert!(!GUARDED.get());
    }
}
