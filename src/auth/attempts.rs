//! How often somebody may try to sign in: failures are counted per e-mail address and per network address, in memory,
//! for a while. Also how many passwords are checked at a time, because each takes 19 MiB and some milliseconds.
//!
//! Not here: whether a password is right.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use foldhash::fast::RandomState;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::clock::UnixMillis;
use crate::limits;

/// Attempts to sign in, and room for checking passwords.
#[derive(Debug)]
pub struct Attempts {
    failures: Mutex<Failures>,
    room: Arc<Semaphore>,
}

#[derive(Debug)]
struct Failures {
    emails: Windows<String>,
    peers: Windows<IpAddr>,
}

/// An attempt that counts as failed until it is said to have succeeded.
#[derive(Debug)]
pub struct Attempt<'a> {
    attempts: &'a Attempts,
    email: Option<String>,
    peer: IpAddr,
}

impl Default for Attempts {
    fn default() -> Self {
        let failures = Failures {
            emails: Windows::new(limits::SIGN_IN_FAILURES_PER_EMAIL_MAX),
            peers: Windows::new(limits::SIGN_IN_FAILURES_PER_PEER_MAX),
        };
        let room = Arc::new(Semaphore::new(limits::PASSWORD_CHECK_COUNT_MAX));
        Self { failures: Mutex::new(failures), room }
    }
}

impl Attempts {
    /// Begins an attempt; `None` where there were too many. It counts from now on, so that a hundred at once are not
    /// let through together. Whether an account has the address makes no difference, and nobody learns it here.
    pub fn begin(&self, email: Option<&str>, peer: IpAddr, now: UnixMillis) -> Option<Attempt<'_>> {
        let (email, peer) = (email.map(str::to_lowercase), network(peer));
        let mut failures = self.failures.lock();
        if !failures.peers.has_room(&peer, now)
            || !email.as_ref().is_none_or(|email| failures.emails.has_room(email, now))
        {
            return None;
        }
        failures.peers.count(peer, now);
        if let Some(email) = &email {
            failures.emails.count(email.clone(), now);
        }
        Some(Attempt { attempts: self, email, peer })
    }

    /// Waits for room to check a password; it is held as long as the permit.
    pub async fn room(&self) -> Option<OwnedSemaphorePermit> {
        // Only a closed semaphore gives no permit, and nobody closes it.
        Arc::clone(&self.room).acquire_owned().await.ok()
    }
}

impl Attempt<'_> {
    /// It was whom they said: earlier failures of the account are forgotten. Those of the network address are not, or
    /// one account would be enough to go on guessing the others.
    pub fn succeeded(self) {
        let mut failures = self.attempts.failures.lock();
        failures.peers.take_back(&self.peer);
        if let Some(email) = &self.email {
            failures.emails.windows.remove(email);
        }
    }
}

/// Who a network address counts as: the 64 bits of an IPv6 network are one customer's, who has all addresses in it.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

/// Counts by key; each begins with the first failure and lasts [`limits::SIGN_IN_WINDOW_MILLIS`].
#[derive(Debug)]
struct Windows<K> {
    count_max: u32,
    windows: HashMap<K, Window, RandomState>,
}

#[derive(Debug)]
struct Window {
    count: u32,
    ends: UnixMillis,
}

impl<K: Eq + Hash> Windows<K> {
    fn new(count_max: u32) -> Self {
        Self { count_max, windows: HashMap::default() }
    }

    fn has_room(&self, key: &K, now: UnixMillis) -> bool {
        self.windows.get(key).is_none_or(|window| window.ends <= now || window.count < self.count_max)
    }

    fn count(&mut self, key: K, now: UnixMillis) {
        if self.windows.len() >= limits::SIGN_IN_WINDOW_COUNT_MAX && !self.windows.contains_key(&key) {
            self.make_room(now);
        }
        let ends = now + limits::SIGN_IN_WINDOW_MILLIS;
        let window = self.windows.entry(key).or_insert(Window { count: 0, ends });
        if window.ends <= now {
            *window = Window { count: 0, ends };
        }
        window.count += 1;
    }

    fn take_back(&mut self, key: &K) {
        if let Some(window) = self.windows.get_mut(key) {
            window.count = window.count.saturating_sub(1);
            if window.count == 0 {
                self.windows.remove(key);
            }
        }
    }

    /// Drops what has ended; where that is not much, everything: looking through all of it for each newcomer would
    /// cost more than the attempts that are then forgotten.
    fn make_room(&mut self, now: UnixMillis) {
        self.windows.retain(|_, window| window.ends > now);
        if self.windows.len() > limits::SIGN_IN_WINDOW_COUNT_MAX / 2 {
            self.windows.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn peer(number: u32) -> IpAddr {
        std::net::Ipv4Addr::from_bits(0x0A00_0000 + number).into()
    }

    #[test]
    fn an_account_takes_ten_failures_from_wherever_they_come() {
        let attempts = Attempts::default();
        for number in 0..limits::SIGN_IN_FAILURES_PER_EMAIL_MAX {
            assert!(attempts.begin(Some("A@b"), peer(number), 0).is_some());
        }
        assert!(attempts.begin(Some("a@B"), peer(99), limits::SIGN_IN_WINDOW_MILLIS - 1).is_none());
        assert!(attempts.begin(Some("c@b"), peer(99), 0).is_some());
        assert!(attempts.begin(Some("a@b"), peer(99), limits::SIGN_IN_WINDOW_MILLIS).is_some());
    }

    #[test]
    fn a_success_forgives_the_account_and_not_the_network() {
        let attempts = Attempts::default();
        for number in 1..limits::SIGN_IN_FAILURES_PER_PEER_MAX {
            assert!(attempts.begin(Some(&number.to_string()), HOME, 0).is_some());
        }
        for _ in 0..20 {
            attempts.begin(Some("a@b"), HOME, 0).unwrap().succeeded();
        }
        assert!(attempts.begin(None, HOME, 0).is_some());
        assert!(attempts.begin(Some("a@b"), HOME, 0).is_none());
        assert!(attempts.begin(Some("a@b"), peer(1), 0).is_some());
    }

    #[test]
    fn addresses_of_one_network_count_together() {
        let is_one = |a: &str, b: &str| network(a.parse().unwrap()) == network(b.parse().unwrap());
        assert!(is_one("2001:db8::1", "2001:db8::ffff:1"));
        assert!(!is_one("2001:db8::1", "2001:db8:0:1::1"));
        assert!(is_one("::ffff:192.0.2.1", "192.0.2.1"));
        assert!(!is_one("192.0.2.2", "192.0.2.1"));
    }

    #[test]
    fn what_is_remembered_has_a_bound() {
        let mut windows = Windows::new(1);
        for key in 0..3 * limits::SIGN_IN_WINDOW_COUNT_MAX {
            windows.count(key, 0);
            assert!(windows.windows.len() <= limits::SIGN_IN_WINDOW_COUNT_MAX);
        }
        let later = limits::SIGN_IN_WINDOW_MILLIS;
        let mut windows = Windows::new(1);
        for key in 0..limits::SIGN_IN_WINDOW_COUNT_MAX {
            windows.count(key, if key == 0 { later } else { 0 });
        }
        windows.count(usize::MAX, later);
        // What had ended went; what had not stayed.
        assert!(!windows.has_room(&0, later) && windows.windows.len() == 2);
    }
}
