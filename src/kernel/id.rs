//! Ids. A code is chosen by an administrator, a person id is minted, a request id comes with a command.

use std::fmt;

use uuid::Uuid;

/// Why a text is not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Nothing given.
    #[error("is empty")]
    Empty,
    /// Not `[a-z0-9-]{1,64}`.
    #[error("is not a code of 1 to 64 characters of a-z, 0-9 and -")]
    NotACode,
    /// Not a minted person id.
    #[error("is not a person id")]
    NotAPersonId,
    /// Not a UUID of version 4 or 7.
    #[error("is not a UUID of version 4 or 7")]
    NotARequestId,
    /// Not `person:…`, `device:…` or `system:…`.
    #[error("is not person:<id>, device:<code> or system:<name>")]
    NotASubject,
}

/// 32 letters and digits that can be read out over the telephone and typed in: no 0, 1, l or o.
pub const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Bits as letters of [`ALPHABET`], five each, the lowest first.
pub fn spell(mut bits: u128, letters: usize) -> String {
    let mut text = String::with_capacity(letters);
    for _ in 0..letters {
        let letter = usize::try_from(bits & 31).unwrap_or_default();
        text.push(char::from(ALPHABET.get(letter).copied().unwrap_or(b'a')));
        bits >>= 5;
    }
    text
}

/// 64 characters: what a person can still read out.
const CODE_MAX: usize = 64;

fn is_code(text: &str) -> bool {
    (1..=CODE_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

macro_rules! code {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Parses `[a-z0-9-]{1,64}`.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                match text {
                    "" => Err(IdError::Empty),
                    text if is_code(text) => Ok(Self(text.to_owned())),
                    _ => Err(IdError::NotACode),
                }
            }

            /// The code.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

code! {
    /// A department that seconds people.
    DepartmentId
}
code! {
    /// A service window.
    WindowId
}
code! {
    /// A terminal or an import source.
    DeviceId
}
code! {
    /// A service item.
    ItemId
}
code! {
    /// A role grant.
    GrantId
}
code! {
    /// A shift.
    ShiftId
}
code! {
    /// A policy: a set of numbers by which something is judged.
    PolicyId
}

/// A centre's code, or `_`: the deployment, which belongs to no single centre.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CentreId(String);

impl CentreId {
    /// Parses `[a-z0-9-]{1,64}` or `_`.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        match text {
            "" => Err(IdError::Empty),
            "_" => Ok(Self::deployment()),
            text if is_code(text) => Ok(Self(text.to_owned())),
            _ => Err(IdError::NotACode),
        }
    }

    /// The deployment, `_`.
    pub fn deployment() -> Self {
        Self("_".to_owned())
    }

    /// Is this `_`?
    pub fn is_deployment(&self) -> bool {
        self.0 == "_"
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CentreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A person: `p` and 26 characters of lower-case base 32 (130 random bits' worth of letters for 128 bits).
///
/// Random, so that it says nothing; never a job number or a badge.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonId(String);

impl PersonId {
    const LETTERS: usize = 26;

    /// Mints an id from 16 random bytes.
    pub fn mint(random: [u8; 16]) -> Self {
        Self(format!("p{}", spell(u128::from_be_bytes(random), Self::LETTERS)))
    }

    /// Parses what [`PersonId::mint`] made.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let Some(letters) = text.strip_prefix('p') else {
            return Err(if text.is_empty() { IdError::Empty } else { IdError::NotAPersonId });
        };
        if letters.len() == Self::LETTERS && letters.bytes().all(|b| ALPHABET.contains(&b)) {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError::NotAPersonId)
        }
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PersonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The id of one command, unique per log for ever: a UUID of version 4 or 7 (AIP-155), or of version 8
/// for what the server itself writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(Uuid);

impl RequestId {
    /// Parses a caller's id.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        if text.is_empty() {
            return Err(IdError::Empty);
        }
        let uuid = Uuid::try_parse(text).map_err(|_| IdError::NotARequestId)?;
        match uuid.get_version_num() {
            4 | 7 if uuid.get_variant() == uuid::Variant::RFC4122 => Ok(Self(uuid)),
            _ => Err(IdError::NotARequestId),
        }
    }

    /// The id of something that the server itself writes: version 8 over the first 16 bytes of a hash.
    pub fn server_made(hash: &[u8; 32]) -> Self {
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(hash).for_each(|(to, from)| *to = *from);
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }

    /// A version 4 id from 16 random bytes.
    pub fn random(random: [u8; 16]) -> Self {
        Self(uuid::Builder::from_random_bytes(random).into_uuid())
    }

    /// The 16 bytes, as the leaf holds them.
    pub fn to_bytes(self) -> [u8; 16] {
        *self.0.as_bytes()
    }

    /// From the 16 bytes of a leaf or a row: any version.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// Who calls: `person:<id>`, `device:<code>` or `system:<name>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A person of the directory.
    Person(PersonId),
    /// A terminal.
    Device(DeviceId),
    /// Another system, by a code.
    System(String),
}

impl Subject {
    /// Parses a subject as tokens and grants name it.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        match text.split_once(':') {
            Some(("person", id)) => PersonId::parse(id).map(Self::Person).map_err(|_| IdError::NotASubject),
            Some(("device", code)) => {
                DeviceId::parse(code).map(Self::Device).map_err(|_| IdError::NotASubject)
            }
            Some(("system", name)) if is_code(name) => Ok(Self::System(name.to_owned())),
            Some(_) | None => Err(if text.is_empty() { IdError::Empty } else { IdError::NotASubject }),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(id) => write!(f, "person:{id}"),
            Self::Device(code) => write!(f, "device:{code}"),
            Self::System(name) => write!(f, "system:{name}"),
        }
    }
}

/// A log: 0 is the deployment's; a centre's is the position of the entry that created the centre.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogId(i64);

impl LogId {
    /// The deployment log.
    pub const DEPLOYMENT: Self = Self(0);

    /// From a column.
    pub const fn from_column(value: i64) -> Self {
        Self(value)
    }

    /// As a column.
    pub const fn column(self) -> i64 {
        self.0
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A position in a log: the base of its epoch plus the index in that epoch's tree. Below 2^62.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Pos(u64);

impl Pos {
    /// The first position.
    pub const ZERO: Self = Self(0);
    /// Behind every entry that there is: 2^62, so that a column holds it.
    pub const MAX: Self = Self(1 << 62);

    /// A position; capped at [`Pos::MAX`].
    pub const fn new(value: u64) -> Self {
        if value > Self::MAX.0 { Self::MAX } else { Self(value) }
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The next position.
    #[must_use]
    pub const fn next(self) -> Self {
        Self::new(self.0 + 1)
    }

    /// As a column.
    pub const fn column(self) -> i64 {
        self.0.cast_signed()
    }

    /// From a column; a negative one is no position.
    pub const fn from_column(value: i64) -> Option<Self> {
        if value < 0 { None } else { Some(Self::new(value.cast_unsigned())) }
    }
}

impl fmt::Display for Pos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_short_plain_and_lower_case() {
        for (text, valid) in [
            ("hall-1", true),
            ("a", true),
            ("", false),
            ("Hall", false),
            ("中心", false),
            ("a b", false),
            ("_", false),
        ] {
            assert_eq!(DepartmentId::parse(text).is_ok(), valid, "{text:?}");
        }
        assert!(WindowId::parse(&"w".repeat(64)).is_ok());
        assert_eq!(WindowId::parse(&"w".repeat(65)), Err(IdError::NotACode));
        assert!(CentreId::parse("_").is_ok_and(|c| c.is_deployment()));
    }

    #[test]
    fn a_minted_person_id_parses_and_differs_in_every_bit() {
        let base = PersonId::mint([0; 16]);
        for bit in 0..128 {
            let minted = PersonId::mint((1_u128 << bit).to_be_bytes());
            assert_ne!(minted, base);
            assert_eq!(PersonId::parse(minted.as_str()), Ok(minted));
        }
        assert_eq!(PersonId::parse("E1024"), Err(IdError::NotAPersonId));
    }

    #[test]
    fn only_version_4_and_7_are_a_callers_request_id() {
        assert!(RequestId::parse("0192f0c1-2345-7abc-8def-0123456789ab").is_ok());
        assert!(RequestId::parse("f47ac10b-58cc-4372-a567-0e02b2c3d479").is_ok());
        assert_eq!(RequestId::parse("f47ac10b-58cc-1372-a567-0e02b2c3d479"), Err(IdError::NotARequestId));
        assert_eq!(
            RequestId::parse(&RequestId::server_made(&[7; 32]).to_string()),
            Err(IdError::NotARequestId)
        );
        assert_eq!(RequestId::parse("x"), Err(IdError::NotARequestId));
    }

    #[test]
    fn a_subject_prints_as_it_parses() {
        for text in ["device:hall-1", "system:hr-tax", &format!("person:{}", PersonId::mint([3; 16]))] {
            assert_eq!(Subject::parse(text).map(|s| s.to_string()), Ok(text.to_owned()));
        }
        assert_eq!(Subject::parse("person:zhang"), Err(IdError::NotASubject));
        assert_eq!(Subject::parse("root"), Err(IdError::NotASubject));
    }
}
