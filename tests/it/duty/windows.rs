//! Windows open, close, change hands and are covered (duty notes 3.3).

use super::rig::Hall;
use crate::support::store::each;

#[tokio::test]
async fn a_window_is_opened_by_who_is_there_and_bound_to_it() {
    each(async |fixture| {
        let mut hall = Hall::begin(&fixture.store, 1_001).await;
        hall.lives(
            "
            08:20 zhao opens w1                     => NOT_CLOCKED_IN
            08:20 zhao opens w1 because             => OPEN NOT_CLOCKED_IN OVERRIDDEN
            08:21 zhao opens w1                     => ALREADY_OPEN
            08:22 qian in
            08:22 qian opens w1 because             => HELD_BY_ANOTHER
            08:23 qian opens w3                     => NOT_BOUND
            08:23 qian opens w3 because             => OPEN OVERRIDDEN NOT_BOUND
            08:24 qian opens w2                     => HOLDS_ANOTHER_WINDOW
            08:25 qian closes w3                    => CLOSED
            08:25 qian opens w2                     => OPEN
            08:26 zheng@t1 opens w5                 => ANOTHER_WINDOW
            08:26 zheng in
            08:26 zheng@t5 opens w5                 => OPEN
            08:27 zhou opens w3 for sun             => NOT_CLOCKED_IN
            08:27 sun in
            08:27 qian opens w3 for sun             => NOT_RESPONSIBLE
            08:28 zhou opens w3 for sun             => OPEN
            08:29 zhao opens w9                     => NO_SUCH_WINDOW
            08:30 board                             => 1:OPEN 2:OPEN 3:OPEN 5:OPEN
            ",
        )
        .await;
        hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_window_changes_hands_and_closes() {
    each(async |fixture| {
        let mut hall = Hall::begin(&fixture.store, 1_002).await;
        hall.turn_to("08:30");
        hall.at_work(&[("zhao", "w1"), ("qian", "w2")]).await;
        hall.lives(
            "
            09:00 wu takes w1                       => NOT_CLOCKED_IN
            09:00 wu in
            09:00 wu takes w1                       => NOT_BOUND
            09:01 wu takes w1 because               => OPEN OVERRIDDEN NOT_BOUND
            09:02 zhao closes w1                    => NOT_YOURS
            09:03 hall w1                           => OPEN wu bound zhao in zhao unserved c
            09:04 wu takes w1                       => ALREADY_OPEN
            09:05 li closes w1                      => NOT_YOURS
            09:05 zhou closes w1 for wu             => CLOSED
            09:06 zhou closes w1 for wu             => NOT_OPEN
            09:07 zhao opens w1                     => OPEN
            09:10 wu takes w3                       => NOT_OPEN
            # Who has gone home holds nothing: somebody else opens it.
            12:00 qian out
            12:01 board                             => 1:OPEN 2:UNSTAFFED>w1
            12:02 sun in
            12:02 sun opens w2 because              => OPEN OVERRIDDEN NOT_BOUND
            12:03 board                             => 1:OPEN 2:OPEN
            # What nobody closed has closed by itself after sixteen hours.
            3T01:06 board                           => 1:OPEN 2:OPEN
            3T01:07 board                           => 2:OPEN
            3T04:02 board                           =>
            ",
        )
        .await;
        hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn somebody_stands_in_with_one_command() {
    each(async |fixture| {
        let mut hall = Hall::begin(&fixture.store, 1_003).await;
        hall.turn_to("08:30");
        hall.at_work(&[("zhao", "w1"), ("qian", "w2"), ("sun", "w3"), ("wu", "w4")]).await;
        hall.lives(
            "
            09:00 zhao pauses w1 CONSULT 09:10      => STARTED >w2,w4
            09:01 zhao covers w1                    => COVERS_THEMSELVES
            09:01 sun covers w1 because             => HOLDS_ANOTHER_WINDOW
            09:02 sun covers w1 from w3 because     => COVERED OVERRIDDEN NOT_BOUND
            09:03 board                             => 1:COVERED 2:OPEN 3:PAUSED@09:32>w4,w2 4:OPEN
            09:04 pauses w1                         => zhao 09:00-09:02 COVERED_BY ON_TIME promised 09:10
            09:05 sun covers w3 from w2 because     => NOT_YOURS
            09:06 zhao takes w1                     => OPEN
            09:07 sun back w3                       => OPEN
            09:08 zhou covers w1 by zheng           => NOT_CLOCKED_IN
            09:08 zheng in
            09:08 qian covers w1 by zheng           => NOT_RESPONSIBLE
            09:09 zhou covers w1 by zheng because   => COVERED OVERRIDDEN NOT_BOUND
            09:10 hall w1                           => COVERED zheng bound zhao in zhao
            ",
        )
        .await;
        hall.office.stop().await;
    })
    .await;
}
