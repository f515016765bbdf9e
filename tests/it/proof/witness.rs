//! Witnesses: over HTTP and by file, with honest growth, forks, rollbacks and lost memories.

use std::path::Path;
use std::sync::Arc;

use qinlian::clock::MockClock;
use qinlian::ledger::anchor::Anchor;
use qinlian::ledger::cosig;
use qinlian::ledger::verify::{Options, verify};
use qinlian::tlog::{
    AddCheckpoint, Checkpoint, CosignatureKey, Edge, Hash, NodeId, Note, NoteSigner, Policy, assemble,
    consistency_nodes, leaf_hash,
};
use qinlian::witness::client::{Asked, Client, ClientOptions, WitnessAt};
use qinlian::witness::{Answer, Witness, WitnessOptions, drop as by_file, key, origin_hash, server};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::rig::{HALL, Rig, key_of, keys};
use super::toy::Toy;
use crate::support::store::{Fixture, each};

const PREFIX: &str = "/w";

/// A witness of the hall's log that remembers in `folder`.
fn witness(folder: &Path, clock: Arc<MockClock>) -> Witness {
    let path = folder.join("witness.key");
    if !path.exists() {
        key::generate("witness.example/w1", &path, &*clock).unwrap();
    }
    let cosigner = key::load(&path).unwrap();
    let state = folder.join("memory");
    Witness::open(WitnessOptions { cosigner, logs: vec![key_of("hall"), key_of("_")], state, clock }).unwrap()
}

/// A witness that listens.
struct Listening {
    at: WitnessAt,
    task: JoinHandle<()>,
    address: std::net::SocketAddr,
}

async fn listen(witness: Witness) -> Listening {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let at = WitnessAt { key: witness.cosigner().key().clone(), url: format!("http://{address}{PREFIX}") };
    let router = server::router(Arc::new(witness), PREFIX);
    let task = tokio::spawn(async move {
        server::serve(listener, router, std::future::pending()).await.unwrap();
    });
    Listening { at, task, address }
}

impl Listening {
    /// A raw call: status, content type, body.
    async fn call(&self, method: &str, path: &str, body: &str) -> (u16, String, String) {
        use http_body_util::{BodyExt, Full};
        use hyper::body::Bytes;
        let http = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new())
            .build_http::<Full<Bytes>>();
        let request = http::Request::builder()
            .method(method)
            .uri(format!("http://{}{PREFIX}{path}", self.address))
            .body(Full::new(Bytes::from(body.to_owned())))
            .unwrap();
        let response = http.request(request).await.unwrap();
        let status = response.status().as_u16();
        let kind = response.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, kind.unwrap_or_default(), String::from_utf8(bytes.to_vec()).unwrap())
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A log that the test makes up, signed with the hall's key: leaves from `salt_from` on are salted.
struct MadeUp {
    nodes: std::collections::HashMap<NodeId, Hash>,
    roots: Vec<Hash>,
}

impl MadeUp {
    fn new(size: u64, salt_from: u64) -> Self {
        let (mut edge, mut nodes) = (Edge::new(), std::collections::HashMap::new());
        let mut roots = vec![edge.root()];
        for n in 0..size {
            let leaf = if n < salt_from { format!("{n}") } else { format!("salted {n}") };
            edge.push(leaf_hash(leaf.as_bytes()), &mut |id, hash| {
                nodes.insert(id, hash);
            })
            .unwrap();
            roots.push(edge.root());
        }
        Self { nodes, roots }
    }

    fn request(&self, old: u64, size: u64) -> String {
        self.request_as(old, size, key_of("hall").name(), keys().log().clone())
    }

    fn request_as(&self, old: u64, size: u64, origin: &str, key: ed25519_dalek::SigningKey) -> String {
        let text = Checkpoint::new(origin, size, self.roots[usize::try_from(size).unwrap()]).to_text();
        let items = consistency_nodes(old.min(size), size).unwrap();
        let proof = assemble(&items, |node| self.nodes.get(&node).copied()).unwrap();
        let checkpoint = NoteSigner::ed25519(origin, key).unwrap().sign(&text).note(&text);
        AddCheckpoint { old_size: old, proof, checkpoint }.to_string()
    }
}

/// c2sp.org/tlog-witness, line by line.
#[tokio::test]
async fn every_status_of_the_specification_comes_over_http() {
    let folder = tempfile::tempdir().unwrap();
    let listening = listen(witness(folder.path(), crate::support::clock(3))).await;
    let (honest, forked) = (MadeUp::new(30, 30), MadeUp::new(30, 5));
    let stranger = ed25519_dalek::SigningKey::from_bytes(&[9; 32]);
    let hall = key_of("hall");
    let empty_proof = {
        let mut request = AddCheckpoint::parse(&honest.request(9, 15)).unwrap();
        request.proof.clear();
        request.to_string()
    };
    let monitor = format!("/{}/checkpoint", origin_hash(hall.name()));
    assert_eq!(listening.call("GET", &monitor, "").await.0, 404, "it never cosigned");
    let size = "text/x.tlog.size";
    for (case, body, status, kind, answer) in [
        ("not a request", "old one\n\n".to_owned(), 400, "", Some("")),
        ("an unknown log", honest.request_as(0, 5, "elsewhere", stranger.clone()), 404, "", Some("")),
        (
            "a log's name under a stranger's key",
            honest.request_as(0, 5, hall.name(), stranger),
            403,
            "",
            Some(""),
        ),
        ("old size beyond the checkpoint", honest.request(6, 5), 400, "", Some("")),
        ("the first time", honest.request(0, 5), 200, "text/plain; charset=utf-8", None),
        ("a client that knows nothing", honest.request(0, 9), 409, size, Some("5\n")),
        ("growth", honest.request(5, 9), 200, "text/plain; charset=utf-8", None),
        ("the same again", honest.request(9, 9), 200, "text/plain; charset=utf-8", None),
        ("a client that is behind", honest.request(5, 9), 409, size, Some("9\n")),
        ("a client that is ahead", honest.request(12, 15), 409, size, Some("9\n")),
        ("no proof", empty_proof, 422, "", Some("")),
        ("a fork", forked.request(9, 15), 422, "", Some("")),
        ("a fork at the same size", forked.request(9, 9), 422, "", Some("")),
        ("a rollback", honest.request(5, 7), 409, size, Some("9\n")),
        ("growth after all that", honest.request(9, 30), 200, "text/plain; charset=utf-8", None),
    ] {
        let (got, got_kind, got_body) = listening.call("POST", "/add-checkpoint", &body).await;
        assert_eq!((got, got_kind.as_str()), (status, kind), "{case}: {got_body}");
        match answer {
            Some(answer) => assert_eq!(got_body, answer, "{case}"),
            None => {
                let request = AddCheckpoint::parse(&body).unwrap();
                let text = Note::parse(&request.checkpoint).unwrap().unverified_text().to_owned();
                assert_eq!(cosig::verify(&got_body, &text, &listening.at.key).len(), 1, "{case}");
            }
        }
    }
    // The monitor's view: the log's signature and the witness's, of the newest.
    let (status, _, note) = listening.call("GET", &monitor, "").await;
    let note = Note::parse(&note).unwrap();
    assert_eq!(status, 200);
    assert_eq!(Checkpoint::parse(note.verify(&[hall]).unwrap()).unwrap().size, 30);
    assert!(listening.at.key.verify(&note).unwrap().is_some());
    assert_eq!(listening.call("GET", "/../witness.key/checkpoint", "").await.0, 404);
    // What the log signed against itself is kept: two forks, and the proof that was none.
    let evidence = folder.path().join("memory").join(origin_hash(key_of("hall").name())).join("evidence");
    assert_eq!(std::fs::read_dir(evidence).unwrap().count(), 3);
}

#[test]
fn a_witness_remembers_over_a_restart_and_refuses_to_guess() {
    let folder = tempfile::tempdir().unwrap();
    let clock = crate::support::clock(3);
    let honest = MadeUp::new(30, 30);
    let first = witness(folder.path(), clock.clone());
    assert!(matches!(first.add_checkpoint(&honest.request(0, 20)).unwrap(), Answer::Cosigned(_)));
    drop(first);
    let again = witness(folder.path(), clock.clone());
    assert_eq!(again.add_checkpoint(&honest.request(0, 10)).unwrap(), Answer::Conflict(20));
    let memory = folder.path().join("memory").join(origin_hash(key_of("hall").name())).join("checkpoint");
    let text = std::fs::read_to_string(&memory).unwrap();
    for spoiled in [text.replace("\n20\n", "\n10\n"), String::new()] {
        std::fs::write(&memory, spoiled).unwrap();
        assert!(
            again.add_checkpoint(&honest.request(0, 10)).is_err(),
            "a spoiled memory is not an empty one"
        );
    }
    std::fs::write(&memory, text).unwrap();
    assert!(matches!(again.add_checkpoint(&honest.request(20, 30)).unwrap(), Answer::Cosigned(_)));
}

/// The race of the specification: whoever loses must not roll the winner back.
#[test]
fn of_two_witness_processes_that_race_none_rolls_the_other_back() {
    let folder = tempfile::tempdir().unwrap();
    let clock = crate::support::clock(3);
    let honest = MadeUp::new(200, 200);
    let witnesses = [witness(folder.path(), clock.clone()), witness(folder.path(), clock)];
    std::thread::scope(|scope| {
        for (start, witness) in witnesses.iter().enumerate() {
            let honest = &honest;
            scope.spawn(move || {
                let mut old = 0;
                for size in (u64::try_from(start).unwrap() + 1..=200).step_by(2) {
                    // Each grows from wherever the other has got.
                    while old <= size {
                        match witness.add_checkpoint(&honest.request(old, size)).unwrap() {
                            Answer::Cosigned(_) => break,
                            Answer::Conflict(has) => {
                                assert!(has > old, "rolled back from {old} to {has}");
                                old = has;
                            }
                            Answer::Refused(status) => panic!("{status}"),
                        }
                    }
                }
            });
        }
    });
    let last = witnesses[0].checkpoint(&origin_hash(key_of("hall").name())).unwrap().unwrap();
    let note = Note::parse(&last).unwrap();
    assert_eq!(Checkpoint::parse(note.unverified_text()).unwrap().size, 200);
}

fn client(rig: &Rig<'_>, at: &WitnessAt) -> Client {
    let remembered = Anchor::open(&rig.fixture.dir().join("witnessed")).unwrap();
    let mut options = ClientOptions::new(vec![at.clone()]);
    options.timeout_ms = 5_000;
    Client::new(rig.ledger.reader().clone(), rig.clock.clone(), remembered, options)
}

async fn ask(client: &Client) -> Asked {
    let round = client.round().await;
    round.into_iter().find(|(origin, ..)| origin == key_of("hall").name()).unwrap().2
}

fn policy(witness: &CosignatureKey) -> Policy {
    Policy::parse(format!("witness w {}\nquorum w\n", witness.vkey())).unwrap()
}

#[tokio::test]
async fn honest_growth_is_cosigned_and_a_bundle_shows_it() {
    each(async |fixture| {
        let rig = Rig::new(fixture).await;
        let folder = tempfile::tempdir().unwrap();
        let listening = listen(witness(folder.path(), rig.clock.clone())).await;
        let client = client(&rig, &listening.at);
        rig.fill(7, 1).await;
        assert_eq!(ask(&client).await, Asked::Cosigned(7));
        assert_eq!(ask(&client).await, Asked::Fresh);
        rig.fill(300, 100).await;
        assert_eq!(ask(&client).await, Asked::Cosigned(307));
        rig.clock.advance_ms(700_000);
        assert_eq!(ask(&client).await, Asked::Cosigned(307), "an idle log is cosigned again");
        let key = listening.at.key.clone();
        let bundle = rig.bundle(None, std::slice::from_ref(&key)).await;
        let mut options = Options::new(vec![key_of("hall")]);
        options.policy = Some(policy(&key));
        let report = verify(&bundle, &options, &Toy);
        assert_eq!(report.first_bad, None);
        let newest = client.witnessed(key_of("hall").name(), &key).unwrap();
        assert_eq!((report.witnessed_until, newest.size), (Some(newest.at), 307));
        assert!(bundle.contains_key("checkpoints/7"), "every cosigned checkpoint is in the bundle");
        let report = rig.check_with(Some(client.remembered()), &[key]).await;
        assert!(report.verified(), "{:?}", report.findings);
        rig.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_client_that_forgot_is_told_where_the_witness_is_and_goes_on_from_there() {
    let fixture = Fixture::sqlite().await;
    let rig = Rig::new(&fixture).await;
    let folder = tempfile::tempdir().unwrap();
    let listening = listen(witness(folder.path(), rig.clock.clone())).await;
    rig.fill(5, 1).await;
    let before = client(&rig, &listening.at);
    assert_eq!(ask(&before).await, Asked::Cosigned(5));
    fixture.raw().await.execute("DELETE FROM ledger_cosig").await;
    std::fs::remove_file(fixture.dir().join("witnessed")).unwrap();
    rig.fill(3, 1).await;
    assert_eq!(ask(&client(&rig, &listening.at)).await, Asked::Cosigned(8));
    rig.stop().await;
    fixture.end().await;
}

#[tokio::test]
async fn a_log_that_went_back_or_was_forked_is_not_cosigned_and_an_unwitnessed_entry_becomes_an_alarm() {
    let fixture = Fixture::sqlite().await;
    let rig = Rig::new(&fixture).await;
    rig.fill(5, 1).await;
    for (case, shown, outcome) in [
        ("honest", MadeUp::new(0, 0), Asked::Cosigned(5)),
        ("another history at a smaller size", MadeUp::new(4, 0), Asked::Refused(422)),
        ("a larger tree was seen", MadeUp::new(9, 0), Asked::Ahead(9)),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let witness = witness(folder.path(), rig.clock.clone());
        let size = u64::try_from(shown.roots.len()).unwrap() - 1;
        if size > 0 {
            assert!(matches!(witness.add_checkpoint(&shown.request(0, size)).unwrap(), Answer::Cosigned(_)));
        }
        let listening = listen(witness).await;
        let asked = client(&rig, &listening.at);
        assert_eq!(ask(&asked).await, outcome, "{case}");
        fixture.raw().await.execute("DELETE FROM ledger_cosig").await;
        std::fs::remove_file(fixture.dir().join("witnessed")).unwrap();
    }
    // Nobody listens any more.
    let folder = tempfile::tempdir().unwrap();
    let gone = listen(witness(folder.path(), rig.clock.clone())).await;
    gone.task.abort();
    let at = WitnessAt { url: "http://127.0.0.1:1/".to_owned(), ..gone.at.clone() };
    let client = client(&rig, &at);
    assert_eq!(ask(&client).await, Asked::Unreachable);
    assert_eq!(client.gap_of(HALL, &at).await, None);
    rig.clock.advance_ms(16 * 60_000);
    assert!(client.gap_of(HALL, &at).await.is_some_and(|waiting_ms| waiting_ms > 15 * 60_000));
    rig.stop().await;
    fixture.end().await;
}

#[tokio::test]
async fn a_witness_without_a_network_cosigns_by_file() {
    each(async |fixture| {
        let rig = Rig::new(fixture).await;
        let reader = rig.ledger.reader();
        let folder = tempfile::tempdir().unwrap();
        let witness = witness(folder.path(), rig.clock.clone());
        let key = witness.cosigner().key().clone();
        let keys = [key.clone()];
        let hall = qinlian::kernel::CentreId::parse("hall").unwrap();
        let stick = folder.path().join("stick");
        for (more, size) in [(5, 5), (300, 305)] {
            rig.fill(more, 100).await;
            let request = by_file::request(reader, &hall, &key, &stick).await.unwrap();
            assert!(
                request.ends_with(format!("{}/{size}.add-checkpoint", origin_hash(key_of("hall").name())))
            );
            let signed = by_file::sign(&witness, &stick).unwrap();
            assert!(matches!(signed.as_slice(), [one] if matches!(one.answer, Answer::Cosigned(_))));
            assert_eq!(by_file::sign(&witness, &stick).unwrap(), [], "answered once");
            let imported = by_file::import(reader, &keys, &stick).await.unwrap();
            assert_eq!((imported.kept > 0, imported.refused.len()), (true, 0));
        }
        assert_eq!(cosig::newest(reader, HALL, 1, &key).await.unwrap().unwrap().0, 305);
        let mut options = Options::new(vec![key_of("hall")]);
        options.policy = Some(policy(&key));
        let report = verify(&rig.bundle(None, &keys).await, &options, &Toy);
        assert_eq!((report.first_bad, report.witnessed_until.is_some()), (None, true));
        rig.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_stick_that_was_lost_or_worked_on_is_noticed() {
    let fixture = Fixture::sqlite().await;
    let rig = Rig::new(&fixture).await;
    let reader = rig.ledger.reader();
    let folder = tempfile::tempdir().unwrap();
    let witness = witness(folder.path(), rig.clock.clone());
    let key = witness.cosigner().key().clone();
    let hall = qinlian::kernel::CentreId::parse("hall").unwrap();
    rig.fill(5, 1).await;
    let lost = folder.path().join("lost");
    by_file::request(reader, &hall, &key, &lost).await.unwrap();
    by_file::sign(&witness, &lost).unwrap();
    rig.fill(3, 1).await;
    // The log never saw the answer: the witness says where it is, and the next request goes on from there.
    let stick = folder.path().join("stick");
    by_file::request(reader, &hall, &key, &stick).await.unwrap();
    assert_eq!(by_file::sign(&witness, &stick).unwrap()[0].answer, Answer::Conflict(5));
    by_file::request(reader, &hall, &key, &stick).await.unwrap();
    let signed = by_file::sign(&witness, &stick).unwrap();
    assert!(matches!(signed[0].answer, Answer::Cosigned(_)));
    // One bit of the answer on the way back.
    let path = signed[0].request.with_extension("cosig");
    let good = std::fs::read(&path).unwrap();
    let mut bad = good.clone();
    let at = bad.len() - 10;
    bad[at] ^= 1;
    std::fs::write(&path, bad).unwrap();
    let imported = by_file::import(reader, std::slice::from_ref(&key), &stick).await.unwrap();
    assert_eq!((imported.kept, imported.refused), (0, vec![path.clone()]));
    std::fs::write(&path, good).unwrap();
    assert_eq!(by_file::import(reader, &[key], &stick).await.unwrap().kept, 1);
    rig.stop().await;
    fixture.end().await;
}
