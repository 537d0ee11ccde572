//! Readers for the fuzzer, which has no device to talk to: each gives how many variables it found.

use super::engine::Engine;
use super::message::read_community_reply;
use super::user::User;
use super::usm::Head;

/// Reads bytes as a reply of version 1, 2c and, unsigned, 3.
#[doc(hidden)]
pub fn read_any(bytes: &[u8]) -> [Option<usize>; 3] {
    let nobody = User {
        name: Vec::new(),
        context: Vec::new(),
        auth: None,
        privacy: None,
    };
    let community = |v1| {
        let reply = read_community_reply(v1, bytes).ok()?;
        Some(reply.bindings.len())
    };
    [community(true), community(false), read_from(&nobody, None, bytes)]
}

/// Reads bytes as a reply of version 3, from this engine to this user.
#[doc(hidden)]
pub fn read_from(user: &User, engine: Option<&Engine>, bytes: &[u8]) -> Option<usize> {
    let envelope = Head::read(bytes).ok()?.open(user, engine).ok()?;
    Some(envelope.reply.bindings.len())
}
