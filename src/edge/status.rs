//! How a failure is said in gRPC: code, `google.rpc` details, and sentences in the caller's language.
//!
//! The only place that knows the codes. No personal data: a failure holds none, and nothing of the request is
//! repeated.

use std::collections::HashMap;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, LocalizedMessage, StatusExt as _};

use super::Language;
use crate::kernel::{Said, Violation};
use crate::registers::failure::Failure;

/// The domain of our reasons.
pub const DOMAIN: &str = "qinlian";
/// Too much waits: a second later the queue has moved.
const OVERLOADED_RETRY: Duration = Duration::from_secs(1);
/// In doubt, or not available: long enough for a replica to look or to come back.
const AGAIN_RETRY: Duration = Duration::from_secs(2);
/// Details travel in a header, in base64, and gRPC's C core (Python, C++, Ruby) takes no more than 8 KiB of headers for
/// granted (`GRPC_ARG_MAX_METADATA_SIZE`): a message with hundreds of wrong fields names those that fit.
const VIOLATIONS_BYTES: usize = 4_500;

/// A failure that the edge itself finds, before or instead of a register's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// No such method. UNIMPLEMENTED.
    NoSuchMethod,
    /// No token. UNAUTHENTICATED.
    TokenMissing,
    /// Two of them. UNAUTHENTICATED.
    TokenRepeated,
    /// A token that was good. UNAUTHENTICATED.
    TokenExpired,
    /// A token that is not good. UNAUTHENTICATED, and no word on why: the log says it.
    TokenInvalid,
    /// A terminal asks for a token without the certificate that it would have to be bound to. UNAUTHENTICATED.
    CertificateMissing,
    /// The message does not decode. INVALID_ARGUMENT.
    Malformed,
    /// The message is compressed, and would have to be inflated before its size is known. UNIMPLEMENTED (gRPC
    /// compression, "Compression Method Asymmetry").
    Compressed,
    /// The answer is larger than `limits.answer_bytes`. RESOURCE_EXHAUSTED.
    AnswerTooLarge,
    /// The caller called too often; wait so long. RESOURCE_EXHAUSTED.
    RateLimited(Duration),
}

/// A status before the language is known.
struct Answer {
    code: Code,
    reason: &'static str,
    said: Said,
    retry: Option<Duration>,
    metadata: HashMap<String, String>,
}

impl Answer {
    fn new(code: Code, reason: &'static str, zh: &str, en: &str) -> Self {
        Self { code, reason, said: Said::new(zh, en), retry: None, metadata: HashMap::new() }
    }

    fn retry(mut self, after: Duration) -> Self {
        self.retry = Some(after);
        self
    }

    fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.metadata.insert(key.to_owned(), value.into());
        self
    }

    fn status(self, language: Language, violations: Vec<FieldViolation>) -> Status {
        let mut details = ErrorDetails::new();
        details.set_error_info(self.reason, DOMAIN, self.metadata);
        details.set_localized_message(language.tag(), language.of(&self.said));
        if !violations.is_empty() {
            details.set_bad_request(violations);
        }
        if self.retry.is_some() {
            details.set_retry_info(self.retry);
        }
        Status::with_error_details(self.code, self.said.en, details)
    }
}

/// The status of a failed call.
pub fn status(failure: &Failure, language: Language) -> Status {
    let mut answer = answer(failure);
    let violations = match failure {
        Failure::Invalid(violations) => {
            let named: Vec<_> = fitting(violations.0.iter().map(|v| field(v, language))).collect();
            if let more @ 1.. = violations.0.len().saturating_sub(named.len()) {
                answer = answer.with("more_violations", more.to_string());
            }
            named
        }
        Failure::Refused(_)
        | Failure::Denied(_)
        | Failure::NotProven
        | Failure::NotFound(_)
        | Failure::RequestIdReused
        | Failure::CursorExpired
        | Failure::TooLarge
        | Failure::Overloaded
        | Failure::DiskFull
        | Failure::InDoubt
        | Failure::Unavailable(_)
        | Failure::Fault(_) => Vec::new(),
    };
    answer.status(language, violations)
}

/// The status of what the edge itself refuses.
pub fn refused(refused: Refused, language: Language) -> Status {
    answer_of(refused).status(language, Vec::new())
}

/// The reason that a failed call is told: a word of the program.
pub fn reason(failure: &Failure) -> &'static str {
    answer(failure).reason
}

/// The reason that whoever is refused is told.
pub fn reason_of(refused: Refused) -> &'static str {
    answer_of(refused).reason
}

fn answer_of(refused: Refused) -> Answer {
    let unauthenticated = |reason, zh, en| Answer::new(Code::Unauthenticated, reason, zh, en);
    match refused {
        Refused::NoSuchMethod => {
            Answer::new(Code::Unimplemented, "NO_SUCH_METHOD", "没有此方法", "there is no such method")
        }
        Refused::TokenMissing => {
            unauthenticated("TOKEN_MISSING", "请求未携带令牌", "the call carries no bearer token")
        }
        Refused::TokenRepeated => {
            unauthenticated("TOKEN_REPEATED", "请求携带了多个令牌", "the call carries more than one token")
        }
        Refused::TokenExpired => unauthenticated("TOKEN_EXPIRED", "令牌已过期", "the token has expired"),
        Refused::TokenInvalid => unauthenticated("TOKEN_INVALID", "令牌无效", "the token is not valid"),
        Refused::CertificateMissing => unauthenticated(
            "CERTIFICATE_MISSING",
            "连接未出示客户端证书",
            "a terminal's token is bound to a certificate, and the connection shows none",
        ),
        Refused::Malformed => Answer::new(
            Code::InvalidArgument,
            "MALFORMED",
            "无法解析请求内容",
            "the request's message does not decode",
        ),
        Refused::Compressed => Answer::new(
            Code::Unimplemented,
            "COMPRESSED",
            "不接受压缩的请求",
            "compressed messages are not taken",
        ),
        Refused::AnswerTooLarge => Answer::new(
            Code::ResourceExhausted,
            "ANSWER_TOO_LARGE",
            "答复超出上限，请减少每页条数",
            "the answer is too large: ask for smaller pages",
        ),
        Refused::RateLimited(wait) => Answer::new(
            Code::ResourceExhausted,
            "RATE_LIMITED",
            "调用过于频繁，请稍后重试",
            "too many calls: wait, and send the same request id again",
        )
        .retry(wait),
    }
}

fn answer(failure: &Failure) -> Answer {
    let exhausted = |reason, zh, en| Answer::new(Code::ResourceExhausted, reason, zh, en);
    match failure {
        Failure::Invalid(_) => Answer::new(
            Code::InvalidArgument,
            "INVALID_FIELDS",
            "请求中有字段不正确",
            "the request has fields that are wrong",
        ),
        Failure::Refused(reason) => {
            Answer { said: reason.said(), ..Answer::new(Code::FailedPrecondition, reason.code(), "", "") }
        }
        Failure::Denied(denied) => Answer::new(
            Code::PermissionDenied,
            "DENIED",
            "无权进行此操作；如有疑问，请将查询号告知管理员",
            "not allowed; an administrator can look the support id up",
        )
        .with("support_id", &denied.support_id),
        Failure::NotProven => Answer::new(
            Code::Unauthenticated,
            "NOT_PROVEN",
            "设备未能证明其身份",
            "the device did not prove who it is",
        ),
        Failure::NotFound(noun) => {
            Answer::new(Code::NotFound, "NOT_FOUND", "未找到所指的对象", "there is no such thing")
                .with("noun", *noun)
        }
        Failure::RequestIdReused => Answer::new(
            Code::AlreadyExists,
            "REQUEST_ID_REUSED",
            "该请求编号已用于其他内容",
            "the request id was used for something else",
        ),
        Failure::CursorExpired => Answer::new(
            Code::FailedPrecondition,
            "CURSOR_EXPIRED",
            "数据源已重建，请从头读取",
            "the feed was rebuilt: begin again without a cursor",
        ),
        Failure::TooLarge => exhausted("TOO_LARGE", "请求内容超出上限", "the call carries too much"),
        Failure::Overloaded => {
            exhausted("OVERLOADED", "系统繁忙，请稍后重试", "too much is waiting").retry(OVERLOADED_RETRY)
        }
        Failure::DiskFull => exhausted("DISK_FULL", "存储空间已满", "the disk is full"),
        Failure::InDoubt => Answer::new(
            Code::Aborted,
            "IN_DOUBT",
            "结果尚不确定，请用同一请求编号重试",
            "the outcome is in doubt: send the same request id again",
        )
        .retry(AGAIN_RETRY),
        Failure::Unavailable(code) => {
            Answer::new(Code::Unavailable, code, "服务暂不可用，请稍后重试", "not available now")
                .retry(AGAIN_RETRY)
        }
        Failure::Fault(code) => Answer::new(Code::Internal, code, "系统内部错误", "an internal fault"),
    }
}

/// As many as fit into a header.
fn fitting(violations: impl Iterator<Item = FieldViolation>) -> impl Iterator<Item = FieldViolation> {
    /// Tags, lengths and the name of the language.
    const AROUND: usize = 24;
    violations
        .scan(0_usize, |used, violation| {
            let said = violation.localized_message.as_ref().map_or(0, |said| said.message.len());
            let texts = [violation.field.len(), violation.description.len(), violation.reason.len(), said];
            *used = used.saturating_add(AROUND + texts.iter().sum::<usize>());
            Some((*used, violation))
        })
        .take_while(|(used, _)| *used <= VIOLATIONS_BYTES)
        .map(|(_, violation)| violation)
}

fn field(violation: &Violation, language: Language) -> FieldViolation {
    FieldViolation {
        field: violation.field.clone(),
        description: violation.said.en.clone(),
        reason: violation.reason.to_owned(),
        localized_message: Some(LocalizedMessage::new(language.tag(), language.of(&violation.said))),
    }
}
