//! What a day came to, as stored bytes and as a message: codes and numbers are stored, sentences are added when it is read.

use super::trust;
use crate::kernel::{EpochMs, Pos, Said, Zone};
use crate::proto::day_result::{
    self, Absence, Open as OpenMessage, PolicyInForce, Slot as SlotMessage, Span as SpanMessage, open,
};
use crate::proto::{DayResult, LocalizedText, TimeTrust};
use crate::registers::attendance::day::inputs::AbsenceKind;
use crate::registers::attendance::day::outcome::{
    DayOutcome, Flag, Headline, Open, Slot, SlotResult, SpanOutcome, SpanResult, Supplement,
};
use crate::registers::attendance::day::reason;
use crate::registers::attendance::day::slot::End;
use crate::registers::attendance::view::Trust;
use crate::registers::roster::view::{DayKind, DaySource};
use crate::registers::wire::timestamp;

/// Two enums that say the same, one in the rules' words and one as the interface numbers it.
macro_rules! same {
    ($rule:ty, $message:ty, $to:ident, $from:ident, { $($ours:ident = $theirs:ident),* $(,)? }) => {
        fn $to(value: $rule) -> $message {
            match value {
                $(<$rule>::$ours => <$message>::$theirs,)*
            }
        }

        fn $from(value: i32) -> Option<$rule> {
            let known = <$message>::try_from(value).ok()?;
            [$((<$message>::$theirs, <$rule>::$ours)),*]
                .into_iter()
                .find_map(|(theirs, ours)| (theirs == known).then_some(ours))
        }
    };
}

same!(SlotResult, day_result::SlotResult, slot_result, from_slot_result, {
    Normal = Normal, Late = Late, SeriousLate = SeriousLate, AbsentLate = AbsentLate, Early = Early,
    AbsentEarly = AbsentEarly, Missing = Missing, Excused = Excused, Pending = Pending,
    Unverified = Unverified, NotApplicable = SlotNotApplicable,
});
same!(SpanResult, day_result::SpanResult, span_result, from_span_result, {
    Pending = SpanPending, Unverified = SpanUnverified, Absent = SpanAbsent, Missing = SpanMissing,
    Exception = SpanException, Normal = SpanNormal, Excused = SpanExcused, NotApplicable = SpanNotApplicable,
});
same!(Headline, day_result::Headline, headline, from_headline, {
    Pending = Pending, Unverified = Unverified, Absent = Absent, Missing = Missing,
    SeriousLate = SeriousLate, Late = Late, Early = Early, Normal = Normal, Excused = Excused, Rest = Rest,
    NotApplicable = NotApplicable,
});
same!(Supplement, day_result::Supplement, supplement, from_supplement, {
    None = None, Corrected = Corrected, ManualRoll = ManualRoll, Excused = Excused,
    ShiftChanged = ShiftChanged,
});
same!(Flag, day_result::Flag, flag, from_flag, {
    RestWithPunch = RestWithPunch, PunchWhileExcused = PunchWhileExcused, MidSpanGap = MidSpanGap,
    AllDevicesOut = AllDevicesOut, SuspectTime = SuspectTime, JournalLost = JournalLost,
});
same!(DaySource, day_result::Source, source, from_source, {
    Roster = Roster, Centre = CentreDay, Statutory = NoticeStatutory, Adjusted = NoticeAdjusted,
    Makeup = NoticeMakeup, Weekly = Weekly,
});
same!(AbsenceKind, Absence, absence, from_absence, {
    Leave = Leave, Trip = Trip, Out = Out, Training = Training,
});
fn from_trust(value: i32) -> Option<Trust> {
    let all = [Trust::Trusted, Trust::Corrected, Trust::Imported, Trust::Suspect];
    all.into_iter().find(|known| i32::from(trust(*known)) == value)
}

/// What is stored of a day: its number, entry, person and date are its row's.
pub fn content(outcome: DayOutcome, policy: PolicyInForce) -> DayResult {
    let nothing_due = outcome.headline == Headline::NotApplicable;
    DayResult {
        kind: if nothing_due { day_result::Kind::NotApplicable } else { kind(outcome.kind) }.into(),
        headline: headline(outcome.headline).into(),
        r#final: outcome.is_final,
        policy: Some(policy),
        absent_fraction: f64::from(outcome.absent_fraction_permille) / 1_000.0,
        spans: outcome.spans.into_iter().map(span).collect(),
        flags: outcome.flags.into_iter().map(|each| flag(each).into()).collect(),
        source: source(outcome.source).into(),
        shift: outcome.shift,
        swapped_by: outcome.swapped.map(Pos::get),
        ..DayResult::default()
    }
}

fn kind(kind: DayKind) -> day_result::Kind {
    match kind {
        DayKind::Workday => day_result::Kind::Workday,
        DayKind::Rest => day_result::Kind::Rest,
        DayKind::Holiday => day_result::Kind::Holiday,
        DayKind::Makeup => day_result::Kind::Makeup,
        DayKind::PendingCalendar => day_result::Kind::PendingCalendar,
    }
}

/// Of what is not applicable it is not told what the day would have been.
fn from_kind(kind: i32) -> DayKind {
    match day_result::Kind::try_from(kind) {
        Ok(day_result::Kind::Rest) => DayKind::Rest,
        Ok(day_result::Kind::Holiday) => DayKind::Holiday,
        Ok(day_result::Kind::Makeup) => DayKind::Makeup,
        Ok(day_result::Kind::PendingCalendar) => DayKind::PendingCalendar,
        Ok(day_result::Kind::Workday | day_result::Kind::NotApplicable | day_result::Kind::Unspecified)
        | Err(_) => DayKind::Workday,
    }
}

fn span(span: SpanOutcome) -> SpanMessage {
    SpanMessage {
        on: Some(slot(span.on)),
        off: Some(slot(span.off)),
        result: span_result(span.result).into(),
        flags: span.flags.into_iter().map(|each| flag(each).into()).collect(),
        day_fraction: f64::from(span.day_fraction_permille) / 1_000.0,
        excused: span.excused.map_or(Absence::Unspecified, absence).into(),
        excused_by: span.excused_by.map(Pos::get),
    }
}

fn slot(slot: Slot) -> SlotMessage {
    SlotMessage {
        plan: Some(timestamp(slot.plan)),
        required: Some(timestamp(slot.required)),
        punch_index: slot.punch.map(Pos::get),
        raw: slot_result(slot.raw).into(),
        r#final: slot_result(slot.result).into(),
        minutes: slot.minutes,
        trust: slot.trust.map_or(TimeTrust::Unspecified, trust).into(),
        is_final: slot.is_final,
        supplement: supplement(slot.supplement).into(),
        reason: None,
        punched_at: slot.at.map(timestamp),
        open: slot.open.map(opened),
    }
}

fn opened(open: Open) -> OpenMessage {
    let bare = |why: open::Why| OpenMessage { why: why.into(), ..OpenMessage::default() };
    match open {
        Open::Device { device, threshold } => {
            OpenMessage { device, until: Some(timestamp(threshold)), ..bare(open::Why::Device) }
        }
        Open::AllOut => bare(open::Why::AllOut),
        Open::NoDevice => bare(open::Why::NoDevice),
        Open::Suspect => bare(open::Why::Suspect),
    }
}

fn instant(stamp: Option<&prost_types::Timestamp>) -> Option<EpochMs> {
    stamp.and_then(|stamp| EpochMs::from_parts(stamp.seconds, stamp.nanos).ok())
}

fn from_slot(slot: &SlotMessage) -> Option<Slot> {
    Some(Slot {
        plan: instant(slot.plan.as_ref())?,
        required: instant(slot.required.as_ref())?,
        punch: slot.punch_index.map(Pos::new),
        at: instant(slot.punched_at.as_ref()),
        trust: from_trust(slot.trust),
        raw: from_slot_result(slot.raw)?,
        result: from_slot_result(slot.r#final)?,
        minutes: slot.minutes,
        is_final: slot.is_final,
        supplement: from_supplement(slot.supplement)?,
        open: slot.open.as_ref().and_then(from_opened),
    })
}

fn from_opened(open: &OpenMessage) -> Option<Open> {
    match open.why() {
        open::Why::Device => {
            Some(Open::Device { device: open.device.clone(), threshold: instant(open.until.as_ref())? })
        }
        open::Why::AllOut => Some(Open::AllOut),
        open::Why::NoDevice => Some(Open::NoDevice),
        open::Why::Suspect => Some(Open::Suspect),
        open::Why::Unspecified => None,
    }
}

/// Thousandths of a day.
fn permille(fraction: f64) -> u16 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1000")]
    let thousandths = (fraction * 1_000.0).round().clamp(0.0, 1_000.0) as u16;
    thousandths
}

/// The outcome that a message tells of; nothing of a tombstone.
pub fn outcome(day: &DayResult) -> Option<DayOutcome> {
    let spans = day.spans.iter().map(|span| {
        Some(SpanOutcome {
            on: from_slot(span.on.as_ref()?)?,
            off: from_slot(span.off.as_ref()?)?,
            result: from_span_result(span.result)?,
            excused: from_absence(span.excused),
            excused_by: span.excused_by.map(Pos::new),
            day_fraction_permille: permille(span.day_fraction),
            flags: span.flags.iter().copied().filter_map(from_flag).collect(),
        })
    });
    Some(DayOutcome {
        kind: from_kind(day.kind),
        source: from_source(day.source)?,
        shift: day.shift.clone(),
        swapped: day.swapped_by.map(Pos::new),
        headline: from_headline(day.headline)?,
        is_final: day.r#final,
        absent_fraction_permille: permille(day.absent_fraction),
        spans: spans.collect::<Option<_>>()?,
        flags: day.flags.iter().copied().filter_map(from_flag).collect(),
        waits: Vec::new(),
    })
}

/// Adds why the day and each slot came to what they did, in words.
pub fn explain(day: &mut DayResult, zone: &Zone) {
    let Some(outcome) = outcome(day) else { return };
    day.reason = Some(text(reason::day(&outcome, zone)));
    for (message, span) in day.spans.iter_mut().zip(&outcome.spans) {
        for (slot, judged, end) in
            [(&mut message.on, &span.on, End::On), (&mut message.off, &span.off, End::Off)]
        {
            if let Some(slot) = slot {
                slot.reason = Some(text(reason::slot(judged, end, zone)));
            }
        }
    }
}

fn text(said: Said) -> LocalizedText {
    LocalizedText { zh: said.zh, en: said.en }
}
