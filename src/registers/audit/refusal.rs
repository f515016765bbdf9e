//! Every reason of the audit register to say no.

use super::fact::MOST_PARTS;
use crate::kernel::{Reason, Said};

/// Why a command of the audit register is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// An erasure is proposed and decided by people, never by a system or at the machine.
    NotAPerson,
    /// Nothing is left that the proposal could erase.
    NothingToErase,
    /// More parts than one entry erases.
    TooManyParts,
    /// There is no such part in this log.
    NoSuchPart,
    /// Facts are never erased.
    FactsStay,
    /// The part was erased before.
    AlreadyErased,
    /// There is no such proposal in this log.
    NoSuchErasure,
    /// Who proposed it does not decide it.
    OwnErasure,
    /// It was decided before.
    AlreadyDecided,
    /// The log is under these rules, or newer ones, already.
    RulesNotNewer,
    /// The instant has not come.
    NotYet,
    /// An entry stands after the instant already.
    NotNeeded,
    /// There is no such session, or it has ended.
    NoOpenSession,
    /// An epoch begins with its first entry and with no other.
    EpochHasBegun,
    /// What a restore lost is erased again right after the epoch begins, and by nobody's command.
    NotAfterARestore,
}

impl Reason for Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::NotAPerson => "NOT_A_PERSON",
            Self::NothingToErase => "NOTHING_TO_ERASE",
            Self::TooManyParts => "TOO_MANY_PARTS",
            Self::NoSuchPart => "NO_SUCH_PART",
            Self::FactsStay => "FACTS_STAY",
            Self::AlreadyErased => "ALREADY_ERASED",
            Self::NoSuchErasure => "NO_SUCH_ERASURE",
            Self::OwnErasure => "OWN_ERASURE",
            Self::AlreadyDecided => "ALREADY_DECIDED",
            Self::RulesNotNewer => "RULES_NOT_NEWER",
            Self::NotYet => "NOT_YET",
            Self::NotNeeded => "NOT_NEEDED",
            Self::NoOpenSession => "NO_OPEN_SESSION",
            Self::EpochHasBegun => "EPOCH_HAS_BEGUN",
            Self::NotAfterARestore => "NOT_AFTER_A_RESTORE",
        }
    }

    fn said(&self) -> Said {
        match self {
            Self::NotAPerson => {
                Said::new("删除须由两名人员提出和决定", "an erasure is proposed and decided by two people")
            }
            Self::NothingToErase => Said::new("没有可删除的内容", "there is nothing to erase"),
            Self::TooManyParts => Said::new(
                format!("一次最多删除 {MOST_PARTS} 份内容，请分批列出"),
                format!("at most {MOST_PARTS} parts are erased at a time: name them in portions"),
            ),
            Self::NoSuchPart => Said::new("没有这份内容", "there is no such part"),
            Self::FactsStay => Said::new("事实部分不可删除", "facts are never erased"),
            Self::AlreadyErased => Said::new("该内容已经删除", "the part was erased before"),
            Self::NoSuchErasure => Said::new("没有这项删除申请", "there is no such proposal"),
            Self::OwnErasure => Said::new("申请人不得自行决定", "who proposed it does not decide it"),
            Self::AlreadyDecided => Said::new("该申请已有决定", "the proposal was decided before"),
            Self::RulesNotNewer => {
                Said::new("规则版本并未更新", "the log is under these rules or newer ones already")
            }
            Self::NotYet => Said::new("时间未到", "the instant has not come"),
            Self::NotNeeded => Said::new("无需再记", "an entry stands after the instant already"),
            Self::NoOpenSession => {
                Said::new("没有这个进行中的查阅", "there is no such session, or it has ended")
            }
            Self::EpochHasBegun => {
                Said::new("本期已经开始", "an epoch begins with its first entry and no other")
            }
            Self::NotAfterARestore => Said::new(
                "仅可在恢复之后重新删除",
                "only a restore erases again, right after its epoch begins",
            ),
        }
    }
}
