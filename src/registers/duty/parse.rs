//! Messages to commands: every violation at once, with its field.

use super::fact::{Act, Command, Deed, Queue, Start};
use crate::kernel::{Check, ItemId, PersonId, Pos, RequestId, Said, WindowId, Words};
use crate::ledger::keys::Keys;
use crate::proto::duty_event::What;
use crate::proto::guidance::Kind;
use crate::proto::pause::{EndMode, Reason, SignMode, Subject};
use crate::proto::{DeviceStamp, DutyEvent, Guidance, Presented, ReportQueueRequest};
use crate::registers::stamp::{self, Source, Stamp, Who};
use crate::registers::wire;

/// More people than ever wait.
const WAITING_MOST: u32 = 100_000;

/// A terminal's stamp, what was shown, and who that is.
pub type Stood = (Option<Stamp>, Option<Presented>, Option<Who>);

/// Who stood there: a terminal stamps and shows a credential; whoever calls for themselves does neither.
pub fn stood(
    check: &mut Check,
    keys: &Keys,
    path: &str,
    given: Option<DeviceStamp>,
    presented: Option<Presented>,
) -> Option<Stood> {
    let field = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    if given.is_none() && presented.is_none() {
        return Some((None, None, None));
    }
    let stamp = stamp::stamp(check, &field("stamp"), given);
    let shown = stamp::presented(check, keys, &field("presented"), presented);
    let (presented, who, _witness) = shown?;
    Some((Some(stamp?), Some(presented), Some(who)))
}

/// A window that has to be named.
pub fn window(check: &mut Check, field: &str, code: &str) -> Option<WindowId> {
    check.take(field, WindowId::parse(code))
}

/// A window that may be left out.
pub fn opt_window(check: &mut Check, field: &str, code: &str) -> Option<Option<WindowId>> {
    if code.is_empty() { Some(None) } else { window(check, field, code).map(Some) }
}

/// A person who may be left out.
pub fn opt_person(check: &mut Check, field: &str, id: &str) -> Option<Option<PersonId>> {
    if id.is_empty() { Some(None) } else { check.take(field, PersonId::parse(id)).map(Some) }
}

/// The window of a pause: it has to be named where the pause is not.
pub fn meant_window(check: &mut Check, code: &str, pause: u64) -> Option<Option<WindowId>> {
    if code.is_empty() && pause > 0 { Some(None) } else { window(check, "window", code).map(Some) }
}

/// An item that may be left out.
pub fn opt_item(check: &mut Check, item: &str) -> Option<Option<String>> {
    if item.is_empty() {
        return Some(None);
    }
    check.take("item", ItemId::parse(item)).map(|item| Some(item.to_string()))
}

/// Words that may be left out.
pub fn opt_words(check: &mut Check, field: &str, words: &str) -> Option<Option<Words>> {
    if words.is_empty() { Some(None) } else { check.take(field, Words::parse(words)).map(Some) }
}

/// A number that may stand for an enum's value, or be left out.
pub fn opt_named<E: TryFrom<i32> + PartialEq + Default>(
    check: &mut Check,
    field: &str,
    value: i32,
) -> Option<E> {
    if value == 0 { Some(E::default()) } else { wire::named(check, field, value) }
}

/// A pause, as it is asked for.
pub struct Asked<'a> {
    /// What stands before its fields.
    pub path: &'a str,
    /// [`Subject`]; 0 is a person's.
    pub subject: i32,
    /// Why.
    pub reason: i32,
    /// The promise.
    pub expected_return_at: Option<prost_types::Timestamp>,
    /// The sign.
    pub sign_displayed: bool,
    /// Which sign.
    pub sign_mode: i32,
    /// What citizens are to be told.
    pub guidance: Vec<Guidance>,
    /// Whatever the rules say.
    pub leave_anyway: bool,
}

/// Why somebody leaves whatever the rules say.
pub fn leave_reason(check: &mut Check, path: &str, leave_anyway: bool, words: &str) -> Option<Option<Words>> {
    if leave_anyway && words.is_empty() {
        check.refuse(format!("{path}leave_reason"), "EMPTY", Said::new("须说明原因", "has to say why"));
        return None;
    }
    opt_words(check, &format!("{path}leave_reason"), words)
}

/// A pause.
pub fn start(check: &mut Check, asked: Asked<'_>) -> Option<Start> {
    let field = |name: &str| format!("{}{name}", asked.path);
    let subject: Option<Subject> = opt_named(check, &field("subject"), asked.subject);
    let subject =
        subject.map(|subject| if subject == Subject::Unspecified { Subject::Person } else { subject });
    let reason = wire::named(check, &field("reason"), asked.reason);
    if let (Some(Subject::Window), Some(reason)) = (subject, reason)
        && !matches!(reason, Reason::Equipment | Reason::SystemOutage | Reason::Emergency)
    {
        let said =
            Said::new("窗口停用只能因设备、系统或突发事件", "is no reason for a window to be out of order");
        check.refuse(field("reason"), "NOT_A_WINDOWS", said);
    }
    let mode: Option<SignMode> = opt_named(check, &field("sign_mode"), asked.sign_mode);
    let stamp = asked.expected_return_at.as_ref();
    let expected = if subject == Some(Subject::Person) {
        wire::instant(check, &field("expected_return_at"), stamp).map(Some)
    } else {
        Some(wire::opt_instant(check, &field("expected_return_at"), stamp))
    };
    let guidance = guidance(check, &field("guidance"), asked.guidance);
    Some(Start {
        subject: subject?,
        reason: reason?,
        expected: expected?,
        sign_displayed: asked.sign_displayed,
        sign_mode: mode?,
        guidance: guidance?,
        leave_anyway: asked.leave_anyway,
    })
}

fn guidance(check: &mut Check, path: &str, given: Vec<Guidance>) -> Option<Vec<Guidance>> {
    let (mut found, mut good) = (Vec::new(), true);
    for (number, told) in given.into_iter().enumerate() {
        let field = |name: &str| format!("{path}[{number}].{name}");
        let kind = wire::named::<Kind>(check, &field("kind"), told.kind);
        let windows: Vec<WindowId> =
            told.windows.iter().filter_map(|to| window(check, &field("windows"), to)).collect();
        good &= kind.is_some() && windows.len() == told.windows.len();
        if kind == Some(Kind::BPost) {
            good &= check.take(field("person_id"), PersonId::parse(&told.person_id)).is_some();
        }
        let person_id = if kind == Some(Kind::BPost) { told.person_id } else { String::new() };
        let windows = if kind == Some(Kind::Redirect) { told.windows } else { Vec::new() };
        found.push(Guidance { kind: told.kind, windows, person_id });
    }
    good.then_some(found)
}

/// An end of a pause that somebody may give: it is back, or closed for them.
pub fn end_mode(check: &mut Check, field: &str, value: i32) -> Option<EndMode> {
    match opt_named::<EndMode>(check, field, value)? {
        EndMode::Unspecified | EndMode::Returned => Some(EndMode::Returned),
        EndMode::ForcedClose => Some(EndMode::ForcedClose),
        EndMode::CoveredBy | EndMode::ShiftEnd | EndMode::AutoClose | EndMode::NotStarted => {
            let said = Said::new("只能为 RETURNED 或 FORCED_CLOSE", "is RETURNED or FORCED_CLOSE");
            check.refuse(field, "NOT_YOURS_TO_SAY", said);
            None
        }
    }
}

/// An index that stands for a position until the centre is known; 0 is none: the first entry is never a pause.
pub fn opt_pause(index: u64) -> Option<Pos> {
    (index > 0).then(|| Pos::new(index))
}

/// Something that a terminal recorded by itself.
pub fn event(check: &mut Check, keys: &Keys, given: DutyEvent) -> Option<(RequestId, Deed)> {
    let id = check.take("event.request_id", RequestId::parse(&given.request_id));
    let stood = match (given.stamp, given.presented) {
        (None, None) => {
            check.require::<()>("event.stamp", None);
            None
        }
        (stamp, presented) => stood(check, keys, "event", stamp, presented),
    };
    let window = window(check, "event.window", &given.window);
    let mut reason = Some(None);
    let act = match check.require("event.what", given.what) {
        None => None,
        Some(What::Open(_)) => Some(Act::Open),
        Some(What::Close(_)) => Some(Act::Close),
        Some(What::StartPause(said)) => {
            const PATH: &str = "event.start_pause.";
            reason = leave_reason(check, PATH, said.leave_anyway, &said.leave_reason);
            start(
                check,
                Asked {
                    path: PATH,
                    subject: said.subject,
                    reason: said.reason,
                    expected_return_at: said.expected_return_at,
                    sign_displayed: said.sign_displayed,
                    sign_mode: said.sign_mode,
                    guidance: Vec::new(),
                    leave_anyway: said.leave_anyway,
                },
            )
            .map(Act::Start)
        }
        Some(What::ExtendPause(said)) => {
            let field = "event.extend_pause.expected_return_at";
            let expected = wire::instant(check, field, said.expected_return_at.as_ref());
            expected.map(|expected| Act::Extend { pause: None, expected })
        }
        Some(What::EndPause(_)) => Some(Act::End { pause: None, mode: EndMode::Returned }),
    };
    let (stamp, presented, who) = stood?;
    let deed = Deed {
        source: Source::Upload,
        stamp,
        verified_by: None,
        who,
        presented,
        on_behalf_of: None,
        window: Some(window?),
        act: act?,
        reason: reason?,
    };
    Some((id?, deed))
}

/// How many wait.
pub fn queue(check: &mut Check, request: &ReportQueueRequest) -> Option<Command> {
    let of = match (request.window.as_str(), request.item.as_str()) {
        (window, "") => self::window(check, "window", window).map(Queue::Window),
        ("", item) => check.take("item", ItemId::parse(item)).map(Queue::Item),
        (window, _) => {
            self::window(check, "window", window);
            let said = Said::new("窗口与事项只能填写一个", "is named beside a window");
            check.refuse("item", "ONE_OF_TWO", said);
            None
        }
    };
    if request.waiting > WAITING_MOST {
        check.refuse("waiting", "OUT_OF_RANGE", Said::new("超出允许的范围", "is outside its range"));
        return None;
    }
    Some(Command::Queue { of: of?, waiting: request.waiting })
}
