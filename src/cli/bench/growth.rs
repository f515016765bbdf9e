//! Does a clock-in cost more when the log is large? One deployment is filled first; in every round it is measured, and
//! a new one with a thousand entries, which a longer measurement would let grow.

use std::time::Duration;

use anyhow::{Context, ensure};

use super::load::Measured;
use super::place::{Place, Schema};
use super::report::{Report, Row, Verified};
use super::town::{CENTRE, PEOPLE, Size, Town};
use super::{Contender, Options, Pace, Stage};
use crate::cli::audit;
use crate::cli::office::Opening;
use crate::clock::Stopwatch;
use crate::ledger::verify::{Folder, Options as VerifyOptions, verify};

/// A young log has about a thousand clock-ins when it is measured first.
const YOUNG: u64 = 1_000;
/// Short, so that the young log stays young.
const TIME: Duration = Duration::from_secs(1);
/// Clock-ins handed in at once.
const UPLOAD: usize = 1_000;

/// Measures.
pub(super) async fn measure(options: &Options, place: &Place, entries: u64) -> anyhow::Result<Report> {
    let most = options.callers.iter().copied().max().unwrap_or(1);
    place.clean().await?;
    let mut grown = filled(place, Schema::Main, most, entries).await?;
    let mut rows = Vec::new();
    for callers in &options.callers {
        let load = options.load(*callers, options.connections.first().copied().unwrap_or(4), TIME);
        let mut measured: [Vec<Measured>; 2] = Default::default();
        let [young_rounds, grown_rounds] = &mut measured;
        for _ in 0..options.rounds {
            place.remove(Schema::Young).await?;
            let mut young = filled(place, Schema::Young, most, YOUNG).await?;
            young_rounds.push(young.round(Contender::Ledger, load, Pace::Closed).await?);
            grown_rounds.push(grown.round(Contender::Ledger, load, Pace::Closed).await?);
        }
        for (name, measured) in ["young log", "grown log"].into_iter().zip(&measured) {
            rows.push(Row::of(name, load, None, measured));
        }
    }
    let verified = verified(place, &grown).await?;
    Ok(Report { rows, verified: Some(verified) })
}

/// A bundle of the log, verified as somebody outside would, on one core.
async fn verified(place: &Place, grown: &Stage) -> anyhow::Result<Verified> {
    let office = grown.town.open(Contender::Ledger.opening()).await?;
    let bundle = place.folder.join("bundle");
    audit::bundle(&office, CENTRE, &bundle, None).await?;
    let keys = audit::keys_of(&office.vkey(CENTRE)?)?;
    office.close().await;
    let watch = Stopwatch::start();
    let report = verify(&Folder(bundle), &VerifyOptions::new(keys), &audit::meaning());
    ensure!(report.first_bad.is_none(), "the bundle does not verify: {:?}", report.first_bad);
    Ok(Verified { entries: report.entries, seconds: watch.elapsed().as_secs_f64() })
}

/// A town with so many clock-ins, of one more terminal.
pub(super) async fn filled(
    place: &Place,
    schema: Schema,
    terminals: usize,
    entries: u64,
) -> anyhow::Result<Stage> {
    let town = Town::begin(
        &place.folder(schema),
        place.url(schema).await?,
        Size { people: PEOPLE, terminals },
        Opening::default(),
    )
    .await?;
    let office = town.open(Contender::Ledger.opening()).await?;
    for first in (1..=entries).step_by(UPLOAD) {
        let last = entries.min(first + UPLOAD as u64 - 1);
        let submissions = (first..=last).map(|seq| town.uploaded(&office, seq)).collect::<Result<_, _>>()?;
        for answer in office.desk.ledger().submit_all(submissions).await? {
            answer.context("an uploaded clock-in was not stored")?;
        }
    }
    office.close().await;
    Ok(Stage::new(town, None))
}
