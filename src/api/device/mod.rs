//! `/api/v1/devices`: the inventory as JSON or CSV, and people's changes to it.

mod filter;
mod handlers;
mod view;

pub use handlers::{list, patch, show};
