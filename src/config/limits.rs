//! How much of everything the edge takes: the figures, their defaults, and what nothing works with.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// How much of everything the edge takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Connections in all; more are closed at once. Each is a file descriptor: the system must allow as many.
    pub connections: usize,
    /// Connections from one IP address, loopback included. A proxy in front counts as one address.
    pub connections_per_address: usize,
    /// A connection that is not encrypted by then is closed: 5 s.
    pub handshake_ms: u64,
    /// A call that is not answered by then is given up: 10 s.
    pub call_timeout_ms: u64,
    /// Calls at work at once, in all; more are shed. What terminals call may take every place, what others call half.
    pub calls: usize,
    /// Calls at work at once on one connection; more are shed.
    pub calls_per_connection: usize,
    /// Streams that a client may open on one connection.
    pub streams_per_connection: u32,
    /// Streams that we reset because of a client's errors, before its connection is closed (CVE-2023-44487's kin).
    pub local_error_resets: usize,
    /// Streams that a client opened and reset before we took them, before its connection is closed (CVE-2023-44487).
    pub pending_accept_resets: usize,
    /// All headers of a call: a token of 8 KiB, and as much again.
    pub header_bytes: u32,
    /// One HTTP/2 frame: the smallest that the protocol allows (RFC 9113 §4.2).
    pub frame_bytes: u32,
    /// A silent connection is asked whether it is there: every 30 s.
    pub keepalive_ms: u64,
    /// And closed if it does not answer within 10 s.
    pub keepalive_timeout_ms: u64,
    /// A connection is closed, gently, after 30 min, so that callers spread over replicas.
    pub connection_age_ms: u64,
    /// How long a server that stops says so in health, and still takes calls, before it closes: 0.5 s.
    pub notice_ms: u64,
    /// How long running calls have when the server stops: 10 s.
    pub shutdown_ms: u64,
    /// The message of a single call: 64 KiB.
    pub single_bytes: usize,
    /// The message of an upload: 1 MiB, and room for a service to say by itself that it is more.
    pub upload_bytes: usize,
    /// The message of an answer: 4 MiB holds a page of 1,000 items.
    pub answer_bytes: usize,
    /// The longest that a token may hold: 24 h.
    pub token_lifetime_s: u32,
    /// How long a token holds that a terminal gets with its key: 15 min (RFC 9700 §2.2: short-lived).
    pub terminal_token_s: u32,
    /// Calls of one subject in a second, on average; a terminal makes one every few seconds, an HR system tens.
    pub calls_per_second: NonZeroU32,
    /// And at once, after a while of silence: two seconds' worth.
    pub calls_burst: NonZeroU32,
    /// Calls from one address in a second, on average, of methods that need no token.
    pub public_calls_per_second: NonZeroU32,
    /// And at once: a hall of screens behind one address.
    pub public_calls_burst: NonZeroU32,
}

/// A figure that is not nought, written as a literal.
const fn figure(figure: u32) -> NonZeroU32 {
    match NonZeroU32::new(figure) {
        Some(figure) => figure,
        None => NonZeroU32::MIN,
    }
}

impl Limits {
    /// The first figure that nothing works with: its key, and what it has to be.
    pub(super) fn fault(&self) -> Option<String> {
        const EVER: u64 = i32::MAX as u64;
        let wide = |figure: usize| u64::try_from(figure).unwrap_or(u64::MAX);
        let table = [
            ("connections", wide(self.connections), 1, EVER),
            ("connections_per_address", wide(self.connections_per_address), 1, EVER),
            ("handshake_ms", self.handshake_ms, 1, EVER),
            ("call_timeout_ms", self.call_timeout_ms, 1, EVER),
            // Half of them are for what others than terminals call.
            ("calls", wide(self.calls), 2, EVER),
            ("calls_per_connection", wide(self.calls_per_connection), 1, EVER),
            ("streams_per_connection", self.streams_per_connection.into(), 1, EVER),
            ("header_bytes", self.header_bytes.into(), 1_024, EVER),
            // RFC 9113 §4.2.
            ("frame_bytes", self.frame_bytes.into(), 16_384, 16_777_215),
            ("keepalive_ms", self.keepalive_ms, 1, EVER),
            ("keepalive_timeout_ms", self.keepalive_timeout_ms, 1, EVER),
            ("connection_age_ms", self.connection_age_ms, 1, EVER),
            ("notice_ms", self.notice_ms, 0, EVER),
            ("shutdown_ms", self.shutdown_ms, 0, EVER),
            ("single_bytes", wide(self.single_bytes), 1_024, EVER),
            ("upload_bytes", wide(self.upload_bytes), wide(self.single_bytes), EVER),
            ("answer_bytes", wide(self.answer_bytes), 1_024, EVER),
            ("terminal_token_s", self.terminal_token_s.into(), 1, self.token_lifetime_s.into()),
        ];
        let (key, _, least, most) =
            table.into_iter().find(|(_, figure, least, most)| !(least..=most).contains(&figure))?;
        Some(format!("limits.{key}: from {least} to {most}"))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            connections_per_address: 256,
            handshake_ms: 5_000,
            call_timeout_ms: 10_000,
            calls: 2_048,
            calls_per_connection: 64,
            streams_per_connection: 100,
            local_error_resets: 1024,
            pending_accept_resets: 20,
            header_bytes: 16 * 1024,
            frame_bytes: 16 * 1024,
            keepalive_ms: 30_000,
            keepalive_timeout_ms: 10_000,
            connection_age_ms: 30 * 60 * 1000,
            notice_ms: 500,
            shutdown_ms: 10_000,
            single_bytes: 64 * 1024,
            upload_bytes: (1024 + 64) * 1024,
            answer_bytes: 4 * 1024 * 1024,
            token_lifetime_s: 24 * 60 * 60,
            terminal_token_s: 15 * 60,
            calls_per_second: figure(100),
            calls_burst: figure(200),
            public_calls_per_second: figure(20),
            public_calls_burst: figure(100),
        }
    }
}
