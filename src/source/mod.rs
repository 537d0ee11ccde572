//! Where readings come from: each folder asks or hears the world in one way and yields what it saw.
//!
//! A source imports model, wire, yaml and net; no source imports another, and none knows the state or the store.

pub mod discover;
pub mod identify;
pub mod probe;
