//! Mutates inputs until time is up, and keeps the one that a reader failed on.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::support::now;

/// Marsaglia's xorshift: all the chance that is needed.
pub(super) struct Chance(pub(super) u64);

impl Chance {
    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

/// What programs stumble over.
pub(super) const ODD: [&[u8]; 24] = [
    b"\0",
    b"\n",
    b"\r\n",
    b"\xff",
    b"\xc3",
    b"\xef\xbb\xbf",
    b"'",
    b"\"",
    b"{",
    b"}",
    b"[",
    b"]",
    b": ",
    b"- ",
    b"&a ",
    b"*a",
    b"!!x",
    b"<<",
    b"~",
    b"-1",
    b"99999999999999999999",
    b"1e999",
    b"%00",
    b"\t",
];

/// Changes an input in one to eight places: bits, pieces of itself, of another input, and oddities.
pub(super) fn mutate(corpus: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let mut input = corpus[chance.below(corpus.len())].clone();
    for _ in 0..=chance.below(8) {
        let at = chance.below(input.len() + 1);
        let to = (at + chance.below(16)).min(input.len());
        match chance.below(6) {
            0 if at < input.len() => input[at] ^= 1 << chance.below(8),
            1 => drop(input.drain(at..to)),
            2 => drop(input.splice(at..at, ODD[chance.below(ODD.len())].iter().copied())),
            3 => {
                let piece = input[at..to].repeat(1 + chance.below(64));
                drop(input.splice(at..at, piece));
            }
            4 => {
                let other = &corpus[chance.below(corpus.len())];
                let from = chance.below(other.len() + 1);
                let piece = other[from..(from + chance.below(64)).min(other.len())].to_vec();
                drop(input.splice(at..to, piece));
            }
            _ => input.truncate(to),
        }
    }
    input.truncate(1 << 16);
    input
}

pub(super) fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

/// Tries mutated inputs until the time is over. An input that takes more than 10 s counts as a hang.
pub(super) fn fuzz(name: &str, corpus: &[Vec<u8>], mut target: impl FnMut(&[u8])) {
    let end = Instant::now() + Duration::from_secs(variable("FUZZ_SECONDS", 2));
    let seed = variable("FUZZ_SEED", now().to_bits());
    let mut chance = Chance(seed | 1);
    let mut tried = 0_u64;
    while Instant::now() < end {
        let input = mutate(corpus, &mut chance);
        let start = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| target(&input)));
        if outcome.is_err() || start.elapsed() > Duration::from_secs(10) {
            let path = std::env::temp_dir().join(format!("lanpulse-fuzz-{name}-{seed}"));
            fs::write(&path, &input).unwrap();
            panic!(
                "{name}: input {tried} of FUZZ_SEED={seed} fails; it is in {}",
                path.display()
            );
        }
        tried += 1;
    }
    println!("{name}: {tried} inputs, seed {seed}");
    assert!(tried > 0);
}

/// The files of a directory with this ending.
pub(super) fn files(directory: &str, ending: &str) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(crate::support::repository(directory)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let found = paths.filter(|path| path.extension().is_some_and(|end| end == ending));
    found.map(|path| fs::read(path).unwrap()).collect()
}

/// A frame or message from a dump in hexadecimal, spaces for people.
pub(super) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let value = |digit: u8| char::from(digit).to_digit(16).unwrap() as u8;
    digits
        .chunks(2)
        .map(|pair| value(pair[0]) << 4 | value(pair[1]))
        .collect()
}
