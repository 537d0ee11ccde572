//! ICMPv6 echo to all nodes (RFC 4443 section 4), and the names of ICMP errors.

/// Bytes of an echo request of ours: the header of 8 bytes and a mark of 8.
const ECHO: usize = 16;
const ECHO_REQUEST: u8 = 128;
const ECHO_REPLY: u8 = 129;

/// A mark that tells our requests, and the replies to them, from those of others.
pub type Mark = [u8; 8];

/// An ICMPv6 echo request with this mark; the kernel fills in the checksum.
pub fn echo_request(mark: Mark) -> [u8; ECHO] {
    let mut packet = [0; ECHO];
    packet[0] = ECHO_REQUEST;
    packet[4..6].copy_from_slice(&mark[6..]);
    packet[8..].copy_from_slice(&mark);
    packet
}

/// Whether an ICMPv6 packet is the reply to [`echo_request`] with this mark. On a datagram socket the kernel has put an
/// identifier of its own into both; `raw` says that it has not.
pub fn is_echo_reply(packet: &[u8], mark: Mark, raw: bool) -> bool {
    let Some(packet) = packet.first_chunk::<ECHO>() else {
        return false;
    };
    packet[0] == ECHO_REPLY && packet[8..] == mark && (!raw || packet[4..6] == mark[6..])
}

/// What an ICMP error means (RFC 792, RFC 1122, RFC 1812; for IPv6 RFC 4443): `host unreachable`.
pub fn error_name(v6: bool, kind: u8, code: u8) -> String {
    let text = match (v6, kind, code) {
        (false, 3, 0) | (true, 1, 0) => "no route to the network",
        (false, 3, 1) | (true, 1, 3) => "host unreachable",
        (false, 3, 2) => "protocol unreachable",
        (false, 3, 3) | (true, 1, 4) => "port unreachable",
        (false, 3, 4) => "fragmentation needed",
        (false, 3, 9 | 10 | 13) | (true, 1, 1) => "administratively prohibited",
        (true, 1, 2) => "beyond the scope of the source address",
        (true, 1, 5) => "source address failed policy",
        (true, 1, 6) => "route rejected",
        (false, 11, _) | (true, 3, _) => "time to live exceeded",
        (false, 12, _) | (true, 4, _) => "parameter problem",
        _ => return format!("ICMP type {kind} code {code}"),
    };
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_repeats_the_mark_and_on_a_raw_socket_the_identifier() {
        let mark = [1, 2, 3, 4, 5, 6, 7, 8];
        let mut reply = echo_request(mark);
        assert!(!is_echo_reply(&reply, mark, false), "a request");
        reply[0] = ECHO_REPLY;
        assert!(is_echo_reply(&reply, mark, true));
        assert!(is_echo_reply(&[&reply[..], &[0]].concat(), mark, true));
        assert!(!is_echo_reply(&reply, [0; 8], true));
        assert!(!is_echo_reply(&reply[..15], mark, true));
        reply[4] = 0;
        assert!(is_echo_reply(&reply, mark, false) && !is_echo_reply(&reply, mark, true));
    }

    #[test]
    fn icmp_errors_have_words() {
        assert_eq!(error_name(false, 3, 1), "host unreachable");
        assert_eq!(error_name(true, 1, 0), "no route to the network");
        assert_eq!(error_name(true, 3, 0), "time to live exceeded");
        assert_eq!(error_name(false, 42, 7), "ICMP type 42 code 7");
    }
}
