//! Which frames a packet socket receives: filters that the kernel runs (classic BPF, see bpf(4) and packet(7)).
//!
//! A packet socket without a filter gets a copy of every frame of the interface.

use libc::sock_filter;

/// A kind of frames. A packet socket receives the kinds that it was opened with, without a VLAN tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frames {
    /// ARP (RFC 826).
    Arp,
    /// DHCP for IPv4 (RFC 2131): UDP to port 67 or 68.
    Dhcp,
    /// IPv6 router and neighbour discovery (RFC 4861): ICMPv6 types 133 to 137.
    NeighbourDiscovery,
    /// LLDP (IEEE 802.1AB).
    Lldp,
    /// The Cisco Discovery Protocol.
    Cdp,
}

/// Bytes of a frame that are received.
const WHOLE_FRAME: u32 = 0xffff;
/// The place of the ethertype, or of the length in an 802.3 frame.
const ETHERTYPE: u32 = 12;
/// The first byte behind the Ethernet header.
const PAYLOAD: u32 = 14;
/// The largest length in an 802.3 frame; above it the field is an ethertype.
const LARGEST_LENGTH: u32 = 1500;
/// The protocol in an IPv4 header, and its flags with the fragment's offset.
const IPV4_PROTOCOL: u32 = PAYLOAD + 9;
const IPV4_FRAGMENT: u32 = PAYLOAD + 6;
/// The destination port of UDP behind an IPv4 header, but for the length of that header.
const UDP_PORT: u32 = PAYLOAD + 2;
/// The next header in an IPv6 header, and the type of ICMPv6 behind it.
const IPV6_NEXT: u32 = PAYLOAD + 6;
const ICMPV6_TYPE: u32 = PAYLOAD + 40;

/// One step of a filter. A comparison that fails goes on with the next kind of frames.
#[derive(Clone, Copy)]
enum Step {
    /// Loads 1, 2 or 4 bytes at this place.
    Byte(u32),
    Half(u32),
    Word(u32),
    /// Loads 2 bytes at this place, plus the length of the IPv4 header.
    HalfBehindIpv4(u32),
    /// What was loaded is this number.
    Is(u32),
    /// What was loaded is one of these two numbers.
    IsEither(u32, u32),
    /// What was loaded is in this range.
    IsBetween(u32, u32),
    /// What was loaded has none of these bits.
    HasNone(u32),
}

impl Frames {
    /// How the kernel tells these frames from others.
    const fn steps(self) -> &'static [Step] {
        use Step::{Byte, Half, HalfBehindIpv4, HasNone, Is, IsBetween, IsEither, Word};
        match self {
            Self::Arp => &[Half(ETHERTYPE), Is(0x0806)],
            Self::Dhcp => &[
                Half(ETHERTYPE),
                Is(0x0800),
                Byte(IPV4_PROTOCOL),
                Is(17),
                Half(IPV4_FRAGMENT),
                HasNone(0x1fff),
                HalfBehindIpv4(UDP_PORT),
                IsEither(67, 68),
            ],
            Self::NeighbourDiscovery => &[
                Half(ETHERTYPE),
                Is(0x86dd),
                Byte(IPV6_NEXT),
                Is(58),
                Byte(ICMPV6_TYPE),
                IsBetween(133, 137),
            ],
            Self::Lldp => &[Half(ETHERTYPE), Is(0x88cc)],
            // To 01:00:0c:cc:cc:cc, in 802.3 with SNAP: AA AA 03, OUI 00:00:0C, protocol 2000.
            Self::Cdp => &[
                Word(0),
                Is(0x0100_0ccc),
                Half(4),
                Is(0xcccc),
                Half(ETHERTYPE),
                IsBetween(0, LARGEST_LENGTH),
                Word(PAYLOAD),
                Is(0xaaaa_0300),
                Word(PAYLOAD + 4),
                Is(0x000c_2000),
            ],
        }
    }

    /// The multicast addresses that these frames go to, and that the interface must listen to.
    pub(super) const fn groups(self) -> &'static [[u8; 6]] {
        match self {
            // The kernel listens to IPv6's groups itself.
            Self::Arp | Self::Dhcp | Self::NeighbourDiscovery => &[],
            // Nearest bridge, nearest bridge that is no two-port relay, nearest customer bridge.
            Self::Lldp => &[
                [0x01, 0x80, 0xc2, 0, 0, 0x0e],
                [0x01, 0x80, 0xc2, 0, 0, 0x03],
                [0x01, 0x80, 0xc2, 0, 0, 0x00],
            ],
            Self::Cdp => &[[0x01, 0x00, 0x0c, 0xcc, 0xcc, 0xcc]],
        }
    }
}

/// The program that lets these frames through and no others.
pub(super) fn program(kinds: &[Frames]) -> Vec<sock_filter> {
    let mut program = Vec::new();
    for kind in kinds {
        let length: usize = kind.steps().iter().map(|step| step.length()).sum();
        // One more for the instruction that accepts.
        let next = program.len() + length + 1;
        for step in kind.steps() {
            step.compile(next, &mut program);
        }
        program.push(instruction(RETURN, 0, 0, WHOLE_FRAME));
    }
    program.push(instruction(RETURN, 0, 0, 0));
    program
}

// Operations of classic BPF (`<linux/bpf_common.h>`).
const LOAD_BYTE: u16 = 0x30;
const LOAD_HALF: u16 = 0x28;
const LOAD_WORD: u16 = 0x20;
const LOAD_HALF_INDEXED: u16 = 0x48;
/// Loads four times the lower half of a byte into the index: the length of an IPv4 header.
const LOAD_INDEX: u16 = 0xb1;
const JUMP_EQUAL: u16 = 0x15;
const JUMP_GREATER: u16 = 0x25;
const JUMP_NOT_LESS: u16 = 0x35;
const JUMP_ANY_BIT: u16 = 0x45;
const RETURN: u16 = 0x06;

impl Step {
    /// Instructions.
    const fn length(self) -> usize {
        match self {
            Self::HalfBehindIpv4(_) | Self::IsEither(..) | Self::IsBetween(..) => 2,
            _ => 1,
        }
    }

    /// Appends the instructions; where a comparison fails, the program goes on at the instruction `next`.
    fn compile(self, next: usize, program: &mut Vec<sock_filter>) {
        // A jump counts from the instruction behind it. A program has some fifty instructions at most.
        let away = |at: usize| (next - at - 1) as u8;
        let at = program.len();
        match self {
            Self::Byte(place) => program.push(instruction(LOAD_BYTE, 0, 0, place)),
            Self::Half(place) => program.push(instruction(LOAD_HALF, 0, 0, place)),
            Self::Word(place) => program.push(instruction(LOAD_WORD, 0, 0, place)),
            Self::HalfBehindIpv4(place) => {
                program.push(instruction(LOAD_INDEX, 0, 0, PAYLOAD));
                program.push(instruction(LOAD_HALF_INDEXED, 0, 0, place));
            }
            Self::Is(number) => program.push(instruction(JUMP_EQUAL, 0, away(at), number)),
            Self::IsEither(one, other) => {
                program.push(instruction(JUMP_EQUAL, 1, 0, one));
                program.push(instruction(JUMP_EQUAL, 0, away(at + 1), other));
            }
            Self::IsBetween(least, most) => {
                program.push(instruction(JUMP_NOT_LESS, 0, away(at), least));
                program.push(instruction(JUMP_GREATER, away(at + 1), 0, most));
            }
            Self::HasNone(bits) => program.push(instruction(JUMP_ANY_BIT, away(at), 0, bits)),
        }
    }
}

const fn instruction(code: u16, jt: u8, jf: u8, k: u32) -> sock_filter {
    sock_filter { code, jt, jf, k }
}

#[cfg(test)]
pub(super) mod samples {
    //! A frame of each kind, and some of none.

    use super::Frames;

    fn ethernet(to: [u8; 6], ethertype: u16, payload: &[u8]) -> Vec<u8> {
        let from = [2, 0, 0, 0, 0, 0xfe];
        [&to[..], &from, &ethertype.to_be_bytes(), payload].concat()
    }

    fn ipv4(options: usize, protocol: u8, fragment: u16, payload: &[u8]) -> Vec<u8> {
        let mut header = vec![0; 20 + options];
        header[0] = 0x40 | (5 + options / 4) as u8;
        header[6..8].copy_from_slice(&fragment.to_be_bytes());
        header[9] = protocol;
        header.extend(payload);
        ethernet([0xff; 6], 0x0800, &header)
    }

    fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
        let mut header = vec![0; 40];
        (header[0], header[6]) = (0x60, next);
        header.extend(payload);
        ethernet([0x33, 0x33, 0, 0, 0, 1], 0x86dd, &header)
    }

    pub fn frames() -> Vec<(Vec<u8>, Option<Frames>)> {
        let everyone = [0xff; 6];
        let cdp = [0x01, 0x00, 0x0c, 0xcc, 0xcc, 0xcc];
        let snap = [&[0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0][..], &[2; 40]].concat();
        let mut frames = vec![
            (ethernet(everyone, 0x0806, &[1; 46]), Some(Frames::Arp)),
            (ipv4(0, 17, 0, &[0, 68, 0, 67, 1, 1]), Some(Frames::Dhcp)),
            (ipv4(8, 17, 0x4000, &[0, 67, 0, 68, 1, 1]), Some(Frames::Dhcp)),
            (ethernet(everyone, 0x88cc, &[2; 46]), Some(Frames::Lldp)),
            (ethernet(cdp, 48, &snap), Some(Frames::Cdp)),
            (ipv4(0, 17, 0, &[0, 67, 0, 69, 1, 1]), None),
            (ipv4(0, 17, 0x2001, &[0, 68, 0, 67, 1, 1]), None),
            (ipv4(0, 6, 0, &[0, 68, 0, 67, 1, 1]), None),
            (ethernet(everyone, 48, &snap), None),
            (ethernet(cdp, 0x0800, &snap), None),
            (ethernet(cdp, 48, &[0xaa, 0xaa, 3, 0, 0, 0x0c, 1, 0x11, 1, 1]), None),
            (ipv6(17, &[134; 8]), None),
        ];
        for (kind, is) in [(132, false), (133, true), (135, true), (137, true), (138, false)] {
            let is = is.then_some(Frames::NeighbourDiscovery);
            frames.push((ipv6(58, &[kind, 0, 0, 0, 1, 1]), is));
        }
        frames
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Frames; 5] = [
        Frames::Arp,
        Frames::Dhcp,
        Frames::NeighbourDiscovery,
        Frames::Lldp,
        Frames::Cdp,
    ];

    /// Runs a program as the kernel does: a load past the end of the frame rejects it.
    fn accepts(program: &[sock_filter], frame: &[u8]) -> bool {
        let number = |at: u32, bytes: usize| {
            let at = at as usize;
            let bytes = frame.get(at..at + bytes)?;
            Some(bytes.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
        };
        let (mut at, mut loaded, mut index) = (0, 0, 0);
        loop {
            let sock_filter { code, jt, jf, k } = program[at];
            let jump = |yes: bool| usize::from(if yes { jt } else { jf });
            let load = match code {
                LOAD_BYTE | LOAD_INDEX => number(k, 1),
                LOAD_HALF => number(k, 2),
                LOAD_WORD => number(k, 4),
                LOAD_HALF_INDEXED => number(k + index, 2),
                JUMP_EQUAL | JUMP_GREATER | JUMP_NOT_LESS | JUMP_ANY_BIT => Some(loaded),
                RETURN => return k > 0,
                other => panic!("{other:#x}"),
            };
            let Some(load) = load else { return false };
            at += 1 + match code {
                JUMP_EQUAL => jump(loaded == k),
                JUMP_GREATER => jump(loaded > k),
                JUMP_NOT_LESS => jump(loaded >= k),
                JUMP_ANY_BIT => jump(loaded & k != 0),
                _ => 0,
            };
            match code {
                LOAD_INDEX => index = (load & 0xf) * 4,
                _ => loaded = load,
            }
        }
    }

    #[test]
    fn each_kind_of_frames_passes_its_filter_and_no_other() {
        for wanted in ALL {
            let program = program(&[wanted]);
            for (frame, kind) in samples::frames() {
                assert_eq!(
                    accepts(&program, &frame),
                    kind == Some(wanted),
                    "{wanted:?}: {frame:02x?}"
                );
            }
        }
    }

    #[test]
    fn kinds_can_be_combined_in_any_order() {
        let reversed: Vec<Frames> = ALL.into_iter().rev().collect();
        for kinds in [&ALL[..], &reversed, &ALL[1..3], &[]] {
            let program = program(kinds);
            for (frame, kind) in samples::frames() {
                let wanted = kind.is_some_and(|kind| kinds.contains(&kind));
                assert_eq!(accepts(&program, &frame), wanted, "{kinds:?}: {frame:02x?}");
                assert!(!accepts(&program, &frame[..13]), "cut short");
            }
        }
    }
}
