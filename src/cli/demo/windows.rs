//! The morning at the windows: they open, pause and are back; one is late, one may not leave, and citizens who were sent to a
//! window that pauses too are sent elsewhere.

use anyhow::{Context, bail};
use tonic::transport::Channel;
use tonic_types::StatusExt;

use super::cast::{self, CENTRE};
use super::client::reason;
use super::setup::{self, Town};
use super::tell;
use crate::cli::client::Client;
use crate::cli::office::Office;
use crate::cli::say;
use crate::clock::{Clock, ShiftedClock, random};
use crate::kernel::{EpochMs, RequestId, Zone};
use crate::proto::duty_service_client::DutyServiceClient;
use crate::proto::*;
use crate::registers::wire::timestamp;

const MINUTE_MS: i64 = 60_000;

/// A pause, in minutes after 07:50: whose window, why, when, until when it is promised, when they are back.
struct Pause {
    number: usize,
    reason: pause::Reason,
    at: i64,
    promised: i64,
    back: i64,
}

/// The pauses of the morning. Window 02 sends people to window 10, which pauses while they are on their way; window 05 is
/// back 14 minutes late.
const PAUSES: [Pause; 5] = [
    Pause { number: 0, reason: pause::Reason::Comfort, at: 80, promised: 88, back: 87 },
    Pause { number: 1, reason: pause::Reason::Consult, at: 100, promised: 110, back: 109 },
    Pause { number: 9, reason: pause::Reason::DeliverDocs, at: 103, promised: 112, back: 111 },
    Pause { number: 4, reason: pause::Reason::BackOffice, at: 120, promised: 128, back: 142 },
    Pause { number: 15, reason: pause::Reason::Comfort, at: 150, promised: 158, back: 156 },
];
/// Who would leave nobody at an item, and when: the other window of it is paused.
const LAST: (usize, i64) = (7, 152);
/// When the board is looked at: the window, and why.
const LOOKS: [(i64, usize, &str); 4] = [
    (101, 1, "citizens are sent to windows of the same item"),
    (104, 1, "one of these pauses too: they are sent elsewhere"),
    (126, 4, "a promise that is not over yet"),
    (136, 4, "overdue: never a time that has passed"),
];

/// The hall of the story.
pub(super) struct Hall<'a> {
    pub(super) office: &'a Office,
    pub(super) clock: &'a ShiftedClock,
    pub(super) channel: &'a Channel,
    pub(super) zone: &'a Zone,
    /// 07:50.
    pub(super) opens: EpochMs,
}

/// What happens next.
enum Next<'a> {
    Leaves(&'a Pause),
    Back(&'a Pause),
    Last(usize),
    Look(usize, &'a str),
}

fn window(number: usize) -> String {
    format!("w{:02}", number + 1)
}

impl Hall<'_> {
    fn calls(&self) -> DutyServiceClient<Channel> {
        DutyServiceClient::new(self.channel.clone())
    }

    fn id(&self) -> String {
        RequestId::random(random(self.clock)).to_string()
    }

    fn wall(&self) -> String {
        let wall = self.zone.wall(self.clock.now());
        wall.split(' ').nth(1).unwrap_or_default().chars().take(5).collect()
    }

    async fn person(&self, town: &Town, number: usize) -> anyhow::Result<Client> {
        let id = town.people.get(number).context("somebody")?;
        setup::client(self.office, self.channel, &format!("person:{id}"), None).await
    }

    /// Lets the morning pass, and tells of it.
    pub(super) async fn pass(&self, town: &Town) -> anyhow::Result<()> {
        tell::heading("The windows: who leaves says when they are back, and citizens are told");
        self.clock.leap_to(self.opens.plus_ms(68 * MINUTE_MS));
        self.open(town, cast::WINDOWS, "").await?;
        say(&format!("  {}  {} windows are open", self.wall(), cast::WINDOWS));
        let mut story: Vec<(i64, Next<'_>)> = vec![(LAST.1, Next::Last(LAST.0))];
        for pause in &PAUSES {
            story.push((pause.at, Next::Leaves(pause)));
            story.push((pause.back, Next::Back(pause)));
        }
        story.extend(LOOKS.iter().map(|(at, number, why)| (*at, Next::Look(*number, why))));
        story.sort_by_key(|(at, _)| *at);
        for (minutes, next) in story {
            self.clock.leap_to(self.opens.plus_ms(minutes * MINUTE_MS));
            match next {
                Next::Leaves(pause) => self.leaves(town, pause).await?,
                Next::Back(pause) => self.back(town, pause.number).await?,
                Next::Last(number) => self.may_not_leave(town, number).await?,
                Next::Look(number, why) => self.look(number, why).await?,
            }
        }
        self.kept().await
    }

    /// The first windows open, each by whoever is bound to it.
    async fn open(&self, town: &Town, most: usize, override_reason: &str) -> anyhow::Result<()> {
        for number in 0..most {
            let request = OpenWindowRequest {
                centre: CENTRE.to_owned(),
                request_id: self.id(),
                window: window(number),
                override_reason: override_reason.to_owned(),
                ..OpenWindowRequest::default()
            };
            let client = self.person(town, number).await?;
            if let Err(status) = self.calls().open_window(client.with(request)?).await {
                // On the afternoon of the story's own day they are open still.
                if status.get_details_error_info().is_none_or(|info| info.reason != "ALREADY_OPEN") {
                    return Err(status).context("a window opens");
                }
            }
        }
        Ok(())
    }

    async fn start(
        &self,
        town: &Town,
        number: usize,
        (reason, promised): (pause::Reason, EpochMs),
    ) -> anyhow::Result<Result<StartPauseResponse, tonic::Status>> {
        let request = StartPauseRequest {
            centre: CENTRE.to_owned(),
            request_id: self.id(),
            window: window(number),
            reason: reason.into(),
            expected_return_at: Some(timestamp(promised)),
            sign_displayed: true,
            sign_mode: pause::SignMode::CardSign.into(),
            ..StartPauseRequest::default()
        };
        let client = self.person(town, number).await?;
        Ok(self.calls().start_pause(client.with(request)?).await.map(tonic::Response::into_inner))
    }

    async fn leaves(&self, town: &Town, pause: &Pause) -> anyhow::Result<()> {
        let promised = self.opens.plus_ms(pause.promised * MINUTE_MS);
        let answer = self.start(town, pause.number, (pause.reason, promised)).await?.context("a pause")?;
        let told = [answer.sign_text, answer.guidance_text].into_iter().flatten().map(|text| text.zh);
        let told: Vec<String> = told.filter(|text| !text.is_empty()).collect();
        say(&format!("  {}  window {:02} pauses: {}", self.wall(), pause.number + 1, told.join("  ")));
        Ok(())
    }

    async fn back(&self, town: &Town, number: usize) -> anyhow::Result<()> {
        let request = EndPauseRequest {
            centre: CENTRE.to_owned(),
            request_id: self.id(),
            window: window(number),
            ..EndPauseRequest::default()
        };
        let client = self.person(town, number).await?;
        self.calls().end_pause(client.with(request)?).await.context("somebody is back")?;
        say(&format!("  {}  window {:02} is back", self.wall(), number + 1));
        Ok(())
    }

    async fn may_not_leave(&self, town: &Town, number: usize) -> anyhow::Result<()> {
        let promised = self.clock.now().plus_ms(8 * MINUTE_MS);
        match self.start(town, number, (pause::Reason::Comfort, promised)).await? {
            Ok(_) => bail!("the last window of an item was let go"),
            Err(status) => {
                say(&format!(
                    "  {}  window {:02} may not pause, its item would have none open:",
                    self.wall(),
                    number + 1
                ));
                say(&format!("           {}", reason(&status)));
                Ok(())
            }
        }
    }

    async fn look(&self, number: usize, why: &str) -> anyhow::Result<()> {
        let request = GetBoardRequest { centre: CENTRE.to_owned(), ..GetBoardRequest::default() };
        let board = self.calls().get_board(request).await.context("the board")?.into_inner();
        let shown = board.windows.into_iter().find(|shown| shown.window == window(number));
        let text = shown.and_then(|shown| shown.text).context("a window of the board")?.zh;
        say(&format!("  {}  the board at {:02}: {text}", self.wall(), number + 1));
        say(&format!("           ({why})"));
        Ok(())
    }

    /// How the pauses kept their promises.
    async fn kept(&self) -> anyhow::Result<()> {
        let manager =
            setup::client(self.office, self.channel, "system:duty", Some(Role::DutyManager)).await?;
        let request = GetDutyReportRequest {
            centre: CENTRE.to_owned(),
            from: Some(crate::registers::wire::date(self.zone.day_of(self.opens))),
            until: Some(crate::registers::wire::date(self.zone.day_of(self.opens))),
            ..GetDutyReportRequest::default()
        };
        let answer = self.calls().get_duty_report(manager.with(request)?).await.context("a report")?;
        let pauses = answer.into_inner().total.and_then(|total| total.pauses).context("a total")?;
        say("");
        say(&format!(
            "  {} pauses: {} minutes promised, {} taken; {} late; {} without guidance",
            pauses.pauses,
            pauses.promised_minutes,
            pauses.actual_minutes,
            pauses.late_returns + pauses.left_post,
            pauses.without_guidance
        ));
        Ok(())
    }

    /// It is now: the first windows open once more, and one pauses, so that the board has something to show.
    pub(super) async fn now(&self, town: &Town) -> anyhow::Result<()> {
        self.open(town, cast::WINDOWS / 2, "演示").await?;
        let promised = self.clock.now().plus_ms(10 * MINUTE_MS);
        self.start(town, 1, (pause::Reason::Comfort, promised)).await?.context("a pause")?;
        Ok(())
    }
}
