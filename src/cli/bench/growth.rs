//! Does a clock-in cost more when the log is large? One deployment is filled first; in every round it is measured, and
//! a new one with a thousand entries, which a longer measurement would let grow.

use std::time::Duration;

use anyhow::Context;

use super::load::{Load, Measured};
use super::report::Row;
use super::town::Town;
use super::{Contender, Options, Place, Schema, Stage};

/// A young log has about a thousand clock-ins when it is measured first.
const YOUNG: u64 = 1_000;
/// Short, so that the young log stays young.
const TIME: Duration = Duration::from_secs(1);
/// Clock-ins handed in at once.
const UPLOAD: usize = 1_000;

/// Measures.
pub(super) async fn measure(options: &Options, place: &Place, entries: u64) -> anyhow::Result<Vec<Row>> {
    let most = options.callers.iter().copied().max().unwrap_or(1);
    place.clean().await?;
    let mut grown = filled(place, Schema::Main, most, entries).await?;
    let mut rows = Vec::new();
    for callers in &options.callers {
        let load = Load { callers: *callers, connections: options.connections.min(*callers), time: TIME };
        let mut measured: [Vec<Measured>; 2] = Default::default();
        let [young_rounds, grown_rounds] = &mut measured;
        for _ in 0..options.rounds {
            place.remove(Schema::Young).await?;
            let mut young = filled(place, Schema::Young, most, YOUNG).await?;
            young_rounds.push(young.round(Contender::Ledger, load).await?);
            grown_rounds.push(grown.round(Contender::Ledger, load).await?);
        }
        for (name, measured) in ["young log", "grown log"].into_iter().zip(&measured) {
            rows.push(Row::of(name, load, measured));
        }
    }
    Ok(rows)
}

/// A town with so many clock-ins, of one more terminal.
async fn filled(place: &Place, schema: Schema, terminals: usize, entries: u64) -> anyhow::Result<Stage> {
    let town = Town::begin(&place.folder(schema), place.url(schema).await?, terminals).await?;
    let office = town.open(Contender::Ledger.opening()).await?;
    for first in (1..=entries).step_by(UPLOAD) {
        let last = entries.min(first + UPLOAD as u64 - 1);
        let submissions = (first..=last).map(|seq| town.uploaded(&office, seq)).collect::<Result<_, _>>()?;
        for answer in office.desk.ledger().submit_all(submissions).await? {
            answer.context("an uploaded clock-in was not stored")?;
        }
    }
    office.close().await;
    Ok(Stage::new(town))
}
