//! The centre is set up, through the same calls that an administrator's system would use.

use anyhow::Context;
use ed25519_dalek::SigningKey;
use tonic::transport::Channel;

use super::cast::{self, CENTRE};
use super::client::Terminal;
use crate::cli::client::Client;
use crate::cli::office::Office;
use crate::cli::token;
use crate::clock::{Clock, random};
use crate::kernel::{CentreId, EpochMs, LogId, PersonId, RequestId, Subject, Zone};
use crate::proto::directory_service_client::DirectoryServiceClient;
use crate::proto::*;
use crate::registers::wire::date;

/// A token of the demonstration is good for a day.
pub(super) const TTL_S: u32 = 24 * 60 * 60;
/// Clock terminals.
const TERMINALS: usize = 4;
/// The third terminal is offline from the start; the fourth's clock is 12 minutes fast.
pub(super) const OFFLINE: usize = 2;
/// The terminal whose clock is wrong.
pub(super) const FAST: usize = 3;

/// Who and what is there.
#[derive(Debug)]
pub(super) struct Town {
    /// People's ids, by number.
    pub(super) people: Vec<String>,
    /// The terminals.
    pub(super) terminals: Vec<Terminal>,
}

/// A caller with a token, and with a role in the centre if one is named.
pub(super) async fn client(
    office: &Office,
    channel: &Channel,
    subject: &str,
    role: Option<Role>,
) -> anyhow::Result<Client> {
    let subject = Subject::parse(subject)?;
    if let Some(role) = role {
        token::grant(office, &subject, role, &CentreId::parse(CENTRE)?, None).await?;
    }
    let token = office.issuer()?.token(&subject, office.clock.now(), TTL_S);
    Ok(Client { channel: channel.clone(), token })
}

/// Sets everything up.
pub(super) async fn set_up(
    office: &Office,
    channel: &Channel,
    administrator: &PersonId,
    opened: EpochMs,
) -> anyhow::Result<Town> {
    let client_ = client(office, channel, &format!("person:{administrator}"), None).await?;
    let mut directory = Administrator {
        calls: DirectoryServiceClient::new(channel.clone()),
        client: client_,
        clock: &*office.clock,
    };
    for ((department, name), (item, item_name)) in cast::DEPARTMENTS.into_iter().zip(cast::ITEMS) {
        directory.department(department, name).await?;
        directory.item(item, item_name).await?;
    }
    for number in 0..cast::WINDOWS {
        directory.window(number).await?;
    }
    let people = directory.people().await?;
    let from = date(Zone::parse("")?.day_of(opened));
    for (number, person_id) in people.iter().enumerate() {
        directory.assignment(number, person_id, from).await?;
        directory.card(number, person_id, from).await?;
    }
    let mut terminals = Vec::new();
    for number in 0..TERMINALS {
        let code = format!("clock-{}", number + 1);
        let key = SigningKey::from_bytes(&random(&*office.clock));
        directory.terminal(&code, &key).await?;
        terminals.push(Terminal {
            client: client(office, channel, &format!("device:{code}"), Some(Role::Terminal)).await?,
            code,
            key,
            seq: 0,
            booted: opened,
            ahead_ms: if number == FAST { 12 * 60_000 } else { 0 },
        });
    }
    // The centre's directory is in memory before the first terminal calls.
    office.desk.directory(LogId::DEPLOYMENT).await?;
    Ok(Town { people, terminals })
}

struct Administrator<'a> {
    calls: DirectoryServiceClient<Channel>,
    client: Client,
    clock: &'a dyn Clock,
}

impl Administrator<'_> {
    fn id(&self) -> String {
        RequestId::random(random(self.clock)).to_string()
    }

    async fn department(&mut self, department: &str, name: &str) -> anyhow::Result<()> {
        let request = PutDepartmentRequest {
            centre: "_".to_owned(),
            request_id: self.id(),
            department: Some(Department {
                department: department.to_owned(),
                name: name.to_owned(),
                ..Department::default()
            }),
            receipt_view: ReceiptView::Compact.into(),
        };
        self.calls.put_department(self.client.with(request)?).await?;
        Ok(())
    }

    async fn item(&mut self, item: &str, name: &str) -> anyhow::Result<()> {
        let request = PutServiceItemRequest {
            centre: "_".to_owned(),
            request_id: self.id(),
            service_item: Some(ServiceItem {
                item: item.to_owned(),
                name: name.to_owned(),
                ..ServiceItem::default()
            }),
            receipt_view: ReceiptView::Compact.into(),
        };
        self.calls.put_service_item(self.client.with(request)?).await?;
        Ok(())
    }

    async fn window(&mut self, number: usize) -> anyhow::Result<()> {
        let (item, _) = cast::ITEMS.get(number % cast::ITEMS.len()).copied().unwrap_or_default();
        let request = PutWindowRequest {
            centre: CENTRE.to_owned(),
            request_id: self.id(),
            window: Some(Window {
                window: format!("w{:02}", number + 1),
                number: format!("{:02}", number + 1),
                zone: if number < 10 { "A" } else { "B" }.to_owned(),
                items: vec![item.to_owned()],
                kind: window::Kind::Specialised.into(),
                retired: false,
            }),
            receipt_view: ReceiptView::Compact.into(),
        };
        self.calls.put_window(self.client.with(request)?).await?;
        Ok(())
    }

    async fn people(&mut self) -> anyhow::Result<Vec<String>> {
        let people = (0..cast::PEOPLE)
            .map(|number| batch_put_people_request::Item {
                request_id: self.id(),
                person: Some(Person {
                    name: cast::name(number),
                    department: cast::department(number).0.to_owned(),
                    employment: person::Employment::PublicInstitution.into(),
                    ..Person::default()
                }),
            })
            .collect();
        let request =
            BatchPutPeopleRequest { centre: "_".to_owned(), request_id: self.id(), people, dry_run: false };
        let answer = self.calls.batch_put_people(self.client.with(request)?).await?.into_inner();
        let ids: Vec<String> = answer.results.into_iter().map(|result| result.person_id).collect();
        anyhow::ensure!(ids.len() == cast::PEOPLE && ids.iter().all(|id| !id.is_empty()), "not all people");
        Ok(ids)
    }

    async fn assignment(&mut self, number: usize, person_id: &str, from: Date) -> anyhow::Result<()> {
        let request = PutAssignmentRequest {
            centre: CENTRE.to_owned(),
            request_id: self.id(),
            assignment: Some(Assignment {
                person_id: person_id.to_owned(),
                department: cast::department(number).0.to_owned(),
                windows: vec![format!("w{:02}", number % cast::WINDOWS + 1)],
                from: Some(from),
                ..Assignment::default()
            }),
            receipt_view: ReceiptView::Compact.into(),
        };
        self.calls.put_assignment(self.client.with(request)?).await?;
        Ok(())
    }

    async fn card(&mut self, number: usize, person_id: &str, from: Date) -> anyhow::Result<()> {
        let request = PutCredentialBindingRequest {
            centre: CENTRE.to_owned(),
            request_id: self.id(),
            credential_binding: Some(CredentialBinding {
                person_id: person_id.to_owned(),
                kind: credential::Kind::Card.into(),
                from: Some(from),
                value: cast::card(number),
                ..CredentialBinding::default()
            }),
            receipt_view: ReceiptView::Compact.into(),
        };
        self.calls.put_credential_binding(self.client.with(request)?).await?;
        Ok(())
    }

    async fn terminal(&mut self, code: &str, key: &SigningKey) -> anyhow::Result<()> {
        let request = PutDeviceRequest {
            centre: CENTRE.to_owned(),
            request_id: self.id(),
            device: Some(Device {
                device: code.to_owned(),
                kind: device::Kind::ClockTerminal.into(),
                public_key: key.verifying_key().to_bytes().to_vec(),
                serial: format!("DEMO-{code}"),
                ..Device::default()
            }),
            receipt_view: ReceiptView::Compact.into(),
        };
        self.calls.put_device(self.client.with(request)?).await.context("a terminal")?;
        Ok(())
    }
}
