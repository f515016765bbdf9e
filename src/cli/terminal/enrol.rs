//! The first start: a code that was typed in, the key's other half, and whom to believe from then on. Later starts take
//! from the folder what nobody names again.

use std::sync::Arc;

use anyhow::{Context, bail};
use ed25519_dalek::Signer;

use super::Options;
use super::act::new_id;
use super::home::{Home, Place};
use super::link::{Link, Trouble};
use super::sync::believed;
use crate::clock::Clock;
use crate::edge::Language;
use crate::kernel::{CentreId, DeviceId, WindowId};
use crate::proto::EnrolDeviceRequest;
use crate::proto::directory_service_client::DirectoryServiceClient;
use crate::registers::directory::proof::{self, Code};
use crate::tlog::VerifierKey;

/// Where the server is when nobody says.
const SERVER: &str = "http://127.0.0.1:50051";

/// Finds out where the terminal stands; enrols it when it is new.
pub(super) async fn settle(
    home: &mut Home,
    options: &Options,
    clock: &Arc<dyn Clock>,
    language: Language,
) -> anyhow::Result<()> {
    let known = home.place.clone();
    let mut place = match known.clone() {
        Some(place) => place,
        None => beginning(options, &**clock)?,
    };
    if let Some(server) = &options.server {
        place.server.clone_from(server);
    }
    if let Some(ca) = &options.ca {
        place.ca = Some(ca.clone());
    }
    if let (Some(certificate), Some(key)) = (&options.certificate, &options.certificate_key) {
        place.certificate = Some((certificate.clone(), key.clone()));
    }
    if let Some(named) = &options.window {
        place.window = home.window_code(named)?;
    }
    let is_another = |given: &Option<String>, own: &str| given.as_deref().is_some_and(|given| given != own);
    if is_another(&options.centre, &place.centre) || is_another(&options.device, &place.device) {
        bail!(
            "this folder belongs to {} in {}: another terminal has a folder of its own",
            place.device,
            place.centre
        );
    }
    if let (None, Some(_)) = (&place.enrolling, &options.enrol) {
        bail!(
            "this folder is enrolled: its journal and its key go together, so another enrolment has another folder"
        );
    }
    if known.as_ref() != Some(&place) {
        // Before the code is used: when the answer is lost, the same key and the same id ask for it again.
        home.settle_at(place.clone()).await?;
    }
    let Some(request_id) = place.enrolling.take() else { return Ok(()) };
    let code = options.enrol.as_deref().context("--enrol: the code of CreateEnrolmentCode")?;
    enrol(home, place, request_id, code, (clock, language)).await
}

/// What a new terminal is told on the command line.
fn beginning(options: &Options, clock: &dyn Clock) -> anyhow::Result<Place> {
    let window = Options::named("--window", options.window.as_deref())?;
    let centre = Options::named("--centre", options.centre.as_deref())?;
    Options::named("--enrol", options.enrol.as_deref())?;
    let device = options.device.clone().unwrap_or_else(|| format!("window-{window}"));
    CentreId::parse(centre).context("--centre")?;
    DeviceId::parse(&device).context("--device")?;
    WindowId::parse(window).context("--window")?;
    Ok(Place {
        server: SERVER.to_owned(),
        ca: None,
        certificate: None,
        centre: centre.to_owned(),
        device,
        window: window.to_owned(),
        enrolling: Some(new_id(clock)),
        verifier_keys: Vec::new(),
    })
}

async fn enrol(
    home: &mut Home,
    place: Place,
    request_id: String,
    code: &str,
    (clock, language): (&Arc<dyn Clock>, Language),
) -> anyhow::Result<()> {
    let (centre, device) = (CentreId::parse(&place.centre)?, DeviceId::parse(&place.device)?);
    let typed = Code::parse(code).map_err(|complaint| anyhow::anyhow!("--enrol: {}", complaint.said.en))?;
    let public_key = home.key.verifying_key().to_bytes();
    let signed = home.key.sign(&proof::enrolment(&centre, &device, &typed, &public_key));
    let request = EnrolDeviceRequest {
        centre: place.centre.clone(),
        request_id,
        device: place.device.clone(),
        code: code.to_owned(),
        public_key: public_key.to_vec(),
        signature: signed.to_bytes().to_vec(),
        ..EnrolDeviceRequest::default()
    };
    let link = Link::new(&place, home.key.clone(), Arc::clone(clock), language)?;
    let call = async |channel, request| DirectoryServiceClient::new(channel).enrol_device(request).await;
    let answer = match link.ask_openly(request, call).await {
        Ok(answer) => answer,
        Err(Trouble::Refused { reason, said }) => bail!("not enrolled: {reason} {said}"),
        Err(Trouble::InDoubt(why)) => {
            bail!("no answer ({why}): the same command again asks for the same enrolment")
        }
    };
    let keys = answer.verifier_keys.iter().map(|key| VerifierKey::parse(key));
    let keys: Vec<VerifierKey> = keys.collect::<Result<_, _>>().context("the server's verifier keys")?;
    let receipt = answer.receipt.unwrap_or_default();
    believed(&keys, &receipt).context("the server's receipt of the enrolment does not verify")?;
    let window = answer.device.map(|device| device.window).filter(|window| !window.is_empty());
    home.settle_at(Place {
        verifier_keys: answer.verifier_keys,
        // As the directory has it: a number was only what somebody called it.
        window: window.unwrap_or_else(|| place.window.clone()),
        ..place
    })
    .await
}
