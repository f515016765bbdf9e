//! A town with windows: each terminal gets a window, a person with a card, and a code of its own.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use prost::Message;
use qinlian::proto::audit_service_client::AuditServiceClient;
use qinlian::proto::board_window::State;
use qinlian::proto::directory_service_client::DirectoryServiceClient;
use qinlian::proto::duty_service_client::DutyServiceClient;
use qinlian::proto::fact::Fact as Of;
use qinlian::proto::*;
use tonic::transport::Channel;

use super::judge::Written;
use super::process::Terminal;
use crate::rigs::clients::{bearing, new_id};
use crate::rigs::server::Server;
use crate::rigs::town::{HALL, Town};

/// A town and its server.
pub(super) struct Place {
    pub(super) town: Town,
    pub(super) server: Server,
    channel: Channel,
    made: AtomicUsize,
}

/// What somebody needs to set up a terminal.
#[derive(Debug, Clone)]
pub(super) struct Post {
    pub(super) device: String,
    pub(super) window: String,
    pub(super) card: String,
    pub(super) folder: PathBuf,
    code: String,
}

impl Place {
    /// On SQLite, with a window for everything that is open all the time: the others are never the last one.
    pub(super) async fn begin() -> (Self, Terminal) {
        let town = Town::on_sqlite().await;
        let server = town.serve(0).await;
        let channel = server.connect().await;
        let place = Self { town, server, channel, made: AtomicUsize::new(0) };
        let mut directory = DirectoryServiceClient::new(place.channel.clone());
        let item =
            ServiceItem {
                item: "licence".to_owned(), name: "营业执照".to_owned(), ..ServiceItem::default()
            };
        let request = PutServiceItemRequest {
            centre: "_".to_owned(),
            request_id: new_id(),
            service_item: Some(item),
            ..Default::default()
        };
        directory.put_service_item(place.asks(request)).await.expect("an item");
        let post = place.post(window::Kind::General).await;
        let mut open = Terminal::enrol(&post, place.server.address()).await;
        for line in [format!("in {}", post.card), format!("open {}", post.card)] {
            let said = open.say(&line).await.expect("it runs");
            assert!(said.contains(": stored"), "{said}");
        }
        (place, open)
    }

    fn asks<T>(&self, message: T) -> tonic::Request<T> {
        bearing(&self.town.token(&self.town.administrator), message)
    }

    /// Another window, its person, its device and a code.
    pub(super) async fn post(&self, kind: window::Kind) -> Post {
        let n = self.made.fetch_add(1, Ordering::SeqCst);
        let (code, device, card) = (format!("w{n}"), format!("window-{n}"), format!("0451-{n:04}"));
        let mut directory = DirectoryServiceClient::new(self.channel.clone());
        let centre = || HALL.to_owned();
        let items = if kind == window::Kind::General { vec![] } else { vec!["licence".to_owned()] };
        let window = Window {
            window: code.clone(),
            number: n.to_string(),
            kind: kind.into(),
            items,
            ..Window::default()
        };
        let request = PutWindowRequest {
            centre: centre(),
            request_id: new_id(),
            window: Some(window),
            ..Default::default()
        };
        directory.put_window(self.asks(request)).await.expect("a window");
        let person = Person {
            employment: person::Employment::CivilServant.into(),
            name: format!("张{n}"),
            ..Person::default()
        };
        let request = PutPersonRequest {
            centre: "_".to_owned(),
            request_id: new_id(),
            person: Some(person),
            ..Default::default()
        };
        let put = directory.put_person(self.asks(request)).await.expect("a person").into_inner();
        let person_id = put.person.expect("the person").person_id;
        let from = Some(Date { year: 2026, month: 1, day: 1 });
        let assignment = Assignment {
            person_id: person_id.clone(),
            centre: centre(),
            from,
            windows: vec![code.clone()],
            ..Assignment::default()
        };
        let request = PutAssignmentRequest {
            centre: centre(),
            request_id: new_id(),
            assignment: Some(assignment),
            ..Default::default()
        };
        directory.put_assignment(self.asks(request)).await.expect("an assignment");
        let binding = CredentialBinding {
            person_id,
            kind: credential::Kind::Card.into(),
            value: card.clone(),
            from,
            ..CredentialBinding::default()
        };
        let request = PutCredentialBindingRequest {
            centre: centre(),
            request_id: new_id(),
            credential_binding: Some(binding),
            ..Default::default()
        };
        directory.put_credential_binding(self.asks(request)).await.expect("a card");
        let record = Device {
            device: device.clone(),
            kind: device::Kind::WindowTerminal.into(),
            window: code.clone(),
            ..Device::default()
        };
        let request = PutDeviceRequest {
            centre: centre(),
            request_id: new_id(),
            device: Some(record),
            ..Default::default()
        };
        directory.put_device(self.asks(request)).await.expect("a device");
        let request = CreateEnrolmentCodeRequest {
            centre: centre(),
            request_id: new_id(),
            device: device.clone(),
            ..Default::default()
        };
        let made = directory.create_enrolment_code(self.asks(request)).await.expect("a code").into_inner();
        let folder = self.town.home().join(&device);
        Post { device, window: code, card, folder, code: made.code }
    }

    /// What the hall's log says of a terminal, in the order of the log.
    pub(super) async fn written(&self, device: &str) -> Vec<Written> {
        let token = self.town.token("system:auditor");
        let mut audit = AuditServiceClient::new(self.channel.clone());
        let (mut found, mut next) = (Vec::new(), Some(0));
        while let Some(start) = next {
            let request =
                ListEntriesRequest { centre: HALL.to_owned(), start, limit: 1_000, ..Default::default() };
            let page = audit.list_entries(bearing(&token, request)).await.expect("entries").into_inner();
            next = page.next_start;
            found.extend(page.entries.iter().filter_map(|entry| written(entry, device)));
        }
        found
    }

    /// A window as the public sees it.
    pub(super) async fn state(&self, window: &str) -> State {
        let request = GetBoardRequest { centre: HALL.to_owned(), ..GetBoardRequest::default() };
        let mut duty = DutyServiceClient::new(self.channel.clone());
        let board = duty.get_board(request).await.expect("a board").into_inner();
        // What nobody ever opened does not stand on the board.
        board.windows.iter().find(|known| known.window == window).map_or(State::Closed, BoardWindow::state)
    }
}

impl Post {
    /// What a new terminal is started with.
    pub(super) fn beginning(&self, server: &str) -> Vec<String> {
        let words = [
            "--server",
            &format!("http://{server}"),
            "--centre",
            HALL,
            "--window",
            &self.window[1..],
            "--device",
            &self.device,
            "--enrol",
            &self.code,
        ];
        words.map(str::to_owned).to_vec()
    }
}

/// What an entry says of a terminal; `None`: nothing.
fn written(entry: &Entry, device: &str) -> Option<Written> {
    let facts = entry.parts.iter().find(|part| part.part_type == 1)?;
    let facts = EntryFacts::decode(facts.payload.as_slice()).expect("facts");
    facts.facts.iter().find_map(|fact| {
        use qinlian::proto::duty_fact::What;
        let (of, seq, what, flags) = match fact.fact.as_ref()? {
            Of::Punch(punch) => {
                let what = if punch.direction() == punch::Direction::In { "clock in" } else { "clock out" };
                let flags: Vec<&str> = punch.flags().map(|flag| flag.as_str_name()).collect();
                (&punch.device, punch.device_seq, what, flags)
            }
            Of::Duty(duty) => {
                let stamp = duty.stamp.as_ref()?;
                let what = match duty.what.as_ref()? {
                    What::Opened(_) => "open",
                    What::Closed(_) => "close",
                    What::Paused(_) => "pause",
                    What::Extended(_) => "extend",
                    What::Ended(_) => "return",
                    _ => return None,
                };
                (&stamp.device, stamp.device_seq, what, duty.flags().map(|flag| flag.as_str_name()).collect())
            }
            _ => return None,
        };
        (of == device).then(|| Written { seq, what, flags: flags.into_iter().map(str::to_owned).collect() })
    })
}
