//! `qinlian explain`: why a call was denied, for whoever holds the deployment's keys.

use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::office::read_keys;
use super::{Answer, Where, say};
use crate::access::support::method_mark;
use crate::access::{Rule, Rules, SupportKey};
use crate::kernel::Zone;

/// `qinlian explain --help`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// What the caller was told: four groups of five letters
    support_id: String,
    #[command(flatten)]
    place: Where,
    /// Answer as one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs `explain`. Needs the keys alone: no database, and no server that runs.
pub(super) fn run(options: &Options) -> anyhow::Result<Answer> {
    let config = options.place.load()?;
    let key = SupportKey::new(read_keys(&config)?.support_key());
    let Some(denial) = key.open(&options.support_id) else {
        say("This is no support id of this deployment: look at the letters, and at whose it is.");
        return Ok(Answer::No);
    };
    let rules = Rules::ours()?;
    let found = rules.iter().find(|rule| method_mark(&rule.method) == denial.method);
    let method = found.map_or("a method that this version does not have", |rule| rule.method.as_str());
    let zone = Zone::parse("")?;
    let at = zone.wall(denial.at);
    let (code, said) = (denial.why.code(), denial.why.said());
    let roles = roles(found);
    if options.json {
        let answer = json!({
            "at": at, "method": method, "why": code, "zh": said.zh, "en": said.en, "roles": roles,
            "scope": found.map(|rule| rule.scope.as_str_name()),
        });
        say(&answer.to_string());
        return Ok(Answer::Yes);
    }
    say(&format!("{at} ({})  {method}", zone.name()));
    say(&format!("{code}: {}", said.en));
    say(&said.zh);
    if let Some(rule) = found {
        say(&format!("May call: {}; the grant must reach: {}.", roles.join(", "), rule.scope.as_str_name()));
    }
    Ok(Answer::Yes)
}

fn roles(rule: Option<&Arc<Rule>>) -> Vec<&'static str> {
    rule.map(|rule| rule.roles.iter().map(|role| role.as_str_name()).collect()).unwrap_or_default()
}
