//! `qinlian demo`: a service centre on an embedded SQLite lives through a month and then a morning, over real gRPC; then
//! somebody outside verifies it all, and an altered copy is caught.
//!
//! The clock of the process begins before the month and leaps forward through it: every entry is recorded at the time at
//! which it would have been, and every result is what the server's runner made of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Args;
use serde_json::json;
use tonic::transport::Channel;

use super::client::{Client, connect};
use super::office::{Office, Opening};
use super::{Answer, audit, init, log_of, say, serve};
use crate::clock::{Clock, ShiftedClock, SystemClock, random};
use crate::config;
use crate::kernel::{EpochMs, LogId, Zone};
use crate::ledger::verify::{Folder, Options as VerifyOptions, verify};
use crate::proto::{Receipt, Role};
use cast::{CENTRE, CENTRE_NAME};
use month::Life;
use morning::Morning;
use plan::Month;
use pulled::Puller;

mod cast;
mod client;
mod desk;
mod look;
mod month;
mod morning;
mod plan;
mod pulled;
mod setup;
mod sheet;
mod tamper;
mod tell;
mod windows;

/// `qinlian demo --help`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// The folder to live in, new or empty; a temporary one unless given
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The port
    #[arg(long, default_value_t = 50_051)]
    port: u16,
    /// End after the summary
    #[arg(long)]
    once: bool,
    /// Tell of the morning only, without the month before it
    #[arg(long)]
    morning: bool,
}

/// The window whose terminal may be tried.
const TERMINAL_AT: usize = 19;
/// So many lines of the feed are shown.
const FEED_LINES: i32 = 5;
/// A minute.
const MINUTE_MS: i64 = 60_000;
/// The doors open at 07:50; the morning's story ends at 11:40.
const OPENS_MS: i64 = 7 * 60 * MINUTE_MS + 50 * MINUTE_MS;
const ENDS_MS: i64 = 11 * 60 * MINUTE_MS + 40 * MINUTE_MS;

/// 07:50 of the newest working day whose morning is over: nothing of the story lies in the future.
fn opening_of(zone: &Zone, now: EpochMs) -> EpochMs {
    let mut day = zone.day_of(now);
    loop {
        // 1970-01-01 was a Thursday: 2 and 3 days later the week ends.
        let weekend = matches!(day.column().rem_euclid(7), 2 | 3);
        let start = zone.start_of(day);
        if !weekend && start.plus_ms(ENDS_MS) < now {
            return start.plus_ms(OPENS_MS);
        }
        day = day.plus_days(-1);
    }
}

/// A new place among the system's temporary files.
fn temporary(name: &str) -> PathBuf {
    config::temporary(name, random(&SystemClock::new()))
}

/// The centre is set up at 15:00.
const SET_UP_MINUTES: i32 = 15 * 60;

/// Runs the demonstration.
pub(super) async fn run(options: Options) -> anyhow::Result<Answer> {
    // What is refused on purpose is part of the story, and told in it.
    log_of("error");
    let data = match &options.data {
        Some(data) => data.clone(),
        None => temporary("qinlian-demo"),
    };
    let zone = Zone::parse("")?;
    let opens = opening_of(&zone, SystemClock::new().now());
    let month = Month::before(zone.day_of(opens)).context("there is no month to tell of before 2024-02")?;
    // The afternoon before.
    let eve = zone.at_minutes(month.first.plus_days(-1), SET_UP_MINUTES);
    let begins = if options.morning { opens.plus_ms(-10 * MINUTE_MS) } else { eve };
    let clock = Arc::new(ShiftedClock::begin(begins));
    let opening = Opening { clock: Arc::<ShiftedClock>::clone(&clock), ..Opening::default() };
    let begin = init::Options {
        data: data.clone(),
        centre: CENTRE.to_owned(),
        name: CENTRE_NAME.to_owned(),
        admins: vec!["陈主任".to_owned(), "林科长".to_owned()],
        deployment: "demo.qinlian.example".to_owned(),
        tz: String::new(),
        database: None,
    };
    let begun = init::begin(begin, opening.clone()).await.context("failed to begin the demonstration")?;
    let mut office = begun.office;
    office.config.listen.port = if options.once { 0 } else { options.port };
    let running = serve::start(&office, false).await?;
    let channel = connect(running.port).await?;
    let administrator = begun.administrators.first().context("an administrator")?;

    tell::heading("The centre");
    let mut town = setup::set_up(&office, &channel, administrator, zone.day_of(begins)).await?;
    say(&format!(
        "  {CENTRE_NAME}: {} windows, {} people of {} departments, {} terminals.",
        cast::WINDOWS,
        cast::PEOPLE,
        cast::DEPARTMENTS.len(),
        town.terminals.len()
    ));
    say(&format!("  It is {} in the story. Everything is in", zone.wall(begins)));
    say(&format!("  {}", data.display()));

    let story = Story { office: &office, channel: &channel, zone: &zone, data: &data, month: &month };
    if !options.morning {
        let administrator =
            setup::client(&office, &channel, &format!("person:{administrator}"), None).await?;
        desk::roster(&administrator, &office, &channel, (&month, &town.people)).await?;
        let stored = Life::new(&office, &clock, &channel, (&zone, &month)).pass(&mut town).await?;
        story.month_told(&town, stored).await?;
    }
    month::weeks_until(&office, &clock, opens.plus_ms(-10 * MINUTE_MS)).await?;
    town.morning_comes(&office)?;
    clock.leap_to(opens);
    let morning = Morning { office: &office, clock: &clock, channel: &channel, opens };
    let hall = windows::Hall { office: &office, clock: &clock, channel: &channel, zone: &zone, opens };
    let mut tally = morning.arrivals(&mut town).await?;
    hall.pass(&town).await?;
    morning.ends(&mut town, &mut tally).await?;
    let day = zone.day_of(opens);
    tell::heading(&format!("The morning at the terminals: {day}"));
    tell::tally(&tally);
    let receipt = tally.receipt.context("nobody came")?;
    story.seen_by_others(&town, &receipt).await?;
    let good = story.verified(&receipt, &opening).await?;
    // The story is over: from here on it is now, so that other commands find a deployment of today.
    clock.leap_to(EpochMs::MAX);
    if options.once {
        running.stop().await?;
        office.close().await;
        if options.data.is_none() {
            // Only what the demonstration itself made, in the folder that it chose itself.
            fs::remove_dir_all(&data).with_context(|| format!("failed to remove {}", data.display()))?;
        }
    } else {
        let mut stop = serve::StopSignals::listen()?;
        hall.now(&town).await?;
        story.try_it(running.port).await?;
        stop.told().await;
        running.stop().await?;
        office.close().await;
    }
    Ok(if good { Answer::Yes } else { Answer::No })
}

struct Story<'a> {
    office: &'a Office,
    channel: &'a Channel,
    zone: &'a Zone,
    data: &'a Path,
    month: &'a Month,
}

impl Story<'_> {
    async fn client(&self, subject: &str, role: Role) -> anyhow::Result<Client> {
        setup::client(self.office, self.channel, subject, Some(role)).await
    }

    /// The month: everybody's days, three of them explained, what HR pulls.
    async fn month_told(&self, town: &setup::Town, stored: usize) -> anyhow::Result<()> {
        let log = self.office.log_of(&crate::kernel::CentreId::parse(CENTRE)?).await?;
        let (head, _) = self.office.desk.ledger().reader().head(log).await?;
        let hr = self.client("system:hr", Role::Hr).await?;
        let pull = Puller { hr, channel: self.channel, month: self.month };
        let ready = pull.readiness(head.size.saturating_sub(1)).await?;
        let days = pull.days().await?;
        let title = self.month.title();
        tell::heading(&format!("A month: {title}"));
        say(&format!("  {stored} clock-ins over gRPC, in batches, each signed by its device; leave and"));
        say("  corrections, asked for and signed by people; a morning without current.");
        say("  What everybody's days came to, by the runner of the server:");
        say("");
        for line in sheet::sheet(self.month, &town.people, &days) {
            say(&line);
        }
        tell::heading("Three of these days, and why (GetDay)");
        for (who, nth, why) in plan::EXPLAINED {
            let person = town.people.get(who).context("somebody")?;
            let day = pull.day(person, self.month.date(nth)).await?;
            for line in sheet::explained(self.zone, &cast::name(who), why, &day) {
                say(&line);
            }
        }
        tell::heading("What HR pulls of the month");
        let [_, _, (department, name), ..] = cast::DEPARTMENTS;
        let names = town.people.iter().enumerate().map(|(who, id)| (id.clone(), cast::name(who))).collect();
        let page = pull.feed(department, FEED_LINES).await?;
        say(&format!("  The feed of final days of {name} begins (ListDayResultsSince):"));
        sheet::feed(&page.items()?, &names);
        say("");
        sheet::totals(name, &pull.summaries(department).await?);
        say("");
        say(&format!(
            "  Days of the centre that keep it from being locked: {} (GetMonthReadiness).",
            ready.open_days
        ));
        say("  As a table, or a workbook with the sheet above:");
        say(&format!("    qinlian export days --data DIR --centre {CENTRE} --month {title} \\"));
        say(&format!("        --department {department} -o {department}.csv"));
        Ok(())
    }

    /// HR, the officer, the auditor.
    async fn seen_by_others(&self, town: &setup::Town, receipt: &Receipt) -> anyhow::Result<()> {
        let hr = self.client("system:hr", Role::Hr).await?;
        let officer = self.client("system:desk", Role::AttendanceOfficer).await?;
        let auditor = self.client("system:auditor", Role::Auditor).await?;
        let today = crate::registers::wire::date(self.zone.day_of(self.office.clock.now()));
        let days = look::presence(&hr, self.channel, today).await?;
        let (names, disclosure) = look::names(&hr, self.channel).await?;
        tell::heading("What HR pulls: first in, last out, and how far the time is known");
        let chosen: Vec<(usize, &String)> =
            [0, 1, 2, 3, 4, 5, 6, 22].into_iter().filter_map(|n| Some((n, town.people.get(n)?))).collect();
        tell::presence(self.zone, &days, &names, &chosen);
        say(&format!(
            "  ({} people in all. HR read their names: that read is entry {disclosure}.)",
            days.len()
        ));
        if let Some(fast) = morning::fast(town) {
            say(&format!("  {} says every time 12 minutes late; what counts is measured.", fast.code));
        }
        tell::heading("The terminals");
        tell::devices(self.zone, &look::devices(&officer, self.channel).await?);
        tell::heading("A receipt");
        tell::receipt(receipt);
        let (note, reads) = look::log(&auditor, self.channel).await?;
        let size = note.lines().nth(1).unwrap_or_default();
        tell::heading("The log");
        say(&format!("  {size} entries; {reads} read of personal content on record. Its newest checkpoint:"));
        for line in note.lines().take(3) {
            say(&format!("    {line}"));
        }
        Ok(())
    }

    /// The offline proof, and the altered copy.
    async fn verified(&self, receipt: &Receipt, opening: &Opening) -> anyhow::Result<bool> {
        let bundle = self.data.join("bundle");
        audit::bundle(self.office, CENTRE, &bundle, None).await?;
        let keys = audit::keys_of(&self.office.vkey(CENTRE)?)?;
        let report = verify(&Folder(bundle), &VerifyOptions::new(keys), &audit::meaning());
        tell::heading("Somebody outside checks: no database, no network, no trust in us");
        if let Some(bad) = &report.first_bad {
            say(&format!("  NOT verified: {} {}", bad.field, bad.why));
            return Ok(false);
        }
        say(&format!("  verified {} entries offline", report.entries));

        let log = self.office.log_of(&crate::kernel::CentreId::parse(CENTRE)?).await?;
        let pos = i64::try_from(receipt.entry_index)?;
        let copy = temporary("qinlian-altered");
        let found = tamper::alter_and_check(self.data, &copy, opening.clone(), log.column(), pos).await?;
        fs::remove_dir_all(&copy).with_context(|| format!("failed to remove {}", copy.display()))?;
        tell::heading("Somebody with the database's password moves one clock-in by half an hour");
        say("  (in a copy of the database, by SQL, around the software)");
        for finding in found.iter().filter(|finding| finding.log == log.column()) {
            say(&format!("  found: {}, {}, column {}", finding.table, finding.row, finding.column));
        }
        let named = found
            .iter()
            .any(|finding| finding.table == "attendance_punch" && finding.row.contains(&pos.to_string()));
        if !named {
            bail!("the altered clock-in was not named: {found:?}");
        }
        Ok(true)
    }

    /// Stays up: tokens, and what to try.
    async fn try_it(&self, port: u16) -> anyhow::Result<()> {
        let mut tokens = serde_json::Map::new();
        for (role, subject) in [
            (Role::Hr, "system:hr"),
            (Role::AttendanceOfficer, "system:desk"),
            (Role::Auditor, "system:auditor"),
            (Role::Discipline, "system:discipline"),
            (Role::DutyManager, "system:duty"),
            (Role::Witness, "system:witness"),
            (Role::AuditAdministrator, "system:audit-admin"),
            (Role::Terminal, "device:clock-1"),
        ] {
            let client = self.client(subject, role).await?;
            tokens.insert(role.as_str_name().to_owned(), client.token.into());
        }
        let directory = self.office.desk.directory(LogId::DEPLOYMENT).await?;
        let administrator = directory
            .list(crate::registers::directory::fact::Noun::Person, None)
            .next()
            .map(|held| format!("person:{}", held.record.code()))
            .context("an administrator")?;
        let client = setup::client(self.office, self.channel, &administrator, None).await?;
        tokens.insert(Role::Administrator.as_str_name().to_owned(), client.token.clone().into());
        let code = setup::window_terminal(client, self.office, TERMINAL_AT).await?;
        let path = self.data.join("demo.json");
        fs::write(&path, json!({ "port": port, "http_url": format!("http://127.0.0.1:{port}"), "centre": CENTRE, "tokens": tokens }).to_string())
            .with_context(|| format!("failed to write {}", path.display()))?;
        let (data, path) = (self.data.display(), path.display());
        tell::heading("It stays up: try");
        say(&format!("  port {port}; tokens for every role are in {path}"));
        say(&format!("  the public board: http://127.0.0.1:{port}/board/{CENTRE}"));
        say("");
        say(&format!(
            "  TOKEN=$(python3 -c \"import json;print(json.load(open('{path}'))['tokens']['HR'])\")"
        ));
        say("  grpcurl -plaintext -H \"authorization: Bearer $TOKEN\" \\");
        say(&format!("    -d '{{\"centre\":\"{CENTRE}\",\"limit\":5}}' 127.0.0.1:{port} \\"));
        say("    qinlian.v1.AttendanceService/ListPresenceSince");
        say("");
        say("  The terminal of window 20, in another shell (i clocks in, o opens, p and a digit");
        say("  pauses, r is back; it goes on when this ends, and sends later):");
        say(&format!("    qinlian terminal --data {data}/window-20 --window 20 \\"));
        say(&format!("      --server http://127.0.0.1:{port} --centre {CENTRE} \\"));
        say(&format!("      --enrol {code} --person {}", cast::card(TERMINAL_AT)));
        say("");
        say(&format!("  qinlian export days --data {data} --centre {CENTRE} \\"));
        say(&format!("    --month {} --format xlsx -o month.xlsx", self.month.title()));
        say(&format!("  qinlian audit check --data {data}"));
        say(&format!("  qinlian audit verify {data}/bundle --key {data}/verifier.key"));
        say("");
        say("  Ctrl-C ends it; the folder stays.");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_story_is_of_the_newest_working_morning_that_is_over() {
        let zone = Zone::parse("").unwrap();
        for (now, opens) in [
            ("2026-11-24 12:00:00", "2026-11-24 07:50:00"),
            ("2026-11-24 11:00:00", "2026-11-23 07:50:00"),
            ("2026-11-23 08:00:00", "2026-11-20 07:50:00"),
            ("2026-11-22 20:00:00", "2026-11-20 07:50:00"),
        ] {
            let now = zone.instant_of(now.parse().unwrap()).unwrap();
            assert_eq!(zone.wall(opening_of(&zone, now)), opens);
        }
    }

    #[test]
    fn an_ideograph_is_two_columns_wide() {
        assert_eq!(tell::width("勤廉 ab"), 7);
    }
}
