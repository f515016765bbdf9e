//! Whole calls: mutated messages of every method to a server that runs, over either database, by somebody who may call.
//!
//! What does not decode is refused, what decodes is checked, and nothing of it is a fault of ours: never INTERNAL, never
//! UNKNOWN, no panic in the log, and two judges find the ledger in order afterwards.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, stream};
use qinlian::access::Rules;

use super::corpus::kept;
use super::engine::{Chance, Food};
use super::requests::PIECES;
use crate::edge::dynamic::call;
use crate::edge::dynamic::fields::complaint;
use crate::edge::dynamic::message::Maker;
use crate::edge::dynamic::world::{About, World};
use crate::rigs::canary::fill::{methods, path_of};
use crate::rigs::town::Town;
use crate::support::{fuzz_seed, say_aloud, scale};

async fn mutated_calls(town: Town) {
    let world = World::begin(town).await;
    let rules = Rules::ours().unwrap();
    let mut maker = Maker::new(23);
    let mut chance = Chance::new(fuzz_seed());
    let each = scale(60, 8_000);
    let mut calls = Vec::new();
    for method in methods() {
        let rule = rules.find(&path_of(&method)).unwrap();
        let deployment = rule.scope == qinlian::proto::access::Scope::Deployment;
        let names = |reveal| {
            let mut names = world.names(About::Own, "t0", deployment);
            names.reveal = reveal;
            names
        };
        let token = world.token(&world.town.caller_for(rule));
        let mut bodies: Vec<_> = kept("requests").into_iter().map(|(_, bytes)| bytes).collect();
        for n in 0..each {
            // New ids each time; and every other time one change alone, which is what gets furthest.
            let good = [false, true].map(|reveal| maker.request(&method, &names(reveal))).to_vec();
            let food = Food { name: "requests", good, pieces: PIECES, most: if n % 2 == 0 { 1 } else { 5 } };
            bodies.push(food.next(&mut chance));
        }
        calls.extend(bodies.into_iter().map(|body| (method.clone(), token.clone(), body)));
    }
    // So that no method is tried by nobody but the last of what another one did.
    for at in (1..calls.len()).rev() {
        calls.swap(at, chance.below(at + 1));
    }
    let count = calls.len();
    let channel = &world.channel;
    let answers: Vec<_> = stream::iter(calls)
        .map(|(method, token, body)| async move {
            let answer = call(channel, &method, body.clone(), Some(&token), "zh").await;
            let wrong =
                complaint(&answer).map(|why| format!("{}: {why}: {answer:?}: {body:02x?}", method.name()));
            (answer.code, wrong)
        })
        .buffer_unordered(32)
        .collect()
        .await;
    let wrong: Vec<_> = answers.iter().filter_map(|(_, wrong)| wrong.as_ref()).collect();
    assert!(
        wrong.is_empty(),
        "{} of {count}, seed {}: {:#?}",
        wrong.len(),
        fuzz_seed(),
        &wrong[..wrong.len().min(8)]
    );
    let mut codes = BTreeMap::<String, usize>::new();
    for (code, _) in &answers {
        *codes.entry(format!("{code:?}")).or_default() += 1;
    }
    assert!(codes.contains_key("Ok") && codes.contains_key("InvalidArgument"), "{codes:?}");
    say_aloud(&format!("{count} mutated calls: {codes:?}"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mutated_calls_make_no_fault_on_sqlite() {
    mutated_calls(Town::on_sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mutated_calls_make_no_fault_on_postgresql() {
    if let Some(town) = Town::on_postgres(1).await {
        mutated_calls(town).await;
    }
}
