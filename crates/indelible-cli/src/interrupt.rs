//! What is done before an interrupted program ends.

use std::sync::{Mutex, PoisonError};

/// What the command at work wants done.
type LastWords = Box<dyn FnOnce() + Send>;

static LAST_WORDS: Mutex<Option<LastWords>> = Mutex::new(None);

/// Has `words` done when the program is interrupted, in place of what was asked
/// for before.
pub fn at_interrupt(words: impl FnOnce() + Send + 'static) {
    *LAST_WORDS.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(words));
}

/// Does what was asked for; for the handler of Ctrl-C.
pub fn say_last_words() {
    let words = LAST_WORDS.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(words) = words {
        // Whatever becomes of them, where nobody listens any more, say: the program ends.
        drop(std::thread::spawn(words).join());
    }
}
