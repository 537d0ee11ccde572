//! Vendors of hardware addresses: the IEEE registry, packed into the program.
//!
//! It has the blocks MA-L, MA-M and MA-S (prefixes of 24, 28 and 36 bits). The longest prefix counts, or every small block
//! would have the name of the registrar. `tests/tools/oui.sh` makes the table; [`Registry::parse`] describes its form.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use crate::model::Mac;

/// The packed table.
static BUILT_IN: &[u8] = include_bytes!("oui.bin");
/// "LNPLOUI1".
const MAGIC: &[u8] = b"LNPLOUI1";
/// The lengths of prefixes in bits, the longest first, and the bytes of a key of each.
const LENGTHS: [(u32, usize); 3] = [(36, 5), (28, 4), (24, 3)];
/// The largest registry file, in bytes.
const LARGEST_FILE: u64 = 64 << 20;

/// Prefixes and vendors.
#[derive(Debug)]
pub struct Registry {
    data: Cow<'static, [u8]>,
    /// For each length: where its table begins, and how many rows it has.
    tables: [(usize, usize); 3],
    /// Where the texts begin.
    texts: usize,
}

/// Why a registry file is not used.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The file cannot be read.
    #[error("cannot read the registry of hardware addresses {0}: {1}")]
    Read(PathBuf, std::io::Error),
    /// The file is no registry.
    #[error("{0} is no registry of hardware addresses: it has no line like MA-L,AABBCC,Maker")]
    Malformed(PathBuf),
}

impl Registry {
    /// The built-in registry.
    pub fn built_in() -> Self {
        // A test reads the whole file, so this cannot fail.
        Self::parse(Cow::Borrowed(BUILT_IN)).unwrap_or(Self {
            data: Cow::Borrowed(&[]),
            tables: [(0, 0); 3],
            texts: 0,
        })
    }

    /// Reads the packed form: the magic, the date of the data (10 characters), and three counts (32 bits, big-endian). Then
    /// for 36, 28 and 24 bits the sorted rows, each a key (5, 4 or 3 bytes, left-aligned) and the offset of the text
    /// (24 bits). Then the texts, each after a byte with its length.
    fn parse(data: Cow<'static, [u8]>) -> Option<Self> {
        let rest = data.strip_prefix(MAGIC)?;
        let mut at = MAGIC.len() + 10 + 12;
        let mut tables = [(0, 0); 3];
        for (n, (table, (_, bytes))) in tables.iter_mut().zip(LENGTHS).enumerate() {
            let count: [u8; 4] = rest.get(10 + n * 4..14 + n * 4)?.try_into().ok()?;
            let rows = u32::from_be_bytes(count) as usize;
            *table = (at, rows);
            at = at.checked_add(rows.checked_mul(bytes + 3)?)?;
        }
        (at <= data.len()).then_some(())?;
        Some(Self {
            data,
            tables,
            texts: at,
        })
    }

    /// Reads a CSV file as the IEEE publishes it (`Registry,Assignment,Organization Name,...`), or several in one file.
    ///
    /// # Errors
    /// The file cannot be read, or is no registry.
    pub fn read(path: &Path) -> Result<Self, RegistryError> {
        let failed = |error| RegistryError::Read(path.to_owned(), error);
        let size = std::fs::metadata(path).map_err(failed)?.len();
        if size > LARGEST_FILE {
            return Err(RegistryError::Malformed(path.to_owned()));
        }
        let text = std::fs::read(path).map_err(failed)?;
        let packed = pack(&String::from_utf8_lossy(&text), "0000-00-00");
        let registry =
            Self::parse(Cow::Owned(packed)).filter(|registry| registry.tables.iter().any(|(_, rows)| *rows > 0));
        registry.ok_or_else(|| RegistryError::Malformed(path.to_owned()))
    }

    /// The vendor of this hardware address.
    pub fn vendor(&self, mac: Mac) -> Option<String> {
        for ((start, rows), (bits, bytes)) in self.tables.into_iter().zip(LENGTHS) {
            let mut key = [0; 5];
            key.copy_from_slice(&mac.0[..5]);
            match bits {
                36 => key[4] &= 0xf0,
                28 => key[3] &= 0xf0,
                _ => {}
            }
            let row = |n: usize| self.data.get(start + n * (bytes + 3)..start + (n + 1) * (bytes + 3));
            let (mut low, mut high) = (0, rows);
            while low < high {
                let middle = usize::midpoint(low, high);
                let found = row(middle)?;
                match found[..bytes].cmp(&key[..bytes]) {
                    std::cmp::Ordering::Less => low = middle + 1,
                    std::cmp::Ordering::Greater => high = middle,
                    std::cmp::Ordering::Equal => return self.text(&found[bytes..]),
                }
            }
        }
        None
    }

    fn text(&self, offset: &[u8]) -> Option<String> {
        let offset = offset.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)) + self.texts;
        let length = usize::from(*self.data.get(offset)?);
        let text = self.data.get(offset + 1..offset + 1 + length)?;
        Some(String::from_utf8_lossy(text).into_owned())
    }
}

/// When the built-in data was published, as `2026-10-17`.
pub fn data_date() -> &'static str {
    BUILT_IN
        .get(MAGIC.len()..MAGIC.len() + 10)
        .and_then(|date| std::str::from_utf8(date).ok())
        .unwrap_or("unknown")
}

/// Packs the lines of the IEEE's CSV files; see [`Registry::parse`]. `date` has 10 characters.
pub fn pack(csv: &str, date: &str) -> Vec<u8> {
    let mut tables: [BTreeMap<Vec<u8>, u32>; 3] = Default::default();
    let mut texts = Vec::new();
    let mut offsets: HashMap<String, u32> = HashMap::new();
    for (table, key, name) in csv.lines().filter_map(line) {
        let offset = *offsets.entry(name).or_insert_with_key(|name| {
            let at = texts.len() as u32;
            texts.push(name.len() as u8);
            texts.extend(name.as_bytes());
            at
        });
        tables[table].insert(key, offset);
    }
    let mut out = [MAGIC, date.as_bytes()].concat();
    for table in &tables {
        out.extend((table.len() as u32).to_be_bytes());
    }
    for (key, offset) in tables.iter().flatten() {
        out.extend(key);
        out.extend(&offset.to_be_bytes()[1..]);
    }
    out.extend(texts);
    out
}

/// A line of a CSV file: the number of its table, the key and the name of the vendor. `None` for other lines.
fn line(line: &str) -> Option<(usize, Vec<u8>, String)> {
    let (registry, rest) = line.split_once(',')?;
    let (digits, table) = match registry {
        "MA-L" => (6, 2),
        "MA-M" => (7, 1),
        "MA-S" | "IAB" => (9, 0),
        _ => return None,
    };
    let (prefix, rest) = rest.split_once(',')?;
    let name = first_field(rest);
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
    let name = cut(name.trim(), usize::from(u8::MAX));
    // A block that is divided into smaller ones has the name of the registrar, not of a vendor.
    if prefix.len() != digits || ["", "Private", "IEEE Registration Authority"].contains(&name) {
        return None;
    }
    let number = u64::from_str_radix(prefix, 16).ok()?;
    let key = (number << (40 - 4 * digits)).to_be_bytes();
    Some((table, key[3..3 + LENGTHS[table].1].to_vec(), name.to_owned()))
}

/// As many whole characters of a text as fit into so many bytes.
fn cut(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// A field of a CSV line (RFC 4180), with or without quotes.
fn first_field(text: &str) -> String {
    let Some(quoted) = text.strip_prefix('"') else {
        return text.split(',').next().unwrap_or_default().to_owned();
    };
    let mut field = String::new();
    let mut letters = quoted.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if letters.peek() == Some(&'"') => field.extend(letters.next()),
            '"' => break,
            letter => field.push(letter),
        }
    }
    field
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vendor(registry: &Registry, mac: &str) -> Option<String> {
        registry.vendor(mac.parse().unwrap())
    }

    #[test]
    fn the_longest_prefix_counts() {
        let csv = "Registry,Assignment,Organization Name,Organization Address\n\
                   MA-L,8C1F64,IEEE Registration Authority,x\n\
                   MA-L,C85CE2,IEEE Registration Authority,x\n\
                   MA-L,00AABB,\"Large, \"\"Inc.\"\"\",x\n\
                   MA-M,00AABB2,Medium,x\n\
                   MA-S,00AABB2F1,Small,x\n\
                   MA-L,nonsense,x,x\nMA-L\n";
        let registry = Registry::parse(Cow::Owned(pack(csv, "2026-01-01"))).unwrap();
        for (mac, expected) in [
            ("00:aa:bb:10:00:00", Some("Large, \"Inc.\"")),
            ("00:aa:bb:2e:00:00", Some("Medium")),
            ("00:aa:bb:2f:1f:ff", Some("Small")),
            ("00:aa:bb:2f:2f:ff", Some("Medium")),
            ("8c:1f:64:00:00:00", None),
            ("00:aa:bc:00:00:00", None),
        ] {
            assert_eq!(vendor(&registry, mac).as_deref(), expected, "{mac}");
        }
    }

    #[test]
    fn the_built_in_table_has_all_three_sizes() {
        let registry = Registry::built_in();
        for (mac, part) in [
            ("28:6f:b9:00:00:01", "Nokia Shanghai Bell"),
            ("c8:5c:e2:70:00:01", "SYNERGY SYSTEMS"),
            ("8c:1f:64:af:a0:01", "DATA ELECTRONIC DEVICES"),
        ] {
            let found = vendor(&registry, mac).unwrap_or_default();
            assert!(found.starts_with(part), "{mac}: {found}");
        }
        assert!(
            registry.tables.iter().all(|(_, rows)| *rows > 5_000),
            "{:?}",
            registry.tables
        );
        assert_eq!(data_date().len(), 10);
        assert!(BUILT_IN.len() < 1_300_000);
    }

    #[test]
    fn damaged_tables_are_refused() {
        for data in [
            &b""[..],
            b"LNPLOUI1",
            b"LNPLOUI12026-01-01\xff\xff\xff\xff\0\0\0\0\0\0\0\0",
        ] {
            assert!(Registry::parse(Cow::Borrowed(data)).is_none());
        }
    }
}
