//! `qinlian serve`: the server, and the tasks that a replica runs beside it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::audit::witnesses;
use super::office::{Office, Opening};
use super::{Answer, Where, say};
use crate::access::{FetchPace, Rules, SupportKey, Verifier};
use crate::clock::Clock;
use crate::edge::{self, Edge, ServeError, Services, Tls};
use crate::kernel::{EpochMs, Figures};
use crate::ledger::anchor::Anchor;
use crate::metrics::{self, Page};
use crate::registers::audit::service::cleanup::{Cleanup, Window};
use crate::registers::audit::service::reads::{Reads, ReplicaId};
use crate::registers::directory::service::Terminals;
use crate::registers::{attendance, audit, derivation, directory, duty, roster};
use crate::results::{self, Folder, Runner, RunnerHandle};
use crate::telemetry;
use crate::witness::client::{Client, ClientOptions, WitnessAt};

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

/// A listener that answers, and nothing beside it.
#[derive(Debug)]
pub(super) struct Listening {
    /// The port that it listens on.
    pub(super) port: u16,
    /// What the edge keeps of calls, connections and tokens.
    figures: Vec<Arc<dyn Figures>>,
    stop: oneshot::Sender<()>,
    server: JoinHandle<Result<(), ServeError>>,
    keys: JoinHandle<()>,
}

/// A server that runs.
#[derive(Debug)]
pub struct Running {
    /// The port that it listens on.
    pub port: u16,
    listening: Listening,
    runner: RunnerHandle,
    /// How far results are behind.
    pub(super) results: Arc<results::Figures>,
    reads: Reads,
    tasks: Vec<JoinHandle<()>>,
}

/// Runs `serve`.
pub(super) async fn run(options: Options) -> anyhow::Result<Answer> {
    let mut config = options.place.load()?;
    let sending = telemetry::start(config.log.format, &config.log.filter, config.telemetry.otlp.as_deref())?;
    telemetry::report_panics();
    if let Some(port) = options.port {
        config.listen.port = port;
    }
    let mut stop = StopSignals::listen()?;
    let opened = async {
        let office = Office::open(config, Opening::default()).await?;
        let running = start(&office, options.insecure).await?;
        anyhow::Ok((office, running))
    };
    // Whoever waits for a database may be stopped too; a start that is cut off is like one that crashed.
    let (office, running) = tokio::select! {
        opened = opened => opened?,
        () = stop.told() => return Ok(Answer::Yes),
    };
    say(&format!("qinlian listens on {}:{}", office.config.listen.address, running.port));
    stop.told().await;
    running.stop().await?;
    office.close().await;
    sending.stop().await;
    Ok(Answer::Yes)
}

/// Answers calls over an open deployment with these services, on the configured port.
pub(super) async fn listen(office: &Office, services: Services, insecure: bool) -> anyhow::Result<Listening> {
    office.desk.warm().await?;
    let listen = &office.config.listen;
    let address = SocketAddr::new(listen.address, listen.port);
    let listener =
        TcpListener::bind(address).await.with_context(|| format!("failed to listen on {address}"))?;
    let port = listener.local_addr()?.port();
    let limits = &office.config.limits;
    let verifier = Verifier::new(&office.config.issuers, limits.token_lifetime_s, Arc::clone(&office.clock))?;
    let verifier = Arc::new(verifier);
    let keys = Arc::clone(&verifier);
    let tls = listen.tls.as_ref().map(|files| Tls::open(files, Arc::clone(&office.clock)));
    let rules = Rules::ours()?;
    let figures = Arc::new(edge::Figures::new(&rules));
    let kept: Vec<Arc<dyn Figures>> =
        vec![Arc::<edge::Figures>::clone(&figures), Arc::<Verifier>::clone(&verifier)];
    let edge = Edge {
        rules,
        figures,
        verifier,
        support_key: Arc::new(SupportKey::new(office.keys.support_key())),
        clock: Arc::clone(&office.clock),
        limits: limits.clone(),
        reflection: listen.reflection,
        tls: tls.transpose().context("listen.tls")?.map(Arc::new),
        insecure,
        web_origins: web_origins(&listen.web_origins)?,
    };
    let health = Arc::clone(office.desk.ledger().health());
    let (stop, stopping) = oneshot::channel::<()>();
    let server = tokio::spawn(async move {
        edge::serve(edge, listener, services, move || health.ready(), async {
            // A sender that is gone says the same: stop.
            let _gone = stopping.await;
        })
        .await
    });
    let keys = tokio::spawn(async move { keys.keep_keys(FetchPace::default()).await });
    Ok(Listening { port, figures: kept, stop, server, keys })
}

/// This replica's sessions of reads.
pub(super) async fn reads(office: &Office) -> anyhow::Result<Reads> {
    let file = office.config.files.anchor.with_extension("replica");
    let replica = ReplicaId::open(&file, &*office.clock).context("failed to read this replica's id")?;
    Ok(Reads::start(office.desk.clone(), replica).await?)
}

/// Starts a server over an open deployment.
pub async fn start(office: &Office, insecure: bool) -> anyhow::Result<Running> {
    let desk = &office.desk;
    let reads = reads(office).await?;
    let audit = audit::service::Calls::new(desk.clone(), witnesses(&office.config)?);
    let cleanup = audit.cleanup().clone();
    let terminals = Terminals::new(office.issuer()?, office.config.limits.terminal_token_s);
    let derivation = derivation::registered(desk.ledger().clone());
    let folder = Folder::new(desk.store().clone(), derivation);
    let runner = Runner::new(folder, Arc::clone(&office.clock));
    let punches = attendance::service::Calls::new(desk.clone(), reads.clone(), runner.news());
    let duties = Arc::new(duty::service::Calls::new(desk.clone(), runner.news()));
    let services = Services::new(&office.config.limits)
        .directory(&Arc::new(directory::service::Calls::new(desk.clone(), terminals)))
        .roster(&Arc::new(roster::service::Calls::new(desk.clone(), punches.clone())))
        .attendance(&Arc::new(punches))
        .duty(&duties)
        .boards(&duties)
        .audit(&Arc::new(audit));
    let listening = listen(office, services, insecure).await?;
    let mut kept = listening.figures.clone();
    kept.push(Arc::new(desk.ledger().clone()));
    let results = runner.figures();
    kept.push(Arc::<results::Figures>::clone(&results));
    let runner = runner.start();
    let sessions = reads.clone();
    let mut tasks = vec![
        attendance::service::watch::start(desk.clone()),
        tokio::spawn(async move { sessions.run().await }),
        tokio::spawn(clean(cleanup, Arc::clone(&office.clock))),
    ];
    if let Some(address) = office.config.metrics.listen {
        tasks.push(tell(address, Page::of(kept, &*office.clock)).await?);
    }
    if let Some(client) = witness_client(office)? {
        tasks.push(tokio::spawn(async move { client.run().await }));
    }
    Ok(Running { port: listening.port, listening, runner, results, reads, tasks })
}

/// Answers whoever asks for figures.
async fn tell(address: SocketAddr, page: Page) -> anyhow::Result<JoinHandle<()>> {
    let listener =
        TcpListener::bind(address).await.with_context(|| format!("metrics.listen: failed on {address}"))?;
    let address = listener.local_addr()?;
    tracing::info!(code = "METRICS_LISTENING", %address, "figures are told");
    Ok(tokio::spawn(metrics::serve(listener, page)))
}

/// The origins as a browser names them: scheme, host and perhaps a port, nothing behind.
fn web_origins(configured: &[String]) -> anyhow::Result<Vec<http::HeaderValue>> {
    let wrong =
        |origin: &str| format!("listen.web_origins: {origin:?} is not of the form https://host[:port]");
    let mut origins = Vec::new();
    for origin in configured {
        let uri: http::Uri = origin.parse().with_context(|| wrong(origin))?;
        let bare = uri.scheme_str().zip(uri.authority()).map(|(scheme, host)| format!("{scheme}://{host}"));
        anyhow::ensure!(bare.as_deref() == Some(origin), wrong(origin));
        origins.push(origin.parse().with_context(|| wrong(origin))?);
    }
    Ok(origins)
}

/// Asks the configured witnesses; none when there are none.
fn witness_client(office: &Office) -> anyhow::Result<Option<Client>> {
    let keys = witnesses(&office.config)?;
    let known: Vec<WitnessAt> = keys
        .into_iter()
        .zip(&office.config.witnesses)
        .map(|(key, witness)| WitnessAt { key, url: witness.url.clone() })
        .collect();
    if known.is_empty() {
        return Ok(None);
    }
    let remembered = Anchor::open(&office.config.files.anchor.with_extension("witnessed"))
        .context("failed to open what witnesses said")?;
    let reader = office.desk.ledger().reader().clone();
    Ok(Some(Client::new(reader, Arc::clone(&office.clock), remembered, ClientOptions::new(known))))
}

/// What was erased leaves the files within a minute; on PostgreSQL, where that locks a table, between two and six in
/// the morning in China.
async fn clean(cleanup: Cleanup, clock: Arc<dyn Clock>) {
    const EVERY: Duration = Duration::from_mins(1);
    const HOUR_MS: i64 = 3_600_000;
    let mut timer = tokio::time::interval(EVERY);
    loop {
        timer.tick().await;
        let at: EpochMs = clock.now();
        let hour = (at.get() / HOUR_MS + 8) % 24;
        let window = if (2..6).contains(&hour) { Window::Open } else { Window::Closed };
        if let Err(error) = cleanup.sweep(window).await {
            tracing::warn!(code = "AUDIT_CLEANUP_FAILED", %error, "will be tried again");
        }
    }
}

impl Listening {
    /// Stops: health says no first, running calls are answered.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        let _sent = self.stop.send(());
        self.keys.abort();
        self.server.await??;
        Ok(())
    }
}

impl Running {
    /// Stops: health says no first, running calls are answered, sessions of reads are closed.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.listening.stop().await?;
        self.reads.stop().await;
        for task in self.tasks {
            task.abort();
            // Ended by us: cancelled is as it should be.
            let _ended = task.await;
        }
        self.runner.stop().await;
        Ok(())
    }
}

/// What ends the process: SIGTERM and SIGINT.
pub(super) struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Listens from now on. Before this they end the process at once: so it comes before anybody is told that it is up.
    pub(super) fn listen() -> anyhow::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for one.
    pub(super) async fn told(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
