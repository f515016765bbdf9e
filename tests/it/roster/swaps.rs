//! Swaps: two people exchange their duties, and somebody else decides (rules R6, R7; the notes on approvals).

use qinlian::access::Caller;
use qinlian::proto::approval_step::Decision::{Approve, Refuse};
use qinlian::proto::punch::Direction::{In, Out};
use qinlian::proto::roster_entry::Works;
use qinlian::proto::*;
use qinlian::registers::derivation::DAY;
use qinlian::registers::failure::Failure;
use qinlian::registers::roster::fact::Command as Roster;
use qinlian::registers::roster::service::Calls;
use qinlian::store::Store;

use super::rig::{date, refused, shift};
use crate::approval::rig::{Desk, at};
use crate::support::store::each;

/// The hall of the approvals: zhao, qian and sun work `day` on weekdays; li is responsible for the windows of all three.
pub(crate) struct Hall {
    pub(crate) desk: Desk,
    calls: Calls,
}

type Answer = Result<String, Failure>;

impl Hall {
    pub(crate) async fn begin(store: &Store, seed: u64) -> Self {
        let desk = Desk::begin(store, seed).await;
        for (code, text) in
            [("late", "1-5 13:00-21:00"), ("night", "1-5 20:00-26:00"), ("long", "1-5 20:00-33:00")]
        {
            desk.rig.put(Roster::Shift(shift(code, text))).await;
        }
        let calls = Calls::new(desk.rig.hall.office.desk.clone(), desk.calls.clone());
        Self { desk, calls }
    }

    /// `qian 03-05 late`: an entry of the roster.
    pub(crate) async fn rostered(&self, entries: &[&str]) {
        let entries = entries.iter().map(|text| {
            let words: Vec<&str> = text.split_whitespace().collect();
            let works =
                if words[2] == "rest" { Works::Rest(true) } else { Works::Shift(words[2].to_owned()) };
            RosterEntry {
                person_id: self.desk.person(words[0]),
                date: Some(date(&format!("2026-{}", words[1]))),
                works: Some(works),
            }
        });
        self.desk.rig.put(Roster::Roster(RosterFact { entries: entries.collect(), patterns: vec![] })).await;
    }

    fn caller(&self, who: &str, method: &str) -> Caller {
        let subject = if who.contains(':') {
            qinlian::kernel::Subject::parse(who).expect("a subject")
        } else {
            self.desk.subject(who)
        };
        self.desk.rig.hall.office.caller(&subject, &format!("qinlian.v1.RosterService/{method}"))
    }

    /// `03-05 qian 03-06`: one's own date, with whom, and their date unless it is the same.
    pub(crate) async fn ask(&self, who: &str, text: &str) -> Result<RequestSwapResponse, Failure> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let request = RequestSwapRequest {
            centre: "hall".to_owned(),
            request_id: self.desk.id(),
            date: Some(date(&format!("2026-{}", words[0]))),
            with_person_id: self.desk.person(words[1]),
            with_date: words.get(2).map(|on| date(&format!("2026-{on}"))),
            reason: "接孩子".to_owned(),
            ..RequestSwapRequest::default()
        };
        self.calls.request_swap(&self.caller(who, "RequestSwap"), request).await
    }

    async fn asked(&self, who: &str, text: &str) -> u64 {
        self.ask(who, text).await.unwrap_or_else(|why| panic!("{text}: {why:?}")).swap
    }

    pub(crate) async fn accept(&self, who: &str, swap: u64, decision: approval_step::Decision) -> Answer {
        let request = AcceptSwapRequest {
            centre: "hall".to_owned(),
            request_id: self.desk.id(),
            swap,
            decision: decision.into(),
            reason: "另有安排".to_owned(),
            ..AcceptSwapRequest::default()
        };
        let answer = self.calls.accept_swap(&self.caller(who, "AcceptSwap"), request).await?;
        Ok(self.desk.steps(&answer.steps))
    }

    pub(crate) async fn decide(&self, who: &str, swap: u64, decision: approval_step::Decision) -> Answer {
        let request = DecideSwapRequest {
            centre: "hall".to_owned(),
            request_id: self.desk.id(),
            swap,
            decision: decision.into(),
            reason: "人手不足".to_owned(),
            ..DecideSwapRequest::default()
        };
        let answer = self.calls.decide_swap(&self.caller(who, "DecideSwap"), request).await?;
        Ok(self.desk.steps(&answer.steps))
    }

    pub(crate) async fn withdraw(&self, who: &str, swap: u64) -> Result<WithdrawSwapResponse, Failure> {
        let request = WithdrawSwapRequest {
            centre: "hall".to_owned(),
            request_id: self.desk.id(),
            swap,
            ..WithdrawSwapRequest::default()
        };
        self.calls.withdraw_swap(&self.caller(who, "WithdrawSwap"), request).await
    }

    /// What is asked for, accepted and approved.
    async fn swapped(&self, who: &str, text: &str) -> u64 {
        let swap = self.asked(who, text).await;
        let with = text.split_whitespace().nth(1).expect("a colleague");
        self.accept(with, swap, Approve).await.expect("accepted");
        self.decide("li", swap, Approve).await.expect("approved");
        swap
    }

    async fn tasks(&self, who: &str) -> Vec<String> {
        let request = ListMyTasksRequest { centre: "hall".to_owned(), ..ListMyTasksRequest::default() };
        let page = self.desk.calls.list_my_tasks(&self.desk.caller(who, "ListMyTasks"), request).await;
        let told = page.expect("a page").tasks.into_iter().map(|task| {
            let mut people: Vec<String> = task.person_ids.iter().map(|id| self.desk.name(id)).collect();
            people.sort();
            format!("{} {}", task.kind().as_str_name(), people.join(","))
        });
        told.collect()
    }

    /// What `ListSwaps` shows somebody: `zhao 03-05 qian 03-05 AWAITING`.
    async fn listed(&self, who: &str, reveal: Option<Reveal>) -> Vec<String> {
        let request = ListSwapsRequest { centre: "hall".to_owned(), reveal, ..ListSwapsRequest::default() };
        let page = self.calls.list_swaps(&self.caller(who, "ListSwaps"), request).await.expect("a page");
        let on = |date: Option<Date>| {
            let date = date.expect("a date");
            format!("{:02}-{:02}", date.month, date.day)
        };
        let told = page.swaps.into_iter().map(|swap| {
            let (asks, with) = (self.desk.name(&swap.person_id), self.desk.name(&swap.with_person_id));
            let state = swap.state().as_str_name();
            format!("{asks} {} {with} {} {state} {}", on(swap.date), on(swap.with_date), swap.reason)
        });
        told.map(|line| line.trim_end().to_owned()).collect()
    }

    async fn result(&self, name: &str, day: i32) -> DayResult {
        self.desk.rig.hall.fold().await;
        self.desk.rig.result(&self.desk.person(name), day).await
    }

    /// Every revision of every day, and the same derived again from nothing.
    async fn is_the_same_again(&self) {
        let hall = &self.desk.rig.hall;
        hall.fold().await;
        let as_it_happened = hall.revisions(DAY).await;
        let folder = hall.folder(64);
        folder.rebuild(hall.log()).await.expect("deleted");
        folder.catch_up(hall.log()).await.expect("folded");
        assert_eq!(as_it_happened, hall.revisions(DAY).await);
    }
}

/// `late ROSTER: SHIFT_CHANGED …`: the shift, its source, and what stands beside each slot.
fn beside(day: &DayResult) -> String {
    let slots = day.spans.iter().flat_map(|span| [&span.on, &span.off]).flatten();
    let beside: Vec<&str> = slots.map(|slot| slot.supplement().as_str_name()).collect();
    format!("{} {}: {}", day.shift, day.source().as_str_name(), beside.join(" "))
}

#[tokio::test]
async fn what_may_not_be_exchanged_is_refused_with_the_reason() {
    each(async |fixture| {
        let hall = Hall::begin(&fixture.store, 911).await;
        hall.rostered(&[
            "qian 03-05 late",
            "sun 03-05 long",
            "sun 03-06 rest",
            "qian 03-04 late",
            "qian 03-03 late",
        ])
        .await;
        hall.desk.rig.at(at("03-04 09:00")).await;
        let away = hall.desk.asked("qian", "03-09 08:30 to 03-09 10:00 PERSONAL").await;
        hall.desk.approved_by(away, &["li", "hu"]).await;
        hall.rostered(&["qian 03-09 late", "qian 03-10 late"]).await;
        hall.desk.asked("qian", "03-10 13:00 to 03-10 14:00 PERSONAL").await;
        for (case, who, text, code) in [
            ("with oneself", "zhao", "03-05 zhao", "NOT_A_COLLEAGUE"),
            ("with somebody of another house", "zhao", "03-05 hu", "NOT_ASSIGNED_HERE"),
            ("for the same", "zhao", "03-06 qian", "SAME_DUTY"),
            ("on a day of rest", "zhao", "03-07 qian", "NO_DUTY"),
            ("for a day of rest of the other's", "zhao", "03-05 qian 03-07", "NO_DUTY"),
            ("a day for an evening", "zhao", "03-05 qian", ""),
            ("what has begun", "zhao", "03-04 qian", "HAS_BEGUN"),
            ("what is past", "zhao", "03-03 qian", "HAS_BEGUN"),
            ("two duties on one date", "zhao", "03-05 qian 03-06", "ALREADY_ON_DUTY"),
            ("a night into the next morning", "zhao", "03-05 sun", "OVERLAPPING_SPANS"),
            ("in leave that is approved", "zhao", "03-09 qian", "ON_LEAVE"),
            ("in leave that is asked for", "zhao", "03-10 qian", ""),
        ] {
            let answer = hall.ask(who, text).await;
            match code {
                "" => assert!(answer.is_ok(), "{case}: {answer:?}"),
                code => assert_eq!(refused(answer), code, "{case}"),
            }
        }
        let Err(Failure::Refused(reason)) = hall.ask("zhao", "03-05 sun").await else { panic!("refused") };
        let named = "2026-03-05 long 20:00-33:00 and 2026-03-06 day 08:30-12:00";
        assert!(reason.said().en.ends_with(named), "{}", reason.said().en);
        let system = qinlian::kernel::Subject::parse("system:keys").expect("a subject");
        let office = &hall.desk.rig.hall.office;
        office.grant(hall.desk.rig.hall.log(), &system, Role::Lead).await;
        assert_eq!(refused(hall.ask("system:keys", "03-05 qian").await), "NOT_A_PERSON");
        let wordless = RequestSwapRequest {
            centre: "hall".to_owned(),
            request_id: hall.desk.id(),
            ..RequestSwapRequest::default()
        };
        let answer = hall.calls.request_swap(&hall.caller("zhao", "RequestSwap"), wordless).await;
        assert_eq!(refused(answer), "date MISSING, with_person_id EMPTY, reason EMPTY");
        hall.desk.rig.hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn the_colleague_accepts_and_somebody_decides_who_is_responsible_for_both() {
    each(async |fixture| {
        let hall = Hall::begin(&fixture.store, 912).await;
        hall.rostered(&["qian 03-05 late"]).await;
        hall.desk.rig.at(at("03-04 09:00")).await;
        let answer = hall.ask("zhao", "03-05 qian").await.expect("a request");
        assert_eq!(hall.desk.steps(&answer.steps), "qian LEAD");
        let swap = answer.swap;
        assert_eq!(hall.tasks("qian").await, ["SWAP qian,zhao"]);
        assert_eq!((hall.tasks("li").await, hall.tasks("zhao").await), (vec![], vec![]));
        for (case, call, who, wanted) in [
            ("one's own", "accept", "zhao", "NOT_YOURS_TO_DECIDE"),
            ("for the colleague", "accept", "li", "NOT_YOURS_TO_DECIDE"),
            ("of strangers", "accept", "sun", "NO_SUCH_REQUEST"),
            ("before the colleague", "decide", "li", "NOT_YOURS_TO_DECIDE"),
            ("as if it were decided", "decide", "qian", "NOT_YOURS_TO_DECIDE"),
            ("the colleague", "accept", "qian", "qian+ LEAD"),
            ("twice", "accept", "qian", "ALREADY_DECIDED"),
            ("one's own", "decide", "zhao", "OWN_REQUEST"),
            ("what one agreed to", "decide", "qian", "OWN_REQUEST"),
            ("of strangers", "decide", "sun", "NO_SUCH_REQUEST"),
            ("a rung too high", "decide", "wang", "NOT_YOURS_TO_DECIDE"),
            ("who is responsible for both", "decide", "li", "qian+ LEAD+"),
            ("when it is decided", "decide", "li", "ALREADY_DECIDED"),
        ] {
            let answer = match call {
                "accept" => hall.accept(who, swap, Approve).await,
                _ => hall.decide(who, swap, Approve).await,
            };
            match answer {
                Ok(steps) => assert_eq!(steps, wanted, "{case}"),
                refusal => assert_eq!(refused(refusal), wanted, "{case}"),
            }
        }
        assert_eq!(refused(hall.withdraw("zhao", swap).await), "ALREADY_DECIDED");
        // Li stands on a rung: what li exchanges climbs one higher.
        hall.rostered(&["li 03-06 late", "sun 03-06 day", "qian 03-06 late"]).await;
        let answer = hall.ask("sun", "03-06 li").await.expect("a request");
        assert_eq!(hall.desk.steps(&answer.steps), "li ATTENDANCE_OFFICER");
        // Declined, refused and taken back.
        for (case, state) in [("declined", "REFUSED"), ("refused", "REFUSED"), ("taken back", "WITHDRAWN")] {
            let swap = hall.asked("zhao", "03-06 qian").await;
            match case {
                "declined" => {
                    assert_eq!(hall.accept("qian", swap, Refuse).await.ok().as_deref(), Some("qian- LEAD"));
                }
                "refused" => {
                    hall.accept("qian", swap, Approve).await.expect("accepted");
                    assert_eq!(
                        hall.tasks("li").await,
                        ["SWAP li,sun", "SWAP qian,zhao"],
                        "and what sun asks"
                    );
                    assert_eq!(hall.decide("li", swap, Refuse).await.ok().as_deref(), Some("qian+ LEAD-"));
                }
                _ => {
                    assert_eq!(refused(hall.withdraw("sun", swap).await), "NO_SUCH_REQUEST");
                    assert_eq!(refused(hall.withdraw("li", swap).await), "NOT_YOURS_TO_WITHDRAW");
                    hall.withdraw("zhao", swap).await.expect("taken back");
                }
            }
            assert_eq!(refused(hall.decide("li", swap, Approve).await), "ALREADY_DECIDED", "{case}");
            let newest = hall.listed("zhao", None).await.pop();
            assert_eq!(newest, Some(format!("zhao 03-06 qian 03-06 {state}")), "{case}");
        }
        assert_eq!(hall.listed("sun", None).await, ["sun 03-06 li 03-06 AWAITING"]);
        assert_eq!(hall.listed("li", None).await.len(), 5, "of people one is responsible for");
        let reveal = Reveal { purpose: reveal::Purpose::Attendance.into(), reason: "核对".to_owned() };
        let told = hall.listed("zhao", Some(reveal)).await;
        assert_eq!(told[0], "zhao 03-05 qian 03-05 APPROVED 接孩子");
        hall.desk.rig.hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn both_are_judged_by_what_they_took_over_and_the_day_says_so() {
    each(async |fixture| {
        let hall = Hall::begin(&fixture.store, 913).await;
        hall.rostered(&["qian 03-05 late"]).await;
        hall.desk.rig.at(at("03-04 09:00")).await;
        let swap = hall.swapped("zhao", "03-05 qian").await;
        let roster = ListRosterRequest {
            centre: "hall".to_owned(),
            from: Some(date("2026-03-05")),
            until: Some(date("2026-03-05")),
            ..ListRosterRequest::default()
        };
        let listed =
            hall.calls.list_roster(&hall.caller("wang", "ListRoster"), roster).await.expect("a page");
        let mut entries: Vec<String> = listed
            .entries
            .iter()
            .map(|entry| format!("{} {:?}", hall.desk.name(&entry.person_id), entry.works))
            .collect();
        entries.sort();
        let shifts = [r#"qian Some(Shift("day"))"#, r#"zhao Some(Shift("late"))"#];
        assert_eq!(entries, shifts);
        let rig = &hall.desk.rig;
        rig.at(at("03-05 00:00")).await;
        // Card A0 is zhao's, A1 qian's.
        rig.clock_at("A1", In, at("03-05 08:20")).await;
        rig.clock_at("A1", Out, at("03-05 12:10")).await;
        rig.clock_at("A0", In, at("03-05 13:05")).await;
        rig.clock_at("A1", In, at("03-05 13:50")).await;
        rig.clock_at("A1", Out, at("03-05 17:31")).await;
        rig.clock_at("A0", Out, at("03-05 21:00")).await;
        hall.desk.until("03-05 22:10").await;
        assert_eq!(hall.desk.day("zhao", 5).await, "LATE: LATE! NORMAL!");
        assert_eq!(hall.desk.day("qian", 5).await, "NORMAL: NORMAL! NORMAL! | NORMAL! NORMAL!");
        let (zhaos, qians) = (hall.result("zhao", 5).await, hall.result("qian", 5).await);
        assert_eq!(beside(&zhaos), "late ROSTER: SHIFT_CHANGED SHIFT_CHANGED");
        assert_eq!(beside(&qians), format!("day ROSTER:{}", " SHIFT_CHANGED".repeat(4)));
        assert_eq!(beside(&hall.result("sun", 5).await), format!("day WEEKLY:{}", " NONE".repeat(4)));
        let get = GetDayRequest {
            centre: "hall".to_owned(),
            person_id: hall.desk.person("zhao"),
            work_date: Some(date("2026-03-05")),
            ..GetDayRequest::default()
        };
        let day = hall.desk.calls.get_day(&hall.desk.caller("zhao", "GetDay"), get).await.expect("a day");
        let day = day.day.expect("a day");
        assert_eq!(day.swapped_by, Some(swap));
        let reason = day.spans[0].on.as_ref().and_then(|slot| slot.reason.clone()).expect("a reason");
        assert_eq!(reason.zh, "迟到 5 分钟：应 13:00 前上班，13:05 打卡；班次已换（规则 R8）");
        assert_eq!(
            reason.en,
            "5 minutes late: due by 13:00, clocked at 13:05; the shift was changed by a swap (rule R8)"
        );
        // A later roster wins, and then there is no swap to speak of.
        hall.rostered(&["zhao 03-05 day"]).await;
        assert_eq!(beside(&hall.result("zhao", 5).await), format!("day ROSTER:{}", " NONE".repeat(4)));
        assert_eq!(hall.result("zhao", 5).await.swapped_by, None);
        assert_eq!(
            beside(&hall.result("qian", 5).await),
            format!("day ROSTER:{}", " SHIFT_CHANGED".repeat(4))
        );
        hall.is_the_same_again().await;
        hall.desk.rig.hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_duty_for_a_duty_of_another_date_leaves_each_a_day_of_rest() {
    each(async |fixture| {
        let hall = Hall::begin(&fixture.store, 914).await;
        hall.rostered(&["qian 03-05 rest", "zhao 03-06 rest", "qian 03-06 night"]).await;
        hall.desk.rig.at(at("03-04 09:00")).await;
        hall.swapped("zhao", "03-05 qian 03-06").await;
        hall.desk.until("03-05 18:40").await;
        hall.desk.rig.at(at("03-06 00:00")).await;
        hall.desk.until("03-07 04:00").await;
        for (who, day, wanted) in [
            ("zhao", 5, " ROSTER: "),
            ("qian", 5, "day ROSTER: SHIFT_CHANGED SHIFT_CHANGED SHIFT_CHANGED SHIFT_CHANGED"),
            ("zhao", 6, "night ROSTER: SHIFT_CHANGED SHIFT_CHANGED"),
            ("qian", 6, " ROSTER: "),
        ] {
            let result = hall.result(who, day).await;
            assert_eq!(beside(&result), wanted, "{who} {day}");
            assert!(result.swapped_by.is_some(), "{who} {day}: rest says so too");
        }
        assert_eq!(hall.desk.day("zhao", 5).await, "REST");
        assert_eq!(hall.desk.day("zhao", 6).await, "ABSENT: MISSING! MISSING!");
        hall.is_the_same_again().await;
        hall.desk.rig.hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn what_changed_since_it_was_asked_for_is_not_approved() {
    each(async |fixture| {
        let hall = Hall::begin(&fixture.store, 915).await;
        hall.rostered(&["qian 03-05 late", "sun 03-05 night", "qian 03-06 late", "qian 03-09 late"]).await;
        hall.desk.rig.at(at("03-04 09:00")).await;
        let accepted = async |text: &str| {
            let swap = hall.asked("zhao", text).await;
            hall.accept("qian", swap, Approve).await.expect("accepted");
            swap
        };
        // Two for one duty: the second finds another roster.
        let (first, second) = (accepted("03-05 qian").await, hall.asked("qian", "03-05 sun").await);
        hall.accept("sun", second, Approve).await.expect("accepted");
        hall.decide("li", first, Approve).await.expect("approved");
        assert_eq!(refused(hall.decide("li", second, Approve).await), "ROSTER_CHANGED");
        assert_eq!(hall.decide("li", second, Refuse).await.ok().as_deref(), Some("sun+ LEAD-"));
        // Leave that was approved meanwhile.
        let third = accepted("03-09 qian").await;
        let away = hall.desk.asked("zhao", "03-09 14:00 to 03-09 15:00 PERSONAL").await;
        hall.desk.approved_by(away, &["li", "hu"]).await;
        assert_eq!(refused(hall.decide("li", third, Approve).await), "ON_LEAVE");
        // The earlier of the two duties has begun.
        let fourth = accepted("03-06 qian").await;
        hall.desk.rig.at(at("03-06 08:29")).await;
        let fifth = hall.asked("zhao", "03-06 qian").await;
        hall.desk.rig.at(at("03-06 08:30")).await;
        assert_eq!(refused(hall.decide("li", fourth, Approve).await), "HAS_BEGUN");
        assert_eq!(refused(hall.accept("qian", fifth, Approve).await), "HAS_BEGUN");
        hall.is_the_same_again().await;
        hall.desk.rig.hall.office.stop().await;
    })
    .await;
}
