//! Whoever is turned away leaves one line, and nothing else: one denial under the id that the caller was told, or one
//! refused token.

use std::collections::BTreeMap;

use qinlian::access::Rules;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use super::answered;
use super::message::Maker;
use super::world::{About, Held, World, holder, roles};
use crate::rigs::canary::fill::{methods, path_of};
use crate::rigs::town::Town;
use crate::support::say_aloud;

/// What has to stand on the log for a call.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    Denied { support_id: String },
    Refused,
}

/// Who is turned away.
#[derive(Debug, Clone, Copy)]
enum Stranger {
    NoToken,
    Expired,
    Elsewhere,
    /// Somebody without a role that the method names.
    WithoutRole,
    /// Somebody whose grant was revoked.
    Revoked,
    /// Somebody whose role does not reach the other centre.
    OtherCentre,
}

impl Stranger {
    const ALL: [Self; 6] =
        [Self::NoToken, Self::Expired, Self::Elsewhere, Self::WithoutRole, Self::Revoked, Self::OtherCentre];
}

/// The lines of these codes, by the call's id.
fn lines(log: &str) -> BTreeMap<String, Vec<Line>> {
    let mut found = BTreeMap::<String, Vec<Line>>::new();
    for line in log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok()) {
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let line_of = match text(&line["code"]).as_str() {
            "ACCESS_DENIED" => Line::Denied { support_id: text(&line["support_id"]) },
            "TOKEN_REFUSED" => Line::Refused,
            _ => continue,
        };
        found.entry(text(&line["request"])).or_default().push(line_of);
    }
    found
}

fn line_for(status: &Status) -> Option<Line> {
    let details = status.get_error_details();
    let info = details.error_info()?;
    match status.code() {
        Code::PermissionDenied => Some(Line::Denied { support_id: info.metadata.get("support_id")?.clone() }),
        Code::Unauthenticated => Some(Line::Refused),
        _ => None,
    }
}

async fn turned_away(town: Town) {
    let world = World::begin(town).await;
    let rules = Rules::ours().unwrap();
    let mut maker = Maker::new(41);
    let before = world.rows_at_rest().await;
    let mut expected = BTreeMap::new();
    for method in methods() {
        let rule = rules.find(&path_of(&method)).unwrap();
        if rule.public {
            continue;
        }
        let role = *rule.roles.first().expect("a role");
        let without = roles().into_iter().find(|role| !rule.roles.contains(role)).expect("not everybody may");
        for stranger in Stranger::ALL {
            let (subject, about) = match stranger {
                Stranger::WithoutRole => (holder(without, Held::Hall), About::Own),
                Stranger::Revoked => (holder(role, Held::Revoked), About::Own),
                Stranger::OtherCentre => (holder(role, Held::Hall), About::OtherCentre),
                Stranger::NoToken | Stranger::Expired | Stranger::Elsewhere => {
                    (holder(role, Held::Hall), About::Own)
                }
            };
            let token = match stranger {
                Stranger::NoToken => None,
                Stranger::Expired => Some(world.expired(&subject)),
                Stranger::Elsewhere => Some(world.elsewhere(&subject)),
                _ => Some(world.token(&subject)),
            };
            let deployment = rule.scope == qinlian::proto::access::Scope::Deployment;
            let own = subject.strip_prefix("device:").unwrap_or("d-hall");
            let names = world.names(about, own, deployment);
            let mut request = Request::new(maker.request(&method, &names));
            let id = format!("away-{}", expected.len());
            request.metadata_mut().insert("x-request-id", id.parse().expect("ASCII"));
            if let Some(token) = token {
                request.metadata_mut().insert("authorization", token.parse().expect("ASCII"));
            }
            let what = format!("{} {stranger:?}", method.name());
            let status = answered(&world.channel, &method, request).await.expect_err(&what);
            let line = line_for(&status).unwrap_or_else(|| panic!("{what} is not turned away: {status:?}"));
            expected.insert(id, (what, line));
        }
    }
    let changes = world.rows().await.changes_since(&before);
    assert!(changes.is_empty(), "a refusal changed something: {:#?}", &changes[..changes.len().min(20)]);
    let found = lines(&std::fs::read_to_string(world.town.log(0)).expect("a log"));
    for (id, (what, line)) in &expected {
        assert_eq!(found.get(id).map(Vec::as_slice), Some(std::slice::from_ref(line)), "{what}");
    }
    let others: Vec<_> = found.keys().filter(|id| !expected.contains_key(*id)).collect();
    assert!(others.is_empty(), "lines of calls that nobody made: {others:?}");
    let denials = expected.values().filter(|(_, line)| *line != Line::Refused).count();
    say_aloud(&format!(
        "{} turned away, {denials} of them denied: a line each, no row changed",
        expected.len()
    ));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_turned_away_leaves_one_line_and_no_row_on_sqlite() {
    turned_away(Town::on_sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_turned_away_leaves_one_line_and_no_row_on_postgresql() {
    if let Some(town) = Town::on_postgres(1).await {
        turned_away(town).await;
    }
}

/// The control: a line too many, one of another id, and none at all are seen.
#[test]
fn lines_are_told_apart() {
    let line =
        |code: &str, id: &str| format!(r#"{{"code":"{code}","support_id":"s-{id}","request":"{id}"}}"#);
    let log = [
        line("ACCESS_DENIED", "a"),
        line("ACCESS_DENIED", "a"),
        line("TOKEN_REFUSED", "b"),
        line("CALL_OK", "c"),
    ];
    let found = lines(&log.join("\n"));
    let denied = || Line::Denied { support_id: "s-a".to_owned() };
    assert_eq!(found.get("a"), Some(&vec![denied(), denied()]));
    assert_eq!(found.get("b"), Some(&vec![Line::Refused]));
    assert_eq!(found.get("c"), None);
}
