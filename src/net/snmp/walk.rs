//! Reading columns of a table: as many in one request as the device can answer.
//!
//! Owns the pace (how many rows to ask for at once) and the end of a walk. Gets a session and columns; gives cells, and
//! says why it stopped where that was too early. Rules:
//! 1. A column ends at the first variable outside it. A variable that is not after the last one is a loop: the column
//!    ends there, with an error; the others go on.
//! 2. Where a device answers tooBig, or is silent although it answers smaller questions, half as many rows are asked
//!    for, and in the end GETNEXT is used. Not where it turns out to have been slow only. What worked is remembered; after [`PROBATION`] good walks more is tried.
//! 3. A table has at most [`ROWS`] rows.
//! 4. A reply without variables is no end of anything: the column asked for first has a value there that cannot be read
//!    (in an encrypted reply; see `Reply::bindings`). It waits until the others have ended, and then goes on behind the next
//!    row that they have. Where there is none, the value is another column's if a column of the same table ended; else
//!    nobody knows, and it ends there with an error.

use std::collections::BTreeSet;
use std::ops::Bound;

use super::message::{self, Op, Query, Reply};
use super::session::{Session, SnmpError};
use super::value::{Oid, Value};

/// The most rows of a table that are read.
pub const ROWS: usize = 20_000;
/// The most columns in one request.
const COLUMNS: usize = 20;

/// So many walks without trouble are a reason to ask for more again.
const PROBATION: u32 = 30;

/// So many values of a column that cannot be read are stepped over (rule 4): each costs a request.
const STEPS: u32 = 64;

const TOO_BIG: i64 = 1;
const NO_SUCH_NAME: i64 = 2;

/// How many rows a device is asked for at once; remembered from walk to walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// GETBULK's max-repetitions; 0 is GETNEXT.
    repetitions: u32,
    /// Not more than this.
    ceiling: u32,
    /// Columns in one request.
    columns: usize,
    /// What the user allows.
    most: u32,
    /// Walks without trouble since the last.
    good: u32,
    /// GETBULK has been answered in this walk.
    proven: bool,
}

impl Pace {
    /// At first as many rows as this.
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

    /// At the start of a walk.
    pub fn rest(&mut self) {
        self.proven = false;
    }

    /// After a walk without trouble: what failed long ago may have been a lost datagram.
    pub fn grow(&mut self) {
        self.good += 1;
        if self.good >= PROBATION {
            self.good = 0;
            self.ceiling = (self.ceiling * 2).min(self.most);
            self.repetitions = self.ceiling;
            self.columns = COLUMNS;
        }
    }

    /// Half as many; false where that is not possible.
    fn shrink(&mut self, least: u32) -> bool {
        if self.repetitions <= least {
            return false;
        }
        self.repetitions /= 2;
        self.ceiling = self.repetitions.max(1);
        self.good = 0;
        true
    }

    /// What a device that answers GETBULK with an error is asked with.
    fn give_up_bulk(&mut self) {
        self.repetitions = 0;
        self.good = 0;
    }

    /// For tests and people: rows at once, 0 for GETNEXT.
    pub const fn repetitions(&self) -> u32 {
        self.repetitions
    }
}

/// What was read.
#[derive(Debug, Default)]
pub struct Table {
    /// Column (its place in the list asked for), row, value.
    pub cells: Vec<(usize, u32, Value)>,
    /// Which columns were read to their end.
    pub complete: Vec<bool>,
    /// Why others were not: the first reason.
    pub trouble: Option<SnmpError>,
}

impl Table {
    /// Whether this is all there is.
    pub const fn is_complete(&self) -> bool {
        self.trouble.is_none()
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

/// Reads columns to their ends. `expected` is how many rows there were the last time, 0 where nobody knows: then no more
/// is asked for past the end than needed.
pub async fn columns(session: &mut Session, bases: &[&'static [u32]], pace: &mut Pace, expected: usize) -> Table {
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
        pace.give_up_bulk();
    }
    while let Some(asked) = walk.next(session, pace) {
        if let Err(error) = walk.round(session, pace, &asked, expected).await {
            walk.table.trouble = Some(error);
            break;
        }
    }
    walk.table
}

/// A column's entry: all of it but the column's number.
fn table_of(column: &'static [u32]) -> &'static [u32] {
    column.split_last().map_or(column, |(_, table)| table)
}

impl Walk<'_> {
    /// The columns to ask for, those furthest behind first.
    fn next(&mut self, session: &Session, pace: &Pace) -> Option<Vec<usize>> {
        if self.cursors.iter().all(|cursor| cursor.stuck || !cursor.open) {
            self.step_over(session);
        }
        let ready = |place: &usize| self.cursors[*place].open && !self.cursors[*place].stuck;
        let mut open: Vec<usize> = (0..self.cursors.len()).filter(ready).collect();
        open.sort_by_key(|place| self.cursors[*place].rows);
        open.truncate(pace.columns.max(1));
        (!open.is_empty()).then_some(open)
    }

    /// Rule 4: columns that are stuck go on behind the next row that is known, or end.
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
            if let (Some(row), true) = (next, cursor.steps <= STEPS) {
                cursor.stuck = false;
                cursor.last = Oid::under(base, &[*row]);
            } else if next.is_none() && ended.contains(&table_of(base)) {
                cursor.open = false;
                self.table.complete[place] = true;
            } else {
                cursor.open = false;
                let text = format!("nothing that can be read after {}", cursor.last);
                let unreadable = SnmpError::Malformed(session.peer(), text);
                self.table.trouble.get_or_insert(unreadable);
            }
        }
    }

    /// One question and its answer; an error ends the walk.
    async fn round(
        &mut self,
        session: &mut Session,
        pace: &mut Pace,
        asked: &[usize],
        expected: usize,
    ) -> Result<(), SnmpError> {
        let oids: Vec<Oid> = asked.iter().map(|place| self.cursors[*place].last.clone()).collect();
        let rows = self.cursors[asked[0]].rows;
        // One more than there were: it shows the end.
        let left = (expected + 1).saturating_sub(rows).max(1);
        let left = if expected == 0 { u32::MAX } else { left as u32 };
        let mut attempt = 0;
        let before = *pace;
        session.question();
        let reply = loop {
            let bulk = pace.repetitions > 0;
            let query = Query {
                op: if bulk { Op::Bulk } else { Op::Next },
                repetitions: pace.repetitions.min(left),
                oids: &oids,
            };
            match session.attempt(query, attempt).await {
                Ok(reply) => {
                    if session.was_late() {
                        *pace = before;
                    }
                    pace.proven |= bulk && reply.status == 0;
                    break reply;
                }
                Err(error @ (SnmpError::Timeout(..) | SnmpError::Unreachable(..))) => {
                    // Rule 2. One that has answered such questions in this walk is not asked by GETNEXT for one loss.
                    let smaller = matches!(error, SnmpError::Timeout(..)) && pace.shrink(u32::from(pace.proven));
                    if attempt >= session.retries_allowed() && (pace.proven || !smaller) {
                        return Err(error);
                    }
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        };
        if reply.status == 0 {
            self.absorb(session, asked, reply);
        } else {
            self.refused(session, pace, asked, &reply);
        }
        Ok(())
    }

    /// Takes in an answer.
    fn absorb(&mut self, session: &Session, asked: &[usize], reply: Reply) {
        self.cursors[asked[0]].stuck = reply.bindings.is_empty();
        for (number, (oid, value)) in reply.bindings.into_iter().enumerate() {
            let place = asked[number % asked.len()];
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
                self.table.trouble.get_or_insert(looped);
                continue;
            }
            cursor.rows += 1;
            if let (&[row], false) = (row, matches!(value, Value::Null)) {
                self.table.cells.push((place, row, value));
            }
            if cursor.rows >= ROWS {
                cursor.open = false;
                let text = format!("a table of more than {ROWS} rows");
                self.table
                    .trouble
                    .get_or_insert(SnmpError::Status(session.peer(), text));
            }
            cursor.last = oid;
        }
    }

    /// Takes in an answer that says no.
    fn refused(&mut self, session: &Session, pace: &mut Pace, asked: &[usize], reply: &Reply) {
        let blamed = usize::try_from(reply.index)
            .ok()
            .and_then(|index| asked.get(index.wrapping_sub(1)));
        let narrower = asked.len() > 1;
        match reply.status {
            TOO_BIG if pace.shrink(1) => {}
            TOO_BIG if narrower => pace.columns = asked.len().div_ceil(2),
            // Version 1 says so at the end of a table; others at what they do not have.
            NO_SUCH_NAME if blamed.is_some() || !narrower => {
                let ended = *blamed.unwrap_or(&asked[0]);
                self.cursors[ended].open = false;
                self.table.complete[ended] = true;
            }
            _ if pace.repetitions > 0 => pace.give_up_bulk(),
            _ if narrower => pace.columns = 1,
            status => {
                // One column that cannot be read; the others go on.
                self.cursors[asked[0]].open = false;
                let text = format!("{} for {}", message::status_name(status), self.cursors[asked[0]].last);
                self.table
                    .trouble
                    .get_or_insert(SnmpError::Status(session.peer(), text));
            }
        }
    }
}
