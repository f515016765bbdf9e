//! How to say no: a stable code for programs, a zh and an en sentence for people, and no personal data in any.

/// One sentence in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Chinese.
    pub zh: String,
    /// English: a lower-case fragment.
    pub en: String,
}

impl Said {
    /// Both sentences.
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { zh: zh.into(), en: en.into() }
    }
}

/// A reason to refuse, of any register.
pub trait Reason: std::fmt::Debug + Send + Sync {
    /// STABLE_UPPER_SNAKE; never reused for something else.
    fn code(&self) -> &'static str;
    /// The sentences.
    fn said(&self) -> Said;
}

/// One field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The field's path in the request, for example `punch.stamp.device`.
    pub field: String,
    /// STABLE_UPPER_SNAKE.
    pub reason: &'static str,
    /// What is wrong with it.
    pub said: Said,
}

/// Every field that is wrong, never only the first (AIP-193).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violations(pub Vec<Violation>);

impl Violations {
    /// `field:REASON` of each, for an item of an upload.
    pub fn named(&self) -> String {
        let named: Vec<String> =
            self.0.iter().map(|wrong| format!("{}:{}", wrong.field, wrong.reason)).collect();
        named.join(" ")
    }
}

/// Collects what is wrong while a request is parsed once into valid types.
///
/// `check.take("punch.stamp.device", DeviceId::parse(..))` gives `Some` or notes the violation;
/// [`Check::done`] then either has everything or all the violations at once.
#[derive(Debug, Default)]
pub struct Check {
    violations: Vec<Violation>,
}

impl Check {
    /// Nothing is wrong yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes that a field is wrong.
    pub fn refuse(&mut self, field: impl Into<String>, reason: &'static str, said: Said) {
        self.violations.push(Violation { field: field.into(), reason, said });
    }

    /// The value, or a noted violation.
    pub fn take<T, E: Into<Complaint>>(
        &mut self,
        field: impl Into<String>,
        parsed: Result<T, E>,
    ) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(error) => {
                let Complaint { reason, said } = error.into();
                self.refuse(field, reason, said);
                None
            }
        }
    }

    /// A required message field.
    pub fn require<T>(&mut self, field: impl Into<String>, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.refuse(field, "MISSING", Said::new("缺少此项", "is missing"));
        }
        value
    }

    /// Fails with every violation noted so far.
    pub fn done(self) -> Result<(), Violations> {
        if self.violations.is_empty() { Ok(()) } else { Err(Violations(self.violations)) }
    }
}

/// What a parse error says to a caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// STABLE_UPPER_SNAKE.
    pub reason: &'static str,
    /// The sentences.
    pub said: Said,
}

impl From<(&'static str, Said)> for Complaint {
    fn from((reason, said): (&'static str, Said)) -> Self {
        Self { reason, said }
    }
}

impl From<super::IdError> for Complaint {
    fn from(error: super::IdError) -> Self {
        use super::IdError;
        let (reason, zh) = match error {
            IdError::Empty => ("EMPTY", "不能为空"),
            IdError::NotACode => ("NOT_A_CODE", "应为 1 至 64 个小写字母、数字或连字符"),
            IdError::NotAPersonId => ("NOT_A_PERSON_ID", "不是人员编号"),
            IdError::NotARequestId => ("NOT_A_REQUEST_ID", "应为第 4 或第 7 版 UUID"),
            IdError::NotASubject => ("NOT_A_SUBJECT", "应为 person:、device: 或 system: 开头的主体"),
        };
        Self { reason, said: Said::new(zh, error.to_string()) }
    }
}

impl From<super::TimeError> for Complaint {
    fn from(error: super::TimeError) -> Self {
        use super::TimeError;
        let (reason, zh) = match error {
            TimeError::Missing => ("MISSING", "缺少时间"),
            TimeError::OutOfRange => ("OUT_OF_RANGE", "超出 1970 至 9999 年"),
            TimeError::NotADay => ("NOT_A_DAY", "日历上没有这一天"),
            TimeError::NotAZone => ("NOT_A_ZONE", "不是时区名称"),
        };
        Self { reason, said: Said::new(zh, error.to_string()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{DeviceId, Name};

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let mut check = Check::new();
        check.take("device", DeviceId::parse("Hall 1"));
        check.take("name", Name::parse(""));
        assert_eq!(check.take("code", DeviceId::parse("ok")).map(|d| d.to_string()), Some("ok".to_owned()));
        let violations = check.done().unwrap_err().0;
        let named: Vec<_> = violations.iter().map(|v| (v.field.as_str(), v.reason)).collect();
        assert_eq!(named, [("device", "NOT_A_CODE"), ("name", "EMPTY")]);
    }
}
