//! Every reason of the attendance register to say no. What is odd but may be true is stored and flagged instead.

use crate::kernel::{Reason, Said};

/// Why a command of the attendance register is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The centre's directory has no such device; its log may be another centre's.
    UnknownDevice,
    /// An import source takes no clock-ins.
    NotATerminal,
    /// A file is imported under an import source.
    NotAnImportSource,
    /// An outage of the device is open already.
    OutageOpen,
    /// There is no open outage of the device.
    NoOutage,
    /// The end is not after the beginning.
    EndsBeforeItBegins,
    /// Nothing is new since the last coverage record.
    NothingNew,
    /// The device is retired.
    DeviceRetired,
    /// A file cannot be complete up to a time that has not come.
    CompleteInTheFuture,
    /// Only people vouch for what is not there, never systems or the machine.
    NotAPerson,
    /// The device has not told of all of these numbers: what it has not told of may still be stamped.
    BeyondJournal,
    /// Some of these numbers have arrived.
    HasArrived,
    /// There is no such declaration.
    NoSuchLoss,
    /// Who declared it does not sign it.
    OwnDeclaration,
    /// It was signed before.
    AlreadySigned,
    /// Nothing was derived yet from the entry after which somebody wants to know how it stood.
    NotDerivedYet,
}

impl Reason for Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::UnknownDevice => "UNKNOWN_DEVICE",
            Self::NotATerminal => "NOT_A_TERMINAL",
            Self::NotAnImportSource => "NOT_AN_IMPORT_SOURCE",
            Self::OutageOpen => "OUTAGE_OPEN",
            Self::NoOutage => "NO_OUTAGE",
            Self::EndsBeforeItBegins => "ENDS_BEFORE_IT_BEGINS",
            Self::NothingNew => "NOTHING_NEW",
            Self::DeviceRetired => "DEVICE_RETIRED",
            Self::CompleteInTheFuture => "COMPLETE_IN_THE_FUTURE",
            Self::NotAPerson => "NOT_A_PERSON",
            Self::BeyondJournal => "BEYOND_JOURNAL",
            Self::HasArrived => "HAS_ARRIVED",
            Self::NoSuchLoss => "NO_SUCH_LOSS",
            Self::OwnDeclaration => "OWN_DECLARATION",
            Self::AlreadySigned => "ALREADY_SIGNED",
            Self::NotDerivedYet => "NOT_DERIVED_YET",
        }
    }

    fn said(&self) -> Said {
        match self {
            Self::UnknownDevice => Said::new("本中心没有这台设备", "the centre has no such device"),
            Self::NotATerminal => Said::new("导入来源不能打卡", "an import source takes no clock-ins"),
            Self::NotAnImportSource => {
                Said::new("文件须以导入来源的名义导入", "a file is imported under an import source")
            }
            Self::OutageOpen => {
                Said::new("该设备已有未结束的故障登记", "an outage of the device is open already")
            }
            Self::NoOutage => Said::new("该设备没有未结束的故障登记", "the device has no open outage"),
            Self::EndsBeforeItBegins => {
                Said::new("结束时间须晚于开始时间", "the end is not after the beginning")
            }
            Self::NothingNew => {
                Said::new("自上次覆盖记录以来没有变化", "nothing is new since the last coverage record")
            }
            Self::CompleteInTheFuture => {
                Said::new("完整截止时间尚未到来", "a file is not complete up to a time that has not come")
            }
            Self::NotDerivedYet => Said::new(
                "该条目之后的结果尚未生成，请稍后重试",
                "results after that entry are not derived yet; ask again",
            ),
            Self::NotAPerson => Said::new("须由人员本人办理", "is vouched for by people, not by systems"),
            Self::BeyondJournal => {
                Said::new("所列编号超出设备已报告的日志", "the device has not told of all of these numbers")
            }
            Self::HasArrived => Said::new("所列编号中已有记录送达", "some of these numbers have arrived"),
            Self::NoSuchLoss => Said::new("没有这项登记", "there is no such declaration"),
            Self::OwnDeclaration => Said::new("登记人不得自行会签", "who declared it does not sign it"),
            Self::AlreadySigned => Said::new("该登记已会签", "the declaration was signed before"),
            Self::DeviceRetired => Said::new("该设备已停用", "the device is retired"),
        }
    }
}
