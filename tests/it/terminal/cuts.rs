//! The network goes, and the current with it, at every message of a day: what the terminal showed as recorded stands in the
//! log once, in the terminal's order, and the window is as it was left.
//!
//! The network goes before a request reaches the server, or between the server's answer and whoever waits for it; then the
//! terminal is killed with SIGKILL while it waits, or goes on alone. SIGKILL leaves what was written to the system: that
//! the journal also survives the machine is SQLite's `synchronous = FULL`.

use std::fs;
use std::path::{Path, PathBuf};

use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use qinlian::proto::window::Kind;
use sqlx::SqlitePool;

use super::judge::{given_twice, judge, state_after};
use super::place::{Place, Post};
use super::process::Terminal;
use super::proxy::{Cut, Proxy};
use crate::rigs::Dice;
use crate::support::{say_aloud, scale};

/// Days at once.
const AT_ONCE: usize = 4;
/// Lines that are lived through without a network.
const OUTAGE: usize = 2;
/// More messages than a day has: a day that never ends is a fault.
const MESSAGES_MOST: usize = 60;
/// The current goes at a line of its own: messages of a start, and of an end, are cut too.
const OFF_AND_ON: &str = "off and on";
/// What is said when something is on record already, though it was not shown.
const KNOWN: [&str; 5] = ["ALREADY_OPEN", "ALREADY_PAUSED", "NO_OPEN_PAUSE", "NOT_LATER", "NOT_OPEN"];

/// A day with everything that a terminal does.
fn day() -> Vec<String> {
    let lines = ["in", "open", "pause comfort 5", OFF_AND_ON, "extend 8", "return", "pause meeting 4"];
    lines.map(str::to_owned).to_vec()
}

/// Another day: nothing in it that the rules refuse when all goes well.
fn random_day(dice: &Dice) -> Vec<String> {
    let mut lines = vec!["in".to_owned(), "open".to_owned()];
    let (mut state, mut pauses, mut extended) = ("open", 0, false);
    while lines.len() < 8 {
        let choices: &[&str] = match state {
            "open" if pauses < 3 => &["pause", "pause", "close", OFF_AND_ON],
            "open" => &["close", OFF_AND_ON],
            "paused" if !extended => &["return", "return", "extend 8", "close", OFF_AND_ON],
            "paused" => &["return", OFF_AND_ON],
            _ => &["open", "in", OFF_AND_ON],
        };
        let choice = choices[dice.roll(choices.len())];
        if lines.last().is_some_and(|last| last == choice) {
            continue;
        }
        match choice {
            "pause" => {
                (state, pauses, extended) = ("paused", pauses + 1, false);
                lines.push(format!("pause comfort {}", 3 + dice.roll(4)));
                continue;
            }
            "return" | "open" => state = "open",
            "close" => state = "closed",
            "extend 8" => extended = true,
            _ => {}
        }
        lines.push(choice.to_owned());
    }
    lines
}

/// What goes wrong in a run.
#[derive(Debug, Clone, Copy)]
struct Wrong {
    at: usize,
    cut: Cut,
    kill: bool,
}

/// What a careless terminal is like: done to its folder while it is dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Careless {
    /// It is not.
    No,
    /// It shows, and writes down afterwards: the last line is not in its journal.
    ShowsFirst,
    /// It forgets what was not acknowledged.
    Forgets,
}

/// What is done at once, with a cut or without.
enum What<'a> {
    Say(&'a str),
    OffAndOn,
    /// Everything is sent, and it is switched off.
    End,
}

/// A day that is lived through while something goes wrong.
struct Run<'a> {
    place: &'a Place,
    post: Post,
    terminal: Terminal,
    proxy: Proxy,
    wrong: Wrong,
    careless: Careless,
}

/// What came of a run.
#[derive(Debug)]
struct Lived {
    /// Did the network go?
    went: bool,
    findings: Vec<String>,
}

async fn live(place: &Place, lines: &[String], wrong: Wrong, careless: Careless) -> Lived {
    let post = place.post(Kind::Specialised).await;
    let proxy = Proxy::begin(place.server.address()).await;
    let terminal = Terminal::enrol(&post, proxy.address()).await;
    let mut run = Run { place, post, terminal, proxy, wrong, careless };
    run.proxy.arm(wrong.at, wrong.cut);
    // The network comes back after so many lines, or at the end.
    let (mut went, mut outage) = (false, None);
    for line in lines {
        if run.line(line).await {
            (went, outage) = (true, Some(OUTAGE));
        } else if let Some(left) = outage {
            outage = Some(left - 1).filter(|left| *left > 0);
            if outage.is_none() {
                if wrong.kill {
                    run.dies().await;
                }
                run.proxy.set_down(false);
            }
        }
    }
    if outage.is_some() && wrong.kill {
        run.dies().await;
    }
    let (went_at_the_end, findings) = run.ends().await;
    Lived { went: went || went_at_the_end, findings }
}

impl Run<'_> {
    /// Does something, and whatever goes wrong in it goes wrong. The answer, and whether the network went.
    async fn does(&mut self, what: &What<'_>) -> (Option<String>, bool) {
        let mut went = false;
        let (answer, held) = {
            let Self { terminal, proxy, wrong, .. } = self;
            let acts = async {
                match what {
                    What::Say(line) => terminal.say(line).await,
                    What::OffAndOn => {
                        terminal.quit().await;
                        terminal.start().await.then(|| "ready".to_owned())
                    }
                    What::End => {
                        let sent = terminal.say("wait").await;
                        terminal.quit().await;
                        sent
                    }
                }
            };
            tokio::pin!(acts);
            loop {
                tokio::select! {
                    answer = &mut acts => break (answer, None),
                    held = proxy.cut() => {
                        went = true;
                        if wrong.kill {
                            break (None, Some(held));
                        }
                        drop(held);
                        // At the end it only comes and goes: somebody waits for it.
                        proxy.set_down(!matches!(what, What::End));
                    }
                }
            }
        };
        if let Some(held) = held {
            // The terminal dies first, while it waits; then nobody gets the message.
            self.terminal.kill().await;
            drop(held);
        }
        (answer, went)
    }

    /// Lives through a line; did the network go?
    async fn line(&mut self, line: &str) -> bool {
        let said = match line {
            "in" | "open" => format!("{line} {}", self.post.card),
            other => other.to_owned(),
        };
        self.remembers();
        let before = self.terminal.shown().len();
        let what = if line == OFF_AND_ON { What::OffAndOn } else { What::Say(&said) };
        let (answer, went) = self.does(&what).await;
        if answer.is_none() {
            self.is_careless().await;
            self.starts().await;
            // Whoever pressed a key sees at the start whether it counted, and presses it again if it did not.
            if line != OFF_AND_ON && self.terminal.shown().len() == before {
                let answer = self.terminal.say(&said).await.expect("it runs");
                let known = KNOWN.iter().any(|known| answer.contains(known));
                assert!(answer.starts_with('#') || known, "{said}: {answer}");
            }
        }
        went
    }

    /// The current goes and comes back while nobody does anything.
    async fn dies(&mut self) {
        self.terminal.kill().await;
        self.is_careless().await;
        self.starts().await;
    }

    async fn starts(&mut self) {
        assert!(self.terminal.start().await, "it starts again: {:?}", self.terminal.heard());
    }

    /// Where a careless terminal's journal is kept as it was before the last line.
    fn before(&self) -> PathBuf {
        self.terminal.folder().with_extension("before")
    }

    /// Remembers the journal as it is.
    fn remembers(&self) {
        if self.careless == Careless::ShowsFirst {
            copy(self.terminal.folder(), &self.before());
        }
    }

    /// What a careless terminal's folder is like after the current went.
    async fn is_careless(&self) {
        match self.careless {
            Careless::No => {}
            Careless::ShowsFirst => copy(&self.before(), self.terminal.folder()),
            Careless::Forgets => {
                let file = format!("sqlite://{}/journal.db", self.terminal.folder().display());
                let journal = SqlitePool::connect(&file).await.expect("a journal");
                sqlx::query("DELETE FROM entry WHERE state = 0").execute(&journal).await.expect("forgotten");
                journal.close().await;
            }
        }
    }

    /// The network is back for good, everything is sent, and the judge looks. Did it go once more?
    async fn ends(mut self) -> (bool, Vec<String>) {
        self.proxy.set_down(false);
        let (mut sent, went) = self.does(&What::End).await;
        if went && self.wrong.kill {
            self.proxy.set_down(false);
            self.is_careless().await;
            self.starts().await;
            sent = self.does(&What::End).await.0;
        }
        let written = self.place.written(&self.post.device).await;
        let mut findings = judge(&self.terminal.shown(), &written);
        if sent.as_deref() != Some("all sent") {
            findings.push(format!("not all was sent: {sent:?}"));
        }
        let heard = self.terminal.heard();
        findings.extend(given_twice(heard));
        let odd = heard.iter().filter(|line| line.contains("REJECTED") || line.contains("CONFLICT"));
        findings.extend(odd.cloned());
        let (is, wanted) = (self.place.state(&self.post.window).await, state_after(&written));
        if is != wanted {
            findings.push(format!("the window is {is:?}, not {wanted:?}"));
        }
        if !findings.is_empty() {
            findings.push(format!("{:?}: {heard:#?}\n{written:?}", self.wrong));
        }
        (went, findings)
    }
}

/// A journal as it is on the disk.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for name in ["journal.db", "journal.db-wal"] {
        if from.join(name).exists() {
            fs::copy(from.join(name), to.join(name)).expect("copied");
        } else {
            let _was_none = fs::remove_file(to.join(name));
        }
    }
}

/// Every way in which it goes wrong at a message.
fn ways(at: usize) -> [Wrong; 4] {
    let way = |cut, kill| Wrong { at, cut, kill };
    [way(Cut::Before, false), way(Cut::Before, true), way(Cut::After, false), way(Cut::After, true)]
}

/// A day, with everything wrong at every message of it; what was found, and how many runs there were.
async fn every_message(place: &Place, lines: &[String], careless: Careless) -> (usize, Vec<String>) {
    let (mut runs, mut findings) = (0, Vec::new());
    for at in 1..=MESSAGES_MOST {
        let lived = join_all(ways(at).map(|wrong| live(place, lines, wrong, careless))).await;
        let went = lived.iter().filter(|lived| lived.went).count();
        runs += went;
        findings.extend(lived.into_iter().flat_map(|lived| lived.findings));
        if went == 0 {
            return (runs, findings);
        }
    }
    panic!("a day of more than {MESSAGES_MOST} messages");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_goes_and_a_terminal_that_is_killed_at_every_message_of_a_day_lose_and_double_nothing()
{
    let (place, mut other) = Place::begin().await;
    let (runs, findings) = every_message(&place, &day(), Careless::No).await;
    assert!(findings.is_empty(), "{}", findings.join("\n"));
    // 7 calls of the day, 4 of the start in it, and 2 ends: a rig that misses some of them shows nothing.
    assert!(runs >= 4 * 12, "only {runs} runs had something go wrong");
    say_aloud(&format!("{runs} messages of a day were cut, and the terminal killed at half of them"));
    other.quit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_at_every_message_of_random_days() {
    let (place, mut other) = Place::begin().await;
    let dice = Dice::new(41);
    let days: Vec<Vec<String>> = (0..scale(5, 100)).map(|_| random_day(&dice)).collect();
    let (place_of, dice) = (&place, &dice);
    let lived = stream::iter(&days).map(async |lines| {
        let (mut runs, mut findings) = (0, Vec::new());
        for at in 1..=MESSAGES_MOST {
            let wrong = ways(at)[dice.roll(4)];
            let lived = live(place_of, lines, wrong, Careless::No).await;
            if !lived.findings.is_empty() {
                findings.push(format!("{lines:?}: {}", lived.findings.join("\n")));
            }
            if !lived.went {
                return (runs, findings);
            }
            runs += 1;
        }
        panic!("a day of more than {MESSAGES_MOST} messages: {lines:?}");
    });
    let lived: Vec<(usize, Vec<String>)> = lived.buffer_unordered(AT_ONCE).collect().await;
    let findings: Vec<String> = lived.iter().flat_map(|(_, findings)| findings.clone()).collect();
    assert!(findings.is_empty(), "{}", findings.join("\n"));
    let runs: usize = lived.iter().map(|(runs, _)| runs).sum();
    assert!(runs >= days.len() * 8, "only {runs} runs of {} days had something go wrong", days.len());
    say_aloud(&format!("{runs} messages of {} random days were cut", days.len()));
    other.quit().await;
}

/// The negative control: the same rig over terminals that are careless with their journal.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_that_shows_before_it_writes_or_forgets_what_was_not_acknowledged_is_caught() {
    let (place, mut other) = Place::begin().await;
    // The first call of the day: it never comes to the server, and two more lines are lived through alone.
    let wrong = Wrong { at: 1, cut: Cut::Before, kill: true };
    for (careless, is_caught) in
        [(Careless::No, false), (Careless::ShowsFirst, true), (Careless::Forgets, true)]
    {
        let lived = live(&place, &day(), wrong, careless).await;
        assert!(lived.went);
        let found = |what: &str| lived.findings.iter().any(|finding| finding.contains(what));
        let caught = ["is lost", "stands there as", "is given twice"].into_iter().any(found);
        assert_eq!(caught, is_caught, "{careless:?}: {:#?}", lived.findings);
    }
    other.quit().await;
}
