//! The public board in a browser: what is seen on a phone, a desk and a wall, and that it changes by itself.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use crate::rigs::desk::Desk;
use crate::rigs::server::Server;
use crate::rigs::town::{HALL, Town};
use crate::support::chromium::{Browser, Screen};

/// A phone, a desk, a wall.
const SCREENS: [(&str, Screen); 3] = [
    ("phone", Screen { width: 390, height: 844, scale: 1 }),
    ("desk", Screen { width: 1_280, height: 800, scale: 1 }),
    ("wall", Screen { width: 1_920, height: 1_080, scale: 1 }),
];
/// The page asks every two seconds; the rest is for a machine that does much else.
const SOON: Duration = Duration::from_secs(20);
/// Twice what the page needs, and less than the 15 s after which a page without a script loads itself again.
const LONG: Duration = Duration::from_secs(6);

/// Items, and which windows serve which: two are for everything.
const ITEMS: [&str; 4] = ["企业开办登记", "不动产登记", "社会保险登记与参保信息变更", "医疗保险报销"];
const WINDOWS: [&[usize]; 14] =
    [&[0], &[0], &[0, 1], &[1], &[1], &[2], &[2], &[2, 3], &[3], &[3], &[], &[], &[0, 1, 2, 3], &[1]];

/// Puts the windows; all but the last three are opened.
async fn begin<'a>(town: &'a Town, server: &Server) -> Desk<'a> {
    let desk = Desk::begin(town, &server.connect().await, &ITEMS, &WINDOWS).await;
    for window in 0..WINDOWS.len() - 3 {
        desk.opens(window).await;
    }
    desk
}

/// The card of a window, as text.
fn card(window: usize) -> String {
    format!("document.querySelectorAll('main li')[{window}].innerText")
}

/// Does the card of a window have all of these words?
fn says(window: usize, words: &[&str]) -> String {
    let card = card(window);
    let each: Vec<String> = words.iter().map(|word| format!("{card}.includes({})", json!(word))).collect();
    each.join(" && ")
}

/// What is wrong with how the page lies: wider than the screen, out of it, one card over another, text that is cut off.
const LAID_OUT: &str = "(() => {
    const wide = innerWidth, wrong = [];
    if (document.documentElement.scrollWidth > wide) wrong.push('scrolls to ' + document.documentElement.scrollWidth);
    for (const one of document.querySelectorAll('body *')) {
        const at = one.getBoundingClientRect(), name = one.tagName + '.' + one.className;
        if (at.width && (at.left < -0.5 || at.right > wide + 0.5)) wrong.push(name + ' out at ' + at.left + ' to ' + at.right);
        if (one.matches('p,h1,h2,li,label,a') && one.scrollWidth > one.clientWidth + 1 && one.clientWidth) wrong.push(name + ' cut off');
    }
    const cards = [...document.querySelectorAll('main li, header, footer')].map(one => one.getBoundingClientRect());
    cards.forEach((one, n) => cards.slice(n + 1).forEach(other => {
        if (one.left < other.right - 0.5 && other.left < one.right - 0.5 && one.top < other.bottom - 0.5 && other.top < one.bottom - 0.5)
            wrong.push('one lies over another at ' + one.left + ',' + one.top);
    }));
    return wrong;
})()";

/// Where pictures are put, for whoever wants to see them.
fn picture(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("board");
    std::fs::create_dir_all(&folder).expect("a folder");
    folder.join(format!("{name}.png"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_board_changes_by_itself_on_a_phone_a_desk_and_a_wall() {
    let Some(mut browser) = Browser::start().await else { return };
    let town = Town::on_sqlite().await;
    let server = town.serve(0).await;
    let desk = begin(&town, &server).await;
    desk.pauses(6, 9).await;
    let (origin, board) =
        (format!("http://{}/", server.address()), format!("http://{}/board/{HALL}", server.address()));
    for (name, screen) in SCREENS {
        browser.page(screen, "zh-CN").await;
        browser.open(&board).await;
        assert!(browser.becomes(&says(0, &["正常服务", "Open"]), SOON).await, "{name}");
        browser.evaluate("window.__marker = 1").await;
        let back = desk.pauses(0, 8).await;
        let told = says(0, &["暂停服务", "Paused", &back, "请至2号"]);
        assert!(browser.becomes(&told, SOON).await, "{name}: {}", browser.evaluate(&card(0)).await);
        assert_eq!(browser.evaluate("window.__marker").await, 1, "{name}: the page was loaded again");
        assert_eq!(browser.evaluate(LAID_OUT).await, json!([]), "{name}");
        browser.picture(&picture(name)).await;
        desk.returns(0).await;
        assert!(browser.becomes(&says(0, &["正常服务"]), SOON).await, "{name}");
        assert_eq!(browser.evaluate("window.__marker").await, 1, "{name}: the page was loaded again");
        // Twice as large: half the room.
        let Screen { width, height, .. } = screen;
        browser.show(Screen { width: width / 2, height: height / 2, scale: 2 }).await;
        assert_eq!(browser.evaluate(LAID_OUT).await, json!([]), "{name} at 200 %");
        browser.picture(&picture(&format!("{name}-200"))).await;
        assert_eq!(browser.complaints(), [&Value::Null; 0], "{name}");
        let strangers: Vec<&str> =
            browser.asked_for().into_iter().filter(|url| !url.starts_with(&origin)).collect();
        assert!(strangers.iter().all(|url| url.starts_with("data:")), "{name}: {strangers:?}");
    }
    // The same page says everything in English too, and in the dark.
    browser.page(SCREENS[1].1, "en").await;
    let dark = json!({ "features": [{ "name": "prefers-color-scheme", "value": "dark" }] });
    browser.ask("Emulation.setEmulatedMedia", dark).await;
    browser.open(&board).await;
    assert!(browser.becomes(&says(6, &["Paused", "Back at", "Window"]), SOON).await);
    assert!(browser.becomes(&says(13, &["Closed"]), SOON).await);
    assert!(browser.becomes(&says(10, &["各类事项", "Any service"]), SOON).await);
    browser.picture(&picture("desk-en-dark")).await;
    browser.close().await;
    server.stop().await;
    town.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_script_the_board_says_the_same_and_changes_only_when_it_is_loaded_again() {
    let Some(mut browser) = Browser::start().await else { return };
    let town = Town::on_sqlite().await;
    let server = town.serve(0).await;
    let desk = begin(&town, &server).await;
    let board = format!("http://{}/board/{HALL}", server.address());
    browser.page(SCREENS[1].1, "zh-CN").await;
    browser.open(&board).await;
    let with = browser.evaluate("document.querySelector('main').innerText").await;
    browser.page(SCREENS[1].1, "zh-CN").await;
    browser.ask("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
    browser.open(&board).await;
    assert_eq!(browser.evaluate("document.querySelector('main').innerText").await, with);
    // The control of the live test: nothing but the page's script brings the change.
    desk.pauses(0, 8).await;
    assert!(!browser.becomes(&says(0, &["暂停服务"]), LONG).await, "who told the page?");
    browser.open(&board).await;
    assert!(browser.becomes(&says(0, &["暂停服务", "请至2号"]), SOON).await);
    assert_eq!(browser.evaluate(LAID_OUT).await, json!([]));
    browser.close().await;
    server.stop().await;
    town.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_board_that_nobody_answers_says_so_and_recovers() {
    let Some(mut browser) = Browser::start().await else { return };
    let town = Town::on_sqlite().await;
    let server = town.serve(0).await;
    let desk = begin(&town, &server).await;
    browser.page(SCREENS[0].1, "zh-CN").await;
    browser.open(&format!("http://{}/board/{HALL}", server.address())).await;
    assert!(browser.becomes(&says(0, &["正常服务"]), SOON).await);
    let offline = |offline: bool| json!({ "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
    browser.ask("Network.emulateNetworkConditions", offline(true)).await;
    desk.pauses(0, 8).await;
    let lost = "!document.querySelector('.lost').hidden && document.body.classList.contains('stale')";
    assert!(browser.becomes(lost, SOON).await, "a board that is old looks like a new one");
    assert_eq!(browser.evaluate(&says(0, &["正常服务"])).await, true);
    assert_eq!(browser.evaluate(LAID_OUT).await, json!([]));
    browser.picture(&picture("phone-lost")).await;
    browser.ask("Network.emulateNetworkConditions", offline(false)).await;
    assert!(browser.becomes(&says(0, &["暂停服务"]), SOON).await);
    assert!(browser.becomes(&format!("!({lost})"), SOON).await);
    browser.close().await;
    server.stop().await;
    town.end().await;
}
