//! How a terminal proves who it is: codes that are typed in, challenges, and the bytes that it signs
//! (docs/terminals.md). Pure; nothing here is stored but a code's keyed hash.

use crate::kernel::{ALPHABET, CentreId, DeviceId, EpochMs, RequestId, spell};
use crate::kernel::{Complaint, Said, push_text};
use crate::ledger::keys::Keys;

/// A challenge is answered within 2 min: long enough for a slow terminal, too short to be of use later.
pub const CHALLENGE_MS: i64 = 2 * 60 * 1_000;
/// 12 letters of 5 bits each: 60 bits, one use, one day, and few tries a second.
const CODE_LETTERS: usize = 12;
/// Instant, random bytes, tag.
const CHALLENGE_BYTES: usize = 8 + 16 + 32;

/// An enrolment code.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(String);

impl std::fmt::Debug for Code {
    /// Never the letters.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Code(***)")
    }
}

impl Code {
    /// The code of a request: the same again when the request is repeated, and nobody without the key can tell it.
    pub fn of_request(keys: &Keys, centre: &CentreId, device: &DeviceId, id: RequestId) -> Self {
        let label = b"qinlian/v1/enrolment-code";
        let derived =
            keys.derived_id(label, &[centre.as_str().as_bytes(), device.as_str().as_bytes(), &id.to_bytes()]);
        let bits = derived.first_chunk::<16>().map_or(0, |bytes| u128::from_be_bytes(*bytes));
        Self(spell(bits, CODE_LETTERS))
    }

    /// A code as somebody typed it.
    pub fn parse(text: &str) -> Result<Self, Complaint> {
        let letters: String = text
            .chars()
            .filter(|c| !c.is_ascii_whitespace() && *c != '-')
            .map(|c| c.to_ascii_lowercase())
            .collect();
        let good = letters.len() == CODE_LETTERS && letters.bytes().all(|b| ALPHABET.contains(&b));
        let said = || Said::new("应为 12 个字母和数字", "is not a code of 12 letters and digits");
        if good { Ok(Self(letters)) } else { Err(Complaint { reason: "NOT_A_CODE", said: said() }) }
    }

    /// In three groups, to be read and typed.
    pub fn shown(&self) -> String {
        let letters: Vec<char> = self.0.chars().collect();
        let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
        groups.join("-")
    }

    /// The letters alone, as they are signed.
    pub fn letters(&self) -> &str {
        &self.0
    }

    /// The keyed hash under which the directory knows it.
    pub fn hmac(&self, keys: &Keys, centre: &CentreId, device: &DeviceId) -> [u8; 32] {
        let label = b"qinlian/v1/enrolment-code-hash";
        keys.derived_id(label, &[centre.as_str().as_bytes(), device.as_str().as_bytes(), self.0.as_bytes()])
    }
}

/// A challenge that is good for one device and two minutes, and that nobody has to remember.
pub fn challenge(
    keys: &Keys,
    centre: &CentreId,
    device: &DeviceId,
    at: EpochMs,
    random: [u8; 16],
) -> Vec<u8> {
    let mut bytes = at.get().to_be_bytes().to_vec();
    bytes.extend(random);
    let tag = tag(keys, centre, device, &bytes);
    bytes.extend(tag);
    bytes
}

/// Is this a challenge of ours for this device, and does it still hold?
pub fn is_challenge(keys: &Keys, centre: &CentreId, device: &DeviceId, at: EpochMs, given: &[u8]) -> bool {
    if given.len() != CHALLENGE_BYTES {
        return false;
    }
    let (said, theirs) = given.split_at(CHALLENGE_BYTES - 32);
    let Some(made) = said.first_chunk::<8>().map(|ms| EpochMs::clamped(i64::from_be_bytes(*ms))) else {
        return false;
    };
    // Replicas whose clocks are two seconds apart still take each other's.
    tag(keys, centre, device, said) == theirs && (-2_000..=CHALLENGE_MS).contains(&at.since(made))
}

fn tag(keys: &Keys, centre: &CentreId, device: &DeviceId, said: &[u8]) -> [u8; 32] {
    let label = b"qinlian/v1/device-challenge";
    keys.derived_id(label, &[centre.as_str().as_bytes(), device.as_str().as_bytes(), said])
}

/// The salt of one terminal's hashes of credentials: another one after each enrolment.
pub fn salt(keys: &Keys, centre: &CentreId, device: &DeviceId, journal: u64) -> [u8; 32] {
    let label = b"qinlian/v1/terminal-salt";
    let journal = journal.to_be_bytes();
    keys.derived_id(label, &[centre.as_str().as_bytes(), device.as_str().as_bytes(), &journal])
}

/// What a new key signs when a device enrols.
pub fn enrolment(centre: &CentreId, device: &DeviceId, code: &Code, key: &[u8; 32]) -> Vec<u8> {
    let mut bytes = signed(b"qinlian/v1/device/enrol\0", centre, device);
    push_text(&mut bytes, code.letters());
    bytes.extend(key);
    bytes
}

/// What the present key and the new one sign when a device changes its key.
pub fn rotation(centre: &CentreId, device: &DeviceId, key: &[u8; 32]) -> Vec<u8> {
    let mut bytes = signed(b"qinlian/v1/device/rotate\0", centre, device);
    bytes.extend(key);
    bytes
}

/// What a device signs to get a token.
pub fn token_request(centre: &CentreId, device: &DeviceId, challenge: &[u8]) -> Vec<u8> {
    let mut bytes = signed(b"qinlian/v1/device/token\0", centre, device);
    bytes.extend(u16::try_from(challenge.len()).unwrap_or(u16::MAX).to_be_bytes());
    bytes.extend(challenge);
    bytes
}

fn signed(domain: &[u8], centre: &CentreId, device: &DeviceId) -> Vec<u8> {
    let mut bytes = domain.to_vec();
    push_text(&mut bytes, centre.as_str());
    push_text(&mut bytes, device.as_str());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> (Keys, CentreId, DeviceId) {
        let device = DeviceId::parse("gate-1").unwrap();
        (Keys::new(&[1; 32], &[2; 32]), CentreId::parse("hall").unwrap(), device)
    }

    #[test]
    fn a_code_is_the_same_however_it_is_typed() {
        let (keys, centre, device) = place();
        let code = Code::of_request(&keys, &centre, &device, RequestId::random([7; 16]));
        let shown = code.shown();
        assert_eq!(shown.len(), 14, "{shown}");
        for typed in [shown.clone(), shown.to_uppercase(), shown.replace('-', " "), shown.replace('-', "")] {
            assert_eq!(Code::parse(&typed).as_ref(), Ok(&code), "{typed}");
        }
        for wrong in ["", "abcd", "abcd-efgh-ijk0", "abcd-efgh-ijk1", "abcdefghijkmn", "甲乙丙丁abcdefgh"]
        {
            assert!(Code::parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(format!("{code:?}"), "Code(***)");
    }

    #[test]
    fn a_challenge_is_good_for_one_device_for_two_minutes() {
        let (keys, centre, device) = place();
        let made = EpochMs::clamped(1_795_391_940_000);
        let bytes = challenge(&keys, &centre, &device, made, [9; 16]);
        let after = |ms: i64| EpochMs::clamped(made.get() + ms);
        let other = DeviceId::parse("gate-2").unwrap();
        let elsewhere = CentreId::parse("annex").unwrap();
        let stranger = Keys::new(&[3; 32], &[2; 32]);
        for (case, good, keys, centre, device, at) in [
            ("at once", true, &keys, &centre, &device, after(0)),
            ("just in time", true, &keys, &centre, &device, after(CHALLENGE_MS)),
            ("too late", false, &keys, &centre, &device, after(CHALLENGE_MS + 1)),
            ("a replica whose clock is behind", true, &keys, &centre, &device, after(-2_000)),
            ("from the future", false, &keys, &centre, &device, after(-2_001)),
            ("another device", false, &keys, &centre, &other, after(0)),
            ("another centre", false, &keys, &elsewhere, &device, after(0)),
            ("another deployment", false, &stranger, &centre, &device, after(0)),
        ] {
            assert_eq!(is_challenge(keys, centre, device, at, &bytes), good, "{case}");
        }
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(!is_challenge(&keys, &centre, &device, made, &changed), "byte {at}");
            assert!(!is_challenge(&keys, &centre, &device, made, &bytes[..at]), "cut at {at}");
        }
    }
}
