//! Why a line of master data is refused: a stable code and both sentences, without anything of the line.

use std::sync::Arc;

use super::kinds::Column;
use crate::cli::import::Refused;
use crate::cli::import::row::Why;
use crate::kernel::{Complaint, Reason, Said, Violations};

/// Why a line is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct Wrong {
    /// The code.
    pub reason: &'static str,
    /// What is wrong, or would be right.
    pub said: Said,
}

impl Wrong {
    /// A code and its sentences.
    pub(in crate::cli) fn new(reason: &'static str, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { reason, said: Said::new(zh, en) }
    }

    /// The same, of a column.
    pub(super) fn of(column: &Column, reason: &'static str, said: &Said) -> Self {
        let Column { name, zh, .. } = column;
        let zh = zh.first().unwrap_or(name);
        Self::new(reason, format!("{zh}：{}", said.zh), format!("{name}: {}", said.en))
    }

    /// What a parse of a column's cell says.
    pub(super) fn complaint(column: &Column, complaint: impl Into<Complaint>) -> Self {
        let Complaint { reason, said } = complaint.into();
        Self::of(column, reason, &said)
    }

    /// What the rule says. Where it counts what a request names, one line is meant.
    pub(super) fn rule(reason: &Arc<dyn Reason>) -> Self {
        let Said { zh, en } = reason.said();
        let line = |text: String, ours: &str| {
            ["entries[0]", "patterns[0]"].iter().fold(text, |text, named| text.replace(named, ours))
        };
        Self::new(reason.code(), line(zh, "该行"), line(en, "the line"))
    }

    /// The first of what a parse of a command says.
    pub(super) fn first(violations: Violations) -> Self {
        violations.0.into_iter().next().map_or_else(
            || Self::new("INVALID", "内容无效", "is not valid"),
            |violation| Self { reason: violation.reason, said: violation.said },
        )
    }

    /// Of a line of a file.
    pub(in crate::cli) fn refuses(self, line: u64) -> Refused {
        Refused { line, reason: self.reason, detail: self.said.en.into() }
    }
}

impl From<Why> for Wrong {
    fn from(why: Why) -> Self {
        let zh = match why.reason {
            "BAD_UTF8" => "不是 UTF-8；若为 GB18030，请加 --encoding gb18030",
            "BAD_ENCODING" => "不是该编码的文字",
            "LINE_TOO_LONG" => "超过 64 KiB",
            "UNCLOSED_QUOTE" => "引号未闭合",
            _ => "无法读取",
        };
        Self::new(why.reason, zh, why.detail)
    }
}
