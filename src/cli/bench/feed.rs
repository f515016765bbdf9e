//! The feed of days from its beginning to its end: over gRPC, many revisions to a message, against the same rows read by the
//! database's own tool.

use std::process::Stdio;

use anyhow::{Context, ensure};
use serde::Serialize;
use tokio::process::Command;

use super::Contender;
use super::month::Month;
use super::place::{Place, Schema};
use super::report::median;
use super::server::Server;
use super::town::CENTRE;
use crate::cli::client::connect;
use crate::clock::Stopwatch;
use crate::proto::attendance_service_client::AttendanceServiceClient;
use crate::proto::{DayResultView, WatchDayResultsRequest};
use crate::registers::derivation::DAY;

/// How a feed is read.
#[derive(Debug, Clone, Copy, Serialize)]
enum How {
    /// Codes and numbers; results are counted, as whoever reads the tool's text counts lines.
    Basic,
    /// The same, and every result is taken apart.
    TakenApart,
    /// With sentences, and every result is taken apart.
    Explained,
}

impl How {
    const ALL: [Self; 3] = [Self::Basic, Self::TakenApart, Self::Explained];

    const fn named(self) -> &'static str {
        match self {
            Self::Basic => "view BASIC",
            Self::TakenApart => "view BASIC, taken apart",
            Self::Explained => "view EXPLAINED, taken apart",
        }
    }

    const fn view(self) -> DayResultView {
        match self {
            Self::Basic | Self::TakenApart => DayResultView::Basic,
            Self::Explained => DayResultView::Explained,
        }
    }
}

/// Revisions a second, the median of the rounds.
#[derive(Debug, Serialize)]
struct Reading {
    how: How,
    per_second: f64,
    /// Against the tool.
    ratio: Option<f64>,
}

/// What was measured.
#[derive(Debug, Serialize)]
pub(super) struct Feed {
    revisions: u64,
    grpc: Vec<Reading>,
    /// The tool, and what it reads; nothing where it is not installed.
    tool: &'static str,
    tool_per_second: Option<f64>,
}

impl std::fmt::Display for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "feed of {} revisions; with ", self.revisions)?;
        match self.tool_per_second {
            Some(tool) => write!(f, "{}: {tool:.0} a second", self.tool)?,
            None => write!(f, "{}: not installed", self.tool)?,
        }
        self.grpc.iter().try_for_each(|Reading { how, per_second, ratio }| {
            let ratio = ratio.map(|ratio| format!(", ratio {ratio:.2}")).unwrap_or_default();
            write!(f, "\n  over gRPC, {}: {per_second:.0} a second{ratio}", how.named())
        })
    }
}

/// Reads it, every way in turn.
pub(super) async fn read(month: &Month, place: &Place, rounds: usize) -> anyhow::Result<Feed> {
    let server = Server::start(&month.office, Contender::Ledger).await?;
    let measured = async {
        let (mut grpc, mut tools, mut revisions) = (How::ALL.map(|how| (how, Vec::new())), Vec::new(), 0);
        for _ in 0..rounds {
            for (how, speeds) in &mut grpc {
                let watch = Stopwatch::start();
                revisions = over_grpc(month, server.port(), *how).await?;
                speeds.push(per_second(revisions, watch));
            }
            let watch = Stopwatch::start();
            if let Some(rows) = by_tool(month, place).await? {
                ensure!(rows == revisions, "the tool read {rows} rows, and there are {revisions} revisions");
                tools.push(per_second(rows, watch));
            }
        }
        let tool = if place.database.is_some() { "psql, COPY" } else { "sqlite3" };
        let tool_per_second = (!tools.is_empty()).then(|| median(tools));
        let readings = grpc.into_iter().map(|(how, speeds)| {
            let per_second = median(speeds);
            Reading { how, per_second, ratio: tool_per_second.map(|tool| per_second / tool) }
        });
        anyhow::Ok(Feed { revisions, grpc: readings.collect(), tool, tool_per_second })
    };
    let measured = measured.await;
    server.stop().await?;
    measured
}

#[expect(clippy::cast_precision_loss, reason = "fewer than 2^52")]
fn per_second(rows: u64, watch: Stopwatch) -> f64 {
    rows as f64 / watch.elapsed().as_secs_f64()
}

async fn over_grpc(month: &Month, port: u16, how: How) -> anyhow::Result<u64> {
    let client = month.reader(connect(port).await?)?;
    let mut service = AttendanceServiceClient::new(client.channel.clone());
    let request = WatchDayResultsRequest {
        centre: CENTRE.to_owned(),
        view: how.view().into(),
        ..WatchDayResultsRequest::default()
    };
    let mut stream = service.watch_day_results(client.with(request)?).await?.into_inner();
    let mut revisions = 0;
    loop {
        let message = stream.message().await?.context("the feed ended")?;
        revisions += u64::try_from(match how {
            How::Basic => message.encoded.len(),
            How::TakenApart | How::Explained => message.items()?.len(),
        })?;
        if message.caught_up {
            return Ok(revisions);
        }
    }
}

/// The rows as text; how many lines that were.
async fn by_tool(month: &Month, place: &Place) -> anyhow::Result<Option<u64>> {
    let columns = "seq, pos, hex(key), revision, hex(content), tombstone";
    let of = format!(
        "FROM result_revision WHERE log_id = {} AND room = {} ORDER BY seq",
        month.log.column(),
        DAY.column()
    );
    let mut command = if let Some(url) = &place.database {
        let copy = format!(
            "COPY (SELECT seq, pos, key, revision, content, tombstone {}) TO STDOUT",
            of.replace("result_revision", "qinlian_bench.result_revision")
        );
        let mut command = Command::new("psql");
        command.args(["--quiet", "--no-psqlrc", url, "--command", &copy]);
        command
    } else {
        let mut command = Command::new("sqlite3");
        command.args(["-readonly", "-batch"]);
        command.arg(place.folder(Schema::Main).join("qinlian.db")).arg(format!("SELECT {columns} {of}"));
        command
    };
    let told = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn();
    let mut child = match told {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other.context("failed to start the database's tool")?,
    };
    let mut stdout = child.stdout.take().context("no output")?;
    let (mut lines, mut buffer) = (0, vec![0; 1 << 16]);
    loop {
        let read = tokio::io::AsyncReadExt::read(&mut stdout, &mut buffer).await?;
        if read == 0 {
            break;
        }
        let newlines = buffer.get(..read).unwrap_or_default().split(|byte| *byte == b'\n').count() - 1;
        lines += u64::try_from(newlines)?;
    }
    ensure!(child.wait().await?.success(), "the database's tool failed");
    Ok(Some(lines))
}
