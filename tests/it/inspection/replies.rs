//! Until when replies are taken, and what may be recorded at all.

use qinlian::proto::calendar_year::Day;
use qinlian::proto::calendar_year::day::Kind;
use qinlian::proto::inspection::{Finding, Outcome, Source, State};
use qinlian::proto::*;
use qinlian::registers::roster::fact::Command as Roster;
use qinlian::registers::wire::timestamp;

use super::rig::{DIGEST, begin, decides, empty, records, replies, request};
use crate::duty::rig::at;
use crate::roster::rig::{date, refused};
use crate::support::store::each;

#[tokio::test]
async fn replies_are_taken_for_two_work_days_over_a_weekend_and_a_holiday() {
    each(async |fixture| {
        let mut hall = begin(&fixture.store, 1_321).await;
        // Wednesday the eleventh is a holiday.
        let days =
            vec![Day { date: Some(date("2026-03-11")), kind: Kind::StatutoryHoliday.into(), as_weekday: 0 }];
        let calendar = CalendarYear { year: 2026, notice: "测试".to_owned(), days };
        hall.office.administer(hall.office.hall, Roster::CalendarYear(calendar)).await.expect("a calendar");
        for (rule, now, until) in [
            ("Monday: Tuesday and Wednesday", "2T09:00", "5T00:00"),
            ("Thursday: Friday and, after the weekend, Monday", "5T09:00", "10T00:00"),
            ("Saturday: Monday and Tuesday", "7T09:00", "11T00:00"),
            ("Tuesday: a holiday is no work day", "10T09:00", "14T00:00"),
        ] {
            hall.turn_to(now);
            hall.at_work(&[("zhao", "w1")]).await;
            let found = records(&hall, "shen", empty(&hall, "w1", "")).await.expect(rule);
            assert_eq!(found.reply_until, Some(timestamp(at(until))), "{rule}");
            assert_eq!(found.state(), State::AwaitingReply);
            hall.lives(&format!("{now} zhao closes w1 => CLOSED")).await;
        }
        // To the last millisecond.
        let given =
            RecordInspectionRequest { person_id: hall.person("zhao"), ..empty(&hall, "w1", "2T09:00") };
        let found = records(&hall, "shen", given).await.expect("recorded").inspection;
        hall.turn_to("13T23:59");
        hall.office.clock.advance_ms(59_999);
        assert_eq!(replies(&hall, "zhao", found).await, "REPLIED");
        hall.office.clock.advance_ms(1);
        assert_eq!(replies(&hall, "zhao", found).await, "REPLY_TOO_LATE");
        hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn what_is_wrong_with_a_finding_is_refused_with_its_field_or_reason() {
    each(async |fixture| {
        let mut hall = begin(&fixture.store, 1_322).await;
        hall.turn_to("20T08:30");
        hall.at_work(&[("zhao", "w1")]).await;
        hall.turn_to("33T09:00");
        let on_post = || request(&hall, "4.1b", Finding::OnPost, "w1");
        let whose = |name: &str| RecordInspectionRequest { person_id: hall.person(name), ..on_post() };
        let now = hall.office.clock.clone();
        let now = || qinlian::clock::Clock::now(&*now);
        let ahead = |ms: i64| RecordInspectionRequest { at: Some(timestamp(now().plus_ms(ms))), ..on_post() };
        let digest = |source: Source, digest: &[u8]| RecordInspectionRequest {
            source: source.into(),
            evidence_digest: digest.to_vec(),
            ..on_post()
        };
        let days_30 = 2_592_000_000;
        let ok = "AWAITING_DECISION";
        for (rule, who, given, wanted) in [
            ("nobody holds the window", "shen", on_post(), ok),
            ("no clause", "shen", request(&hall, "9.9", Finding::OnPost, "w1"), "clause NO_SUCH_CLAUSE"),
            (
                "of another clause",
                "shen",
                request(&hall, "1.1", Finding::OnPost, "w1"),
                "finding NOT_OF_THIS_CLAUSE",
            ),
            (
                "other, without words",
                "shen",
                request(&hall, "1.1", Finding::OtherFinding, "w1"),
                "words MISSING",
            ),
            (
                "neither window nor person",
                "shen",
                request(&hall, "4.1b", Finding::OnPost, ""),
                "window MISSING",
            ),
            ("no such window", "shen", request(&hall, "4.1b", Finding::OnPost, "w9"), "NO_SUCH_WINDOW"),
            ("a recording without its digest", "shen", digest(Source::Video, &[]), "evidence_digest MISSING"),
            ("an alert without its digest", "shen", digest(Source::AiAlert, &[]), "evidence_digest MISSING"),
            ("a short digest", "shen", digest(Source::Patrol, &[7; 31]), "evidence_digest NOT_A_DIGEST"),
            ("a recording", "shen", digest(Source::Video, &DIGEST), ok),
            ("later than now", "shen", ahead(1), "IN_THE_FUTURE"),
            ("30 days ago", "shen", ahead(-days_30), ok),
            ("longer ago", "shen", ahead(-days_30 - 1), "TOO_LONG_AGO"),
            ("themselves", "shen", whose("shen"), "OWN_CONDUCT"),
            ("a duty manager of another", "zhou", whose("zhao"), "AWAITING_REPLY"),
            ("staff", "zhao", whose("qian"), "DENIED"),
            ("a lead", "li", whose("zhao"), "DENIED"),
        ] {
            let said = match records(&hall, who, given).await {
                Ok(found) => found.state().as_str_name().to_owned(),
                refusal => refused(refusal),
            };
            assert_eq!(said, wanted, "{rule}");
        }
        // Nobody is concerned: nobody answers, and somebody else decides at once.
        let found = records(&hall, "guo", on_post()).await.expect("recorded");
        assert_eq!((found.reply_until, found.explained), (None, None));
        assert_eq!(replies(&hall, "zhao", found.inspection).await, "NOT_YOURS_TO_ANSWER");
        assert_eq!(decides(&hall, "guo", found.inspection, Outcome::Transfer, false).await, "OWN_FINDING");
        assert_eq!(
            decides(&hall, "tang", found.inspection, Outcome::NoneWarranted, true).await,
            "publish NOTHING_TO_PUBLISH"
        );
        assert_eq!(decides(&hall, "tang", found.inspection, Outcome::Transfer, false).await, "DECIDED");
        hall.office.stop().await;
    })
    .await;
}
