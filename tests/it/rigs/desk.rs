//! Windows over gRPC: put by an administrator, and what people do at them with the terminal `t0`, which stands at none.

use std::sync::atomic::{AtomicU64, Ordering};

use qinlian::clock::{Clock, SystemClock, random};
use qinlian::kernel::{EpochMs, RequestId};
use qinlian::proto::directory_service_client::DirectoryServiceClient;
use qinlian::proto::duty_service_client::DutyServiceClient;
use qinlian::proto::presented::Who;
use qinlian::proto::*;
use qinlian::registers::wire::timestamp;
use tonic::Request;
use tonic::transport::Channel;

use super::load::signed;
use super::town::{HALL, Town};

/// The terminal and its journal. At each window is the person of its number.
pub(crate) struct Desk<'a> {
    town: &'a Town,
    duty: DutyServiceClient<Channel>,
    seq: AtomicU64,
}

fn id() -> String {
    RequestId::random(random(&SystemClock::new())).to_string()
}

impl<'a> Desk<'a> {
    /// Puts items by their names, and windows by the numbers of the items that they serve: none for everything.
    pub(crate) async fn begin(
        town: &'a Town,
        way: &Channel,
        items: &[&str],
        windows: &[impl AsRef<[usize]>],
    ) -> Self {
        let mut directory = DirectoryServiceClient::new(way.clone());
        let administrator = town.token(&town.administrator);
        for (number, name) in items.iter().enumerate() {
            let item =
                ServiceItem { item: format!("i{number}"), name: (*name).to_owned(), ..Default::default() };
            let request = PutServiceItemRequest {
                centre: "_".to_owned(),
                request_id: id(),
                service_item: Some(item),
                ..Default::default()
            };
            directory.put_service_item(signed(request, &administrator)).await.expect("an item");
        }
        for (number, items) in windows.iter().map(AsRef::as_ref).enumerate() {
            let kind = if items.is_empty() { window::Kind::General } else { window::Kind::Specialised };
            let window = Window {
                window: format!("w{number}"),
                number: (number + 1).to_string(),
                zone: "A".to_owned(),
                items: items.iter().map(|item| format!("i{item}")).collect(),
                kind: kind.into(),
                retired: false,
            };
            let centre = HALL.to_owned();
            let request =
                PutWindowRequest { centre, request_id: id(), window: Some(window), ..Default::default() };
            directory.put_window(signed(request, &administrator)).await.expect("a window");
        }
        Self { town, duty: DutyServiceClient::new(way.clone()), seq: AtomicU64::new(0) }
    }

    fn stood(&self, window: usize) -> (Option<DeviceStamp>, Option<Presented>) {
        let seq = self.seq.fetch_add(1, Ordering::SeqCst) + 1;
        let stamp = DeviceStamp {
            device: "t0".to_owned(),
            device_seq: seq,
            boot_id: "b1".to_owned(),
            mono_ms: seq,
            claimed_at: Some(timestamp(SystemClock::new().now())),
            signature: Vec::new(),
        };
        let who = Who::PersonId(self.town.people[window].clone());
        (Some(stamp), Some(Presented { who: Some(who), ..Presented::default() }))
    }

    fn signed<T>(&self, message: T) -> Request<T> {
        signed(message, &self.town.token("device:t0"))
    }

    /// A window opens, though nobody clocked in.
    pub(crate) async fn opens(&self, window: usize) {
        let (stamp, presented) = self.stood(window);
        let request = OpenWindowRequest {
            centre: HALL.to_owned(),
            request_id: id(),
            stamp,
            presented,
            window: format!("w{window}"),
            override_reason: "试运行".to_owned(),
            ..OpenWindowRequest::default()
        };
        self.duty.clone().open_window(self.signed(request)).await.expect("it opens");
    }

    /// The request of a window to pause until an instant.
    pub(crate) fn pause(&self, window: usize, back: EpochMs) -> Request<StartPauseRequest> {
        let (stamp, presented) = self.stood(window);
        self.signed(StartPauseRequest {
            centre: HALL.to_owned(),
            request_id: id(),
            stamp,
            presented,
            window: format!("w{window}"),
            reason: pause::Reason::Comfort.into(),
            expected_return_at: Some(timestamp(back)),
            sign_displayed: true,
            sign_mode: pause::SignMode::CardSign.into(),
            ..StartPauseRequest::default()
        })
    }

    /// A window pauses for so many minutes; answers when it will be back, as a clock on the wall of the hall says it.
    pub(crate) async fn pauses(&self, window: usize, minutes: i64) -> String {
        let back = SystemClock::new().now().plus_ms(minutes * 60_000);
        self.duty.clone().start_pause(self.pause(window, back)).await.expect("it pauses");
        crate::duty::rig::clock(&timestamp(back))
    }

    /// Whoever paused a window is back.
    pub(crate) async fn returns(&self, window: usize) {
        let (stamp, presented) = self.stood(window);
        let request = EndPauseRequest {
            centre: HALL.to_owned(),
            request_id: id(),
            stamp,
            presented,
            window: format!("w{window}"),
            ..EndPauseRequest::default()
        };
        self.duty.clone().end_pause(self.signed(request)).await.expect("it is back");
    }
}
