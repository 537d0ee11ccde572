//! Which variables are read: IF-MIB (RFC 2863).

use crate::model::Measure;

const IF: [u32; 9] = [1, 3, 6, 1, 2, 1, 2, 2, 1];
const IFX: [u32; 10] = [1, 3, 6, 1, 2, 1, 31, 1, 1, 1];

const fn entry(column: u32) -> [u32; 10] {
    let mut oid = [column; 10];
    let mut place = 0;
    while place < IF.len() {
        oid[place] = IF[place];
        place += 1;
    }
    oid
}

const fn extended(column: u32) -> [u32; 11] {
    let mut oid = [column; 11];
    let mut place = 0;
    while place < IFX.len() {
        oid[place] = IFX[place];
        place += 1;
    }
    oid
}

/// ifNumber.
pub const NUMBER: &[u32] = &[1, 3, 6, 1, 2, 1, 2, 1, 0];
/// ifTableLastChange.
pub const LAST_CHANGE: &[u32] = &[1, 3, 6, 1, 2, 1, 31, 1, 5, 0];
/// A column of facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// ifName.
    Name,
    /// ifDescr.
    Description,
    /// ifAlias.
    Alias,
    /// ifType.
    Kind,
    /// ifPhysAddress.
    Mac,
    /// ifHighSpeed.
    HighSpeed,
    /// ifSpeed.
    Speed,
}

/// The columns that rarely change.
pub const FACTS: [(Fact, &[u32]); 7] = [
    (Fact::Name, &extended(1)),
    (Fact::Description, &entry(2)),
    (Fact::Alias, &extended(18)),
    (Fact::Kind, &entry(3)),
    (Fact::Mac, &entry(6)),
    (Fact::HighSpeed, &extended(15)),
    (Fact::Speed, &entry(5)),
];

/// Those of them that change with the link.
pub const SPEEDS: [(Fact, &[u32]); 2] = [FACTS[5], FACTS[6]];

/// A column that is read at every interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// ifAdminStatus.
    Admin,
    /// ifOperStatus.
    Oper,
    /// A counter's column of 64 bits.
    Wide(Measure),
    /// A counter's column of 32 bits.
    Narrow(Measure),
}

/// What every device has.
pub const ALWAYS: [(Reading, &[u32]); 6] = [
    (Reading::Admin, &entry(7)),
    (Reading::Oper, &entry(8)),
    (Reading::Narrow(Measure::ReceiveErrors), &entry(14)),
    (Reading::Narrow(Measure::TransmitErrors), &entry(20)),
    (Reading::Narrow(Measure::ReceiveDiscards), &entry(13)),
    (Reading::Narrow(Measure::TransmitDiscards), &entry(19)),
];

/// ifHCInOctets and its kind.
pub const WIDE: [(Reading, &[u32]); 4] = [
    (Reading::Wide(Measure::ReceiveBytes), &extended(6)),
    (Reading::Wide(Measure::TransmitBytes), &extended(10)),
    (Reading::Wide(Measure::ReceivePackets), &extended(7)),
    (Reading::Wide(Measure::TransmitPackets), &extended(11)),
];

/// ifInOctets and its kind.
pub const NARROW: [(Reading, &[u32]); 4] = [
    (Reading::Narrow(Measure::ReceiveBytes), &entry(10)),
    (Reading::Narrow(Measure::TransmitBytes), &entry(16)),
    (Reading::Narrow(Measure::ReceivePackets), &entry(11)),
    (Reading::Narrow(Measure::TransmitPackets), &entry(17)),
];
