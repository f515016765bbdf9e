//! Sessions: a feed that is polled is on record once an hour instead of once a call.
//!
//! A session belongs to one subject, one call, one scope and one reason, on one replica. Its first call opens it and
//! waits for COMMIT; each answer is counted before it is given; when the hour is over, or the server stops cleanly, an
//! entry closes it with the count, the last cursor and a digest of all answers. A server that died cannot say what it
//! gave: at the next start its sessions are closed as CLOSED_UNKNOWN.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::Mutex as AsyncMutex;

use crate::access::Caller;
use crate::clock::{Clock, random};
use crate::kernel::{EpochMs, LogId, Pos, Reason, RequestId, Words};
use crate::ledger::committer::Lane;
use crate::ledger::disclosure::Disclosure;
use crate::ledger::port::Submission;
use crate::proto::{DisclosureEndFact, DisclosureFact, ReceiptView, read};
use crate::registers::audit::fact::Command;
use crate::registers::audit::refusal::Refusal;
use crate::registers::audit::rows::{self, OpenSession};
use crate::registers::desk::{Desk, Place, Revealed};
use crate::registers::failure::Failure;
use crate::registers::rulebook::{author, server};

/// A session is valid this long: an hour.
const VALID_MS: i64 = 3_600_000;
/// Another replica's session is closed for it this long after its hour, and not before: its own replica knows what it
/// gave. 10 min.
const GRACE_MS: i64 = 600_000;
/// How often sessions whose hour is over are looked for.
const SWEEP: Duration = Duration::from_secs(30);

/// Which replica: random, and the same at every start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplicaId([u8; 8]);

impl ReplicaId {
    /// From its bytes.
    pub const fn new(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// Reads it from a file beside the anchor, or mints it there.
    pub fn open(path: &Path, clock: &dyn Clock) -> io::Result<Self> {
        match std::fs::read(path) {
            Ok(bytes) => match <[u8; 8]>::try_from(bytes) {
                Ok(bytes) => Ok(Self(bytes)),
                Err(_) => Err(io::Error::new(io::ErrorKind::InvalidData, "a replica's id has 8 bytes")),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let fresh: [u8; 8] = random(clock);
                let unfinished = path.with_extension("new");
                std::fs::write(&unfinished, fresh)?;
                std::fs::rename(&unfinished, path)?;
                Ok(Self(fresh))
            }
            Err(error) => Err(error),
        }
    }

    fn owns(self, session: &OpenSession) -> bool {
        session.session.starts_with(&self.0)
    }
}

/// What two calls have to share to share a session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    log: LogId,
    principal: String,
    rpc: String,
    scope: String,
    purpose: i32,
    reason: Words,
}

/// What was given so far.
#[derive(Debug, Default)]
struct Tally {
    rows: u64,
    last_cursor: String,
    digest: Sha256,
}

#[derive(Debug)]
struct Open {
    disclosure: Disclosure,
    session: Vec<u8>,
    until: EpochMs,
    tally: Mutex<Tally>,
}

/// One call's part in a session. As long as it lives, the session is not closed.
#[derive(Debug, Clone)]
pub struct SessionRead(Arc<Open>);

impl SessionRead {
    /// The proof that every function asks for which reads personal content.
    pub fn disclosure(&self) -> &Disclosure {
        &self.0.disclosure
    }

    /// Is the hour not over? A stream that lasts longer opens another session.
    pub fn holds_at(&self, now: EpochMs) -> bool {
        now < self.0.until
    }

    /// Counts an answer, before it is given: so many rows, up to this cursor, these bytes.
    pub fn given(&self, rows: u64, cursor: &str, answer: &[u8]) {
        let mut tally = self.0.tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.rows = tally.rows.saturating_add(rows);
        cursor.clone_into(&mut tally.last_cursor);
        tally.digest.update(u64::try_from(answer.len()).unwrap_or(u64::MAX).to_be_bytes());
        tally.digest.update(answer);
    }
}

/// The place of a session; locked while it is opened or closed.
type Slot = Arc<AsyncMutex<Option<Arc<Open>>>>;

/// The sessions of this replica.
#[derive(Debug, Clone)]
pub struct Reads {
    desk: Desk,
    replica: ReplicaId,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    slots: HashMap<Key, Slot>,
    /// Sessions whose hour is over and that a call still uses, or whose end could not be written yet.
    ending: Vec<Arc<Open>>,
}

impl Reads {
    /// Closes what this replica's predecessor left open, and what others left open long ago.
    pub async fn start(desk: Desk, replica: ReplicaId) -> Result<Self, Failure> {
        let reads = Self { desk, replica, inner: Arc::default() };
        let now = reads.desk.now();
        for (log, _) in reads.desk.ledger().reader().logs().await? {
            for session in rows::sessions_open(reads.desk.store(), log).await? {
                if replica.owns(&session) || session.until.plus_ms(GRACE_MS) < now {
                    let fact = DisclosureEndFact {
                        disclosure: session.pos.get(),
                        closed: read::Closed::Unknown.into(),
                        ..DisclosureEndFact::default()
                    };
                    // A log that is set aside keeps no other from being served.
                    if let Err(error) = reads.end(log, &session.session, fact).await {
                        tracing::warn!(code = "AUDIT_SESSION_OPEN", %error, "its end will be written later");
                    }
                }
            }
        }
        Ok(reads)
    }

    /// Puts one read on record.
    pub async fn read(
        &self,
        caller: &Caller,
        place: &Place,
        scope: &str,
        reveal: &Revealed,
    ) -> Result<Disclosure, Failure> {
        self.desk.disclose(caller, place, scope, reveal).await
    }

    /// The session that a call belongs to; the first call opens it.
    pub async fn session(
        &self,
        caller: &Caller,
        place: &Place,
        scope: &str,
        reveal: &Revealed,
    ) -> Result<SessionRead, Failure> {
        self.desk.may_reveal(caller, place)?;
        let author = author(&place.pass);
        let key = Key {
            log: place.log,
            principal: author.principal.clone(),
            rpc: caller.rule().method.clone(),
            scope: scope.to_owned(),
            purpose: reveal.purpose.into(),
            reason: reveal.reason.clone(),
        };
        let slot = Arc::clone(self.lock().slots.entry(key.clone()).or_default());
        let reads = self.clone();
        // In a task of its own: a caller that goes away must not leave a session that nobody closes.
        let opened = tokio::spawn(async move {
            let mut held = slot.lock().await;
            let now = reads.desk.now();
            if let Some(open) = held.as_ref().filter(|open| now < open.until) {
                return Ok(SessionRead(Arc::clone(open)));
            }
            // Its end is written by the next sweep.
            let over = held.take();
            reads.lock().ending.extend(over);
            let open = Arc::new(reads.open(key, author, now).await?);
            *held = Some(Arc::clone(&open));
            Ok(SessionRead(open))
        });
        opened.await.unwrap_or(Err(Failure::Fault("SESSION")))
    }

    async fn open(
        &self,
        key: Key,
        author: crate::ledger::port::Author,
        now: EpochMs,
    ) -> Result<Open, Failure> {
        let clock = self.desk.ledger().clock();
        let session = [self.replica.0, random(&**clock)].concat();
        let until = now.plus_ms(VALID_MS);
        let fact = DisclosureFact {
            kind: read::Kind::Session.into(),
            rpc: key.rpc,
            purpose: key.purpose,
            scope: key.scope,
            session: session.clone(),
            until_ms: until.get(),
        };
        let submission = Submission {
            log: key.log,
            request_id: RequestId::random(random(&**clock)),
            author,
            command: Command::Disclose { fact, reason: key.reason }.into(),
        };
        let disclosure = self.desk.ledger().disclose(submission).await?;
        Ok(Open { disclosure, session, until, tally: Mutex::default() })
    }

    /// Closes the sessions whose hour is over.
    pub async fn sweep(&self) {
        let now = self.desk.now();
        self.close_where(&|open| open.until <= now).await;
    }

    /// Closes every session that no call uses: for a clean stop, after the last answer.
    pub async fn stop(&self) {
        self.close_where(&|_| true).await;
    }

    /// Sweeps until it is dropped.
    pub async fn run(&self) {
        let mut timer = tokio::time::interval(SWEEP);
        loop {
            timer.tick().await;
            self.sweep().await;
        }
    }

    async fn close_where(&self, over: &(dyn Fn(&Open) -> bool + Sync)) {
        let slots: Vec<Slot> = self.lock().slots.values().map(Arc::clone).collect();
        for slot in slots {
            // One that is being opened is not over.
            let Ok(mut held) = slot.try_lock() else { continue };
            if held.as_ref().is_some_and(|open| over(open)) {
                let open = held.take();
                self.lock().ending.extend(open);
            }
        }
        // A slot that nobody but the map holds cannot be about to hold a session: it is cloned under this lock.
        self.lock().slots.retain(|_, slot| {
            Arc::strong_count(slot) > 1 || slot.try_lock().is_ok_and(|held| held.is_some())
        });
        let ending = std::mem::take(&mut self.lock().ending);
        for open in ending {
            if let Err(open) = self.close(open).await {
                self.lock().ending.push(open);
            }
        }
    }

    /// Writes the end of a session; gives it back when a call uses it, or when the end could not be written.
    async fn close(&self, open: Arc<Open>) -> Result<(), Arc<Open>> {
        if Arc::strong_count(&open) > 1 {
            return Err(open);
        }
        let fact = {
            let tally = open.tally.lock().unwrap_or_else(PoisonError::into_inner);
            DisclosureEndFact {
                disclosure: open.disclosure.pos().get(),
                closed: read::Closed::Closed.into(),
                rows: tally.rows,
                last_cursor: tally.last_cursor.clone(),
                digest: tally.digest.clone().finalize().to_vec(),
            }
        };
        match self.end(open.disclosure.log(), &open.session, fact).await {
            Ok(()) => Ok(()),
            Err(error) => {
                tracing::warn!(code = "AUDIT_SESSION_OPEN", %error, "its end will be written later");
                Err(open)
            }
        }
    }

    /// Writes the end of a session, unless it has one.
    async fn end(&self, log: LogId, session: &[u8], fact: DisclosureEndFact) -> Result<(), Failure> {
        let id = end_id(log, Pos::new(fact.disclosure), session);
        let command = Command::EndDisclosure(fact).into();
        let written =
            self.desk.submit(log, id, server("reads"), command, Lane::Bulk, ReceiptView::Compact).await;
        match written {
            Ok(_) | Err(Failure::RequestIdReused) => Ok(()),
            Err(Failure::Refused(reason)) if reason.code() == Refusal::NoOpenSession.code() => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end of a session has one id, whoever writes it.
fn end_id(log: LogId, disclosure: Pos, session: &[u8]) -> RequestId {
    let hash = Sha256::new()
        .chain_update(b"qinlian/v1/disclosure-end\0")
        .chain_update(log.column().to_be_bytes())
        .chain_update(disclosure.get().to_be_bytes())
        .chain_update(session)
        .finalize();
    RequestId::server_made(&hash.into())
}
