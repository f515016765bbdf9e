//! A hall of five windows, and days there as a duty manager would tell them: one line for each thing that somebody does,
//! and behind `=>` what comes of it.
//!
//! Zhao is bound to w1, qian to w2, sun to w3, wu to w4 (for everything), zheng to w5, which alone serves item c. Li leads
//! w1, w2 and w3, zhou manages the duty. `zhao@t1` acts at the terminal of w1, `zhao` at a desk of their own.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use qinlian::access::{Caller, Visitor};
use qinlian::clock::{Clock, MockClock};
use qinlian::kernel::{DeviceId, EpochMs, Label, LogId, PersonId, RequestId, Subject};
use qinlian::ledger::committer::Lane;
use qinlian::proto::board_window::State;
use qinlian::proto::presented::Who as Shown;
use qinlian::proto::role_grant::Reach;
use qinlian::proto::*;
use qinlian::registers::attendance::fact::{Command as Attendance, Punch, Source, Stamp, Who};
use qinlian::registers::directory::fact::Record;
use qinlian::registers::duty::service::Calls;
use qinlian::registers::failure::Failure;
use qinlian::registers::rulebook::server;
use qinlian::registers::wire::timestamp;
use qinlian::store::Store;
use tokio::sync::watch;

use crate::attendance::rig::minute;
use crate::roster::rig::{date, refused};
use crate::support::MORNING;
use crate::support::office::{HALL, Office, grant};

/// The hall.
pub(crate) struct Hall {
    pub(crate) office: Office,
    pub(crate) calls: Calls,
    pub(crate) people: BTreeMap<&'static str, PersonId>,
    /// The newest pause of each window.
    pauses: BTreeMap<String, u64>,
    /// The next number of each device's journal.
    seqs: BTreeMap<String, u64>,
    _news: watch::Sender<u64>,
}

/// `10:05` of the second of March 2026, a Monday, in the hall's zone; `3T10:05` of the third.
pub(crate) fn at(text: &str) -> EpochMs {
    let (day, time) = text.split_once('T').unwrap_or(("2", text));
    let (hours, minutes) = time.split_once(':').expect("a time");
    let number = |text: &str| text.parse::<i64>().unwrap_or_else(|_| panic!("no number: {text}"));
    // Clocks begin at 08:00 of the second.
    minute((number(day) - 2) * 1_440 + number(hours) * 60 + number(minutes) - 480)
}

/// An instant of a message as `10:05`, in the hall's zone.
pub(crate) fn clock(stamp: &prost_types::Timestamp) -> String {
    let minutes = (stamp.seconds + 8 * 3_600).div_euclid(60);
    format!("{:02}:{:02}", minutes.div_euclid(60).rem_euclid(24), minutes.rem_euclid(60))
}

impl Hall {
    pub(crate) async fn begin(store: &Store, seed: u64) -> Self {
        let clock = Arc::new(MockClock::new(MORNING, seed));
        let office = Office::begin(store, &clock).await;
        let mut people = BTreeMap::new();
        for name in ["zhao", "qian", "sun", "wu", "zheng", "li", "zhou"] {
            people.insert(name, office.add_person().await);
        }
        for item in ["a", "b", "c"] {
            let record =
                ServiceItem { item: item.to_owned(), name: item.to_owned(), ..ServiceItem::default() };
            office.put(LogId::DEPLOYMENT, Record::ServiceItem(record)).await.expect("an item");
        }
        let windows: [(&str, &str, &[&str], window::Kind); 5] = [
            ("w1", "A", &["a", "b"], window::Kind::Specialised),
            ("w2", "A", &["a", "b"], window::Kind::Specialised),
            ("w3", "B", &["a"], window::Kind::Specialised),
            ("w4", "B", &[], window::Kind::General),
            ("w5", "B", &["c"], window::Kind::Specialised),
        ];
        for (code, zone, items, kind) in windows {
            let record = Window {
                window: code.to_owned(),
                number: code[1..].to_owned(),
                zone: zone.to_owned(),
                items: items.iter().map(|item| (*item).to_owned()).collect(),
                kind: kind.into(),
                retired: false,
            };
            office.put(office.hall, Record::Window(record)).await.expect("a window");
        }
        for (code, window) in
            [("t1", "w1"), ("t2", "w2"), ("t3", "w3"), ("t4", "w4"), ("t5", "w5"), ("gate", "")]
        {
            let kind =
                if window.is_empty() { device::Kind::ClockTerminal } else { device::Kind::WindowTerminal };
            let record = Device {
                device: code.to_owned(),
                kind: kind.into(),
                window: window.to_owned(),
                ..Device::default()
            };
            office.put(office.hall, Record::Device(record)).await.expect("a device");
            let subject = Subject::parse(&format!("device:{code}")).expect("a subject");
            office.grant(office.hall, &subject, Role::Terminal).await;
        }
        let queues = Subject::parse("system:queues").expect("a subject");
        office.grant(office.hall, &queues, Role::QueueSystem).await;
        for (name, window) in [
            ("zhao", "w1"),
            ("qian", "w2"),
            ("sun", "w3"),
            ("wu", "w4"),
            ("zheng", "w5"),
            ("li", ""),
            ("zhou", ""),
        ] {
            let assignment = Assignment {
                person_id: people[name].to_string(),
                centre: HALL.to_owned(),
                from: Some(date("2025-01-01")),
                windows: Some(window)
                    .filter(|window| !window.is_empty())
                    .map(str::to_owned)
                    .into_iter()
                    .collect(),
                ..Assignment::default()
            };
            office.put(office.hall, Record::Assignment(assignment)).await.expect("an assignment");
        }
        let (news, told) = watch::channel(0);
        let calls = Calls::new(office.desk.clone(), told);
        let hall =
            Self { office, calls, people, pauses: BTreeMap::new(), seqs: BTreeMap::new(), _news: news };
        for name in ["zhao", "qian", "sun", "wu", "zheng"] {
            hall.holds(name, Role::Staff, "").await;
        }
        for window in ["w1", "w2", "w3"] {
            hall.holds("li", Role::Lead, window).await;
        }
        hall.holds("zhou", Role::DutyManager, "").await;
        hall
    }

    async fn holds(&self, name: &str, role: Role, window: &str) {
        let subject = Subject::Person(self.people[name].clone());
        let scope = Reach { window: window.to_owned(), ..Reach::default() };
        let record = RoleGrant { scope: Some(scope), ..grant(&subject, role) };
        self.office.put(self.office.hall, Record::RoleGrant(record)).await.expect("a grant");
    }

    pub(crate) fn person(&self, name: &str) -> String {
        self.people.get(name).unwrap_or_else(|| panic!("nobody is called {name}")).to_string()
    }

    /// The name of somebody.
    pub(crate) fn name(&self, id: &str) -> String {
        let known = self.people.iter().find(|(_, person)| person.as_str() == id);
        known.map_or_else(|| id.to_owned(), |(name, _)| (*name).to_owned())
    }

    pub(crate) fn caller(&self, who: &str, method: &str) -> Caller {
        let subject = match who.split_once('@') {
            Some((_, device)) => Subject::parse(&format!("device:{device}")).expect("a subject"),
            None if who.contains(':') => Subject::parse(who).expect("a subject"),
            None => Subject::Person(self.people[who].clone()),
        };
        self.office.caller(&subject, &format!("qinlian.v1.DutyService/{method}"))
    }

    pub(crate) fn visitor(method: &str) -> Visitor {
        let rules = qinlian::access::Rules::ours().expect("rules");
        let rule = rules.find(&format!("/qinlian.v1.DutyService/{method}")).expect("a method");
        Visitor::new(Arc::clone(rule), "test")
    }

    pub(crate) fn id(&self) -> String {
        self.office.request_id().to_string()
    }

    /// The stamp of a device and who stands there; nothing for whoever acts at a desk.
    pub(crate) fn stood(&mut self, who: &str) -> (Option<DeviceStamp>, Option<Presented>) {
        let Some((name, device)) = who.split_once('@') else { return (None, None) };
        let seq = self.seqs.entry(device.to_owned()).or_default();
        *seq += 1;
        let (now, device_seq) = (self.office.clock.now(), *seq);
        let stamp = DeviceStamp {
            device: device.to_owned(),
            device_seq,
            boot_id: "b1".to_owned(),
            mono_ms: u64::try_from(now.since(MORNING)).unwrap_or_default(),
            claimed_at: Some(timestamp(now)),
            signature: Vec::new(),
        };
        let shown = Presented { who: Some(Shown::PersonId(self.person(name))), ..Presented::default() };
        (Some(stamp), Some(shown))
    }

    /// The device gives its last number once more.
    pub(crate) fn number_again(&mut self, device: &str) {
        *self.seqs.get_mut(device).expect("a device that gave one") -= 1;
    }

    /// Goes to a time.
    pub(crate) fn turn_to(&self, time: &str) {
        let ahead = at(time).since(self.office.clock.now());
        self.office.clock.advance_ms(u64::try_from(ahead).unwrap_or_else(|_| panic!("{time} is over")));
    }

    /// Somebody clocks in or out at the gate.
    pub(crate) async fn clocks(&mut self, name: &str, direction: punch::Direction) {
        self.clocked_at(name, direction, (Source::Live, self.office.clock.now())).await;
    }

    /// They did so some time ago, says the gate, which was offline.
    pub(crate) async fn clocked_before(&mut self, name: &str, direction: punch::Direction, time: &str) {
        self.clocked_at(name, direction, (Source::Upload, at(time))).await;
    }

    async fn clocked_at(
        &mut self,
        name: &str,
        direction: punch::Direction,
        (source, now): (Source, EpochMs),
    ) {
        let seq = self.seqs.entry("gate".to_owned()).or_default();
        *seq += 1;
        let seq = *seq;
        let person = self.people[name].clone();
        let punch = Punch {
            source,
            stamp: Stamp {
                device: DeviceId::parse("gate").expect("a code"),
                seq,
                boot_id: Label::parse("b1").expect("a label"),
                mono_ms: u64::try_from(now.since(MORNING)).unwrap_or_default(),
                claimed: now,
                signature: Vec::new(),
            },
            direction,
            method: punch::Method::Card,
            device_label: Label::parse("").expect("a label"),
            who: Who::Person(person.clone()),
            witness: None,
            presented: Presented { who: Some(Shown::PersonId(person.to_string())), ..Presented::default() },
            verified_by: None,
        };
        let id: RequestId = self.office.request_id();
        let desk = &self.office.desk;
        let command = Attendance::punch(punch).into();
        desk.submit(self.office.hall, id, server("test"), command, Lane::Live, ReceiptView::Compact)
            .await
            .expect("a punch");
    }

    /// Everybody of some names clocks in and opens their window.
    pub(crate) async fn at_work(&mut self, names: &[(&str, &str)]) {
        for (name, window) in names {
            self.clocks(name, punch::Direction::In).await;
            let said = self.say(&format!("{name} opens {window}")).await;
            assert_eq!(said, "OPEN", "{name} at {window}");
        }
    }

    /// Lives through a script: lines of `TIME WHO DOES WHAT => WHAT COMES OF IT`.
    pub(crate) async fn lives(&mut self, script: &str) {
        let mut wrong = Vec::new();
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (told, wanted) = line.split_once("=>").unwrap_or((line, ""));
            let (time, done) = told.trim().split_once(' ').expect("a time");
            self.turn_to(time);
            let said = self.say(done.trim()).await;
            let wanted: Vec<&str> = wanted.split_whitespace().collect();
            if said != wanted.join(" ") {
                wrong.push(format!("{line}\n   but: {said}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    /// One thing that somebody does, and what comes of it.
    pub(crate) async fn say(&mut self, told: &str) -> String {
        let words: Vec<&str> = told.split_whitespace().collect();
        match words.as_slice() {
            ["board"] => self.board(None, "").await,
            ["board", "of", item] => self.board(None, item).await,
            ["board", "at", time] => self.board(Some(at(time)), "").await,
            ["text", window] => self.text(window).await,
            ["pauses", rest @ ..] => self.listed(rest).await,
            ["hall", window] => self.hall(window).await,
            ["window", window, "at", time] => self.window_at(window, time).await,
            ["queue", window, waiting] => self.queue(window, waiting).await,
            [who, "in"] => self.clocked(who, punch::Direction::In).await,
            [who, "out"] => self.clocked(who, punch::Direction::Out).await,
            [who, verb, window, rest @ ..] => self.acts(who, verb, window, rest).await,
            other => panic!("nobody understands {other:?}"),
        }
    }

    async fn clocked(&mut self, who: &str, direction: punch::Direction) -> String {
        self.clocks(who, direction).await;
        String::new()
    }

    async fn acts(&mut self, who: &str, verb: &str, window: &str, rest: &[&str]) -> String {
        let because = if rest.contains(&"because") { "须先办理" } else { "" }.to_owned();
        let after = |word: &str| {
            let place = rest.iter().position(|known| *known == word)?;
            rest.get(place + 1).copied()
        };
        let on_behalf_of = after("for").map(|name| self.person(name)).unwrap_or_default();
        let by = after("by").map(|name| self.person(name)).unwrap_or_default();
        let (stamp, presented) = self.stood(who);
        let head = (HALL.to_owned(), self.id());
        let (centre, request_id) = head;
        let window = window.to_owned();
        match verb {
            "opens" => {
                let request = OpenWindowRequest {
                    centre,
                    request_id,
                    stamp,
                    presented,
                    window,
                    on_behalf_of,
                    override_reason: because,
                    ..OpenWindowRequest::default()
                };
                let answer = self.calls.open_window(&self.caller(who, "OpenWindow"), request).await;
                said(answer.map(|answer| (answer.state(), answer.flags().collect())))
            }
            "closes" => {
                let request = CloseWindowRequest {
                    centre,
                    request_id,
                    stamp,
                    presented,
                    window,
                    on_behalf_of,
                    ..CloseWindowRequest::default()
                };
                let answer = self.calls.close_window(&self.caller(who, "CloseWindow"), request).await;
                said(answer.map(|answer| (answer.state(), answer.flags().collect())))
            }
            "takes" => {
                let request = HandOverWindowRequest {
                    centre,
                    request_id,
                    stamp,
                    presented,
                    window,
                    on_behalf_of,
                    override_reason: because,
                    ..HandOverWindowRequest::default()
                };
                let answer = self.calls.hand_over_window(&self.caller(who, "HandOverWindow"), request).await;
                said(answer.map(|answer| (answer.state(), answer.flags().collect())))
            }
            "covers" => {
                let request = CoverWindowRequest {
                    centre,
                    request_id,
                    stamp,
                    presented,
                    window,
                    by,
                    from_window: after("from").unwrap_or_default().to_owned(),
                    override_reason: because,
                    ..CoverWindowRequest::default()
                };
                let answer = self.calls.cover_window(&self.caller(who, "CoverWindow"), request).await;
                said(answer.map(|answer| (answer.state(), answer.flags().collect())))
            }
            "extends" => {
                let request = ExtendPauseRequest {
                    centre,
                    request_id,
                    stamp,
                    presented,
                    window,
                    on_behalf_of,
                    expected_return_at: rest.first().map(|time| timestamp(at(time))),
                    ..ExtendPauseRequest::default()
                };
                let answer = self.calls.extend_pause(&self.caller(who, "ExtendPause"), request).await;
                said(answer.map(|answer| (answer.state(), answer.flags().collect())))
            }
            "back" | "ends" => {
                let mode =
                    if verb == "ends" { pause::EndMode::ForcedClose } else { pause::EndMode::Unspecified };
                let request = EndPauseRequest {
                    centre,
                    request_id,
                    stamp,
                    presented,
                    window,
                    on_behalf_of,
                    end_mode: mode.into(),
                    ..EndPauseRequest::default()
                };
                let answer = self.calls.end_pause(&self.caller(who, "EndPause"), request).await;
                said(answer.map(|answer| (answer.state(), answer.flags().collect())))
            }
            "approves" | "refuses" | "recalls" => {
                let decision = match verb {
                    "approves" => pause::Decision::Approve,
                    "refuses" => pause::Decision::Refuse,
                    _ => pause::Decision::ReturnNow,
                };
                let request = DecidePauseRequest {
                    centre,
                    request_id,
                    pause: self.pauses.get(&window).copied().unwrap_or(1),
                    decision: decision.into(),
                    ..DecidePauseRequest::default()
                };
                let answer = self.calls.decide_pause(&self.caller(who, "DecidePause"), request).await;
                said(answer.map(|answer| (answer.state(), Vec::new())))
            }
            "pauses" => {
                let request = self.pause(&window, rest, (centre, request_id), (stamp, presented));
                let answer = self.calls.start_pause(&self.caller(who, "StartPause"), request).await;
                self.started(&window, answer)
            }
            other => panic!("nobody {other}"),
        }
    }

    /// `COMFORT 10:08 nosign anyway to w2,w3 b qian`: why, until when, and how.
    pub(crate) fn pause(
        &self,
        window: &str,
        rest: &[&str],
        (centre, request_id): (String, String),
        (stamp, presented): (Option<DeviceStamp>, Option<Presented>),
    ) -> StartPauseRequest {
        let after = |word: &str| {
            let place = rest.iter().position(|known| *known == word)?;
            rest.get(place + 1).copied()
        };
        let reason =
            pause::Reason::from_str_name(rest[0]).unwrap_or_else(|| panic!("no reason: {}", rest[0]));
        let subject = match reason {
            pause::Reason::Equipment | pause::Reason::SystemOutage => pause::Subject::Window,
            _ => pause::Subject::Unspecified,
        };
        let mut guidance = Vec::new();
        if let Some(windows) = after("to") {
            let windows = windows.split(',').map(str::to_owned).collect();
            let kind = guidance::Kind::Redirect.into();
            guidance.push(Guidance { kind, windows, ..Guidance::default() });
        }
        if let Some(name) = after("b") {
            let kind = guidance::Kind::BPost.into();
            guidance.push(Guidance { kind, person_id: self.person(name), ..Guidance::default() });
        }
        let expected = rest.get(1).filter(|word| word.contains(':'));
        let anyway = rest.contains(&"anyway");
        StartPauseRequest {
            centre,
            request_id,
            stamp,
            presented,
            window: window.to_owned(),
            subject: subject.into(),
            reason: reason.into(),
            expected_return_at: expected.map(|time| timestamp(at(time))),
            sign_displayed: !rest.contains(&"nosign"),
            sign_mode: pause::SignMode::CardSign.into(),
            guidance,
            leave_anyway: anyway,
            leave_reason: if anyway { "急事".to_owned() } else { String::new() },
            on_behalf_of: after("for").map(|name| self.person(name)).unwrap_or_default(),
            receipt_view: ReceiptView::Compact.into(),
        }
    }

    fn started(&mut self, window: &str, answer: Result<StartPauseResponse, Failure>) -> String {
        let answer = match answer {
            Ok(answer) => answer,
            refusal => return refused(refusal),
        };
        self.pauses.insert(window.to_owned(), answer.pause);
        let mut text = answer.state().as_str_name().to_owned();
        if let Some(allowed) = &answer.allowed_at {
            let _ = write!(text, " {}", clock(allowed));
        }
        if !answer.target_windows.is_empty() {
            let _ = write!(text, " >{}", answer.target_windows.join(","));
        }
        for flag in answer.flags() {
            let _ = write!(text, " {}", flag.as_str_name());
        }
        text
    }

    async fn queue(&self, window: &str, waiting: &str) -> String {
        let request = ReportQueueRequest {
            centre: HALL.to_owned(),
            request_id: self.id(),
            window: window.to_owned(),
            waiting: waiting.parse().expect("a number"),
            ..ReportQueueRequest::default()
        };
        match self.calls.report_queue(&self.caller("system:queues", "ReportQueue"), request).await {
            Ok(_) => String::new(),
            refusal => refused(refusal),
        }
    }
}

/// A state and flags, or why not.
fn said(answer: Result<(State, Vec<DutyFlag>), Failure>) -> String {
    match answer {
        Ok((state, flags)) => {
            let flags = flags.iter().map(|flag| flag.as_str_name());
            std::iter::once(state.as_str_name()).chain(flags).collect::<Vec<_>>().join(" ")
        }
        Err(failure) => refused::<()>(Err(failure)),
    }
}
