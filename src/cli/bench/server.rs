//! The servers that are compared, over one deployment.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;

use super::{Contender, baseline};
use crate::cli::office::Office;
use crate::cli::serve::{self, Listening, Running};
use crate::edge::Services;
use crate::registers::attendance;

/// How often results are looked at,
const LOOK: Duration = Duration::from_millis(500);
/// and for how long at most.
const SETTLE_MOST: Duration = Duration::from_mins(5);

/// The server of a contender.
pub(super) enum Server {
    /// Some of the calls, and nothing beside them.
    Part { listening: Listening, baseline: Option<tokio::task::JoinHandle<()>> },
    /// All of it.
    Whole(Running),
}

impl Server {
    /// Starts one.
    pub(super) async fn start(office: &Office, contender: Contender) -> anyhow::Result<Self> {
        let services = Services::new(&office.config.limits);
        let (services, baseline) = match contender {
            Contender::Whole => return Ok(Self::Whole(serve::start(office, false).await?)),
            Contender::Baseline => {
                let (calls, task) = baseline::Calls::start(office.desk.clone()).await?;
                (services.attendance(&Arc::new(calls)), Some(task))
            }
            Contender::Ledger | Contender::OneByOne => {
                let reads = serve::reads(office).await?;
                let calls = attendance::service::Calls::new(
                    office.desk.clone(),
                    reads,
                    tokio::sync::watch::channel(0).1,
                );
                (services.attendance(&Arc::new(calls)), None)
            }
        };
        Ok(Self::Part { listening: serve::listen(office, services, false).await?, baseline })
    }

    /// Where it listens.
    pub(super) fn port(&self) -> u16 {
        match self {
            Self::Part { listening, .. } => listening.port,
            Self::Whole(running) => running.port,
        }
    }

    /// Waits until results show everything that stands: what one round leaves undone is not the next one's.
    pub(super) async fn settle(&self) -> anyhow::Result<()> {
        let Self::Whole(running) = self else { return Ok(()) };
        let settled = async {
            loop {
                // The runner looks ten times a second, and after every commit.
                tokio::time::sleep(LOOK).await;
                if running.results.behind_entries() == 0 {
                    return;
                }
            }
        };
        tokio::time::timeout(SETTLE_MOST, settled).await.context("results stay behind the log")
    }

    /// Stops it.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        match self {
            Self::Whole(running) => running.stop().await,
            Self::Part { listening, baseline } => {
                listening.stop().await?;
                if let Some(task) = baseline {
                    task.await.context("the baseline died")?;
                }
                Ok(())
            }
        }
    }
}
