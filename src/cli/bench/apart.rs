//! Server and callers on a processor each: what callers take is not the server's then, and the other way round. Linux only.

use std::fs;

use anyhow::{Context, ensure};
use rustix::io::Errno;
use rustix::thread::{CpuSet, Pid, sched_setaffinity};
use tokio::runtime::{Builder, Runtime};

/// The server's processor.
const SERVER: usize = 0;
/// The callers'.
const CALLERS: usize = 1;

/// A runtime for the server.
pub(super) struct Apart(Option<Runtime>);

impl Apart {
    /// Leaves the callers what runs by now. Errors: there is one processor, or the system does not say which runs what.
    pub(super) fn begin() -> anyhow::Result<Self> {
        let threads = fs::read_dir("/proc/self/task").context("--apart: Linux only")?;
        for thread in threads {
            let number: i32 = thread?.file_name().to_string_lossy().parse()?;
            match keep(Pid::from_raw(number), CALLERS) {
                // A thread that ended meanwhile needs no place.
                Ok(()) | Err(Errno::SRCH) => {}
                Err(error) => return Err(error).context("--apart: wants two processors"),
            }
        }
        let server = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            // Whether it worked is looked at below. Threads of SQLite are begun by these, and stay where these are.
            .on_thread_start(|| {
                let _kept = keep(None, SERVER);
            })
            .build()?;
        Ok(Self(Some(server)))
    }

    /// Does work where the server is, when there is such a place.
    pub(super) async fn at_server<T: Send + 'static>(
        apart: Option<&Self>,
        work: impl Future<Output = anyhow::Result<T>> + Send + 'static,
    ) -> anyhow::Result<T> {
        let Some(server) = apart.and_then(|apart| apart.0.as_ref()) else { return work.await };
        let placed = async move {
            let status = fs::read_to_string("/proc/thread-self/status")?;
            let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
            let alone = allowed.and_then(|list| list.trim().parse().ok()) == Some(SERVER);
            ensure!(alone, "the server runs on {allowed:?}");
            work.await
        };
        server.spawn(placed).await?
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        // Everything in it has been stopped, and a runtime may not be waited for within another.
        if let Some(server) = self.0.take() {
            server.shutdown_background();
        }
    }
}

fn keep(thread: Option<Pid>, processor: usize) -> rustix::io::Result<()> {
    let mut processors = CpuSet::new();
    processors.set(processor);
    sched_setaffinity(thread, &processors)
}
