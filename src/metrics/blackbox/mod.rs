//! What `/probe` exposes: one run, under the names of `blackbox_exporter`, so that its dashboards and alerts keep working.

mod expose;
mod families;
mod run;

pub use expose::blackbox;
