//! Walks of a scripted agent with the faults of real devices: what is read, and the reason where it is not.

mod bench;
mod faults;
mod values;
