//! Every reason of the months to say no.

use crate::kernel::{Reason, Said};

/// Why a command of the months is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Months stand in a centre's log.
    NotInACentre,
    /// The period is not over.
    NotOver,
    /// Some of these days are locked for some of these people.
    AlreadyLocked,
    /// Days are open that are not named as exceptions.
    DaysOpen,
    /// Results are not derived as far as they are to count.
    NotDerivedYet,
    /// What is confirmed is not what stands.
    DigestDiffers,
    /// People confirm their own days, and nobody else does.
    NotAPerson,
}

impl Reason for Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::NotInACentre => "NOT_IN_A_CENTRE",
            Self::NotOver => "NOT_OVER",
            Self::AlreadyLocked => "ALREADY_LOCKED",
            Self::DaysOpen => "DAYS_OPEN",
            Self::NotDerivedYet => "NOT_DERIVED_YET",
            Self::DigestDiffers => "DIGEST_DIFFERS",
            Self::NotAPerson => "NOT_A_PERSON",
        }
    }

    fn said(&self) -> Said {
        let (zh, en) = match self {
            Self::NotInACentre => ("须写入某个中心", "stands in a centre's log, not the deployment's"),
            Self::NotOver => ("该期间尚未结束", "the period is not over"),
            Self::AlreadyLocked => ("其中的日期已经锁定", "some of these days are locked already"),
            Self::DaysOpen => (
                "仍有未定的日期，须列为例外",
                "days are open that are not named as exceptions: GetMonthReadiness tells which",
            ),
            Self::NotDerivedYet => {
                ("结果尚未生成到该条目，请稍后重试", "results are not derived as far as that; ask again")
            }
            Self::DigestDiffers => {
                ("摘要与现有结果不符，请重新核对", "is not the digest of the days as they stand")
            }
            Self::NotAPerson => ("须由人员本人确认", "is confirmed by the person, not by a system"),
        };
        Said::new(zh, en)
    }
}
