//! Checks of the source tree itself. They read it as text; lanpulse does not run.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod circles;
mod exceptions;
mod files;
mod floors;
mod members;
mod names;
mod source;
