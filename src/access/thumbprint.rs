//! The thumbprints that a device's token names: of its key (RFC 7638), so that the token of a key that was replaced is
//! worth nothing, and of its certificate (RFC 8705), so that the token is worth nothing on another connection.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

/// SHA-256 over the required members of an Ed25519 key as a JWK (RFC 7638 §3, RFC 8037 §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyThumbprint([u8; 32]);

impl KeyThumbprint {
    /// Of a public key of 32 bytes.
    pub fn of(public_key: &[u8]) -> Self {
        let x = URL_SAFE_NO_PAD.encode(public_key);
        let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        Self(Sha256::digest(members.as_bytes()).into())
    }

    /// As tokens spell it.
    pub fn spelled(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// As a token spells it; `None` if it is no thumbprint.
    pub fn parse(text: &str) -> Option<Self> {
        Some(Self(URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?))
    }
}

/// SHA-256 over a certificate as it was sent, in DER (RFC 8705 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CertificateThumbprint([u8; 32]);

impl CertificateThumbprint {
    /// Of a certificate in DER.
    pub fn of(der: &[u8]) -> Self {
        Self(Sha256::digest(der).into())
    }

    /// As tokens spell it.
    pub fn spelled(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// As a token spells it; `None` if it is no thumbprint.
    pub fn parse(text: &str) -> Option<Self> {
        Some(Self(URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thumbprint_is_that_of_rfc_8037() {
        // RFC 8037, appendix A.3.
        let key = URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
        let print = KeyThumbprint::of(&key);
        assert_eq!(print.spelled(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assert_eq!(KeyThumbprint::parse(&print.spelled()), Some(print));
        assert_eq!(KeyThumbprint::parse("kPrK"), None);
    }
}
