//! Who calls, what they may do, and the [`Pass`](Denied) that proves a check was made.

/// A refusal that says nothing about what exists: the same answer to everybody, with an id to quote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not allowed")]
pub struct Denied {
    /// What an administrator looks the rule up by.
    pub support_id: String,
    /// Which rule said no: for the log line, never for the answer.
    pub why: &'static str,
}

impl Denied {
    /// The grant behind a call ended between the check and the commit.
    pub fn gone() -> Self {
        Self { support_id: String::new(), why: "GRANT_GONE" }
    }
}

/// The proof that a caller may do what a method does, in a centre, by a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass {
    subject: crate::kernel::Subject,
    grant: crate::registers::directory::view::GrantView,
}

impl Pass {
    /// Who calls.
    pub fn subject(&self) -> &crate::kernel::Subject {
        &self.subject
    }

    /// The grant that allows it.
    pub fn grant(&self) -> &crate::registers::directory::view::GrantView {
        &self.grant
    }
}
