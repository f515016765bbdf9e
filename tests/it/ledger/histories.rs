//! The same commands give the same leaves, checkpoints and roots on both databases, byte for byte.

use qinlian::kernel::{LogId, RequestId};
use qinlian::ledger::port::{Author, Submission};

use super::rig::{Dice, HALL, Rig, config, id, item, note, open_centre, pass, put, read, word};
use super::toy::{Broken, Command};
use super::whole::whole;
use crate::support::scale;
use crate::support::store::Fixture;

/// Histories per pair of databases.
const PER_DATABASE: usize = 25;

#[tokio::test]
async fn random_histories_give_the_same_roots_on_both_databases() {
    let histories = scale(50, 1_000);
    for first in (0..histories).step_by(PER_DATABASE) {
        let Some(postgres) = Fixture::postgres().await else { return };
        let (sqlite, postgres) = (Rig::new(Fixture::sqlite().await).await, Rig::new(postgres).await);
        for seed in first..(first + PER_DATABASE).min(histories) {
            let (one, two) = futures_util::join!(play(&sqlite, seed as u64), play(&postgres, seed as u64));
            assert_eq!(one, two, "history {seed} was answered otherwise");
            for log in [LogId::DEPLOYMENT, HALL] {
                let (one, two) =
                    (sqlite.ledger.reader().head(log).await, postgres.ledger.reader().head(log).await);
                assert_eq!(one.unwrap().0, two.unwrap().0, "log {log} after history {seed}");
            }
        }
        let (one, two) =
            (whole(sqlite.ledger.reader()).await.unwrap(), whole(postgres.ledger.reader()).await.unwrap());
        assert_eq!(one, two);
        sqlite.end().await;
        postgres.end().await;
    }
}

#[tokio::test]
async fn another_history_or_other_randomness_gives_another_root() {
    let mut roots = Vec::new();
    for (seed, extra_random) in [(1, false), (1, false), (2, false), (1, true)] {
        let rig = Rig::new(Fixture::sqlite().await).await;
        if extra_random {
            qinlian::clock::random::<8>(&*rig.clock);
        }
        play(&rig, seed).await;
        roots.push(whole(rig.ledger.reader()).await.unwrap());
        rig.end().await;
    }
    assert_eq!(roots[0], roots[1]);
    assert_ne!(roots[0], roots[2]);
    assert_ne!(roots[0], roots[3]);
}

/// Plays one history: some rounds of commands that wait together, time passing between them. The answers, in words.
async fn play(rig: &Rig, seed: u64) -> Vec<String> {
    let mut dice = Dice::new(seed);
    let own = rig.open(&format!("centre-{seed}")).await;
    let logs = [HALL, own, own, LogId::DEPLOYMENT];
    let mut words = Vec::new();
    let mut sent: Vec<Submission<Command>> = Vec::new();
    let mut notes: Vec<(LogId, u64)> = Vec::new();
    for _ in 0..4 + dice.roll(5) {
        rig.clock.advance_ms(dice.roll(90_000));
        let mut round = Vec::new();
        for _ in 0..=dice.roll(30) {
            let log = logs[usize::try_from(dice.roll(4)).unwrap()];
            let again = dice.roll(6) == 0;
            round.push(match sent.get(usize::try_from(dice.roll(sent.len() as u64 + 1)).unwrap()) {
                Some(old) if again => old.clone(),
                _ => fresh(&mut dice, seed, sent.len() + round.len(), log, &notes),
            });
        }
        let answers = rig.ledger.submit_all(round.clone()).await.unwrap();
        for (sent, answer) in round.iter().zip(&answers) {
            let pos = answer.as_ref().map_or(0, |reply| reply.pos.get());
            words.push(format!("{} {} {pos}", sent.log, word(answer)));
            if matches!(sent.command, Command::Note { .. }) && answer.is_ok() {
                notes.push((sent.log, pos));
            }
        }
        sent.extend(round);
    }
    words
}

fn fresh(dice: &mut Dice, seed: u64, nth: usize, log: LogId, notes: &[(LogId, u64)]) -> Submission<Command> {
    let key = format!("键{}", dice.roll(12));
    let command = match dice.roll(14) {
        0..=3 => put(&key, &"v".repeat(usize::try_from(dice.roll(300)).unwrap())),
        4 => note(&key, "张伟"),
        5 | 6 => item(&format!("d{}", dice.roll(3)), dice.roll(9), &format!("badge {}", dice.roll(2))),
        7 => Command::Needs { key },
        8 => {
            let parts = notes.iter().filter(|(of, _)| *of == log && dice.roll(3) == 0);
            Command::Erase { parts: parts.map(|(_, pos)| (*pos, 1)).collect() }
        }
        9 if log == LogId::DEPLOYMENT => config(&key, &dice.roll(9).to_string()),
        10 if log == LogId::DEPLOYMENT => open_centre(&format!("c{seed}-{nth}")),
        11 => Command::Deny,
        12 if dice.roll(8) == 0 => Command::Panic { at: Broken::Admit },
        12 => Command::Refuse,
        _ => read("person:zhang"),
    };
    let author =
        Author { principal: format!("person:{}", dice.roll(3)), pass: (dice.roll(2) == 0).then(pass) };
    Submission { log, request_id: request_id(seed, nth), author, command }
}

/// Far from the ids that the rig hands out itself.
fn request_id(seed: u64, nth: usize) -> RequestId {
    id((seed + 1) * 1_000_000 + nth as u64)
}
