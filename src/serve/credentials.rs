//! The `Authorization` header (RFC 7617, RFC 6750).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::web::Password;

/// What a client logs in with.
pub enum Credentials {
    /// A user and a password.
    Basic(Password),
    /// An API token.
    Bearer(Vec<u8>),
}

impl Credentials {
    /// Reads the header's value; none if it is malformed or of another scheme.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let split = value.iter().position(|byte| *byte == b' ')?;
        let (scheme, rest) = value.split_at(split);
        let rest = rest.trim_ascii();
        if scheme.eq_ignore_ascii_case(b"bearer") && !rest.is_empty() {
            return Some(Self::Bearer(rest.to_vec()));
        }
        if !scheme.eq_ignore_ascii_case(b"basic") {
            return None;
        }
        let decoded = STANDARD.decode(rest).ok()?;
        let colon = decoded.iter().position(|byte| *byte == b':')?;
        Some(Self::Basic(Password {
            user: String::from_utf8(decoded[..colon].to_vec()).ok()?,
            password: decoded[colon + 1..].to_vec(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_read_as_they_are_written() {
        let basic = |text: &[u8]| match Credentials::parse(text) {
            Some(Credentials::Basic(given)) => {
                Some((given.user, String::from_utf8_lossy(&given.password).into_owned()))
            }
            _ => None,
        };
        let pair = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(basic(b"Basic YWxpY2U6YTpi"), pair("alice", "a:b"));
        assert_eq!(basic(b"basic  Og=="), pair("", ""));
        for bad in [
            &b"Basic"[..],
            b"Basic !",
            b"Basic YWxpY2U=",
            b"Digest x",
            b"",
            b" ",
            b"\xff \xff",
        ] {
            assert!(Credentials::parse(bad).is_none(), "{bad:?}");
        }
        assert!(matches!(Credentials::parse(b"BEARER  abc "), Some(Credentials::Bearer(token)) if token == b"abc"));
        assert!(Credentials::parse(b"Bearer ").is_none());
    }
}
