//! Access: which clients may use a route.

use hyper::Method;

/// Which clients may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// All clients. Never authenticated and never limited, for programs that watch lanpulse itself.
    Anyone,
    /// Clients with the route's own token, which its handler checks.
    OwnToken,
    /// Clients that may read.
    Read,
    /// Clients that may write.
    Write,
}

impl Access {
    /// The access to a method, unless a route says otherwise: GET and HEAD read, every other method writes.
    pub fn of(method: &Method) -> Self {
        if matches!(*method, Method::GET | Method::HEAD) {
            Self::Read
        } else {
            Self::Write
        }
    }

    /// The word for it in the OpenAPI document.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Anyone => "anyone",
            Self::OwnToken => "token",
            Self::Read => "read",
            Self::Write => "write",
        }
    }

    /// Whether the handler checks a token of its own.
    pub const fn is_own_token(self) -> bool {
        matches!(self, Self::OwnToken)
    }

    /// Whether the rate limit of the web configuration holds for it.
    pub const fn is_limited(self) -> bool {
        !matches!(self, Self::Anyone)
    }
}
