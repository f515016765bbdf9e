//! Every kind of entry, as the leaf names it. A number is never used for something else.
//!
//! 0x00xx audit and the mechanism, 0x01xx directory (0x014x: terminals, 0x018x: retired), 0x02xx attendance, 0x03xx
//! roster, 0x04xx approvals, 0x05xx months, which say nothing in words, 0x06xx duty,
//! 0x07xx inspections.

use crate::ledger::disclosure::DISCLOSURE_KIND;
use crate::ledger::erase::ERASE_KIND;

/// The first entry of a deployment.
pub const GENESIS: u16 = 0x0001;
/// The first entry of a new epoch.
pub const EPOCH: u16 = 0x0002;
/// Results are derived by another version of the rules from here on.
pub const RULES: u16 = 0x0003;
/// Time has passed.
pub const TICK: u16 = 0x0004;
/// Personal content is about to be read.
pub const DISCLOSURE: u16 = DISCLOSURE_KIND;
/// A session of reads has ended.
pub const DISCLOSURE_END: u16 = 0x0006;
/// An erasure is proposed.
pub const ERASURE_REQUEST: u16 = 0x0007;
/// An erasure is approved: it erases.
pub const ERASE: u16 = ERASE_KIND;
/// A journal number was claimed twice.
pub const CONFLICT: u16 = 0x0009;
/// A step of the server's clock is accepted.
pub const CLOCK: u16 = 0x000A;
/// An erasure is refused.
pub const ERASURE_REFUSED: u16 = 0x000B;

/// A directory record is put: 0x0100 and the noun.
pub const PUT: u16 = 0x0100;
/// A device may enrol itself with a code.
pub const ENROLMENT_CODE: u16 = 0x0141;
/// A device is enrolled: it has a key, and its journal begins.
pub const ENROLMENT: u16 = 0x0142;
/// A device has another key.
pub const DEVICE_KEY: u16 = 0x0143;
/// Nothing more is taken from a device.
pub const DEVICE_REVOCATION: u16 = 0x0144;
/// Another machine takes a device's place.
pub const DEVICE_REPLACEMENT: u16 = 0x0145;
/// A directory record is retired: 0x0180 and the noun.
pub const RETIRE: u16 = 0x0180;

/// A clock-in or clock-out.
pub const PUNCH: u16 = 0x0201;
/// What terminals proved about their journals.
pub const COVERAGE: u16 = 0x0202;
/// A device is declared out of order.
pub const DEVICE_OUTAGE: u16 = 0x0203;
/// It works again.
pub const DEVICE_OUTAGE_END: u16 = 0x0204;
/// A file was imported.
pub const IMPORT: u16 = 0x0205;
/// Journal numbers are declared lost.
pub const JOURNAL_LOSS: u16 = 0x0206;
/// Somebody else signs it.
pub const JOURNAL_LOSS_COUNTERSIGNATURE: u16 = 0x0207;
/// Somebody vouches that an import source is complete.
pub const COVERAGE_DECLARATION: u16 = 0x0208;

/// A shift, or a later version of one.
pub const SHIFT: u16 = 0x0301;
/// Which shifts people work.
pub const ROSTER: u16 = 0x0302;
/// The days of a year that a notice sets apart.
pub const CALENDAR_YEAR: u16 = 0x0303;
/// Days on which a centre differs from every calendar.
pub const CENTRE_DAYS: u16 = 0x0304;
/// Numbers by which attendance is to be judged are proposed.
pub const POLICY_PROPOSAL: u16 = 0x0305;
/// They are approved.
pub const POLICY_APPROVAL: u16 = 0x0306;

/// Somebody asks for leave.
pub const LEAVE: u16 = 0x0401;
/// A step of a request for leave is decided.
pub const LEAVE_DECISION: u16 = 0x0402;
/// A request for leave is taken back.
pub const LEAVE_WITHDRAWAL: u16 = 0x0403;
/// Somebody is back from leave.
pub const LEAVE_RETURN: u16 = 0x0404;
/// Leave that was approved in another system.
pub const LEAVE_RECORD: u16 = 0x0405;
/// Somebody asks that a clock-in count which no device stamped.
pub const CORRECTION: u16 = 0x0411;
/// A step of a correction is decided.
pub const CORRECTION_DECISION: u16 = 0x0412;
/// A correction is taken back.
pub const CORRECTION_WITHDRAWAL: u16 = 0x0413;
/// Who came and went while every device was out of order.
pub const MANUAL_ROLL: u16 = 0x0421;
/// Somebody else signs it.
pub const MANUAL_ROLL_COUNTERSIGNATURE: u16 = 0x0422;
/// Somebody decides in somebody else's place for a time.
pub const DELEGATION: u16 = 0x0431;
/// Two people ask to exchange their duties.
pub const SWAP: u16 = 0x0441;
/// The colleague agrees, or does not.
pub const SWAP_ACCEPTANCE: u16 = 0x0442;
/// It is decided.
pub const SWAP_DECISION: u16 = 0x0443;
/// It is taken back.
pub const SWAP_WITHDRAWAL: u16 = 0x0444;

/// A period of people's days is locked.
pub const MONTH_LOCK: u16 = 0x0501;
/// Somebody confirms their own days of a period.
pub const MONTH_CONFIRMATION: u16 = 0x0502;
/// An HR system says what it has taken over.
pub const PULL_CONFIRMATION: u16 = 0x0503;

/// A window opens.
pub const WINDOW_OPEN: u16 = 0x0601;
/// A window closes.
pub const WINDOW_CLOSE: u16 = 0x0602;
/// A window changes hands.
pub const WINDOW_HAND_OVER: u16 = 0x0603;
/// Somebody stands in at a window.
pub const WINDOW_COVER: u16 = 0x0604;
/// A window pauses.
pub const PAUSE: u16 = 0x0611;
/// Another return time is promised.
pub const PAUSE_EXTENSION: u16 = 0x0612;
/// A window is back.
pub const PAUSE_END: u16 = 0x0613;
/// Somebody else decides about a pause.
pub const PAUSE_DECISION: u16 = 0x0614;
/// How many wait.
pub const QUEUE: u16 = 0x0621;

/// Somebody found something at a window.
pub const INSPECTION: u16 = 0x0701;
/// The person concerned answers.
pub const INSPECTION_REPLY: u16 = 0x0702;
/// What comes of it.
pub const INSPECTION_DECISION: u16 = 0x0703;

/// A kind's stable code.
pub fn code(kind: u16) -> Option<&'static str> {
    Some(match kind {
        GENESIS => "GENESIS",
        EPOCH => "EPOCH",
        RULES => "RULES",
        TICK => "TICK",
        DISCLOSURE => "DISCLOSURE",
        DISCLOSURE_END => "DISCLOSURE_END",
        ERASURE_REQUEST => "ERASURE_REQUEST",
        ERASE => "ERASE",
        CONFLICT => "CONFLICT",
        CLOCK => "CLOCK",
        ERASURE_REFUSED => "ERASURE_REFUSED",
        0x0101 => "PUT_CENTRE",
        0x0102 => "PUT_DEPARTMENT",
        0x0103 => "PUT_PERSON",
        0x0104 => "PUT_ASSIGNMENT",
        0x0105 => "PUT_WINDOW",
        0x0106 => "PUT_SERVICE_ITEM",
        0x0107 => "PUT_DEVICE",
        0x0108 => "PUT_CREDENTIAL_BINDING",
        0x0109 => "GRANT_ROLE",
        ENROLMENT_CODE => "ENROLMENT_CODE",
        ENROLMENT => "ENROLMENT",
        DEVICE_KEY => "DEVICE_KEY",
        DEVICE_REVOCATION => "DEVICE_REVOCATION",
        DEVICE_REPLACEMENT => "DEVICE_REPLACEMENT",
        0x0181 => "RETIRE_CENTRE",
        0x0182 => "RETIRE_DEPARTMENT",
        0x0183 => "RETIRE_PERSON",
        0x0184 => "RETIRE_ASSIGNMENT",
        0x0185 => "RETIRE_WINDOW",
        0x0186 => "RETIRE_SERVICE_ITEM",
        0x0187 => "RETIRE_DEVICE",
        0x0188 => "RETIRE_CREDENTIAL_BINDING",
        0x0189 => "REVOKE_ROLE",
        PUNCH => "PUNCH",
        COVERAGE => "COVERAGE",
        DEVICE_OUTAGE => "DEVICE_OUTAGE",
        DEVICE_OUTAGE_END => "DEVICE_OUTAGE_END",
        IMPORT => "IMPORT",
        JOURNAL_LOSS => "JOURNAL_LOSS",
        JOURNAL_LOSS_COUNTERSIGNATURE => "JOURNAL_LOSS_COUNTERSIGNATURE",
        COVERAGE_DECLARATION => "COVERAGE_DECLARATION",
        SHIFT => "SHIFT",
        ROSTER => "ROSTER",
        CALENDAR_YEAR => "CALENDAR_YEAR",
        CENTRE_DAYS => "CENTRE_DAYS",
        POLICY_PROPOSAL => "POLICY_PROPOSAL",
        POLICY_APPROVAL => "POLICY_APPROVAL",
        LEAVE => "LEAVE",
        LEAVE_DECISION => "LEAVE_DECISION",
        LEAVE_WITHDRAWAL => "LEAVE_WITHDRAWAL",
        LEAVE_RETURN => "LEAVE_RETURN",
        LEAVE_RECORD => "LEAVE_RECORD",
        CORRECTION => "CORRECTION",
        CORRECTION_DECISION => "CORRECTION_DECISION",
        CORRECTION_WITHDRAWAL => "CORRECTION_WITHDRAWAL",
        MANUAL_ROLL => "MANUAL_ROLL",
        MANUAL_ROLL_COUNTERSIGNATURE => "MANUAL_ROLL_COUNTERSIGNATURE",
        DELEGATION => "DELEGATION",
        SWAP => "SWAP",
        SWAP_ACCEPTANCE => "SWAP_ACCEPTANCE",
        SWAP_DECISION => "SWAP_DECISION",
        SWAP_WITHDRAWAL => "SWAP_WITHDRAWAL",
        MONTH_LOCK => "MONTH_LOCK",
        MONTH_CONFIRMATION => "MONTH_CONFIRMATION",
        PULL_CONFIRMATION => "PULL_CONFIRMATION",
        WINDOW_OPEN => "WINDOW_OPEN",
        WINDOW_CLOSE => "WINDOW_CLOSE",
        WINDOW_HAND_OVER => "WINDOW_HAND_OVER",
        WINDOW_COVER => "WINDOW_COVER",
        PAUSE => "PAUSE",
        PAUSE_EXTENSION => "PAUSE_EXTENSION",
        PAUSE_END => "PAUSE_END",
        PAUSE_DECISION => "PAUSE_DECISION",
        QUEUE => "QUEUE",
        INSPECTION => "INSPECTION",
        INSPECTION_REPLY => "INSPECTION_REPLY",
        INSPECTION_DECISION => "INSPECTION_DECISION",
        _ => return None,
    })
}

/// Which register's personal table an entry of this kind writes its personal part to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// audit.
    Audit,
    /// directory.
    Directory,
    /// attendance.
    Attendance,
    /// roster.
    Roster,
    /// approval.
    Approval,
    /// duty.
    Duty,
    /// inspection.
    Inspection,
}

impl Room {
    /// The room of a kind.
    pub const fn of(kind: u16) -> Self {
        match kind >> 8 {
            0 => Self::Audit,
            1 => Self::Directory,
            3 => Self::Roster,
            4 => Self::Approval,
            6 => Self::Duty,
            7 => Self::Inspection,
            _ => Self::Attendance,
        }
    }
}
