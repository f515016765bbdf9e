//! What others see of the morning: HR its feed of first-ins, officers the devices, an auditor the log.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, bail};
use tonic::transport::Channel;

use super::cast::{self, CENTRE};
use crate::cli::client::Client;
use crate::proto::attendance_service_client::AttendanceServiceClient;
use crate::proto::audit_service_client::AuditServiceClient;
use crate::proto::directory_service_client::DirectoryServiceClient;
use crate::proto::*;

/// The feed is looked at this often, and for at most 100 rounds: 10 s.
const LOOK: Duration = Duration::from_millis(100);
const ROUNDS: usize = 100;

/// What HR pulled of a day: the newest revision of everybody's, by person.
pub(super) async fn presence(
    hr: &Client,
    channel: &Channel,
    day: Date,
) -> anyhow::Result<BTreeMap<String, Presence>> {
    let mut calls = AttendanceServiceClient::new(channel.clone());
    let (mut days, mut cursor) = (BTreeMap::new(), String::new());
    for _ in 0..ROUNDS {
        let request = ListPresenceSinceRequest { centre: CENTRE.to_owned(), cursor, limit: 1_000 };
        let answer = calls.list_presence_since(hr.with(request)?).await?.into_inner();
        for item in answer.items.into_iter().filter(|item| item.work_date == Some(day)) {
            days.insert(item.person_id.clone(), item);
        }
        cursor = answer.next_cursor;
        if answer.caught_up && days.len() == cast::PEOPLE {
            return Ok(days);
        }
        tokio::time::sleep(LOOK).await;
    }
    bail!("the feed has {} of {} people after 10 s", days.len(), cast::PEOPLE)
}

/// The newest state of every device.
pub(super) async fn devices(
    officer: &Client,
    channel: &Channel,
) -> anyhow::Result<BTreeMap<String, DeviceState>> {
    let mut calls = AttendanceServiceClient::new(channel.clone());
    let (mut states, mut cursor) = (BTreeMap::new(), String::new());
    for _ in 0..ROUNDS {
        let request = ListDeviceStatesSinceRequest { centre: CENTRE.to_owned(), cursor, limit: 500 };
        let answer = calls.list_device_states_since(officer.with(request)?).await?.into_inner();
        for item in answer.items {
            states.insert(item.device.clone(), item);
        }
        cursor = answer.next_cursor;
        let outage = states.values().any(|state| state.state() == device_state::State::Outage);
        if answer.caught_up && outage {
            return Ok(states);
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(states)
}

/// Everybody's name, on record.
pub(super) async fn names(hr: &Client, channel: &Channel) -> anyhow::Result<(BTreeMap<String, String>, u64)> {
    let mut calls = DirectoryServiceClient::new(channel.clone());
    let request = ListPeopleRequest {
        centre: CENTRE.to_owned(),
        page_size: 1_000,
        reveal: Some(Reveal { purpose: reveal::Purpose::Payroll.into(), reason: "核对出勤".to_owned() }),
        ..ListPeopleRequest::default()
    };
    let answer = calls.list_people(hr.with(request)?).await?.into_inner();
    let index = answer.disclosure_index.context("the read is not on record")?;
    Ok((answer.people.into_iter().map(|person| (person.person_id, person.name)).collect(), index))
}

/// The newest checkpoint, and how many reads are on record.
pub(super) async fn log(auditor: &Client, channel: &Channel) -> anyhow::Result<(String, usize)> {
    let mut calls = AuditServiceClient::new(channel.clone());
    let request = GetCheckpointRequest { centre: CENTRE.to_owned() };
    let note = calls.get_checkpoint(auditor.with(request)?).await?.into_inner().note;
    let request = ListReadsRequest { centre: CENTRE.to_owned(), ..ListReadsRequest::default() };
    let reads = calls.list_reads(auditor.with(request)?).await?.into_inner().reads.len();
    Ok((note, reads))
}
