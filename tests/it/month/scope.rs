//! A department's HR system is told of its own people and of nobody else, whatever it asks for.

use std::fmt::Debug;

use qinlian::kernel::EpochMs;
use qinlian::proto::*;
use qinlian::registers::failure::Failure;
use qinlian::registers::wire::timestamp;

use crate::approval::rig::{Desk, at};
use crate::rigs::Dice;
use crate::roster::rig::date;
use crate::support::store::{Fixture, each};
use crate::support::{say_aloud, scale};

const HALL: &str = "hall";

/// Questions at random.
struct Asker<'a> {
    desk: &'a Desk,
    dice: Dice,
    people: Vec<String>,
}

impl Asker<'_> {
    fn pick<'b, T>(&self, of: &'b [T]) -> &'b T {
        &of[self.dice.roll(of.len())]
    }

    fn somebody(&self) -> String {
        self.pick(&self.people).clone()
    }

    fn somebody_or_everybody(&self) -> String {
        if self.dice.roll(2) == 0 { String::new() } else { self.somebody() }
    }

    fn department(&self) -> String {
        (*self.pick(&["", "tax", "land", "nowhere"])).to_owned()
    }

    /// A first and a last day, not always in order.
    fn days(&self) -> (Option<Date>, Option<Date>) {
        let day = || Some(date(&format!("2026-03-{:02}", 1 + self.dice.roll(6))));
        (day(), day())
    }

    fn time(&self) -> Option<prost_types::Timestamp> {
        let minutes = i64::try_from(self.dice.roll(5_000)).expect("small") - 1_000;
        let time: EpochMs = at("03-03 00:00").plus_ms(minutes * 60_000);
        (self.dice.roll(3) > 0).then(|| timestamp(time))
    }

    fn size(&self) -> i32 {
        *self.pick(&[0, 1, 2, 1_000])
    }

    /// Asks once; the name of the call, and everything that was answered.
    async fn ask(&self) -> (&'static str, String) {
        let calls = &self.desk.calls;
        let centre = HALL.to_owned();
        let (from, until) = self.days();
        let person_id = self.somebody_or_everybody();
        let (department, page_size) = (self.department(), self.size());
        macro_rules! ask {
            ($name:literal, $call:ident, $request:expr) => {
                ($name, told(calls.$call(&self.desk.caller("hu", $name), $request).await))
            };
        }
        match self.dice.roll(11) {
            0 => {
                let request =
                    GetDayRequest { centre, person_id: self.somebody(), work_date: from, as_of: None };
                ask!("GetDay", get_day, request)
            }
            1 => {
                let request = ListDaysRequest {
                    centre,
                    department,
                    person_id,
                    from,
                    until,
                    page_size,
                    ..Default::default()
                };
                ask!("ListDays", list_days, request)
            }
            2 => {
                let finality = *self.pick(&[0, 1, 2]);
                let request = ListDayResultsSinceRequest {
                    centre,
                    department,
                    finality,
                    limit: page_size,
                    from,
                    until,
                    ..Default::default()
                };
                ask!("ListDayResultsSince", list_day_results_since, request)
            }
            3 => {
                let request = ListMonthSummariesRequest {
                    centre,
                    department,
                    person_id,
                    from,
                    until,
                    page_size,
                    ..Default::default()
                };
                ask!("ListMonthSummaries", list_month_summaries, request)
            }
            4 => {
                let request = GetMonthReadinessRequest { centre, department, from, until };
                ask!("GetMonthReadiness", get_month_readiness, request)
            }
            5 => {
                let (from, until) = (self.time(), self.time());
                let request =
                    ListLeavesRequest { centre, person_id, from, until, page_size, ..Default::default() };
                ask!("ListLeaves", list_leaves, request)
            }
            6 => {
                let (from, until) = (self.time(), self.time());
                let request =
                    ListPunchesRequest { centre, person_id, from, until, page_size, ..Default::default() };
                ask!("ListPunches", list_punches, request)
            }
            7 => {
                let request = ListPresenceSinceRequest { centre, limit: page_size, ..Default::default() };
                ask!("ListPresenceSince", list_presence_since, request)
            }
            8 => {
                let request =
                    ListAdjustmentsRequest { centre, department, limit: page_size, ..Default::default() };
                ask!("ListAdjustments", list_adjustments, request)
            }
            9 => {
                let person_ids = vec![self.somebody(), self.somebody()];
                let request = PreviewDaysRequest { centre, person_ids, from, until, ..Default::default() };
                ask!("PreviewDays", preview_days, request)
            }
            _ => {
                let request = ListMyTasksRequest { centre, page_size, ..Default::default() };
                ask!("ListMyTasks", list_my_tasks, request)
            }
        }
    }
}

fn told<T: Debug>(answer: Result<T, Failure>) -> String {
    answer.map_or_else(|_| String::new(), |answer| format!("{answer:?}"))
}

/// Sun never came, and asked for leave; zhao and qian are of the tax department. A lock of everybody's was adjusted.
async fn begin(fixture: &Fixture) -> Desk {
    let desk = Desk::begin(&fixture.store, 981).await;
    desk.rig.at(at("03-03 00:00")).await;
    desk.rig.clock("A1", punch::Direction::In, "08:20").await;
    desk.rig.clock("A0", punch::Direction::In, "08:37").await;
    desk.until("03-03 18:40").await;
    for (who, b_post) in [("zhao", ""), ("sun", " qian")] {
        let leave = desk.asked(who, &format!("03-04 09:00 to 03-04 10:00 PERSONAL{b_post}")).await;
        if b_post.is_empty() {
            // It is the department's turn.
            desk.approved_by(leave, &["li"]).await;
        }
    }
    desk.rig.at(at("03-04 00:00")).await;
    desk.rig.hall.fold().await;
    let request = LockMonthRequest {
        centre: HALL.to_owned(),
        request_id: desk.id(),
        from: Some(date("2026-03-03")),
        until: Some(date("2026-03-03")),
        ..LockMonthRequest::default()
    };
    desk.calls.lock_month(&desk.caller("wang", "LockMonth"), request).await.expect("locked");
    for who in ["zhao", "sun"] {
        let request = RecordLeaveRequest {
            centre: HALL.to_owned(),
            request_id: desk.id(),
            person_id: desk.person(who),
            kind: leave::Kind::Official.into(),
            from: Some(timestamp(at("03-03 08:30"))),
            until: Some(timestamp(at("03-03 12:00"))),
            external_approval: Some(ExternalApproval {
                system: "oa".to_owned(),
                decided_at: Some(timestamp(at("03-03 08:00"))),
                ..ExternalApproval::default()
            }),
            ..RecordLeaveRequest::default()
        };
        desk.calls.record_leave(&desk.caller("wang", "RecordLeave"), request).await.expect("recorded");
    }
    desk.rig.hall.fold().await;
    desk
}

#[tokio::test]
async fn no_question_of_a_departments_system_is_answered_with_somebody_elses_row() {
    each(async |fixture| asked_at_random(&begin(fixture).await).await).await;
}

async fn asked_at_random(desk: &Desk) {
    let people = ["zhao", "qian", "sun", "li", "wang"].map(|name| desk.person(name));
    // Who decided and recorded is named with their own people's leave; of sun there is nothing to be told.
    let other = desk.person("sun");
    let asker = Asker { desk, dice: Dice::new(982), people: people.to_vec() };
    let questions = scale(1_000, 50_000);
    let (mut seen, mut answered) = (std::collections::BTreeMap::new(), 0);
    for number in 0..questions {
        let (call, answer) = asker.ask().await;
        assert!(!answer.contains(&other), "question {number}, {call}: {answer}");
        let own = answer.contains(&desk.person("zhao"));
        *seen.entry(call).or_insert(0) += u64::from(own);
        answered += u64::from(!answer.is_empty());
    }
    // It does see its own, by every call.
    assert!(seen.len() == 11 && seen.values().all(|own| *own > 0), "{seen:?}");
    say_aloud(&format!(
        "{questions} questions of a department's system, {answered} answered, no row of others"
    ));
    // Negative control: what sees everybody finds the others by the same look.
    let request = ListDaysRequest {
        centre: HALL.to_owned(),
        from: Some(date("2026-03-03")),
        until: Some(date("2026-03-03")),
        ..ListDaysRequest::default()
    };
    let all = told(desk.calls.list_days(&desk.caller("wang", "ListDays"), request).await);
    assert!(all.contains(&other));
}
