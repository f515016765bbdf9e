//! What is decided at the desks of the month: who is rostered, leave, corrections, an outage with its rolls. Each call is
//! made by the person who makes it.

use anyhow::{Context, ensure};
use tonic::transport::Channel;

use super::cast::{self, CENTRE};
use super::client::Terminal;
use super::plan::{At, Away, CORRECTIONS, CUT, CUT_ON, DAY, Fate, LEAVES, Month, NIGHT};
use super::setup;
use crate::cli::client::Client;
use crate::cli::office::Office;
use crate::clock::random;
use crate::kernel::{EpochMs, RequestId, Zone};
use crate::proto::approval_step::{By, Decision};
use crate::proto::attendance_service_client::AttendanceServiceClient;
use crate::proto::manual_roll::Entry;
use crate::proto::roster_service_client::RosterServiceClient;
use crate::proto::shift::{Span, Template};
use crate::proto::*;
use crate::registers::wire::{date, timestamp};

/// Who forgot says that they left at 17:35.
const CLAIMED_MINUTES: i32 = 1_055;

/// People who call, in a month.
pub(super) struct Desk<'a> {
    office: &'a Office,
    channel: &'a Channel,
    zone: &'a Zone,
    month: &'a Month,
    people: Vec<String>,
    /// Leave after which somebody comes back at another time: who, which, and when.
    out: Vec<(usize, u64, At)>,
}

impl<'a> Desk<'a> {
    pub(super) fn of(
        office: &'a Office,
        channel: &'a Channel,
        zone: &'a Zone,
        month: &'a Month,
        people: &[String],
    ) -> Self {
        Self { office, channel, zone, month, people: people.to_vec(), out: Vec::new() }
    }

    fn id(&self) -> String {
        RequestId::random(random(&*self.office.clock)).to_string()
    }

    fn person(&self, who: usize) -> anyhow::Result<&String> {
        self.people.get(who).context("somebody of the centre")
    }

    fn calls(&self) -> AttendanceServiceClient<Channel> {
        AttendanceServiceClient::new(self.channel.clone())
    }

    async fn client(&self, who: usize) -> anyhow::Result<Client> {
        let subject = format!("person:{}", self.person(who)?);
        setup::client(self.office, self.channel, &subject, None).await
    }

    fn at(&self, (nth, minute): At) -> EpochMs {
        self.zone.at_minutes(self.month.date(nth), minute)
    }

    /// A morning: what somebody forgot the day before, leave that begins the next day, and the rolls of the outage.
    pub(super) async fn opens(&mut self, nth: usize) -> anyhow::Result<()> {
        for (who, on, approved) in CORRECTIONS.into_iter().filter(|(_, on, _)| on + 1 == nth) {
            self.correction(who, on, approved).await?;
        }
        // What begins on the first day is asked for on it.
        let begins = |leave: &&Away| leave.from.0 == nth + 1 || (nth == 0 && leave.from.0 == 0);
        for leave in LEAVES.iter().filter(begins) {
            let number = self.leave(leave).await.with_context(|| format!("the leave of {}", leave.who))?;
            if let Fate::Back(back) = leave.fate {
                self.out.push((leave.who, number, back));
            }
        }
        if nth == CUT_ON { self.rolls().await } else { Ok(()) }
    }

    /// An evening: who is back from leave says so.
    pub(super) async fn closes(&self, nth: usize) -> anyhow::Result<()> {
        for (who, leave, back) in self.out.iter().filter(|(.., back)| back.0 == nth) {
            let request = ReportReturnRequest {
                centre: CENTRE.to_owned(),
                request_id: self.id(),
                leave: *leave,
                returned_at: Some(timestamp(self.at(*back))),
                receipt_view: ReceiptView::Compact.into(),
            };
            self.calls().report_return(self.client(*who).await?.with(request)?).await?;
        }
        Ok(())
    }

    /// Asks for leave, and everybody decides whose turn it is. The request's number.
    async fn leave(&self, away: &Away) -> anyhow::Result<u64> {
        let (from, until) = (self.at(away.from), self.at(away.until));
        // Whoever is away for four hours or longer hands over to a colleague.
        let long = until.since(from) >= 4 * 3_600_000;
        let b_post = if long { self.person(cast::stands_in(away.who))?.clone() } else { String::new() };
        let request = RequestLeaveRequest {
            centre: CENTRE.to_owned(),
            request_id: self.id(),
            leave: Some(Leave {
                kind: away.kind.into(),
                from: Some(timestamp(from)),
                until: Some(timestamp(until)),
                reason: "家中有事".to_owned(),
                b_post_person_id: b_post,
                ..Leave::default()
            }),
            receipt_view: ReceiptView::Compact.into(),
        };
        let asked = self.calls().request_leave(self.client(away.who).await?.with(request)?).await?;
        let RequestLeaveResponse { leave, steps, .. } = asked.into_inner();
        for step in steps {
            let refuses = away.fate == Fate::Refused && step.role() == Role::Lead;
            let request = DecideLeaveRequest {
                centre: CENTRE.to_owned(),
                request_id: self.id(),
                leave,
                decision: decision(!refuses).into(),
                reason: if refuses { "当日窗口人手不足" } else { "" }.to_owned(),
                receipt_view: ReceiptView::Compact.into(),
            };
            let decider = self.client(decider(&step, away.who)).await?;
            self.calls().decide_leave(decider.with(request)?).await.context("a decision")?;
            if refuses {
                break;
            }
        }
        Ok(leave)
    }

    /// Asks that a clock-out count which nobody stamped; the chief representative and the office sign, or the first refuses.
    async fn correction(&self, who: usize, on: usize, approved: bool) -> anyhow::Result<()> {
        let request = RequestCorrectionRequest {
            centre: CENTRE.to_owned(),
            request_id: self.id(),
            corrections: vec![Correction {
                work_date: Some(date(self.month.date(on))),
                span: 2,
                slot: correction::Slot::Off.into(),
                claimed_at: Some(timestamp(self.at((on, CLAIMED_MINUTES)))),
                reason: correction::Reason::Missed.into(),
                ..Correction::default()
            }],
            explanation: "下班忘记打卡".to_owned(),
            receipt_view: ReceiptView::Compact.into(),
            ..RequestCorrectionRequest::default()
        };
        let asked = self.calls().request_correction(self.client(who).await?.with(request)?).await?;
        let RequestCorrectionResponse { correction, steps, .. } = asked.into_inner();
        for step in steps {
            let request = DecideCorrectionRequest {
                centre: CENTRE.to_owned(),
                request_id: self.id(),
                correction,
                decision: decision(approved).into(),
                reason: if approved { "" } else { "监控未见本人" }.to_owned(),
                receipt_view: ReceiptView::Compact.into(),
            };
            let decider = self.client(decider(&step, who)).await?;
            self.calls().decide_correction(decider.with(request)?).await.context("a signature")?;
            if !approved {
                break;
            }
        }
        Ok(())
    }

    /// No terminal works any more, and the office says so.
    pub(super) async fn current_goes(&self, terminals: &[Terminal]) -> anyhow::Result<()> {
        let [officer, _] = cast::OFFICERS;
        for terminal in terminals {
            let request = ReportDeviceOutageRequest {
                centre: CENTRE.to_owned(),
                request_id: self.id(),
                device: terminal.code.clone(),
                from: Some(timestamp(self.at((CUT_ON, CUT.0)))),
                reason: "大厅停电".to_owned(),
                receipt_view: ReceiptView::Compact.into(),
            };
            self.calls().report_device_outage(self.client(officer).await?.with(request)?).await?;
        }
        Ok(())
    }

    /// They work again.
    pub(super) async fn current_comes(&self, terminals: &[Terminal]) -> anyhow::Result<()> {
        let [officer, _] = cast::OFFICERS;
        for terminal in terminals {
            let request = EndDeviceOutageRequest {
                centre: CENTRE.to_owned(),
                request_id: self.id(),
                device: terminal.code.clone(),
                until: Some(timestamp(self.at((CUT_ON, CUT.1)))),
                receipt_view: ReceiptView::Compact.into(),
            };
            self.calls().end_device_outage(self.client(officer).await?.with(request)?).await?;
        }
        Ok(())
    }

    /// The chief representatives say who came meanwhile, and the office signs; of themselves the office says it, and
    /// whoever is responsible for the hall signs.
    async fn rolls(&self) -> anyhow::Result<()> {
        let came = self.month.written_down();
        let [officer, other] = cast::OFFICERS;
        for (nth, lead) in cast::LEADS.into_iter().enumerate() {
            let own = |who: usize| cast::seconded_by(who) == nth && !cast::LEADS.contains(&who);
            let list: Vec<(usize, i32)> = came.iter().copied().filter(|(who, _)| own(*who)).collect();
            let signs = if list.iter().any(|(who, _)| *who == officer) { other } else { officer };
            self.roll(lead, &list, signs).await?;
        }
        let leads: Vec<(usize, i32)> =
            came.iter().copied().filter(|(who, _)| cast::LEADS.contains(who)).collect();
        self.roll(officer, &leads, cast::DUTY_MANAGER).await
    }

    async fn roll(&self, by: usize, list: &[(usize, i32)], signs: usize) -> anyhow::Result<()> {
        ensure!(!list.is_empty(), "a roll without anybody");
        let entries = list.iter().map(|(who, minute)| {
            anyhow::Ok(Entry {
                person_id: self.person(*who)?.clone(),
                slot: correction::Slot::On.into(),
                at: Some(timestamp(self.at((CUT_ON, *minute)))),
            })
        });
        let request = RecordManualRollRequest {
            centre: CENTRE.to_owned(),
            request_id: self.id(),
            roll: Some(ManualRoll { entries: entries.collect::<anyhow::Result<_>>()? }),
            reason: "大厅停电，考勤机全部停用".to_owned(),
            receipt_view: ReceiptView::Compact.into(),
        };
        let taken = self.calls().record_manual_roll(self.client(by).await?.with(request)?).await;
        let request = CountersignManualRollRequest {
            centre: CENTRE.to_owned(),
            request_id: self.id(),
            manual_roll: taken.context("a roll")?.into_inner().manual_roll,
            decision: Decision::Approve.into(),
            reason: String::new(),
            receipt_view: ReceiptView::Compact.into(),
        };
        let signed = self.calls().countersign_manual_roll(self.client(signs).await?.with(request)?).await;
        signed.context("a countersignature")?;
        Ok(())
    }
}

const fn decision(approves: bool) -> Decision {
    if approves { Decision::Approve } else { Decision::Refuse }
}

/// Whose turn a step is, of a request of somebody's.
fn decider(step: &ApprovalStep, who: usize) -> usize {
    let of = |those: [usize; cast::DEPARTMENTS.len()]| {
        those.get(cast::seconded_by(who)).copied().unwrap_or_default()
    };
    match (step.by(), step.role()) {
        (By::BPost, _) => cast::stands_in(who),
        (By::Department, _) => of(cast::FILES),
        (_, Role::Lead) => of(cast::LEADS),
        (_, Role::DutyManager) => cast::DUTY_MANAGER,
        _ => cast::OFFICERS[0],
    }
}

/// Puts who works when: two shifts, everybody's pattern for the month, and the notice of the year.
pub(super) async fn roster(
    administrator: &Client,
    office: &Office,
    channel: &Channel,
    (month, people): (&Month, &[String]),
) -> anyhow::Result<()> {
    let id = || RequestId::random(random(&*office.clock)).to_string();
    let mut calls = RosterServiceClient::new(channel.clone());
    let request = PutCalendarYearRequest {
        centre: "_".to_owned(),
        request_id: id(),
        calendar: Some(month.notice.clone()),
        receipt_view: ReceiptView::Compact.into(),
    };
    calls.put_calendar_year(administrator.with(request)?).await.context("a calendar")?;
    for (shift, name, plan) in [("day", "白班", &DAY[..]), ("night", "夜班", &NIGHT[..])] {
        let spans = plan.chunks_exact(2).filter_map(|ends| {
            let (on_plan_min, off_plan_min) = (*ends.first()?, *ends.last()?);
            Some(Span { on_plan_min, off_plan_min, ..Span::default() })
        });
        let template = Template { weekdays: (1..=5).collect(), spans: spans.collect() };
        let request = PutShiftRequest {
            centre: CENTRE.to_owned(),
            request_id: id(),
            shift: Some(Shift {
                shift: shift.to_owned(),
                name: name.to_owned(),
                templates: vec![template],
                ..Shift::default()
            }),
            receipt_view: ReceiptView::Compact.into(),
        };
        calls.put_shift(administrator.with(request)?).await.context("a shift")?;
    }
    let patterns = people.iter().enumerate().map(|(who, person_id)| RosterPattern {
        person_id: person_id.clone(),
        from: Some(date(month.first)),
        until: Some(date(month.last)),
        shift: if cast::NIGHTS.contains(&who) { "night" } else { "day" }.to_owned(),
    });
    let request = PutRosterRequest {
        centre: CENTRE.to_owned(),
        request_id: id(),
        entries: Vec::new(),
        patterns: patterns.collect(),
        receipt_view: ReceiptView::Compact.into(),
    };
    calls.put_roster(administrator.with(request)?).await.context("a roster")?;
    Ok(())
}
