//! Why a probe failed. Which kind can fail for which reason is in `probe`.

use super::Kind;
use super::closed::closed_set;

closed_set! {
    /// Why a probe failed: the `reason` label.
    pub enum Failure {
        /// No answer in time.
        Timeout = "timeout",
        /// The target refused the connection.
        Refused = "refused",
        /// A router, the target or this host's own neighbour discovery reported that it cannot be reached.
        Unreachable = "unreachable",
        /// The name has no address.
        Unresolved = "unresolved",
        /// The TLS handshake failed for another reason than the certificate.
        Tls = "tls",
        /// The certificate has expired, or is not valid yet.
        CertificateExpired = "certificate_expired",
        /// The certificate cannot be trusted: unknown issuer, another name or a bad signature.
        CertificateUntrusted = "certificate_untrusted",
        /// An HTTP status that is not expected, or too many redirects.
        Status = "status",
        /// The body or the answer is not as expected.
        Body = "body",
        /// A DNS answer with another code than expected, or without a record.
        DnsRcode = "dns_rcode",
        /// The answer is larger than allowed.
        TooLarge = "too_large",
        /// The answer does not follow the protocol.
        Protocol = "protocol",
        /// This host does not let us send: no privilege, or a local firewall rule.
        Denied = "denied",
        /// This host could not send: no route, link down, buffers full.
        Send = "send",
        /// An SNMP agent refuses the credentials.
        Authentication = "authentication",
        /// An SNMP answer that cannot be understood.
        Malformed = "malformed",
        /// An SNMP table that goes in circles.
        Loop = "loop",
        /// An SNMP agent answers with an error.
        Error = "error",
        /// A walk took longer than it may.
        Deadline = "deadline",
    }
}

impl Failure {
    /// Whether the failure says something about the target. A failure of this host or of name resolution does not, nor
    /// does an SNMP agent that answers but cannot be walked.
    pub const fn blames_target(self) -> bool {
        !matches!(
            self,
            Self::Unresolved
                | Self::Denied
                | Self::Send
                | Self::Authentication
                | Self::Malformed
                | Self::Loop
                | Self::Error
                | Self::Deadline
        )
    }

    /// Whether nothing left this host.
    pub const fn is_unsent(self) -> bool {
        matches!(self, Self::Send | Self::Unresolved)
    }

    /// Whether a neighbour or a router said that the address cannot be reached: stronger than silence.
    pub const fn is_reported_unreachable(self) -> bool {
        matches!(self, Self::Unreachable)
    }

    /// Whether the target answered, but not with the text that is expected.
    pub const fn is_unexpected_body(self) -> bool {
        matches!(self, Self::Body)
    }

    /// What a person reads.
    pub const fn explain(self) -> &'static str {
        match self {
            Self::Timeout => "no reply in time",
            Self::Unreachable => "reported unreachable",
            Self::Unresolved => "its name does not resolve",
            Self::Denied => "this host does not permit the probe",
            Self::Send => "this host could not send the probe",
            Self::Refused => "the connection is refused",
            Self::Tls => "the TLS handshake failed",
            Self::CertificateExpired => "the certificate is out of its time",
            Self::CertificateUntrusted => "the certificate is not trusted",
            Self::Status => "an unexpected HTTP status",
            Self::Body => "an unexpected answer",
            Self::DnsRcode => "an unexpected DNS answer",
            Self::TooLarge => "the answer is too large",
            Self::Protocol => "the answer does not follow the protocol",
            Self::Authentication => "it refuses the credentials",
            Self::Malformed => "its answers cannot be understood",
            Self::Loop => "its table goes in circles",
            Self::Error => "it answers with an error",
            Self::Deadline => "it took too long",
        }
    }
}

/// Failures by reason, of one probe: counters that begin at 0 for each reason its kind can have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailureCounts(Vec<(Failure, u64)>);

impl FailureCounts {
    /// All 0.
    pub fn new(kind: Kind) -> Self {
        Self(kind.failures().iter().map(|failure| (*failure, 0)).collect())
    }

    /// Counts one. A reason that [`Kind::failures`] lacks is counted too, so that none is ever lost.
    pub fn add(&mut self, failure: Failure) {
        match self.0.iter_mut().find(|(known, _)| *known == failure) {
            Some((_, count)) => *count += 1,
            None => self.0.push((failure, 1)),
        }
    }

    /// How often each reason was given, in the order they are exposed.
    pub fn iter(&self) -> impl Iterator<Item = (Failure, u64)> + '_ {
        self.0.iter().copied()
    }

    /// How many series they are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no reason to count.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How often this reason was given.
    pub fn get(&self, failure: Failure) -> u64 {
        self.iter()
            .find_map(|(known, count)| (known == failure).then_some(count))
            .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_belongs_to_some_kind_and_no_count_is_lost() {
        for failure in Failure::ALL {
            let kinds = Kind::ALL.into_iter().filter(|kind| kind.failures().contains(&failure));
            assert!(kinds.count() > 0, "{failure:?} belongs to no kind");
        }
        let mut counts = FailureCounts::new(Kind::Icmp);
        assert_eq!(counts.len(), 5);
        counts.add(Failure::Timeout);
        counts.add(Failure::Loop);
        assert_eq!((counts.get(Failure::Timeout), counts.get(Failure::Loop)), (1, 1));
        assert_eq!(counts.iter().last(), Some((Failure::Loop, 1)));
    }
}
