//! The system group (RFC 3418): what a device says of itself.

use super::scalars::{Scalars, read_scalars};
use super::session::{Session, SnmpError};
use crate::model::SystemFacts;

/// sysUpTime.
pub const UPTIME: &[u32] = &[1, 3, 6, 1, 2, 1, 1, 3, 0];
const DESCRIPTION: &[u32] = &[1, 3, 6, 1, 2, 1, 1, 1, 0];
const OBJECT_ID: &[u32] = &[1, 3, 6, 1, 2, 1, 1, 2, 0];
const CONTACT: &[u32] = &[1, 3, 6, 1, 2, 1, 1, 4, 0];
const NAME: &[u32] = &[1, 3, 6, 1, 2, 1, 1, 5, 0];
const LOCATION: &[u32] = &[1, 3, 6, 1, 2, 1, 1, 6, 0];
/// The variables of [`system_facts`].
pub const SYSTEM: [&[u32]; 5] = [DESCRIPTION, OBJECT_ID, CONTACT, NAME, LOCATION];

/// The facts, from values of [`SYSTEM`] that were read in this session.
pub fn system_facts(values: &Scalars, session: &Session) -> SystemFacts {
    SystemFacts {
        name: values.text(NAME),
        description: values.text(DESCRIPTION),
        object_id: values.text(OBJECT_ID),
        location: values.text(LOCATION),
        contact: values.text(CONTACT),
        engine: session.engine_id(),
    }
}

/// sysUpTime in hundredths of a second, from values that were read.
pub fn uptime(values: &Scalars) -> Option<u32> {
    values.number(UPTIME).map(|ticks| ticks as u32)
}

/// Reads the system group: the facts, and sysUpTime in hundredths of a second.
///
/// # Errors
/// There is no reply, or the device replies with nothing but an error.
pub async fn read_system(session: &mut Session) -> Result<(SystemFacts, Option<u32>), SnmpError> {
    let mut names = SYSTEM.to_vec();
    names.push(UPTIME);
    let values = read_scalars(session, &mut Vec::new(), &names).await?;
    let values = values.or_refused(session)?;
    Ok((system_facts(&values, session), uptime(&values)))
}
