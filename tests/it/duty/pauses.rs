//! Pauses: what may be promised, who approves it, how it is kept (duty notes 3.1, 3.2, 3.4 and "Decided after review").

use super::rig::Hall;
use crate::support::store::each;

#[tokio::test]
async fn a_pause_says_where_to_go_and_when_the_window_is_back() {
    each(async |fixture| {
        let mut hall = Hall::begin(&fixture.store, 1_011).await;
        hall.turn_to("08:30");
        hall.at_work(&[("zhao", "w1"), ("qian", "w2"), ("sun", "w3"), ("wu", "w4"), ("zheng", "w5")]).await;
        hall.lives(
            "
            # Windows that serve the same items: those of the same zone first, then by number. w3 serves less.
            09:00 zhao@t1 pauses w1 COMFORT 09:08   => STARTED >w2,w4
            09:00 text w1                           => 暂停服务 预计09:08恢复，请至2号、4号窗口 / Service paused. Back at about 09:08. Please go to window 2, 4.
            09:01 board                             => 1:PAUSED@09:08>w2,w4 2:OPEN 3:OPEN 4:OPEN 5:OPEN
            09:02 zhao pauses w1 COMFORT 09:12      => ALREADY_PAUSED
            # A window that others are sent to pauses too: they are sent elsewhere.
            09:03 qian@t2 pauses w2 CONSULT 09:10   => STARTED >w4
            09:03 board                             => 1:PAUSED@09:08>w4 2:PAUSED@09:10>w4 3:OPEN 4:OPEN 5:OPEN
            # A board never shows a time that has passed.
            09:09 board                             => 1:PAUSED>w4 2:PAUSED@09:10>w4 3:OPEN 4:OPEN 5:OPEN
            09:09 text w1                           => 暂停服务 即将恢复，请至4号窗口 / Service paused. Back any moment. Please go to window 4.
            09:13 text w1                           => 已超时，请至4号窗口 / Later than promised. Please go to window 4.
            09:14 zhao@t1 back w1                   => OPEN
            09:14 board                             => 1:OPEN 2:PAUSED>w4 3:OPEN 4:OPEN 5:OPEN
            09:25 board                             => 1:OPEN 2:OFF_POST>w4 3:OPEN 4:OPEN 5:OPEN
            09:26 sun back w2                       => NOT_YOURS
            09:26 li back w2                        => OPEN
            09:27 pauses                            => zhao 09:00-09:14 RETURNED LATE_RETURN +6 promised 09:08 | qian 09:03-09:26 RETURNED LEFT_POST +16 promised 09:10
            09:28 pauses as zhao                    => zhao 09:00-09:14 RETURNED LATE_RETURN +6 promised 09:08
            09:28 pauses w2 as li                   => qian 09:03-09:26 RETURNED LEFT_POST +16 promised 09:10
            09:28 pauses as zheng                   =>
            ",
        )
        .await;
        hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn what_the_rules_say_no_to_is_refused_and_recorded_when_somebody_leaves_anyway() {
    each(async |fixture| {
        let mut hall = Hall::begin(&fixture.store, 1_012).await;
        hall.turn_to("08:30");
        hall.at_work(&[("zhao", "w1"), ("qian", "w2"), ("zheng", "w5")]).await;
        hall.lives(
            "
            09:00 zhao pauses w1 COMFORT 08:59      => RETURN_TIME_OUT_OF_RANGE
            09:00 zhao pauses w1 COMFORT            => expected_return_at MISSING
            09:00 zhao pauses w1 COMFORT 09:05 nosign => SIGN_NOT_DISPLAYED
            09:00 zhao pauses w1 COMFORT 09:05 to w3 => GUIDANCE_NOT_OPEN
            09:00 zhao pauses w1 COMFORT 09:05 to w5 => GUIDANCE_NOT_OPEN
            09:00 qian pauses w1 COMFORT 09:05      => NOT_YOURS
            09:00 zhao pauses w3 COMFORT 09:05      => NOT_OPEN
            # Nothing of all that was written.
            09:01 pauses                            =>
            09:02 zhao pauses w1 COMFORT 09:05 nosign anyway => STARTED >w2 NO_SIGN LEFT_ANYWAY
            09:04 zhao back w1                      => OPEN
            # The last window of an item: somebody stands in, a duty manager says so, or it is on record.
            10:00 zheng pauses w5 COMFORT 10:05     => LAST_WINDOW
            10:00 zheng pauses w5 COMFORT 10:05 b wu => B_POST_NOT_FREE
            10:00 wu in
            10:00 zheng pauses w5 COMFORT 10:05 b wu => STARTED
            10:01 text w5                           => 暂停服务 预计10:05恢复 / Service paused. Back at about 10:05.
            10:04 zheng back w5                     => OPEN
            10:10 zhou pauses w5 COMFORT 10:15 for zheng => STARTED
            10:14 zhou back w5                      => OPEN
            10:20 zheng pauses w5 MEDICAL 10:28 anyway => STARTED LAST_WINDOW LEFT_ANYWAY
            10:21 hall w5                           => PAUSED zheng bound zheng in zheng unserved c
            10:28 zheng back w5                     => OPEN
            # Somebody who has not clocked in has left all the same (rule R14).
            11:00 qian out
            11:01 qian pauses w2 EMERGENCY 11:09    => STARTED >w1 NOT_CLOCKED_IN
            ",
        )
        .await;
        hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn the_longer_the_pause_the_higher_who_approves_it() {
    each(async |fixture| {
        let mut hall = Hall::begin(&fixture.store, 1_013).await;
        hall.turn_to("08:30");
        hall.at_work(&[("zhao", "w1"), ("qian", "w2"), ("wu", "w4")]).await;
        hall.lives(
            "
            # Ten minutes need nobody.
            09:00 zhao pauses w1 COMFORT 09:10      => STARTED >w2,w4
            09:05 zhao back w1                      => OPEN
            # Up to thirty, a lead; undecided, it counts as begun after a minute.
            09:10 zhao pauses w1 CONSULT 09:30      => AWAITING_APPROVAL 09:11 >w2,w4
            09:10 board                             => 1:OPEN 2:OPEN 4:OPEN
            09:10 hall w1                           => OPEN zhao bound zhao in zhao awaiting 1
            09:11 board                             => 1:PAUSED@09:30>w2,w4 2:OPEN 4:OPEN
            09:12 zhao approves w1                  => DENIED
            09:12 li approves w1                    => PAUSED
            09:12 li approves w1                    => ALREADY_DECIDED
            09:13 li recalls w1                     => PAUSED
            09:14 board                             => 1:PAUSED>w2,w4 2:OPEN 4:OPEN
            09:18 board                             => 1:OVERDUE>w2,w4 2:OPEN 4:OPEN
            09:18 zhao back w1                      => OPEN
            09:19 pauses w1                         => zhao 09:00-09:05 RETURNED ON_TIME promised 09:10 | zhao 09:11-09:18 RETURNED LATE_RETURN +5 promised 09:30
            # Refused before it began: it never did.
            10:00 qian pauses w2 SITE_VISIT 10:25   => AWAITING_APPROVAL 10:01 >w1,w4
            10:00 li refuses w2                     => OPEN
            10:02 board                             => 1:OPEN 2:OPEN 4:OPEN
            # Beyond thirty, a duty manager; beyond an hour it is leave.
            11:00 qian pauses w2 SITE_VISIT 11:40   => AWAITING_APPROVAL 11:01 >w1,w4
            11:00 li approves w2                    => NOT_RESPONSIBLE
            11:00 zhou approves w2                  => PAUSED
            11:30 qian back w2                      => OPEN
            11:40 wu pauses w4 SITE_VISIT 12:41     => TOO_MANY_PAUSES
            11:40 wu pauses w4 SITE_VISIT 12:41 anyway => STARTED >w1,w2 NO_APPROVAL LEFT_ANYWAY TOO_MANY_PAUSES
            # What a lead does in somebody's place is approved as far as a lead may.
            13:00 li pauses w1 CONSULT 13:25 for zhao => STARTED >w2
            13:00 li pauses w2 CONSULT 13:50 for qian => TOO_MANY_PAUSES
            ",
        )
        .await;
        hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_promise_may_be_extended_once_and_stays_visible() {
    each(async |fixture| {
        let mut hall = Hall::begin(&fixture.store, 1_014).await;
        hall.turn_to("08:30");
        hall.at_work(&[("zhao", "w1"), ("qian", "w2")]).await;
        hall.lives(
            "
            09:00 zhao extends w1 09:08             => NO_OPEN_PAUSE
            09:00 zhao pauses w1 COMFORT 09:05      => STARTED >w2
            09:01 qian extends w1 09:08             => NOT_YOURS
            09:01 zhao extends w1 09:04             => NOT_LATER
            09:02 zhao extends w1 09:20             => NOT_YOURS_TO_EXTEND
            09:03 zhao extends w1 09:10             => PAUSED
            09:04 zhao extends w1 09:11             => TOO_MANY_EXTENSIONS
            09:07 board                             => 1:PAUSED@09:10>w2 2:OPEN
            09:11 zhao back w1                      => OPEN
            09:12 pauses w1                         => zhao 09:00-09:11 RETURNED ON_TIME +1 promised 09:05,09:10
            09:20 qian pauses w2 CONSULT 09:28      => STARTED >w1
            09:21 li extends w2 09:45 for qian      => PAUSED
            09:22 board                             => 1:OPEN 2:PAUSED@09:45>w1
            ",
        )
        .await;
        hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn pauses_are_counted_and_end_by_themselves() {
    each(async |fixture| {
        let mut hall = Hall::begin(&fixture.store, 1_015).await;
        hall.turn_to("08:30");
        hall.at_work(&[("zhao", "w1"), ("qian", "w2"), ("wu", "w4")]).await;
        hall.lives(
            "
            09:00 zhao pauses w1 COMFORT 09:02      => STARTED >w2,w4
            09:02 zhao back w1                      => OPEN
            09:10 zhao pauses w1 COMFORT 09:12      => STARTED >w2,w4
            09:12 zhao back w1                      => OPEN
            09:20 zhao pauses w1 COMFORT 09:22      => STARTED >w2,w4
            09:22 zhao back w1                      => OPEN
            09:30 zhao pauses w1 COMFORT 09:32      => STARTED >w2,w4
            09:32 zhao back w1                      => OPEN
            09:40 zhao pauses w1 COMFORT 09:42      => TOO_MANY_PAUSES
            # Another half of the day.
            14:00 zhao pauses w1 COMFORT 14:05      => STARTED >w2,w4
            # Whoever goes home is not paused any more.
            14:03 zhao out
            14:04 board                             => 1:UNSTAFFED>w2,w4 2:OPEN 4:OPEN
            14:05 pauses w1 of zhao                 => zhao 09:00-09:02 RETURNED ON_TIME promised 09:02 | zhao 09:10-09:12 RETURNED ON_TIME promised 09:12 | zhao 09:20-09:22 RETURNED ON_TIME promised 09:22 | zhao 09:30-09:32 RETURNED ON_TIME promised 09:32 | zhao 14:00-14:03 SHIFT_END ON_TIME promised 14:05
            # Closing ends a pause too.
            15:00 qian pauses w2 COMFORT 15:05      => STARTED >w4
            15:02 qian closes w2                    => CLOSED
            15:03 pauses w2                         => qian 15:00-15:02 SHIFT_END ON_TIME promised 15:05
            # What is out of order is nobody's absence, and ends when somebody says so, or after sixteen hours.
            15:10 wu pauses w4 EQUIPMENT 16:00      => STARTED
            15:11 board                             => 1:UNSTAFFED 4:FAULT@16:00
            16:01 text w4                           => 设备故障，请咨询导服台 / Out of order. Please ask at the help desk.
            16:02 pauses w4                         => 15:10- EXCUSED_PAUSE +2 promised 16:00
            16:03 wu back w4                        => OPEN
            ",
        )
        .await;
        hall.office.stop().await;
    })
    .await;
}
