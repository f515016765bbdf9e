//! The connection to the server: a channel that comes back by itself, a token by the device's key, and what an answer
//! means for whoever asked.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use ed25519_dalek::{Signer, SigningKey};
use tonic::metadata::MetadataValue;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Code, Request, Response, Status};
use tonic_types::StatusExt;

use super::home::Place;
use crate::clock::Clock;
use crate::edge::Language;
use crate::edge::status::DOMAIN;
use crate::kernel::{CentreId, DeviceId};
use crate::proto::directory_service_client::DirectoryServiceClient;
use crate::proto::{GetDeviceChallengeRequest, GetDeviceTokenRequest};
use crate::registers::directory::proof;

/// Whoever stands at the window waits no longer than this for an answer: then it counts as offline, and goes on.
pub(super) const PATIENCE: Duration = Duration::from_secs(4);
/// An upload may take longer: nobody waits for it.
pub(super) const UPLOAD: Duration = Duration::from_secs(30);
/// The next token is asked for a minute before the last one ends (docs/terminals.md).
const EARLY_S: i64 = 60;

/// A call that was not answered with what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The server said no, and nothing of it is stored: its code, and a sentence.
    Refused {
        /// The code.
        reason: String,
        /// The sentence.
        said: String,
    },
    /// Nobody knows whether it is stored: it has to be sent again under its id. Why, for the screen.
    InDoubt(String),
}

impl Trouble {
    /// Only these two are a clear no of the server itself to what was asked. Everything else may be somebody in between,
    /// or may have been stored before it went wrong; that the terminal is not let in says nothing of what happened at it.
    fn of(status: &Status) -> Self {
        let details = status.get_error_details();
        let info = details.error_info().filter(|info| info.domain == DOMAIN);
        let reason = info.map(|info| info.reason.clone());
        match (status.code(), reason) {
            (Code::FailedPrecondition | Code::InvalidArgument, Some(reason)) => {
                let told = details.localized_message().map(|told| told.message.clone());
                let mut said = vec![told.unwrap_or_else(|| status.message().to_owned())];
                if let Some(wrong) = details.bad_request() {
                    let fields = wrong.field_violations.iter();
                    said.extend(fields.map(|wrong| format!("{}:{}", wrong.field, wrong.reason)));
                }
                Self::Refused { reason, said: said.join(" ") }
            }
            (code, reason) => Self::InDoubt(reason.unwrap_or_else(|| format!("{code:?}"))),
        }
    }
}

/// The connection.
#[derive(Debug)]
pub(super) struct Link {
    channel: Channel,
    place: Place,
    key: SigningKey,
    clock: Arc<dyn Clock>,
    language: Language,
    /// A token, and the process's own time at which the next one is asked for.
    bearer: Option<(MetadataValue<tonic::metadata::Ascii>, u64)>,
}

impl Link {
    /// Makes ready to connect; nothing is sent yet.
    pub(super) fn new(
        place: &Place,
        key: SigningKey,
        clock: Arc<dyn Clock>,
        language: Language,
    ) -> anyhow::Result<Self> {
        let mut endpoint = Endpoint::from_shared(place.server.clone())
            .context("--server: http://HOST:PORT or https://HOST:PORT")?
            .connect_timeout(Duration::from_secs(2))
            // A connection that is silently gone is found out between two people.
            .http2_keep_alive_interval(Duration::from_secs(20))
            .keep_alive_timeout(Duration::from_secs(5))
            .keep_alive_while_idle(true);
        if place.server.starts_with("https://") {
            let ca = place
                .ca
                .as_ref()
                .context("--ca: https needs the authority behind the server's certificate")?;
            let read = |file: &Path| std::fs::read(file).with_context(|| file.display().to_string());
            let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(ca)?));
            if let Some((certificate, key)) = &place.certificate {
                tls = tls.identity(Identity::from_pem(read(certificate)?, read(key)?));
            }
            endpoint = endpoint.tls_config(tls).context("--ca")?;
        }
        let (channel, place) = (endpoint.connect_lazy(), place.clone());
        Ok(Self { channel, place, key, clock, language, bearer: None })
    }

    /// Connects and gets a token, if it has none: what is asked next goes out at once.
    pub(super) async fn is_ready(&mut self) -> Result<(), Trouble> {
        self.token().await.map(drop)
    }

    /// Asks without a token.
    pub(super) async fn ask_openly<M, R>(
        &self,
        message: M,
        call: impl AsyncFnOnce(Channel, Request<M>) -> Result<Response<R>, Status>,
    ) -> Result<R, Trouble> {
        let request = self.request(message);
        within(PATIENCE, call(self.channel.clone(), request)).await.map_err(|status| Trouble::of(&status))
    }

    /// Asks with the terminal's token; with a new one, once, when the server does not take it.
    pub(super) async fn ask<M: Clone, R>(
        &mut self,
        deadline: Duration,
        message: M,
        call: impl AsyncFn(Channel, Request<M>) -> Result<Response<R>, Status>,
    ) -> Result<R, Trouble> {
        for again in [true, false] {
            let bearer = self.token().await?;
            let mut request = self.request(message.clone());
            request.metadata_mut().insert("authorization", bearer);
            match within(deadline, call(self.channel.clone(), request)).await {
                Ok(answer) => return Ok(answer),
                // It came to nobody's attention what was asked: it may be asked again.
                Err(status) if again && status.code() == Code::Unauthenticated => self.bearer = None,
                Err(status) => return Err(Trouble::of(&status)),
            }
        }
        Err(Trouble::InDoubt("TOKEN".to_owned()))
    }

    fn request<M>(&self, message: M) -> Request<M> {
        let mut request = Request::new(message);
        let tag = MetadataValue::from_static(self.language.tag());
        request.metadata_mut().insert("accept-language", tag);
        request
    }

    /// A token: the device signs a challenge of the server's (docs/terminals.md).
    async fn token(&mut self) -> Result<MetadataValue<tonic::metadata::Ascii>, Trouble> {
        if let Some((bearer, until)) = &self.bearer
            && self.clock.monotonic_ms() < *until
        {
            return Ok(bearer.clone());
        }
        let unlike = |what: &str| Trouble::InDoubt(what.to_owned());
        let (centre, device) = (self.place.centre.clone(), self.place.device.clone());
        let asked = GetDeviceChallengeRequest { centre: centre.clone(), device: device.clone() };
        let challenge = self
            .ask_openly(asked, async |channel, request| {
                DirectoryServiceClient::new(channel).get_device_challenge(request).await
            })
            .await?
            .challenge;
        let named = CentreId::parse(&centre).ok().zip(DeviceId::parse(&device).ok());
        let (of, by) = named.ok_or_else(|| unlike("PLACE"))?;
        let signature = self.key.sign(&proof::token_request(&of, &by, &challenge)).to_bytes().to_vec();
        let asked = GetDeviceTokenRequest { centre, device, challenge, signature };
        let answer = self
            .ask_openly(asked, async |channel, request| {
                DirectoryServiceClient::new(channel).get_device_token(request).await
            })
            .await?;
        let seconds = |at: Option<prost_types::Timestamp>| at.map_or(0, |at| at.seconds);
        // By the process's own time: the wall clock of a terminal may be wrong, and may be turned.
        let good_s = seconds(answer.expires_at) - seconds(answer.server_time) - EARLY_S;
        let until = self.clock.monotonic_ms() + u64::try_from(good_s).unwrap_or_default() * 1_000;
        let bearer: MetadataValue<_> =
            format!("Bearer {}", answer.token).parse().map_err(|_| unlike("TOKEN"))?;
        self.bearer = Some((bearer.clone(), until));
        Ok(bearer)
    }
}

async fn within<R>(
    deadline: Duration,
    call: impl Future<Output = Result<Response<R>, Status>>,
) -> Result<R, Status> {
    match tokio::time::timeout(deadline, call).await {
        Ok(answer) => answer.map(Response::into_inner),
        Err(_) => Err(Status::deadline_exceeded("no answer in time")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tonic_types::ErrorDetails;

    use super::*;

    fn status(code: Code, reason: &str, domain: &str) -> Status {
        let details = ErrorDetails::with_error_info(reason, domain, HashMap::new());
        Status::with_error_details(code, "no", details)
    }

    #[test]
    fn only_a_clear_no_of_the_server_itself_is_a_refusal() {
        let refused = |reason: &str| Trouble::Refused { reason: reason.to_owned(), said: "no".to_owned() };
        let in_doubt = |why: &str| Trouble::InDoubt(why.to_owned());
        for (status, wanted) in [
            (status(Code::FailedPrecondition, "NOT_OPEN", DOMAIN), refused("NOT_OPEN")),
            (status(Code::InvalidArgument, "INVALID_FIELDS", DOMAIN), refused("INVALID_FIELDS")),
            // Somebody in between.
            (status(Code::FailedPrecondition, "X", "proxy"), in_doubt("FailedPrecondition")),
            (Status::invalid_argument("no details"), in_doubt("InvalidArgument")),
            (status(Code::Aborted, "IN_DOUBT", DOMAIN), in_doubt("IN_DOUBT")),
            (status(Code::ResourceExhausted, "OVERLOADED", DOMAIN), in_doubt("OVERLOADED")),
            (status(Code::PermissionDenied, "DENIED", DOMAIN), in_doubt("DENIED")),
            (status(Code::Unauthenticated, "NOT_PROVEN", DOMAIN), in_doubt("NOT_PROVEN")),
            (Status::unavailable("gone"), in_doubt("Unavailable")),
        ] {
            assert_eq!(Trouble::of(&status), wanted);
        }
    }
}
