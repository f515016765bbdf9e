//! The page of figures as a collector reads it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use qinlian::access::Rules;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::source::sources;

/// What a page says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Page {
    /// As it came.
    pub(crate) text: String,
    /// Every figure, as it is asked for: its kind.
    pub(crate) kinds: BTreeMap<String, String>,
    /// Every sample: its name and labels as they stand.
    pub(crate) samples: BTreeMap<String, f64>,
}

/// Asks a listener for something; all that comes back.
pub(crate) async fn attempt(address: &str, method: &str, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Asks a listener for something; the status line and the body.
pub(crate) async fn ask(address: &str, method: &str, path: &str) -> (String, String) {
    let answer = attempt(address, method, path).await.expect("it answers");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    (head.lines().next().unwrap_or_default().to_owned(), body.to_owned())
}

/// The page that a server tells; its address is in its log.
pub(crate) async fn of_server(log: &Path) -> Page {
    let (status, body) = ask(&address_in(log).expect("figures are told"), "GET", "/metrics").await;
    assert_eq!(status, "HTTP/1.1 200 OK");
    Page::parse(&body)
}

/// Where a server tells its figures, if it does.
pub(crate) fn address_in(log: &Path) -> Option<String> {
    let log = std::fs::read_to_string(log).expect("a log");
    let line = log.lines().rfind(|line| line.contains("METRICS_LISTENING"))?;
    let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
    line["address"].as_str().map(str::to_owned)
}

impl Page {
    /// OpenMetrics 1.0, as far as we write it.
    pub(crate) fn parse(text: &str) -> Self {
        let mut page = Self { text: text.to_owned(), ..Self::default() };
        let mut lines = text.lines();
        assert_eq!(lines.next_back(), Some("# EOF"), "the page is whole");
        for line in lines {
            if let Some(typed) = line.strip_prefix("# TYPE ") {
                let (name, kind) = typed.split_once(' ').expect("a name and a kind");
                let suffix = if kind == "counter" { "_total" } else { "" };
                assert_eq!(
                    page.kinds.insert(format!("{name}{suffix}"), kind.to_owned()),
                    None,
                    "{name} twice"
                );
            } else if !line.starts_with('#') {
                let (sample, value) = line.rsplit_once(' ').expect("a sample and its value");
                let value = value.parse().expect("a number");
                assert_eq!(page.samples.insert(sample.to_owned(), value), None, "{sample} twice");
            }
        }
        page
    }

    /// One sample.
    pub(crate) fn get(&self, sample: &str) -> f64 {
        self.samples.get(sample).copied().unwrap_or_default()
    }

    /// All samples of a name, added up.
    pub(crate) fn sum(&self, name: &str) -> f64 {
        let of_name = self.samples.iter().filter(|(sample, _)| sample.split('{').next() == Some(name));
        of_name.map(|(_, value)| value).sum()
    }

    /// The samples that have grown since another page, with by how much.
    pub(crate) fn grown(&self, before: &Self, name: &str) -> Vec<(String, f64)> {
        let grown = |(sample, now): (&String, &f64)| (sample.clone(), now - before.get(sample));
        self.samples
            .iter()
            .filter(|(sample, _)| sample.split('{').next() == Some(name))
            .map(grown)
            .filter(|(_, by)| *by > 0.0)
            .collect()
    }

    /// Every label: the sample's name, the label's and its value. None of ours holds what has to be escaped.
    pub(crate) fn labels(&self) -> Vec<(String, String, String)> {
        let mut labels = Vec::new();
        for sample in self.samples.keys() {
            let Some((name, rest)) = sample.split_once('{') else { continue };
            for pair in rest.trim_end_matches('}').split("\",") {
                let (label, value) = pair.split_once("=\"").expect("a label and its value");
                labels.push((name.to_owned(), label.to_owned(), value.trim_end_matches('"').to_owned()));
            }
        }
        labels
    }

    /// Values of labels that are no words of the program: neither in its source nor methods of its interface.
    pub(crate) fn strange(&self) -> Vec<String> {
        let mut known: BTreeSet<String> = sources("src")
            .iter()
            .flat_map(|source| source.strings.iter().map(|literal| literal.value.clone()))
            .collect();
        known.extend(Rules::ours().unwrap().iter().map(|rule| rule.method.clone()));
        known.insert(env!("CARGO_PKG_VERSION").to_owned());
        let is_strange = |(_, label, value): &(String, String, String)| {
            label != "le" && (!known.contains(value) || !value.is_ascii())
        };
        self.labels()
            .into_iter()
            .filter(is_strange)
            .map(|(name, label, value)| format!("{name} {label}={value:?}"))
            .collect()
    }
}

#[test]
fn a_label_that_is_no_word_of_the_program_is_found() {
    let page = Page::parse(
        "# TYPE qinlian_calls counter\nqinlian_calls_total{method=\"other\",code=\"OK\"} 1\n\
         qinlian_calls_total{method=\"hall-17\",code=\"OK\"} 2\n# EOF\n",
    );
    assert_eq!(page.strange(), ["qinlian_calls_total method=\"hall-17\""]);
}
