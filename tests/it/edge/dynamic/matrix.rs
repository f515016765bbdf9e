//! Who may call what: every method, every role at every reach, about everything, under every token.
//!
//! What is expected is worked out here from the `access` options alone, by a function that shares nothing with
//! `access::Caller::pass`.

use futures_util::{StreamExt as _, stream};
use prost_reflect::{DescriptorPool, MethodDescriptor};
use qinlian::proto::access::{Record, Scope};
use qinlian::proto::{Access, DESCRIPTORS, Role};
use tonic::Code;

use super::message::Maker;
use super::world::{About, Held, World, holder, roles};
use super::{Answer, call};
use crate::rigs::canary::fill::methods;
use crate::rigs::town::Town;
use crate::support::say_aloud;

/// Calls under way at once.
const AT_ONCE: usize = 32;

/// What the caller carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    None,
    Expired,
    Elsewhere,
    Good,
}

/// What has to become of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// Nobody knows who calls.
    Unauthenticated,
    /// They may not.
    Denied,
    /// The method decides: it may still find nothing, or refuse for a reason of its own.
    Through,
    /// Through, but personal content stays where it is.
    Withheld,
}

/// A square of the matrix.
#[derive(Debug, Clone)]
struct Cell {
    method: MethodDescriptor,
    scope: Scope,
    role: Role,
    held: Held,
    about: About,
    token: Token,
    reveal: bool,
    expected: Expected,
}

/// The access option of a method.
fn access(method: &MethodDescriptor) -> Access {
    let pool = DescriptorPool::decode(DESCRIPTORS).expect("our descriptors");
    let option = pool.get_extension_by_name("qinlian.v1.access").expect("the option");
    let method = pool
        .get_service_by_name(method.parent_service().full_name())
        .and_then(|service| service.methods().find(|other| other.name() == method.name()))
        .expect("the method");
    let options = method.options();
    assert!(options.has_extension(&option), "{} says nothing about who may call it", method.full_name());
    options.get_extension(&option).as_message().expect("a message").transcode_to().expect("an Access")
}

/// What the options say of a good token of somebody who holds `role` as `held`.
fn allowed(access: &Access, role: Role, held: Held, about: About) -> bool {
    let named = access.roles().any(|other| other == role);
    let here = matches!(about, About::Own | About::OtherPerson | About::OtherDepartment);
    let reaches = match access.scope() {
        Scope::Unspecified => false,
        Scope::Deployment => held == Held::Everywhere && here,
        Scope::Centre => held == Held::Everywhere || held == Held::Hall && here,
        Scope::Department | Scope::Person => held == Held::Everywhere || held != Held::Revoked && here,
        // A terminal at its own place; the calls about another person name another terminal.
        Scope::Device => {
            role == Role::Terminal
                && held != Held::Revoked
                && matches!(about, About::Own | About::OtherDepartment)
        }
    };
    named && reaches
}

/// What the options do not say, by method: a role that is let in and gets less.
const ADDITIONS: &[(&str, Role, Expected)] = &[
    // System administrators never read content.
    ("GetPerson", Role::Administrator, Expected::Withheld),
    ("ListPeople", Role::Administrator, Expected::Withheld),
];

fn expected(cell: &Cell, access: &Access) -> Expected {
    if access.public {
        return Expected::Through;
    }
    if cell.token != Token::Good {
        return Expected::Unauthenticated;
    }
    if !allowed(access, cell.role, cell.held, cell.about) {
        return Expected::Denied;
    }
    let addition =
        ADDITIONS.iter().find(|(method, role, _)| *method == cell.method.name() && *role == cell.role);
    match addition {
        Some((_, _, expected)) if cell.reveal => *expected,
        _ => Expected::Through,
    }
}

/// The whole matrix.
fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for method in methods() {
        let access = access(&method);
        let reveals = [Some(false), (access.record() == Record::WhenRevealed).then_some(true)];
        for (role, about) in
            roles().into_iter().flat_map(|role| About::ALL.into_iter().map(move |about| (role, about)))
        {
            let mut add = |held, token, reveal| {
                let (method, scope) = (method.clone(), access.scope());
                let expected_before = Expected::Through;
                let mut cell =
                    Cell { method, scope, role, held, about, token, reveal, expected: expected_before };
                cell.expected = expected(&cell, &access);
                cells.push(cell);
            };
            for token in [Token::None, Token::Expired, Token::Elsewhere] {
                add(Held::Hall, token, false);
            }
            for held in Held::ALL {
                for reveal in reveals.into_iter().flatten() {
                    add(held, Token::Good, reveal);
                }
            }
        }
    }
    cells
}

/// Makes the call of a cell.
async fn ask(world: &World, cell: &Cell, message: Vec<u8>) -> Answer {
    let subject = holder(cell.role, cell.held);
    let token = match cell.token {
        Token::None => None,
        Token::Expired => Some(world.expired(&subject)),
        Token::Elsewhere => Some(world.elsewhere(&subject)),
        Token::Good => Some(world.token(&subject)),
    };
    call(&world.channel, &cell.method, message, token.as_deref(), "en").await
}

/// Does an answer meet what is expected?
fn meets(expected: Expected, answer: &Answer) -> bool {
    let denial = ("not allowed; an administrator can look the support id up", "DENIED");
    let said = (answer.message.as_str(), answer.reason.as_str());
    match expected {
        Expected::Unauthenticated => answer.code == Code::Unauthenticated,
        // The same words whatever exists.
        Expected::Denied => answer.code == Code::PermissionDenied && said == denial,
        Expected::Through => {
            let decided = matches!(
                answer.code,
                Code::Ok
                    | Code::NotFound
                    | Code::FailedPrecondition
                    | Code::AlreadyExists
                    | Code::InvalidArgument
            );
            // What only a device can prove: a key that nobody here has.
            let unproven = answer.code == Code::Unauthenticated && answer.reason == "NOT_PROVEN";
            let signatures = answer.violations.iter().all(|(field, _)| field.ends_with("signature"));
            (decided || unproven) && signatures
        }
        Expected::Withheld => matches!(answer.code, Code::PermissionDenied | Code::NotFound),
    }
}

/// Makes calls, and names the cells that are not met.
async fn differences(world: &World, cells: &[Cell], seed: u64) -> Vec<String> {
    let mut maker = Maker::new(seed);
    let calls: Vec<_> = cells
        .iter()
        .map(|cell| {
            let own =
                holder(Role::Terminal, if cell.role == Role::Terminal { cell.held } else { Held::Hall });
            let own = own.trim_start_matches("device:").to_owned();
            let deployment = cell.scope == Scope::Deployment;
            let mut names = world.names(cell.about, &own, deployment);
            names.reveal = cell.reveal;
            (cell, maker.request(&cell.method, &names))
        })
        .collect();
    let answers = stream::iter(calls).map(|(cell, message)| async move {
        let answer = ask(world, cell, message).await;
        (!meets(cell.expected, &answer)).then(|| {
            let Cell { role, held, about, token, reveal, expected, method, scope: _ } = cell;
            format!(
                "{} {role:?} {held:?} {about:?} {token:?} reveal {reveal}: {expected:?}, but {:?} {} {:?}",
                method.name(),
                answer.code,
                answer.reason,
                answer.violations
            )
        })
    });
    answers.buffer_unordered(AT_ONCE).filter_map(async |found| found).collect().await
}

fn first(found: &[String]) -> &[String] {
    &found[..found.len().min(20)]
}

async fn whole(town: Town) {
    let world = World::begin(town).await;
    let cells = cells();
    assert!(cells.len() >= 2_000, "only {} cells", cells.len());
    let refusal = |cell: &&Cell| matches!(cell.expected, Expected::Unauthenticated | Expected::Denied);
    let refusals: Vec<Cell> = cells.iter().filter(refusal).cloned().collect();
    let passes: Vec<Cell> = cells.iter().filter(|cell| !refusal(cell)).cloned().collect();

    let before = world.rows_at_rest().await;
    for role in roles() {
        let of_role: Vec<Cell> = refusals.iter().filter(|cell| cell.role == role).cloned().collect();
        let found = differences(&world, &of_role, 1).await;
        assert!(found.is_empty(), "{} cells are not met: {:#?}", found.len(), first(&found));
        let changes = world.rows().await.changes_since(&before);
        assert!(changes.is_empty(), "what {role:?} was refused changed something: {:#?}", first(&changes));
    }

    // The control: one rule read otherwise, and every cell of it is named.
    let wrong: Vec<Cell> = refusals
        .iter()
        .filter(|cell| cell.method.name() == "GetEntry" && cell.expected == Expected::Denied)
        .map(|cell| Cell { expected: Expected::Through, ..cell.clone() })
        .collect();
    assert_eq!(differences(&world, &wrong, 2).await.len(), wrong.len(), "an altered rule is noticed");

    let found = differences(&world, &passes, 3).await;
    assert!(found.is_empty(), "{} cells are not met: {:#?}", found.len(), first(&found));
    assert!(!world.rows().await.changes_since(&before).is_empty(), "what is allowed does change something");
    narrow(&world).await;
    say_aloud(&format!("{} cells: {} refusals, {} passes", cells.len(), refusals.len(), passes.len()));
    world.end().await;
}

/// Whoever sees one department cannot tell another's person from nobody.
async fn narrow(world: &World) {
    let get = methods().into_iter().find(|method| method.name() == "GetPerson").expect("GetPerson");
    let token = world.token(&holder(Role::Hr, Held::Department));
    let mut maker = Maker::new(4);
    let mut answers = Vec::new();
    for about in [About::Own, About::OtherDepartment, About::Unknown] {
        let mut names = world.names(about, "t0", false);
        names.centre = "hall".to_owned();
        answers.push(call(&world.channel, &get, maker.request(&get, &names), Some(&token), "en").await);
    }
    assert_eq!(answers[0].code, Code::Ok);
    assert_eq!(answers[1].code, Code::NotFound);
    assert_eq!(answers[1], answers[2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_cell_of_the_matrix_is_met_on_sqlite() {
    whole(Town::on_sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_cell_of_the_matrix_is_met_on_postgresql() {
    if let Some(town) = Town::on_postgres(1).await {
        whole(town).await;
    }
}

#[test]
fn every_role_and_every_method_has_its_cells() {
    let cells = cells();
    for method in methods() {
        for role in roles() {
            let count = cells
                .iter()
                .filter(|cell| cell.method.full_name() == method.full_name() && cell.role == role)
                .count();
            assert!(count >= About::ALL.len() * 7, "{} {role:?}: {count}", method.name());
        }
        let access = access(&method);
        for role in access.roles() {
            let through = cells.iter().any(|cell| {
                cell.method.full_name() == method.full_name()
                    && cell.role == role
                    && cell.expected == Expected::Through
            });
            assert!(through, "{} names {role:?}, and nobody of that role gets through", method.name());
        }
    }
    for (method, role, _) in ADDITIONS {
        assert!(cells.iter().any(|cell| cell.method.name() == *method && cell.role == *role), "{method}");
    }
}
