//! What the register says of the minute of a finding, and whether that explains it.

use qinlian::proto::Inspection;

use super::rig::{begin, empty, records};
use crate::duty::rig::{Hall, clock};
use crate::support::store::each;

/// `PAUSED zhao in sign REDIRECT,RETURN_TIME @10:08 explained: 暂停服务…`
fn told(hall: &Hall, found: &Inspection) -> String {
    let snapshot = found.snapshot.clone().unwrap_or_default();
    let mut words = vec![snapshot.state().as_str_name().to_owned()];
    words.extend(Some(hall.name(&found.person_id)).filter(|name| !name.is_empty()));
    words.extend(snapshot.clocked_in.map(|is_in| if is_in { "in" } else { "out" }.to_owned()));
    words.extend(snapshot.pause.map(|_| "pause".to_owned()));
    words.extend(snapshot.sign_displayed.then(|| "sign".to_owned()));
    let guidance: Vec<&str> = snapshot.guidance().map(|kind| kind.as_str_name()).collect();
    words.extend((!guidance.is_empty()).then(|| guidance.join(",")));
    words.extend(snapshot.expected_return_at.as_ref().map(|due| format!("@{}", clock(due))));
    words.push(match found.explained {
        Some(true) => "explained".to_owned(),
        Some(false) => "unexplained".to_owned(),
        None => "unsaid".to_owned(),
    });
    words.push(format!(": {}", snapshot.public_text.unwrap_or_default().zh));
    words.join(" ")
}

#[tokio::test]
async fn a_pause_that_keeps_its_promise_explains_an_empty_window_and_nothing_else_does() {
    each(async |fixture| {
        let mut hall = begin(&fixture.store, 1_311).await;
        hall.turn_to("08:30");
        hall.at_work(&[("zhao", "w1"), ("qian", "w2"), ("sun", "w3"), ("wu", "w4")]).await;
        hall.lives(
            "
            09:00 zhao pauses w1 COMFORT 09:08 => STARTED >w2,w4
            09:30 zhao back w1                 => OPEN
            09:40 qian pauses w2 COMFORT 09:48 nosign anyway => STARTED >w1,w4 NO_SIGN LEFT_ANYWAY
            09:45 qian back w2                 => OPEN
            09:50 sun out
            10:00 wu pauses w4 EQUIPMENT 10:30 => STARTED >w1,w2
            ",
        )
        .await;
        hall.turn_to("10:40");
        let cases = [
            ("open", "w1", "08:50", "OPEN zhao in unexplained : 正常服务"),
            (
                "paused with a sign",
                "w1",
                "09:05",
                "PAUSED zhao in pause sign REDIRECT,RETURN_TIME @09:08 explained : 暂停服务 预计09:08恢复，请至2号、4号窗口",
            ),
            (
                "overdue",
                "w1",
                "09:14",
                "OVERDUE zhao in pause sign REDIRECT,RETURN_TIME @09:08 unexplained : 已超时，请至2号、4号窗口",
            ),
            (
                "so long overdue that somebody should look",
                "w1",
                "09:25",
                "OFF_POST zhao in pause sign REDIRECT,RETURN_TIME @09:08 unexplained : 已超时，请至2号、4号窗口",
            ),
            ("back", "w1", "09:31", "OPEN zhao in unexplained : 正常服务"),
            (
                "paused without a sign",
                "w2",
                "09:42",
                "PAUSED qian in pause REDIRECT,RETURN_TIME @09:48 unexplained : 暂停服务 预计09:48恢复，请至1号、4号窗口",
            ),
            ("whoever held it has gone home", "w3", "09:55", "UNSTAFFED sun out unexplained : 暂无人值守，请至4号、1号、2号窗口"),
            ("never opened", "w5", "09:55", "CLOSED unexplained : 未开放"),
            (
                "out of order, as promised",
                "w4",
                "10:20",
                "FAULT wu in pause sign REDIRECT,RETURN_TIME @10:30 explained : 设备故障 预计10:30恢复，请至1号、2号窗口",
            ),
            (
                "out of order for longer than promised",
                "w4",
                "10:35",
                "FAULT wu in pause sign REDIRECT,RETURN_TIME @10:30 unexplained : 设备故障，请至1号、2号窗口",
            ),
        ];
        let mut wrong = Vec::new();
        for (case, window, time, wanted) in cases {
            let found = records(&hall, "shen", empty(&hall, window, time)).await.expect(case);
            let said = told(&hall, &found);
            if said != wanted {
                wrong.push(format!("{case}: {said}\n  not: {wanted}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_minute_three_days_ago_is_told_as_it_was_and_is_known_today() {
    each(async |fixture| {
        let mut hall = begin(&fixture.store, 1_312).await;
        hall.turn_to("08:30");
        hall.at_work(&[("zhao", "w1"), ("qian", "w2")]).await;
        hall.lives("09:00 zhao pauses w1 COMFORT 09:08 => STARTED >w2").await;
        hall.turn_to("09:05");
        let at_once = records(&hall, "shen", empty(&hall, "w1", "")).await.expect("recorded");
        hall.lives(
            "
            09:07 zhao back w1 => OPEN
            12:00 zhao closes w1 => CLOSED
            3T08:30 zhao in
            3T08:30 zhao opens w1 => OPEN
            5T09:00 zhao in
            ",
        )
        .await;
        hall.turn_to("5T09:05");
        let later = records(&hall, "shen", empty(&hall, "w1", "09:05")).await.expect("recorded");
        assert_eq!(told(&hall, &later), told(&hall, &at_once));
        let (before, after) = (at_once.snapshot.expect("one"), later.snapshot.expect("one"));
        assert_eq!(before.pause, after.pause, "the same entry");
        assert_eq!(before.log_size, at_once.inspection);
        assert_eq!(after.log_size, later.inspection, "everything before it was known");
        hall.office.stop().await;
    })
    .await;
}
