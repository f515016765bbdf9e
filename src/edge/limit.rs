//! How often a caller may call, and how many calls are at work at once: in all, and of one connection.
//!
//! Both are counted before anything of the body is read. A caller is the subject of a good token; where no token is
//! needed, the address. Health and reflection are not counted: whoever asks whether a replica is fit gets an answer.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use http::Extensions;

use super::listen::{Peer, network};
use crate::access::Rule;
use crate::clock::{Clock, Monotonic};
use crate::config::Limits;
use crate::kernel::Subject;
use crate::proto::Role;

/// Idle callers are forgotten once in so many calls. Who had their whole burst again is idle, so that at most the
/// callers of the last `burst / per second` seconds and this many more are remembered.
const FORGET_EVERY: u64 = 1_024;

/// Counts calls by caller.
#[derive(Debug)]
pub struct Limiter {
    subjects: Counted<String>,
    addresses: Counted<IpAddr>,
}

impl Limiter {
    /// With these limits, by this clock.
    pub fn new(limits: &Limits, clock: &Arc<dyn Clock>) -> Self {
        Self {
            subjects: Counted::new(limits.calls_per_second, limits.calls_burst, clock),
            addresses: Counted::new(limits.public_calls_per_second, limits.public_calls_burst, clock),
        }
    }

    /// Counts a call of this subject. `Err` holds how long to wait.
    pub fn subject(&self, subject: &Subject) -> Result<(), Duration> {
        self.subjects.count(&subject.to_string())
    }

    /// Counts a call of somebody at this address.
    pub fn address(&self, address: IpAddr) -> Result<(), Duration> {
        self.addresses.count(&network(address))
    }

    /// How many callers are remembered.
    pub fn remembered(&self) -> usize {
        self.subjects.limiter.len() + self.addresses.limiter.len()
    }
}

#[derive(Debug)]
struct Counted<K: Clone + Eq + std::hash::Hash> {
    limiter: RateLimiter<K, DashMapStateStore<K>, Monotonic, NoOpMiddleware<Duration>>,
    calls: AtomicU64,
}

impl<K: Clone + Eq + std::hash::Hash> Counted<K> {
    fn new(per_second: NonZeroU32, burst: NonZeroU32, clock: &Arc<dyn Clock>) -> Self {
        let quota = Quota::per_second(per_second).allow_burst(burst);
        let clock = Monotonic::of(clock);
        let limiter = RateLimiter::new(quota, DashMapStateStore::default(), clock);
        Self { limiter, calls: AtomicU64::new(0) }
    }

    fn count(&self, key: &K) -> Result<(), Duration> {
        // The order of the counts is nobody's business.
        if self.calls.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
        let now = governor::clock::Clock::now(self.limiter.clock());
        self.limiter.check_key(key).map_err(|not_until| not_until.wait_time_from(now))
    }
}

/// The other end of the connection, as the listener saw it.
pub fn peer(extensions: &Extensions) -> Option<SocketAddr> {
    extensions.get::<Peer>().map(|peer| peer.address)
}

/// Who may take which of the places for calls at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Favour {
    /// What terminals call: every place. Somebody stands there.
    Terminals,
    /// What others call: half of them, so that a hall can clock in while everybody exports.
    Others,
    /// Health and reflection: they take none. A server that is busy is not one that is ill.
    Uncounted,
}

impl Favour {
    /// As the method's rule says: whether terminals may call.
    pub fn of(rule: Option<&Rule>) -> Self {
        match rule {
            Some(rule) if rule.roles.contains(&Role::Terminal) => Self::Terminals,
            Some(rule) if rule.is_open() => Self::Uncounted,
            Some(_) | None => Self::Others,
        }
    }
}

/// Counts the calls at work, in all and by connection: a peer's address and port are those of one connection at a time.
#[derive(Debug, Clone)]
pub struct AtWork {
    most: usize,
    most_per_connection: usize,
    // Never held across an await.
    calls: Arc<Mutex<Calls>>,
}

#[derive(Debug, Default)]
struct Calls {
    counted: usize,
    /// Only connections with calls at work are in it.
    by_connection: HashMap<Option<SocketAddr>, usize>,
}

impl AtWork {
    /// With these limits.
    pub fn new(limits: &Limits) -> Self {
        let (most, most_per_connection) = (limits.calls, limits.calls_per_connection);
        Self { most, most_per_connection, calls: Arc::default() }
    }

    /// A place for one more call, until it is dropped; `None` when there is none.
    pub fn begin(&self, peer: Option<SocketAddr>, favour: Favour) -> Option<Place> {
        let places = match favour {
            Favour::Terminals => self.most,
            Favour::Others => self.most / 2,
            Favour::Uncounted => usize::MAX,
        };
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if calls.counted >= places {
            return None;
        }
        let count = calls.by_connection.entry(peer).or_insert(0);
        if *count >= self.most_per_connection {
            return None;
        }
        *count += 1;
        calls.counted += usize::from(favour != Favour::Uncounted);
        Some(Place { peer, favour, at_work: self.clone() })
    }
}

/// A call at work.
#[derive(Debug)]
pub struct Place {
    peer: Option<SocketAddr>,
    favour: Favour,
    at_work: AtWork,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut calls = self.at_work.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.counted -= usize::from(self.favour != Favour::Uncounted);
        if let Entry::Occupied(mut count) = calls.by_connection.entry(self.peer) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}
