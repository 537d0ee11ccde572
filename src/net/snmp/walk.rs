//! Reads columns of a table, as many rows in one request as the device can answer.
//!
//! The result says which columns were read to their end, and why the others were not. Rules:
//! 1. A column ends at the first variable outside it. A variable that is not after the last one is a loop: the column
//!    ends there, with an error, and the other columns go on.
//! 2. Where a device replies tooBig, or does not reply although it does to smaller requests, the next request is for half
//!    as many rows; the last step is GETNEXT. A device that was only slow gets the same size again. The size that worked
//!    is remembered, and after [`PROBATION`] good walks a larger one is tried.
//! 3. A table has at most [`ROWS`] rows.
//! 4. A reply without variables is not the end of a column. The first column of the request has a value there that cannot
//!    be read (in an encrypted reply; see `Reply::of`). This column waits until the others have ended, then goes on behind
//!    the next row that they have. Where there is no such row, the column has ended if another column of the same table
//!    has; otherwise it ends there with an error.

use std::collections::BTreeSet;
use std::ops::Bound;

use super::session::{Session, SnmpError};
use crate::wire::snmp::{Oid, Op, Query, Reply, Value, status_name};

/// The most rows of a table that are read.
pub const ROWS: usize = 20_000;
/// The most columns in one request.
const COLUMNS: usize = 20;

/// After so many good walks a larger size is tried again.
const PROBATION: u32 = 30;

/// How many unreadable values of one column are stepped over (rule 4): each costs a request.
const MOST_STEPS: u32 = 64;

const TOO_BIG: i64 = 1;
const NO_SUCH_NAME: i64 = 2;

/// How much one request asks a device for; remembered from walk to walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestSize {
    /// max-repetitions of GETBULK; 0 means GETNEXT.
    repetitions: u32,
    /// The largest value of `repetitions` that is tried now.
    ceiling: u32,
    /// Columns in one request.
    columns: usize,
    /// The largest value of `repetitions` that the user allows.
    most: u32,
    /// Good walks in a row.
    good: u32,
    /// The device has replied to GETBULK in this walk.
    proven: bool,
}

impl RequestSize {
    /// Begins with `most` rows in a request, the largest number allowed.
    pub fn new(most: u32) -> Self {
        Self {
            repetitions: most,
            ceiling: most,
            columns: COLUMNS,
            most,
            good: 0,
            proven: false,
        }
    }

    /// A walk begins.
    pub fn begin_walk(&mut self) {
        self.proven = false;
    }

    /// A walk was good. An older failure may have been a lost datagram, so after some good walks a larger size is tried.
    pub fn end_good_walk(&mut self) {
        self.good += 1;
        if self.good >= PROBATION {
            self.good = 0;
            self.ceiling = (self.ceiling * 2).min(self.most);
            self.repetitions = self.ceiling;
            self.columns = COLUMNS;
        }
    }

    /// Halves the rows; false where there is no smaller size.
    fn shrink(&mut self, least: u32) -> bool {
        if self.repetitions <= least {
            return false;
        }
        self.repetitions /= 2;
        self.ceiling = self.repetitions.max(1);
        self.good = 0;
        true
    }

    /// From now on GETNEXT: the device replies to GETBULK with an error.
    fn give_up_bulk(&mut self) {
        self.repetitions = 0;
        self.good = 0;
    }

    /// max-repetitions of the next GETBULK; 0 means GETNEXT.
    pub const fn repetitions(&self) -> u32 {
        self.repetitions
    }
}

/// The cells that were read.
#[derive(Debug, Default)]
pub struct Table {
    /// The column (its place in the list of columns), the row and the value.
    pub cells: Vec<(usize, u32, Value)>,
    /// For each column, whether it was read to its end.
    pub complete: Vec<bool>,
    /// The first reason why a column was not.
    pub error: Option<SnmpError>,
}

impl Table {
    /// Whether every column was read to its end.
    pub const fn is_complete(&self) -> bool {
        self.error.is_none()
    }
}

struct Cursor {
    last: Oid,
    rows: usize,
    open: bool,
    /// Rule 4.
    stuck: bool,
    steps: u32,
}

struct Walk<'a> {
    bases: &'a [&'static [u32]],
    cursors: Vec<Cursor>,
    table: Table,
}

/// Reads columns to their ends. `expected` is how many rows there were the last time, or 0. It keeps requests from going
/// far past the end of the table.
pub async fn read_columns(
    session: &mut Session,
    bases: &[&'static [u32]],
    size: &mut RequestSize,
    expected: usize,
) -> Table {
    let cursor = |base: &&'static [u32]| Cursor {
        last: Oid::from(*base),
        rows: 0,
        open: true,
        stuck: false,
        steps: 0,
    };
    let mut walk = Walk {
        bases,
        cursors: bases.iter().map(cursor).collect(),
        table: Table {
            complete: vec![false; bases.len()],
            ..Table::default()
        },
    };
    if session.is_v1() {
        size.give_up_bulk();
    }
    while let Some(columns) = walk.next(session, size) {
        if let Err(error) = walk.round(session, size, &columns, expected).await {
            walk.table.error = Some(error);
            break;
        }
    }
    walk.table
}

/// The table entry that a column belongs to: its OID without the number of the column.
fn table_of(column: &'static [u32]) -> &'static [u32] {
    column.split_last().map_or(column, |(_, table)| table)
}

impl Walk<'_> {
    /// The columns of the next request, those with the fewest rows first; `None` when all have ended.
    fn next(&mut self, session: &Session, size: &RequestSize) -> Option<Vec<usize>> {
        if self.cursors.iter().all(|cursor| cursor.stuck || !cursor.open) {
            self.step_over(session);
        }
        let ready = |place: &usize| self.cursors[*place].open && !self.cursors[*place].stuck;
        let mut open: Vec<usize> = (0..self.cursors.len()).filter(ready).collect();
        open.sort_by_key(|place| self.cursors[*place].rows);
        open.truncate(size.columns.max(1));
        (!open.is_empty()).then_some(open)
    }

    /// Rule 4: columns that are stuck go on behind the next row that is known, or they end.
    fn step_over(&mut self, session: &Session) {
        if !self.cursors.iter().any(|cursor| cursor.open) {
            return;
        }
        let rows: BTreeSet<u32> = self.table.cells.iter().map(|(_, row, _)| *row).collect();
        let places = 0..self.bases.len();
        let ended: Vec<&[u32]> = places
            .filter(|place| self.table.complete[*place])
            .map(|place| table_of(self.bases[place]))
            .collect();
        let cursors = self.cursors.iter_mut().zip(self.bases).enumerate();
        for (place, (cursor, base)) in cursors.filter(|(_, (cursor, _))| cursor.open) {
            let last = cursor.last.0.strip_prefix(*base).and_then(<[u32]>::first);
            let next = match last {
                Some(last) => rows.range((Bound::Excluded(*last), Bound::Unbounded)).next(),
                None => rows.first(),
            };
            cursor.steps += 1;
            if let (Some(row), true) = (next, cursor.steps <= MOST_STEPS) {
                cursor.stuck = false;
                cursor.last = Oid::under(base, &[*row]);
            } else if next.is_none() && ended.contains(&table_of(base)) {
                cursor.open = false;
                self.table.complete[place] = true;
            } else {
                cursor.open = false;
                let text = format!("nothing that can be read after {}", cursor.last);
                let unreadable = SnmpError::Malformed(session.peer(), text);
                self.table.error.get_or_insert(unreadable);
            }
        }
    }

    /// One request and its reply. An error ends the walk.
    async fn round(
        &mut self,
        session: &mut Session,
        size: &mut RequestSize,
        columns: &[usize],
        expected: usize,
    ) -> Result<(), SnmpError> {
        let oids: Vec<Oid> = columns.iter().map(|place| self.cursors[*place].last.clone()).collect();
        let rows = self.cursors[columns[0]].rows;
        // One more row than the last time: its reply shows the end.
        let left = (expected + 1).saturating_sub(rows).max(1);
        let left = if expected == 0 { u32::MAX } else { left as u32 };
        let mut attempt = 0;
        let before = *size;
        session.begin_request();
        let reply = loop {
            let bulk = size.repetitions > 0;
            let query = Query {
                op: if bulk { Op::Bulk } else { Op::Next },
                repetitions: size.repetitions.min(left),
                oids: &oids,
            };
            match session.attempt(query, attempt).await {
                Ok(reply) => {
                    if session.was_late() {
                        *size = before;
                    }
                    size.proven |= bulk && reply.status == 0;
                    break reply;
                }
                Err(error @ (SnmpError::Timeout(..) | SnmpError::Unreachable(..))) => {
                    // Rule 2. After one loss, a device that has replied to GETBULK in this walk is not asked by GETNEXT.
                    let smaller = matches!(error, SnmpError::Timeout(..)) && size.shrink(u32::from(size.proven));
                    if attempt >= session.retries_allowed() && (size.proven || !smaller) {
                        return Err(error);
                    }
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        };
        if reply.status == 0 {
            self.absorb(session, columns, reply);
        } else {
            self.refused(session, size, columns, &reply);
        }
        Ok(())
    }

    /// Takes the cells out of a reply.
    fn absorb(&mut self, session: &Session, columns: &[usize], reply: Reply) {
        self.cursors[columns[0]].stuck = reply.bindings.is_empty();
        for (number, (oid, value)) in reply.bindings.into_iter().enumerate() {
            let place = columns[number % columns.len()];
            let cursor = &mut self.cursors[place];
            if !cursor.open {
                continue;
            }
            let row = oid.0.strip_prefix(self.bases[place]);
            let (Some(row), false) = (row, matches!(value, Value::EndOfMib | Value::Missing)) else {
                cursor.open = false;
                self.table.complete[place] = true;
                continue;
            };
            if oid <= cursor.last {
                cursor.open = false;
                let looped = SnmpError::Loop(session.peer(), cursor.last.to_string(), oid.to_string());
                self.table.error.get_or_insert(looped);
                continue;
            }
            cursor.rows += 1;
            if let (&[row], false) = (row, matches!(value, Value::Null)) {
                self.table.cells.push((place, row, value));
            }
            if cursor.rows >= ROWS {
                cursor.open = false;
                let text = format!("a table of more than {ROWS} rows");
                self.table.error.get_or_insert(SnmpError::Status(session.peer(), text));
            }
            cursor.last = oid;
        }
    }

    /// Handles a reply with an error-status.
    fn refused(&mut self, session: &Session, size: &mut RequestSize, columns: &[usize], reply: &Reply) {
        let blamed = usize::try_from(reply.index)
            .ok()
            .and_then(|index| columns.get(index.wrapping_sub(1)));
        let narrower = columns.len() > 1;
        match reply.status {
            TOO_BIG if size.shrink(1) => {}
            TOO_BIG if narrower => size.columns = columns.len().div_ceil(2),
            // Version 1 replies so at the end of a table, and every version for a variable that the device lacks.
            NO_SUCH_NAME if blamed.is_some() || !narrower => {
                let ended = *blamed.unwrap_or(&columns[0]);
                self.cursors[ended].open = false;
                self.table.complete[ended] = true;
            }
            _ if size.repetitions > 0 => size.give_up_bulk(),
            _ if narrower => size.columns = 1,
            status => {
                // This column cannot be read; the others go on.
                self.cursors[columns[0]].open = false;
                let text = format!("{} for {}", status_name(status), self.cursors[columns[0]].last);
                self.table.error.get_or_insert(SnmpError::Status(session.peer(), text));
            }
        }
    }
}
