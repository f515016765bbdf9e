//! `qinlian token`: a token that says who somebody is. With `--role`, the role is granted first, as the local
//! administrator: the grant is a fact like any other.

use anyhow::{Context, bail};
use clap::Args;

use super::office::{self, Office, Opening};
use super::{Answer, Where, quiet_log, say};
use crate::clock::{Clock, SystemClock};
use crate::kernel::{CentreId, DepartmentId, EpochMs, LogId, Subject};
use crate::proto::role_grant::{Holder, Reach};
use crate::proto::{DirectoryPersonal, Role, RoleGrant};
use crate::registers::directory::fact::{Command, Record};

/// `qinlian token --help`.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    place: Where,
    /// Who: person:ID, device:CODE or system:NAME
    #[arg(long, value_name = "ID")]
    subject: String,
    /// Grant this role first, for example HR
    #[arg(long, value_name = "ROLE", requires = "centre")]
    role: Option<String>,
    /// In this centre; _ is the whole deployment
    #[arg(long, value_name = "CODE")]
    centre: Option<String>,
    /// For this department only
    #[arg(long, value_name = "CODE", requires = "role")]
    department: Option<String>,
    /// How long the token is good: 30m, 8h, 1d
    #[arg(long, value_name = "TIME", default_value = "8h")]
    ttl: String,
}

/// Runs `token`.
pub(super) async fn run(options: Options) -> anyhow::Result<Answer> {
    quiet_log();
    let subject = Subject::parse(&options.subject).context("--subject")?;
    let ttl_s = seconds(&options.ttl)?;
    let config = options.place.load()?;
    if ttl_s > config.limits.token_lifetime_s {
        bail!("--ttl: at most {} s (limits.token_lifetime_s)", config.limits.token_lifetime_s);
    }
    if let (Some(role), Some(centre)) = (&options.role, &options.centre) {
        let role = parse_role(role)?;
        let centre = CentreId::parse(centre).context("--centre")?;
        let department =
            options.department.as_deref().map(DepartmentId::parse).transpose().context("--department")?;
        let office = Office::open(config.clone(), Opening::default()).await?;
        grant(&office, &subject, role, &centre, department.as_ref()).await?;
        office.close().await;
    }
    let issuer = office::local_issuer(&config)?;
    say(&issuer.token(&subject, SystemClock::new().now(), ttl_s));
    Ok(Answer::Yes)
}

/// Grants a role, unless the subject holds just that already.
pub async fn grant(
    office: &Office,
    subject: &Subject,
    role: Role,
    centre: &CentreId,
    department: Option<&DepartmentId>,
) -> anyhow::Result<()> {
    let log = office.log_of(centre).await?;
    let now: EpochMs = office.clock.now();
    let directory = office.desk.directory(log).await?;
    let holds = directory.grants(log, centre, subject).into_iter().any(|held| {
        held.role == role
            && held.holds_at(now)
            && held.reach.department.as_ref() == department
            && held.reach.centre.is_none()
            && held.reach.window.is_none()
    });
    if holds {
        return Ok(());
    }
    let holder = match subject {
        Subject::Person(id) => Holder::PersonId(id.to_string()),
        other @ (Subject::Device(_) | Subject::System(_)) => Holder::Subject(other.to_string()),
    };
    let scope = department.map(|department| Reach { department: department.to_string(), ..Reach::default() });
    let record = Record::RoleGrant(RoleGrant {
        holder: Some(holder),
        role: role.into(),
        scope,
        ..RoleGrant::default()
    });
    debug_assert!(log == LogId::DEPLOYMENT || !centre.is_deployment());
    office.administer(log, Command::Put { record, personal: DirectoryPersonal::default() }).await?;
    Ok(())
}

fn parse_role(text: &str) -> anyhow::Result<Role> {
    match Role::from_str_name(&text.to_ascii_uppercase()) {
        Some(role) if role != Role::Unspecified => Ok(role),
        _ => bail!("--role: {text} is no role"),
    }
}

/// `30m`, `8h`, `1d`, `90s`.
fn seconds(text: &str) -> anyhow::Result<u32> {
    let (number, unit) = text.split_at(text.len().saturating_sub(1));
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => bail!("--ttl: a number and s, m, h or d"),
    };
    let number: u32 = number.parse().context("--ttl: a number and s, m, h or d")?;
    number.checked_mul(factor).filter(|seconds| *seconds > 0).context("--ttl: too long, or nothing")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_live_is_a_number_and_a_unit() {
        for (text, wanted) in
            [("90s", Some(90)), ("30m", Some(1_800)), ("8h", Some(28_800)), ("1d", Some(86_400))]
        {
            assert_eq!(seconds(text).ok(), wanted, "{text}");
        }
        for text in ["", "h", "8", "-1h", "0h", "9999999d", "八h"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
