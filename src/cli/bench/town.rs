//! Where the load is put: a deployment with a centre, people with cards, and a terminal for every caller.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::{Contender, baseline};
use crate::cli::client::Client;
use crate::cli::import::people as people_of;
use crate::cli::init;
use crate::cli::office::{Office, Opening};
use crate::clock::random;
use crate::config::Config;
use crate::kernel::{CentreId, Check, EpochMs, LogId, PersonId, RequestId, Subject, Zone};
use crate::ledger::port::Submission;
use crate::proto::presented::Who;
use crate::proto::punch::{Direction, Method};
use crate::proto::role_grant::Holder;
use crate::proto::{
    Credential, Device, DeviceStamp, DirectoryPersonal, Presented, Punch, ReceiptView, RecordPunchRequest,
    Role, RoleGrant, UploadPunchesRequest, credential, device,
};
use crate::registers::attendance::fact::{Command as Attendance, Source};
use crate::registers::attendance::parse;
use crate::registers::directory::fact::{Command, Record};
use crate::registers::rulebook::{self, local_administrator};
use crate::registers::wire::timestamp;

/// The centre.
pub(super) const CENTRE: &str = "hall";
/// As many as a large centre has.
pub(super) const PEOPLE: usize = 2_000;
/// One more terminal, whose journal comes late.
pub(super) const UPLOADER: &str = "uploader";
/// Who reads the feeds.
pub(super) const HR: &str = "system:bench-hr";
/// Who takes bundles away.
pub(super) const AUDITOR: &str = "system:bench-auditor";
/// A token is good for the whole run.
pub(super) const TTL_S: u32 = 24 * 60 * 60;

/// A deployment under load. It is opened anew for every round, with what that round needs.
#[derive(Debug)]
pub(super) struct Town {
    /// Its folder.
    data: PathBuf,
    config: Config,
    /// The centre's log.
    pub(super) log: LogId,
    /// Since when there is something to tell.
    pub(super) began: EpochMs,
    /// Both are needed for what needs two people.
    pub(super) administrators: [PersonId; 2],
    people: usize,
}

/// How large a deployment is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    /// Who has a card.
    pub(super) people: usize,
    /// Clock terminals that call.
    pub(super) terminals: usize,
}

/// A terminal and its caller.
#[derive(Debug, Clone)]
pub(super) struct Terminal {
    code: String,
    token: String,
    seq: u64,
    began: EpochMs,
    /// Who clocks in there.
    people: usize,
}

impl Town {
    /// Begins one with so many terminals.
    pub(super) async fn begin(
        data: &Path,
        database: Option<String>,
        size: Size,
        opening: Opening,
    ) -> anyhow::Result<Self> {
        let begun = init::begin(options(data, database), opening).await?;
        let (office, administrators) = (begun.office, begun.administrators);
        let mut config = office.config.clone();
        config.listen.port = 0;
        // What is measured is the server, not how often it lets one caller in.
        (config.limits.calls_per_second, config.limits.calls_burst) = (NonZeroU32::MAX, NonZeroU32::MAX);
        (config.limits.public_calls_per_second, config.limits.public_calls_burst) =
            (NonZeroU32::MAX, NonZeroU32::MAX);
        config.limits.connections_per_address = config.limits.connections;
        let log = office.log_of(&CentreId::parse(CENTRE)?).await?;
        let began = office.clock.now();
        let Size { people, terminals } = size;
        let cards: BTreeSet<String> = (0..people).map(card).collect();
        let first_day = Zone::parse("Asia/Shanghai")?.day_of(began);
        people_of::create(&office, log, CENTRE, "bench", &cards, first_day).await?;
        let clock = |device: String| {
            Record::Device(Device { device, kind: device::Kind::ClockTerminal.into(), ..Device::default() })
        };
        let mut records = vec![clock(UPLOADER.to_owned())];
        for (subject, role) in [(HR, Role::Hr), (AUDITOR, Role::Auditor)] {
            records.push(Record::RoleGrant(RoleGrant {
                holder: Some(Holder::Subject(subject.to_owned())),
                role: role.into(),
                ..RoleGrant::default()
            }));
        }
        for number in 0..terminals {
            records.push(clock(code(number)));
            records.push(Record::RoleGrant(RoleGrant {
                holder: Some(Holder::Subject(format!("device:{}", code(number)))),
                role: Role::Terminal.into(),
                ..RoleGrant::default()
            }));
        }
        let commands = records
            .into_iter()
            .map(|record| {
                let personal = DirectoryPersonal::default();
                (log, RequestId::random(random(&*office.clock)), Command::Put { record, personal })
            })
            .collect();
        people_of::put(&office, commands).await?;
        office.close().await;
        Ok(Self { data: data.to_owned(), config, log, began, administrators, people })
    }

    /// Opens it.
    pub(super) async fn open(&self, opening: Opening) -> anyhow::Result<Office> {
        Office::open(self.config.clone(), opening)
            .await
            .with_context(|| format!("failed to open {}", self.data.display()))
    }

    /// How many clock-ins stand.
    pub(super) async fn stored(&self, office: &Office, contender: Contender) -> anyhow::Result<u64> {
        let log = if contender == Contender::Baseline { baseline::LOG } else { self.log };
        Ok(baseline::count(office.desk.store(), log).await?)
    }

    /// The token of somebody who reads.
    pub(super) fn reader(&self, office: &Office, subject: &str) -> anyhow::Result<String> {
        Ok(office.issuer()?.token(&Subject::parse(subject)?, self.began, TTL_S))
    }

    /// Its terminals, with empty journals.
    pub(super) fn terminals(&self, office: &Office, terminals: usize) -> anyhow::Result<Vec<Terminal>> {
        let issuer = office.issuer()?;
        (0..terminals)
            .map(|number| {
                let subject = Subject::parse(&format!("device:{}", code(number)))?;
                let token = issuer.token(&subject, self.began, TTL_S);
                Ok(Terminal { code: code(number), token, seq: 0, began: self.began, people: self.people })
            })
            .collect()
    }
}

impl Town {
    /// A clock-in from the journal of a terminal that uploads.
    pub(super) fn uploaded(
        &self,
        office: &Office,
        seq: u64,
    ) -> anyhow::Result<Submission<rulebook::Command>> {
        let (code, token, people) = (UPLOADER.to_owned(), String::new(), self.people);
        let mut terminal = Terminal { code, token, seq: seq - 1, began: self.began, people };
        let request = terminal.punch(office);
        let mut check = Check::new();
        let outer = Some(request.request_id.as_str());
        let parsed = parse::punch(&mut check, &office.keys, "punch", Source::Upload, outer, request.punch);
        let (request_id, punch) = parsed.context("a clock-in is not valid")?;
        let author = local_administrator();
        Ok(Submission { log: self.log, request_id, author, command: Attendance::punch(punch).into() })
    }
}

/// How every deployment of a bench begins.
pub(super) fn options(data: &Path, database: Option<String>) -> init::Options {
    init::Options {
        data: data.to_owned(),
        centre: CENTRE.to_owned(),
        name: "Bench".to_owned(),
        admins: Vec::new(),
        deployment: "bench.qinlian.example".to_owned(),
        tz: "Asia/Shanghai".to_owned(),
        database,
    }
}

/// A terminal.
pub(super) fn code(number: usize) -> String {
    format!("clock-{number:03}")
}

/// Version 7, as terminals are told to make them: ids that grow are cheaper to index.
pub(super) fn request_id(now: EpochMs, chance: &[u8; 10]) -> String {
    let ms = now.get().max(0).unsigned_abs();
    uuid::Builder::from_unix_timestamp_millis(ms, chance).into_uuid().to_string()
}

/// The card of somebody.
pub(super) fn card(number: usize) -> String {
    format!("{:08}", 10_000_000 + number)
}

impl Terminal {
    /// Who it is to a server.
    pub(super) fn client(&self, channel: &tonic::transport::Channel) -> Client {
        Client { channel: channel.clone(), token: self.token.clone() }
    }

    /// Its next clock-ins, as it would send them after an outage.
    pub(super) fn upload(&mut self, office: &Office, punches: usize) -> UploadPunchesRequest {
        let punches = (0..punches)
            .filter_map(|_| {
                let request = self.punch(office);
                request.punch.map(|punch| Punch { request_id: request.request_id, ..punch })
            })
            .collect();
        UploadPunchesRequest {
            centre: CENTRE.to_owned(),
            request_id: RequestId::random(random(&*office.clock)).to_string(),
            device: self.code.clone(),
            punches,
        }
    }

    /// Its next clock-in, of somebody.
    pub(super) fn punch(&mut self, office: &Office) -> RecordPunchRequest {
        let somebody = usize::from(u16::from_le_bytes(random(&*office.clock))) % self.people;
        self.punch_of(office, somebody)
    }

    /// Its next clock-in, of the person with the card of this number.
    pub(super) fn punch_of(&mut self, office: &Office, somebody: usize) -> RecordPunchRequest {
        self.seq += 1;
        let chance: [u8; 10] = random(&*office.clock);
        let now = office.clock.now();
        RecordPunchRequest {
            centre: CENTRE.to_owned(),
            request_id: request_id(now, &chance),
            punch: Some(Punch {
                stamp: Some(DeviceStamp {
                    device: self.code.clone(),
                    device_seq: self.seq,
                    boot_id: "boot-1".to_owned(),
                    mono_ms: now.since(self.began).max(0).unsigned_abs(),
                    claimed_at: Some(timestamp(now)),
                    signature: Vec::new(),
                }),
                direction: Direction::In.into(),
                method: Method::Card.into(),
                presented: Some(Presented {
                    who: Some(Who::Credential(Credential {
                        kind: credential::Kind::Card.into(),
                        value: card(somebody),
                    })),
                    ..Presented::default()
                }),
                ..Punch::default()
            }),
            receipt_view: ReceiptView::Compact.into(),
        }
    }
}
