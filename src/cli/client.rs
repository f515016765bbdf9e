//! A caller over real gRPC, with a token.

use anyhow::Context;
use tonic::Request;
use tonic::transport::Channel;

/// Somebody who calls.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Client {
    /// The connection.
    pub(in crate::cli) channel: Channel,
    /// Their token.
    pub(in crate::cli) token: String,
}

impl Client {
    /// A message with the token.
    pub(in crate::cli) fn with<T>(&self, message: T) -> anyhow::Result<Request<T>> {
        let mut request = Request::new(message);
        let bearer = format!("Bearer {}", self.token).parse().context("the token is no header")?;
        request.metadata_mut().insert("authorization", bearer);
        Ok(request)
    }
}

/// Connects to a server on this machine.
pub(in crate::cli) async fn connect(port: u16) -> anyhow::Result<Channel> {
    let endpoint = Channel::from_shared(format!("http://127.0.0.1:{port}"))?;
    endpoint.connect().await.context("failed to reach the server")
}
