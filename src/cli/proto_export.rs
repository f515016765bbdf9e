//! `qinlian proto export DIR`: the .proto files, for callers who generate their own clients.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use clap::Subcommand;

use super::{Answer, say};

/// As they were compiled in.
const FILES: [(&str, &str); 11] = [
    ("access.proto", include_str!("../../proto/qinlian/v1/access.proto")),
    ("approvals.proto", include_str!("../../proto/qinlian/v1/approvals.proto")),
    ("attendance.proto", include_str!("../../proto/qinlian/v1/attendance.proto")),
    ("audit.proto", include_str!("../../proto/qinlian/v1/audit.proto")),
    ("common.proto", include_str!("../../proto/qinlian/v1/common.proto")),
    ("days.proto", include_str!("../../proto/qinlian/v1/days.proto")),
    ("directory.proto", include_str!("../../proto/qinlian/v1/directory.proto")),
    ("duty.proto", include_str!("../../proto/qinlian/v1/duty.proto")),
    ("facts.proto", include_str!("../../proto/qinlian/v1/facts.proto")),
    ("months.proto", include_str!("../../proto/qinlian/v1/months.proto")),
    ("roster.proto", include_str!("../../proto/qinlian/v1/roster.proto")),
];

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Write the .proto files below a folder
    Export {
        /// The folder
        dir: PathBuf,
    },
}

pub(super) fn run(command: &Command) -> anyhow::Result<Answer> {
    let Command::Export { dir } = command;
    let folder = dir.join("qinlian/v1");
    fs::create_dir_all(&folder).with_context(|| format!("failed to make {}", folder.display()))?;
    for (name, text) in FILES {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| format!("failed to write {}", path.display()))?;
        say(&path.display().to_string());
    }
    Ok(Answer::Yes)
}
