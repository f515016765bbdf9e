//! Random histories, and the results' tables as values that can be compared.

use std::collections::BTreeSet;

use qinlian::kernel::LogId;
use qinlian::results::{Body, Key, Room};
use qinlian::store::{Binds, Statement, Store};

use super::toy::{Line, Op, Toy};

/// A repeatable source of choices (SplitMix64, Steele et al. 2014).
#[derive(Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    /// A number below `sides`.
    pub(super) fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % sides
    }

    fn byte(&mut self, sides: u64) -> u8 {
        u8::try_from(self.below(sides)).unwrap()
    }

    /// One of several.
    pub(super) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(u64::try_from(of.len()).unwrap())).unwrap()]
    }
}

/// The entries of a log and of its deployment's.
#[derive(Debug, Clone, Default)]
pub(super) struct History {
    pub(super) own: Vec<Line>,
    pub(super) deployed: Vec<Line>,
}

impl History {
    /// About `length` entries: bursts at one instant, pauses in which many waits fall due, late coverage, policies over
    /// everything, and a deployment log whose clock is not always in step.
    pub(super) fn random(dice: &mut Dice, length: u64) -> Self {
        let (mut history, mut now, mut deployment) = (Self::default(), 1_000, 0_u64);
        let jobs = dice.pick(&[3, 12, 60]);
        for _ in 0..length {
            now += dice.pick(&[0, 0, 0, 1, 30, 100, 150, 700]);
            if dice.below(6) == 0 {
                for _ in 0..=dice.below(3) {
                    let last = history.deployed.last().map_or(0, |line| line.at);
                    let at = last.max(now + dice.pick(&[-120, -20, 0, 15]));
                    let op = match dice.below(4) {
                        0 => Op::Policy,
                        1 => Op::Tick,
                        _ => Op::Rename(dice.byte(jobs)),
                    };
                    history.deployed.push(Line { at, deployment: 0, op });
                }
            }
            // An entry of another replica may not have seen the newest of them.
            let newest = u64::try_from(history.deployed.len()).unwrap();
            deployment += dice.below(newest - deployment + 1);
            let op = match dice.below(20) {
                0..=9 => Op::Put(dice.byte(jobs), dice.byte(4)),
                10..=15 => Op::Cover(dice.byte(3), now - dice.pick(&[0, 40, 130, 900])),
                16 | 17 => Op::Tick,
                18 => Op::Policy,
                _ => {
                    // Many at one instant: more waits at one threshold than a chunk takes.
                    for number in 0..dice.byte(jobs) {
                        history.own.push(Line { at: now, deployment, op: Op::Put(number, 1) });
                    }
                    Op::Tick
                }
            };
            history.own.push(Line { at: now, deployment, op });
        }
        history
    }
}

/// A revision, without its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Revised {
    pub(super) seq: i64,
    pub(super) pos: i64,
    pub(super) key: Key,
    pub(super) revision: i64,
    pub(super) body: Body,
    /// Of the entry.
    pub(super) kind: i64,
}

/// All results of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dump {
    /// By room and number.
    pub(super) revised: Vec<Revised>,
    /// Clock, threshold, key.
    pub(super) waits: BTreeSet<(String, i64, Key)>,
}

static REVISIONS: Statement = Statement::new(
    "SELECT room, seq, pos, key, revision, content, tombstone, kind FROM result_revision WHERE log_id = $1 ORDER BY room, seq",
);
static WAITS: Statement =
    Statement::new("SELECT room, key, clock, threshold FROM result_wait WHERE log_id = $1 ORDER BY room");

impl Dump {
    pub(super) fn new(mut revised: Vec<Revised>, waits: BTreeSet<(String, i64, Key)>) -> Self {
        revised.sort_by_key(|revised| (revised.key.room, revised.seq));
        Self { revised, waits }
    }

    /// What stands in the tables.
    pub(super) async fn of(store: &Store, log: LogId) -> Self {
        let revised = store
            .fetch(&REVISIONS, Binds::new().and(log.column()), |cells| {
                let room = Room::from_column(cells.int()?).unwrap();
                let (seq, pos) = (cells.int()?, cells.int()?);
                let key = Key { room, bytes: cells.blob()? };
                let revision = cells.int()?;
                let body = match (cells.opt_blob()?, cells.int()?) {
                    (Some(content), 0) => Body::Content(content),
                    (None, 1) => Body::Nothing,
                    (None, 2) => Body::Erased,
                    other => panic!("{other:?}"),
                };
                Ok(Revised { seq, pos, key, revision, body, kind: cells.int()? })
            })
            .await
            .unwrap();
        let waits = store
            .fetch(&WAITS, Binds::new().and(log.column()), |cells| {
                let key = Key { room: Room::from_column(cells.int()?).unwrap(), bytes: cells.blob()? };
                Ok((cells.text()?, cells.int()?, key))
            })
            .await
            .unwrap();
        Self::new(revised, waits.into_iter().collect())
    }

    /// `pos key content` of one room, for tables that people read.
    pub(super) fn lines(&self, room: Room) -> Vec<String> {
        let revised = self.revised.iter().filter(|revised| revised.key.room == room);
        revised
            .map(|revised| {
                let body = match &revised.body {
                    Body::Content(content) => String::from_utf8(content.clone()).unwrap(),
                    Body::Nothing => "nothing".to_owned(),
                    Body::Erased => "erased".to_owned(),
                };
                format!("entry {}, key {}: {body}", revised.pos, revised.key.bytes[0])
            })
            .collect()
    }
}

/// Writes a history.
pub(super) async fn write(toy: &Toy, log: LogId, history: &History) {
    toy.append(LogId::DEPLOYMENT, 0, &history.deployed).await;
    toy.append(log, 0, &history.own).await;
}
