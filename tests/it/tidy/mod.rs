//! The house stays as docs/architecture.md says: who imports whom, what is named where, what every file begins with.
//!
//! Each rule is a function from source to findings, and each has a test that shows it a breach: a rule that never
//! finds anything would not be noticed.

mod files;
mod imports;
mod personal;
mod words;

/// Fails with one finding a line.
fn none(findings: &[String]) {
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}
