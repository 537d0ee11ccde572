//! Checks of the source tree itself: it is read as text, nothing of lanpulse runs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod floors;
