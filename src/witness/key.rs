//! A witness's key, in a file of its own.
//!
//! One line, as other software writes its note keys: `PRIVATE+KEY+<name>+<key id in hex>+<base64 of type and seed>`.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;
use zeroize::Zeroizing;

use crate::clock::{Clock, random};
use crate::tlog::{CosignatureKey, Cosigner, VkeyError};

/// Timestamped Ed25519 cosignatures, c2sp.org/tlog-cosignature.
const COSIGNATURE_V1: u8 = 0x04;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file.
    #[error("failed to use the key file: {0}")]
    Io(#[from] io::Error),
    /// Not one line of a private key.
    #[error("the key file does not hold a witness's private key")]
    Form,
    /// A name that no key can have.
    #[error("the name {0}")]
    Name(VkeyError),
}

/// Makes a key and writes it where nothing is yet, readable by its owner alone. Answers with the verifier key.
pub fn generate(name: &str, path: &Path, clock: &dyn Clock) -> Result<CosignatureKey, KeyError> {
    let seed = Zeroizing::new(random::<32>(clock));
    let cosigner = Cosigner::new(name, SigningKey::from_bytes(&seed)).map_err(KeyError::Name)?;
    let data = Zeroizing::new([&[COSIGNATURE_V1][..], &*seed].concat());
    let id = u32::from_be_bytes(cosigner.key().vkey().key_id());
    let line = Zeroizing::new(format!("PRIVATE+KEY+{name}+{id:08x}+{}\n", STANDARD.encode(&*data)));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(line.as_bytes())?;
    file.sync_all()?;
    Ok(cosigner.key().clone())
}

/// Reads what [`generate`] wrote.
pub fn load(path: &Path) -> Result<Cosigner, KeyError> {
    let text = Zeroizing::new(std::fs::read_to_string(path)?);
    parse(text.trim_end()).ok_or(KeyError::Form)
}

fn parse(line: &str) -> Option<Cosigner> {
    let mut fields = line.strip_prefix("PRIVATE+KEY+")?.splitn(3, '+');
    let (name, id, data) = (fields.next()?, fields.next()?, fields.next()?);
    let data = Zeroizing::new(STANDARD.decode(data).ok()?);
    let (first, seed) = data.split_first()?;
    let seed = Zeroizing::new(<[u8; 32]>::try_from(seed).ok().filter(|_| *first == COSIGNATURE_V1)?);
    let cosigner = Cosigner::new(name, SigningKey::from_bytes(&seed)).ok()?;
    let own = u32::from_be_bytes(cosigner.key().vkey().key_id());
    (format!("{own:08x}") == id).then_some(cosigner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::MockClock;
    use crate::kernel::EpochMs;

    #[test]
    fn a_key_is_written_once_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("witness.key");
        let clock = MockClock::new(EpochMs::ZERO, 1);
        let key = generate("witness.example/w1", &path, &clock).unwrap();
        assert_eq!(load(&path).unwrap().key(), &key);
        assert!(matches!(generate("witness.example/w1", &path, &clock), Err(KeyError::Io(_))));
        assert!(matches!(generate("a b", &folder.path().join("x"), &clock), Err(KeyError::Name(_))));
        let mode = std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
        let text = std::fs::read_to_string(&path).unwrap();
        for spoiled in [text.replace("w1", "w2"), text.replace("PRIVATE", "PUBLIC"), String::new()] {
            std::fs::write(&path, spoiled).unwrap();
            assert!(matches!(load(&path), Err(KeyError::Form)));
        }
    }
}
