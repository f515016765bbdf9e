//! How often a caller may call, and how many calls of one connection are at work at once.
//!
//! Both are counted before anything of the body is read. A caller is the subject of a good token; where no token is
//! needed, the address. Health and reflection are not counted: whoever asks whether a replica is fit gets an answer.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use http::Extensions;

use super::listen::Peer;
use crate::clock::{Clock, Monotonic};
use crate::config::Limits;
use crate::kernel::Subject;

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

    /// Counts a call of somebody at this address. Whoever has one IPv6 address has the 2^64 of its network.
    pub fn address(&self, address: IpAddr) -> Result<(), Duration> {
        const NETWORK: u128 = !0 << 64;
        let counted = match address.to_canonical() {
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & NETWORK)),
            v4 @ IpAddr::V4(_) => v4,
        };
        self.addresses.count(&counted)
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

/// Counts the calls at work by connection: a peer's address and port are those of one connection at a time.
#[derive(Debug, Clone)]
pub struct AtWork {
    most: usize,
    // Only connections with calls at work are in it, and it is never held across an await.
    calls: Arc<Mutex<HashMap<Option<SocketAddr>, usize>>>,
}

impl AtWork {
    /// At most so many for each connection.
    pub fn new(most: usize) -> Self {
        Self { most, calls: Arc::default() }
    }

    /// A place for one more call, until it is dropped; `None` when there is none.
    pub fn begin(&self, peer: Option<SocketAddr>) -> Option<Place> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let count = calls.entry(peer).or_insert(0);
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Place { peer, at_work: self.clone() })
    }
}

/// A call at work.
#[derive(Debug)]
pub struct Place {
    peer: Option<SocketAddr>,
    at_work: AtWork,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut calls = self.at_work.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = calls.entry(self.peer) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}
