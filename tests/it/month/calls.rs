//! `ListMonthSummaries`, `GetMonthReadiness`, `ConfirmMonth`, `LockMonth`, `ListAdjustments`, `ConfirmPull` (rules R10, R12).

use qinlian::proto::lock_month_request::Exception;
use qinlian::proto::*;
use qinlian::registers::failure::Failure;
use qinlian::registers::month::canonical;

use crate::approval::rig::{Desk, at, stamp};
use crate::roster::rig::{date, refused};
use crate::support::store::each;
use qinlian::proto::punch::Direction::{In, Out};

/// Tuesday, 3 March, is over. Zhao came on Tuesday and was seven minutes late, qian was on sick leave in the
/// morning, sun never came.
async fn a_day(store: &qinlian::store::Store, seed: u64) -> Desk {
    let desk = Desk::begin(store, seed).await;
    desk.rig.at(at("03-03 00:00")).await;
    let leave = desk.asked("qian", "03-03 08:30 to 03-03 12:00 SICK").await;
    desk.approved_by(leave, &["li", "hu"]).await;
    for (direction, time) in [(In, "08:37"), (Out, "12:01"), (In, "13:55"), (Out, "17:31")] {
        desk.rig.clock("A0", direction, time).await;
    }
    desk.until("03-03 18:40").await;
    desk
}

fn period(from: &str, until: &str) -> (Option<Date>, Option<Date>) {
    (Some(date(&format!("2026-{from}"))), Some(date(&format!("2026-{until}"))))
}

async fn summaries(desk: &Desk, who: &str, page_size: i32) -> Vec<MonthSummary> {
    let (from, until) = period("03-03", "03-03");
    let mut request = ListMonthSummariesRequest {
        centre: "hall".to_owned(),
        from,
        until,
        page_size,
        ..ListMonthSummariesRequest::default()
    };
    let mut all = Vec::new();
    loop {
        let caller = desk.caller(who, "ListMonthSummaries");
        let page = desk.calls.list_month_summaries(&caller, request.clone()).await.expect("a page");
        all.extend(page.summaries);
        if page.next_page_token.is_empty() {
            return all;
        }
        request.page_token = page.next_page_token;
    }
}

/// `zhao due 1 attended 1 absent 0, late 1 (7), SICK 0.5, 0 open`
fn line(desk: &Desk, sum: &MonthSummary) -> String {
    let leave: Vec<String> =
        sum.leave.iter().map(|leave| format!("{} {}", leave.kind().as_str_name(), leave.days)).collect();
    format!(
        "{} due {} attended {} absent {}, late {} ({}), {}{} open",
        desk.name(&sum.person_id),
        sum.days_due,
        sum.days_attended,
        sum.days_absent,
        sum.late,
        sum.late_minutes,
        leave.iter().map(|leave| format!("{leave}, ")).collect::<String>(),
        sum.open_days,
    )
}

async fn readiness(desk: &Desk, who: &str, department: &str) -> Result<GetMonthReadinessResponse, Failure> {
    let (from, until) = period("03-03", "03-03");
    let request = GetMonthReadinessRequest {
        centre: "hall".to_owned(),
        department: department.to_owned(),
        from,
        until,
    };
    desk.calls.get_month_readiness(&desk.caller(who, "GetMonthReadiness"), request).await
}

async fn confirm(desk: &Desk, who: &str, digest: Vec<u8>) -> Result<ConfirmMonthResponse, Failure> {
    let (from, until) = period("03-03", "03-03");
    let request = ConfirmMonthRequest {
        centre: "hall".to_owned(),
        request_id: desk.id(),
        from,
        until,
        digest,
        ..ConfirmMonthRequest::default()
    };
    desk.calls.confirm_month(&desk.caller(who, "ConfirmMonth"), request).await
}

fn lock(desk: &Desk, department: &str, (from, until): (&str, &str)) -> LockMonthRequest {
    let (from, until) = period(from, until);
    LockMonthRequest {
        centre: "hall".to_owned(),
        request_id: desk.id(),
        department: department.to_owned(),
        from,
        until,
        ..LockMonthRequest::default()
    }
}

async fn locked(desk: &Desk, who: &str, request: LockMonthRequest) -> Result<LockMonthResponse, Failure> {
    desk.calls.lock_month(&desk.caller(who, "LockMonth"), request).await
}

#[tokio::test]
async fn days_are_added_up_for_each_person_and_everybody_sees_their_own() {
    each(async |fixture| {
        let desk = a_day(&fixture.store, 951).await;
        let lines = async |who: &str, size| {
            let mut lines: Vec<String> =
                summaries(&desk, who, size).await.iter().map(|sum| line(&desk, sum)).collect();
            lines.sort();
            lines
        };
        let zhao = "zhao due 1 attended 1 absent 0, late 1 (7), 0 open";
        let qian = "qian due 1 attended 0 absent 0.5, late 0 (0), SICK 0.5, 0 open";
        let sun = "sun due 1 attended 0 absent 1, late 0 (0), 0 open";
        assert_eq!(lines("wang", 100).await, [qian, sun, zhao]);
        assert_eq!(lines("wang", 1).await, [qian, sun, zhao], "page by page");
        assert_eq!(lines("hu", 100).await, [qian, zhao], "the department's own");
        assert_eq!(lines("sun", 100).await, [sun], "one's own");
        desk.rig.hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn people_confirm_what_stands_and_a_period_tells_what_it_still_lacks() {
    each(async |fixture| {
        let desk = a_day(&fixture.store, 952).await;
        let answer = readiness(&desk, "hu", "tax").await.expect("an answer");
        assert!(answer.ready && answer.blockers.is_empty() && answer.awaiting.is_empty());
        assert_eq!((answer.people, answer.unconfirmed_person_ids.len()), (2, 2));
        assert!(
            format!("{:?}", readiness(&desk, "hu", "").await).contains("NotFound"),
            "everybody is not theirs"
        );
        let own = summaries(&desk, "zhao", 100).await.pop().expect("one's own");
        assert_eq!(refused(confirm(&desk, "zhao", vec![1; 32]).await), "DIGEST_DIFFERS");
        assert_eq!(refused(confirm(&desk, "zhao", vec![1; 3]).await), "digest NOT_A_DIGEST");
        assert_eq!(refused(confirm(&desk, "qian", own.digest.clone()).await), "DIGEST_DIFFERS");
        confirm(&desk, "zhao", own.digest).await.expect("confirmed");
        let own = summaries(&desk, "zhao", 100).await.pop().expect("one's own");
        assert!(own.confirmed_by.is_some());
        let answer = readiness(&desk, "hu", "tax").await.expect("an answer");
        assert_eq!(answer.unconfirmed_person_ids, [desk.person("qian")]);
        // Leave for the afternoon is asked for: somebody has to decide before the period is whole.
        let leave = desk.asked("zhao", "03-03 14:00 to 03-03 15:00 PERSONAL").await;
        let answer = readiness(&desk, "hu", "tax").await.expect("an answer");
        assert_eq!(answer.awaiting, [leave]);
        desk.approved_by(leave, &["li", "hu"]).await;
        desk.rig.hall.fold().await;
        // What was confirmed is not what stands any more.
        let own = summaries(&desk, "zhao", 100).await.pop().expect("one's own");
        assert_eq!(own.confirmed_by, None);
        desk.rig.hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_period_is_locked_once_with_a_digest_that_anybody_can_make_again() {
    each(async |fixture| {
        let desk = a_day(&fixture.store, 953).await;
        assert_eq!(refused(locked(&desk, "hu", lock(&desk, "tax", ("03-03", "03-03"))).await), "NOT_OVER");
        desk.rig.at(at("03-04 00:00")).await;
        desk.rig.hall.fold().await;
        let request = lock(&desk, "tax", ("03-03", "03-03"));
        let answer = locked(&desk, "hu", request.clone()).await.expect("locked");
        assert_eq!((answer.people, answer.days), (2, 2));
        let again = locked(&desk, "hu", request).await.expect("the same");
        assert_eq!((again.lock, &again.digest), (answer.lock, &answer.digest));
        // An HR system makes the digest of what it pulled.
        let (from, until) = period("03-03", "03-03");
        let request =
            ListDaysRequest { centre: "hall".to_owned(), from, until, ..ListDaysRequest::default() };
        let pulled = desk.calls.list_days(&desk.caller("hu", "ListDays"), request).await.expect("days").days;
        assert_eq!(canonical::digest(&pulled).0.to_vec(), answer.digest);
        for (case, who, department, days) in [
            ("the same days", "hu", "tax", ("03-03", "03-03")),
            ("everybody's, of whom some are locked", "wang", "", ("03-03", "03-03")),
        ] {
            assert_eq!(
                refused(locked(&desk, who, lock(&desk, department, days)).await),
                "ALREADY_LOCKED",
                "{case}"
            );
        }
        let (from, until) = period("03-03", "03-03");
        let request = ConfirmPullRequest {
            centre: "hall".to_owned(),
            request_id: desk.id(),
            department: "tax".to_owned(),
            from,
            until,
            digest: answer.digest,
            ..ConfirmPullRequest::default()
        };
        let confirmed = desk.calls.confirm_pull(&desk.caller("hu", "ConfirmPull"), request).await;
        assert_eq!(confirmed.expect("confirmed").lock, Some(answer.lock));
        desk.rig.hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn open_days_refuse_a_lock_unless_they_are_named() {
    each(async |fixture| {
        let desk = Desk::begin(&fixture.store, 954).await;
        desk.rig.at(at("03-03 00:00")).await;
        // Gate 2 has not told.
        desk.rig.told(&["gate-1"], at("03-03 18:40")).await;
        desk.rig.at(at("03-04 00:00")).await;
        desk.rig.hall.fold().await;
        let answer = readiness(&desk, "wang", "").await.expect("an answer");
        assert!(!answer.ready);
        assert_eq!((answer.open_days, answer.blockers.len()), (3, 3));
        let why = answer.blockers[0].why.clone().expect("why");
        assert!(why.en.contains("gate-2") && why.zh.contains("gate-2"), "{why:?}");
        let mut request = lock(&desk, "", ("03-03", "03-03"));
        assert_eq!(refused(locked(&desk, "wang", request.clone()).await), "DAYS_OPEN");
        request.exceptions = answer
            .blockers
            .iter()
            .map(|open| Exception { person_id: open.person_id.clone(), work_date: open.work_date })
            .collect();
        assert_eq!(locked(&desk, "wang", request).await.expect("locked").days, 3);
        desk.rig.hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn what_changes_in_a_locked_period_is_an_adjustment_and_says_what_was_before() {
    each(async |fixture| {
        let desk = a_day(&fixture.store, 955).await;
        desk.rig.at(at("03-04 00:00")).await;
        desk.rig.hall.fold().await;
        let number = locked(&desk, "hu", lock(&desk, "tax", ("03-03", "03-03"))).await.expect("locked").lock;
        let adjustments = async |who: &str| {
            let request =
                ListAdjustmentsRequest { centre: "hall".to_owned(), ..ListAdjustmentsRequest::default() };
            let caller = desk.caller(who, "ListAdjustments");
            desk.calls.list_adjustments(&caller, request).await.expect("a page").items
        };
        assert_eq!(adjustments("hu").await.len(), 0);
        for (whose, time) in [("zhao", "03-03 08:30 to 03-03 09:00"), ("sun", "03-03 08:30 to 03-03 12:00")] {
            let request = RecordLeaveRequest {
                centre: "hall".to_owned(),
                request_id: desk.id(),
                person_id: desk.person(whose),
                kind: leave::Kind::Official.into(),
                from: stamp(time.split_once(" to ").expect("from").0),
                until: stamp(time.split_once(" to ").expect("until").1),
                external_approval: Some(ExternalApproval {
                    system: "oa".to_owned(),
                    decided_at: stamp("03-03 08:00"),
                    ..ExternalApproval::default()
                }),
                ..RecordLeaveRequest::default()
            };
            desk.calls.record_leave(&desk.caller("wang", "RecordLeave"), request).await.expect("recorded");
        }
        desk.rig.hall.fold().await;
        let items = adjustments("hu").await;
        assert_eq!(items.len(), 1, "sun's days are not locked");
        let item = &items[0];
        let headline = |day: &Option<DayResult>| day.as_ref().expect("a day").headline().as_str_name();
        assert_eq!((headline(&item.old), headline(&item.new)), ("HEADLINE_LATE", "HEADLINE_NORMAL"));
        assert_eq!((item.lock, item.cause.as_str()), (number, "LEAVE_RECORD"));
        assert_eq!(item.booked_on, Some(date("2026-03-04")));
        assert_eq!((item.locked_from, item.locked_until), period("03-03", "03-03"));
        assert_eq!(adjustments("wang").await.len(), 1);
        desk.rig.hall.office.stop().await;
    })
    .await;
}
