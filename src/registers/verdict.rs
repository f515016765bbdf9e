//! What every register's `admit` is given and answers: the moment, and accept or refuse.
//!
//! Pure. It is the one shape that all registers share, so that the rulebook turns any of them into an entry.

use std::sync::Arc;

use prost::Message;

use crate::kernel::{CentreId, EpochMs, LogId, PersonId, Pos, Reason, Said, Subject, Words};
use crate::proto::{Fact, RemarkPersonal};

/// The moment at which a command is judged.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// The log that the entry would stand in.
    pub log: LogId,
    /// Its centre; `_` for the deployment.
    pub centre: &'a CentreId,
    /// The position of the first entry of the log's present epoch.
    pub base: Pos,
    /// The position that the entry would get.
    pub pos: Pos,
    /// The time that it would be recorded at.
    pub at: EpochMs,
    /// The time of the entry before it.
    pub last: EpochMs,
    /// Who gives the command.
    pub principal: &'a str,
    /// 16 random bytes, for an id that has to be minted.
    pub random: [u8; 16],
}

impl Moment<'_> {
    /// Is the command a person's? What takes two people takes no system: its key may be in the same hands as somebody's own.
    pub fn is_a_persons(&self) -> bool {
        matches!(Subject::parse(self.principal), Ok(Subject::Person(_)))
    }
}

/// The schema of [`RemarkPersonal`], proto/qinlian/v1/facts.proto.
const REMARK_SCHEMA: u16 = 0x0121;

/// A personal part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Personal {
    /// Message id << 4 | major version, as proto/qinlian/v1/facts.proto lists them.
    pub schema: u16,
    /// The message's bytes.
    pub payload: Vec<u8>,
}

impl Personal {
    /// What carries only words, and who vouches.
    pub fn remark(remark: &RemarkPersonal) -> Self {
        Self { schema: REMARK_SCHEMA, payload: remark.encode_to_vec() }
    }

    /// Somebody's reason.
    pub fn reason(reason: &Words) -> Self {
        Self::remark(&RemarkPersonal { reason: reason.as_str().to_owned(), ..RemarkPersonal::default() })
    }
}

/// What a command becomes.
#[derive(Debug, Clone, Default)]
pub struct Accepted {
    /// The entry's kind.
    pub kind: u16,
    /// The caller's claim of when it happened.
    pub claimed: Option<EpochMs>,
    /// What it corrects, decides or erases.
    pub refers_to: Option<Pos>,
    /// In whose place it was done.
    pub on_behalf_of: Option<PersonId>,
    /// The facts.
    pub facts: Vec<Fact>,
    /// What says who, or was said in somebody's own words.
    pub personal: Option<Personal>,
    /// Does it change the directory or the policy?
    pub changes_config: bool,
    /// A new centre whose log begins with it.
    pub opens: Option<CentreId>,
    /// Parts that it erases: position and part number.
    pub erases: Vec<(Pos, u32)>,
    /// Journal numbers of the device up to here have arrived, this entry included.
    pub contiguous_through: Option<u64>,
}

/// Accept, or a reason to refuse.
pub type Verdict = Result<Accepted, Arc<dyn Reason>>;

/// A command for a log whose directory was not loaded: it does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoSuchLog;

impl Reason for NoSuchLog {
    fn code(&self) -> &'static str {
        "NO_SUCH_LOG"
    }

    fn said(&self) -> Said {
        Said::new("没有这个日志", "there is no such log")
    }
}
