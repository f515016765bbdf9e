//! What a day is (rule R6), and who is here on it: rest, holidays, make-up days, a year that nobody entered, transfers.

use super::Row;

#[rustfmt::skip]
pub(super) const DAYS: &[Row] = &[
    ("R6: a weekend", "kind rest", "REST"),
    ("R6: a weekend, and somebody came", "kind rest; IN 09:00; OUT 11:00", "REST; REST_WITH_PUNCH"),
    ("R6: a holiday by law", "kind holiday; date 2026-10-01", "REST"),
    ("R6: a holiday by law, and somebody was on duty without a roster", "kind holiday; date 2026-10-01; IN 09:00", "REST; REST_WITH_PUNCH"),
    ("R6: rest that was moved here", "kind moved; date 2026-10-08", "REST"),
    ("R6: the centre is closed", "kind closed", "REST"),
    ("R6: rest by roster on a work day", "kind off", "REST"),
    ("R6: duty on a holiday, by roster", "kind duty; date 2026-10-01; std; IN 08:30; OUT 12:00; IN 14:00; OUT 17:30", "NORMAL: NORMAL, NORMAL | NORMAL, NORMAL"),
    ("R6: duty on a holiday, missed", "kind duty; date 2026-10-01; std", "ABSENT: MISSING, MISSING! | MISSING, MISSING!; absent 1000"),
    ("R6: a make-up Saturday is worked", "kind makeup; date 2026-10-10; std; IN 08:29; OUT 12:01; IN 13:58; OUT 17:31", "NORMAL: NORMAL, NORMAL | NORMAL, NORMAL"),
    ("R6: a make-up Saturday, late", "kind makeup; date 2026-10-10; std; IN 08:40; OUT 12:01; IN 13:58; OUT 17:31", "LATE: LATE 10, NORMAL | NORMAL, NORMAL"),
    ("R6: the centre is open longer", "kind open; 08:30-12:00 14:00-20:00; IN 08:30; OUT 12:00; IN 14:00; OUT 17:30", "ABSENT: NORMAL, NORMAL | NORMAL, ABSENT_EARLY 150!; absent 500"),
    ("R6: nobody entered the year", "kind unknown; date 2027-01-04", "PENDING"),
    ("R6: nobody entered the year: never guessed, whatever was clocked", "kind unknown; date 2027-01-04; std; IN 08:29; OUT 17:31", "PENDING"),
    ("R6: nobody entered the year, and nobody will: no absence after years", "kind unknown; date 2027-01-04; at 9999:00", "PENDING"),
    ("R6: nothing is rostered", "kind unrostered", "NOT_APPLICABLE"),
    ("R6: nothing is rostered, and somebody came", "kind unrostered; IN 08:29", "NOT_APPLICABLE"),
    ("R6: a shift without spans on this day of the week", "kind duty", "NOT_APPLICABLE"),
    // Who is here.
    ("R8: not assigned here", "std; here never", "NOT_APPLICABLE"),
    ("R8: assigned until the day before", "std; here -00:00", "NOT_APPLICABLE"),
    ("R8: assigned from the day after", "std; here 24:00-", "NOT_APPLICABLE"),
    ("R8: not assigned here on a holiday", "kind holiday; here never; IN 09:00", "NOT_APPLICABLE"),
    ("R8: not assigned here in a year that nobody entered", "kind unknown; here never", "NOT_APPLICABLE"),
    ("R8: transferred at noon: the afternoon is not ours", "std; here -13:00; IN 08:30; OUT 12:00", "NORMAL: NORMAL, NORMAL | NOT_APPLICABLE, NOT_APPLICABLE"),
    ("R8: transferred here at noon", "std; here 13:00-; IN 14:01; OUT 17:30", "LATE: NOT_APPLICABLE, NOT_APPLICABLE | LATE 1, NORMAL"),
    ("R8: resigned at ten: to be worked until ten", "std; here -10:00; IN 08:30; OUT 10:00", "NORMAL: NORMAL, NORMAL | NOT_APPLICABLE, NOT_APPLICABLE"),
    ("R8: resigned at ten, gone at nine", "std; here -10:00; IN 08:30; OUT 09:00", "ABSENT: NORMAL, ABSENT_EARLY 60! | NOT_APPLICABLE, NOT_APPLICABLE; absent 500"),
    ("R8: began at ten", "08:30-12:00; here 10:00-; IN 09:59; OUT 12:00", "NORMAL: NORMAL, NORMAL"),
    ("R8: away to another centre from nine to ten", "08:30-12:00; here -09:00; here 10:00-; IN 08:30; OUT 12:00", "NORMAL: NORMAL, NORMAL"),
    ("R8: here until ten, on leave until then", "08:30-12:00; here -10:00; leave 08:30-10:00", "EXCUSED: EXCUSED, EXCUSED LEAVE"),
    // Zones.
    ("R2: before eight in the morning it is still Sunday in UTC", "07:00-12:00; IN 06:58; OUT 12:00", "NORMAL: NORMAL, NORMAL"),
    ("R2: a centre in Urumqi with its own clock", "zone Asia/Urumqi; std; IN 08:29; OUT 12:01; IN 13:58; OUT 17:31", "NORMAL: NORMAL, NORMAL | NORMAL, NORMAL"),
    ("R2: a zone half an hour off", "zone Asia/Kolkata; std; IN 08:31; OUT 12:01; IN 13:58; OUT 17:31", "LATE: LATE 1, NORMAL | NORMAL, NORMAL"),
    ("R2: a zone a quarter of an hour off", "zone Asia/Kathmandu; std; IN 08:29; OUT 11:59; IN 13:58; OUT 17:31", "EARLY: NORMAL, EARLY 1 | NORMAL, NORMAL"),
    ("R2: the day on which clocks go forward", "date 2026-03-29; zone Europe/Berlin; kind duty; std; IN 08:31; OUT 12:00; IN 14:00; OUT 17:30", "LATE: LATE 1, NORMAL | NORMAL, NORMAL"),
    ("R2: the day on which clocks go back", "date 2026-10-25; zone Europe/Berlin; kind duty; std; IN 08:30; OUT 12:00; IN 14:00; OUT 17:29", "EARLY: NORMAL, NORMAL | NORMAL, EARLY 1"),
    ("R2: a night in which clocks go forward is an hour shorter", "date 2026-03-28; zone Europe/Berlin; kind duty; 20:00-32:00; IN 20:00; OUT 32:00", "NORMAL: NORMAL, NORMAL"),
    ("R2: China's own summer time, in 1990", "date 1990-04-15; kind duty; std; IN 08:31; OUT 12:00; IN 14:00; OUT 17:30", "LATE: LATE 1, NORMAL | NORMAL, NORMAL"),
];

#[test]
fn days_are_of_many_kinds() {
    super::days::hold(DAYS);
}
