//! The log of this thread, kept instead of written: what a server that runs in a test says.

use std::sync::{Arc, Mutex};

use qinlian::telemetry::{LogFormat, log_to};
use serde_json::Value;
use tracing::subscriber::{DefaultGuard, set_default};

/// What was logged so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Lines {
    /// Begins; ends when the guard is dropped.
    pub(crate) fn keep(format: LogFormat, filter: &str) -> (Self, DefaultGuard) {
        let lines = Self::default();
        let writer = lines.clone();
        let log = log_to(format, filter, move || writer.clone()).unwrap();
        (lines, set_default(log))
    }

    /// As they were written.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// Each as JSON.
    pub(crate) fn json(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}
