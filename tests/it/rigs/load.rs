//! Terminals that never tire: what they send, and what they write down about it before and after.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use prost::Message;
use qinlian::clock::{Clock, SystemClock};
use qinlian::kernel::RequestId;
use qinlian::proto::directory_service_client::DirectoryServiceClient;
use qinlian::proto::{PutWindowRequest, Receipt, Window, window};
use tonic::transport::Channel;
use tonic::{Request, Status};
use tonic_types::StatusExt;

use super::Dice;
use super::judge::{Journal, Line};
use super::town::{HALL, Town};

/// One command, as it is sent every time.
#[derive(Debug, Clone)]
pub(crate) enum Command {
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
    dice: Dice,
    commands: Mutex<BTreeMap<RequestId, Command>>,
    journal: Mutex<Journal>,
    /// What happens, counted.
    happened: AtomicUsize,
    /// Calls that wait for an answer.
    in_flight: AtomicUsize,
    /// Receipts so far.
    acknowledged: AtomicUsize,
}

impl Load {
    /// The terminals of a town, that have sent nothing.
    pub(crate) fn new(town: &Town, seed: u64) -> Self {
        Self {
            administrator: town.token(&town.administrator),
            dice: Dice::new(seed),
            commands: Mutex::default(),
            journal: Mutex::default(),
            happened: AtomicUsize::new(0),
            in_flight: AtomicUsize::new(0),
            acknowledged: AtomicUsize::new(0),
        }
    }

    /// Something that happens, written down before it is sent.
    pub(crate) fn happen(&self) -> RequestId {
        let id = RequestId::random(self.dice.bytes());
        let command = self.window(id);
        self.commands.lock().unwrap().insert(id, command);
        id
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
        self.in_flight.fetch_add(1, Ordering::SeqCst);
        let answered = self.call(channel.clone(), command).await;
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
        let answer = match answered {
            Ok(receipt) => Answer::Acknowledged(Box::new(receipt)),
            Err(status) => doubt(&status),
        };
        self.write_down(id, &answer);
        answer
    }

    async fn call(&self, channel: Channel, command: Command) -> Result<Receipt, Status> {
        let receipt = match command {
            Command::Window(request) => {
                let request = signed(request, &self.administrator);
                DirectoryServiceClient::new(channel).put_window(request).await?.into_inner().receipt
            }
        };
        receipt.ok_or_else(|| Status::data_loss("an answer without a receipt"))
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

    /// Calls that wait for an answer.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::SeqCst)
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
