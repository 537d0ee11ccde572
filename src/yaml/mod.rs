//! YAML with places: text to a tree, a walk that collects every mistake, and the line and column of each.
//!
//! Owns how values are read and how mistakes are told, for whatever file it is. Gets text; gives `Node`s to walk and
//! `Problem`s to print. `config` reads the configuration with it, `serve` the web configuration. The steps, each in its
//! file: `syntax` parses into a `node` tree; the caller decodes it with `decode` and `scalar`, noting findings; `report`
//! looks up their lines with `locate`.

pub(crate) mod decode;
pub(crate) mod locate;
pub(crate) mod node;
pub(crate) mod problem;
pub(crate) mod report;
pub(crate) mod scalar;
pub(crate) mod suggest;
pub(crate) mod syntax;
