//! Calls of any method, from a message that only its descriptor knows.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::uri::PathAndQuery;
use prost::bytes::{Buf, BufMut};
use prost_reflect::prost::Message;
use prost_reflect::{DynamicMessage, MethodDescriptor};
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

use super::fill::{Mood, PREFIX, path_of};

/// Who calls.
#[derive(Debug, Clone)]
pub(super) enum Caller {
    /// With this in `authorization`.
    Token(String),
    /// Without.
    Nobody,
}

/// A call that was made.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) mood: Mood,
    pub(super) code: Code,
    /// All that an error says: message, details and metadata.
    pub(super) said: Vec<u8>,
}

/// Makes a call. What surrounds the message holds canaries as well.
pub(super) async fn ask(
    channel: &Channel,
    method: &MethodDescriptor,
    message: DynamicMessage,
    caller: &Caller,
    mood: Mood,
) -> Asked {
    let path = path_of(method);
    let mut request = Request::new(message.encode_to_vec());
    let metadata = request.metadata_mut();
    if let Caller::Token(token) = caller {
        metadata.insert("authorization", token.parse().expect("ASCII"));
    }
    let odd = |text: String| MetadataValue::<Ascii>::try_from(text.as_bytes()).expect("a header's value");
    // Harmless ids come back and are logged: these are none.
    metadata.insert("x-request-id", odd(format!("{PREFIX}id \"\u{202e}\"")));
    metadata.insert("traceparent", odd(format!("00-{PREFIX}trace-{PREFIX}span-00")));
    metadata.insert("accept-language", odd(format!("{PREFIX}language, zh")));
    metadata.insert("x-other", odd(format!("{PREFIX}other")));
    let answered = call(channel, method, &path, request).await;
    let (code, said) = match answered {
        Ok(()) => (Code::Ok, Vec::new()),
        Err(status) => (status.code(), all_of(&status)),
    };
    Asked { method: path, mood, code, said }
}

async fn call(
    channel: &Channel,
    method: &MethodDescriptor,
    path: &str,
    request: Request<Vec<u8>>,
) -> Result<(), Status> {
    let path = PathAndQuery::try_from(path).expect("a path");
    let mut grpc = Grpc::new(channel.clone()).max_decoding_message_size(16 << 20);
    grpc.ready().await.map_err(|error| Status::unknown(error.to_string()))?;
    if !method.is_server_streaming() {
        return grpc.unary(request, path, Plain).await.map(drop);
    }
    let mut stream = grpc.server_streaming(request, path, Plain).await?.into_inner();
    // What is watched has no end of its own.
    while stream.message().await?.is_some() && !method.name().starts_with("Watch") {}
    Ok(())
}

fn all_of(status: &Status) -> Vec<u8> {
    let mut said = status.message().as_bytes().to_vec();
    said.push(b' ');
    said.extend_from_slice(status.details());
    for (name, value) in status.metadata().as_ref() {
        said.extend_from_slice(name.as_str().as_bytes());
        said.push(b' ');
        said.extend_from_slice(value.as_bytes());
        said.push(b' ');
    }
    said
}

/// Base64 as everybody writes it.
pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Messages that are bytes already.
#[derive(Debug, Default)]
pub(crate) struct Plain;

impl Codec for Plain {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Plain {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Plain {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let mut item = vec![0; buffer.remaining()];
        buffer.copy_to_slice(&mut item);
        Ok(Some(item))
    }
}
