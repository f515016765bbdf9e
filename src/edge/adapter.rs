//! From a register's calls to the generated service.
//!
//! A register writes plain methods, `async fn record_punch(&self, caller: &Caller, request: RecordPunchRequest) ->
//! Result<RecordPunchResponse, Failure>`, and never meets gRPC. [`serve_calls!`](crate::serve_calls) implements the
//! generated trait with them; `services` holds the lists of methods.

use futures_util::stream::{BoxStream, Stream, StreamExt as _};
use tonic::{Request, Response, Status};

use super::Language;
use super::call::language_of;
use super::outcome::Told;
use super::status::status;
use crate::access::{Caller, Visitor};
use crate::registers::failure::Failure;

/// The stream of a streaming answer.
pub type Answers<T> = BoxStream<'static, Result<T, Status>>;

/// One call: who, in which language failures are said, and to whom else.
#[derive(Debug, Clone)]
pub struct Call {
    caller: Caller,
    language: Language,
    told: Told,
}

impl Call {
    /// Takes a request apart. Without a caller there is no call: a service that is mounted without the layer that
    /// authenticates answers nobody.
    pub fn open<T>(request: Request<T>) -> Result<(Self, T), Status> {
        let (metadata, mut extensions, message) = request.into_parts();
        let language = language_of(metadata.as_ref());
        let told = extensions.remove::<Told>().unwrap_or_default();
        match extensions.remove::<Caller>() {
            Some(caller) => Ok((Self { caller, language, told }, message)),
            None => Err(say(&told, &Failure::Fault("NO_CALLER"), language)),
        }
    }

    /// Who calls.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The answer to a single call.
    pub fn answer<T>(&self, answer: Result<T, Failure>) -> Result<Response<T>, Status> {
        answer.map(Response::new).map_err(|failure| self.fail(&failure))
    }

    /// The answers of a stream.
    pub fn answers<T, S>(self, stream: Result<S, Failure>) -> Result<Response<Answers<T>>, Status>
    where
        S: Stream<Item = Result<T, Failure>> + Send + 'static,
        T: 'static,
    {
        let stream = stream.map_err(|failure| self.fail(&failure))?;
        Ok(Response::new(stream.map(move |item| item.map_err(|failure| self.fail(&failure))).boxed()))
    }

    fn fail(&self, failure: &Failure) -> Status {
        if let Failure::Denied(denied) = failure
            && denied.support_id.is_empty()
        {
            // The commit knows no caller: the denial is noted here, and gets its id.
            return say(&self.told, &Failure::Denied(self.caller.deny(denied.why)), self.language);
        }
        say(&self.told, failure, self.language)
    }
}

/// The status of a failure, which its outcome hears of too.
fn say(told: &Told, failure: &Failure, language: Language) -> Status {
    told.failure(failure);
    status(failure, language)
}

/// A call that anybody may make: nobody is known yet, and only the language and the id of the call are.
#[derive(Debug, Clone)]
pub struct OpenCall {
    visitor: Visitor,
    language: Language,
    told: Told,
}

impl OpenCall {
    /// Takes a request apart. A method that is public in its rule has no caller; any other has, and is not open.
    pub fn open<T>(request: Request<T>) -> Result<(Self, T), Status> {
        let (metadata, mut extensions, message) = request.into_parts();
        let language = language_of(metadata.as_ref());
        let told = extensions.remove::<Told>().unwrap_or_default();
        match extensions.remove::<Visitor>() {
            Some(visitor) => Ok((Self { visitor, language, told }, message)),
            None => Err(say(&told, &Failure::Fault("NOT_OPEN"), language)),
        }
    }

    /// Whoever it is.
    pub fn visitor(&self) -> &Visitor {
        &self.visitor
    }

    /// The answer.
    pub fn answer<T>(&self, answer: Result<T, Failure>) -> Result<Response<T>, Status> {
        answer.map(Response::new).map_err(|failure| say(&self.told, &failure, self.language))
    }

    /// The answers of a stream.
    pub fn answers<T, S>(self, stream: Result<S, Failure>) -> Result<Response<Answers<T>>, Status>
    where
        S: Stream<Item = Result<T, Failure>> + Send + 'static,
        T: 'static,
    {
        let stream = stream.map_err(|failure| say(&self.told, &failure, self.language))?;
        let said = move |failure| say(&self.told, &failure, self.language);
        Ok(Response::new(stream.map(move |item| item.map_err(&said)).boxed()))
    }
}

/// Implements a generated service for a type whose own methods have the same names.
///
/// `call name(Request) -> Response;` for single answers, `open name(Request) -> Response;` for those that anybody may ask
/// for, `stream name(Request) -> Response as NameStream;` for streams, `public name(Request) -> Response as NameStream;`
/// for streams that anybody may ask for.
/// The type's own methods win over the trait's, and one that is missing does not compile.
#[macro_export]
macro_rules! serve_calls {
    ($calls:ty as $module:ident::$service:ident {
        $(call $name:ident($request:ident) -> $response:ident;)*
        $(open $open_name:ident($open_request:ident) -> $open_response:ident;)*
        $(stream $stream_name:ident($stream_request:ident) -> $stream_response:ident as $stream_type:ident;)*
        $(public $public_name:ident($public_request:ident) -> $public_response:ident as $public_type:ident;)*
    }) => {
        #[tonic::async_trait]
        impl $crate::proto::$module::$service for $calls {
            $(
                async fn $name(
                    &self,
                    request: tonic::Request<$crate::proto::$request>,
                ) -> Result<tonic::Response<$crate::proto::$response>, tonic::Status> {
                    let (call, message) = $crate::edge::adapter::Call::open(request)?;
                    let answer = <$calls>::$name(self, call.caller(), message).await;
                    call.answer(answer)
                }
            )*
            $(
                async fn $open_name(
                    &self,
                    request: tonic::Request<$crate::proto::$open_request>,
                ) -> Result<tonic::Response<$crate::proto::$open_response>, tonic::Status> {
                    let (call, message) = $crate::edge::adapter::OpenCall::open(request)?;
                    let answer = <$calls>::$open_name(self, call.visitor(), message).await;
                    call.answer(answer)
                }
            )*
            $(
                type $stream_type = $crate::edge::adapter::Answers<$crate::proto::$stream_response>;

                async fn $stream_name(
                    &self,
                    request: tonic::Request<$crate::proto::$stream_request>,
                ) -> Result<tonic::Response<Self::$stream_type>, tonic::Status> {
                    let (call, message) = $crate::edge::adapter::Call::open(request)?;
                    let stream = <$calls>::$stream_name(self, call.caller(), message).await;
                    call.answers(stream)
                }
            )*
            $(
                type $public_type = $crate::edge::adapter::Answers<$crate::proto::$public_response>;

                async fn $public_name(
                    &self,
                    request: tonic::Request<$crate::proto::$public_request>,
                ) -> Result<tonic::Response<Self::$public_type>, tonic::Status> {
                    let (call, message) = $crate::edge::adapter::OpenCall::open(request)?;
                    let stream = <$calls>::$public_name(self, call.visitor(), message).await;
                    call.answers(stream)
                }
            )*
        }
    };
}
