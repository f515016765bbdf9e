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
use crate::kernel::{CentreId, DepartmentId, EpochDay, LogId, PersonId, RequestId, Subject};
use crate::proto::directory_service_client::DirectoryServiceClient;
use crate::proto::*;
use crate::registers::wire::date;

/// A token of the demonstration is good for a day.
pub(super) const TTL_S: u32 = 24 * 60 * 60;
/// Clock terminals.
const TERMINALS: usize = 4;
/// In the morning the third terminal is offline from the start, and the fourth's clock is 12 minutes fast.
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

impl Town {
    /// The terminals are switched on again, and one of them has a wrong clock by now.
    pub(super) fn morning_comes(&mut self, office: &Office) -> anyhow::Result<()> {
        let now = office.clock.now();
        for (number, terminal) in self.terminals.iter_mut().enumerate() {
            terminal.switch_on(now);
            terminal.ahead_ms = if number == FAST { 12 * 60_000 } else { 0 };
        }
        self.renew(office)
    }

    /// The terminals get new tokens: theirs were good for a day.
    pub(super) fn renew(&mut self, office: &Office) -> anyhow::Result<()> {
        for terminal in &mut self.terminals {
            let subject = Subject::parse(&format!("device:{}", terminal.code))?;
            terminal.client.token = office.issuer()?.token(&subject, office.clock.now(), TTL_S);
        }
        Ok(())
    }
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
    from: EpochDay,
) -> anyhow::Result<Town> {
    let client_ = client(office, channel, &format!("person:{administrator}"), None).await?;
    let mut directory = Administrator {
        calls: DirectoryServiceClient::new(channel.clone()),
        client: client_,
        clock: &*office.clock,
    };
    for (department, name) in cast::DEPARTMENTS {
        directory.department(department, name).await?;
    }
    for (item, name) in cast::ITEMS {
        directory.item(item, name).await?;
    }
    for number in 0..cast::WINDOWS {
        directory.window(number).await?;
    }
    let people = directory.people().await?;
    let from = date(from);
    for (number, person_id) in people.iter().enumerate() {
        directory.assignment(number, person_id, from).await?;
        directory.card(number, person_id, from).await?;
    }
    roles(office, &people).await?;
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
            boots: 1,
            booted: office.clock.now(),
            ahead_ms: 0,
        });
    }
    // The centre's directory is in memory before the first terminal calls.
    office.desk.directory(LogId::DEPLOYMENT).await?;
    Ok(Town { people, terminals })
}

/// The terminal of a window, not enrolled yet: the code that makes it one.
pub(super) async fn window_terminal(
    administrator: Client,
    office: &Office,
    number: usize,
) -> anyhow::Result<String> {
    let calls = DirectoryServiceClient::new(administrator.channel.clone());
    let mut directory = Administrator { calls, client: administrator, clock: &*office.clock };
    let shown = format!("{:02}", number + 1);
    let code = format!("window-{shown}");
    directory
        .device(Device {
            device: code.clone(),
            kind: device::Kind::WindowTerminal.into(),
            window: format!("w{shown}"),
            ..Device::default()
        })
        .await?;
    let request = CreateEnrolmentCodeRequest {
        centre: CENTRE.to_owned(),
        request_id: directory.id(),
        device: code,
        receipt_view: ReceiptView::Compact.into(),
    };
    let answer = directory.calls.create_enrolment_code(directory.client.with(request)?).await;
    Ok(answer.context("a code")?.into_inner().code)
}

struct Administrator<'a> {
    calls: DirectoryServiceClient<Channel>,
    client: Client,
    clock: &'a dyn Clock,
}

/// Who may decide what: chief representatives, those who keep attendance and personnel files, and everybody for themselves.
async fn roles(office: &Office, people: &[String]) -> anyhow::Result<()> {
    let centre = CentreId::parse(CENTRE)?;
    let departments = || cast::DEPARTMENTS.into_iter().map(|(department, _)| Some(department));
    let leads = cast::LEADS.into_iter().zip(departments()).map(|(who, of)| (who, Role::Lead, of));
    let files = cast::FILES.into_iter().zip(departments()).map(|(who, of)| (who, Role::Hr, of));
    let officers = cast::OFFICERS.into_iter().map(|who| (who, Role::AttendanceOfficer, None));
    let hall = [(cast::DUTY_MANAGER, Role::DutyManager, None)];
    let staff = (0..cast::PEOPLE).map(|who| (who, Role::Staff, None));
    for (who, role, department) in leads.chain(files).chain(officers).chain(hall).chain(staff) {
        let subject = Subject::parse(&format!("person:{}", people.get(who).context("somebody")?))?;
        let department = department.map(DepartmentId::parse).transpose()?;
        token::grant(office, &subject, role, &centre, department.as_ref()).await?;
    }
    Ok(())
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
        self.device(Device {
            device: code.to_owned(),
            kind: device::Kind::ClockTerminal.into(),
            public_key: key.verifying_key().to_bytes().to_vec(),
            serial: format!("DEMO-{code}"),
            ..Device::default()
        })
        .await
    }

    async fn device(&mut self, device: Device) -> anyhow::Result<()> {
        let request = PutDeviceRequest {
            centre: CENTRE.to_owned(),
            request_id: self.id(),
            device: Some(device),
            receipt_view: ReceiptView::Compact.into(),
        };
        self.calls.put_device(self.client.with(request)?).await.context("a terminal")?;
        Ok(())
    }
}
