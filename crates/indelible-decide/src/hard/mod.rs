//! Datasets on which deciding is hard: set splitting and NAE-3SAT in disguise.
//!
//! *Set splitting*: colour the elements `1..=m` with two colours so that no
//! set of a given system, each of two or three elements, is of one colour. It
//! is NP-complete (Garey & Johnson, 1979, SP4). *NAE-3SAT* asks for an
//! assignment that makes no clause all true or all false; it is set splitting
//! over the literals, with a pair `{v, ¬v}` for every variable.
//!
//! [`SetSystem::dataset`] turns a system into points and labels that a network
//! of depth 2, width 2 and scalar head memorizes exactly when the system can
//! be split; [`decode`] reads a splitting out of any such network. The proof
//! stands in `docs/set-splitting.md`.

mod cnf;
mod decode;
mod reduction;
mod sets;

pub use self::{
    cnf::Cnf,
    decode::{Memorizer, decode},
    sets::SetSystem,
};
