//! Asks witnesses to cosign our logs, in a task of its own: no commit ever waits for one.
//!
//! Newest signed and newest witnessed are two things; what lies between them is told, and is an alarm when its oldest
//! entry is too old. What a witness cosigned is kept in the database, and how far it is also in a file beside the
//! anchor: an older copy of the database shows against it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client as Http, Error as HttpError};
use hyper_util::rt::TokioExecutor;

use super::drop::body;
use crate::clock::Clock;
use crate::kernel::{EpochMs, LogId, Pos};
use crate::ledger::anchor::{Anchor, Anchored};
use crate::ledger::check::witnessed_key;
use crate::ledger::cosig;
use crate::ledger::head::Head;
use crate::ledger::leaf::Leaf;
use crate::ledger::reader::{Epoch, ReadError, Reader};
use crate::tlog::CosignatureKey;

/// A witness, and where it is asked: `http://host:port/prefix`.
#[derive(Debug, Clone)]
pub struct WitnessAt {
    /// Its key.
    pub key: CosignatureKey,
    /// Its submission prefix.
    pub url: String,
}

/// How witnesses are asked.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// Who.
    pub witnesses: Vec<WitnessAt>,
    /// Between two rounds.
    pub every_ms: u64,
    /// A log that does not grow is cosigned again after this long, so that the brackets of later entries stay narrow.
    pub idle_ms: i64,
    /// The oldest entry that a witness has not seen may be this old.
    pub alarm_ms: i64,
    /// A witness that takes longer is asked again in the next round.
    pub timeout_ms: u64,
}

impl ClientOptions {
    /// Every minute, again after ten when idle, an alarm after fifteen, ten seconds for an answer.
    pub fn new(witnesses: Vec<WitnessAt>) -> Self {
        Self { witnesses, every_ms: 60_000, idle_ms: 600_000, alarm_ms: 900_000, timeout_ms: 10_000 }
    }
}

/// What became of one question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// It cosigned this size.
    Cosigned(u64),
    /// It cosigned the present size a short while ago.
    Fresh,
    /// It has seen a larger tree than ours: ours is an older copy.
    Ahead(u64),
    /// It refused, with this status.
    Refused(u16),
    /// It answered what it should not, or not at all.
    Unreachable,
    /// Our own log cannot be read.
    Unreadable,
}

/// How far a witness is with a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Witnessed {
    /// The largest size that it cosigned.
    pub size: u64,
    /// When it last did, by its own clock.
    pub at: EpochMs,
}

/// The client.
pub struct Client {
    reader: Reader,
    clock: Arc<dyn Clock>,
    options: ClientOptions,
    http: Http<HttpConnector, Full<Bytes>>,
    remembered: Anchor,
    latest: Mutex<HashMap<(String, String), Witnessed>>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Client({} witnesses)", self.options.witnesses.len())
    }
}

/// A log, as far as it is.
struct Subject {
    log: LogId,
    head: Head,
    epoch: Epoch,
}

impl Client {
    /// `remembered`: the file beside the anchor.
    pub fn new(reader: Reader, clock: Arc<dyn Clock>, remembered: Anchor, options: ClientOptions) -> Self {
        let http = Http::builder(TokioExecutor::new()).build_http();
        Self { reader, clock, options, http, remembered, latest: Mutex::new(HashMap::new()) }
    }

    /// Round after round, until it is dropped.
    pub async fn run(&self) {
        loop {
            self.round().await;
            tokio::time::sleep(Duration::from_millis(self.options.every_ms)).await;
        }
    }

    /// How far a witness is with the log of an origin, as far as this process knows.
    pub fn witnessed(&self, origin: &str, witness: &CosignatureKey) -> Option<Witnessed> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.get(&(origin.to_owned(), witness.vkey().name().to_owned())).copied()
    }

    /// What the client remembers outside the database, for the audit.
    pub fn remembered(&self) -> &Anchor {
        &self.remembered
    }

    /// Asks every witness about every log, once.
    pub async fn round(&self) -> Vec<(String, String, Asked)> {
        let logs = match self.reader.logs().await {
            Ok(logs) => logs,
            Err(error) => {
                tracing::warn!(code = "WITNESS_LOGS_UNREADABLE", %error, "will be tried again");
                return Vec::new();
            }
        };
        let mut round = Vec::new();
        for (log, _) in logs {
            // A head that is not ours is health's matter; nothing is signed on it.
            let Ok((head, epoch)) = self.reader.head(log).await else { continue };
            let subject = Subject { log, head, epoch };
            for witness in &self.options.witnesses {
                let asked = self.ask(&subject, witness).await.unwrap_or(Asked::Unreadable);
                self.tell(&subject, witness, asked).await;
                round.push((subject.epoch.origin.clone(), witness.key.vkey().name().to_owned(), asked));
            }
        }
        round
    }

    async fn ask(&self, subject: &Subject, witness: &WitnessAt) -> Result<Asked, ReadError> {
        let size = subject.head.size;
        let known = self.known(subject, &witness.key).await?;
        if known.is_some_and(|known| {
            known.size == size && self.clock.now().since(known.at) < self.options.idle_ms
        }) {
            return Ok(Asked::Fresh);
        }
        let mut old_size = known.map_or(0, |known| known.size);
        // The first answer may be a conflict that says where the witness is; a second one is somebody else's doing.
        for _ in 0..2 {
            if old_size > size {
                return self.behind(subject, old_size).await;
            }
            let body = body(&self.reader, subject.log, &subject.epoch, old_size, size).await?;
            match self.post(witness, body).await {
                Some((200, lines)) => return self.cosigned(subject, witness, &lines).await,
                Some((409, has)) => match has.strip_suffix('\n').and_then(|has| has.parse().ok()) {
                    Some(has) => old_size = has,
                    None => return Ok(Asked::Unreachable),
                },
                Some((status, _)) => return Ok(Asked::Refused(status)),
                None => return Ok(Asked::Unreachable),
            }
        }
        if old_size > size { self.behind(subject, old_size).await } else { Ok(Asked::Refused(409)) }
    }

    /// The witness has a larger tree. Another replica may have shown it one while this round went on: then our own head
    /// is there by now.
    async fn behind(&self, subject: &Subject, has: u64) -> Result<Asked, ReadError> {
        let (head, _) = self.reader.head(subject.log).await?;
        Ok(if head.size >= has { Asked::Fresh } else { Asked::Ahead(has) })
    }

    /// How far the witness is: what this process learned, or what is kept, whichever is further.
    async fn known(&self, subject: &Subject, key: &CosignatureKey) -> Result<Option<Witnessed>, ReadError> {
        if let Some(known) = self.witnessed(&subject.epoch.origin, key) {
            return Ok(Some(known));
        }
        let kept = cosig::newest(&self.reader, subject.log, subject.epoch.epoch, key).await?;
        let kept = kept.map(|(size, at)| Witnessed { size, at });
        let file = self.remembered.seen(&witnessed_key(key, &subject.epoch.origin));
        let file = file.map(|seen| Witnessed { size: seen.size, at: EpochMs::ZERO });
        Ok(kept.into_iter().chain(file).max_by_key(|known| (known.size, known.at)))
    }

    async fn cosigned(
        &self,
        subject: &Subject,
        witness: &WitnessAt,
        lines: &str,
    ) -> Result<Asked, ReadError> {
        let (log, epoch, size) = (subject.log, &subject.epoch, subject.head.size);
        let sealed = self.reader.checkpoint(log, epoch.epoch, size).await?;
        let cosigned = cosig::verify(lines, &cosig::text(epoch, &sealed), &witness.key);
        let Some(newest) = cosigned.iter().map(|one| one.at).max() else { return Ok(Asked::Unreachable) };
        cosig::keep(&self.reader, log, &sealed, &cosigned).await?;
        let key = witnessed_key(&witness.key, &epoch.origin);
        let seen = Anchored { size, root: sealed.root };
        if let Err(error) = self.remembered.advance(&[(key, seen)], self.clock.monotonic_ms()) {
            tracing::error!(code = "WITNESS_MEMORY_FAILED", %error, "what was witnessed cannot be remembered");
        }
        let name = (epoch.origin.clone(), witness.key.vkey().name().to_owned());
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.insert(name, Witnessed { size, at: newest });
        Ok(Asked::Cosigned(size))
    }

    /// Status and body; nothing when the witness cannot be reached or does not end.
    async fn post(&self, witness: &WitnessAt, body: String) -> Option<(u16, String)> {
        let uri = format!("{}/add-checkpoint", witness.url.trim_end_matches('/'));
        let request = Request::post(uri).body(Full::new(Bytes::from(body))).ok()?;
        let answer = tokio::time::timeout(Duration::from_millis(self.options.timeout_ms), self.send(request));
        match answer.await {
            Ok(Ok((status, text))) => Some((status.as_u16(), text)),
            Ok(Err(error)) => {
                tracing::warn!(code = "WITNESS_UNREACHABLE", witness = witness.key.vkey().name(), %error, "next round");
                None
            }
            Err(_) => {
                tracing::warn!(
                    code = "WITNESS_UNREACHABLE",
                    witness = witness.key.vkey().name(),
                    "took too long"
                );
                None
            }
        }
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<(StatusCode, String), HttpError> {
        // Signature lines are short: 64 KiB is more than any witness says.
        const MOST: usize = 64 << 10;
        let response = self.http.request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MOST).collect().await;
        let bytes = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        Ok((status, String::from_utf8(bytes.to_vec()).unwrap_or_default()))
    }

    /// Log lines with stable codes.
    async fn tell(&self, subject: &Subject, witness: &WitnessAt, asked: Asked) {
        let (origin, name) = (subject.epoch.origin.as_str(), witness.key.vkey().name());
        match asked {
            Asked::Ahead(size) => {
                tracing::error!(
                    code = "WITNESS_AHEAD",
                    origin,
                    witness = name,
                    size,
                    "an older copy of the log"
                );
            }
            Asked::Refused(422) => {
                tracing::error!(
                    code = "WITNESS_REFUSED",
                    origin,
                    witness = name,
                    "says that the log was forked"
                );
            }
            Asked::Refused(status) => {
                tracing::warn!(code = "WITNESS_REFUSED", origin, witness = name, status, "did not cosign");
            }
            Asked::Cosigned(_) | Asked::Fresh | Asked::Unreachable | Asked::Unreadable => {}
        }
        if let Some(waiting_ms) = self.gap(subject, witness).await {
            tracing::error!(
                code = "WITNESS_GAP",
                origin,
                witness = name,
                waiting_ms,
                "not witnessed for too long"
            );
        }
    }

    /// For how long the oldest entry that a witness has not seen has been waiting, if that is too long.
    pub async fn gap_of(&self, log: LogId, witness: &WitnessAt) -> Option<i64> {
        let (head, epoch) = self.reader.head(log).await.ok()?;
        self.gap(&Subject { log, head, epoch }, witness).await
    }

    async fn gap(&self, subject: &Subject, witness: &WitnessAt) -> Option<i64> {
        let size = self.known(subject, &witness.key).await.ok()?.map_or(0, |known| known.size);
        if size >= subject.head.size {
            return None;
        }
        let pos = Pos::new(subject.epoch.base.get() + size);
        let entry = self.reader.entries(subject.log, &[pos]).await.ok()?;
        let leaf = Leaf::decode(&entry.first()?.leaf).ok()?;
        let waiting_ms = self.clock.now().since(leaf.recorded);
        (waiting_ms > self.options.alarm_ms).then_some(waiting_ms)
    }
}
