//! Room for recursion that goes down one level per layer: networks that walk from
//! sample to sample have thousands of layers.

/// Layers for which the stack of any thread suffices.
const SHALLOW: usize = 256;
/// Bytes per layer: several times what the deepest recursion takes.
const PER_LAYER: usize = 16 << 10;
/// Bytes besides.
const BASE: usize = 2 << 20;

/// Runs `work`, which goes as deep as the network has `layers`, on a stack that is
/// large enough; `None` where there is no such stack. What is not touched of it
/// takes no memory.
pub(super) fn on_deep_stack<T: Send>(layers: usize, work: impl FnOnce() -> T + Send) -> Option<T> {
    if layers <= SHALLOW {
        return Some(work());
    }
    let size = layers.checked_mul(PER_LAYER)?.checked_add(BASE)?;
    std::thread::scope(|scope| {
        std::thread::Builder::new().stack_size(size).spawn_scoped(scope, work).ok()?.join().ok()
    })
}
