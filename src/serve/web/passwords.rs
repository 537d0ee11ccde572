//! `basic_auth_users`: names and bcrypt hashes, and whether a password is right.
//!
//! Owns the memory of passwords that were right. bcrypt is slow on purpose (70 ms at cost 10), so it runs one at a time,
//! off the async threads, and only once for a right password. A wrong password is computed each time, and for unknown
//! names as well, so that the time does not show which names exist.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use ring::digest::{Context, SHA256};
use tokio::sync::Semaphore;

/// Names and bcrypt hashes.
pub type Users = BTreeMap<String, String>;

/// Right passwords that are remembered.
const REMEMBERED: usize = 256;
/// Passwords that may wait to be computed. Further clients are told to try again.
const WAITING: usize = 32;

/// A name and a password, as a client gave them.
pub struct Password {
    /// The name.
    pub user: String,
    /// The password.
    pub password: Vec<u8>,
}

/// What came of checking it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Right.
    Right,
    /// Wrong, or there is no such user.
    Wrong,
    /// Not checked: too many at once, or too many wrong ones before.
    Busy,
}

/// Checks passwords.
pub struct PasswordChecker {
    /// Goes into the digests, so that they mean nothing outside this process.
    salt: [u8; 32],
    right: Mutex<HashSet<[u8; 32]>>,
    turn: Semaphore,
    waiting: AtomicUsize,
}

impl PasswordChecker {
    /// A checker that remembers nothing yet.
    pub fn new() -> Self {
        let mut salt = [0; 32];
        // Without random numbers the digests are still of no use to others: they never leave the process.
        let _ = ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut salt);
        Self {
            salt,
            right: Mutex::default(),
            turn: Semaphore::new(1),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Whether this password is right for these users. Unless `may_compute`, only remembered passwords count.
    pub async fn verify(&self, users: &Users, given: &Password, may_compute: bool) -> Verdict {
        let known = users.get(&given.user);
        // An unknown name is checked against the costliest hash, so that it takes as long as a known one.
        let Some(hash) = known.or_else(|| users.values().max_by_key(|hash| hash.get(4..6))) else {
            return Verdict::Wrong;
        };
        let key = self.key(&given.user, hash, &given.password);
        if known.is_some() && self.remembers(&key) {
            return Verdict::Right;
        }
        if !may_compute || self.waiting.fetch_add(1, Ordering::Relaxed) >= WAITING {
            if may_compute {
                self.waiting.fetch_sub(1, Ordering::Relaxed);
            }
            return Verdict::Busy;
        }
        let _waiting = Waiting(&self.waiting);
        let Ok(_turn) = self.turn.acquire().await else {
            return Verdict::Busy;
        };
        if known.is_some() && self.remembers(&key) {
            return Verdict::Right;
        }
        let (password, hash) = (given.password.clone(), hash.clone());
        let right = tokio::task::spawn_blocking(move || bcrypt::verify(password, &hash).unwrap_or(false)).await;
        if !right.unwrap_or(false) || known.is_none() {
            return Verdict::Wrong;
        }
        let mut remembered = self.right.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= REMEMBERED {
            remembered.clear();
        }
        remembered.insert(key);
        Verdict::Right
    }

    fn remembers(&self, key: &[u8; 32]) -> bool {
        self.right.lock().unwrap_or_else(PoisonError::into_inner).contains(key)
    }

    /// What a right password is remembered by. Each part goes in with its length, so that no two triples share a key
    /// (CVE-2022-46146).
    fn key(&self, user: &str, hash: &str, password: &[u8]) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        context.update(&self.salt);
        for part in [user.as_bytes(), hash.as_bytes(), password] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut key = [0; 32];
        key.copy_from_slice(context.finish().as_ref());
        key
    }
}

/// Counts until it is dropped, which also happens when the client goes away.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_of_a_known_name_is_right_and_it_is_remembered() {
        let hash = bcrypt::hash("secret", 4).unwrap();
        let users = Users::from([("alice".to_owned(), hash)]);
        let checker = PasswordChecker::new();
        let given = |user: &str, password: &str| Password {
            user: user.into(),
            password: password.into(),
        };
        for (user, password, verdict) in [
            ("alice", "wrong", Verdict::Wrong),
            ("alice", "", Verdict::Wrong),
            ("bob", "secret", Verdict::Wrong),
            ("", "", Verdict::Wrong),
            ("alice", "secret", Verdict::Right),
        ] {
            assert_eq!(checker.verify(&users, &given(user, password), true).await, verdict);
        }
        assert_eq!(
            checker.verify(&users, &given("alice", "secret"), false).await,
            Verdict::Right
        );
        assert_eq!(
            checker.verify(&users, &given("bob", "secret"), false).await,
            Verdict::Busy
        );
        let changed = Users::from([("alice".to_owned(), bcrypt::hash("other", 4).unwrap())]);
        assert_eq!(
            checker.verify(&changed, &given("alice", "secret"), true).await,
            Verdict::Wrong
        );
        assert_eq!(
            checker.verify(&Users::new(), &given("alice", "secret"), true).await,
            Verdict::Wrong
        );
        assert_eq!(checker.waiting.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn no_two_triples_share_a_key() {
        let checker = PasswordChecker::new();
        assert_ne!(checker.key("a", "bc", b"d"), checker.key("ab", "c", b"d"));
        assert_ne!(checker.key("a", "b:", b"c"), checker.key("a", "b", b":c"));
    }
}
