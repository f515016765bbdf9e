//! What the runner says of itself: how far results are behind the log. No log and no kind of result: all kinds come
//! from one fold.

use crate::kernel::{Count, Figure, Figures as Keeps, Level, number};

/// The runner's figures.
#[derive(Debug, Default)]
pub struct Figures {
    pub(super) behind_entries: Level,
    pub(super) behind_logs: Level,
    pub(super) failing_logs: Level,
    pub(super) chunks: Count,
    pub(super) failures: Count,
}

impl Figures {
    /// Entries that results did not show yet when the runner last looked.
    pub fn behind_entries(&self) -> u64 {
        self.behind_entries.get()
    }
}

impl Keeps for Figures {
    fn figures(&self) -> Vec<Figure> {
        vec![
            Figure::level(
                "qinlian_results_behind_entries",
                "Entries of all logs that results do not show yet",
                number(self.behind_entries.get()),
            ),
            Figure::level(
                "qinlian_results_behind_logs",
                "Logs with entries that results do not show yet",
                number(self.behind_logs.get()),
            ),
            Figure::level(
                "qinlian_results_failing_logs",
                "Logs whose results wait to be tried again, or stand under other rules",
                number(self.failing_logs.get()),
            ),
            Figure::count("qinlian_results_chunks", "Chunks of entries that were folded", &self.chunks),
            Figure::count("qinlian_results_failures", "Chunks that could not be folded", &self.failures),
        ]
    }
}
