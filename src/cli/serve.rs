//! `qinlian serve`: the server.

use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::office::{Office, Opening};
use super::{Answer, Where, say};
use crate::access::{Rules, Verifier};
use crate::edge::{self, Edge, ServeError, Services};
use crate::registers::{attendance, derivation, directory};
use crate::results::{Folder, Runner, RunnerHandle};
use crate::telemetry;

/// `qinlian serve --help`.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    place: Where,
    /// The port; 0 takes a free one
    #[arg(long)]
    port: Option<u16>,
    /// Serve plain text beyond the loopback interface: only behind something that encrypts
    #[arg(long)]
    insecure: bool,
}

/// A server that runs.
#[derive(Debug)]
pub struct Running {
    /// The port that it listens on.
    pub port: u16,
    stop: oneshot::Sender<()>,
    server: JoinHandle<Result<(), ServeError>>,
    runner: RunnerHandle,
    watch: JoinHandle<()>,
}

/// Runs `serve`.
pub(super) async fn run(options: Options) -> anyhow::Result<Answer> {
    let mut config = options.place.load()?;
    telemetry::start(config.log.format, &config.log.filter)?;
    telemetry::report_panics();
    if let Some(port) = options.port {
        config.listen.port = port;
    }
    let office = Office::open(config, Opening::default()).await?;
    let running = start(&office, options.insecure).await?;
    say(&format!("qinlian listens on {}:{}", office.config.listen.address, running.port));
    stopped().await?;
    running.stop().await?;
    office.close().await;
    Ok(Answer::Yes)
}

/// Starts a server over an open deployment.
pub async fn start(office: &Office, insecure: bool) -> anyhow::Result<Running> {
    let listen = &office.config.listen;
    let address = std::net::SocketAddr::new(listen.address, listen.port);
    let listener =
        TcpListener::bind(address).await.with_context(|| format!("failed to listen on {address}"))?;
    let port = listener.local_addr()?.port();
    let limits = &office.config.limits;
    let verifier = Verifier::new(&office.config.issuers, limits.token_lifetime_s, Arc::clone(&office.clock))?;
    let edge = Edge {
        rules: Rules::ours()?,
        verifier: Arc::new(verifier),
        clock: Arc::clone(&office.clock),
        limits: limits.clone(),
        reflection: listen.reflection,
        insecure,
    };
    let services = Services::new(limits)
        .directory(&Arc::new(directory::service::Calls::new(office.desk.clone())))
        .attendance(&Arc::new(attendance::service::Calls::new(office.desk.clone())));
    let derivation = derivation::registered(office.desk.ledger().clone());
    let folder = Folder::new(office.desk.store().clone(), derivation);
    let runner = Runner::new(folder, Arc::clone(&office.clock)).start();
    let watch = attendance::watch::start(office.desk.clone());
    let health = Arc::clone(office.desk.ledger().health());
    let (stop, stopping) = oneshot::channel::<()>();
    let server = tokio::spawn(async move {
        edge::serve(edge, listener, services, move || health.ready(), async {
            // A sender that is gone says the same: stop.
            let _gone = stopping.await;
        })
        .await
    });
    Ok(Running { port, stop, server, runner, watch })
}

impl Running {
    /// Stops: health says no first, running calls are answered.
    pub async fn stop(self) -> anyhow::Result<()> {
        let _sent = self.stop.send(());
        self.server.await??;
        self.watch.abort();
        // Ended by us: cancelled is as it should be.
        let _ended = self.watch.await;
        self.runner.stop().await;
        Ok(())
    }
}

/// Waits for somebody to end the process.
pub(super) async fn stopped() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    Ok(())
}
