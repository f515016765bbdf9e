//! `qinlian config show`: the effective configuration, without secrets.

use clap::Subcommand;

use super::{Answer, Where, say};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Print the effective configuration
    Show(Where),
}

pub(super) fn run(command: &Command) -> anyhow::Result<Answer> {
    match command {
        Command::Show(place) => say(place.load()?.show().trim_end()),
    }
    Ok(Answer::Yes)
}
