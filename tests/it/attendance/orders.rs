//! No order of arrival, repetition or batching changes what a day is in the end (properties A1 and A2), and neither does
//! how often and in what chunks the results are folded.
//!
//! Three days are lived through first, on paper: who was where when is the truth. Then the journals of two terminals,
//! whose clocks are wrong, arrive in some order, some of it more than once; cards are bound and terminals are heard of
//! somewhere in between. In the end, every day is the truth, to the millisecond.

use std::collections::BTreeMap;

use qinlian::kernel::EpochMs;
use qinlian::ledger::committer::Outcome;
use qinlian::proto::TimeTrust;
use qinlian::proto::punch::Direction;
use qinlian::registers::attendance::fact::Punch;
use qinlian::registers::derivation::PRESENCE;
use qinlian::store::Store;

use super::rig::{Days, Hall, minute, punch, uploaded, wait_until};
use crate::support::store::each;
use crate::support::{clock, scale};

/// Numbers that only depend on the seed (xorshift, Marsaglia 2003).
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            let other = usize::try_from(self.below(u64::try_from(at + 1).expect("few"))).expect("few");
            items.swap(at, other);
        }
    }
}

/// What happened.
#[derive(Debug, Clone)]
struct Truth {
    person: usize,
    at: EpochMs,
    direction: Direction,
    punch: Punch,
}

/// How far the clock of each terminal is off: 7 minutes slow, and a day and a half fast.
const OFF_MS: [(&str, i64); 2] = [("gate-1", -420_000), ("gate-2", 129_600_000)];
/// Both were switched on at eight of the first day.
const THREE_DAYS_MINUTES: u64 = 3 * 1_440;

fn live(chance: &mut Chance) -> Vec<Truth> {
    let mut happened: Vec<(u64, usize, Direction)> = (0..30)
        .map(|_| {
            let direction = [Direction::In, Direction::Out, Direction::Unknown]
                [usize::try_from(chance.below(3)).expect("few")];
            (chance.below(THREE_DAYS_MINUTES), usize::try_from(chance.below(3)).expect("few"), direction)
        })
        .collect();
    happened.sort_by_key(|(minutes, ..)| *minutes);
    let mut numbers = [0_u64; 2];
    happened
        .into_iter()
        .map(|(minutes, person, direction)| {
            let gate = usize::try_from(chance.below(2)).expect("few");
            let (device, off_ms) = OFF_MS[gate];
            numbers[gate] += 1;
            let minutes = i64::try_from(minutes).expect("three days");
            let at = minute(minutes);
            let mut punch = uploaded(punch(device, numbers[gate], minutes, direction, &format!("A{person}")));
            punch.stamp.claimed = at.plus_ms(off_ms);
            Truth { person, at, direction, punch }
        })
        .collect()
}

/// The days as the rule says, worked out from the truth by walking through it in order.
fn truth(happened: &[Truth]) -> Days {
    let mut days: BTreeMap<(usize, i32), Vec<(EpochMs, Direction)>> = BTreeMap::new();
    for one in happened {
        // Days change at midnight, 16 hours after eight.
        let day =
            2 + i32::try_from((one.at.since(minute(0)) + 8 * 3_600_000).div_euclid(86_400_000)).expect("few");
        days.entry((one.person, day)).or_default().push((one.at, one.direction));
    }
    let mut found = Days::new();
    for (of, mut punches) in days {
        punches.sort_by_key(|(at, _)| *at);
        let (earliest, latest) = (punches[0].0, punches[punches.len() - 1].0);
        let (mut first, mut last) = (None, None);
        for (at, direction) in &punches {
            let opens = match direction {
                Direction::In => true,
                Direction::Unknown => *at == earliest,
                _ => false,
            };
            if opens && first.is_none() {
                first = Some(*at);
            }
        }
        for (at, direction) in &punches {
            let closes = match direction {
                Direction::Out => true,
                Direction::Unknown => *at == latest,
                _ => false,
            };
            if closes && first.is_none_or(|first| *at > first) {
                last = Some(*at);
            }
        }
        if first.is_some() || last.is_some() {
            found.insert(of, (first, last, TimeTrust::Trusted));
        }
    }
    found
}

/// What arrives.
enum Arrival {
    Punch(Punch),
    Binding,
    Contact(usize),
}

async fn one_history(store: &Store, seed: u64) {
    let mut chance = Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let clock = clock(seed);
    let hall = Hall::begin(store, &clock).await;
    let happened = live(&mut chance);
    wait_until(&clock, minute(i64::try_from(THREE_DAYS_MINUTES).expect("few") + 60));
    let mut arrivals: Vec<Arrival> = happened.iter().map(|one| Arrival::Punch(one.punch.clone())).collect();
    for _ in 0..10 {
        let again = usize::try_from(chance.below(30)).expect("few");
        arrivals.push(Arrival::Punch(happened[again].punch.clone()));
    }
    arrivals.push(Arrival::Binding);
    arrivals.extend([Arrival::Contact(0), Arrival::Contact(1)]);
    chance.shuffle(&mut arrivals);
    let mut waiting = Vec::new();
    let mut stored = 0;
    for arrival in arrivals {
        clock.advance_ms(1_000);
        match arrival {
            Arrival::Punch(punch) => waiting.push(punch),
            Arrival::Binding => hall.bind(2, "A2").await,
            Arrival::Contact(gate) => {
                let (device, off_ms) = OFF_MS[gate];
                let numbers = happened.iter().filter(|one| one.punch.stamp.device.as_str() == device).count();
                use qinlian::clock::Clock;
                let mono_ms = u64::try_from(clock.now().since(minute(0))).expect("later");
                hall.report(device, "b", mono_ms, off_ms, u64::try_from(numbers).expect("few")).await;
                assert_eq!(hall.watch().await, 1, "a new boot goes on record at once");
            }
        }
        if chance.below(4) == 0 {
            stored += accepted(&hall.send_all(std::mem::take(&mut waiting)).await);
        }
        if chance.below(5) == 0 {
            hall.fold().await;
        }
    }
    stored += accepted(&hall.send_all(waiting).await);
    assert_eq!(stored, happened.len(), "every punch once");
    hall.fold().await;
    assert_eq!(hall.days().await, truth(&happened), "seed {seed}");

    let revisions = hall.revisions(PRESENCE).await;
    for chunk in [1, 1_000] {
        let folder = hall.folder(chunk);
        folder.rebuild(hall.log()).await.expect("deleted");
        folder.catch_up(hall.log()).await.expect("folded");
        assert_eq!(hall.revisions(PRESENCE).await, revisions, "seed {seed}, rebuilt in chunks of {chunk}");
    }
}

fn accepted(outcomes: &[Outcome]) -> usize {
    assert!(!outcomes.contains(&Outcome::Conflict));
    outcomes.iter().filter(|outcome| **outcome == Outcome::Accepted).count()
}

#[tokio::test]
async fn no_order_of_arrival_changes_what_a_day_is_in_the_end() {
    for seed in 1..=u64::try_from(scale(6, 200)).expect("few") {
        each(async |fixture| one_history(&fixture.store, seed).await).await;
    }
}

#[test]
fn the_truth_is_worked_out_by_the_rule_of_the_day() {
    let one = |minutes, direction| Truth {
        person: 0,
        at: minute(minutes),
        direction,
        punch: punch("gate-1", 1, minutes, direction, "A0"),
    };
    let days = truth(&[one(0, Direction::In), one(900, Direction::Out), one(960, Direction::Unknown)]);
    let trusted = TimeTrust::Trusted;
    assert_eq!(days[&(0, 2)], (Some(minute(0)), Some(minute(900)), trusted));
    assert_eq!(days[&(0, 3)], (Some(minute(960)), None, trusted), "midnight is 960 minutes after eight");
}
