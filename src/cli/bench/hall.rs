//! A hall for the figures of windows: service items, windows with a terminal each, whoever holds them clocked in and
//! standing there, and a policy that lets them pause as often as a figure needs.
//!
//! Every item is served by several windows, neighbours by the same ones: whoever pauses finds where to send citizens.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, ensure};

use super::commands::{label, stamp, submit};
use super::town::{CENTRE, Size, Terminal, Town, UPLOADER, card, request_id};
use crate::cli::client::Client;
use crate::cli::import::people;
use crate::cli::office::{Office, Opening, explain};
use crate::clock::random;
use crate::kernel::{CentreId, EpochMs, LogId, PersonId, RequestId, Subject, WindowId, Words, Zone};
use crate::ledger::committer::Lane;
use crate::ledger::port::{Author, PassRef};
use crate::proto::presented::Who as Shown;
use crate::proto::punch::{Direction, Method};
use crate::proto::role_grant::Holder;
use crate::proto::{
    Assignment, Credential, Device, DeviceStamp, DirectoryPersonal, EndPauseRequest, Policy, Presented,
    ReceiptView, Role, RoleGrant, ServiceItem, StartPauseRequest, Window, credential, device, pause, window,
};
use crate::registers::attendance::fact::{Command as Attendance, Punch, Source, Who};
use crate::registers::directory::fact::{Command as Directory, Record, date};
use crate::registers::duty::fact::{Act, Command as Duty, Deed, Start};
use crate::registers::roster::fact::Command as Roster;
use crate::registers::wire::timestamp;
use crate::store::{Binds, Statement};

/// Windows that share an item.
pub(super) const SHARE: usize = 20;
/// A pause that needs nobody's approval.
const PROMISE_MS: i64 = 8 * 60_000;
/// More than anybody pauses; the most that a policy may have.
pub(super) const PAUSES_MOST: usize = 100;

static PAUSES: Statement = Statement::new("SELECT COUNT(*) FROM duty_event WHERE log_id = $1 AND pauses = 1");

/// The hall.
#[derive(Debug)]
pub(super) struct Hall {
    /// The deployment that it is in.
    pub(super) town: Town,
    /// Its windows.
    pub(super) posts: Arc<Vec<Post>>,
    /// The newest number in the journal of the terminal at the door.
    door: AtomicU64,
}

/// A window, its terminal and whoever holds it.
#[derive(Debug)]
pub(super) struct Post {
    window: String,
    device: String,
    holder: PersonId,
    card: String,
    token: String,
    began: EpochMs,
    /// The newest number in the journal of its terminal. Nobody uses a post twice at once.
    seq: AtomicU64,
}

impl Hall {
    /// Begins one, with so many windows.
    pub(super) async fn begin(
        data: &Path,
        database: Option<String>,
        (windows, size): (usize, Size),
        opening: Opening,
    ) -> anyhow::Result<Self> {
        ensure!((2..=size.people).contains(&windows), "--windows: 2 to as many as --people");
        let town = Town::begin(data, database, size, opening.clone()).await?;
        let office = town.open(opening).await?;
        let posts = furnish(&town, &office, windows).await;
        let allowed = allow(&town, &office).await;
        office.close().await;
        allowed?;
        Ok(Self { town, posts: Arc::new(posts?), door: AtomicU64::new(0) })
    }

    /// Everybody clocks in, and opens their window.
    pub(super) async fn at_work(&self, office: &Office) -> anyhow::Result<()> {
        let posts: Vec<&Post> = self.posts.iter().collect();
        self.clock(office, &posts, Direction::In).await?;
        self.act(office, &posts, |_| Act::Open).await
    }

    /// Some clock in or out at the door.
    pub(super) async fn clock(
        &self,
        office: &Office,
        posts: &[&Post],
        direction: Direction,
    ) -> anyhow::Result<()> {
        let punch = |post: &&Post| {
            let seq = self.door.fetch_add(1, Ordering::Relaxed) + 1;
            let punch = Punch {
                source: Source::Live,
                stamp: stamp(UPLOADER, seq, office.clock.now(), self.town.began)?,
                direction,
                method: Method::Card,
                device_label: label("")?,
                presented: post.shown(),
                who: Who::Person(post.holder.clone()),
                witness: None,
                verified_by: None,
            };
            anyhow::Ok(Attendance::punch(punch).into())
        };
        submit(office, self.town.log, posts.iter().map(punch).collect::<Result<_, _>>()?).await
    }

    /// The same deed at some windows.
    pub(super) async fn act(
        &self,
        office: &Office,
        posts: &[&Post],
        act: impl Fn(EpochMs) -> Act,
    ) -> anyhow::Result<()> {
        let now = office.clock.now();
        let commands = posts.iter().map(|post| Ok(Duty::deed(post.deed(now, act(now))?).into()));
        submit(office, self.town.log, commands.collect::<anyhow::Result<_>>()?).await
    }

    /// Its clock terminals, with empty journals.
    pub(super) fn terminals(&self, office: &Office, terminals: usize) -> anyhow::Result<Vec<Terminal>> {
        self.town.terminals(office, terminals)
    }

    /// How many pauses stand.
    pub(super) async fn paused(&self, office: &Office) -> anyhow::Result<u64> {
        let binds = Binds::new().and(self.town.log.column());
        let counted =
            office.desk.store().fetch(&PAUSES, binds, |cells| Ok(cells.int()?.cast_unsigned())).await?;
        counted.first().copied().context("no count")
    }
}

/// A pause as whoever stands at a window begins it.
pub(super) fn pause(now: EpochMs) -> Act {
    Act::Start(Start {
        subject: pause::Subject::Person,
        reason: pause::Reason::Comfort,
        expected: Some(now.plus_ms(PROMISE_MS)),
        sign_displayed: true,
        sign_mode: pause::SignMode::CardSign,
        guidance: Vec::new(),
        leave_anyway: false,
    })
}

impl Post {
    /// The window.
    pub(super) fn window(&self) -> &str {
        &self.window
    }

    /// Who its terminal is to a server.
    pub(super) fn client(&self, channel: &tonic::transport::Channel) -> Client {
        Client { channel: channel.clone(), token: self.token.clone() }
    }

    fn shown(&self) -> Presented {
        let kind = credential::Kind::Card.into();
        let who = Shown::Credential(Credential { kind, value: self.card.clone() });
        Presented { who: Some(who), ..Presented::default() }
    }

    fn next(&self) -> u64 {
        self.seq.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn deed(&self, now: EpochMs, act: Act) -> anyhow::Result<Deed> {
        Ok(Deed {
            source: Source::Live,
            stamp: Some(stamp(&self.device, self.next(), now, self.began)?),
            verified_by: None,
            who: Some(Who::Person(self.holder.clone())),
            presented: Some(self.shown()),
            on_behalf_of: None,
            window: Some(WindowId::parse(&self.window)?),
            act,
            reason: None,
        })
    }

    fn stamped(&self, now: EpochMs) -> DeviceStamp {
        DeviceStamp {
            device: self.device.clone(),
            device_seq: self.next(),
            boot_id: "boot-1".to_owned(),
            mono_ms: now.since(self.began).max(0).unsigned_abs(),
            claimed_at: Some(timestamp(now)),
            signature: Vec::new(),
        }
    }

    /// It pauses; the server finds where citizens are sent.
    pub(super) fn pauses(&self, office: &Office) -> StartPauseRequest {
        let now = office.clock.now();
        StartPauseRequest {
            centre: CENTRE.to_owned(),
            request_id: request_id(now, &random(&*office.clock)),
            stamp: Some(self.stamped(now)),
            presented: Some(self.shown()),
            window: self.window.clone(),
            reason: pause::Reason::Comfort.into(),
            expected_return_at: Some(timestamp(now.plus_ms(PROMISE_MS))),
            sign_displayed: true,
            sign_mode: pause::SignMode::CardSign.into(),
            receipt_view: ReceiptView::Compact.into(),
            ..StartPauseRequest::default()
        }
    }

    /// It is back.
    pub(super) fn returns(&self, office: &Office) -> EndPauseRequest {
        let now = office.clock.now();
        EndPauseRequest {
            centre: CENTRE.to_owned(),
            request_id: request_id(now, &random(&*office.clock)),
            stamp: Some(self.stamped(now)),
            presented: Some(self.shown()),
            window: self.window.clone(),
            receipt_view: ReceiptView::Compact.into(),
            ..EndPauseRequest::default()
        }
    }
}

/// Puts items, windows, their terminals, and who is bound to which.
async fn furnish(town: &Town, office: &Office, windows: usize) -> anyhow::Result<Vec<Post>> {
    let put = |log: LogId, record: Record| {
        let personal = DirectoryPersonal::default();
        (log, RequestId::random(random(&*office.clock)), Directory::Put { record, personal })
    };
    let items = windows.div_ceil(SHARE);
    let item = |number: usize| format!("item-{:03}", number % items);
    let mut records = Vec::new();
    for number in 0..items {
        let (item, name) = (item(number), format!("事项 {number}"));
        let record = ServiceItem { item, name, ..ServiceItem::default() };
        records.push(put(LogId::DEPLOYMENT, Record::ServiceItem(record)));
    }
    people::put(office, records).await?;
    let own = office.desk.directory(town.log).await?;
    let today = Zone::parse("Asia/Shanghai")?.day_of(office.clock.now());
    let issuer = office.issuer()?;
    let (mut records, mut posts) = (Vec::new(), Vec::new());
    for number in 0..windows {
        let (code, device, card) = (format!("w{number:04}"), format!("post-{number:04}"), card(number));
        let of_card = u8::try_from(i32::from(credential::Kind::Card))?;
        let hmac = office.keys.credential_hmac(of_card, &card);
        let holder = own.person_for(i32::from(of_card), &hmac, today).context("nobody has that card")?;
        let holder = PersonId::parse(holder)?;
        let served = [item(number / 2), item(number / 2 + 1)];
        let items = if served[0] == served[1] { served[..1].to_vec() } else { served.to_vec() };
        let subject = Subject::parse(&format!("device:{device}"))?;
        let own = [
            Record::Window(Window {
                window: code.clone(),
                number: (number + 1).to_string(),
                zone: format!("zone-{}", number / SHARE),
                items,
                kind: window::Kind::Specialised.into(),
                retired: false,
            }),
            Record::Device(Device {
                device: device.clone(),
                kind: device::Kind::WindowTerminal.into(),
                window: code.clone(),
                ..Device::default()
            }),
            Record::RoleGrant(RoleGrant {
                holder: Some(Holder::Subject(subject.to_string())),
                role: Role::Terminal.into(),
                ..RoleGrant::default()
            }),
            Record::Assignment(Assignment {
                person_id: holder.to_string(),
                centre: CENTRE.to_owned(),
                from: Some(date(today)),
                windows: vec![code.clone()],
                ..Assignment::default()
            }),
        ];
        records.extend(own.into_iter().map(|record| put(town.log, record)));
        posts.push(Post {
            window: code,
            device,
            holder,
            card,
            token: issuer.token(&subject, town.began, super::town::TTL_S),
            began: town.began,
            seq: AtomicU64::new(0),
        });
    }
    people::put(office, records).await?;
    Ok(posts)
}

/// A policy under which nobody pauses too often, by two people as every policy.
async fn allow(town: &Town, office: &Office) -> anyhow::Result<()> {
    let [first, second] = &town.administrators;
    let today = Zone::parse("Asia/Shanghai")?.day_of(office.clock.now());
    let values =
        [("pause_times_half_day", PAUSES_MOST.to_string()), ("pause_day_minutes", "1440".to_owned())];
    let policy = Policy {
        policy: "bench".to_owned(),
        values: values.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
        effective_from: Some(date(today)),
        ..Policy::default()
    };
    let reason = Words::parse("bench").map_err(|(code, _)| anyhow::anyhow!("{code}"))?;
    let proposal = Roster::ProposePolicy { policy, retroactive: Some(reason) };
    let (deployment, centre) = (office.desk.directory(LogId::DEPLOYMENT).await?, CentreId::deployment());
    let give = |who: &PersonId, command: Roster| {
        let subject = Subject::Person(who.clone());
        let grant = deployment.grants(LogId::DEPLOYMENT, &centre, &subject).into_iter().next();
        let pass = grant.map(|grant| PassRef { log: grant.log, centre: grant.centre, pos: grant.pos });
        let author = Author { principal: subject.to_string(), pass };
        let id = RequestId::random(random(&*office.clock));
        office.desk.submit(town.log, id, author, command.into(), Lane::Live, ReceiptView::Compact)
    };
    let written = give(first, proposal).await.map_err(explain)?;
    give(second, Roster::ApprovePolicy { proposal: written.pos }).await.map_err(explain)?;
    Ok(())
}
