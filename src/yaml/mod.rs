//! Reads YAML files, and reports every mistake in them with its line and column.
//!
//! `syntax` parses the text into a tree of `node`s. The caller decodes the tree with `decode` and `scalar`, which collect
//! findings. `report` looks up their lines with `locate` and makes `problem`s of them. The configuration and the web
//! configuration are read this way.

pub(crate) mod decode;
pub(crate) mod locate;
pub(crate) mod node;
pub(crate) mod problem;
pub(crate) mod report;
pub(crate) mod scalar;
pub(crate) mod suggest;
pub(crate) mod syntax;
