//! `qinlian bench` runs, and its figures add up; how large they are is nobody's business here.

use serde_json::Value;

use super::{done, qinlian};

/// The rows of a short run; each is checked for what holds of any of them.
fn rows(words: &[&str]) -> Vec<Value> {
    let short = ["bench", "--json", "--seconds", "0.2", "--rounds", "1", "--servers", "ledger"];
    let report: Value = serde_json::from_str(&done(&[&short[..], words].concat())).expect("JSON");
    let rows = report["measured"].as_array().expect("rows").clone();
    for row in &rows {
        let (stored, acknowledged) = (number(&row["stored"]), number(&row["acknowledged"]));
        assert!(stored >= acknowledged, "{row}");
        assert_eq!(number(&row["calls"]), number(&row["latency"]["calls"]), "{row}");
        assert_eq!(number(&row["shed"]), number(&row["shed_latency"]["calls"]), "{row}");
        let at =
            ["p50_us", "p90_us", "p99_us", "p99_9_us", "max_us"].map(|name| number(&row["latency"][name]));
        assert!(at.is_sorted(), "{row}");
        let second = row["per_second"].as_f64().expect("a rate");
        assert!((second - row["rounds"][0].as_f64().expect("a round")).abs() < 1e-9, "{row}");
        assert_eq!(row["loop"] == "open", row["offered_per_second"].is_number(), "{row}");
    }
    rows
}

fn number(of: &Value) -> u64 {
    of.as_u64().expect("a number")
}

#[test]
fn every_cell_of_the_matrix_is_measured_in_a_closed_loop_and_at_every_rate() {
    let rows = rows(&["--callers", "2", "--connections", "1,2,4", "--rate", "100,0.5x"]);
    let seen: Vec<(u64, &str)> =
        rows.iter().map(|row| (number(&row["connections"]), row["loop"].as_str().unwrap())).collect();
    // Two callers have no use for four connections.
    let wanted = [(1, "closed"), (1, "open"), (1, "open"), (2, "closed"), (2, "open"), (2, "open")];
    assert_eq!(seen, wanted);
    for cell in rows.chunks(3) {
        assert_eq!(cell[1]["offered_per_second"].as_f64(), Some(100.0));
        let half = cell[0]["per_second"].as_f64().unwrap() / 2.0;
        assert!((cell[2]["offered_per_second"].as_f64().unwrap() - half.max(1.0)).abs() < 1e-6);
    }
    assert!(rows.iter().all(|row| number(&row["stored"]) > 0));
}

#[test]
fn uploads_are_counted_by_their_clock_ins() {
    let rows = rows(&[
        "--callers",
        "2",
        "--kind",
        "uploads",
        "--batch",
        "10",
        "--rate",
        "20",
        "--arrivals",
        "constant",
    ]);
    assert_eq!(rows.len(), 2);
    for row in &rows {
        assert_eq!((number(&row["stored"]) % 10, number(&row["upload"])), (0, 10), "{row}");
        assert!(number(&row["stored"]) > 0);
    }
}

#[test]
fn every_reader_gets_the_whole_feed_and_the_auditor_a_bundle() {
    let rows = rows(&["--kind", "streams", "--entries", "2500", "--callers", "1,3", "--connections", "2"]);
    let seen: Vec<(&str, u64, u64)> = rows
        .iter()
        .map(|row| (row["server"].as_str().unwrap(), number(&row["stored"]), number(&row["acknowledged"])))
        .collect();
    let (feed, bundle) = ("feed, pages of 1000", ("bundle", 2_500, 2_500));
    assert_eq!(seen, [(feed, 2_500, 2_500), bundle, (feed, 7_500, 7_500), bundle]);
}

/// What a short run of a kind of its own says.
fn figures(kind: &str, words: &[&str]) -> Value {
    let short = ["bench", "--json", "--kind", kind, "--windows", "12", "--people", "20", "--rounds", "1"];
    serde_json::from_str(&done(&[&short[..], words].concat())).expect("JSON")
}

#[test]
fn pauses_are_measured_beside_clock_ins_and_what_is_refused_is_no_figure() {
    let said = figures("pauses", &["--callers", "4", "--seconds", "0.2"]);
    for figure in ["punches", "starts", "ends"] {
        assert!(number(&said[figure]["acknowledged"]) > 0, "{said}");
        assert_eq!(said[figure]["refused"], serde_json::json!({}), "{said}");
    }
    assert_eq!(said["starts"]["acknowledged"], said["ends"]["acknowledged"]);
    let ratio = said["starts"]["per_second"].as_f64().zip(said["punches"]["per_second"].as_f64());
    let ratio = ratio.map(|(starts, punches)| starts / punches).expect("figures");
    assert!((said["ratio"].as_f64().expect("a ratio") - ratio).abs() < 1e-9, "{said}");
}

#[test]
fn whoever_watches_a_board_is_told_of_every_change() {
    let said = figures("board", &["--subscribers", "60", "--rate", "4", "--seconds", "3"]);
    assert_eq!((number(&said["subscribers"]), number(&said["connections"])), (60, 2));
    let (paused, returned) = (number(&said["paused"]), number(&said["returned"]));
    assert_eq!((paused, returned), (6, 6), "{said}");
    assert_eq!(number(&said["lost"]), 0, "{said}");
    assert_eq!(number(&said["pause_from_sent"]["told"]), 60 * paused);
    assert_eq!(number(&said["return_from_answered"]["told"]), 60 * returned);
}

#[test]
fn a_board_after_days_is_the_board_of_the_first_day() {
    let said = figures("boardyear", &["--days", "2"]);
    let entries = ["young", "week", "grown"].map(|centre| number(&said[centre]["entries"]));
    // Nothing is a week before two days are over.
    assert!(entries[0] < entries[1] && entries[1] == entries[2], "{said}");
    assert_eq!(said["ratios"].as_array().map(Vec::len), Some(4));
}

#[test]
fn what_cannot_be_measured_is_usage() {
    for words in [
        &["--kind", "uploads"][..],
        &["--rate", "fast"],
        &["--kind", "streams", "--rate", "10"],
        &["--connections", "0"],
        &["--batch", "1001"],
        &["--days", "0"],
        &["--kind", "pauses", "--windows", "4", "--callers", "4"],
        &["--kind", "board", "--rate", "2x"],
        &["--kind", "board", "--windows", "1"],
        &["--entries", "10", "--rate", "2x"],
    ] {
        let output = qinlian(&[&["bench"], words].concat());
        assert_eq!(output.status.code(), Some(2), "{words:?}");
    }
}
