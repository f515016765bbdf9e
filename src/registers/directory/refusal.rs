//! Every reason of the directory to say no.

use super::fact::Noun;
use crate::kernel::{Reason, Said};

/// Why a command of the directory is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// A record of this noun does not stand in this log.
    WrongLog(Noun),
    /// Something that the record names does not exist here.
    Unknown(Noun),
    /// Something that the record names has ended.
    Retired(Noun),
    /// The deployment has begun already.
    HasGenesis,
    /// A first administrator is missing: two different people are needed.
    TwoAdministrators,
    /// A centre's zone dates its records: it stays.
    ZoneFixed,
    /// The device keeps its kind: its journal depends on it.
    KindFixed,
    /// The last day is before the first.
    EndsBeforeItBegins,
    /// Another person holds the credential on one of these days.
    CredentialTaken,
    /// Nobody grants a role to themselves.
    OwnGrant,
    /// A grant is not changed: revoke it and grant another.
    GrantFixed,
    /// A centre's own grants reach no further than the centre.
    ReachesTooFar,
    /// The last administrator of the deployment stays.
    LastAdministrator,
    /// Codes and keys are for terminals; a source of files has neither.
    NotATerminal,
    /// The code is not this device's, was used, or is over. Which of these is not said.
    CodeNotGood,
    /// Another device has this key.
    KeyTaken,
    /// The device has this key already.
    SameKey,
    /// The device was revoked: it enrols again.
    Revoked,
    /// A code is made, not put.
    NotPut(Noun),
}

impl Reason for Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::WrongLog(_) => "WRONG_LOG",
            Self::Unknown(_) => "UNKNOWN_REFERENCE",
            Self::Retired(_) => "RETIRED_REFERENCE",
            Self::HasGenesis => "HAS_GENESIS",
            Self::TwoAdministrators => "TWO_ADMINISTRATORS",
            Self::ZoneFixed => "ZONE_FIXED",
            Self::KindFixed => "KIND_FIXED",
            Self::EndsBeforeItBegins => "ENDS_BEFORE_IT_BEGINS",
            Self::CredentialTaken => "CREDENTIAL_TAKEN",
            Self::OwnGrant => "OWN_GRANT",
            Self::GrantFixed => "GRANT_FIXED",
            Self::ReachesTooFar => "REACHES_TOO_FAR",
            Self::LastAdministrator => "LAST_ADMINISTRATOR",
            Self::NotATerminal => "NOT_A_TERMINAL",
            Self::CodeNotGood => "CODE_NOT_GOOD",
            Self::KeyTaken => "KEY_TAKEN",
            Self::SameKey => "SAME_KEY",
            Self::Revoked => "DEVICE_REVOKED",
            Self::NotPut(_) => "NOT_PUT",
        }
    }

    fn said(&self) -> Said {
        match self {
            Self::WrongLog(noun) => Said::new(
                format!("{}不记在这个日志中", zh(*noun)),
                format!("a {} is not kept in this log", noun.word()),
            ),
            Self::Unknown(noun) => {
                Said::new(format!("没有这个{}", zh(*noun)), format!("there is no such {}", noun.word()))
            }
            Self::Retired(noun) => {
                Said::new(format!("这个{}已停用", zh(*noun)), format!("the {} is retired", noun.word()))
            }
            Self::HasGenesis => Said::new("部署已经开始", "the deployment has begun already"),
            Self::TwoAdministrators => {
                Said::new("须有两名不同的管理员", "two different administrators are needed")
            }
            Self::ZoneFixed => Said::new("中心的时区不可更改", "a centre keeps its time zone"),
            Self::KindFixed => Said::new("设备的类别不可更改", "a device keeps its kind"),
            Self::EndsBeforeItBegins => Said::new("止日早于起日", "the last day is before the first"),
            Self::CredentialTaken => {
                Said::new("该凭证在此期间已属他人", "somebody else holds the credential on one of these days")
            }
            Self::OwnGrant => Said::new("不得给自己授权", "nobody grants a role to themselves"),
            Self::GrantFixed => Said::new(
                "授权不可修改，请撤销后另行授权",
                "a grant is not changed: revoke it and grant another",
            ),
            Self::ReachesTooFar => {
                Said::new("中心的授权不得超出本中心", "a centre's grant reaches no further than the centre")
            }
            Self::LastAdministrator => {
                Said::new("至少保留一名管理员", "the last administrator of the deployment stays")
            }
            Self::NotATerminal => Said::new("只有终端才能登记", "only a terminal enrols"),
            Self::CodeNotGood => {
                Said::new("登记码无效或已过期", "the enrolment code is not good, or is over")
            }
            Self::KeyTaken => Said::new("该公钥已属另一设备", "another device has this key"),
            Self::SameKey => Said::new("新公钥与现用公钥相同", "the device has this key already"),
            Self::Revoked => {
                Said::new("设备已被吊销，须重新登记", "the device was revoked: it has to enrol again")
            }
            Self::NotPut(noun) => {
                Said::new(format!("{}不能直接写入", zh(*noun)), format!("a {} is not put", noun.word()))
            }
        }
    }
}

fn zh(noun: Noun) -> &'static str {
    match noun {
        Noun::Centre => "中心",
        Noun::Department => "单位",
        Noun::Person => "人员",
        Noun::Assignment => "岗位",
        Noun::Window => "窗口",
        Noun::ServiceItem => "事项",
        Noun::Device => "设备",
        Noun::CredentialBinding => "凭证",
        Noun::RoleGrant => "授权",
        Noun::EnrolmentCode => "登记码",
    }
}
