//! Who calls, what they may do, and the [`Pass`] that proves a check was made.
//!
//! A token proves *who* calls (`token`, with the keys of `keys` that `fetch` may have brought, and what `confirmation` asks
//! to be shown with it); what they may do comes from role grants, which are facts of the ledger: a method's `rules` say which role in which scope, and a [`Caller`] gets a [`Pass`] for a
//! centre only if one of their grants satisfies them. Where grants come from is a port, [`Grants`].

pub mod confirmation;
pub mod fetch;
mod jwks;
pub mod keys;
pub mod local;
pub mod pass;
pub mod rules;
pub mod support;
pub mod thumbprint;
pub mod token;

pub use confirmation::Binding;
pub use fetch::{FetchFault, FetchPace};
pub use keys::{Algorithm, IssuerSettings, KeyFault, SubjectKind};
pub use local::LocalIssuer;
pub use pass::{Caller, Denied, Grants, NoPass, Pass, Standing, Unavailable, Visitor};
pub use rules::{Rule, Rules, RulesError};
pub use support::{Denial, Support, SupportKey, Why};
pub use thumbprint::{CertificateThumbprint, KeyThumbprint};
pub use token::{Identity, TokenError, Verifier};
