//! What the terminal shows, in zh or en: one line for each thing. It shows nothing that does not stand in the journal.

use super::act::{Answer, Told};
use super::entry::{Entry, Event, Kind, State};
use crate::cli::say;
use crate::edge::Language;
use crate::kernel::{EpochMs, Said, Zone};
use crate::proto::LocalizedText;
use crate::proto::board_window;
use crate::proto::duty_event::What;
use crate::registers::duty::text;

/// The screen.
#[derive(Debug, Clone)]
pub(super) struct Screen {
    /// The language of whoever stands there.
    pub(super) language: Language,
    /// The centre's.
    pub(super) zone: Zone,
}

impl Screen {
    /// A line.
    pub(super) fn show(&self, zh: impl Into<String>, en: impl Into<String>) {
        say(self.language.of(&Said::new(zh, en)));
    }

    fn told(&self, prefix: (&str, &str), text: &LocalizedText) {
        if !text.zh.is_empty() || !text.en.is_empty() {
            self.show(format!("  {}：{}", prefix.0, text.zh), format!("  {}: {}", prefix.1, text.en));
        }
    }

    /// The server has it.
    pub(super) fn stored(&self, entry: &Entry, name: Option<&str>, answer: &Answer, now: EpochMs) {
        let flags = if answer.flags.is_empty() { String::new() } else { answer.flags.join(" ") };
        let name = name.map(|name| format!(" {name}")).unwrap_or_default();
        let state = answer.state.map_or(("", ""), word);
        let (zh, en) = what(&self.zone, &entry.event, now);
        let all = |parts: [&str; 4]| {
            let kept: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            kept.join(" ")
        };
        self.show(
            format!("#{} {zh}{name}：{}", entry.seq, all(["已登记", state.0, &flags, ""])),
            format!("#{} {en}{name}: {}", entry.seq, all(["stored", state.1, &flags, ""])),
        );
        if let Some(told) = &answer.told {
            self.pause(told, now);
        }
    }

    /// The answer to a pause.
    fn pause(&self, told: &Told, now: EpochMs) {
        self.told(("标识", "sign"), &told.sign);
        self.told(("指引", "guidance"), &told.guidance);
        if !told.windows.is_empty() {
            let windows = told.windows.join(" ");
            self.show(format!("  引导至：{windows}"), format!("  send citizens to: {windows}"));
        }
        if let Some(at) = told.allowed_at {
            let at = text::clock(&self.zone, at, now);
            self.show(format!("  待批准，{at}起生效"), format!("  to be approved; counts from {at} on"));
        }
    }

    /// It is kept here, and will be sent. Of other windows nothing is known: citizens are told when this one is back.
    pub(super) fn kept(&self, entry: &Entry, name: Option<&str>, now: EpochMs) {
        let name = name.map(|name| format!(" {name}")).unwrap_or_default();
        let (zh, en) = what(&self.zone, &entry.event, now);
        self.show(
            format!("#{} {zh}{name}：离线，已保存", entry.seq),
            format!("#{} {en}{name}: offline, kept", entry.seq),
        );
        if entry.event.kind() == Kind::Pause {
            self.told(("标识", "sign"), &text::sign(&self.zone, promised(&entry.event), now));
        }
    }

    /// The server said no.
    pub(super) fn refused(&self, event: &Event, reason: &str, said: &str, now: EpochMs) {
        let (zh, en) = what(&self.zone, event, now);
        self.show(format!("未登记 {zh}：{reason} {said}"), format!("refused {en}: {reason} {said}"));
    }

    /// A pause that may be begun all the same.
    pub(super) fn offers_to_leave(&self) {
        self.show(
            "  仍需离开：anyway because 原因（按键 a），将如实登记",
            "  to leave all the same: anyway because WORDS (key a); that goes on record",
        );
    }

    /// What became of something that waited, or how it stands when the terminal starts.
    pub(super) fn stands(&self, entry: &Entry, now: EpochMs) {
        let (zh, en) = what(&self.zone, &entry.event, now);
        let (state_zh, state_en) = match entry.state {
            State::Waiting => ("离线，已保存", "offline, kept"),
            State::Stored => ("已送达", "sent"),
            State::Refused => ("未登记", "refused"),
            State::Rejected => ("服务器不接收，须查看", "REJECTED, somebody has to look"),
            State::Conflict => ("编号冲突，须查看", "CONFLICT, somebody has to look"),
        };
        // A number that was given back is nobody's.
        let number = if entry.state == State::Refused { String::new() } else { format!("#{} ", entry.seq) };
        let reason = if entry.reason.is_empty() { String::new() } else { format!(" {}", entry.reason) };
        self.show(format!("{number}{zh}：{state_zh}{reason}"), format!("{number}{en}: {state_en}{reason}"));
    }

    /// The network went, and why; something may wait.
    pub(super) fn offline(&self, why: &str, waiting: u64) {
        self.show(
            format!("离线（{why}），{waiting} 条待发送"),
            format!("offline ({why}), {waiting} waiting"),
        );
    }

    /// The network is back.
    pub(super) fn online(&self) {
        self.show("已联网", "online");
    }
}

/// What happened, in words.
fn what(zone: &Zone, event: &Event, now: EpochMs) -> (String, String) {
    let until = promised(event).map(|at| text::clock(zone, at, now)).unwrap_or_default();
    let (zh, en) = match event.kind() {
        Kind::In => ("上班打卡", "clock in"),
        Kind::Out => ("下班打卡", "clock out"),
        Kind::Open => ("开放窗口", "open"),
        Kind::Close => ("关闭窗口", "close"),
        Kind::Pause => return (format!("暂停至 {until}"), format!("pause until {until}")),
        Kind::Extend => return (format!("延长至 {until}"), format!("extend until {until}")),
        Kind::Return => ("返岗", "return"),
    };
    (zh.to_owned(), en.to_owned())
}

/// When somebody promised to be back.
fn promised(event: &Event) -> Option<EpochMs> {
    let Event::Duty(duty) = event else { return None };
    let at = match duty.what.as_ref()? {
        What::StartPause(start) => start.expected_return_at,
        What::ExtendPause(extend) => extend.expected_return_at,
        What::Open(_) | What::Close(_) | What::EndPause(_) => None,
    }?;
    EpochMs::from_parts(at.seconds, at.nanos).ok()
}

/// A window's state, for whoever stands there.
fn word(state: board_window::State) -> (&'static str, &'static str) {
    use board_window::State as S;
    match state {
        S::Unspecified => ("", ""),
        S::Open => ("窗口开放", "OPEN"),
        S::Paused => ("窗口暂停", "PAUSED"),
        S::Covered => ("顶岗中", "COVERED"),
        S::Overdue => ("超时", "OVERDUE"),
        S::OffPost => ("疑似脱岗", "OFF_POST"),
        S::Unstaffed => ("无人", "UNSTAFFED"),
        S::Fault => ("停用", "FAULT"),
        S::Closed => ("窗口关闭", "CLOSED"),
        S::Unconfirmed => ("状态待确认", "UNCONFIRMED"),
    }
}
