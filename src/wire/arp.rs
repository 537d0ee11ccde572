//! ARP for IPv4 in Ethernet frames (RFC 826).

use std::net::Ipv4Addr;

use crate::model::Mac;

/// Bytes of a frame; the interface pads it to the 60 of Ethernet.
const FRAME: usize = 42;
/// Ethertype ARP, hardware Ethernet, protocol IPv4, address lengths 6 and 4.
const HEAD: [u8; 8] = [0x08, 0x06, 0, 1, 0x08, 0, 6, 4];

/// What a packet says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Who has this address?
    Request,
    /// I have it.
    Reply,
}

/// One ARP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Request or reply.
    pub operation: Operation,
    /// The sender's hardware address, as the packet says; the frame's header may differ.
    pub sender_mac: Mac,
    /// The sender's address.
    pub sender: Ipv4Addr,
    /// The hardware address of the target; zeros in a request.
    pub target_mac: Mac,
    /// The address that is asked for, or that the reply is for.
    pub target: Ipv4Addr,
}

impl Packet {
    /// A request to everyone on the link: who has `target`?
    pub const fn request(sender_mac: Mac, sender: Ipv4Addr, target: Ipv4Addr) -> Self {
        Self {
            operation: Operation::Request,
            sender_mac,
            sender,
            target_mac: Mac([0; 6]),
            target,
        }
    }

    /// Reads an Ethernet frame, its header included; `None` where it is not ARP for IPv4 without a VLAN tag, or neither a
    /// request nor a reply.
    pub fn read(frame: &[u8]) -> Option<Self> {
        let frame: &[u8; FRAME] = frame.first_chunk()?;
        let operation = match frame[12..22].strip_prefix(&HEAD)? {
            [0, 1] => Operation::Request,
            [0, 2] => Operation::Reply,
            _ => return None,
        };
        let mac = |at: usize| Some(Mac(*frame[at..].first_chunk()?));
        let address = |at: usize| Some(Ipv4Addr::from(*frame[at..].first_chunk::<4>()?));
        Some(Self {
            operation,
            sender_mac: mac(22)?,
            sender: address(28)?,
            target_mac: mac(32)?,
            target: address(38)?,
        })
    }

    /// The Ethernet frame: a request goes to everyone, a reply to its target.
    pub fn frame(&self) -> [u8; FRAME] {
        let mut frame = [0; FRAME];
        let (to, operation) = match self.operation {
            Operation::Request => ([0xff; 6], 1),
            Operation::Reply => (self.target_mac.0, 2),
        };
        frame[..6].copy_from_slice(&to);
        frame[6..12].copy_from_slice(&self.sender_mac.0);
        frame[12..20].copy_from_slice(&HEAD);
        frame[21] = operation;
        frame[22..28].copy_from_slice(&self.sender_mac.0);
        frame[28..32].copy_from_slice(&self.sender.octets());
        frame[32..38].copy_from_slice(&self.target_mac.0);
        frame[38..42].copy_from_slice(&self.target.octets());
        frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENDER: Mac = Mac([2, 0, 0, 0, 0, 1]);
    const TARGET: Mac = Mac([2, 0, 0, 0, 0, 9]);

    #[test]
    fn a_packet_that_is_written_is_read() {
        let request = Packet::request(SENDER, [10, 0, 0, 1].into(), [10, 0, 0, 9].into());
        let reply = Packet {
            operation: Operation::Reply,
            target_mac: TARGET,
            ..request
        };
        assert_eq!(request.frame()[..6], [0xff; 6]);
        assert_eq!(reply.frame()[..6], TARGET.0);
        for packet in [request, reply] {
            assert_eq!(Packet::read(&packet.frame()), Some(packet));
            let padded = [&packet.frame()[..], &[0; 18]].concat();
            assert_eq!(Packet::read(&padded), Some(packet));
        }
    }

    #[test]
    fn other_frames_are_not_read() {
        let frame = Packet::request(SENDER, [10, 0, 0, 1].into(), [10, 0, 0, 9].into()).frame();
        for (at, byte, what) in [
            (13, 0, "IPv4"),
            (15, 6, "other hardware"),
            (18, 8, "odd lengths"),
            (21, 3, "reverse ARP"),
            (20, 1, "an operation of two bytes"),
        ] {
            let mut other = frame;
            other[at] = byte;
            assert_eq!(Packet::read(&other), None, "{what}");
        }
        for length in 0..FRAME {
            assert_eq!(Packet::read(&frame[..length]), None);
        }
    }
}
