//! The terminal at its window: what is said to it happens, is written down, and is told to the server or kept.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use super::act::{self, Answer, Stamps};
use super::entry::{Entry, Event, Kind, State};
use super::home::Home;
use super::link::{Link, Trouble};
use super::screen::Screen;
use super::sync::{Halt, believed};
use super::words::{self, Command, Deed, Pause};
use crate::clock::{Clock, random};
use crate::proto::Presented;
use crate::tlog::VerifierKey;

/// What comes after a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// The next one.
    Line,
    /// Nothing.
    End,
}

/// The terminal.
#[derive(Debug)]
pub(super) struct Terminal {
    pub(super) home: Home,
    pub(super) link: Link,
    pub(super) stamps: Stamps,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) screen: Screen,
    pub(super) verifier_keys: Vec<VerifierKey>,
    /// When the configuration was asked for last, by the process's own time.
    pub(super) learnt_at: Option<u64>,
    /// Who stands there when nobody shows anything.
    person: Option<Presented>,
    /// The pause that was refused last, and by whom it was asked for.
    refused: Option<(Pause, Presented)>,
    /// Did the server answer last time?
    up: bool,
    /// How often it did not, since it last did.
    failures: u32,
    report_ms: u64,
    /// When the server is told next, by the process's own time.
    due_ms: u64,
}

impl Terminal {
    /// A terminal that was just switched on.
    pub(super) fn new(
        home: Home,
        link: Link,
        stamps: Stamps,
        clock: Arc<dyn Clock>,
        screen: Screen,
        person: Option<Presented>,
        report_ms: u64,
    ) -> anyhow::Result<Self> {
        let verifier_keys = home.verifier_keys()?;
        Ok(Self {
            home,
            link,
            stamps,
            clock,
            screen,
            verifier_keys,
            learnt_at: None,
            person,
            refused: None,
            up: true,
            failures: 0,
            report_ms,
            due_ms: 0,
        })
    }

    /// What it shows on.
    pub(super) fn screen(&self) -> &Screen {
        &self.screen
    }

    /// Says where it stands, and what its journal holds that was not sent; then tells the server, if there is one.
    pub(super) async fn starts(&mut self) -> anyhow::Result<()> {
        let (now, stamps) = (self.clock.now(), &self.stamps);
        self.screen.show(
            format!("终端 {} 窗口 {}", stamps.device, stamps.window),
            format!("terminal {} window {}", stamps.device, stamps.window),
        );
        // Whoever pressed a key when the current went sees whether it counted.
        let waiting = self.home.journal.waiting(u32::MAX).await?;
        if waiting.is_empty()
            && let Some(last) = self.home.journal.last().await?
        {
            self.screen.stands(&last, now);
        }
        for entry in &waiting {
            self.screen.stands(entry, now);
        }
        self.tries().await?;
        self.screen.show("就绪", "ready");
        Ok(())
    }

    /// Keeps up with the server for as long as nobody says anything.
    pub(super) async fn keeps_up(&mut self) -> anyhow::Result<Infallible> {
        loop {
            self.sleeps().await;
            self.tries().await?;
        }
    }

    async fn sleeps(&self) {
        let left_ms = self.due_ms.saturating_sub(self.clock.monotonic_ms());
        tokio::time::sleep(Duration::from_millis(left_ms)).await;
    }

    /// One round with the server, and when the next one comes.
    async fn tries(&mut self) -> anyhow::Result<()> {
        match self.round().await {
            Ok(()) => {
                self.answered();
                self.due_ms = self.clock.monotonic_ms() + self.report_ms;
            }
            Err(Halt::Trouble(trouble)) => self.unanswered(&trouble).await?,
            Err(Halt::Fault(fault)) => return Err(fault),
        }
        Ok(())
    }

    fn answered(&mut self) {
        if !std::mem::replace(&mut self.up, true) {
            self.screen.online();
        }
        self.failures = 0;
    }

    /// The next try comes after a thirtieth of the time between reports, then twice as late each time, up to two reports; a
    /// random half of that, so that a hall of terminals does not come back in one moment.
    async fn unanswered(&mut self, trouble: &Trouble) -> anyhow::Result<()> {
        if std::mem::replace(&mut self.up, false) {
            let why = match trouble {
                Trouble::Refused { reason, .. } | Trouble::InDoubt(reason) => reason,
            };
            self.screen.offline(why, self.home.journal.count(State::Waiting).await?);
        }
        let most = (self.report_ms / 30) << self.failures.min(6);
        let jitter = u64::from_be_bytes(random(&*self.clock)) % (most / 2 + 1);
        self.due_ms = self.clock.monotonic_ms() + most - jitter;
        self.failures += 1;
        Ok(())
    }

    /// Does what a line says.
    pub(super) async fn obeys(&mut self, line: &str) -> anyhow::Result<Next> {
        match words::parse(line) {
            Some(Command::Do(deed, who)) => self.happens(deed, who).await?,
            Some(Command::Anyway(because)) => match self.refused.take() {
                Some((pause, who)) => {
                    let pause = Pause { anyway: Some(because), ..pause };
                    self.happens(Deed::Pause(pause), Some(who)).await?;
                }
                None => self.screen.show("没有被拒绝的暂停", "no pause was refused"),
            },
            Some(Command::Wait) => self.waits().await?,
            Some(Command::Status) => self.tells().await?,
            Some(Command::Help) => self.screen.show(super::SAYS, super::SAYS),
            Some(Command::Quit) => return Ok(Next::End),
            Some(Command::Nothing) => {}
            None => self.screen.show("不明白（help 可列出指令）", "not understood (help lists what is)"),
        }
        Ok(Next::Line)
    }

    /// Until nothing waits.
    async fn waits(&mut self) -> anyhow::Result<()> {
        while self.home.journal.count(State::Waiting).await? > 0 {
            self.sleeps().await;
            self.tries().await?;
        }
        self.screen.show("全部已送达", "all sent");
        Ok(())
    }

    async fn tells(&self) -> anyhow::Result<()> {
        let journal = &self.home.journal;
        let waiting = journal.count(State::Waiting).await?;
        let odd = journal.count(State::Rejected).await? + journal.count(State::Conflict).await?;
        let head = journal.head().await?;
        let (zh, en) = if self.up { ("联网", "online") } else { ("离线", "offline") };
        self.screen.show(
            format!("{zh}，日志至 #{head}，{waiting} 条待发送，{odd} 条须查看"),
            format!("{en}, journal up to #{head}, {waiting} waiting, {odd} to be looked at"),
        );
        let now = self.clock.now();
        for kinds in [&[Kind::Open, Kind::Close][..], &[Kind::Pause, Kind::Extend, Kind::Return]] {
            if let Some(entry) = journal.newest(kinds).await? {
                self.screen.stands(&entry, now);
            }
        }
        Ok(())
    }

    /// Whoever opened the window, as long as it was not closed. The journal knows: it outlives a start.
    async fn at_the_window(&self) -> anyhow::Result<Option<Presented>> {
        let newest = self.home.journal.newest(&[Kind::Open, Kind::Close]).await?;
        Ok(newest.filter(|entry| entry.event.kind() == Kind::Open).and_then(|entry| match entry.event {
            Event::Duty(duty) => duty.presented,
            Event::Punch(_) => None,
        }))
    }

    /// Something happens at the window.
    async fn happens(&mut self, deed: Deed, who: Option<Presented>) -> anyhow::Result<()> {
        let who = match (who, self.at_the_window().await?) {
            (Some(who), _) | (None, Some(who)) => Some(who),
            (None, None) => self.person.clone(),
        };
        let Some(who) = who else {
            self.screen.show("请刷卡", "who? a card, please");
            return Ok(());
        };
        let seq = self.home.journal.head().await? + 1;
        let event = match self.stamps.event(&*self.clock, seq, &deed, who.clone()) {
            Ok(event) => event,
            Err(wrong) => {
                self.screen.show(format!("无法登记：{wrong}"), format!("cannot be recorded: {wrong}"));
                return Ok(());
            }
        };
        // From here on it has happened, whatever becomes of the network or the current.
        self.home.journal.append(seq, &event).await?;
        let entry = Entry { seq, event, state: State::Waiting, reason: String::new() };
        match self.told(&entry).await {
            Ok(answer) => self.stands(&entry, &who, answer).await,
            Err(Halt::Trouble(Trouble::Refused { reason, said })) => {
                self.is_refused(&entry, (deed, who), (&reason, &said)).await
            }
            Err(Halt::Trouble(in_doubt @ Trouble::InDoubt(_))) => {
                let name = self.home.name_of(&who);
                self.screen.kept(&entry, name, self.clock.now());
                if self.up {
                    self.unanswered(&in_doubt).await?;
                }
                Ok(())
            }
            Err(Halt::Fault(fault)) => Err(fault),
        }
    }

    /// Tells the server live, after everything that came earlier.
    async fn told(&mut self, entry: &Entry) -> Result<Answer, Halt> {
        if !self.up {
            return Err(Trouble::InDoubt("OFFLINE".to_owned()).into());
        }
        match self.sends(entry.seq).await {
            // That is about what came earlier, never about this.
            Err(Halt::Trouble(Trouble::Refused { reason, .. })) => {
                return Err(Trouble::InDoubt(reason).into());
            }
            other => other?,
        }
        let answer = act::live(&mut self.link, &self.stamps.centre, &entry.event).await?;
        if let Err(wrong) = believed(&self.verifier_keys, &answer.receipt) {
            // Whoever answered is not the server that was enrolled with: for this terminal nothing was stored.
            return Err(Trouble::InDoubt(format!("RECEIPT: {wrong:#}")).into());
        }
        Ok(answer)
    }

    async fn stands(&mut self, entry: &Entry, who: &Presented, answer: Answer) -> anyhow::Result<()> {
        let now = self.clock.now();
        let state = if answer.conflict { State::Conflict } else { State::Stored };
        let reason =
            if answer.conflict { "JOURNAL_NUMBER_REUSED".to_owned() } else { answer.flags.join(" ") };
        let id = entry.event.request_id().to_owned();
        self.home.journal.settle(vec![(id, state, reason.clone())]).await?;
        if answer.conflict {
            self.screen.stands(&Entry { state, reason, ..entry.clone() }, now);
        } else {
            let name = self.home.name_of(who);
            self.screen.stored(entry, name, &answer, now);
        }
        self.covered(answer.through).await
    }

    /// Nothing of it is stored, and its number is free for the next; but for a number that stands for something else.
    async fn is_refused(
        &mut self,
        entry: &Entry,
        (deed, who): (Deed, Presented),
        (reason, said): (&str, &str),
    ) -> anyhow::Result<()> {
        let now = self.clock.now();
        let state = if reason == "JOURNAL_NUMBER_REUSED" { State::Conflict } else { State::Refused };
        let id = entry.event.request_id().to_owned();
        self.home.journal.settle(vec![(id, state, reason.to_owned())]).await?;
        if state == State::Conflict {
            let reason = reason.to_owned();
            self.screen.stands(&Entry { state, reason, ..entry.clone() }, now);
            return Ok(());
        }
        self.screen.refused(&entry.event, reason, said, now);
        self.refused = None;
        if let Deed::Pause(pause) = deed
            && pause.anyway.is_none()
        {
            self.screen.offers_to_leave();
            self.refused = Some((pause, who));
        }
        Ok(())
    }

    /// The end: the server is told, if it is there, so that nobody takes the silence for a fault.
    pub(super) async fn goes_down(mut self) {
        if self.up {
            // Whatever could not be sent is sent after the next start.
            let _sent = self.sends(u64::MAX).await;
            let _told = self.reports(true).await;
        }
        self.home.journal.close().await;
    }
}
