//! Hosts and jobs that must report.

mod alerts;
mod command_line;
mod durability;
mod enrolment;
mod reports;
mod tools;
