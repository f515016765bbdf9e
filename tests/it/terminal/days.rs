//! A day at a window by script: with a network, without one, and with rules that say no.

use qinlian::proto::board_window::State;
use qinlian::proto::window::Kind;

use super::judge::{judge, state_after};
use super::place::Place;
use super::process::Terminal;
use super::proxy::Proxy;

/// Says lines, each with the beginning of the answer and a part of it.
async fn lives(terminal: &mut Terminal, script: &[(&str, &str)]) {
    for (line, wanted) in script {
        let said = terminal.say(line).await.unwrap_or_else(|| panic!("{line}: {:?}", terminal.heard()));
        assert!(said.contains(wanted), "{line}: {said}, not {wanted}");
    }
}

/// Everything that it showed stands in the log once, in order; so many things.
async fn all_there(place: &Place, terminal: &Terminal, device: &str, wanted: &[&str]) {
    let written = place.written(device).await;
    let what: Vec<&str> = written.iter().map(|written| written.what).collect();
    assert_eq!(what, wanted);
    assert_eq!(judge(&terminal.shown(), &written), [""; 0], "{:?}", terminal.heard());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_with_a_network_stands_in_the_log_as_it_was_lived() {
    let (place, mut other) = Place::begin().await;
    let post = place.post(Kind::Specialised).await;
    let mut terminal = Terminal::enrol(&post, place.server.address()).await;
    let enter = [format!("in {}", post.card), format!("open {}", post.card)];
    lives(&mut terminal, &[("close", "who?"), (&enter[0], "#1 clock in 张1: stored")]).await;
    lives(
        &mut terminal,
        &[
            (&enter[1], "#2 open 张1: stored OPEN"),
            // Refused, and the number is given to what comes next.
            ("pause comfort 5 nosign", "refused pause until"),
            ("pause comfort 5", "#3 pause until"),
        ],
    )
    .await;
    assert_eq!(place.state("w1").await, State::Paused);
    lives(&mut terminal, &[("extend 8", "#4 extend until"), ("extend 9", "TOO_MANY_EXTENSIONS")]).await;
    // The terminal is switched off and on, and knows who stands there.
    terminal.quit().await;
    assert!(terminal.start().await);
    lives(
        &mut terminal,
        &[
            ("return", "#5 return 张1: stored OPEN"),
            ("pause comfort 5 nosign", "SIGN_NOT_DISPLAYED"),
            ("anyway because 孩子病了", "#6 pause until"),
            ("anyway because 孩子病了", "no pause was refused"),
            ("dance", "not understood"),
            ("close", "#7 close 张1: stored CLOSED"),
            ("out", "who?"),
        ],
    )
    .await;
    let out = format!("out {}", post.card);
    lives(&mut terminal, &[(&out, "#8 clock out 张1: stored"), ("wait", "all sent")]).await;
    terminal.quit().await;
    let day = ["clock in", "open", "pause", "extend", "return", "pause", "close", "clock out"];
    all_there(&place, &terminal, &post.device, &day).await;
    let heard = terminal.heard();
    for wanted in [
        "  sign: Service paused. Back at about",
        "  guidance: Please go to window 0.",
        "  send citizens to: w0",
    ] {
        assert!(heard.iter().any(|line| line.starts_with(wanted)), "{wanted}: {heard:?}");
    }
    let flagged = place.written(&post.device).await;
    assert_eq!(flagged[5].flags, ["NO_SIGN", "LEFT_ANYWAY"]);
    assert!(flagged[0].flags.is_empty() && flagged[2].flags.is_empty(), "live and signed: {flagged:?}");
    assert_eq!(place.state("w1").await, State::Closed);
    other.quit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_without_a_network_goes_on_and_what_was_kept_is_sent_in_order() {
    let (place, mut other) = Place::begin().await;
    let post = place.post(Kind::Specialised).await;
    let proxy = Proxy::begin(place.server.address()).await;
    let mut terminal = Terminal::enrol(&post, proxy.address()).await;
    terminal.quit().await;
    proxy.set_down(true);
    assert!(terminal.start().await, "it starts without a network");
    assert!(terminal.heard().iter().any(|line| line.starts_with("offline (")), "{:?}", terminal.heard());
    let enter = [format!("in {}", post.card), format!("open {}", post.card)];
    lives(
        &mut terminal,
        &[
            (&enter[0], "#1 clock in 张1: offline, kept"),
            (&enter[1], "#2 open 张1: offline, kept"),
            ("pause comfort 5", "#3 pause until"),
            ("return", "#4 return 张1: offline, kept"),
            ("in", "#5 clock in 张1: offline, kept"),
        ],
    )
    .await;
    let sign = "  sign: Service paused. Back at about";
    assert!(terminal.heard().iter().any(|line| line.starts_with(sign)), "the return time, and no window");
    assert!(place.written(&post.device).await.is_empty());
    assert_eq!(place.state("w1").await, State::Closed);
    // The current goes; what was shown waits on the disk.
    terminal.kill().await;
    assert!(terminal.start().await);
    lives(&mut terminal, &[("pause! meeting 200 because 急事 要办", "#6 pause until")]).await;
    proxy.set_down(false);
    lives(&mut terminal, &[("wait", "all sent"), ("extend 210", "refused extend until")]).await;
    lives(&mut terminal, &[("return", "#7 return 张1: stored OPEN")]).await;
    terminal.quit().await;
    let day = ["clock in", "open", "pause", "return", "clock in", "pause", "return"];
    all_there(&place, &terminal, &post.device, &day).await;
    let written = place.written(&post.device).await;
    assert!(written[5].flags.contains(&"LEFT_ANYWAY".to_owned()), "{written:?}");
    assert_eq!(place.state("w1").await, state_after(&written));
    other.quit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_a_server_that_says_nothing() {
    use qinlian::clock::Stopwatch;
    use std::process::Command;
    let (place, mut other) = Place::begin().await;
    let post = place.post(Kind::Specialised).await;
    let mut terminal = Terminal::enrol(&post, place.server.address()).await;
    let pid = place.server.pid().to_string();
    let signal = |signal: &str| {
        assert!(Command::new("kill").args([signal, &pid]).status().expect("kill runs").success());
    };
    let enter = [format!("in {}", post.card), format!("open {}", post.card)];
    lives(&mut terminal, &[(&enter[0], "#1 clock in 张1: stored")]).await;
    // Its process stands still: connections stay, and nothing comes.
    signal("-STOP");
    let began = Stopwatch::start();
    lives(&mut terminal, &[(&enter[1], "#2 open 张1: offline, kept")]).await;
    let first = began.elapsed();
    lives(
        &mut terminal,
        &[("pause comfort 5", "#3 pause until"), ("return", "#4 return 张1: offline, kept")],
    )
    .await;
    let all = began.elapsed();
    signal("-CONT");
    // Four seconds for the first; those after it ask nobody. The rest is for a machine that does much else.
    assert!(first.as_secs() < 10 && all.saturating_sub(first).as_secs() < 3, "{first:?} and {all:?}");
    // What the server reads now was sent before: the same id live and in the upload is one thing.
    lives(&mut terminal, &[("wait", "all sent"), ("close", "#5 close 张1: stored CLOSED")]).await;
    terminal.quit().await;
    all_there(&place, &terminal, &post.device, &["clock in", "open", "pause", "return", "close"]).await;
    other.quit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_is_one_terminals_and_a_code_is_asked_for_once() {
    use crate::rigs::server::qinlian;
    let (place, mut other) = Place::begin().await;
    let post = place.post(Kind::Specialised).await;
    let mut terminal = Terminal::enrol(&post, place.server.address()).await;
    let folder = terminal.folder().to_owned();
    let tries = async |more: &[String]| {
        let tried =
            qinlian().args(["terminal", "--data"]).arg(&folder).args(more).output().await.expect("it runs");
        (tried.status.code(), String::from_utf8_lossy(&tried.stderr).into_owned())
    };
    let (code, said) = tries(&[]).await;
    assert!(code == Some(2) && said.contains("another terminal"), "{said}");
    terminal.quit().await;
    for (more, wanted) in [
        (post.beginning("127.0.0.1:1"), "this folder is enrolled"),
        (vec!["--device".to_owned(), "t9".to_owned()], "another terminal has a folder of its own"),
        (vec!["--window".to_owned(), "99".to_owned()], "the centre has no window 99"),
    ] {
        let (code, said) = tries(&more).await;
        assert!(code == Some(2) && said.contains(wanted), "{wanted}: {said}");
    }
    let fresh = place.town.home().join("fresh");
    for (more, wanted) in
        [(&["--window", "3"][..], "--centre"), (&["--window", "3", "--centre", "hall"], "--enrol")]
    {
        let tried =
            qinlian().args(["terminal", "--data"]).arg(&fresh).args(more).output().await.expect("it runs");
        let said = String::from_utf8_lossy(&tried.stderr).into_owned();
        assert!(tried.status.code() == Some(2) && said.contains(wanted), "{said}");
    }
    other.quit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_certificate_where_terminals_show_one() {
    use crate::rigs::clients::new_code;
    use crate::rigs::server::{begin, qinlian, run};
    use crate::rigs::town::Town;
    use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};

    let town = Town::on_sqlite().await;
    let (site, held) = (town.site(0), town.home().join("held"));
    run(qinlian().args(["pki", "authority", "-o"]).arg(&held)).await;
    run(qinlian()
        .args(["pki", "server", "--name", "localhost", "--authority"])
        .arg(&held)
        .arg("-o")
        .arg(site))
    .await;
    run(qinlian().args(["pki", "terminal", "--device", "t9", "--authority"]).arg(&held).arg("-o").arg(&held))
        .await;
    let file = |name: &str| held.join(name).display().to_string();
    let variables = [
        ("QINLIAN_LISTEN_TLS_CERTIFICATE", "server.pem"),
        ("QINLIAN_LISTEN_TLS_KEY", "server.key"),
        ("QINLIAN_LISTEN_TLS_CLIENT_CA", &file("authority.pem")),
        ("QINLIAN_LISTEN_TLS_TERMINALS", "required"),
    ];
    let server = begin(site, &town.log(0), &variables).listens().await;
    let url = format!("https://localhost:{}", server.address().rsplit(':').next().expect("a port"));
    let trusts = std::fs::read(held.join("authority.pem")).expect("an authority");
    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(trusts));
    let channel = Endpoint::from_shared(url.clone()).expect("a URL").tls_config(tls).expect("TLS");
    let code = new_code(&town, channel.connect().await.expect("it listens"), "t9").await;
    let folder = town.home().join("t9");
    let first: Vec<String> =
        ["--server", &url, "--centre", "hall", "--window", "w1", "--device", "t9", "--enrol", &code]
            .into_iter()
            .map(str::to_owned)
            .collect();
    let starts = async |words: &[String]| {
        let mut command = qinlian();
        let command = command.args(["terminal", "--language", "en", "--data"]).arg(&folder).args(words);
        let ran = command.output().await.expect("it runs");
        (ran.status.code(), String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()).into_owned())
    };
    let (code, said) = starts(&first).await;
    assert!(code == Some(2) && said.contains("--ca"), "{said}");
    // Without a certificate it is enrolled, and gets no token.
    let trusting = [first, vec!["--ca".to_owned(), file("authority.pem")]].concat();
    let (code, said) = starts(&trusting).await;
    assert!(code == Some(0) && said.contains("offline (CERTIFICATE_MISSING)"), "{said}");
    let shows = ["--certificate", &file("t9.pem"), "--certificate-key", &file("t9.key")].map(str::to_owned);
    for words in [&shows[..], &[]] {
        let (code, said) = starts(words).await;
        assert!(code == Some(0) && said.ends_with("ready\n") && !said.contains("offline"), "{said}");
    }
    server.stop().await;
    town.end().await;
}
