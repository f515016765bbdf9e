//! Where devices do not tell, people vouch: journal numbers that will never arrive, import sources that are complete
//! (rule R5).

use qinlian::clock::Clock;
use qinlian::kernel::{EpochMs, Subject};
use qinlian::proto::day_result::Flag;
use qinlian::proto::punch::Direction::{In, Out};
use qinlian::proto::*;
use qinlian::registers::derivation::DAY;
use qinlian::registers::directory::fact::Record;
use qinlian::registers::failure::Failure;
use qinlian::registers::wire::timestamp;

use super::rig::{minute, punch, uploaded};
use crate::approval::rig::{Desk, at};
use crate::roster::rig::refused;
use crate::support::store::each;

pub(crate) async fn declare(desk: &Desk, who: &str, device: &str, run: (u64, u64)) -> Result<u64, Failure> {
    let request = DeclareJournalLostRequest {
        centre: "hall".to_owned(),
        request_id: desk.id(),
        device: device.to_owned(),
        first_seq: run.0,
        last_seq: run.1,
        reason: "存储卡损坏".to_owned(),
        ..DeclareJournalLostRequest::default()
    };
    let answer = desk.calls.declare_journal_lost(&desk.caller(who, "DeclareJournalLost"), request).await?;
    Ok(answer.journal_loss)
}

pub(crate) async fn sign(
    desk: &Desk,
    who: &str,
    journal_loss: u64,
) -> Result<CountersignJournalLostResponse, Failure> {
    let request = CountersignJournalLostRequest {
        centre: "hall".to_owned(),
        request_id: desk.id(),
        journal_loss,
        ..CountersignJournalLostRequest::default()
    };
    desk.calls.countersign_journal_lost(&desk.caller(who, "CountersignJournalLost"), request).await
}

pub(crate) async fn vouch(
    desk: &Desk,
    who: &str,
    device: &str,
    through: EpochMs,
) -> Result<DeclareCoverageResponse, Failure> {
    let request = DeclareCoverageRequest {
        centre: "hall".to_owned(),
        request_id: desk.id(),
        device: device.to_owned(),
        complete_through: Some(timestamp(through)),
        reason: "已核对全部打卡记录".to_owned(),
        ..DeclareCoverageRequest::default()
    };
    desk.calls.declare_coverage(&desk.caller(who, "DeclareCoverage"), request).await
}

/// A gate tells how far its journal goes.
async fn told(desk: &Desk, gate: &str, head: u64) {
    let hall = &desk.rig.hall;
    let mono_ms = u64::try_from(hall.office.clock.now().since(minute(0))).expect("after eight");
    hall.report(gate, "b", mono_ms, 0, head).await;
    hall.watch().await;
}

/// What holds days open: `gate-2 1-3 4 people`.
async fn blockers(desk: &Desk) -> Vec<String> {
    desk.rig.hall.fold().await;
    let request = ListCoverageBlockersRequest { centre: "hall".to_owned() };
    let caller = desk.caller("wang", "ListCoverageBlockers");
    let answer = desk.calls.list_coverage_blockers(&caller, request).await.expect("an answer");
    let told = answer.blockers.into_iter().map(|of| {
        let gaps = of.missing.iter().map(|gap| format!(" {}-{}", gap.first_seq, gap.last_seq));
        format!("{}{} {}", of.device, gaps.collect::<String>(), of.people)
    });
    told.collect()
}

async fn is_flagged(desk: &Desk, name: &str) -> bool {
    let day = desk.rig.result(&desk.person(name), 3).await;
    day.flags.contains(&Flag::JournalLost.into())
}

/// Every revision of every day, and the same derived again from nothing.
async fn is_the_same_again(desk: &Desk) {
    let hall = &desk.rig.hall;
    hall.fold().await;
    let as_it_happened = hall.revisions(DAY).await;
    let folder = hall.folder(64);
    folder.rebuild(hall.log()).await.expect("deleted");
    folder.catch_up(hall.log()).await.expect("folded");
    assert_eq!(as_it_happened, hall.revisions(DAY).await);
}

const PENDING: &str = "PENDING: PENDING PENDING | PENDING PENDING";
const ABSENT: &str = "ABSENT: MISSING! MISSING! | MISSING! MISSING!";

/// Tuesday: zhao came late, qian came and went in time, sun did not come; gate 2 stamped three and lost them.
async fn tuesday(desk: &Desk) {
    desk.rig.at(at("03-03 00:00")).await;
    desk.rig.told(&["gate-1", "gate-2"], at("03-03 07:00")).await;
    desk.rig.clock_at("A1", In, at("03-03 08:25")).await;
    desk.rig.clock_at("A0", In, at("03-03 08:42")).await;
    desk.rig.clock_at("A1", Out, at("03-03 12:01")).await;
    desk.rig.clock_at("A1", In, at("03-03 13:55")).await;
    desk.rig.clock_at("A1", Out, at("03-03 17:31")).await;
    desk.rig.told(&["gate-1"], at("03-03 18:40")).await;
    told(desk, "gate-2", 3).await;
}

#[tokio::test]
async fn numbers_that_two_people_declared_lost_hold_nobody_any_more_and_the_days_say_so() {
    each(async |fixture| {
        let desk = Desk::begin(&fixture.store, 931).await;
        tuesday(&desk).await;
        assert_eq!(desk.day("sun", 3).await, PENDING);
        assert_eq!(desk.day("qian", 3).await, "NORMAL: NORMAL! NORMAL! | NORMAL! NORMAL!");
        assert_eq!(blockers(&desk).await, ["gate-2 1-3 2"], "zhao and sun");
        let keys = Subject::parse("system:keys").expect("a subject");
        desk.rig.hall.office.grant(desk.rig.hall.log(), &keys, Role::AttendanceOfficer).await;
        for (case, who, device, run, code) in [
            ("a system", "system:keys", "gate-2", (1, 3), "NOT_A_PERSON"),
            ("no such device", "wang", "gate-9", (1, 3), "UNKNOWN_DEVICE"),
            ("no terminal", "wang", "file", (1, 3), "NOT_A_TERMINAL"),
            ("what the device has not told of", "wang", "gate-2", (1, 4), "BEYOND_JOURNAL"),
            ("what has arrived", "wang", "gate-1", (5, 5), "HAS_ARRIVED"),
            ("from nothing", "wang", "gate-2", (0, 3), "first_seq OUT_OF_RANGE"),
            ("backwards", "wang", "gate-2", (3, 2), "last_seq OUT_OF_RANGE"),
        ] {
            assert_eq!(refused(declare(&desk, who, device, run).await), code, "{case}");
        }
        let loss = declare(&desk, "wang", "gate-2", (1, 3)).await.expect("declared");
        assert_eq!(desk.day("sun", 3).await, PENDING, "one person's word is not enough");
        for (case, who, loss, code) in [
            ("one's own", "wang", loss, "OWN_DECLARATION"),
            ("a system", "system:keys", loss, "NOT_A_PERSON"),
            ("another entry", "zhou", loss - 1, "NO_SUCH_LOSS"),
            ("an entry to come", "zhou", u64::MAX, "NO_SUCH_LOSS"),
        ] {
            assert_eq!(refused(sign(&desk, who, loss).await), code, "{case}");
        }
        sign(&desk, "zhou", loss).await.expect("signed");
        assert_eq!(refused(sign(&desk, "zhou", loss).await), "ALREADY_SIGNED");
        // Gate 2 need not be heard of again for that.
        assert_eq!(desk.day("sun", 3).await, ABSENT);
        assert_eq!(desk.day("zhao", 3).await, "ABSENT: LATE! MISSING! | MISSING! MISSING!");
        assert_eq!(blockers(&desk).await, [""; 0]);
        for (who, flagged) in [("sun", true), ("zhao", true), ("qian", false)] {
            assert_eq!(is_flagged(&desk, who).await, flagged, "{who}");
        }
        let get = GetDayRequest {
            centre: "hall".to_owned(),
            person_id: desk.person("sun"),
            work_date: Some(crate::roster::rig::date("2026-03-03")),
            ..GetDayRequest::default()
        };
        let day = desk.calls.get_day(&desk.caller("sun", "GetDay"), get).await.expect("a day");
        let reason = day.day.and_then(|day| day.reason).expect("a reason");
        assert!(reason.zh.ends_with("；其间有设备记录经登记遗失"), "{}", reason.zh);
        assert!(
            reason.en.ends_with("; records of a device of that time were declared lost"),
            "{}",
            reason.en
        );
        // What arrives after all counts, and only what has arrived is answered to the device.
        let found = uploaded(punch("gate-2", 2, 24 * 60 + 20, In, "A0"));
        let reply = desk.rig.hall.send(found).await;
        assert_eq!(super::rig::through(&reply), Some(0));
        assert_eq!(desk.day("zhao", 3).await, "ABSENT: NORMAL! MISSING! | MISSING! MISSING!");
        is_the_same_again(&desk).await;
        desk.rig.hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn what_is_declared_lost_is_known_after_a_restart_and_every_gap_is_a_matter_of_its_own() {
    each(async |fixture| {
        let desk = Desk::begin(&fixture.store, 932).await;
        tuesday(&desk).await;
        desk.rig.hall.send(uploaded(punch("gate-2", 2, 24 * 60 + 20, In, "A0"))).await;
        assert_eq!(blockers(&desk).await, ["gate-2 1-1 3-3 2"]);
        assert_eq!(refused(declare(&desk, "wang", "gate-2", (1, 3)).await), "HAS_ARRIVED");
        let first = declare(&desk, "wang", "gate-2", (1, 1)).await.expect("declared");
        sign(&desk, "zhou", first).await.expect("signed");
        assert_eq!(desk.day("sun", 3).await, PENDING, "number 3 is missing");
        assert_eq!(blockers(&desk).await, ["gate-2 3-3 2"]);
        desk.rig.hall.office.desk.registers().attendance.forget();
        assert_eq!(blockers(&desk).await, ["gate-2 3-3 2"], "as the rows have it");
        let second = declare(&desk, "zhou", "gate-2", (3, 3)).await.expect("declared");
        sign(&desk, "wang", second).await.expect("signed");
        assert_eq!(desk.day("sun", 3).await, ABSENT);
        // What it tells from now on is whole: the gap is behind it.
        desk.rig.at(at("03-04 00:00")).await;
        desk.rig.told(&["gate-1"], at("03-04 18:40")).await;
        told(&desk, "gate-2", 3).await;
        assert_eq!(desk.day("sun", 4).await, ABSENT);
        let day = desk.rig.result(&desk.person("sun"), 4).await;
        assert!(day.flags.is_empty(), "nothing of Wednesday was lost: {:?}", day.flags);
        is_the_same_again(&desk).await;
        desk.rig.hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn somebody_vouches_that_an_import_source_has_told_of_everything() {
    each(async |fixture| {
        let desk = Desk::begin(&fixture.store, 933).await;
        let excel = Device {
            device: "excel".to_owned(),
            kind: device::Kind::ImportSource.into(),
            ..Device::default()
        };
        desk.rig.hall.put(Record::Device(excel)).await;
        desk.rig.at(at("03-03 00:00")).await;
        desk.until("03-03 18:40").await;
        assert_eq!(desk.day("sun", 3).await, PENDING);
        assert_eq!(blockers(&desk).await, ["excel 3"]);
        let keys = Subject::parse("system:keys").expect("a subject");
        desk.rig.hall.office.grant(desk.rig.hall.log(), &keys, Role::AttendanceOfficer).await;
        for (case, who, device, through, code) in [
            ("a time to come", "wang", "excel", "03-03 18:45", "COMPLETE_IN_THE_FUTURE"),
            ("a terminal", "wang", "gate-1", "03-03 18:30", "NOT_AN_IMPORT_SOURCE"),
            ("what is retired", "wang", "file", "03-03 18:30", "DEVICE_RETIRED"),
            ("what is not there", "wang", "paper", "03-03 18:30", "UNKNOWN_DEVICE"),
            ("a system", "system:keys", "excel", "03-03 18:30", "NOT_A_PERSON"),
        ] {
            assert_eq!(refused(vouch(&desk, who, device, at(through)).await), code, "{case}");
        }
        vouch(&desk, "wang", "excel", at("03-03 13:01")).await.expect("declared");
        assert_eq!(desk.day("sun", 3).await, "PENDING: MISSING! MISSING! | PENDING PENDING");
        vouch(&desk, "zhou", "excel", at("03-03 18:31")).await.expect("declared");
        assert_eq!(desk.day("sun", 3).await, ABSENT);
        assert!(!is_flagged(&desk, "sun").await, "nothing was lost");
        // An earlier time takes nothing back.
        vouch(&desk, "wang", "excel", at("03-03 08:00")).await.expect("declared");
        assert_eq!(desk.day("sun", 3).await, ABSENT);
        is_the_same_again(&desk).await;
        desk.rig.hall.office.stop().await;
    })
    .await;
}
