//! How every failure is said: code, reason, details, and the sentence in both languages.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use qinlian::access::{Denied, Why};
use qinlian::edge::Language;
use qinlian::edge::status::{DOMAIN, Refused, refused, status};
use qinlian::kernel::{Check, Reason, Said};
use qinlian::registers::failure::Failure;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

#[derive(Debug)]
struct NotOpen;

impl Reason for NotOpen {
    fn code(&self) -> &'static str {
        "WINDOW_NOT_OPEN"
    }

    fn said(&self) -> Said {
        Said::new("窗口未开放", "the window is not open")
    }
}

fn invalid() -> Failure {
    let mut check = Check::new();
    check.refuse("centre", "EMPTY", Said::new("不能为空", "is empty"));
    check.refuse("punch.stamp.device", "NOT_A_CODE", Said::new("不是代码", "is not a code"));
    Failure::from(check.done().unwrap_err())
}

fn denied() -> Failure {
    Failure::Denied(Denied { support_id: "abc".to_owned(), why: Why::NotHere })
}

type Row = (Failure, Code, &'static str, Option<u64>, &'static str, &'static str);

fn rows() -> Vec<Row> {
    vec![
        (
            invalid(),
            Code::InvalidArgument,
            "INVALID_FIELDS",
            None,
            "请求中有字段不正确",
            "the request has fields that are wrong",
        ),
        (
            Failure::Refused(Arc::new(NotOpen)),
            Code::FailedPrecondition,
            "WINDOW_NOT_OPEN",
            None,
            "窗口未开放",
            "the window is not open",
        ),
        (
            denied(),
            Code::PermissionDenied,
            "DENIED",
            None,
            "无权进行此操作；如有疑问，请将查询号告知管理员",
            "not allowed; an administrator can look the support id up",
        ),
        (
            Failure::NotFound("device"),
            Code::NotFound,
            "NOT_FOUND",
            None,
            "未找到所指的对象",
            "there is no such thing",
        ),
        (
            Failure::RequestIdReused,
            Code::AlreadyExists,
            "REQUEST_ID_REUSED",
            None,
            "该请求编号已用于其他内容",
            "the request id was used for something else",
        ),
        (
            Failure::CursorExpired,
            Code::FailedPrecondition,
            "CURSOR_EXPIRED",
            None,
            "数据源已重建，请从头读取",
            "the feed was rebuilt: begin again without a cursor",
        ),
        (
            Failure::TooLarge,
            Code::ResourceExhausted,
            "TOO_LARGE",
            None,
            "请求内容超出上限",
            "the call carries too much",
        ),
        (
            Failure::Overloaded,
            Code::ResourceExhausted,
            "OVERLOADED",
            Some(1),
            "系统繁忙，请稍后重试",
            "too much is waiting",
        ),
        (Failure::DiskFull, Code::ResourceExhausted, "DISK_FULL", None, "存储空间已满", "the disk is full"),
        (
            Failure::InDoubt,
            Code::Aborted,
            "IN_DOUBT",
            Some(2),
            "结果尚不确定，请用同一请求编号重试",
            "the outcome is in doubt: send the same request id again",
        ),
        (
            Failure::Unavailable("CLOCK"),
            Code::Unavailable,
            "CLOCK",
            Some(2),
            "服务暂不可用，请稍后重试",
            "not available now",
        ),
        (Failure::Fault("TAMPERED"), Code::Internal, "TAMPERED", None, "系统内部错误", "an internal fault"),
    ]
}

#[test]
fn every_failure_has_its_code_reason_retry_and_a_sentence_in_both_languages() {
    let rows = rows();
    let kinds: HashSet<_> = rows.iter().map(|(failure, ..)| std::mem::discriminant(failure)).collect();
    assert_eq!(kinds.len(), 12, "every kind of failure is in the table");
    for (failure, code, reason, retry_s, zh, en) in rows {
        for (language, tag, sentence) in [(Language::Zh, "zh-CN", zh), (Language::En, "en", en)] {
            let said = status(&failure, language);
            let details = said.get_error_details();
            let info = details.error_info().unwrap();
            assert_eq!((said.code(), &*info.reason, &*info.domain), (code, reason, DOMAIN));
            assert_eq!(said.message(), en, "{reason}: the message is for developers, in English");
            let message = details.localized_message().unwrap();
            assert_eq!((&*message.locale, &*message.message), (tag, sentence), "{reason}");
            let retry = details.retry_info().and_then(|r| r.retry_delay);
            assert_eq!(retry, retry_s.map(Duration::from_secs), "{reason}");
            assert_eq!(details.bad_request().is_some(), reason == "INVALID_FIELDS", "{reason}");
        }
    }
}

#[test]
fn every_wrong_field_is_named_with_its_reason_and_in_the_callers_language() {
    let details = status(&invalid(), Language::Zh).get_error_details();
    let fields: Vec<_> = details
        .bad_request()
        .unwrap()
        .field_violations
        .iter()
        .map(|v| {
            let local = v.localized_message.as_ref().unwrap();
            (v.field.as_str(), v.reason.as_str(), v.description.as_str(), local.message.as_str())
        })
        .collect();
    assert_eq!(
        fields,
        [
            ("centre", "EMPTY", "is empty", "不能为空"),
            ("punch.stamp.device", "NOT_A_CODE", "is not a code", "不是代码")
        ]
    );
}

/// Hundreds of wrong fields once made an answer that clients could not read: it did not fit into their headers.
#[test]
fn of_many_wrong_fields_the_first_are_named_and_the_rest_are_counted() {
    for (fields, all) in [(1, true), (20, true), (201, false), (20_000, false)] {
        let mut check = Check::new();
        for at in 0..fields {
            let path = format!("window.items[{at}]");
            check.refuse(
                path,
                "NOT_A_CODE",
                Said::new("应为 1 至 64 个小写字母", "is not a code of 1 to 64"),
            );
        }
        let said = status(&Failure::from(check.done().unwrap_err()), Language::Zh);
        let details = said.get_error_details();
        let named = &details.bad_request().unwrap().field_violations;
        let more = details.error_info().unwrap().metadata.get("more_violations");
        let left = fields - named.len();
        assert_eq!((more.map(String::as_str), left == 0), ((left > 0).then_some(&*left.to_string()), all));
        assert!(named.len() >= fields.min(20), "{} of {fields}", named.len());
        assert_eq!(named.last().unwrap().field, format!("window.items[{}]", named.len() - 1));
        // Base64 in a header; gRPC's C core takes 8 KiB of headers in all.
        let header = said.details().len().div_ceil(3) * 4;
        assert!(header < 7_000, "{header} bytes of a header for {fields} fields");
    }
}

#[test]
fn a_denial_carries_a_support_id_and_never_the_reason() {
    let said = status(&denied(), Language::En);
    let info = said.get_error_details().error_info().unwrap().clone();
    assert_eq!(info.metadata.get("support_id").map(String::as_str), Some("abc"));
    let text = format!("{said:?}{}", String::from_utf8_lossy(said.details()));
    assert!(!text.contains("NOT_HERE"), "{text}");
}

#[test]
fn what_the_edge_itself_refuses_has_a_reason_too() {
    let reason = |s: &Status| s.get_error_details().error_info().unwrap().reason.clone();
    for (why, code, expected) in [
        (Refused::NoSuchMethod, Code::Unimplemented, "NO_SUCH_METHOD"),
        (Refused::TokenMissing, Code::Unauthenticated, "TOKEN_MISSING"),
        (Refused::TokenRepeated, Code::Unauthenticated, "TOKEN_REPEATED"),
        (Refused::TokenExpired, Code::Unauthenticated, "TOKEN_EXPIRED"),
        (Refused::TokenInvalid, Code::Unauthenticated, "TOKEN_INVALID"),
        (Refused::CertificateMissing, Code::Unauthenticated, "CERTIFICATE_MISSING"),
        (Refused::Malformed, Code::InvalidArgument, "MALFORMED"),
        (Refused::Compressed, Code::Unimplemented, "COMPRESSED"),
        (Refused::AnswerTooLarge, Code::ResourceExhausted, "ANSWER_TOO_LARGE"),
        (Refused::RateLimited(Duration::from_millis(40)), Code::ResourceExhausted, "RATE_LIMITED"),
    ] {
        let said = refused(why, Language::Zh);
        assert_eq!((said.code(), &*reason(&said)), (code, expected));
        assert_eq!(said.get_error_details().localized_message().unwrap().locale, "zh-CN");
    }
}
