//! `qinlian terminal`: the terminal at a window, and the example for whoever builds one (docs/terminals.md).
//!
//! What happens is written into the journal ([`journal`]) before it is shown or sent. While the server answers it is told
//! of each thing by the call that is made for it; what was not answered is uploaded later, in the journal's order and under
//! the same ids, and nothing later is told live before that.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};

use super::Answer;
use super::quiet_log;
use super::serve::StopSignals;
use crate::clock::{Clock, SystemClock, random};
use crate::edge::Language;
use crate::kernel::RequestId;

mod words;

mod keys;

mod act;
mod entry;
mod journal;

mod home;
mod link;

mod enrol;
mod stand;
mod sync;

mod screen;

use act::Stamps;
use home::Home;
use keys::{Keyboard, Pressed, Raw};
use link::Link;
use screen::Screen;
use stand::{Next, Terminal};

/// `qinlian terminal --help`.
#[derive(Debug, Args)]
#[command(after_help = SAYS)]
pub(super) struct Options {
    /// This terminal's own folder: its key, its journal
    #[arg(long, value_name = "DIR", default_value = "terminal")]
    data: PathBuf,
    /// The window, by its code or its number; needed at the first start
    #[arg(long, value_name = "N")]
    window: Option<String>,
    /// The server; needed once, http://127.0.0.1:50051 unless it is named
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// The authority behind the server's certificate, a PEM file
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The terminal's own certificate, a PEM file, where the server asks for one
    #[arg(long, value_name = "FILE", requires = "certificate_key")]
    certificate: Option<PathBuf>,
    /// The key of that certificate
    #[arg(long, value_name = "FILE", requires = "certificate")]
    certificate_key: Option<PathBuf>,
    /// The centre; needed at the first start
    #[arg(long, value_name = "CODE")]
    centre: Option<String>,
    /// The device's code in the directory; at the first start window-N unless it is named
    #[arg(long, value_name = "CODE")]
    device: Option<String>,
    /// First start: the code of CreateEnrolmentCode
    #[arg(long, value_name = "CODE")]
    enrol: Option<String>,
    /// Who stands there when nobody shows a card: a card as read, no:NUMBER, qr:CODE, or a person's id
    #[arg(long, value_name = "WHO")]
    person: Option<String>,
    /// The language of the screen
    #[arg(long, value_enum, default_value = "zh")]
    language: Spoken,
    /// How often the terminal reports, in ms; the first retry comes after a thirtieth of it
    #[arg(long, value_name = "MS", default_value = "30000", hide = true, value_parser = clap::value_parser!(u64).range(30..))]
    report_ms: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Spoken {
    Zh,
    En,
}

const SAYS: &str = "Lines on standard input, one command each:
  in [CARD], out [CARD], open [CARD], close
  pause REASON MINUTES [nosign], extend MINUTES, return
  pause! REASON MINUTES because WORDS       whatever the rules say
  anyway because WORDS                      the pause that was refused last
  wait, status, help, quit
On a keyboard single keys: p and a tile 1 to 9 pauses, r is back, o opens, c closes, i and u clock in and out,
e and a tile extends, a leaves anyway, s shows how it stands, q ends.";

/// Runs `terminal`.
pub(super) async fn run(options: Options) -> anyhow::Result<Answer> {
    quiet_log();
    let mut stop = StopSignals::listen()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let language = if options.language == Spoken::Zh { Language::Zh } else { Language::En };
    let mut home = Home::open(&options.data, &*clock).await?;
    enrol::settle(&mut home, &options, &clock, language).await?;
    let place = home.place.clone().context("a terminal without a place")?;
    let link = Link::new(&place, home.key.clone(), Arc::clone(&clock), language)?;
    let stamps = Stamps {
        centre: place.centre.clone(),
        device: place.device.clone(),
        window: place.window.clone(),
        boot_id: RequestId::random(random(&*clock)).to_string(),
        key: home.key.clone(),
    };
    let screen = Screen { language, zone: home.zone()? };
    let person = options.person.as_deref().map(words::presented);
    let mut terminal = Terminal::new(home, link, stamps, clock, screen, person, options.report_ms)?;
    tokio::select! {
        ended = live(&mut terminal) => ended?,
        () = stop.told() => {}
    }
    terminal.goes_down().await;
    Ok(Answer::Yes)
}

/// Does what is said until somebody says that it is over, and keeps up with the server meanwhile.
async fn live(terminal: &mut Terminal) -> anyhow::Result<()> {
    // First of all: a card that is read while it starts is not shown either.
    let raw = Raw::begin();
    terminal.starts().await?;
    let mut said = keys::read(raw.is_some());
    let mut keyboard = Keyboard::default();
    loop {
        let heard = tokio::select! {
            // Whoever stands there comes first: what is cut off in the background is sent again under the same ids.
            biased;
            heard = said.recv() => heard,
            failed = terminal.keeps_up() => return failed.map(|never| match never {}),
        };
        let Some(heard) = heard else { return Ok(()) };
        let lines =
            if raw.is_some() { pressed(&mut keyboard, &heard, terminal.screen()) } else { vec![heard] };
        for line in lines {
            if terminal.obeys(&line).await? == Next::End {
                return Ok(());
            }
        }
    }
}

fn pressed(keyboard: &mut Keyboard, keys: &str, screen: &Screen) -> Vec<String> {
    let mut lines = Vec::new();
    for key in keys.chars() {
        match keyboard.press(key) {
            Pressed::Line(line) => lines.push(line),
            Pressed::Asks(zh, en) => screen.show(zh, en),
            Pressed::Nothing => {}
        }
    }
    lines
}

impl Options {
    /// What has to be named at the first start.
    fn named<'a>(what: &str, given: Option<&'a str>) -> anyhow::Result<&'a str> {
        match given {
            Some(given) => Ok(given),
            None => bail!("{what}: has to be named at the first start"),
        }
    }
}
