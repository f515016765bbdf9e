//! Approved absence (rule R8): whole, half, at either end, in the middle; and who came all the same.

use super::Row;

#[rustfmt::skip]
pub(super) const DAYS: &[Row] = &[
    ("R8: a whole day of leave", "std; leave 00:00-24:00", "EXCUSED: EXCUSED, EXCUSED LEAVE | EXCUSED, EXCUSED LEAVE"),
    ("R8: leave for just the spans", "std; leave 08:30-12:00; leave 14:00-17:30", "EXCUSED: EXCUSED, EXCUSED LEAVE | EXCUSED, EXCUSED LEAVE"),
    ("R8: a journey", "std; trip 00:00-24:00", "EXCUSED: EXCUSED, EXCUSED TRIP | EXCUSED, EXCUSED TRIP"),
    ("R8: half a day of leave, and the other half worked", "std; leave 08:30-12:00; IN 13:58; OUT 17:31", "NORMAL: EXCUSED, EXCUSED LEAVE | NORMAL, NORMAL"),
    ("R8: half a day of leave, and the other half missed", "std; leave 08:30-12:00", "ABSENT: EXCUSED, EXCUSED LEAVE | MISSING, MISSING!; absent 500"),
    ("R8: leave until ten: measured from ten", "08:30-12:00; leave 08:30-10:00; IN 09:58; OUT 12:00", "NORMAL: NORMAL after leave, NORMAL"),
    ("R8: leave until ten, and late after it", "08:30-12:00; leave 08:30-10:00; IN 10:05; OUT 12:00", "LATE: LATE 5 after leave, NORMAL"),
    ("R8: leave until ten, and nobody came", "08:30-12:00; leave 08:30-10:00", "ABSENT: MISSING after leave, MISSING!; absent 1000"),
    ("R8: leave from eleven: may go at eleven", "08:30-12:00; leave 11:00-12:00; IN 08:30; OUT 11:00", "NORMAL: NORMAL, NORMAL after leave"),
    ("R8: leave from eleven, gone before", "08:30-12:00; leave 11:00-12:00; IN 08:30; OUT 10:59:59", "EARLY: NORMAL, EARLY 1 after leave"),
    ("R8: leave in the middle needs no punch", "08:30-12:00; leave 09:30-10:30; IN 08:30; OUT 12:00", "NORMAL: NORMAL, NORMAL"),
    ("R8: leave in the middle covers the gap", "08:30-12:00; leave 09:30-10:30; IN 08:30; OUT 09:30; IN 10:40; OUT 12:00", "NORMAL: NORMAL, NORMAL"),
    ("R8: what the leave does not cover is a gap", "08:30-12:00; leave 09:30-10:30; IN 08:30; OUT 09:30; IN 10:46; OUT 12:00", "NORMAL: NORMAL, NORMAL; MID_SPAN_GAP"),
    ("R8: leave at both ends", "08:30-12:00; leave 08:00-09:00; leave 11:00-13:00; IN 09:00; OUT 11:00", "NORMAL: NORMAL after leave, NORMAL after leave"),
    ("R8: absences that overlap are one", "08:30-12:00; leave 08:30-10:00; business 09:30-11:00; IN 11:00; OUT 12:00", "NORMAL: NORMAL after leave, NORMAL"),
    ("R8: absences that together cover all", "08:30-12:00; leave 08:30-10:00; business 10:00-12:00", "EXCUSED: EXCUSED, EXCUSED OUT"),
    ("R8: of several the longest is the reason", "08:30-12:00; leave 08:30-09:00; training 09:00-12:00", "EXCUSED: EXCUSED, EXCUSED TRAINING"),
    ("R8: of two of one length the first kind is the reason", "08:30-12:00; training 08:30-12:00; leave 08:30-12:00", "EXCUSED: EXCUSED, EXCUSED LEAVE"),
    ("R8: a second that is not covered is to be worked", "08:30-12:00; leave 08:30-11:59:59", "ABSENT: MISSING after leave, MISSING!; absent 1000"),
    ("R8: leave on file, and came anyway", "std; leave 00:00-24:00; IN 08:29; OUT 12:00", "EXCUSED: EXCUSED, EXCUSED LEAVE | EXCUSED, EXCUSED LEAVE; PUNCH_WHILE_EXCUSED"),
    ("R8: came during the half that is excused", "std; leave 08:30-12:00; IN 08:29; IN 13:58; OUT 17:31", "NORMAL: EXCUSED, EXCUSED LEAVE | NORMAL, NORMAL; PUNCH_WHILE_EXCUSED"),
    ("R8: early in the half-day before: the punch before noon is flagged", "std; leave 08:30-12:00; IN 12:50; OUT 17:31", "MISSING: EXCUSED, EXCUSED LEAVE | MISSING, NORMAL; PUNCH_WHILE_EXCUSED"),
    ("R8: leave outside of working time changes nothing", "08:30-12:00; leave 12:00-14:00; IN 08:30; OUT 12:00", "NORMAL: NORMAL, NORMAL"),
    ("R8: the middle moves with the leave: 11:05 is before 11:15", "08:30-12:00; leave 08:30-10:30; ? 11:05", "ABSENT: ABSENT_LATE 35 after leave, MISSING!; absent 1000"),
    ("R8: leave of a whole day is final without any device", "std; leave 00:00-24:00; told nothing", "EXCUSED: EXCUSED, EXCUSED LEAVE | EXCUSED, EXCUSED LEAVE"),
];

#[test]
fn absence_is_approved() {
    super::days::hold(DAYS);
}
