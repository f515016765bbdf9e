//! `PreviewDays`: what days would be, and nothing is written.

use std::collections::BTreeMap;

use qinlian::proto::punch::Direction::{In, Out};
use qinlian::proto::*;
use qinlian::registers::derivation::DAY;
use qinlian::registers::failure::Failure;
use qinlian::registers::roster::notices;

use crate::approval::rig::{Desk, at};
use crate::roster::rig::{date, refused};
use crate::support::store::each;

async fn preview(
    desk: &Desk,
    who: &str,
    names: &[&str],
    values: &[(&str, &str)],
    calendars: Vec<CalendarYear>,
) -> Result<PreviewDaysResponse, Failure> {
    let values: BTreeMap<String, String> =
        values.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let request = PreviewDaysRequest {
        centre: "hall".to_owned(),
        person_ids: names.iter().map(|name| desk.person(name)).collect(),
        from: Some(date("2026-03-03")),
        until: Some(date("2026-03-03")),
        values,
        calendars,
    };
    desk.calls.preview_days(&desk.caller(who, "PreviewDays"), request).await
}

fn headlines(days: &[DayResult]) -> Vec<&'static str> {
    days.iter().map(|day| day.headline().as_str_name().trim_start_matches("HEADLINE_")).collect()
}

#[tokio::test]
async fn days_are_shown_as_they_would_be_beside_those_that_stand_otherwise() {
    each(async |fixture| {
        let desk = Desk::begin(&fixture.store, 961).await;
        desk.rig.at(at("03-03 00:00")).await;
        for (direction, time) in [(In, "08:37"), (Out, "12:01"), (In, "13:55"), (Out, "17:31")] {
            desk.rig.clock("A0", direction, time).await;
        }
        desk.until("03-03 18:40").await;
        let revisions = desk.rig.hall.revisions(DAY).await.len();
        for (case, values, would_be, stands) in [
            ("as it is", &[][..], "LATE", &[][..]),
            ("ten minutes are tolerated", &[("tol_late_minutes", "10")], "NORMAL", &["LATE"]),
            ("five minutes are serious", &[("serious_late_minutes", "5")], "SERIOUS_LATE", &["LATE"]),
        ] {
            let answer = preview(&desk, "wang", &["zhao"], values, Vec::new()).await.expect("a preview");
            assert_eq!(headlines(&answer.days), [would_be], "{case}");
            assert_eq!(headlines(&answer.standing), stands, "{case}");
        }
        let mut year = notices::shipped("cn-2026").expect("shipped");
        year.days[0].date = Some(date("2026-03-03"));
        let answer = preview(&desk, "wang", &["zhao", "sun"], &[], vec![year]).await.expect("a preview");
        assert_eq!(headlines(&answer.days), ["REST", "REST"]);
        assert_eq!(answer.standing.len(), 2);
        // A department's system sees its own people's.
        let answer = preview(&desk, "hu", &["zhao", "sun"], &[], Vec::new()).await.expect("a preview");
        assert_eq!(answer.days.iter().map(|day| desk.name(&day.person_id)).collect::<Vec<_>>(), ["zhao"]);
        for (values, code) in [
            (&[("tol_late_minutes", "x")][..], "values.tol_late_minutes NOT_A_NUMBER"),
            (&[("tea_minutes", "5")], "values UNKNOWN_KEY"),
        ] {
            assert_eq!(refused(preview(&desk, "wang", &["zhao"], values, Vec::new()).await), code);
        }
        desk.rig.hall.fold().await;
        assert_eq!(desk.rig.hall.revisions(DAY).await.len(), revisions, "nothing is written");
        desk.rig.hall.office.stop().await;
    })
    .await;
}
