//! A morning at the terminals: arrivals, answers that get lost, a terminal without a network, one with a wrong clock, a
//! stranger with a forged token.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use tonic::transport::Channel;

use super::cast::{self, CENTRE};
use super::client::{Terminal, reason};
use super::setup::{self, FAST, OFFLINE, Town};
use crate::access::LocalIssuer;
use crate::cli::client::Client;
use crate::cli::office::Office;
use crate::clock::Clock;
use crate::clock::{ShiftedClock, random};
use crate::kernel::{EpochMs, RequestId, Subject};
use crate::proto::attendance_service_client::AttendanceServiceClient;
use crate::proto::punch::Direction;
use crate::proto::*;
use crate::registers::attendance::service::watch;
use crate::registers::wire::timestamp;

/// 1 minute.
const MINUTE: i64 = 60_000;

/// What became of the morning's clock-ins.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Clock-ins sent, repeats included.
    pub(super) sent: usize,
    /// Stored, and nothing odd.
    pub(super) accepted: usize,
    /// Sent again: the answer was the first one, byte for byte.
    pub(super) repeats: usize,
    /// Journal numbers that were claimed twice for different things.
    pub(super) conflicts: usize,
    /// Stored and flagged, by reason.
    pub(super) quarantined: BTreeMap<String, usize>,
    /// Not let in: who, and what was said.
    pub(super) refused: Vec<(&'static str, String)>,
    /// A receipt to look at.
    pub(super) receipt: Option<Receipt>,
}

/// The morning itself.
pub(super) struct Morning<'a> {
    pub(super) office: &'a Office,
    pub(super) clock: &'a ShiftedClock,
    pub(super) channel: &'a Channel,
    /// 07:50.
    pub(super) opens: EpochMs,
}

fn calls(terminal: &Terminal) -> AttendanceServiceClient<Channel> {
    AttendanceServiceClient::new(terminal.client.channel.clone())
}

impl Morning<'_> {
    /// People arrive.
    pub(super) async fn arrivals(&self, town: &mut Town) -> anyhow::Result<Tally> {
        let mut tally = Tally::default();
        self.report(town, |number| number != OFFLINE).await?;
        let mut arrivals: Vec<(i64, usize)> =
            (0..cast::PEOPLE).map(|number| (cast::arrival_minutes(number), number)).collect();
        arrivals.sort_unstable();
        let mut offline = Vec::new();
        for (nth, (minutes, number)) in arrivals.into_iter().enumerate() {
            self.clock.leap_to(self.opens.plus_ms(minutes * MINUTE + i64::try_from(number)? * 700));
            if nth % 10 == 9 {
                self.report(town, |number| number != OFFLINE).await?;
            }
            let at = self.clock.now();
            let place = number % town.terminals.len();
            let terminal = town.terminals.get_mut(place).context("a terminal")?;
            let punch = terminal.punch(self.clock, at, &cast::card(number), Direction::In)?;
            if place == OFFLINE {
                offline.push(punch);
                continue;
            }
            let first = self.record(terminal, &punch, &mut tally).await?;
            if nth % 9 == 4 {
                // The answer got lost on the way: the terminal asks again.
                let again = self.record(terminal, &punch, &mut tally).await?;
                if first.receipt != again.receipt {
                    bail!("a repeat was answered with another receipt");
                }
            }
            tally.receipt = tally.receipt.take().or(first.receipt);
        }
        self.strangers(town, &mut tally).await?;
        self.clock.leap_to(self.opens.plus_ms(65 * MINUTE));
        self.sync(town, offline, &mut tally).await?;
        Ok(tally)
    }

    /// Some leave for a visit, and a terminal breaks.
    pub(super) async fn ends(&self, town: &mut Town, tally: &mut Tally) -> anyhow::Result<()> {
        self.visit(town, tally).await?;
        self.outage(town).await?;
        self.clock.leap_to(self.opens.plus_ms(220 * MINUTE));
        self.report(town, |_| true).await
    }

    async fn report(&self, town: &Town, which: impl Fn(usize) -> bool) -> anyhow::Result<()> {
        for (_, terminal) in town.terminals.iter().enumerate().filter(|(number, _)| which(*number)) {
            let report = terminal.report(self.clock.now());
            calls(terminal).report_device(terminal.client.with(report)?).await.context("a heartbeat")?;
        }
        // The story's hours pass in seconds: what the server looks at every two seconds, it looks at now.
        watch::round(&self.office.desk).await?;
        Ok(())
    }

    async fn record(
        &self,
        terminal: &Terminal,
        punch: &Punch,
        tally: &mut Tally,
    ) -> anyhow::Result<RecordPunchResponse> {
        let request = RecordPunchRequest {
            centre: CENTRE.to_owned(),
            request_id: punch.request_id.clone(),
            punch: Some(punch.clone()),
            receipt_view: ReceiptView::Full.into(),
        };
        let answer = calls(terminal).record_punch(terminal.client.with(request)?).await?.into_inner();
        let flags: Vec<PunchFlag> = answer.flags().collect();
        tally.count(answer.outcome(), flags.first().map(|flag| flag.as_str_name()).unwrap_or_default());
        Ok(answer)
    }

    /// A forged token, and a terminal that pretends to be another one.
    async fn strangers(&self, town: &mut Town, tally: &mut Tally) -> anyhow::Result<()> {
        let at = self.clock.now();
        let subject = Subject::parse("device:clock-1")?;
        let settings = self.office.config.local_issuer();
        let forger = LocalIssuer::new(&random(self.clock), &settings.issuer, &settings.audience);
        let token = forger.token(&subject, at, setup::TTL_S);
        let forged = Client { channel: self.channel.clone(), token };
        let honest = town.terminals.first().context("a terminal")?.clone();
        for (who, client) in [
            ("a forged token", forged),
            (
                "terminal 2 in the name of terminal 1",
                town.terminals.get(1).context("a terminal")?.client.clone(),
            ),
        ] {
            let mut terminal = Terminal { client, ..honest.clone() };
            let punch = terminal.punch(self.clock, at, &cast::card(0), Direction::Out)?;
            let request = RecordPunchRequest {
                centre: CENTRE.to_owned(),
                punch: Some(punch),
                ..RecordPunchRequest::default()
            };
            match calls(&terminal).record_punch(terminal.client.with(request)?).await {
                Ok(_) => bail!("{who} was let in"),
                Err(status) => tally.refused.push((who, reason(&status))),
            }
        }
        Ok(())
    }

    /// The terminal that was offline sends its journal: with an entry that was altered on the way, and somebody whom
    /// nobody knows.
    async fn sync(&self, town: &mut Town, mut journal: Vec<Punch>, tally: &mut Tally) -> anyhow::Result<()> {
        let at = self.clock.now();
        let terminal = town.terminals.get_mut(OFFLINE).context("a terminal")?;
        journal.push(terminal.punch(self.clock, at, "0451-9999", Direction::In)?);
        let mut altered = journal.first().context("somebody came")?.clone();
        altered.request_id = RequestId::random(random(self.clock)).to_string();
        altered.direction = Direction::Out.into();
        journal.push(terminal.sign(altered)?);
        self.report(town, |number| number == OFFLINE).await?;
        let terminal = town.terminals.get(OFFLINE).context("a terminal")?;
        for _ in 0..2 {
            // Twice: the first answer got lost.
            let request = UploadPunchesRequest {
                centre: CENTRE.to_owned(),
                request_id: RequestId::random(random(self.clock)).to_string(),
                device: terminal.code.clone(),
                punches: journal.clone(),
            };
            let answer = calls(terminal).upload_punches(terminal.client.with(request)?).await?.into_inner();
            for result in answer.results {
                tally.count(result.outcome(), &result.reason);
            }
        }
        Ok(())
    }

    /// Six people leave for a visit to a citizen who cannot come.
    async fn visit(&self, town: &mut Town, tally: &mut Tally) -> anyhow::Result<()> {
        self.clock.leap_to(self.opens.plus_ms(205 * MINUTE));
        for number in [0, 4, 8, 12, 16, 20] {
            let at = self.clock.now();
            let terminal = town.terminals.first_mut().context("a terminal")?;
            let punch = terminal.punch(self.clock, at, &cast::card(number), Direction::Out)?;
            let terminal = terminal.clone();
            self.record(&terminal, &punch, tally).await?;
        }
        Ok(())
    }

    /// The second terminal breaks, and somebody says so.
    async fn outage(&self, town: &Town) -> anyhow::Result<()> {
        let officer =
            setup::client(self.office, self.channel, "system:desk", Some(Role::AttendanceOfficer)).await?;
        let device = town.terminals.get(1).context("a terminal")?.code.clone();
        let request = ReportDeviceOutageRequest {
            centre: CENTRE.to_owned(),
            request_id: RequestId::random(random(self.clock)).to_string(),
            device,
            from: Some(timestamp(self.clock.now())),
            reason: "读卡器无反应，已报修".to_owned(),
            receipt_view: ReceiptView::Compact.into(),
        };
        let mut calls = AttendanceServiceClient::new(self.channel.clone());
        calls.report_device_outage(officer.with(request)?).await.context("an outage")?;
        Ok(())
    }
}

impl Tally {
    fn count(&mut self, outcome: Outcome, reason: &str) {
        self.sent += 1;
        match outcome {
            Outcome::Accepted => self.accepted += 1,
            Outcome::Duplicate => self.repeats += 1,
            Outcome::Conflict => self.conflicts += 1,
            Outcome::Quarantined => *self.quarantined.entry(reason.to_owned()).or_default() += 1,
            Outcome::Rejected | Outcome::Retry | Outcome::Unspecified => {
                self.refused.push(("an item of an upload", reason.to_owned()));
            }
        }
    }
}

/// Which terminal's clock is wrong.
pub(super) fn fast(town: &Town) -> Option<&Terminal> {
    town.terminals.get(FAST)
}
