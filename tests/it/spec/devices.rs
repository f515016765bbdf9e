//! Could the machines have told us (rules R4, R5)? Coverage, outages, imports, times that cannot be relied on; corrections
//! and manual rolls.

use super::Row;

#[rustfmt::skip]
pub(super) const DAYS: &[Row] = &[
    // Coverage.
    ("R5: in time is final at once, whatever has arrived", "08:30-12:00; IN 08:29; OUT 12:00; told nothing; at 12:01", "NORMAL: NORMAL, NORMAL"),
    ("R5: nothing was clocked, and the device has told of everything", "08:30-12:00; told 13:00; at 13:01", "ABSENT: MISSING, MISSING!; absent 1000"),
    ("R5: a second less, and nobody is absent", "08:30-12:00; told 12:59:59; at 13:01", "PENDING: PENDING, PENDING; waits 11-03 12:00, gate-1 13:00"),
    ("R5: nothing was clocked, and the device has told of nothing", "08:30-12:00; told nothing; at 13:01", "PENDING: PENDING, PENDING; waits 11-03 12:00, gate-1 13:00"),
    ("R5: it stayed silent for eight working hours: unverified, never absent", "08:30-12:00; told nothing; at 36:00", "UNVERIFIED: UNVERIFIED, UNVERIFIED; waits gate-1 13:00"),
    ("R5: a minute before that it is still pending", "08:30-12:00; told nothing; at 35:59:59", "PENDING: PENDING, PENDING; waits 11-03 12:00, gate-1 13:00"),
    ("R5: unverified is not the end: it told in the end", "08:30-12:00; told 48:00; at 400:00", "ABSENT: MISSING, MISSING!; absent 1000"),
    ("R5: silent for years is still no absence", "08:30-12:00; told nothing; at 9000:00", "UNVERIFIED: UNVERIFIED, UNVERIFIED; waits gate-1 13:00"),
    ("R5: late is final when the end of its minute is told of", "08:30-12:00; IN 08:42:30; OUT 12:00; told 08:43; at 12:05", "LATE: LATE 12, NORMAL"),
    ("R5: late, and an earlier punch may still come", "08:30-12:00; IN 08:42:30; OUT 12:00; told 08:42:59; at 12:05", "PENDING: PENDING, NORMAL; waits 11-03 12:00, gate-1 08:43"),
    ("R5: absently late waits too", "08:30-12:00; IN 09:10; OUT 12:00; told 09:00; at 12:05", "PENDING: PENDING, NORMAL; waits 11-03 12:00, gate-1 09:11"),
    ("R5: early is final when the end of the region is told of", "08:30-12:00; IN 08:30; OUT 11:50; told 13:00; at 13:01", "EARLY: NORMAL, EARLY 10"),
    ("R5: early, and a later punch may still come", "08:30-12:00; IN 08:30; OUT 11:50; told 12:30; at 13:01", "PENDING: NORMAL, PENDING; waits 11-03 12:00, gate-1 13:00"),
    ("R5: in the middle of the day, the afternoon is pending", "std; IN 08:29; OUT 12:01; told 15:00; at 15:00", "PENDING: NORMAL, NORMAL | PENDING, PENDING; waits 11-03 16:30, gate-1 18:30"),
    ("R5: at nine in the morning, nobody is absent", "std; told 09:00; at 09:00", "PENDING: PENDING, PENDING | PENDING, PENDING; waits 11-03 12:00, gate-1 13:00"),
    ("R5: the morning is known, the afternoon not", "std; told 14:00; at 18:31", "PENDING: MISSING, MISSING! | PENDING, PENDING; absent 500; waits 11-03 16:30, gate-1 18:30"),
    ("R5: the wait counts working time: Friday's ends on Monday", "date 2026-11-06; 14:00-17:30; IN 14:00; told 15:00; at 50:00", "PENDING: NORMAL, PENDING; waits 11-09 16:30, gate-1 18:30"),
    ("R5: the demonstration waits for an hour", "08:30-12:00; policy demo; told nothing; at 13:30", "PENDING: PENDING, PENDING; waits 14:00, gate-1 13:00"),
    ("R5: and then says so", "08:30-12:00; policy demo; told nothing; at 14:00", "UNVERIFIED: UNVERIFIED, UNVERIFIED; waits gate-1 13:00"),
    ("R5: pending is worse than unverified", "std; policy max_wait_minutes=0; told 08:00; at 13:01", "PENDING: UNVERIFIED, UNVERIFIED | PENDING, PENDING; waits 18:30, gate-1 13:00"),
    // Several devices.
    ("R5: all devices must have told", "08:30-12:00; gate-1 told 13:00; gate-2 told 12:00; at 13:01", "PENDING: PENDING, PENDING; waits 11-03 12:00, gate-2 13:00"),
    ("R5: of several the first by its code is waited for", "08:30-12:00; gate-3 told 08:00; gate-2 told 12:00; at 13:01", "PENDING: PENDING, PENDING; waits 11-03 12:00, gate-2 13:00"),
    ("R5: a dead spare that was declared holds nobody", "08:30-12:00; gate-2 told 07:00; gate-2 out 07:00-", "ABSENT: MISSING, MISSING!; absent 1000"),
    ("R5: one that was not declared does", "08:30-12:00; gate-2 told 07:00", "UNVERIFIED: UNVERIFIED, UNVERIFIED; waits gate-2 13:00"),
    ("R5: what it stamped before it broke must still come", "08:30-12:00; gate-2 told 07:00; gate-2 out 09:00-; at 13:01", "PENDING: PENDING, PENDING; waits 11-03 12:00, gate-2 08:59"),
    ("R5: a spare in its box since last year", "08:30-12:00; gate-2 serves -00:00; gate-2 told nothing", "ABSENT: MISSING, MISSING!; absent 1000"),
    ("R5: a device that was hung up in the afternoon says nothing of the morning", "08:30-12:00; gate-2 serves 15:00-; gate-2 told nothing", "ABSENT: MISSING, MISSING!; absent 1000"),
    ("R5: different devices hold the morning and the afternoon: both are waited for", "std; gate-1 serves -13:00; gate-1 told nothing; gate-2 told 14:00; at 18:31", "PENDING: PENDING, PENDING | PENDING, PENDING; waits 11-03 12:00, gate-1 12:59, gate-2 18:30"),
    // A clean shutdown covers until the next boot: the device is covered until then.
    ("R5: shut down at six, started at eight: it has told of the night", "20:00-26:00; gate-1 told 32:00", "ABSENT: MISSING, MISSING!; absent 1000"),
    ("R5: shut down at noon and not heard of since: the end is pending", "08:30-12:00; IN 08:29; gate-1 told 12:00; at 13:30", "PENDING: NORMAL, PENDING; waits 11-03 12:00, gate-1 13:00"),
    // Nobody could clock in.
    ("R5: every device was out for a while: a manual roll decides", "08:30-12:00; gate-1 out 08:00-09:00", "UNVERIFIED: UNVERIFIED, UNVERIFIED; ALL_DEVICES_OUT"),
    ("R5: who came before or after that is in time all the same", "08:30-12:00; gate-1 out 08:35-09:00; IN 08:29; OUT 12:00", "NORMAL: NORMAL, NORMAL"),
    ("R5: who came right after it may have come before", "08:30-12:00; gate-1 out 08:00-09:00; IN 09:01; OUT 12:00", "UNVERIFIED: UNVERIFIED, NORMAL; ALL_DEVICES_OUT"),
    ("R5: an outage after the late coming does not matter for it", "08:30-12:00; gate-1 out 10:00-11:00; IN 08:42; OUT 12:00", "LATE: LATE 12, NORMAL"),
    ("R5: two devices, out one after the other", "08:30-12:00; gate-1 out 08:00-09:00; gate-2 out 09:00-10:00", "ABSENT: MISSING, MISSING!; absent 1000"),
    ("R5: two devices, out at the same time", "08:30-12:00; gate-1 out 08:00-09:00; gate-2 out 08:30-10:00", "UNVERIFIED: UNVERIFIED, UNVERIFIED; ALL_DEVICES_OUT"),
    ("R5: out of order until somebody says otherwise", "std; gate-1 out 12:30-; IN 08:29; OUT 12:01; told 12:30; at 20:00", "UNVERIFIED: NORMAL, NORMAL | UNVERIFIED, UNVERIFIED; ALL_DEVICES_OUT"),
    ("R5: no devices at all: nothing can be proven", "08:30-12:00; no devices; at 13:01", "PENDING: PENDING, PENDING; waits 11-03 12:00"),
    ("R5: no devices at all, in the end", "08:30-12:00; no devices", "UNVERIFIED: UNVERIFIED, UNVERIFIED"),
    ("R5: the first device was hung up at noon: nothing is known of before", "08:30-12:00; gate-1 serves 12:00-", "UNVERIFIED: UNVERIFIED, UNVERIFIED"),
    ("R5: the only device was retired in the morning", "08:30-12:00; gate-1 serves -09:00; IN 08:29", "UNVERIFIED: NORMAL, UNVERIFIED"),
    // Manual rolls and corrections.
    ("R5: the manual roll stands in for the devices", "08:30-12:00; gate-1 out 08:00-09:00; IN 08:30 by roll; OUT 12:00", "NORMAL: NORMAL instead of UNVERIFIED by roll, NORMAL; ALL_DEVICES_OUT"),
    ("R5: the roll of somebody who came late", "08:30-12:00; gate-1 out 08:00-09:00; IN 08:40 by roll; OUT 12:00", "LATE: LATE 10 instead of UNVERIFIED by roll, NORMAL; ALL_DEVICES_OUT"),
    ("R5: a roll does not make what a device holds back known", "08:30-12:00; gate-1 out 08:30-09:00; told 08:00; IN 08:40 by roll; OUT 12:00; at 13:00", "PENDING: PENDING instead of UNVERIFIED by roll, NORMAL; ALL_DEVICES_OUT; waits 11-03 12:00, gate-1 08:29"),
    ("R5: a device's punch after the outage, and a roll of later", "08:30-12:00; gate-1 out 08:00-08:33; IN 08:35; IN 08:40 by roll; OUT 12:00", "LATE: LATE 5 instead of UNVERIFIED, NORMAL; ALL_DEVICES_OUT"),
    ("R11: a correction in time", "08:30-12:00; IN 08:29 by correction; OUT 12:00", "NORMAL: NORMAL instead of MISSING by correction, NORMAL"),
    ("R11: a correction of the going", "08:30-12:00; IN 08:29; OUT 12:00 by correction", "NORMAL: NORMAL, NORMAL instead of MISSING by correction"),
    ("R11: a correction that is late all the same", "08:30-12:00; IN 08:40 by correction; OUT 12:00", "LATE: LATE 10 instead of MISSING by correction, NORMAL"),
    ("R11: a correction betters a late coming, and the raw result stays on view", "08:30-12:00; IN 08:40; IN 08:29 by correction; OUT 12:00", "NORMAL: NORMAL instead of LATE by correction, NORMAL"),
    ("R11: a correction never worsens: the device's earlier punch counts", "08:30-12:00; IN 08:29; IN 08:50 by correction; OUT 12:00", "NORMAL: NORMAL, NORMAL"),
    ("R11: at one instant the device's word comes first", "08:30-12:00; IN 08:40; IN 08:40 by correction; OUT 12:00", "LATE: LATE 10, NORMAL"),
    ("R11: a correction while the raw result is pending", "08:30-12:00; IN 08:29 by correction; OUT 12:00; told nothing; at 13:01", "NORMAL: NORMAL instead of PENDING by correction, NORMAL; waits 11-03 12:00, gate-1 13:00"),
    // R4.
    ("R4: a corrected clock counts", "08:30-12:00; IN 08:31 corrected; OUT 12:00", "LATE: LATE 1, NORMAL"),
    ("R4: suspect, and in time wherever it was", "08:30-12:00; IN 08:20 in 08:10..08:30; OUT 12:00", "NORMAL: NORMAL, NORMAL"),
    ("R4: suspect, and it makes a difference", "08:30-12:00; IN 08:20 in 08:10..08:31; OUT 12:00", "UNVERIFIED: UNVERIFIED, NORMAL; SUSPECT_TIME"),
    ("R4: suspect, and late wherever it was", "08:30-12:00; IN 08:35 in 08:31..08:44; OUT 12:00", "LATE: LATE 5, NORMAL"),
    ("R4: suspect, and late or seriously late", "08:30-12:00; IN 08:35 in 08:31..08:45; OUT 12:00", "UNVERIFIED: UNVERIFIED, NORMAL; SUSPECT_TIME"),
    ("R4: suspect beside a punch that is in time makes no difference", "08:30-12:00; IN 08:20 in 07:00..20:00; IN 08:29; OUT 12:00", "NORMAL: NORMAL, NORMAL"),
    ("R4: suspect beside a punch that is late may make one", "08:30-12:00; IN 08:20 in 07:00..20:00; IN 08:40; OUT 12:00", "UNVERIFIED: UNVERIFIED, NORMAL; SUSPECT_TIME"),
    ("R4: suspect, and perhaps on another day", "08:30-12:00; IN 08:20 in 00:00..20:00; OUT 12:00", "UNVERIFIED: UNVERIFIED, NORMAL; SUSPECT_TIME"),
    ("R4: suspect from before to after the region, and in it by no bound alone", "08:30-12:00; IN 20:00 in 00:00..20:00; OUT 12:00", "UNVERIFIED: UNVERIFIED, NORMAL; SUSPECT_TIME"),
    ("R4: suspect, and outside wherever it was", "08:30-12:00; IN 20:00 in 18:00..20:00; OUT 12:00", "MISSING: MISSING, NORMAL"),
    ("R4: a suspect going", "08:30-12:00; IN 08:29; OUT 12:00 in 11:59..12:10", "UNVERIFIED: NORMAL, UNVERIFIED; SUSPECT_TIME"),
    ("R4: a suspect going that is in time wherever it was", "08:30-12:00; IN 08:29; OUT 12:00 in 12:00..12:10", "NORMAL: NORMAL, NORMAL"),
    ("R4: suspect and without direction: a coming or a going", "08:30-12:00; ? 10:00 in 09:50..10:30", "UNVERIFIED: UNVERIFIED, UNVERIFIED; SUSPECT_TIME"),
    ("R4: suspect, and late is final when the last of its minutes is told of", "08:30-12:00; IN 08:35 in 08:31..08:44; OUT 12:00; told 08:44; at 12:30", "PENDING: PENDING, NORMAL; waits 11-03 12:00, gate-1 08:45"),
    ("R4: a suspect time that a correction settles", "08:30-12:00; IN 08:20 in 08:10..08:40; IN 08:25 by correction; OUT 12:00", "NORMAL: NORMAL instead of UNVERIFIED, NORMAL; SUSPECT_TIME"),
    // Imports.
    ("R5: an imported time counts", "08:30-12:00; IN 08:31 imported; OUT 12:00 imported", "LATE: LATE 1, NORMAL"),
    ("R5: a file that is complete until 13:00", "08:30-12:00; no devices; file-a told 13:00; IN 08:29 imported", "MISSING: NORMAL, MISSING"),
    ("R5: a file that is complete until noon", "08:30-12:00; no devices; file-a told 12:00; IN 08:29 imported; at 13:01", "PENDING: NORMAL, PENDING; waits 11-03 12:00, file-a 13:00"),
    ("R5: terminals and files together: both must have told", "08:30-12:00; file-a told 12:00; at 13:01", "PENDING: PENDING, PENDING; waits 11-03 12:00, file-a 13:00"),
];

#[test]
fn devices_tell_or_do_not() {
    super::days::hold(DAYS);
}
