//! The questions of one walk, and what is remembered from walk to walk.
//!
//! Gets a session and what is known of the device; gives rows. Rules:
//! 1. What rarely changes (names, aliases, types, addresses, speeds) is read every [`FACTS_EVERY`], and at once when the
//!    agent restarted, ifNumber or ifTableLastChange moved, or an unknown interface shows; speeds also when a link
//!    changed.
//! 2. 32-bit columns are left out where every interface has the 64-bit ones, and the other way round.
//! 3. What was read before something failed is kept; the reading says what failed first.
//! 4. A 32-bit counter that fell has wrapped, unless the agent restarted meanwhile: sysUpTime is read again, and if it
//!    fell too, the walk is worth nothing.
//! 5. An interface that has neither state nor counters is there by its facts.
//! 6. A counter is as wide as its value: some devices have 64 bits in a column of 32, others 32 in one of 64.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::columns::{ALWAYS, FACTS, LAST_CHANGE, NARROW, NUMBER, Reading as Column, SPEEDS, WIDE};
use super::facts;
use crate::model::{InterfaceFacts, InterfaceRow, LabelValue, MEASURES, Measure, Sample, SnmpProbe, SystemFacts, Walk};
use crate::net::snmp::{
    RequestSize, SYSTEM, Session, SnmpError, Table, UPTIME, read_columns, read_scalars, system_facts, uptime,
};
use crate::wire::snmp::{Access, Engine, Value};

/// How old facts may be.
const FACTS_EVERY: Duration = Duration::from_secs(600);

/// What is known of a device from earlier walks.
pub(super) struct Known {
    peer: SocketAddr,
    access: Access,
    /// Its engine, between conversations.
    pub engine: Option<Engine>,
    size: RequestSize,
    /// Scalars the agent does not have.
    absent: Vec<&'static [u32]>,
    /// Its system group.
    pub system: Option<Arc<SystemFacts>>,
    uptime: Option<u32>,
    number: Option<u64>,
    last_change: Option<u64>,
    facts: BTreeMap<u32, Arc<InterfaceFacts>>,
    facts_at: Option<tokio::time::Instant>,
    /// Rule 5: as of the last reading of the facts.
    bare: Vec<u32>,
    /// Rule 2; `None` while unknown.
    wide: Option<bool>,
    narrow: Option<bool>,
    rows: usize,
    links: HashMap<u32, Option<bool>>,
    counted: HashMap<u32, [Option<u32>; MEASURES.len()]>,
}

impl Known {
    /// Nothing yet.
    pub fn new(peer: SocketAddr, access: Access, settings: &SnmpProbe) -> Self {
        Self {
            peer,
            access,
            engine: None,
            size: RequestSize::new(settings.max_repetitions),
            absent: Vec::new(),
            system: None,
            uptime: None,
            number: None,
            last_change: None,
            facts: BTreeMap::new(),
            facts_at: None,
            bare: Vec::new(),
            wide: None,
            narrow: None,
            rows: 0,
            links: HashMap::new(),
            counted: HashMap::new(),
        }
    }

    /// Whether this is about that device, asked that way.
    pub fn is_of(&self, peer: SocketAddr, access: &Access) -> bool {
        self.peer == peer && self.access == *access
    }
}

/// Whether there is no use in asking on.
fn is_final(error: &SnmpError) -> bool {
    !matches!(error, SnmpError::Status(..) | SnmpError::Loop(..))
}

/// One walk.
pub(super) async fn converse(
    session: &mut Session,
    settings: &SnmpProbe,
    known: &mut Known,
    walk: &mut Walk,
) -> Result<(), SnmpError> {
    known.size.begin_walk();
    let mut trouble = None;
    scalars(session, known, walk).await?;
    if known
        .facts_at
        .is_none_or(|at| session.started().duration_since(at) >= FACTS_EVERY)
    {
        note(&mut trouble, read_facts(session, known, &[]).await)?;
    }
    let mut rows = read_counters(session, known, &mut trouble).await;
    if !trouble.as_ref().is_some_and(is_final) {
        if rows.keys().any(|index| !known.facts.contains_key(index)) {
            let all: Vec<u32> = rows.keys().copied().collect();
            note(&mut trouble, read_facts(session, known, &all).await)?;
        } else if moved(known, &rows) {
            note(&mut trouble, read_speeds(session, known).await)?;
        }
        unless_restarted(session, known, &rows, walk).await?;
    }
    remember(known, &rows);
    if trouble.is_none() {
        if known.facts_at == Some(session.started()) {
            known.bare = known
                .facts
                .keys()
                .filter(|index| !rows.contains_key(index))
                .copied()
                .collect();
        }
        for index in &known.bare {
            rows.entry(*index).or_insert_with(|| empty(*index));
        }
    }
    // One that only just came has no facts yet where reading them failed.
    rows.retain(|index, row| known.facts.get(index).map(|facts| row.facts = facts.clone()).is_some());
    let wanted = |row: &InterfaceRow| {
        settings.interfaces.wants(&row.facts) && (settings.interfaces.include_down || row.enabled != Some(false))
    };
    walk.interfaces = rows.into_values().filter(wanted).collect();
    if trouble.is_none() {
        known.size.end_good_walk();
    }
    trouble.map_or(Ok(()), Err)
}

/// Keeps the first trouble; one that is final ends the walk.
fn note(trouble: &mut Option<SnmpError>, table: Result<(), SnmpError>) -> Result<(), SnmpError> {
    match table {
        Err(error) if is_final(&error) => Err(trouble.take().unwrap_or(error)),
        Err(error) => {
            trouble.get_or_insert(error);
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

/// Reads sysUpTime and what tells that the facts are old, and the system group with the facts.
async fn scalars(session: &mut Session, known: &mut Known, walk: &mut Walk) -> Result<(), SnmpError> {
    let mut names = vec![UPTIME, NUMBER, LAST_CHANGE];
    let old = known
        .facts_at
        .is_none_or(|at| session.started().duration_since(at) >= FACTS_EVERY);
    if old {
        known.absent.clear();
    }
    if old || known.system.is_none() {
        names.extend(SYSTEM);
    }
    let values = read_scalars(session, &mut known.absent, &names).await?;
    let uptime = uptime(&values);
    let number = values.number(NUMBER);
    let last_change = values.number(LAST_CHANGE);
    if names.len() > 3 {
        known.system = Some(Arc::new(system_facts(&values, session)));
    }
    let restarted = uptime.is_some() && uptime < known.uptime;
    if restarted {
        // Perhaps with other software: find out everything anew.
        (known.wide, known.narrow) = (None, None);
        known.absent.clear();
        known.system = None;
    }
    if restarted || number != known.number || last_change != known.last_change {
        known.facts_at = None;
    }
    (known.uptime, known.number, known.last_change) = (uptime, number, last_change);
    walk.uptime = uptime;
    Ok(())
}

/// Rule 1. `others` are interfaces that show elsewhere.
async fn read_facts(session: &mut Session, known: &mut Known, others: &[u32]) -> Result<(), SnmpError> {
    let bases = FACTS.map(|(_, base)| base);
    let table = read_columns(session, &bases, &mut known.size, known.rows).await;
    if table.error.as_ref().is_some_and(is_final) {
        return outcome(table);
    }
    let mut drafts: BTreeMap<u32, facts::Draft> = BTreeMap::new();
    for (column, index, value) in &table.cells {
        drafts.entry(*index).or_default().learn(FACTS[*column].0, value);
    }
    // An interface of which no fact is known still has its number.
    for index in others {
        drafts.entry(*index).or_default();
    }
    let mut named = facts::name_all(drafts);
    if table.is_complete() {
        known.facts_at = Some(session.started());
    } else if !known.facts.is_empty() {
        // Names that are known are not given up for a table with holes.
        let taken: HashSet<LabelValue> = known.facts.values().map(|facts| facts.name.clone()).collect();
        named.retain(|index, facts| !known.facts.contains_key(index) && !taken.contains(&facts.name));
        named.append(&mut known.facts);
    }
    known.rows = named.len();
    known.facts = named;
    outcome(table)
}

/// Reads the speeds alone, after a link came up.
async fn read_speeds(session: &mut Session, known: &mut Known) -> Result<(), SnmpError> {
    let bases = SPEEDS.map(|(_, base)| base);
    let table = read_columns(session, &bases, &mut known.size, known.rows).await;
    let mut drafts: HashMap<u32, facts::Draft> = HashMap::new();
    for (column, index, value) in &table.cells {
        drafts.entry(*index).or_default().learn(SPEEDS[*column].0, value);
    }
    for (index, draft) in drafts {
        if let Some(facts) = known.facts.get_mut(&index)
            && facts.speed != draft.bits_per_second()
        {
            Arc::make_mut(facts).speed = draft.bits_per_second();
        }
    }
    outcome(table)
}

fn outcome(table: Table) -> Result<(), SnmpError> {
    table.error.map_or(Ok(()), Err)
}

/// Reads states and counters.
async fn read_counters(
    session: &mut Session,
    known: &mut Known,
    trouble: &mut Option<SnmpError>,
) -> BTreeMap<u32, InterfaceRow> {
    let mut wanted: Vec<(Column, &'static [u32])> = ALWAYS.to_vec();
    // Version 1 has no numbers of 64 bits.
    let wide = !session.is_v1() && known.wide != Some(false);
    if wide {
        wanted.extend(WIDE);
    }
    if known.narrow != Some(false) {
        wanted.extend(NARROW);
    }
    let bases: Vec<&'static [u32]> = wanted.iter().map(|(_, base)| *base).collect();
    let table = read_columns(session, &bases, &mut known.size, known.rows).await;
    let mut rows: BTreeMap<u32, InterfaceRow> = BTreeMap::new();
    for (column, index, value) in &table.cells {
        let row = rows.entry(*index).or_insert_with(|| empty(*index));
        learn(row, wanted[*column].0, value);
    }
    let is_wide = |column: usize| matches!(wanted[column].0, Column::Wide(_));
    let whole = (0..wanted.len()).all(|column| !is_wide(column) || table.complete[column]);
    if whole {
        let cells = table.cells.iter().filter(|(column, ..)| is_wide(*column)).count();
        if table.is_complete() && !rows.is_empty() {
            known.wide = Some(cells > 0);
            known.narrow = Some(cells < rows.len() * WIDE.len());
        }
    } else {
        // Whether a counter has 64 bits is not known where their column broke off: nothing is better than the other
        // width for one walk.
        for row in rows.values_mut() {
            for sample in row.samples[..4].iter_mut().filter(|sample| sample.wide.is_none()) {
                sample.narrow = None;
            }
        }
    }
    if let Some(error) = table.error {
        trouble.get_or_insert(error);
    }
    rows
}

fn empty(index: u32) -> InterfaceRow {
    InterfaceRow {
        facts: Arc::new(InterfaceFacts {
            name: format!("if{index}").into(),
            index,
            alias: None,
            description: None,
            kind: None,
            mac: None,
            speed: None,
        }),
        up: None,
        enabled: None,
        samples: [Sample::default(); MEASURES.len()],
    }
}

/// Takes a cell into its row.
fn learn(row: &mut InterfaceRow, column: Column, value: &Value) {
    let sample = |row: &mut InterfaceRow, measure: Measure, set: &dyn Fn(&mut Sample)| {
        if let Some(place) = MEASURES.iter().position(|known| *known == measure) {
            set(&mut row.samples[place]);
        }
    };
    match (column, value) {
        (Column::Oper, value) => {
            // unknown(4) is no answer
            let status = facts::number(value).filter(|status| *status != 4);
            row.up = status.map(|status| status == 1);
        }
        (Column::Admin, value) => row.enabled = facts::number(value).map(|status| status == 1),
        // Rule 6.
        (Column::Wide(measure), Value::Counter32(number) | Value::Gauge32(number)) => {
            sample(row, measure, &|sample| sample.narrow = Some(*number));
        }
        (Column::Narrow(measure), Value::Counter64(number)) => {
            sample(row, measure, &|sample| sample.wide = sample.wide.or(Some(*number)));
        }
        (Column::Wide(measure), value) => {
            let number = facts::number(value);
            sample(row, measure, &|sample| sample.wide = number.or(sample.wide));
        }
        (Column::Narrow(measure), value) => {
            let number = facts::number(value).map(|number| number as u32);
            sample(row, measure, &|sample| sample.narrow = sample.narrow.or(number));
        }
    }
}

/// Whether a link came up or went down since the last walk.
fn moved(known: &Known, rows: &BTreeMap<u32, InterfaceRow>) -> bool {
    let changed = |(index, row): (&u32, &InterfaceRow)| known.links.get(index).is_some_and(|up| *up != row.up);
    rows.iter().any(changed)
}

/// Rule 4.
async fn unless_restarted(
    session: &mut Session,
    known: &mut Known,
    rows: &BTreeMap<u32, InterfaceRow>,
    walk: &mut Walk,
) -> Result<(), SnmpError> {
    let fell = |(index, row): (&u32, &InterfaceRow)| {
        let before = known.counted.get(index);
        before.is_some_and(|before| {
            row.samples
                .iter()
                .zip(before)
                .any(|(now, before)| now.narrow.is_some() && now.narrow < *before)
        })
    };
    if known.uptime.is_none() || !rows.iter().any(fell) {
        return Ok(());
    }
    let values = read_scalars(session, &mut known.absent, &[UPTIME]).await?;
    let now = uptime(&values);
    if now.is_none() || now >= known.uptime {
        return Ok(());
    }
    walk.uptime = now;
    known.counted.clear();
    let text = "the agent restarted during the walk".to_owned();
    Err(SnmpError::Status(session.peer(), text))
}

fn remember(known: &mut Known, rows: &BTreeMap<u32, InterfaceRow>) {
    known.links = rows.iter().map(|(index, row)| (*index, row.up)).collect();
    known.counted = rows
        .iter()
        .map(|(index, row)| (*index, row.samples.map(|sample| sample.narrow)))
        .collect();
}
