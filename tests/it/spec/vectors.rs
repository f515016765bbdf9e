//! The thirty-one days that were worked through by hand against the rules (rule R9).

use super::Row;

#[rustfmt::skip]
pub(super) const DAYS: &[Row] = &[
    ("R9: 1, a normal day", "std; IN 08:25; OUT 12:03; IN 13:55; OUT 17:35", "NORMAL: NORMAL, NORMAL | NORMAL, NORMAL"),
    ("R9: 2, unknown direction", "std; ? 08:25; ? 12:03; ? 13:55; ? 17:35", "NORMAL: NORMAL, NORMAL | NORMAL, NORMAL"),
    ("R9: 3, 08:30:59", "std; IN 08:30:59; OUT 12:00; IN 14:00; OUT 17:30", "NORMAL: NORMAL, NORMAL | NORMAL, NORMAL"),
    ("R9: 4, 08:31", "std; IN 08:31; OUT 12:00; IN 14:00; OUT 17:30", "LATE: LATE 1, NORMAL | NORMAL, NORMAL"),
    ("R9: 5, 08:45", "std; IN 08:45; OUT 12:00; IN 14:00; OUT 17:30", "SERIOUS_LATE: SERIOUS_LATE 15, NORMAL | NORMAL, NORMAL"),
    ("R9: 6, 09:00", "std; IN 09:00; OUT 12:00; IN 14:00; OUT 17:30", "ABSENT: ABSENT_LATE 30, NORMAL! | NORMAL, NORMAL; absent 500"),
    ("R9: 7, 17:29:59", "std; IN 08:30; OUT 12:00; IN 14:00; OUT 17:29:59", "EARLY: NORMAL, NORMAL | NORMAL, EARLY 1"),
    ("R9: 8, the noon-out is missing", "std; IN 08:30; IN 14:00; OUT 17:30", "MISSING: NORMAL, MISSING | NORMAL, NORMAL"),
    ("R9: 9, no punch, covered", "std; told 18:30; at 19:00", "ABSENT: MISSING, MISSING! | MISSING, MISSING!; absent 1000"),
    ("R9: 10, no punch, not covered", "std; told 07:00; at 19:00", "PENDING: PENDING, PENDING | PENDING, PENDING; waits 11-03 12:00, gate-1 13:00"),
    ("R9: 11, no punch, overdue", "std; told 07:00; at 48:00", "UNVERIFIED: UNVERIFIED, UNVERIFIED | UNVERIFIED, UNVERIFIED; waits gate-1 13:00"),
    ("R9: 12, late, not covered", "std; IN 08:40; OUT 12:00; IN 14:00; OUT 17:30; told 08:35; at 19:00", "PENDING: PENDING, NORMAL | NORMAL, NORMAL; waits 11-03 12:00, gate-1 08:41"),
    ("R9: 13, five duplicates", "std; IN 08:25; IN 08:25; IN 08:25; IN 08:25; IN 08:25; OUT 12:00; IN 14:00; OUT 17:30", "NORMAL: NORMAL, NORMAL | NORMAL, NORMAL"),
    ("R9: 14, leave for the day", "std; leave 08:30-17:30", "EXCUSED: EXCUSED, EXCUSED LEAVE | EXCUSED, EXCUSED LEAVE"),
    ("R9: 15, leave for half of it", "std; leave 14:00-17:30; IN 08:30; OUT 12:00", "NORMAL: NORMAL, NORMAL | EXCUSED, EXCUSED LEAVE"),
    ("R9: 16, leave for the beginning", "std; leave 08:30-10:00; IN 10:00; OUT 12:00; IN 14:00; OUT 17:30", "NORMAL: NORMAL after leave, NORMAL | NORMAL, NORMAL"),
    ("R9: 17, leave in the middle", "std; leave 10:00-11:00; IN 08:30; OUT 12:00; IN 14:00; OUT 17:30", "NORMAL: NORMAL, NORMAL | NORMAL, NORMAL"),
    ("R9: 18, leave for the tail", "std; leave 16:00-17:30; IN 08:30; OUT 12:00; IN 14:00; OUT 16:00", "NORMAL: NORMAL, NORMAL | NORMAL, NORMAL after leave"),
    ("R9: 19, a holiday", "date 2026-10-01; kind holiday", "REST"),
    ("R9: 20, a make-up Saturday", "date 2026-10-10; kind makeup; std; IN 08:25; OUT 12:03; IN 13:55; OUT 17:35", "NORMAL: NORMAL, NORMAL | NORMAL, NORMAL"),
    ("R9: 21, a missing year", "date 2027-03-01; kind unknown; IN 08:25; OUT 17:35", "PENDING"),
    ("R9: 22, a night of 20:00-26:00", "20:00-26:00; IN 19:50; OUT 26:05", "NORMAL: NORMAL, NORMAL"),
    ("R9: 23, a night whose out is missing", "20:00-26:00; IN 19:50", "MISSING: NORMAL, MISSING"),
    ("R9: 24, back-to-back nights, the first", "20:00-26:00; after 20:00-26:00; IN 19:50; OUT 26:05; IN 43:50", "NORMAL: NORMAL, NORMAL"),
    ("R9: 25, back-to-back nights, the second", "20:00-26:00; before 20:00-26:00; OUT 02:05; IN 19:50; OUT 26:05", "NORMAL: NORMAL, NORMAL"),
    ("R9: 26, a correction", "std; IN 08:25; OUT 12:00 by correction; IN 14:00; OUT 17:30", "NORMAL: NORMAL, NORMAL instead of MISSING by correction | NORMAL, NORMAL"),
    ("R9: 27, before the policy is switched", "std; IN 08:42; OUT 12:00; IN 14:00; OUT 17:30", "LATE: LATE 12, NORMAL | NORMAL, NORMAL"),
    ("R9: 28, after it", "std; policy cn-strict; IN 08:42; OUT 12:00; IN 14:00; OUT 17:30", "SERIOUS_LATE: SERIOUS_LATE 12, NORMAL | NORMAL, NORMAL"),
    ("R9: 29, an odd order", "std; IN 13:55; OUT 17:35; OUT 12:03; IN 08:25", "NORMAL: NORMAL, NORMAL | NORMAL, NORMAL"),
    ("R9: 30, evaluated in the middle of the day", "std; IN 08:25; told 10:00; at 10:00", "PENDING: NORMAL, PENDING | PENDING, PENDING; waits 11-03 12:00, gate-1 13:00"),
    ("R9: 31, in the middle of the day, late", "std; IN 08:42; told 10:00; at 10:00", "PENDING: LATE 12, PENDING | PENDING, PENDING; waits 11-03 12:00, gate-1 13:00"),
];

#[test]
fn the_days_that_were_worked_through_by_hand() {
    super::days::hold(DAYS);
    assert_eq!(DAYS.len(), 31);
}
