//! Why a call was denied, and the id under which an administrator finds out: `qinlian explain`.
//!
//! The answer to a caller never says why. The id says it, sealed: 20 letters that hold the time, the method and the
//! reason. So nothing is stored, any replica's id is read on any machine that has the deployment's keys, and nobody else
//! learns anything from it or can make one.

use std::sync::Arc;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use crate::kernel::{ALPHABET, EpochMs, Said, spell};

/// Five bits each: 100.
const LETTERS: usize = 20;
/// Half of an id's bits.
const HALF: u32 = 50;
const HALF_MASK: u64 = (1 << HALF) - 1;
/// What has to be zero in an id of ours: one in 16 million made-up ones is.
const ZERO_BITS: u32 = 24;
/// Rounds of the Feistel network: four make a strong permutation of strong round functions (Luby and Rackoff, 1988).
const ROUNDS: u8 = 4;

/// Why a call was denied. Numbers are never used for something else: they are in ids that people wrote down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// No grant of a role that may call this.
    NoRole = 1,
    /// Such a grant, but it does not hold now.
    NotNow = 2,
    /// Such a grant, but for another centre.
    NotHere = 3,
    /// Such a grant, but for one department or window, and the call asks for more.
    TooNarrow = 4,
    /// Only devices call this.
    NotADevice = 5,
    /// Only for the deployment, `_`.
    NotTheDeployment = 6,
    /// The device was revoked.
    DeviceRevoked = 7,
    /// The device has another key than the one that its token was got with.
    AnotherKey = 8,
    /// The device speaks for another one.
    AnotherDevice = 9,
    /// The grant ended between the check and the commit.
    GrantGone = 10,
    /// System administrators never read content.
    AdministratorReads = 11,
}

impl Why {
    /// Every reason.
    pub const ALL: [Self; 11] = [
        Self::NoRole,
        Self::NotNow,
        Self::NotHere,
        Self::TooNarrow,
        Self::NotADevice,
        Self::NotTheDeployment,
        Self::DeviceRevoked,
        Self::AnotherKey,
        Self::AnotherDevice,
        Self::GrantGone,
        Self::AdministratorReads,
    ];

    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::NoRole => "NO_ROLE",
            Self::NotNow => "NOT_NOW",
            Self::NotHere => "NOT_HERE",
            Self::TooNarrow => "TOO_NARROW",
            Self::NotADevice => "NOT_A_DEVICE",
            Self::NotTheDeployment => "NOT_THE_DEPLOYMENT",
            Self::DeviceRevoked => "DEVICE_REVOKED",
            Self::AnotherKey => "ANOTHER_KEY",
            Self::AnotherDevice => "ANOTHER_DEVICE",
            Self::GrantGone => "GRANT_GONE",
            Self::AdministratorReads => "ADMINISTRATOR_READS",
        }
    }

    /// What was missing, and what an administrator can do.
    pub fn said(self) -> Said {
        match self {
            Self::NoRole => Said::new(
                "调用者没有可调用此方法的角色：如应允许，请授予其中一种角色",
                "the caller holds none of the roles that may call this: grant one of them, if they should",
            ),
            Self::NotNow => Said::new(
                "调用者的授权尚未生效或已到期：请核对起止时间",
                "the caller's grant has not begun, or is over: look at its from and until",
            ),
            Self::NotHere => Said::new(
                "调用者的授权不含所请求的中心，或没有这个中心",
                "the caller's grant is for another centre than the one asked for, or there is no such centre",
            ),
            Self::TooNarrow => Said::new(
                "调用者的授权限于某单位或窗口，而此方法须有更大范围",
                "the caller's grant is for one department or window, and this call asks for more",
            ),
            Self::NotADevice => Said::new(
                "此方法只供设备调用，令牌却不是设备的",
                "only a device calls this, and the token is not a device's",
            ),
            Self::NotTheDeployment => Said::new(
                "此方法须以 centre \"_\" 调用",
                "this is called with the centre \"_\", the deployment",
            ),
            Self::DeviceRevoked => Said::new(
                "设备已被吊销：须以新的登记码重新登记",
                "the device was revoked: it has to enrol again, with a new code",
            ),
            Self::AnotherKey => Said::new(
                "设备已更换密钥：须以现用密钥取得新令牌",
                "the device has another key by now: it gets a new token by that one",
            ),
            Self::AnotherDevice => Said::new(
                "设备以另一设备的名义调用：请核对终端的配置",
                "the device speaks for another device: look at how the terminal is set up",
            ),
            Self::GrantGone => {
                Said::new("授权在调用过程中被撤销", "the grant was revoked while the call was under way")
            }
            Self::AdministratorReads => Said::new(
                "系统管理员不得读取个人内容：请以其他角色调用",
                "system administrators never read personal content: somebody else has to, in another role",
            ),
        }
    }

    fn from_number(number: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|why| u64::from(*why as u8) == number)
    }
}

/// What an id says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Denial {
    /// When, to the second; until 2106.
    pub at: EpochMs,
    /// Which method: the first 16 bits of its path's SHA-256.
    pub method: u16,
    /// Why.
    pub why: Why,
}

/// What a path is known by in an id.
pub fn method_mark(path: &str) -> u16 {
    let digest = Sha256::digest(path.as_bytes());
    digest.first_chunk::<2>().map_or(0, |two| u16::from_be_bytes(*two))
}

/// Seals ids, and opens them.
pub struct SupportKey([u8; 32]);

impl std::fmt::Debug for SupportKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SupportKey(***)")
    }
}

impl SupportKey {
    /// From a key that is used for nothing else.
    pub fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// The id of a denial; with other random bytes another one.
    pub fn seal(&self, denial: &Denial, random: [u8; 8]) -> String {
        let seconds = u32::try_from(denial.at.get() / 1_000).unwrap_or_default();
        let noise = u64::from_be_bytes(random) & ((1 << 24) - 1);
        let said = (u128::from(seconds) << 68)
            | (u128::from(denial.method) << 52)
            | (u128::from(denial.why as u8) << 48)
            | (u128::from(noise) << ZERO_BITS);
        let (mut left, mut right) = halves(said);
        for round in 0..ROUNDS {
            (left, right) = (right, left ^ self.round(round, right));
        }
        let letters = spell(join(left, right), LETTERS);
        let groups: Vec<&str> =
            [0, 5, 10, 15].iter().filter_map(|from| letters.get(*from..from + 5)).collect();
        groups.join("-")
    }

    /// What an id says; `None` if it is not one of this deployment's. Capitals, spaces and hyphens do not matter.
    pub fn open(&self, id: &str) -> Option<Denial> {
        let mut bits: u128 = 0;
        let mut letters = 0;
        for letter in id.bytes().filter(|b| !b.is_ascii_whitespace() && *b != b'-') {
            let value = ALPHABET.iter().position(|known| *known == letter.to_ascii_lowercase())?;
            bits |= u128::try_from(value).ok()?.checked_shl(letters * 5)?;
            letters += 1;
        }
        if usize::try_from(letters).ok()? != LETTERS {
            return None;
        }
        let (mut left, mut right) = halves(bits);
        for round in (0..ROUNDS).rev() {
            (left, right) = (right ^ self.round(round, left), left);
        }
        let said = join(left, right);
        let field =
            |from: u32, bits: u32| u64::try_from((said >> from) & ((1 << bits) - 1)).unwrap_or(u64::MAX);
        if field(0, ZERO_BITS) != 0 {
            return None;
        }
        Some(Denial {
            at: EpochMs::clamped(i64::try_from(field(68, 32)).ok()?.checked_mul(1_000)?),
            method: u16::try_from(field(52, 16)).ok()?,
            why: Why::from_number(field(48, 4))?,
        })
    }

    /// 50 bits that nobody without the key can tell.
    fn round(&self, round: u8, half: u64) -> u64 {
        // HMAC takes a key of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return 0 };
        mac.update(&[round]);
        mac.update(&half.to_be_bytes());
        let tag = mac.finalize().into_bytes();
        tag.first_chunk::<8>().map_or(0, |eight| u64::from_be_bytes(*eight)) & HALF_MASK
    }
}

fn halves(bits: u128) -> (u64, u64) {
    let half = |bits: u128| u64::try_from(bits & u128::from(HALF_MASK)).unwrap_or_default();
    (half(bits >> HALF), half(bits))
}

fn join(left: u64, right: u64) -> u128 {
    (u128::from(left) << HALF) | u128::from(right)
}

/// What a call makes its id of, should it be denied.
#[derive(Debug, Clone)]
pub struct Support {
    key: Arc<SupportKey>,
    random: [u8; 8],
    at: EpochMs,
}

impl Support {
    /// For one call.
    pub fn new(key: Arc<SupportKey>, random: [u8; 8], at: EpochMs) -> Self {
        Self { key, random, at }
    }

    pub(super) fn id(&self, path: &str, why: Why) -> String {
        self.key.seal(&Denial { at: self.at, method: method_mark(path), why }, self.random)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn an_id_says_to_its_own_deployment_what_was_denied_and_nothing_to_another() {
        let (ours, theirs) = (SupportKey::new([1; 32]), SupportKey::new([2; 32]));
        let mut seen = BTreeSet::new();
        for (n, why) in Why::ALL.into_iter().enumerate() {
            let at = EpochMs::clamped(1_793_579_400_000 + i64::try_from(n).unwrap() * 1_000);
            let denial = Denial { at, method: method_mark("/qinlian.v1.AuditService/GetEntry"), why };
            let id = ours.seal(&denial, [u8::try_from(n).unwrap(); 8]);
            assert_eq!(id.len(), 23, "{id}");
            for typed in [id.clone(), id.to_uppercase(), id.replace('-', " "), id.replace('-', "")] {
                assert_eq!(ours.open(&typed), Some(denial), "{typed}");
            }
            assert_eq!(theirs.open(&id), None);
            assert!(seen.insert(id));
        }
        let denial = Denial { at: EpochMs::ZERO, method: 0, why: Why::NoRole };
        assert_ne!(
            ours.seal(&denial, [1; 8]),
            ours.seal(&denial, [2; 8]),
            "the same twice is not seen to be"
        );
    }

    #[test]
    fn what_is_changed_or_made_up_is_no_id() {
        let key = SupportKey::new([1; 32]);
        let id = key.seal(&Denial { at: EpochMs::ZERO, method: 7, why: Why::NotNow }, [3; 8]);
        for at in 0..id.len() {
            let mut changed = id.clone().into_bytes();
            changed[at] = if changed[at] == b'a' { b'b' } else { b'a' };
            assert_eq!(key.open(&String::from_utf8(changed).unwrap()), None, "letter {at}");
        }
        for made_up in ["", "abc", "0lo1", &"a".repeat(20), &"a".repeat(21), &"9".repeat(200), "查询号"] {
            assert_eq!(key.open(made_up), None, "{made_up}");
        }
    }
}
