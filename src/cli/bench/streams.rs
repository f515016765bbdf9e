//! What readers get: the feed of clock-ins page by page, from the beginning to the end, by several at once; and the bundle
//! that an auditor takes away. The log is filled first; every reader must get all of it.

use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::task::JoinSet;

use super::load::{Answer, Measured, connections};
use super::place::{Place, Schema};
use super::report::{Report, Row};
use super::server::Server;
use super::{Contender, Options, Stage, growth};
use crate::cli::client::Client;
use crate::clock::Stopwatch;
use crate::proto::attendance_service_client::AttendanceServiceClient;
use crate::proto::audit_service_client::AuditServiceClient;
use crate::proto::{ExportBundleRequest, ListPunchesSinceRequest};

/// Clock-ins in the log, unless `--entries` says how many.
const ENTRIES: u64 = 10_000;
/// A page.
const PAGE: i32 = 1_000;

/// Measures.
pub(super) async fn measure(options: &Options, place: &Place) -> anyhow::Result<Report> {
    let entries = options.entries.unwrap_or(ENTRIES);
    let Stage { town, .. } = growth::filled(place, Schema::Main, 1, entries).await?;
    let office = town.open(Contender::Whole.opening()).await?;
    let tokens = [town.reader(&office, super::town::HR)?, town.reader(&office, super::town::AUDITOR)?];
    let server = Server::start(&office, Contender::Whole).await?;
    let mut rows = Vec::new();
    let measured = async {
        let [hr, auditor] = tokens;
        for load in options.cells() {
            let channels = connections(server.port(), load).await?;
            let clients: Vec<Client> = (0..load.callers)
                .filter_map(|number| channels.get(number % channels.len()).cloned())
                .map(|channel| Client { channel, token: hr.clone() })
                .collect();
            let mut rounds = Vec::new();
            for _ in 0..options.rounds {
                rounds.push(feed(clients.clone(), entries).await?);
            }
            rows.push(Row::of("feed, pages of 1000", load, None, &rounds));
            let mut rounds = Vec::new();
            for _ in 0..options.rounds {
                let channel = channels.first().cloned().context("no connection")?;
                rounds.push(bundle(Client { channel, token: auditor.clone() }, entries).await?);
            }
            let alone = super::Load { callers: 1, connections: 1, ..load };
            rows.push(Row::of("bundle", alone, None, &rounds));
        }
        anyhow::Ok(())
    };
    let measured = measured.await;
    server.stop().await?;
    office.close().await;
    measured?;
    Ok(Report { rows, verified: None })
}

/// Everybody reads the whole feed at once. A call is a page; what is counted are clock-ins.
async fn feed(clients: Vec<Client>, entries: u64) -> anyhow::Result<Measured> {
    let mut readers = JoinSet::new();
    let watch = Stopwatch::start();
    for client in clients {
        readers.spawn(async move {
            let mut service = AttendanceServiceClient::new(client.channel.clone());
            let (mut cursor, mut pages, mut items) = (String::new(), Vec::new(), 0_u64);
            loop {
                let sent = watch.elapsed();
                let request = ListPunchesSinceRequest {
                    centre: super::town::CENTRE.to_owned(),
                    cursor,
                    limit: PAGE,
                    ..ListPunchesSinceRequest::default()
                };
                let page = service.list_punches_since(client.with(request)?).await?.into_inner();
                let got = u64::try_from(page.items.len())?;
                pages.push((got, sent, watch.elapsed()));
                items += got;
                cursor = page.next_cursor;
                if page.caught_up {
                    ensure!(items == entries, "a reader got {items} of {entries} clock-ins");
                    return anyhow::Ok(pages);
                }
            }
        });
    }
    let mut pages = Vec::new();
    while let Some(ended) = readers.join_next().await {
        pages.extend(ended??);
    }
    all_of(pages, watch.elapsed())
}

/// One bundle, to its last byte.
async fn bundle(client: Client, entries: u64) -> anyhow::Result<Measured> {
    let watch = Stopwatch::start();
    let mut service = AuditServiceClient::new(client.channel.clone());
    let request =
        ExportBundleRequest { centre: super::town::CENTRE.to_owned(), ..ExportBundleRequest::default() };
    let mut stream = service.export_bundle(client.with(request)?).await?.into_inner();
    let mut bytes = 0;
    while let Some(piece) = stream.message().await? {
        bytes += piece.chunk.len();
    }
    ensure!(bytes > 0, "the bundle is empty");
    all_of(vec![(entries, Duration::ZERO, watch.elapsed())], watch.elapsed())
}

/// There is nothing to warm up: all of it counts.
fn all_of(calls: Vec<(u64, Duration, Duration)>, time: Duration) -> anyhow::Result<Measured> {
    let mut measured = Measured::none(time)?;
    for (stored, sent, answered) in calls {
        let shift = super::load::WARM_UP;
        measured.note(
            Answer { stored, shed: false },
            shift + sent,
            shift + answered.min(time.saturating_sub(TICK)),
        );
    }
    Ok(measured)
}

/// What ends with the last call still belongs to it.
const TICK: Duration = Duration::from_nanos(1);
