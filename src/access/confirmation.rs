//! What has to be shown with a token (RFC 7800): the key that it was got with, and the certificate that the connection
//! must be made with (RFC 8705 §3).

use serde::{Deserialize, Serialize};

use super::thumbprint::{CertificateThumbprint, KeyThumbprint};
use super::token::{Identity, TokenError};
use crate::kernel::Subject;

/// The `cnf` of a token. Closed: a confirmation that we do not understand may not be passed over.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Confirmation {
    jkt: Option<String>,
    #[serde(rename = "x5t#S256")]
    x5t_s256: Option<String>,
}

impl Confirmation {
    /// The key (`jkt`, RFC 9449 §6.1).
    pub(super) fn key(&self) -> Result<Option<KeyThumbprint>, TokenError> {
        read(self.jkt.as_deref(), KeyThumbprint::parse)
    }

    /// The certificate (`x5t#S256`, RFC 8705 §3.1).
    pub(super) fn certificate(&self) -> Result<Option<CertificateThumbprint>, TokenError> {
        read(self.x5t_s256.as_deref(), CertificateThumbprint::parse)
    }
}

fn read<T>(text: Option<&str>, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>, TokenError> {
    text.map(|text| parse(text).ok_or(TokenError::Claims)).transpose()
}

/// Must the tokens of devices be bound to a certificate?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Binding {
    /// They are when they were got over a connection with one.
    #[default]
    Optional,
    /// Others are worth nothing.
    Required,
}

impl Identity {
    /// May the token be shown on a connection with this certificate? A bound one on no other than its own, whatever
    /// `devices` says.
    pub fn shown_with(
        &self,
        connection: Option<&CertificateThumbprint>,
        devices: Binding,
    ) -> Result<(), TokenError> {
        match (&self.certificate, &self.subject) {
            (Some(own), _) if Some(own) != connection => Err(TokenError::Certificate),
            (None, Subject::Device(_)) if devices == Binding::Required => Err(TokenError::NotBound),
            (Some(_) | None, _) => Ok(()),
        }
    }
}
