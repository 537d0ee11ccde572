//! A step of the schema, as each table's file lists its own.

/// The schema version that the step is a part of, and its SQL.
///
/// A step that was released is never edited: a change is a new step of the next version, which may have steps of several
/// tables. The steps of one version are taken in the order of the tables.
pub(super) type Step = (i64, &'static str);
