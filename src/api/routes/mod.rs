//! The table of routes, a file for each subject.
//!
//! A row is a path, its methods, its access, its handler and its documentation. Everything that depends on the routes
//! reads these rows: `serve` finds the handler and decides on access, `openapi` makes the document. To add a route, add
//! a row and its handler.

mod general;
mod heartbeats;
mod inventory;
mod table;

pub use table::ROUTES;
