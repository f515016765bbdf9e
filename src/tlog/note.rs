//! Signed notes, c2sp.org/signed-note, and Ed25519 signatures of type 0x01.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

/// A larger note is refused unread: 1 MiB, room for far more than 16 post-quantum signatures.
pub const MAX_NOTE_BYTES: usize = 1 << 20;
/// More signatures than this are refused; the text asks for at least 16.
const MAX_SIGNATURES: usize = 100;
/// The identifier byte of plain Ed25519, "Signature types".
pub(super) const ED25519: u8 = 0x01;

/// Why bytes are not a note, or not one that may be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Larger than [`MAX_NOTE_BYTES`].
    #[error("is too large")]
    TooLarge,
    /// A control character other than newline.
    #[error("holds a control character")]
    ControlCharacter,
    /// No empty line between text and signatures, or nothing after it.
    #[error("has no signatures")]
    NoSignatures,
    /// More than 100.
    #[error("has too many signatures")]
    TooManySignatures,
    /// A line after the text that is not a signature.
    #[error("has a malformed signature line")]
    BadSignatureLine,
    /// A key that we know, and a signature that it did not make.
    #[error("has a signature that does not verify")]
    BadSignature,
    /// Signed by nobody that we know.
    #[error("is not signed by a known key")]
    NoKnownKey,
}

/// One signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    name: String,
    key_id: [u8; 4],
    bytes: Vec<u8>,
}

/// Key names are not empty and have neither Unicode spaces nor a plus, and no note holds a control character below
/// U+0020, "Format". Nothing more is asked of a name: whoever asked more would refuse notes that he has to accept.
fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c == '+' || c < ' ')
}

impl NoteSignature {
    /// A signature by its parts; the name has to be a key's name.
    pub fn new(name: &str, key_id: [u8; 4], bytes: Vec<u8>) -> Result<Self, VkeyError> {
        if is_key_name(name) {
            Ok(Self { name: name.to_owned(), key_id, bytes })
        } else {
            Err(VkeyError::Name)
        }
    }

    /// The key's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key's id.
    pub fn key_id(&self) -> [u8; 4] {
        self.key_id
    }

    /// What follows the key id.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The 64 bytes of an Ed25519 signature.
    pub fn ed25519(&self) -> Option<[u8; 64]> {
        self.bytes.as_slice().try_into().ok()
    }

    /// The line, with its newline.
    pub fn line(&self) -> String {
        let encoded = STANDARD.encode([&self.key_id[..], &self.bytes].concat());
        format!("\u{2014} {} {encoded}\n", self.name)
    }

    /// Parses a line without its newline.
    pub fn parse(line: &str) -> Result<Self, NoteError> {
        let rest = line.strip_prefix("\u{2014} ").ok_or(NoteError::BadSignatureLine)?;
        let (name, encoded) = rest.split_once(' ').ok_or(NoteError::BadSignatureLine)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| NoteError::BadSignatureLine)?;
        let (key_id, signature) = bytes.split_first_chunk::<4>().ok_or(NoteError::BadSignatureLine)?;
        if signature.is_empty() {
            return Err(NoteError::BadSignatureLine);
        }
        Self::new(name, *key_id, signature.to_vec()).map_err(|_| NoteError::BadSignatureLine)
    }

    /// A note of this one signature.
    pub fn note(&self, text: &str) -> String {
        format!("{text}\n{}", self.line())
    }
}

/// A parsed note. Its text must not be used before [`Note::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

impl Note {
    /// Parses; checks no signature.
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        if note.len() > MAX_NOTE_BYTES {
            return Err(NoteError::TooLarge);
        }
        if note.bytes().any(|b| b < 0x20 && b != b'\n') {
            return Err(NoteError::ControlCharacter);
        }
        // "the text is separated from the signatures by the last empty line in the note"
        let split = note.rfind("\n\n").ok_or(NoteError::NoSignatures)?;
        let (text, rest) = note.split_at_checked(split + 1).ok_or(NoteError::NoSignatures)?;
        let lines = rest.strip_prefix('\n').and_then(|lines| lines.strip_suffix('\n'));
        let lines = lines.ok_or(NoteError::NoSignatures)?;
        let signatures: Vec<NoteSignature> =
            lines.split('\n').map(NoteSignature::parse).collect::<Result<_, _>>()?;
        if signatures.len() > MAX_SIGNATURES {
            return Err(NoteError::TooManySignatures);
        }
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// The text, with its final newline, if a known key signed it and no known key's signature is bad.
    pub fn verify(&self, known: &[VerifierKey]) -> Result<&str, NoteError> {
        let mut verified = false;
        for signature in &self.signatures {
            let key = known.iter().find(|key| key.name == signature.name && key.key_id == signature.key_id);
            if let Some(key) = key {
                key.verify(self.text.as_bytes(), signature.bytes())?;
                verified = true;
            }
        }
        if verified { Ok(&self.text) } else { Err(NoteError::NoKnownKey) }
    }

    /// The text before any signature was checked: for what verifies it in another way.
    pub fn unverified_text(&self) -> &str {
        &self.text
    }

    /// The signatures, checked or not.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| f.write_str(&signature.line()))
    }
}

/// Why a text is not a verifier key that we can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VkeyError {
    /// Not `name+id+key`.
    #[error("is not name+id+key")]
    Form,
    /// A name that no key has.
    #[error("has a name with spaces or a plus")]
    Name,
    /// Not an Ed25519 key of the type that is asked for.
    #[error("is not a key of the type that is asked for")]
    Type,
    /// Not a point of the curve, or a weak one.
    #[error("is not a sound Ed25519 key")]
    Key,
    /// The id is not the one of this name and key.
    #[error("has an id that is not its own")]
    KeyId,
}

/// Who may sign: name, id and key ("Verifier keys").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    key_id: [u8; 4],
    algorithm: u8,
    key: VerifyingKey,
}

/// `SHA-256(name ‖ 0x0A ‖ type ‖ key)[:4]`, "Signatures".
pub(super) fn key_id(name: &str, algorithm: u8, key: &[u8; 32]) -> [u8; 4] {
    let hash: [u8; 32] =
        Sha256::new().chain_update(name).chain_update([b'\n', algorithm]).chain_update(key).finalize().into();
    let [a, b, c, d, ..] = hash;
    [a, b, c, d]
}

impl VerifierKey {
    /// A key of a signature type.
    pub(super) fn new(name: &str, algorithm: u8, key: VerifyingKey) -> Result<Self, VkeyError> {
        if !is_key_name(name) {
            return Err(VkeyError::Name);
        }
        if key.is_weak() {
            return Err(VkeyError::Key);
        }
        Ok(Self { name: name.to_owned(), key_id: key_id(name, algorithm, key.as_bytes()), algorithm, key })
    }

    /// Parses a log's key: Ed25519, type 0x01.
    pub fn parse(vkey: &str) -> Result<Self, VkeyError> {
        Self::parse_typed(vkey, ED25519)
    }

    pub(super) fn parse_typed(vkey: &str, algorithm: u8) -> Result<Self, VkeyError> {
        let mut parts = vkey.splitn(3, '+');
        let (Some(name), Some(id), Some(encoded)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(VkeyError::Form);
        };
        if id.len() != 8 || id.bytes().any(|b| !matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(VkeyError::Form);
        }
        let id = u32::from_str_radix(id, 16).map_err(|_| VkeyError::Form)?.to_be_bytes();
        let bytes = STANDARD.decode(encoded).map_err(|_| VkeyError::Form)?;
        let (first, key) = bytes.split_first().ok_or(VkeyError::Form)?;
        if *first != algorithm {
            return Err(VkeyError::Type);
        }
        let key: [u8; 32] = key.try_into().map_err(|_| VkeyError::Key)?;
        let key = VerifyingKey::from_bytes(&key).map_err(|_| VkeyError::Key)?;
        let parsed = Self::new(name, algorithm, key)?;
        if parsed.key_id == id { Ok(parsed) } else { Err(VkeyError::KeyId) }
    }

    /// The key's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key's id.
    pub fn key_id(&self) -> [u8; 4] {
        self.key_id
    }

    /// The 32 bytes of the key.
    pub fn key_bytes(&self) -> [u8; 32] {
        self.key.to_bytes()
    }

    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), NoteError> {
        let signature: [u8; 64] = signature.try_into().map_err(|_| NoteError::BadSignature)?;
        self.key
            .verify_strict(message, &Signature::from_bytes(&signature))
            .map_err(|_| NoteError::BadSignature)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encoded = STANDARD.encode([&[self.algorithm][..], self.key.as_bytes()].concat());
        write!(f, "{}+{:08x}+{encoded}", self.name, u32::from_be_bytes(self.key_id))
    }
}

/// Signs notes.
pub struct NoteSigner {
    key: SigningKey,
    verifier: VerifierKey,
}

impl fmt::Debug for NoteSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NoteSigner({})", self.verifier.name)
    }
}

impl NoteSigner {
    /// A signer with plain Ed25519, type 0x01.
    pub fn ed25519(name: &str, key: SigningKey) -> Result<Self, VkeyError> {
        let verifier = VerifierKey::new(name, ED25519, key.verifying_key())?;
        Ok(Self { key, verifier })
    }

    /// The key that verifies what this signs.
    pub fn verifier_key(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Signs a text that ends in a newline.
    pub fn sign(&self, text: &str) -> NoteSignature {
        let signature = self.key.sign(text.as_bytes());
        NoteSignature {
            name: self.verifier.name.clone(),
            key_id: self.verifier.key_id,
            bytes: signature.to_bytes().to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of c2sp.org/signed-note, "Verifier keys".
    const VKEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    const NOTE: &str = "This is an example message.\n\n\u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

    #[test]
    fn the_example_of_the_specification_verifies_and_no_changed_byte_of_it_does() {
        let key = VerifierKey::parse(VKEY).unwrap();
        assert_eq!(key.to_string(), VKEY);
        let note = Note::parse(NOTE).unwrap();
        assert_eq!(note.verify(std::slice::from_ref(&key)), Ok("This is an example message.\n"));
        assert_eq!(note.to_string(), NOTE);
        for at in 0..NOTE.len() {
            let mut bytes = NOTE.as_bytes().to_vec();
            bytes[at] ^= 1;
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            let verified =
                Note::parse(&changed).and_then(|n| n.verify(std::slice::from_ref(&key)).map(str::to_owned));
            assert!(verified.is_err(), "byte {at}");
        }
    }

    #[test]
    fn unknown_keys_are_ignored_and_a_known_keys_bad_signature_spoils_the_note() {
        let one = NoteSigner::ed25519("one.example", SigningKey::from_bytes(&[1; 32])).unwrap();
        let two = NoteSigner::ed25519("two.example", SigningKey::from_bytes(&[2; 32])).unwrap();
        let text = "hello\n\nworld\n";
        let note = |lines: &[String]| format!("{text}\n{}", lines.concat());
        let (good_one, good_two) = (one.sign(text).line(), two.sign(text).line());
        let bad_two = two.sign("other\n").line();
        let keys = [one.verifier_key().clone()];
        let both = [one.verifier_key().clone(), two.verifier_key().clone()];
        for (case, note, known, outcome) in [
            ("an unknown key beside", note(&[good_one.clone(), bad_two.clone()]), &keys[..], Ok(text)),
            (
                "both known, one bad",
                note(&[good_one.clone(), bad_two]),
                &both[..],
                Err(NoteError::BadSignature),
            ),
            ("nobody known", note(std::slice::from_ref(&good_two)), &keys[..], Err(NoteError::NoKnownKey)),
            ("both good", note(&[good_one, good_two]), &both[..], Ok(text)),
        ] {
            assert_eq!(Note::parse(&note).unwrap().verify(known), outcome, "{case}");
        }
    }

    #[test]
    fn what_is_not_a_note_is_named() {
        for (note, error) in [
            ("", NoteError::NoSignatures),
            ("text\n", NoteError::NoSignatures),
            ("text\n\n", NoteError::NoSignatures),
            ("text\n\nline\n", NoteError::BadSignatureLine),
            ("text\n\n\u{2014} a AAAAAA==", NoteError::NoSignatures),
            ("text\n\n\u{2014} a AAAAAA==\n", NoteError::BadSignatureLine),
            ("text\n\n\u{2014} a+b AAAAAAA=\n", NoteError::BadSignatureLine),
            ("te\txt\n\n\u{2014} a AAAAAAA=\n", NoteError::ControlCharacter),
        ] {
            assert_eq!(Note::parse(note), Err(error), "{note:?}");
        }
        assert!(Note::parse("text\n\n\u{2014} a AAAAAAA=\n").is_ok());
        assert_eq!(Note::parse(&"a".repeat(MAX_NOTE_BYTES + 1)), Err(NoteError::TooLarge));
    }

    #[test]
    fn a_verifier_key_that_is_not_one_is_refused() {
        for (vkey, error) in [
            ("", VkeyError::Form),
            ("a+b", VkeyError::Form),
            ("example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", VkeyError::Form),
            ("example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", VkeyError::KeyId),
            ("example.com/foo+530d903a+BOkyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", VkeyError::Type),
            ("example.com/fo o+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", VkeyError::Name),
        ] {
            assert_eq!(VerifierKey::parse(vkey), Err(error), "{vkey}");
        }
    }
}
