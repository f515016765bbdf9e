//! What went wrong elsewhere, in public, and cannot here: each day names the issue (attendance.md lists them).
//!
//! Not in this table, because a day's result alone cannot show them:
//! - what is recomputed, how often and how fast: frappe/hrms#3540, #586, #1016; odoo/odoo#221870; OCA/hr-attendance#216;
//!   kimai/kimai#232, #887, #2012 (the fold derives single days; `results`, and the benchmark);
//! - what arrives, and that it arrives once: frappe/biometric-attendance-sync-tool#26, #64; saifulcoder/adms-server-ZKTeco#14;
//!   horilla/horilla-hr#492, #985, #617, #279; urlaubsverwaltung/zeiterfassung#113; Aguynamedkent7/Veent_HRIS#200;
//!   kitokoh/leopardo-hr#1371; fananimi/pyzk#7 (uploads: `attendance`, `ledger`);
//! - who may change what: frappe/hrms#4251, #1329; odoo/odoo#158439, #53801, #289887; gamonoid/icehrm#259 (no call writes a
//!   status: `edge`); fananimi/pyzk#197 (the device's clock: `stamp::effective`);
//! - what others are told: cd-feng/odooDingTalk#14, the two forum threads about day reports, kimai/kimai#577 (the feed).

use super::Row;

#[rustfmt::skip]
pub(super) const DAYS: &[Row] = &[
    // Absence.
    ("frappe/hrms#714: not yet due is not absent", "std; IN 08:29; told 12:30; at 12:30", "PENDING: NORMAL, PENDING | PENDING, PENDING; waits 11-03 12:00, gate-1 13:00"),
    ("frappe/hrms#1703: nobody is absent before the device has told", "std; told 08:00; at 20:00", "PENDING: PENDING, PENDING | PENDING, PENDING; waits 11-03 12:00, gate-1 13:00"),
    ("frappe/hrms#788: the outs count too", "08:30-12:00; IN 08:29; OUT 09:00; OUT 12:00", "NORMAL: NORMAL, NORMAL"),
    ("frappe/hrms#3839: the in and the out of a day stay on one shift", "14:00-22:00; IN 13:55; OUT 22:01", "NORMAL: NORMAL, NORMAL"),
    ("frappe/hrms#1107: no shift is skipped in silence", "std; before std; after std", "ABSENT: MISSING, MISSING! | MISSING, MISSING!; absent 1000"),
    ("frappe/hrms#3349: nor is a night", "20:00-26:00; before 20:00-26:00; after 20:00-26:00; OUT 02:00; IN 43:55", "ABSENT: MISSING, MISSING!; absent 1000"),
    ("frappe/hrms#119: a threshold is what it says: 0 is met by the first minute", "08:30-12:00; policy absent_early_minutes=0; IN 08:30; OUT 11:59", "ABSENT: NORMAL, ABSENT_EARLY 1!; absent 1000"),
    ("frappe/hrms#119: and by no minute it is not", "08:30-12:00; policy absent_early_minutes=0; IN 08:30; OUT 12:00", "NORMAL: NORMAL, NORMAL"),
    ("frappe/hrms#4373: nobody is absent on a day of rest", "kind rest", "REST"),
    ("frappe/hrms#1407: nor on a holiday", "kind holiday; std", "REST"),
    ("frappe/hrms#1416: nor on one of the centre's own", "kind closed; std", "REST"),
    ("frappe/hrms#2955: time alone proves nothing", "std; told 08:00; at 500:00", "UNVERIFIED: UNVERIFIED, UNVERIFIED | UNVERIFIED, UNVERIFIED; waits gate-1 13:00"),
    ("frappe/hrms#2111: many devices, and each has its own mark", "08:30-12:00; gate-1 told 20:00; gate-2 told 09:00; at 20:00", "PENDING: PENDING, PENDING; waits 11-03 12:00, gate-2 13:00"),
    ("ONE-F-M/one_fm#6576: a batch that did not arrive makes nobody absent", "08:30-12:00; told 08:00; OUT 12:01; at 20:00", "PENDING: PENDING, NORMAL; waits 11-03 12:00, gate-1 13:00"),
    ("ONE-F-M/one_fm#6576: and when it arrives, nothing has to be patched", "08:30-12:00; IN 08:29; OUT 12:01", "NORMAL: NORMAL, NORMAL"),
    ("odoo/odoo#279556: a punch that arrives later counts", "08:30-12:00; OUT 12:01; IN 08:29; at 400:00", "NORMAL: NORMAL, NORMAL"),
    ("odoo/odoo#257932: a zone behind UTC has its own days", "zone America/Lima; 19:00-24:00; IN 18:55; OUT 24:05", "NORMAL: NORMAL, NORMAL"),
    // Leave.
    ("frappe/hrms#2978: half a day of leave leaves the other half alone", "std; leave 08:30-12:00; IN 14:00; OUT 17:30", "NORMAL: EXCUSED, EXCUSED LEAVE | NORMAL, NORMAL"),
    ("frappe/hrms#4866: nor does it make the other half present", "std; leave 14:00-17:30", "ABSENT: MISSING, MISSING! | EXCUSED, EXCUSED LEAVE; absent 500"),
    ("frappe/hrms#4660: nor absent", "std; leave 14:00-17:30; IN 08:30; OUT 12:00; told 13:01; at 15:00", "NORMAL: NORMAL, NORMAL | EXCUSED, EXCUSED LEAVE"),
    ("frappe/hrms#4893: half a day, not yet known", "std; leave 14:00-17:30; told 08:00; at 20:00", "PENDING: PENDING, PENDING | EXCUSED, EXCUSED LEAVE; waits 11-03 12:00, gate-1 13:00"),
    ("horilla/horilla-hr#275: clocked in, then took leave", "std; leave 00:00-24:00; IN 08:29", "EXCUSED: EXCUSED, EXCUSED LEAVE | EXCUSED, EXCUSED LEAVE; PUNCH_WHILE_EXCUSED"),
    ("horilla/horilla-hr#536: took leave, then clocked in", "std; leave 00:00-24:00; OUT 17:31; IN 13:59", "EXCUSED: EXCUSED, EXCUSED LEAVE | EXCUSED, EXCUSED LEAVE; PUNCH_WHILE_EXCUSED"),
    ("horilla/horilla-hr#1223: an absent day says so", "08:30-12:00", "ABSENT: MISSING, MISSING!; absent 1000"),
    ("horilla/horilla-hr#1223: work on a day of rest is a lead, not overtime from the first minute", "kind rest; IN 09:00; OUT 09:05", "REST; REST_WITH_PUNCH"),
    // Nights.
    ("frappe/hrms#3298: 18:00-07:00, then an evening shift: the out is the night's", "18:00-31:00; after 17:00-23:00; IN 17:55; OUT 31:02; IN 40:55", "NORMAL: NORMAL, NORMAL"),
    ("frappe/hrms#3298: and the evening shift has its own", "17:00-23:00; before 18:00-31:00; OUT 07:02; IN 16:55; OUT 23:01", "NORMAL: NORMAL, NORMAL"),
    ("frappe/hrms#541: an early out of a night is the night's", "18:00-31:00; after std; IN 17:55; OUT 30:50", "EARLY: NORMAL, EARLY 10"),
    ("horilla/horilla-hr#358: an out after midnight is no in of the next day", "std; before 20:00-26:00; OUT 02:01; IN 08:29; OUT 12:00; IN 14:00; OUT 17:30", "NORMAL: NORMAL, NORMAL | NORMAL, NORMAL"),
    ("horilla/horilla-hr#1242: nor without a direction", "std; before 20:00-26:00; ? 02:01; ? 08:29; ? 12:00; ? 14:00; ? 17:30", "NORMAL: NORMAL, NORMAL | NORMAL, NORMAL"),
    ("odoo/odoo#249410: the second half of a night east of UTC is the night's", "zone Asia/Tokyo; 20:00-32:00; IN 19:59; OUT 32:00", "NORMAL: NORMAL, NORMAL"),
    ("odoo/odoo#29645: yesterday's out was forgotten: this morning's in is this morning's", "std; before std; IN 08:29; OUT 12:00; IN 14:00; OUT 17:30", "NORMAL: NORMAL, NORMAL | NORMAL, NORMAL"),
    ("odoo/odoo#29645: and yesterday's out is missing, not invented", "std; after std; IN 08:29; OUT 12:00; IN 14:00; IN 32:29", "MISSING: NORMAL, NORMAL | NORMAL, MISSING"),
    // Zones.
    ("frappe/hrms#4198: where somebody looks from changes no punch", "zone Asia/Kathmandu; 08:30-12:00; IN 08:30; OUT 12:00", "NORMAL: NORMAL, NORMAL"),
    ("frappe/hrms#299: nor do clocks that change at night", "date 2026-03-29; zone Europe/Berlin; kind duty; 08:30-12:00; IN 08:30; OUT 12:00", "NORMAL: NORMAL, NORMAL"),
    ("frappe/hrms#1397: nor those that change back", "date 2026-10-25; zone Europe/Berlin; kind duty; 08:30-12:00; IN 08:30:59; OUT 12:00", "NORMAL: NORMAL, NORMAL"),
    ("frappe/hrms#2968: nor a zone whose day has begun already", "zone Pacific/Auckland; 08:30-12:00; IN 08:31; OUT 12:00", "LATE: LATE 1, NORMAL"),
    ("odoo/odoo#212594: Monday before eight in Shanghai is no Sunday", "date 2026-11-02; 07:30-12:00; IN 07:25; OUT 12:00", "NORMAL: NORMAL, NORMAL"),
    ("odoo/odoo#277717: midnight makes no second line", "20:00-24:00; IN 19:55; OUT 24:00", "NORMAL: NORMAL, NORMAL"),
    ("odoo/odoo#252270: nor does a minute after it", "20:00-24:00; IN 19:55; OUT 24:01; after 00:30-04:00", "NORMAL: NORMAL, NORMAL"),
    // Devices.
    ("frappe/biometric-attendance-sync-tool#80: a device's clock after a power cut makes nobody late", "08:30-12:00; IN 00:00:30 in 00:00..08:50; OUT 12:00", "UNVERIFIED: UNVERIFIED, NORMAL; SUSPECT_TIME"),
    ("horilla/horilla-hr#1115: a device that cannot tell which way", "08:30-12:00; ? 08:29; ? 12:01", "NORMAL: NORMAL, NORMAL"),
    ("horilla/horilla-hr#340: first in, last out", "08:30-12:00; ? 08:29; ? 09:00; ? 11:00; ? 12:01", "NORMAL: NORMAL, NORMAL"),
    ("horilla/horilla-hr#1227: no time is invented", "08:30-12:00; IN 08:29; at 9000:00", "MISSING: NORMAL, MISSING"),
    ("odoo/odoo#216667: three taps within a second", "08:30-12:00; IN 08:29; IN 08:29; IN 08:29; OUT 12:00; OUT 12:00; OUT 12:00", "NORMAL: NORMAL, NORMAL"),
];

#[test]
fn what_went_wrong_elsewhere() {
    super::days::hold(DAYS);
}
