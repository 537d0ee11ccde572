//! The `lanpulse` command.

fn main() {}
