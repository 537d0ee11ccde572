//! Discovery and inventory in a running daemon, on a segment of real hosts with chosen hardware addresses.

mod identification;
mod inventory;
mod scans;
mod tools;
