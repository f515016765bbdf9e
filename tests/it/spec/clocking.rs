//! Coming and going (rule R8): lateness, earliness, what is missing, and punches that do not say which way.

use super::Row;

#[rustfmt::skip]
pub(super) const DAYS: &[Row] = &[
    // To the minute.
    ("R8: in time", "std; IN 08:29; OUT 12:01; IN 13:58; OUT 17:31", "NORMAL: NORMAL, NORMAL | NORMAL, NORMAL"),
    ("R8: to the minute is in time", "08:30-12:00; IN 08:30; OUT 12:00", "NORMAL: NORMAL, NORMAL"),
    ("R8: 08:30:59 is 08:30", "08:30-12:00; IN 08:30:59; OUT 12:00", "NORMAL: NORMAL, NORMAL"),
    ("R8: 08:31 is one minute late", "08:30-12:00; IN 08:31; OUT 12:00", "LATE: LATE 1, NORMAL"),
    ("R8: 08:44:59 is 14 minutes late", "08:30-12:00; IN 08:44:59; OUT 12:00", "LATE: LATE 14, NORMAL"),
    ("R8: a threshold is reached when it is met: 15 minutes are serious", "08:30-12:00; IN 08:45; OUT 12:00", "SERIOUS_LATE: SERIOUS_LATE 15, NORMAL"),
    ("R8: 08:59:59 is 29 minutes late", "08:30-12:00; IN 08:59:59; OUT 12:00", "SERIOUS_LATE: SERIOUS_LATE 29, NORMAL"),
    ("R8: 30 minutes late is absence", "08:30-12:00; IN 09:00; OUT 12:00", "ABSENT: ABSENT_LATE 30, NORMAL!; absent 1000"),
    ("R8: 11:59:59 is one minute early", "08:30-12:00; IN 08:30; OUT 11:59:59", "EARLY: NORMAL, EARLY 1"),
    ("R8: 17:29:59 is one minute early for 17:30", "14:00-17:30; IN 14:00; OUT 17:29:59", "EARLY: NORMAL, EARLY 1"),
    ("R8: 11:31 is 29 minutes early", "08:30-12:00; IN 08:30; OUT 11:31", "EARLY: NORMAL, EARLY 29"),
    ("R8: 30 minutes early is absence", "08:30-12:00; IN 08:30; OUT 11:30", "ABSENT: NORMAL, ABSENT_EARLY 30!; absent 1000"),
    ("R8: late and early: the headline is the worse, both are kept", "08:30-12:00; IN 08:35; OUT 11:50", "LATE: LATE 5, EARLY 10"),
    ("R8: seriously late and early", "08:30-12:00; IN 08:50; OUT 11:50", "SERIOUS_LATE: SERIOUS_LATE 20, EARLY 10"),
    ("R8: half a day of absence is half a day", "std; IN 09:30; OUT 12:00; IN 14:00; OUT 17:30", "ABSENT: ABSENT_LATE 60, NORMAL! | NORMAL, NORMAL; absent 500"),
    ("R8: two halves are a day", "std; IN 09:30; OUT 12:00; IN 14:00; OUT 16:30", "ABSENT: ABSENT_LATE 60, NORMAL! | NORMAL, ABSENT_EARLY 60!; absent 1000"),
    // The policy.
    ("R8: within the tolerance is on time", "08:30-12:00; policy tol_late_minutes=5; IN 08:35:59; OUT 12:00", "NORMAL: NORMAL, NORMAL"),
    ("R8: beyond the tolerance all of it counts", "08:30-12:00; policy tol_late_minutes=5; IN 08:36; OUT 12:00", "LATE: LATE 6, NORMAL"),
    ("R8: going within the tolerance is on time", "08:30-12:00; policy tol_early_minutes=5; IN 08:30; OUT 11:55", "NORMAL: NORMAL, NORMAL"),
    ("R8: going beyond the tolerance", "08:30-12:00; policy tol_early_minutes=5; IN 08:30; OUT 11:54:59", "EARLY: NORMAL, EARLY 6"),
    ("R8: a tolerance is at most half of what is to be worked: 08:55 is the middle", "08:40-09:10; policy tol_early_minutes=20; IN 08:40; OUT 08:55", "NORMAL: NORMAL, NORMAL"),
    ("R8: before the middle nobody goes in time", "08:40-09:10; policy tol_early_minutes=20; IN 08:40; OUT 08:54", "EARLY: NORMAL, EARLY 16"),
    ("R8: the strict pack: 10 minutes are serious", "08:30-12:00; policy cn-strict; IN 08:40; OUT 12:00", "SERIOUS_LATE: SERIOUS_LATE 10, NORMAL"),
    ("R8: the strict pack: 15 minutes are absence", "08:30-12:00; policy cn-strict; IN 08:45; OUT 12:00", "ABSENT: ABSENT_LATE 15, NORMAL!; absent 1000"),
    ("R8: the strict pack: one that is missing is absence", "std; policy cn-strict; IN 08:30; IN 14:00; OUT 17:30", "ABSENT: NORMAL, MISSING! | NORMAL, NORMAL; absent 500"),
    // What is missing.
    ("R8: nothing at all is absence", "std", "ABSENT: MISSING, MISSING! | MISSING, MISSING!; absent 1000"),
    ("R8: nothing at all, where that is not absence by policy", "std; policy both_missing_is_absent=false", "MISSING: MISSING, MISSING | MISSING, MISSING"),
    ("R8: both are missing, where only one of them would be absence", "08:30-12:00; policy cn-strict; policy both_missing_is_absent=false", "MISSING: MISSING, MISSING"),
    ("R8: the noon-out is missing", "std; IN 08:29; IN 13:58; OUT 17:31", "MISSING: NORMAL, MISSING | NORMAL, NORMAL"),
    ("R8: the noon-in is missing", "std; IN 08:29; OUT 12:01; OUT 17:31", "MISSING: NORMAL, NORMAL | MISSING, NORMAL"),
    ("R8: the morning is missing", "std; IN 13:58; OUT 17:31", "ABSENT: MISSING, MISSING! | NORMAL, NORMAL; absent 500"),
    ("R8: only the first in and the last out", "std; IN 08:29; OUT 17:31", "MISSING: NORMAL, MISSING | MISSING, NORMAL"),
    ("R8: missing is worse than late", "08:30-12:00; IN 08:40", "MISSING: LATE 10, MISSING"),
    ("R8: absence is worse than missing", "08:30-12:00; IN 09:10", "ABSENT: ABSENT_LATE 40, MISSING!; absent 1000"),
    // First in, last out.
    ("R8: the earliest in counts", "08:30-12:00; IN 08:40; IN 08:29; OUT 12:00", "NORMAL: NORMAL, NORMAL"),
    ("R8: the latest out counts", "08:30-12:00; IN 08:29; OUT 12:00; OUT 11:30", "NORMAL: NORMAL, NORMAL"),
    ("R8: five taps at once are one", "08:30-12:00; IN 08:29; IN 08:29; IN 08:29:01; IN 08:29:01; IN 08:29:02; OUT 12:00", "NORMAL: NORMAL, NORMAL"),
    ("R8: an out before the only in is no going", "08:30-12:00; OUT 08:20; IN 08:29", "MISSING: NORMAL, MISSING"),
    ("R8: an out at the instant of the in is no going", "08:30-12:00; IN 08:29; OUT 08:29", "MISSING: NORMAL, MISSING"),
    ("R8: an in when going would be in time is no coming", "08:30-12:00; IN 12:00; OUT 12:10", "MISSING: MISSING, NORMAL"),
    ("R8: an in a minute before the end is a coming, very late", "08:30-12:00; IN 11:59; OUT 12:10", "ABSENT: ABSENT_LATE 209, NORMAL!; absent 1000"),
    ("R8: the order of arrival says nothing", "std; OUT 17:31; OUT 12:01; IN 13:58; IN 08:29", "NORMAL: NORMAL, NORMAL | NORMAL, NORMAL"),
    ("R8: out for a quarter of an hour is no gap", "08:30-12:00; IN 08:29; OUT 09:30; IN 09:45; OUT 12:00", "NORMAL: NORMAL, NORMAL"),
    ("R8: out for longer is a lead, and no status", "08:30-12:00; IN 08:29; OUT 09:30; IN 09:46; OUT 12:00", "NORMAL: NORMAL, NORMAL; MID_SPAN_GAP"),
    ("R8: a gap as long as the policy says", "08:30-12:00; policy gap_tolerance_minutes=60; IN 08:29; OUT 09:30; IN 10:30; OUT 12:00", "NORMAL: NORMAL, NORMAL"),
    ("R8: over noon is no gap: it is no working time", "std; IN 08:29; OUT 12:00; IN 14:00; OUT 17:30", "NORMAL: NORMAL, NORMAL | NORMAL, NORMAL"),
    ("R14: a pause covers a gap", "08:30-12:00; IN 08:29; OUT 09:30; IN 10:30; OUT 12:00; pause 09:30-10:20", "NORMAL: NORMAL, NORMAL"),
    ("R14: what a pause does not cover is a gap", "08:30-12:00; IN 08:29; OUT 09:30; IN 10:30; OUT 12:00; pause 09:30-10:00", "NORMAL: NORMAL, NORMAL; MID_SPAN_GAP"),
    ("R14: a pause excuses no punch", "08:30-12:00; IN 08:29; pause 08:30-12:00", "MISSING: NORMAL, MISSING"),
    ("R14: nor does it make one", "08:30-12:00; pause 08:30-12:00", "ABSENT: MISSING, MISSING!; absent 1000"),
    // Which way, unknown.
    ("R8: before the middle is a coming, from it on a going", "08:30-12:00; ? 08:29; ? 12:01", "NORMAL: NORMAL, NORMAL"),
    ("R8: the middle is 10:15: a second before it is a coming", "08:30-12:00; ? 10:14:59", "ABSENT: ABSENT_LATE 104, MISSING!; absent 1000"),
    ("R8: the middle itself is a going", "08:30-12:00; ? 10:15", "ABSENT: MISSING, ABSENT_EARLY 105!; absent 1000"),
    ("R8: one punch after the middle: a going, and the coming is missing", "08:30-12:00; ? 12:05", "MISSING: MISSING, NORMAL"),
    ("R8: a device that cannot tell, all day", "std; ? 08:29; ? 12:01; ? 13:58; ? 17:31", "NORMAL: NORMAL, NORMAL | NORMAL, NORMAL"),
    ("R8: unknown and known together", "08:30-12:00; IN 08:40; ? 08:29; OUT 11:30; ? 12:00", "NORMAL: NORMAL, NORMAL"),
    // Which span.
    ("R7: 13:00 belongs to the morning, to its last second", "std; IN 08:29; OUT 13:00; IN 13:58; OUT 17:31", "NORMAL: NORMAL, NORMAL | NORMAL, NORMAL"),
    ("R7: 13:00:01 belongs to the afternoon", "std; IN 08:29; OUT 13:00:01; IN 13:58; OUT 17:31", "MISSING: NORMAL, MISSING | NORMAL, NORMAL"),
    ("R7: an hour before the beginning counts", "08:30-12:00; IN 07:30; OUT 12:00", "NORMAL: NORMAL, NORMAL"),
    ("R7: a second more than an hour before does not", "08:30-12:00; IN 07:29:59; OUT 12:00", "MISSING: MISSING, NORMAL"),
    ("R7: an hour after the end counts", "08:30-12:00; IN 08:30; OUT 13:00", "NORMAL: NORMAL, NORMAL"),
    ("R7: a second more than an hour after does not", "08:30-12:00; IN 08:30; OUT 13:00:01", "MISSING: NORMAL, MISSING"),
    ("R7: a shift that lets people come earlier", "08:30-12:00 around 120 60; IN 06:30; OUT 12:00", "NORMAL: NORMAL, NORMAL"),
    ("R8: in before the afternoon's region does not make its coming", "std; IN 08:29; OUT 12:01; IN 12:30; OUT 17:31", "MISSING: NORMAL, NORMAL | MISSING, NORMAL"),
];

#[test]
fn people_come_and_go() {
    super::days::hold(DAYS);
}
