//! `/board/{centre}`: the public board, and the same of any past minute; `/board/{centre}/proof`: what proves it.

use std::fmt::Write;
use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;

use super::answer;
use super::template::{Card, Notice, Page, SCRIPT, STYLE};
use crate::kernel::{EpochMs, TimeError};
use crate::proto::BoardWindow;
use crate::proto::board_window::State as Doing;
use crate::proto::window::Kind;
use crate::registers::duty::service::{BoardPage, Calls};
use crate::registers::failure::Failure;

/// What a page may be asked with.
#[derive(Debug, Default, Deserialize)]
struct Asked {
    #[serde(default)]
    item: String,
    /// An instant: `2026-03-02T09:05:00Z`, or milliseconds since 1970.
    #[serde(default)]
    at: String,
}

/// The routes of the board.
pub(in crate::edge) fn routes(calls: Arc<Calls>) -> Router {
    Router::new()
        .route("/board/{centre}", get(show))
        .route("/board/{centre}/proof", get(prove))
        .with_state(calls)
}

/// A past instant of a question.
pub fn instant(at: &str) -> Result<Option<EpochMs>, TimeError> {
    if at.is_empty() {
        return Ok(None);
    }
    if let Ok(ms) = at.parse::<i64>() {
        return Ok(Some(EpochMs::clamped(ms)));
    }
    EpochMs::parse(at).map(Some)
}

pub(super) fn notice(status: StatusCode, zh: &'static str, en: &'static str) -> Response {
    let html = Notice { zh, en, style: STYLE }.render().unwrap_or_default();
    answer::page(status, html, None)
}

fn failed(failure: &Failure) -> Response {
    if matches!(failure, Failure::NotFound(_)) {
        return nowhere();
    }
    let (zh, en) = if matches!(failure, Failure::Overloaded) {
        ("查询较多，请稍后再试", "Busy. Please try again.")
    } else {
        ("暂时无法查询，请稍后再试", "Not available now. Please try again.")
    };
    notice(StatusCode::SERVICE_UNAVAILABLE, zh, en)
}

fn nowhere() -> Response {
    notice(StatusCode::NOT_FOUND, "没有这个中心的公示页面", "There is no board of such a centre.")
}

async fn show(
    State(calls): State<Arc<Calls>>,
    Path(centre): Path<String>,
    Query(asked): Query<Asked>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let Ok(at) = instant(&asked.at) else {
        return notice(StatusCode::BAD_REQUEST, "时间格式不正确", "That is no instant.");
    };
    let shown = match calls.board_page(&centre, &asked.item, at).await {
        Ok(Some(shown)) => shown,
        Ok(None) => return nowhere(),
        Err(failure) => return failed(&failure),
    };
    // Over HTTP/2 the place that was asked for stands in the request line alone.
    let named = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = named.or(uri.authority().map(|place| place.as_str())).unwrap_or_default();
    let html = page(&centre, &asked, at, &shown, host).render().unwrap_or_default();
    answer::page(StatusCode::OK, html, headers.get(header::IF_NONE_MATCH))
}

/// What stands under a minute: the signed checkpoint that covers everything the board was made of.
async fn prove(
    State(calls): State<Arc<Calls>>,
    Path(centre): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    let Ok(Some(at)) = instant(&asked.at) else {
        return answer::text(StatusCode::BAD_REQUEST, "?at= is no instant\n".to_owned());
    };
    match calls.board_proof(&centre, at).await {
        Ok(Some(proof)) => {
            let mut text = String::new();
            let _ = writeln!(text, "centre {centre}");
            let _ = writeln!(text, "at {}", proof.at);
            let _ = writeln!(
                text,
                "The board of this minute is made of the first {} entries of the log.",
                proof.size
            );
            let _ = writeln!(
                text,
                "A bundle of them and its verification: qinlian audit bundle --centre {centre} -o DIR; qinlian audit verify DIR --key FILE"
            );
            let _ = writeln!(text, "\n{}", proof.checkpoint);
            answer::text(StatusCode::OK, text)
        }
        Ok(None) => answer::text(StatusCode::NOT_FOUND, "there is no such centre\n".to_owned()),
        Err(_failure) => answer::text(StatusCode::SERVICE_UNAVAILABLE, "not available now\n".to_owned()),
    }
}

fn page(centre: &str, asked: &Asked, at: Option<EpochMs>, shown: &BoardPage, host: &str) -> Page {
    let wall = shown.zone.wall(shown.now);
    let (day, time) = wall.split_once(' ').unwrap_or(("", &wall));
    // Since it has been so: the page stays the same while nothing changes.
    let when = at.unwrap_or(shown.since).get();
    let replay_link = format!("/board/{centre}?at={when}");
    let link = format!("https://{host}{replay_link}");
    let item = if asked.item.is_empty() { String::new() } else { format!("?item={}", asked.item) };
    let names = &shown.items;
    Page {
        name: shown.name.clone(),
        day: day.to_owned(),
        time: time.get(..5).unwrap_or(time).to_owned(),
        replay: at.is_some(),
        cards: shown.windows.iter().map(|window| card(window, names)).collect(),
        items: shown.items.clone(),
        chosen: asked.item.clone(),
        at: when.to_string(),
        proof_link: format!("/board/{centre}/proof?at={when}"),
        live_link: format!("/board/{centre}{item}"),
        qr: if host.is_empty() { String::new() } else { code(&link) },
        replay_link,
        style: STYLE,
        script: SCRIPT,
    }
}

/// The QR code of a link, as SVG; nothing when it is too long for one.
fn code(link: &str) -> String {
    use qrcode::render::svg;
    let Ok(code) = qrcode::QrCode::new(link.as_bytes()) else { return String::new() };
    let svg = code.render::<svg::Color<'_>>().min_dimensions(88, 88).build();
    // Inside HTML there is no XML declaration.
    svg.split_once("?>").map_or(svg.clone(), |(_, rest)| rest.to_owned())
}

fn card(window: &BoardWindow, names: &[(String, String)]) -> Card {
    let (state, shape, state_zh, state_en) = match window.state() {
        Doing::Open => ("open", "●", "正常服务", "Open"),
        Doing::Covered => ("open", "●", "顶岗服务", "Open, covered"),
        Doing::Paused => ("away", "▲", "暂停服务", "Paused"),
        Doing::Overdue | Doing::OffPost => ("away", "▲", "超时未归", "Overdue"),
        Doing::Unstaffed => ("away", "▲", "暂无人值守", "Unstaffed"),
        Doing::Fault => ("away", "■", "设备故障", "Out of order"),
        Doing::Unconfirmed => ("unsure", "?", "状态待确认", "Not confirmed"),
        Doing::Closed | Doing::Unspecified => ("closed", "○", "未开放", "Closed"),
    };
    let text = window.text.clone().unwrap_or_default();
    let plain = matches!(window.state(), Doing::Open | Doing::Covered | Doing::Unconfirmed | Doing::Closed);
    let items = window.items.iter().filter_map(|item| names.iter().find(|(code, _)| code == item));
    Card {
        number: window.number.clone(),
        state,
        shape,
        state_zh,
        state_en,
        zh: if plain { String::new() } else { text.zh },
        en: if plain { String::new() } else { text.en },
        any: window.kind() == Kind::General,
        items: items.map(|(_, name)| name.clone()).collect(),
    }
}
