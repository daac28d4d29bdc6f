//! Formats around the library `indelible`: datasets in, networks in and out.
//!
