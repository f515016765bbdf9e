//! Terminals that never tire: what they send, and what they write down about it before and after.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use prost::Message;
use prost_types::Timestamp;
use qinlian::clock::{Clock, SystemClock};
use qinlian::kernel::RequestId;
use qinlian::proto::attendance_service_client::AttendanceServiceClient;
use qinlian::proto::audit_service_client::AuditServiceClient;
use qinlian::proto::directory_service_client::DirectoryServiceClient;
use qinlian::proto::{
    Credential, DeviceStamp, GetReceiptRequest, Outcome, Presented, Punch, PutWindowRequest, Receipt,
    RecordPunchRequest, Window, credential, presented, punch, window,
};
use tonic::transport::Channel;
use tonic::{Request, Status};
use tonic_types::StatusExt;

use super::Dice;
use super::judge::{Journal, Line};
use super::town::{HALL, TERMINALS, Town, badge};

/// One command in this many changes a window.
const WINDOW_ONE_IN: usize = 50;

/// One command, as it is sent every time.
#[derive(Debug, Clone)]
pub(crate) enum Command {
    /// Somebody clocks in or out at the terminal of this number.
    Punch(usize, Box<RecordPunchRequest>),
    /// A window changes: the directory that punches are judged by moves on.
    Window(PutWindowRequest),
}

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    /// It stands.
    Acknowledged(Box<Receipt>),
    /// Nobody knows: the same id again.
    InDoubt(String),
    /// No.
    Refused(String),
}

/// Everything that was sent, by id, with what is known of it.
#[derive(Debug)]
pub(crate) struct Load {
    administrator: String,
    terminals: Vec<String>,
    people: Vec<String>,
    /// The last journal number of each terminal.
    journal_heads: Vec<AtomicU64>,
    dice: Dice,
    commands: Mutex<BTreeMap<RequestId, Command>>,
    journal: Mutex<Journal>,
    /// What happens, counted.
    happened: AtomicUsize,
    /// Receipts so far.
    acknowledged: AtomicUsize,
}

impl Load {
    /// The terminals of a town, that have sent nothing.
    pub(crate) fn new(town: &Town, seed: u64) -> Self {
        Self {
            administrator: town.token(&town.administrator),
            terminals: (0..TERMINALS).map(|n| town.token(&format!("device:t{n}"))).collect(),
            people: town.people.clone(),
            journal_heads: (0..TERMINALS).map(|_| AtomicU64::new(0)).collect(),
            dice: Dice::new(seed),
            commands: Mutex::default(),
            journal: Mutex::default(),
            happened: AtomicUsize::new(0),
            acknowledged: AtomicUsize::new(0),
        }
    }

    /// Something that happens, written down before it is sent: a punch as a rule, sometimes a change of a window.
    pub(crate) fn happen(&self) -> RequestId {
        if self.dice.roll(WINDOW_ONE_IN) > 0 {
            return self.happen_at_a_terminal();
        }
        self.note(|id| self.window(id))
    }

    /// A punch, anywhere.
    pub(crate) fn happen_at_a_terminal(&self) -> RequestId {
        self.happen_at(self.dice.roll(TERMINALS))
    }

    /// A punch at one terminal.
    pub(crate) fn happen_at(&self, terminal: usize) -> RequestId {
        self.note(|id| self.punch(id, terminal))
    }

    /// What a terminal puts into an upload.
    pub(crate) fn punch_of(&self, id: RequestId) -> Punch {
        let commands = self.commands.lock().unwrap();
        let Some(Command::Punch(_, request)) = commands.get(&id) else { panic!("{id} is no punch") };
        request.punch.clone().expect("a punch")
    }

    fn note(&self, command: impl Fn(RequestId) -> Command) -> RequestId {
        let id = RequestId::random(self.dice.bytes());
        self.commands.lock().unwrap().insert(id, command(id));
        id
    }

    fn punch(&self, id: RequestId, terminal: usize) -> Command {
        let device_seq = self.journal_heads[terminal].fetch_add(1, Ordering::SeqCst) + 1;
        let person = self.dice.roll(self.people.len());
        // Whoever has a badge shows it now and then; the terminal knows everybody.
        let who = if person.is_multiple_of(2) && self.dice.roll(2) == 0 {
            presented::Who::Credential(Credential {
                kind: credential::Kind::Card.into(),
                value: badge(person),
            })
        } else {
            presented::Who::PersonId(self.people[person].clone())
        };
        let direction = [punch::Direction::In, punch::Direction::Out][self.dice.roll(2)];
        let punch =
            Punch { direction: direction.into(), ..punch(id, format!("t{terminal}"), device_seq, who) };
        let request = RecordPunchRequest {
            centre: HALL.to_owned(),
            punch: Some(punch),
            ..RecordPunchRequest::default()
        };
        Command::Punch(terminal, Box::new(request))
    }

    fn window(&self, id: RequestId) -> Command {
        let n = self.dice.roll(20);
        let window = Window {
            window: format!("w{n}"),
            number: self.dice.roll(100).to_string(),
            kind: window::Kind::General.into(),
            ..Window::default()
        };
        Command::Window(PutWindowRequest {
            centre: HALL.to_owned(),
            request_id: id.to_string(),
            window: Some(window),
            ..PutWindowRequest::default()
        })
    }

    /// Sends a command, and writes down what comes back.
    pub(crate) async fn send(&self, channel: &Channel, id: RequestId) -> Answer {
        let command = self.commands.lock().unwrap().get(&id).expect("it happened").clone();
        let now = self.happened.fetch_add(1, Ordering::SeqCst);
        {
            let mut journal = self.journal.lock().unwrap();
            let line = journal.entry(id).or_insert_with(|| Line { sent: now, ..Line::default() });
            line.sends += 1;
        }
        let answer = match self.call(channel.clone(), command).await {
            Ok(receipt) => Answer::Acknowledged(Box::new(receipt)),
            Err(status) => doubt(&status),
        };
        self.write_down(id, &answer);
        answer
    }

    async fn call(&self, channel: Channel, command: Command) -> Result<Receipt, Status> {
        let receipt = match command {
            Command::Punch(terminal, request) => {
                let request = signed(*request, &self.terminals[terminal]);
                let answer = AttendanceServiceClient::new(channel).record_punch(request).await?.into_inner();
                if ![Outcome::Accepted, Outcome::Duplicate].contains(&answer.outcome()) {
                    return Err(Status::data_loss(format!("{:?} {:?}", answer.outcome(), answer.flags)));
                }
                answer.receipt
            }
            Command::Window(request) => {
                let request = signed(request, &self.administrator);
                DirectoryServiceClient::new(channel).put_window(request).await?.into_inner().receipt
            }
        };
        receipt.ok_or_else(|| Status::data_loss("an answer without a receipt"))
    }

    /// Asks for the receipt of what was acknowledged, instead of sending it again; written down as another answer.
    pub(crate) async fn look_up(&self, channel: &Channel, id: RequestId) -> Answer {
        let token = match self.commands.lock().unwrap().get(&id).expect("it happened") {
            Command::Punch(terminal, _) => &self.terminals[*terminal],
            Command::Window(_) => &self.administrator,
        };
        let request = GetReceiptRequest { centre: HALL.to_owned(), request_id: id.to_string() };
        let answered = AuditServiceClient::new(channel.clone()).get_receipt(signed(request, token)).await;
        let answer = match answered.map(|answer| answer.into_inner().receipt) {
            Ok(Some(receipt)) => Answer::Acknowledged(Box::new(receipt)),
            Ok(None) => Answer::Refused("an answer without a receipt".to_owned()),
            Err(status) => doubt(&status),
        };
        self.write_down(id, &answer);
        answer
    }

    fn write_down(&self, id: RequestId, answer: &Answer) {
        let mut journal = self.journal.lock().unwrap();
        let line = journal.get_mut(&id).expect("it was sent");
        match answer {
            Answer::Acknowledged(receipt) => {
                let now = self.happened.fetch_add(1, Ordering::SeqCst);
                line.answered.get_or_insert(now);
                self.acknowledged.fetch_add(1, Ordering::SeqCst);
                let bytes = receipt.encode_to_vec();
                if !line.receipts.contains(&bytes) {
                    line.receipts.push(bytes);
                }
            }
            Answer::InDoubt(_) => {}
            Answer::Refused(why) => line.refusals.push(why.clone()),
        }
    }

    /// Sends what happens, one after the other, until an answer fails to come.
    pub(crate) async fn until_cut_off(&self, channel: &Channel) {
        while let Answer::Acknowledged(_) | Answer::Refused(_) = self.send(channel, self.happen()).await {}
    }

    /// Receipts so far.
    pub(crate) fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::SeqCst)
    }

    /// The journal as it stands.
    pub(crate) fn journal(&self) -> Journal {
        self.journal.lock().unwrap().clone()
    }

    /// What was sent and never answered.
    pub(crate) fn in_doubt(&self) -> Vec<RequestId> {
        self.ids(|line| line.receipts.is_empty())
    }

    /// What was acknowledged.
    pub(crate) fn known(&self) -> Vec<RequestId> {
        self.ids(|line| !line.receipts.is_empty())
    }

    fn ids(&self, wanted: impl Fn(&Line) -> bool) -> Vec<RequestId> {
        let journal = self.journal.lock().unwrap();
        journal.iter().filter(|(_, line)| wanted(line)).map(|(id, _)| *id).collect()
    }

    /// The entries of punches, in order.
    pub(crate) fn punch_entries(&self) -> Vec<u64> {
        let (commands, journal) = (self.commands.lock().unwrap(), self.journal.lock().unwrap());
        let punches = commands.iter().filter(|(_, command)| matches!(command, Command::Punch(..)));
        let receipts = punches.filter_map(|(id, _)| journal.get(id)?.receipts.first());
        let mut entries: Vec<u64> = receipts
            .map(|receipt| Receipt::decode(receipt.as_slice()).expect("a receipt").entry_index)
            .collect();
        entries.sort_unstable();
        entries
    }

    /// Chances.
    pub(crate) fn dice(&self) -> &Dice {
        &self.dice
    }

    /// For whoever has to find out what went wrong.
    pub(crate) fn save(&self, path: &Path) {
        let mut text = String::new();
        for (id, line) in &*self.journal.lock().unwrap() {
            writeln!(
                text,
                "{id} sent {}× first at {} answered at {:?} receipts {} refusals {:?}",
                line.sends,
                line.sent,
                line.answered,
                line.receipts.len(),
                line.refusals
            )
            .expect("a text takes text");
        }
        std::fs::write(path, text).expect("the journal is kept");
    }
}

/// Somebody came in just now.
pub(crate) fn punch(id: RequestId, device: String, device_seq: u64, who: presented::Who) -> Punch {
    let now_ms = now_ms();
    let stamp = DeviceStamp {
        device,
        device_seq,
        boot_id: "first".to_owned(),
        mono_ms: now_ms.cast_unsigned(),
        claimed_at: Some(Timestamp { seconds: now_ms / 1000, nanos: 0 }),
        ..DeviceStamp::default()
    };
    Punch {
        request_id: id.to_string(),
        stamp: Some(stamp),
        direction: punch::Direction::In.into(),
        method: punch::Method::Card.into(),
        presented: Some(Presented { who: Some(who), ..Presented::default() }),
        device_label: String::new(),
    }
}

/// A request with a token.
pub(crate) fn signed<T>(message: T, token: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", token.parse().expect("a token is ASCII"));
    request
}

/// The server's own word for an error; empty when the transport speaks.
pub(crate) fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

/// What the server does not say itself is a doubt, and so is what it says of being too busy or going away.
fn doubt(status: &Status) -> Answer {
    let reason = reason(status);
    let said = format!("{:?} {reason} {}", status.code(), status.message());
    match status.code() {
        tonic::Code::Unavailable | tonic::Code::Aborted | tonic::Code::ResourceExhausted => {
            Answer::InDoubt(said)
        }
        _ if reason.is_empty() && status.code() != tonic::Code::DataLoss => Answer::InDoubt(said),
        _ => Answer::Refused(said),
    }
}

/// Now, as a terminal's clock shows it.
pub(crate) fn now_ms() -> i64 {
    SystemClock::new().now().get()
}
